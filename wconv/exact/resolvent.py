"""The linear system of one policy, (I − γP_π)V = r_π − τKL, in extended precision.

float64 solvers propose, extended-precision residuals certify. Up to ``linear.MAX_STATES`` states the
matrix is formed once in extended precision, and iterative refinement then costs S² a step; beyond,
P_π acts through P.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateValue
from wconv.exact import linear
from wconv.exact.certificate import contraction_gap
from wconv.mdp.factored import Factored, column_length, row_length
from wconv.mdp.model import MDP, numbers
from wconv.mdp.policy import Policy
from wconv.measured import EXTENDED, unit_roundoff
from wconv.measures.densities import extended_density


def resolvent_solve(mdp: MDP, P_pi: Any, rhs: Array, *, left: bool = False) -> Array:
    """x = (I − γP_π)^{-1}rhs, or the row vector rhs(I − γP_π)^{-1} with ``left``, in float64.

    For P_π (S, S), dense or sparse, and rhs (S,) of numbers; LU, or beyond ``linear.MAX_STATES``
    states what ``linear.factor`` chooses, refined. Raises InputError for other shapes, and
    SolverError when an iteration does not converge.
    """
    s, right_hand = mdp.n_states, numbers("rhs", rhs)
    kernel = P_pi.tocsr() if hasattr(P_pi, "tocsr") else numbers("P_pi", P_pi)
    require.shape("P_pi", kernel, (s, s), "(states, next states)")
    require.shape("rhs", right_hand, (s,), "(states,)")
    factors = linear.factor(mdp, kernel)
    x, _ = refine(
        factors.solve(right_hand, left=left),
        residual=lambda x: right_hand - x + mdp.gamma * (x @ kernel if left else kernel @ x),
        correct=lambda residual: factors.solve(residual, left=left),
        size=lambda residual: float(np.abs(residual).max()),
        floor=0.0,
    )
    return x


@dataclass(frozen=True, eq=False)
class ActingKernel:
    """Σ_a w(s, a)P(s'|s, a) by its products with vectors, in their precision, never formed."""

    mdp: MDP
    weights: ActionValue

    __array_ufunc__ = None  # NumPy must hand d @ kernel over to the reflected product

    def __matmul__(self, V: StateValue) -> StateValue:
        return np.asarray((self.weights * self.mdp.next_value(V)).sum(axis=-1))

    def __rmatmul__(self, d: StateValue) -> StateValue:
        return self.mdp.arrivals(d[:, None] * self.weights)


def extended_kernel(mdp: MDP, weights: ActionValue) -> Any:
    """Σ_a w(s, a)P(s'|s, a), shape (S, S), in the (real or complex) precision of the weights.

    A dense matrix up to ``linear.MAX_STATES`` states, beyond an ``ActingKernel``.
    """
    if mdp.n_states > linear.MAX_STATES:
        return ActingKernel(mdp, weights)
    if isinstance(mdp.P, np.ndarray):
        return np.asarray(np.einsum("sa,saz->sz", weights, mdp.P))
    return mdp.state_kernel(weights)


def policy_kernel(mdp: MDP, policy: Policy) -> Any:
    """P_π of the normalised policy in float64, shape (S, S): sparse beyond ``linear.MAX_STATES``."""
    pi, _ = extended_density(policy)
    if mdp.n_states <= linear.MAX_STATES:
        return extended_kernel(mdp, pi).astype(float)
    kernel = mdp.state_mixture(pi.astype(float))
    return kernel.tocsr() if isinstance(kernel, Factored) else kernel


@dataclass(frozen=True, eq=False)
class PolicySystem:
    """V = reward + γ·kernel·V of one policy, in extended precision, with bounds.

    ``reward`` is Σπ(r − τ log f), ``gap`` a lower bound on 1 − γ‖P_π‖, ``size`` the largest
    Σπ(|r| + τ(1 + |log f|)) and ``depth`` (``left_depth``) the longest chain of roundings in products
    with vectors from the right (left), in units of ``u``.
    """

    mdp: MDP
    pi: ActionValue
    logs: ActionValue
    reward: StateValue
    kernel: Any
    factors: linear.Factors
    gap: float
    size: float
    depth: int
    left_depth: int
    u: float

    def correct(self, residual: Array, *, left: bool = False) -> Array:
        """The float64 correction (I − γP_π)^{-1}residual (or from the left)."""
        return self.factors.solve(residual, left=left)


def policy_system(mdp: MDP, policy: Policy) -> PolicySystem:
    """Form and factor the linear system of a policy.

    Raises InputError when shapes disagree, log f is NaN or +inf, or the mass of the policy is not
    one up to rounding.
    """
    require.shape("policy", policy.logf, mdp.r.shape, "(states, actions)")
    logf = np.where(policy.logf > -np.inf, policy.logf, 0.0)
    require.finite("log f", logf, "KL(policy|reference) must be finite: give a density")
    pi, logs = extended_density(policy)
    kernel = extended_kernel(mdp, pi)
    acts = isinstance(kernel, ActingKernel)
    return PolicySystem(
        mdp=mdp,
        pi=pi,
        logs=logs,
        reward=np.asarray((pi * (mdp.r - mdp.tau * logs)).sum(axis=-1)),
        kernel=kernel,
        factors=linear.factor(mdp, mdp.state_mixture(pi.astype(float)) if acts else kernel),
        gap=contraction_gap(mdp, float(pi.sum(axis=-1).max())),
        size=float((pi * (np.abs(mdp.r) + mdp.tau * (1.0 + np.abs(logs)))).sum(axis=-1).max()),
        depth=(row_length(mdp.P) if acts else mdp.n_states) + mdp.n_actions + 16,
        left_depth=(column_length(mdp.P) if acts else mdp.n_states) + mdp.n_actions + 16,
        u=unit_roundoff(EXTENDED),
    )


def refine(
    x: Array,
    *,
    residual: Callable[[Array], Array],
    correct: Callable[[Array], Any],
    size: Callable[[Array], float],
    floor: float,
) -> tuple[Array, float]:
    """x ← x + correct(residual(x)) until the size of the residual is at the floor or stops halving.

    Returns x and the size of its residual.
    """
    res = residual(x)
    now = size(res)
    while now > floor:
        trial = x + correct(res)
        res = residual(trial)
        after = size(res)
        if not after < now / 2:
            break
        x, now = trial, after
    return x, now
