"""Spectral collocation: V of a continuous problem as a polynomial in the state.

V = Σ_j v_jφ_j with Chebyshev polynomials on intervals, waves on circles and their products satisfies
V = TV at n nodes an axis: soft Newton on n numbers. Where V is analytic the error falls geometrically in n,
while the grid of ``discretise`` has order h⁴. The price: the weights E[φ_j(x')] are signed, so that neither
monotonicity nor contraction holds and the residual at the nodes, which Newton makes vanish, says nothing.
Only the residual of the true problem between them does: ``Collocation.error`` is that of ``off_grid``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.polynomial import chebyshev

from wconv import _require as require
from wconv._axes import Array
from wconv.exact.off_grid import (
    ENTRIES,
    ActionRule,
    ContinuumError,
    Direction,
    StateFunction,
    action_rule,
    contract,
    sampled_error,
    soft_backup,
)
from wconv.mdp.continuous import ContinuousMDP, continuous
from wconv.mdp.state_grid import nodes_an_axis
from wconv.mdp.tabulate import continuous_tables
from wconv.measured import EPS
from wconv.measures.spaces import FiniteSet, Torus
from wconv.outcomes import Outcome, SolverError

MAX_NODES: Final = 4000
"""Largest dense system."""

MAX_STEPS: Final = 50

NARROWEST: Final = 1 / 5000
"""Smallest noise in units of an axis: some 3 L/σ waves meet 8 L/σ points, a minute at this."""

NODAL: Final = 64.0 * EPS
"""Newton ends when the residual at the nodes is this, relative to max|Q| + τ."""


@dataclass(frozen=True, eq=False)
class Collocation:
    """V with V = TV at the nodes; ``error`` bounds |V − V*| from samples between them.

    ``history`` holds sup|TV − V| at the nodes before every Newton step.
    """

    problem: ContinuousMDP
    value: StateFunction
    error: ContinuumError
    outcome: Outcome
    history: tuple[float, ...]

    def __call__(self, x: Any) -> Array:
        """V(x) of points x (..., k), shape (...). Raises InputError for points outside the states."""
        return self.value(x)

    def log_density(self, x: Any, actions: Any) -> Array:
        """log dπ/dμ of the Gibbs policy of V, (P, A), at x (P, k) and actions (A, d).

        Raises InputError for points outside the states or actions of another shape.
        """
        return self.error.log_density(x, actions)

    def __repr__(self) -> str:
        nodes = " x ".join(str(n) for n in self.value.table.shape)
        return f"Collocation({nodes} nodes, {len(self.history)} steps, {self.error!r})"


def solve_collocation(
    problem: ContinuousMDP,
    *,
    states: int | Sequence[int],
    actions: int,
    tol: float = 1e-6,
    points: int = 512,
    seed: int = 0,
    throw: bool = True,
) -> Collocation:
    """V* of a continuous problem by Chebyshev and Fourier collocation, with a sampled bound of its error.

    (TV)(x_i) = V(x_i) at the nodes; exact expectations of reflected or wrapped Gaussian noise, actions by
    Gauss-Legendre on intervals and boxes (by the grid of the space elsewhere).

    Args:
        problem: with one axis or more; that of an MDP made by ``discretise`` is ``mdp.smooth.continuous``.
        states: nodes an axis, one number or one for each axis.
        actions: nodes an axis of the actions; the error repeats the sum with twice as many.
        tol: the largest sampled bound sup|TV − V|/(1 − γ) + … accepted.
        points: samples of the residual.
        seed: shifts the sample.
        throw: raise when the tolerance is missed, instead of telling it in ``outcome``.

    Raises:
        InputError: for a problem that is not continuous, fewer than two nodes an axis, more than 4000 in
            all, fewer than 16 points, γ outside [0, 1), τ ≤ 0, noise below 1/5000 of its axis that is not
            zero, and dynamics or rewards of a wrong shape or outside the states.
        SolverError: MAX_STEPS, NOT_FINITE or UNRESOLVED when Newton fails; UNRESOLVED with the terms of
            the error when its bound is above ``tol`` and ``throw``.

    Source: Judd, Projection methods for solving aggregate growth models (1992).

    """
    least = require.positive("tol", tol, "ask for a positive error")
    require.within("discount", continuous(problem).discount, 0.0, 1.0, "later rewards must fade")
    require.positive("temperature", problem.temperature, "the theory needs entropy; take it small")
    n_actions = require.count("actions", actions, 1)
    directions = _directions(problem, states)
    finite = isinstance(problem.actions, FiniteSet)
    rule = action_rule(problem.actions, n_actions)
    value, history = _newton(problem, directions, rule)
    finer = rule if finite else action_rule(problem.actions, 2 * n_actions)
    error = sampled_error(problem, value, rule, finer, points, seed)
    outcome = Outcome.CONVERGED if error.bound <= least else Outcome.UNRESOLVED
    if throw and not outcome.ok:
        term = "states" if error.states >= error.actions else "actions"
        raise SolverError(outcome, f"asked for {least:.2g}, got {error!r}: take more {term}")
    return Collocation(problem, value, error, outcome, history)


def _newton(
    problem: ContinuousMDP, directions: tuple[Direction, ...], rule: ActionRule
) -> tuple[StateFunction, tuple[float, ...]]:
    """The nodal values with TV = V at the nodes."""
    shape = tuple(len(d.nodes) for d in directions)
    mesh = np.meshgrid(*(d.nodes for d in directions), indexing="ij")
    x = np.stack(mesh, axis=-1).reshape(-1, len(directions))
    r, f = continuous_tables(problem, x[:, None], rule.nodes[None])
    factors = [_expectations(d, f[..., k].ravel()) for k, d in enumerate(directions)]
    v, history = np.zeros(len(x)), list[float]()
    with np.errstate(over="ignore", invalid="ignore"):
        while len(history) < MAX_STEPS:
            Q = r + problem.discount * contract(v.reshape(shape), factors).reshape(r.shape)
            Tv, masses = soft_backup(Q, rule, problem.temperature)
            history.append(float(np.abs(Tv - v).max()))
            if not np.isfinite(history[-1]):
                raise SolverError(Outcome.NOT_FINITE, f"collocation, {len(history)} Newton steps")
            if history[-1] <= NODAL * (float(np.abs(Q).max()) + problem.temperature):
                return StateFunction(directions, v.reshape(shape)), tuple(history)
            v = v + _step(problem.discount, masses, factors, Tv - v)
    detail = f"collocation at {len(x)} nodes, residual {history[-1]:.2g}: take other nodes"
    raise SolverError(Outcome.MAX_STEPS, detail)


def _step(gamma: float, masses: Array, factors: Sequence[Array], residual: Array) -> Array:
    """(I − γP_π)^{-1}(Tv − v); row x of P_π is Σ_a π(a|x)⊗_k E[φ(x_k')]."""
    s, a = masses.shape
    left = masses[..., None]
    *others, last = (factor.reshape(s, a, -1) for factor in factors)
    for factor in others:
        left = (left[..., :, None] * factor[..., None, :]).reshape(s, a, -1)
    kernel = np.matmul(left.transpose(0, 2, 1), last).reshape(s, -1)
    try:
        return np.linalg.solve(np.eye(s) - gamma * kernel, residual)
    except np.linalg.LinAlgError:
        detail = f"collocation at {s} nodes has a singular Newton system: take other nodes"
        raise SolverError(Outcome.UNRESOLVED, detail) from None


def _expectations(direction: Direction, means: Array) -> Array:
    """E[φ_j(fold(m + σξ))], (M, n), of means (M,)."""
    table = direction.analysis(np.eye(len(direction.nodes)))
    rows = max(1, ENTRIES // len(table))
    blocks = [means[i : i + rows] for i in range(0, len(means), rows)]
    return np.concatenate([direction.lift(m) @ table for m in blocks])


def _directions(problem: ContinuousMDP, states: int | Sequence[int]) -> tuple[Direction, ...]:
    spaces = problem.axes
    counts = nodes_an_axis(states, len(spaces), 2)
    if np.prod(counts) > MAX_NODES:
        require.fail("states", f"be at most {MAX_NODES} in all", counts, "use wc.discretise")
    for k, (space, sigma) in enumerate(zip(spaces, problem.deviations, strict=True)):
        length = space.length if isinstance(space, Torus) else space.high - space.low
        if 0 < sigma < NARROWEST * length:
            need = f"be zero or at least {NARROWEST * length:.3g} on axis {k}"
            require.fail("noise", need, sigma, "drop it there, or use wc.discretise")
    return tuple(
        _fourier(space.length, n, sigma)
        if isinstance(space, Torus)
        else _chebyshev(space.low, space.high, n, sigma)
        for space, n, sigma in zip(spaces, counts, problem.deviations, strict=True)
    )


def _chebyshev(low: float, high: float, n: int, noise: float) -> Direction:
    """Polynomials of degree n − 1, cardinal at the extrema of the last of Chebyshev's."""
    z = chebyshev.chebpts2(n)
    inverse = np.linalg.inv(chebyshev.chebvander(z, n - 1))
    middle, half = (low + high) / 2, (high - low) / 2

    def polynomials(x: Array) -> Array:
        return chebyshev.chebvander((x - middle) / half, n - 1)

    return Direction(
        low, high - low, False, noise, middle + half * z, _interpolation(polynomials, inverse)
    )


def _fourier(length: float, n: int, noise: float) -> Direction:
    """Waves of frequency up to n/2, cardinal at n equal steps; for even n the last one has no sine."""
    nodes = length / n * np.arange(n)
    omega = 2 * np.pi / length * np.arange(n // 2 + 1)

    def waves(x: Array) -> Array:
        phase = np.multiply.outer(x, omega)
        return np.concatenate([np.cos(phase), np.sin(phase[:, 1 : (n + 1) // 2])], axis=1)

    inverse = np.linalg.inv(waves(nodes))
    return Direction(0.0, length, True, noise, nodes, _interpolation(waves, inverse))


def _interpolation(
    functions: Callable[[Array], Array], inverse: Array
) -> Callable[[Array], Callable[[Array], Array]]:
    """From values at nodes to Σ_j c_jg_j, g (P, n) and c = G^{-1}v with ``inverse`` G^{-1}."""

    def interpolate(table: Array) -> Callable[[Array], Array]:
        coefficients = np.tensordot(inverse, table, axes=1)
        return lambda x: np.tensordot(functions(x), coefficients, axes=1)

    return interpolate
