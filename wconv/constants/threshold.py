"""The step from which `wppg-lin` is proved without looking at the iterates: the root η* of η = C_T(η)/(γτ).

Along steps of length η every policy obeys osc log(dπ_k/dμ) ≤ (osc q + D²/(2η))/τ, hence by Holley–Stroock
C_T(π_k) ≤ C_T(η) = C_LS(μ)·exp((osc q + D²/(2η))/τ) (`wppg-uniform-t2`), which decreases in η.
"""

from dataclasses import dataclass
from math import exp, log

import numpy as np

from wconv import _require as require
from wconv.constants.a_priori import power
from wconv.constants.assumptions import uniform_log_sobolev
from wconv.exact.evaluate import evaluate
from wconv.exact.solve import solve
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, uniform
from wconv.measured import EPS
from wconv.measures.densities import same_grid
from wconv.measures.spaces import RealLine, Torus


@dataclass(frozen=True, repr=False)
class Threshold:
    """η* ≤ e^{log_step}, tight up to ``error`` in log η; osc q, D² and C_LS(μ) that led to it.

    η* may exceed every float: it is carried as a logarithm.
    """

    log_step: float
    error: float
    osc_q: float
    diameter_squared: float
    reference: float

    @property
    def step(self) -> float:
        """η* (∞ above the largest float)."""
        return exp(self.log_step) if self.log_step < log(np.finfo(float).max) else float("inf")

    def __repr__(self) -> str:
        return (
            f"wppg-lin is proved from step {power(self.log_step)} on: osc(q) <= {self.osc_q:.6g}, "
            f"D^2 = {self.diameter_squared:.6g}, C_LS(mu) = {self.reference:.6g}"
        )


def proximal_threshold(mdp: MDP, initial: Policy | None = None) -> Threshold:
    """η* of a problem on an interval, a box or a torus, from its data and exact values alone.

    osc q^{π_k} ≤ max_s osc_a r(s, a) + γ(max V* − min V^{π_0}), as V^{π_0} ≤ V^k ≤ V* (`wppg-monotone`).

    Args:
        mdp: γ > 0; rewards count at the nodes.
        initial: π_0, by default the reference.

    Raises:
        InputError: actions without a diameter or without an inequality (a line without ends, finite
            sets), a start on other nodes, or γ = 0, where η ≥ C_T/(γτ) has no solution.

    """
    grid, space = mdp.grid, mdp.grid.space
    if grid.is_finite_set or isinstance(space, RealLine):
        require.fail(
            "actions",
            "be an interval, a box or a torus",
            space,
            "T2 of the iterates needs a diameter and a reference with a log-Sobolev inequality",
        )
    if mdp.gamma == 0:
        require.fail("discount", "be positive", mdp.gamma, "at 0 one long step is optimal")
    reference = uniform(mdp)
    start = reference if initial is None else initial
    same_grid(start, reference)
    best, first = solve(mdp, tol=None).measured, evaluate(mdp, start).measured
    osc_r = float(np.ptp(mdp.r, axis=1).max())
    osc_q = osc_r + mdp.contraction * float(best.upper.max() - first.lower.min())
    sides = np.array(grid.shape) * np.array(grid.spacing)
    diameter_squared = float(np.square(sides / 2 if isinstance(space, Torus) else sides).sum())
    base = uniform_log_sobolev(grid)
    offset = log(base / (mdp.gamma * mdp.tau)) + osc_q / mdp.tau
    pull = diameter_squared / (2 * mdp.tau)
    # x = log η solves x = offset + pull·e^{−x}: y = x − offset has y + log y = log pull − offset.
    from scipy.special import wrightomega

    root = offset + float(wrightomega(log(pull) - offset))
    error = 16 * EPS * (abs(root) + abs(offset) + abs(log(pull)))
    return Threshold(root + error, 2 * error, osc_q, diameter_squared, base)
