"""The certified soft solver: value iteration while it is fast, then Newton, then extended precision.

Newton's method on V = TV is soft policy iteration; written as a correction
V += (I − γP_π)^{-1}(TV − V), π the Gibbs policy of V, it refines itself.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, StateValue
from wconv.exact import linear
from wconv.exact.bellman import optimality, q_from_v, soft_maximum
from wconv.exact.certificate import TwoSided, contraction_gap, macqueen, operator_rounding
from wconv.exact.occupancy import discounted_occupancy
from wconv.exact.resolvent import policy_kernel
from wconv.exact.stationary import stationary
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, gibbs
from wconv.measured import EPS, EXTENDED, Measured
from wconv.outcomes import Outcome, SolverError

FAST_SWEEP: Final = 0.1
"""Sweeps go on while each cuts the half-width to this: then they are cheaper than linear solves."""

FAST_SPARSE_SWEEP: Final = 0.5
"""The same where a linear solve costs some twenty sweeps."""


@dataclass(frozen=True, eq=False)
class Solution:
    """V* with |V − V*| ≤ error in every state; ``history`` is (phase, half-width) of every step."""

    mdp: MDP
    V: StateValue
    error: StateValue
    outcome: Outcome
    history: tuple[tuple[str, float], ...]

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
    def P_pi(self) -> Any:
        """State kernel of the Gibbs policy, (S, S): sparse beyond ``linear.MAX_STATES`` states."""
        return policy_kernel(self.mdp, self.policy)

    @cached_property
    def nu(self) -> Measured:
        """The stationary law of a dense ``P_pi``; InputError when it has several recurrent classes."""
        return stationary(self.P_pi)

    @cached_property
    def occupancy(self) -> Measured:
        """Discounted occupancy of the Gibbs policy from the problem's initial distribution."""
        return discounted_occupancy(self.mdp, self.policy)

    @property
    def policy_loss(self) -> float:
        """A bound on V* − V^π for the Gibbs policy π of V, with ε = max error + the rounding of Q.

        V* − V^π = (I − γP_π)^{-1}τKL(π‖p_{V*}), and log(π/p_{V*}) varies by at most 2γε/τ in a
        state: KL ≤ (γε/τ)²/2 by Hoeffding's lemma, and KL ≤ 2γε/τ.
        """
        gap = contraction_gap(self.mdp)
        rounded = operator_rounding(self.mdp, self.V)
        moved = self.mdp.contraction * float(self.error.max()) + rounded
        return min(2.0 * moved, moved * moved / (2.0 * self.mdp.tau)) / gap


def solve(
    mdp: MDP, tol: float | None = 1e-10, throw: bool = True, max_steps: int = 200
) -> Solution:
    """V* = TV*, shape (S,), with a certified two-sided error of at most ``tol`` in every state.

    Value-iteration sweeps while each cuts MacQueen's half-width tenfold, then soft Newton
    steps, then, where float64 cannot certify ``tol``, residuals in extended precision. Beyond
    ``linear.MAX_STATES`` states a Newton step is a sparse or an iterative solve, and sweeps go on
    while each halves the half-width.

    Args:
        mdp: the problem.
        tol: the largest error accepted in any state, absolute; None accepts what floating point
            can reach.
        throw: raise when the tolerance is missed, instead of telling it in ``outcome``.
        max_steps: limit on sweeps, Newton steps and extended steps together.

    Raises:
        InputError: when tol or max_steps is not positive, or when γ leaves no contraction in
            floating point.
        SolverError: MAX_STEPS, NOT_FINITE, UNRESOLVED when a linear system is not solved, or
            BELOW_FLOOR with the floor, when ``throw``.

    """
    target = 0.0
    if tol is not None:
        target = require.positive("tol", tol, "ask for a positive error, or None for the best")
    max_steps = require.count("max_steps", max_steps, 1)
    history: list[tuple[str, float]] = []
    with np.errstate(over="ignore", invalid="ignore"):
        two, factors, outcome = _float64_phases(mdp, target, max_steps, history)
        if outcome is None:
            two, outcome = _extended_phase(mdp, target, max_steps, history, two, factors)
        V = two.middle.astype(float)
        error = (np.abs(two.middle - V).astype(float) + two.error) * (1.0 + 4.0 * EPS)
    if tol is None and outcome is Outcome.BELOW_FLOOR:
        outcome = Outcome.CONVERGED
    if throw and not outcome.ok:
        worst = float(error.max())
        detail = f"certified error {worst:.2g} of V*, asked for {target:.2g}, {len(history)} steps"
        raise SolverError(outcome, detail)
    return Solution(mdp, V, error, outcome, tuple(history))


def _float64_phases(
    mdp: MDP, tol: float, max_steps: int, history: list[tuple[str, float]]
) -> tuple[TwoSided, linear.Factors | None, Outcome | None]:
    """Sweeps, then Newton; no outcome when float64 cannot certify more and ``tol`` is not met."""
    V: StateValue = np.zeros(mdp.n_states)
    factors, before, sweeping = None, np.inf, True
    fast = FAST_SWEEP if mdp.n_states <= linear.MAX_STATES else FAST_SPARSE_SWEEP
    while True:
        Q = q_from_v(mdp, V)
        TV = soft_maximum(mdp, Q)
        two = macqueen(mdp, V, TV)
        history.append(("newton" if factors else "sweep", two.half))
        if not np.isfinite(two.error):
            return two, factors, Outcome.NOT_FINITE
        if two.error * (1.0 + 4.0 * EPS) <= tol:
            return two, factors, Outcome.CONVERGED
        if two.half <= two.rounding:
            return two, factors, None
        if len(history) >= max_steps:
            return two, factors, Outcome.MAX_STEPS
        sweeping = sweeping and two.half <= fast * before
        before = two.half
        if sweeping:
            V = two.middle
        else:
            factors = _newton_factors(mdp, Q)
            try:
                V = V + factors.solve(TV - V)
            except SolverError as error:
                return two, factors, error.outcome


def _extended_phase(
    mdp: MDP,
    tol: float,
    max_steps: int,
    history: list[tuple[str, float]],
    two: TwoSided,
    factors: linear.Factors | None,
) -> tuple[TwoSided, Outcome]:
    """Residuals in extended precision, corrections by the last factors."""
    V = two.middle.astype(EXTENDED)
    before = np.inf
    while len(history) < max_steps:
        TV = optimality(mdp, V)
        two = macqueen(mdp, V, TV)
        history.append(("extended", two.half))
        rounded = float(np.abs(two.middle - two.middle.astype(float)).max())
        if (two.error + rounded) * (1.0 + 8.0 * EPS) <= tol:
            return two, Outcome.CONVERGED
        if two.half <= two.rounding or not two.half < before / 2:
            return two, Outcome.BELOW_FLOOR
        before = two.half
        if factors is None:
            factors = _newton_factors(mdp, q_from_v(mdp, V.astype(float)))
        try:
            V = V + factors.solve(TV - V)
        except SolverError as error:
            return two, error.outcome
    return two, Outcome.MAX_STEPS


def _newton_factors(mdp: MDP, Q: ActionValue) -> linear.Factors:
    """Factors of I − γP_π, the derivative of V − TV, for the Gibbs policy π of Q."""
    return linear.factor(mdp, mdp.state_mixture(gibbs(mdp, Q).pi))
