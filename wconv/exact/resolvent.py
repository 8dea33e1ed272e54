"""The linear system of one policy, (I − γP_π)V = r_π − τKL, in extended precision, and its LU.

float64 factors propose, extended-precision residuals certify: the matrix and the right-hand side
are formed once in extended precision, and iterative refinement then costs S² a step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateKernel, StateValue
from wconv.exact.bellman import log_density, masses
from wconv.exact.certificate import contraction_gap, unit_roundoff
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy

MAX_STATES: Final = 2000
"""Largest dense system: beyond it S³ operations and S² numbers stop being cheap."""

EXTENDED: Final = np.dtype(np.longdouble)
"""80 bits or more where the platform has them; the bounds ask NumPy for its precision."""

Factors = tuple[Array, Array]


def factor(mdp: MDP, P_pi: StateKernel) -> Factors:
    """LU factors of I − γP_π in float64.

    Raises InputError above ``MAX_STATES`` states and for a P_π of another shape.
    """
    s = mdp.n_states
    if s > MAX_STATES:
        require.fail(
            "states",
            f"be at most {MAX_STATES} for a direct solve",
            s,
            "lower the discount so that sweeps suffice; larger systems are not supported yet",
        )
    require.shape("P_pi", P_pi, (s, s), "(states, next states)")
    lu, pivots = lu_factor(np.eye(s) - mdp.gamma * np.asarray(P_pi, dtype=float))
    return lu, pivots


def resolvent_solve(mdp: MDP, P_pi: StateKernel, rhs: Array, *, left: bool = False) -> Array:
    """x = (I − γP_π)^{-1}rhs, or the row vector rhs(I − γP_π)^{-1} with ``left``, in float64.

    ``rhs`` is (S,) or, without ``left``, (S, k). Raises InputError for wrong shapes and above
    ``MAX_STATES`` states.
    """
    right_hand = np.asarray(rhs, dtype=float)
    columns = right_hand.shape[1:] if not left and right_hand.ndim == 2 else ()
    require.shape("rhs", right_hand, (mdp.n_states, *columns), "(states,)")
    return np.asarray(lu_solve(factor(mdp, P_pi), right_hand, trans=int(left)))


def extended_kernel(mdp: MDP, weights: ActionValue) -> StateKernel:
    """Σ_a w(s, a)P(s'|s, a), shape (S, S), in the (real or complex) precision of the weights."""
    if isinstance(mdp.P, np.ndarray):
        return np.einsum("sa,saz->sz", weights, mdp.P)
    return mdp.state_kernel(weights)


@dataclass(frozen=True, eq=False)
class PolicySystem:
    """V = reward + γ·kernel·V of one policy, in extended precision, with bounds.

    ``reward`` is Σπ(r − τ log f), ``gap`` a lower bound on 1 − γ‖P_π‖, ``size`` the largest
    Σπ(|r| + τ|log f|) and ``depth`` the longest chain of roundings, in units of ``u``.
    """

    mdp: MDP
    pi: ActionValue
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
        return np.asarray(lu_solve(self.factors, residual.astype(float), trans=int(left)))


def policy_system(mdp: MDP, policy: Policy) -> PolicySystem:
    """Form and factor the linear system of a policy.

    Raises InputError when shapes disagree, log f is NaN or +inf, the mass of the policy is so far
    above one that γP_π does not contract, or there are more than ``MAX_STATES`` states.
    """
    require.shape("policy", policy.logf, mdp.r.shape, "(states, actions)")
    logs = log_density(policy)
    require.finite("log f", logs, "KL(policy|reference) must be finite: give a density")
    pi = masses(policy, EXTENDED)
    kernel = extended_kernel(mdp, pi)
    factors = factor(mdp, kernel)
    return PolicySystem(
        mdp=mdp,
        pi=pi,
        reward=np.asarray((pi * (mdp.r - mdp.tau * logs.astype(EXTENDED))).sum(axis=-1)),
        kernel=kernel,
        factors=factors,
        gap=contraction_gap(mdp, float(pi.sum(axis=-1).max())),
        size=float((pi * (np.abs(mdp.r) + mdp.tau * np.abs(logs))).sum(axis=-1).max()),
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
