"""The log-Sobolev constant of the Gibbs policies along a path of values: what the theorems ask for.

p_k ∝ e^{(r+γPV_k)/τ}μ. Where values lie between V_k and V_{k+1} in every state, such as along the flow,
whose values rise, log(p/p_k) oscillates by at most γ max_s|V_{k+1} − V_k|/τ, as P averages: constants
move by at most the exponential of that (Holley–Stroock), and an error of the values costs the same.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv import _require as require
from wconv.constants.along import along
from wconv.constants.api import log_sobolev
from wconv.exact.bellman import q_from_v
from wconv.mdp.model import MDP
from wconv.mdp.policy import gibbs
from wconv.measured import Bracket, Measured


TRANSFER: Final = 0.05
"""Constants are transferred over such oscillations of log p_k: at most 5 % on either side."""


@dataclass(frozen=True, eq=False)
class AlongPath:
    """C_LS(p_k) in every state: ``at`` the K times (K, S), ``over`` the K−1 intervals (K−1, S).

    ``over.upper`` bounds the constants of all p on the way, ``over.lower`` bounds them from below.
    """

    at: Bracket
    over: Bracket

    @property
    def worst_over(self) -> Bracket:
        """The largest constant of any state on every interval, (K−1,)."""
        return _worst(self.over)

    @property
    def worst_at(self) -> Bracket:
        """The largest constant of any state at every time, (K,)."""
        return _worst(self.at)


def gibbs_constants(mdp: MDP, values: Measured) -> AlongPath:
    """C_LS of p_k ∝ e^{(r+γPV_k)/τ}μ for values V_k (K, S) with errors, in every state.

    Raises:
        InputError: values of another shape, or infinite ones.
        whatever ``log_sobolev`` raises.

    """
    V, error = values.value, values.error
    if V.ndim != 2 or V.shape[1] != mdp.n_states:
        require.fail("values", "have shape (times, states)", V.shape, "give V along a path")
    require.finite("values", V)
    require.finite("error of the values", error, "evaluate with a certificate")
    policies = [gibbs(mdp, q_from_v(mdp, row)) for row in V]
    found = along(policies, log_sobolev, transfer=TRANSFER).at
    reach = mdp.contraction / mdp.tau
    blur = np.exp(2 * reach * error.max(axis=-1))[:, None]
    at = Bracket(found.lower / blur, found.upper * blur, found.how_lower, found.how_upper)
    step = (np.abs(np.diff(V, axis=0)) + error[1:] + error[:-1]).max(axis=-1)
    grow = np.exp(reach * step)[:, None]
    # Both ends bound what lies between.
    upper = np.minimum(at.upper[:-1], at.upper[1:]) * grow
    lower = np.maximum(at.lower[:-1], at.lower[1:]) / grow
    return AlongPath(at, Bracket(lower, upper, at.how_lower, at.how_upper))


def _worst(bracket: Bracket) -> Bracket:
    low, high = bracket.lower.max(axis=-1), bracket.upper.max(axis=-1)
    return Bracket(low, high, bracket.how_lower, bracket.how_upper)
