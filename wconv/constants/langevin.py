"""What the one-step statements of the Langevin scheme ask of a policy: L_b, L_2, E|b|², E|b|⁴.

b_k = ∇r + γ∇P·V_k − βa. Suprema over the action are proved by ``regularity`` (with half the
oscillation of V_k, as Σ_s'∇P = 0) and attained at least as difference quotients between nodes;
moments are integrals over the policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.regularity import ROUNDING, regularity
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.measured import EPS, Bracket, Measured
from wconv.measures.densities import same_grid
from wconv.measures.divergences import expectation
from wconv.measures.spaces import Grid

Tables = tuple[Array, Array, float]
"""∇r (S, A, d), ∇P (S, A, S', d) and β, as ``wc.drift_tables`` returns them."""


@dataclass(frozen=True, eq=False)
class Drift:
    """b = ∇q − βa at the nodes for K values: ``slope`` = ∇q (K, S, A, d), off by at most ``error`` (K, S)."""

    slope: Array
    error: Array
    beta: float
    grid: Grid

    @cached_property
    def b(self) -> Array:
        """The drift itself, (K, S, A, d)."""
        return np.asarray(self.slope - self.beta * self.grid.nodes)

    def steepest(self) -> Measured:
        """max|∇q| over the nodes, (K, S)."""
        return self._largest(_norm(self.slope), 1.0)

    def quotient(self) -> Measured:
        """The largest |b(a) − b(a')|/|a − a'| of neighbours, (K, S): a lower bound of L_b.

        On a line no other pair of nodes has a larger one.
        """
        return self._quotients(order=1)

    def bend(self) -> Measured:
        """The largest second divided difference of b along an axis, (K, S): a lower bound of L_2."""
        return self._quotients(order=2)

    def outward(self) -> Measured:
        """max ⟨a, b⟩ + (β/2)|a|² over the nodes, (K, S)."""
        a = self.grid.nodes
        values = (self.b * a).sum(axis=-1) + 0.5 * self.beta * np.square(a).sum(axis=-1)
        return self._largest(values, float(_norm(a).max()))

    def growth(self) -> Measured:
        """max |b|² − 2β²|a|² over the nodes, (K, S)."""
        squares = np.square(self.b).sum(axis=-1)
        values = squares - 2 * self.beta**2 * np.square(self.grid.nodes).sum(axis=-1)
        return self._largest(values, 2 * np.sqrt(squares.max(axis=-1)) + self.error)

    def moment(self, policies: Sequence[Policy], power: int) -> Measured:
        """E|b_k|^power under π_k, the policy of the same index, (K, S)."""
        logs, size = np.stack([policy.logf for policy in policies]), _norm(self.b)
        found = expectation(logs, self.grid.log_weights, size**power)
        off = self.error[..., None]
        slack = power * off * (size + off) ** (power - 1)
        return found.with_error(
            "drift", expectation(logs, self.grid.log_weights, slack).value * (1 + 1e-9)
        )

    def _largest(self, values: Array, sensitivity: Array | float) -> Measured:
        """The maximum over nodes of what moves by ``sensitivity`` a unit of b."""
        return Measured.of(values.max(axis=-1), drift=sensitivity * self.error)

    def _quotients(self, order: int) -> Measured:
        """The largest divided difference of b of an order along any axis, times order!."""
        first = self.b.ndim - 2
        field = self.b.reshape(*self.b.shape[:2], *self.grid.shape, self.grid.dim)
        found = []
        for axis, h in enumerate(self.grid.spacing, start=first):
            steps = field
            for _ in range(order):
                ahead = np.roll(steps, -1, axis) - steps
                steps = ahead if self.grid.periodic else np.diff(steps, axis=axis)
            nodes = tuple(range(first, first + self.grid.dim))
            found.append(_norm(steps).max(axis=nodes) / h**order)
        h = min(self.grid.spacing)
        return Measured.of(np.max(found, axis=0), drift=2**order * self.error / h**order)


def _norm(field: Array) -> Array:
    """|x| along the last axis."""
    return np.asarray(np.sqrt(np.square(field).sum(axis=-1)))


def drift(mdp: MDP, tables: Tables, values: Measured) -> Drift:
    """The drift of K values V_k (K, S) from the tables of a problem.

    Raises:
        InputError: values of another shape.

    """
    r, P, beta = tables
    V = values.value
    if V.ndim != 2 or V.shape[1] != mdp.n_states:
        require.fail("values", "have shape (times, states)", V.shape, "give V along a path")
    middle = V - V.mean(axis=-1, keepdims=True)  # Σ_s'∇P = 0
    slope = r + mdp.gamma * np.einsum("satd,kt->ksad", P, middle)
    size = np.abs(r).max(axis=(1, 2)) + beta * float(np.abs(mdp.grid.nodes).max(initial=0.0))
    steep = mdp.gamma * np.abs(P).sum(axis=2).max(axis=(1, 2))
    reach = np.abs(middle).max(axis=-1)[:, None]
    off = values.error.max(axis=-1)[:, None] + EPS * np.abs(V).max(axis=-1)[:, None]
    error = np.sqrt(mdp.grid.dim) * (ROUNDING * (size + steep * reach) + steep * off)
    return Drift(slope, error, beta, mdp.grid)


def half_oscillation(values: Measured) -> Measured:
    """v = (max V − min V)/2 of every row, (K, 1): what serves for sup|V| in L_b and G."""
    V = values.value
    half = (V.max(axis=-1, keepdims=True) - V.min(axis=-1, keepdims=True)) / 2
    return Measured.of(half, evaluation=values.error.max(axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class StepConstants:
    """What bounds one Langevin step from each of K policies, in every state (K, S).

    ``L_b`` and ``L_2``, the Lipschitz constants of b_k and ∇b_k: difference quotients below, proved
    suprema above. ``second`` = E|b_k|² and ``fourth`` = E|b_k|⁴ under π_k.
    """

    L_b: Bracket
    L_2: Bracket
    second: Measured
    fourth: Measured


def step_constants(
    mdp: MDP, tables: Tables, policies: Sequence[Policy], values: Measured
) -> StepConstants:
    """The constants of b_k = ∇r + γ∇P·V_k − βa and π_k.

    L_b = β + L_r + γL_p v_k and L_2 = H_r + γH_p v_k with v_k = osc(V_k)/2, state by state.

    Args:
        mdp: the problem, with ``mdp.smooth``.
        tables: ``wc.drift_tables(mdp)``.
        policies: K policies π_k on its nodes.
        values: V_k (K, S) with errors.

    Raises:
        InputError: see ``drift`` and ``regularity``; other nodes, another number of policies.

    """
    require.shape("policies", policies, values.value.shape[:1], "one a value")
    for policy, other in pairwise(policies):
        same_grid(policy, other)
    found, b = regularity(mdp), drift(mdp, tables, values)
    reach = mdp.gamma * half_oscillation(values).upper

    def bracket(quotient: Measured, of_r: Bracket, of_p: Bracket, extra: float) -> Bracket:
        # Infinity (a jump of P) does not matter where values do not.
        coupled = np.where(reach > 0, of_p.upper, 0.0) * reach
        upper = (extra + of_r.upper + coupled) * (1 + 8 * EPS)
        below = np.maximum(quotient.lower, 0.0)
        return Bracket(below, upper, "difference quotients", of_r.how_upper)

    return StepConstants(
        bracket(b.quotient(), found.L_r, found.L_p, found.beta),
        bracket(b.bend(), found.H_r, found.H_p, 0.0),
        b.moment(policies, 2),
        b.moment(policies, 4),
    )


def action_moment(policies: Sequence[Policy]) -> Measured:
    """E|a|² of K policies in every state, (K, S)."""
    grid, logs = policies[0].grid, np.stack([policy.logf for policy in policies])
    squares = np.square(grid.nodes).sum(axis=-1)
    return expectation(logs, grid.log_weights, np.broadcast_to(squares, logs.shape))
