"""What makes an approximate value a certified one: rounding bounds and MacQueen's two sides."""

from dataclasses import dataclass

import numpy as np

from wconv import _require as require
from wconv._axes import StateValue
from wconv.mdp import factored
from wconv.mdp.model import MDP
from wconv.measured import EPS, unit_roundoff


def contraction_gap(mdp: MDP, mass: float = 1.0) -> float:
    """A lower bound on 1 − γ·(max row sum)·mass, the factor that turns residuals into errors.

    ``mass`` is the largest total mass of a policy. Raises InputError when nothing is left of the
    gap in floating point.
    """
    gap = 1.0 - mdp.contraction * mass * (1.0 + 2.0 * EPS) - EPS
    if gap <= 0.0:
        require.fail(
            "discount", "stay below 1/(max row sum) by more than rounding", mdp.gamma, "lower it"
        )
    return gap


def row_length(mdp: MDP) -> int:
    """The longest sum in PV: the states, or the longest stored row of a sparse P."""
    return factored.row_length(mdp.P)


def operator_rounding(mdp: MDP, V: StateValue) -> float:
    """A bound on the rounding of ``optimality(mdp, V)`` in the precision of V, in sup norm.

    u·(n + 2A + 16)·(max|r| + γ max|V| + τ(1 + max|log m|)): n products and additions in PV, then
    the soft maximum, whose A terms e^{x} carry at most |x|e^{x} ≤ 1/e each of the rounding of x;
    the library functions are taken to be good to four units in the last place.
    """
    weights = mdp.grid.weights
    spread = 1.0 + float(np.abs(mdp.grid.log_weights[weights > 0]).max())
    size = float(np.abs(mdp.r).max()) + mdp.contraction * float(np.abs(V).max())
    depth = row_length(mdp) + 2 * mdp.n_actions + 16
    return unit_roundoff(V.dtype) * depth * (size + mdp.tau * spread)


@dataclass(frozen=True, eq=False)
class TwoSided:
    """|V* − middle| ≤ half + rounding in every state."""

    middle: StateValue
    half: float
    rounding: float

    @property
    def error(self) -> float:
        """The certified bound half + rounding."""
        return self.half + self.rounding


def macqueen(mdp: MDP, V: StateValue, TV: StateValue) -> TwoSided:
    """V* ∈ [TV + κ min d, TV + κ max d] with d = TV − V and κ = γ/(1−γ), with rounding.

    T is monotone and T(V + c) − TV lies between γ·(row sum)·c for the smallest and the largest row
    sum of P, which are one only up to rounding: each side takes the worse of the two factors.
    Source: MacQueen (1966); the argument uses monotonicity and shifts only, which the soft T has.
    """
    gap = contraction_gap(mdp)
    kappas = [mdp.gamma * row / (1.0 - mdp.gamma * row) for row in mdp.row_sums]
    d = TV - V
    up = max(kappa * d.max() for kappa in kappas)
    down = min(kappa * d.min() for kappa in kappas)
    middle = TV + (up + down) / 2
    kappa = mdp.contraction / gap
    one = operator_rounding(mdp, V) + 4.0 * unit_roundoff(V.dtype) * float(np.abs(middle).max())
    # The factors κ are float64 in every precision: their relative error is at most 4 eps/(1 − γ).
    factors = 4.0 * EPS / gap * kappa * float(np.abs(d).max())
    rounding = one + kappa * (one + unit_roundoff(V.dtype) * float(np.abs(d).max())) + factors
    return TwoSided(middle, float(np.maximum(0.0, up - down)) / 2, rounding * (1.0 + 4.0 * EPS))
