"""Entropy in the two conventions of the literature, and the shift between their values.

*Reference* convention: −KL(π‖μ) = −∫ log(dπ/dμ) dπ ≤ 0. *Lebesgue* convention (the papers'):
−∫ log(dπ/da) dπ, on a finite set with respect to counting measure. With the penalty
c(a) = τ(sup log(dμ/da) − log(dμ/da)) ≥ 0 taken off the reward, which is 0 for a uniform μ and βa²/2
for N(0, τ/β), the soft values differ by a constant: V_Leb = V + ``lebesgue_shift``/(1−γ).
"""

import numpy as np

from wconv import _require as require
from wconv.measured import Measured, rounding
from wconv.measures.densities import Density
from wconv.measures.divergences import expectation
from wconv.measures.spaces import Grid, RealLine

CONVENTIONS = ("reference", "lebesgue")
"""With respect to μ, or to Lebesgue (on finite sets counting) measure."""


def entropy(density: Density, convention: str = "reference") -> Measured:
    """−∫ log f dπ ("reference") or −∫ (log f + log(dμ/da)) dπ ("lebesgue"), shape (S,).

    The error bounds the rounding, that of the grid's log(dμ/da) included. InputError for another
    convention.
    """
    require.choice("convention", convention, CONVENTIONS)
    grid, log_f = density.grid, density.logf
    live = (log_f > -np.inf) & (grid.weights > 0)
    density_log = np.where(live, log_f, 0.0)
    if convention == "reference":
        return expectation(log_f, grid.log_weights, -density_log)
    reference = np.where(live, grid.log_lebesgue, 0.0)
    total = expectation(log_f, grid.log_weights, -(density_log + reference))
    # Cancellation between the two logarithms leaves the rounding of the second.
    lost = expectation(log_f, grid.log_weights, np.abs(reference) + np.abs(density_log)).value
    return total.with_error("rounding", rounding(lost, depth=1))


def lebesgue_shift(grid: Grid, temperature: float) -> float:
    """(1−γ)(V_Leb − V) = −τ sup log(dμ/da): τ log|A| if uniform, τ log √(2πτ/β) for N(0, τ/β).

    V_Leb is the soft value with the Lebesgue entropy and the reward r − c, c the module's penalty
    (zero for a uniform reference). InputError unless the temperature is positive.
    """
    tau = require.positive("temperature", temperature, "the theory needs entropy; take it small")
    if isinstance(grid.space, RealLine):
        # The peak is at 0, which is a node only when their number is odd.
        return -tau * float(grid.space.log_density(np.zeros(())))
    return -tau * float(grid.log_lebesgue.max())
