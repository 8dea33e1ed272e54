"""The certified soft solver: value iteration while it is fast, then Newton, then extended precision.

Newton's method on V = TV is soft policy iteration; written as a correction
V += (I − γP_π)^{-1}(TV − V), π the Gibbs policy of V, it refines itself.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from scipy.linalg import lu_solve

from wconv import _require as require
from wconv._axes import ActionValue, StateKernel, StateValue
from wconv.exact.bellman import optimality, q_from_v, soft_maximum
from wconv.exact.certificate import TwoSided, contraction_gap, macqueen
from wconv.exact.occupancy import discounted_occupancy
from wconv.exact.resolvent import EXTENDED, Factors, factor
from wconv.exact.stationary import stationary
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, gibbs
from wconv.measured import EPS, Measured
from wconv.outcomes import Outcome, SolverError

FAST_SWEEP: Final = 0.1
"""Sweeps go on while each cuts the half-width to this: then they are cheaper than linear solves."""

History = tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Solution:
    """V* with |V − V*| ≤ error in every state; ``history`` is (phase, half-width) of every step."""

    mdp: MDP
    V: StateValue
    error: StateValue
    outcome: Outcome
    history: History

    @property
    def measured(self) -> Measured:
        """V* with its certified error, shape (S,)."""
        return Measured.of(self.V, "soft Newton", solution=self.error)

    @cached_property
    def Q(self) -> ActionValue:
        """Q = r + γPV, shape (S, A)."""
        return q_from_v(self.mdp, self.V)

    @cached_property
    def policy(self) -> Policy:
        """The Gibbs policy of V."""
        return gibbs(self.mdp, self.Q)

    @cached_property
    def P_pi(self) -> StateKernel:
        """State kernel of the Gibbs policy, (S, S)."""
        return self.mdp.state_kernel(self.policy.pi)

    @cached_property
    def nu(self) -> Measured:
        """The stationary law of ``P_pi``; InputError when it has several recurrent classes."""
        return stationary(self.P_pi)

    @cached_property
    def occupancy(self) -> Measured:
        """Discounted occupancy of the Gibbs policy from the problem's initial distribution."""
        return discounted_occupancy(self.mdp, self.policy)

    @property
    def policy_loss(self) -> float:
        """A bound on V* − V^π for the exact Gibbs policy π of V, with ε = max error.

        V* − V^π = (I − γP_π)^{-1}τKL(π‖p_{V*}), and log(π/p_{V*}) varies by at most 2γε/τ in a
        state: KL ≤ (γε/τ)²/2 by Hoeffding's lemma, and KL ≤ 2γε/τ.
        """
        gap = contraction_gap(self.mdp)
        moved = self.mdp.contraction * float(self.error.max())
        return min(2.0 * moved, moved**2 / (2.0 * self.mdp.tau)) / gap


@dataclass(eq=False)
class _Search:
    """The state of one solve."""

    mdp: MDP
    tol: float
    max_steps: int
    V: StateValue
    factors: Factors | None = None
    history: list[tuple[str, float]] = field(default_factory=list)
    best: TwoSided | None = None

    def certify(self, phase: str, TV: StateValue) -> TwoSided:
        """The certificate of V, entered in the history."""
        self.best = macqueen(self.mdp, self.V, TV)
        self.history.append((phase, self.best.half))
        return self.best


def solve(mdp: MDP, tol: float = 1e-10, throw: bool = True, max_steps: int = 200) -> Solution:
    """V* = TV*, shape (S,), with a certified two-sided error of at most ``tol`` in every state.

    Value-iteration sweeps while each cuts MacQueen's half-width tenfold, then soft Newton
    steps, then, when float64 cannot certify ``tol``, residuals in extended precision.

    Args:
        mdp: the problem.
        tol: the largest error accepted in any state, absolute.
        throw: raise when the tolerance is missed, instead of telling it in ``outcome``.
        max_steps: limit on sweeps, Newton steps and extended steps together.

    Raises:
        InputError: when tol or max_steps is not positive, when γ leaves no contraction in floating
            point, or above ``resolvent.MAX_STATES`` states when sweeps do not suffice.
        SolverError: MAX_STEPS, NOT_FINITE, or BELOW_FLOOR with the floor, when ``throw``.

    """
    tol = require.positive("tol", tol, "ask for a positive absolute error")
    max_steps = require.count("max_steps", max_steps, 1)
    search = _Search(mdp, tol, max_steps, np.zeros(mdp.n_states))
    with np.errstate(over="ignore", invalid="ignore"):
        outcome = _float64_phases(search)
        if outcome is None:
            search.V = _middle(search).astype(EXTENDED)
            outcome = _extended_phase(search)
        V, error = _rounded(search)
    worst = float(error.max())
    if throw and not outcome.ok:
        raise SolverError(
            outcome, f"certified error {worst:.2g} of V*, asked for {tol:.2g}; {len(search.history)} steps"
        )
    return Solution(mdp, V, error, outcome, tuple(search.history))


def _float64_phases(search: _Search) -> Outcome | None:
    """Sweeps, then Newton; None when float64 has done what it can and ``tol`` is not certified."""
    mdp, before, sweeping = search.mdp, np.inf, True
    while len(search.history) < search.max_steps:
        Q = q_from_v(mdp, search.V)
        TV = soft_maximum(mdp, Q)
        two = search.certify("sweep" if sweeping else "newton", TV)
        if not np.isfinite(two.error):
            return Outcome.NOT_FINITE
        if two.half + _cast_error(two) <= search.tol:
            return Outcome.CONVERGED
        if two.half <= two.rounding:
            return None
        sweeping = sweeping and two.half <= FAST_SWEEP * before
        before = two.half
        if sweeping:
            search.V = two.middle
        else:
            search.factors = _factors(mdp, Q)
            search.V = search.V + lu_solve(search.factors, TV - search.V)
    return Outcome.MAX_STEPS
