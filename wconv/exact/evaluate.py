"""Policy evaluation with a certified error: V^π to the last bit of float64."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, StateValue
from wconv.exact.bellman import q_from_v
from wconv.exact.resolvent import PolicySystem, policy_kernel, policy_system, refine
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.measured import EPS, EXTENDED, Measured
from wconv.outcomes import Outcome, SolverError


@dataclass(frozen=True, eq=False)
class Evaluation:
    """V^π of a policy with |V − V^π| ≤ error in every state, and Q = r + γPV."""

    mdp: MDP
    policy: Policy
    V: StateValue
    Q: ActionValue
    error: StateValue
    outcome: Outcome

    @property
    def measured(self) -> Measured:
        """V^π with its certified error, shape (S,)."""
        return Measured.of(self.V, "policy evaluation", evaluation=self.error)

    @cached_property
    def P_pi(self) -> Any:
        """State kernel of the policy in float64, (S, S): sparse beyond ``linear.MAX_STATES``."""
        return policy_kernel(self.mdp, self.policy)


def evaluate(mdp: MDP, policy: Policy, tol: float | None = None, throw: bool = True) -> Evaluation:
    """V^π, the solution of (I − γP_π)V = Σπ(r − τ log f), shape (S,), with a certified error.

    LU in float64 (or what ``linear.factor`` chooses beyond ``linear.MAX_STATES`` states), refined by
    residuals in extended precision and rounded at the end. The error is
    Banach's ‖T^πV − V‖/(1 − γ·‖P_π‖) plus the rounding of that residual and of V itself; it counts
    log f and the masses of the grid as exact, and the policy as normalised (``extended_density``).

    Args:
        mdp: the problem.
        policy: log-densities on the problem's nodes.
        tol: the largest error accepted in any state; None accepts what floating point can reach.
        throw: raise when the tolerance is missed, instead of telling it in ``outcome``.

    Raises:
        InputError: see ``policy_system``.
        SolverError: NOT_FINITE, or BELOW_FLOOR with the floor, when ``throw``; UNRESOLVED when an
            iterative solver does not converge.

    """
    if tol is not None:
        tol = require.positive("tol", tol, "leave it out for the best there is")
    with np.errstate(over="ignore", invalid="ignore"):
        system = policy_system(mdp, policy)
        V, error = _certified_value(system)
        Q = q_from_v(mdp, V)
    outcome = Outcome.CONVERGED
    worst = float(error.max())
    if not np.isfinite(worst):
        outcome = Outcome.NOT_FINITE
    elif tol is not None and worst > tol:
        outcome = Outcome.BELOW_FLOOR
    if throw and not outcome.ok:
        raise SolverError(outcome, f"certified error {worst:.2g} of V^π, asked for {tol}")
    return Evaluation(mdp, policy, V, Q, error, outcome)


def _certified_value(system: PolicySystem) -> tuple[StateValue, StateValue]:
    """V in float64 and a bound on its error in every state."""
    gamma = system.mdp.gamma
    start = system.correct(system.reward).astype(EXTENDED)
    rounding = residual_rounding(system, start)
    V, size = refine(
        start,
        residual=lambda V: np.asarray(system.reward + gamma * (system.kernel @ V) - V),
        correct=system.correct,
        size=lambda d: float(np.abs(d).max()),
        floor=rounding,
    )
    bound = (size + rounding) / system.gap
    rounded = V.astype(float)
    error = np.abs(V - rounded).astype(float) + bound
    return rounded, error * (1.0 + 4.0 * EPS)


def residual_rounding(system: PolicySystem, V: StateValue) -> float:
    """A bound on the rounding of reward + γ·kernel·V − V for V near the given one, in sup norm.

    u·(S + A + 16)·(Σπ(|r| + τ|log f|) + 4 max|V|): four for γP_πV, V, and V's change by refinement.
    """
    return system.u * system.depth * (system.size + 4.0 * float(np.abs(V).max()))
