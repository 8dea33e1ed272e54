"""Discounted state occupancy of a policy, with a certified error."""

import numpy as np

from wconv import _require as require
from wconv._axes import StateValue
from wconv.exact.resolvent import policy_system, refine
from wconv.mdp.model import MDP, ROW_SUM_TOL, numbers
from wconv.mdp.policy import Policy
from wconv.measured import EPS, EXTENDED, Measured


def discounted_occupancy(mdp: MDP, policy: Policy, rho: StateValue | None = None) -> Measured:
    """d = (1 − γ)ρ(I − γP_π)^{-1}, shape (S,): a probability up to the row sums of P.

    The error is the l1 bound ‖(1 − γ)ρ + γdP_π − d‖_1/(1 − γ‖P_π‖), residual in extended precision
    with its rounding, for every entry and for Σ|error| alike, plus each entry's own rounding.

    Args:
        mdp: the problem.
        policy: log-densities on the problem's nodes.
        rho: initial distribution, default that of the problem.

    Raises:
        InputError: when ρ is not a probability on the states, and see ``policy_system``.

    """
    start = mdp.rho if rho is None else numbers("rho", rho)
    require.shape("rho", start, (mdp.n_states,), "(states,)")
    require.probabilities("rho", start, "states", ROW_SUM_TOL * mdp.n_states)
    system = policy_system(mdp, policy)
    source = (1.0 - EXTENDED.type(mdp.gamma)) * start
    # Non-negative terms of total (1 − γ) + γ + 1 ≤ 2, up to refinement: four covers their rounding.
    rounding = 4.0 * system.u * system.left_depth
    d, size = refine(
        system.correct(source, left=True).astype(EXTENDED),
        residual=lambda d: np.asarray(source + mdp.gamma * (d @ system.kernel) - d),
        correct=lambda residual: system.correct(residual, left=True),
        size=lambda residual: float(np.abs(residual).sum()),
        floor=rounding,
    )
    bound = (size + rounding) / system.gap
    value = d.astype(float)
    error = (np.abs(d - value).astype(float) + bound) * (1.0 + 4.0 * EPS)
    return Measured.of(value, "discounted occupancy", evaluation=error)
