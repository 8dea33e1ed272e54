"""The linear system of one policy, (I − γP_π)V = r_π − τKL, in extended precision, and its LU.

float64 factors propose, extended-precision residuals certify: the matrix and the right-hand side
are formed once in extended precision, and iterative refinement then costs S² a step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateKernel, StateValue
from wconv.exact.certificate import contraction_gap
from wconv.mdp.model import MDP, numbers
from wconv.mdp.policy import Policy
from wconv.measured import EXTENDED, unit_roundoff
from wconv.measures.densities import extended_density

MAX_STATES: Final = 2000
"""Largest dense system: beyond it S³ operations and S² numbers stop being cheap."""

Factors = tuple[NDArray[np.float64], NDArray[np.int32]]


def require_direct(mdp: MDP) -> None:
    """Require at most ``MAX_STATES`` states; InputError otherwise."""
    if mdp.n_states > MAX_STATES:
        require.fail(
            "states",
            f"be at most {MAX_STATES} for a direct solve",
            mdp.n_states,
            "larger systems are not supported yet; only fast-mixing ones are solved by sweeps",
        )


def factor(mdp: MDP, P_pi: StateKernel) -> Factors:
    """LU factors of I − γP_π in float64."""
    matrix = np.eye(mdp.n_states) - mdp.gamma * P_pi.astype(float)
    lu, pivots = lu_factor(matrix, overwrite_a=True, check_finite=False)
    return lu, pivots.astype(np.int32, copy=False)


def apply_factors(factors: Factors, rhs: Array, *, left: bool = False) -> Array:
    """(I − γP_π)^{-1}rhs, or rhs(I − γP_π)^{-1} with ``left``, in float64."""
    return np.asarray(
        lu_solve(factors, rhs.astype(float), trans=1 if left else 0, check_finite=False)
    )


def resolvent_solve(mdp: MDP, P_pi: StateKernel, rhs: Array, *, left: bool = False) -> Array:
    """x = (I − γP_π)^{-1}rhs, or the row vector rhs(I − γP_π)^{-1} with ``left``, in float64.

    One LU factorisation; P_π (S, S) and rhs (S,) of numbers. Raises InputError for other shapes and
    above ``MAX_STATES`` states.
    """
    require_direct(mdp)
    s, kernel, right_hand = mdp.n_states, numbers("P_pi", P_pi), numbers("rhs", rhs)
    require.shape("P_pi", kernel, (s, s), "(states, next states)")
    require.shape("rhs", right_hand, (s,), "(states,)")
    return apply_factors(factor(mdp, kernel), right_hand, left=left)


def extended_kernel(mdp: MDP, weights: ActionValue) -> StateKernel:
    """Σ_a w(s, a)P(s'|s, a), shape (S, S), in the (real or complex) precision of the weights."""
    if isinstance(mdp.P, np.ndarray):
        return np.asarray(np.einsum("sa,saz->sz", weights, mdp.P))
    return mdp.state_kernel(weights)


@dataclass(frozen=True, eq=False)
class PolicySystem:
    """V = reward + γ·kernel·V of one policy, in extended precision, with bounds.

    ``reward`` is Σπ(r − τ log f), ``gap`` a lower bound on 1 − γ‖P_π‖, ``size`` the largest
    Σπ(|r| + τ(1 + |log f|)) and ``depth`` the longest chain of roundings, in units of ``u``.
    """

    mdp: MDP
    pi: ActionValue
    logs: ActionValue
    reward: StateValue
    kernel: StateKernel
    factors: Factors
    gap: float
    size: float
    depth: int
    u: float

    @property
    def P_pi(self) -> StateKernel:
        """The kernel rounded to float64."""
        return self.kernel.astype(float)

    def correct(self, residual: Array, *, left: bool = False) -> Array:
        """The float64 correction (I − γP_π)^{-1}residual (or from the left)."""
        return apply_factors(self.factors, residual, left=left)


def policy_system(mdp: MDP, policy: Policy) -> PolicySystem:
    """Form and factor the linear system of a policy.

    Raises InputError when shapes disagree, log f is NaN or +inf, the mass of the policy is not one
    up to rounding, or there are more than ``MAX_STATES`` states.
    """
    require_direct(mdp)
    require.shape("policy", policy.logf, mdp.r.shape, "(states, actions)")
    logf = np.where(policy.logf > -np.inf, policy.logf, 0.0)
    require.finite("log f", logf, "KL(policy|reference) must be finite: give a density")
    pi, logs = extended_density(policy)
    kernel = extended_kernel(mdp, pi)
    factors = factor(mdp, kernel)
    return PolicySystem(
        mdp=mdp,
        pi=pi,
        logs=logs,
        reward=np.asarray((pi * (mdp.r - mdp.tau * logs)).sum(axis=-1)),
        kernel=kernel,
        factors=factors,
        gap=contraction_gap(mdp, float(pi.sum(axis=-1).max())),
        size=float((pi * (np.abs(mdp.r) + mdp.tau * (1.0 + np.abs(logs)))).sum(axis=-1).max()),
        depth=mdp.n_states + mdp.n_actions + 16,
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
