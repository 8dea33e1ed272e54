"""The log-Sobolev constant of the Gibbs policies along a path of values: what the theorems ask for.

p_k ∝ e^{(r+γPV_k)/τ}μ. Where values lie between V_k and V_{k+1} in every state, such as along the flow,
whose values rise, log(p/p_k) oscillates by at most γ max_s|V_{k+1} − V_k|/τ, as P averages: constants
move by at most the exponential of that (Holley–Stroock), and an error of the values costs the same.

With Δ = V_{k+1} − V_k ≥ 0 this is the range of a change of one sign, half that of |V − V_k| ≤ max Δ. Some V
in between have osc P(V − V_k) = max_{a,a'} Σ_s'(P(s'|s,a) − P(s'|s,a'))⁺Δ_s', none more: the two ends alone
prove nothing sharper. That is at most max Δ times the total variation between transitions, .43 to .88 in the
zoo: where values rise far between two times more times help, another inequality does not.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.api import log_sobolev
from wconv.exact.bellman import q_from_v
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, gibbs
from wconv.measured import Bracket, Measured
from wconv.measures.oscillation import oscillation

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


class GibbsConstants:
    """C_LS of the Gibbs policies of one problem: computed at few values, transferred in between.

    State by state, for values may move the policies of few states. What was computed for one path serves
    the next.
    """

    def __init__(self, mdp: MDP) -> None:
        self.mdp = mdp
        self._values = np.empty((0, mdp.n_states))
        self._known = np.empty((0, mdp.n_states), dtype=bool)
        self._lower, self._upper = np.empty((2, 0, mdp.n_states))
        self._how = ("", "")

    def along(self, values: Measured) -> AlongPath:
        """C_LS of p_k ∝ e^{(r+γPV_k)/τ}μ for values V_k (K, S) with errors, in every state.

        Raises:
            InputError: values of another shape, or infinite ones.
            whatever ``log_sobolev`` raises.

        """
        V, error = values.value, values.error
        if V.ndim != 2 or V.shape[1] != self.mdp.n_states:
            require.fail("values", "have shape (times, states)", V.shape, "give V along a path")
        require.finite("values", V)
        require.finite("error of the values", error)
        self._compute(V)
        lower, upper = self._transferred(V)
        reach = self.mdp.contraction / self.mdp.tau
        blur = _exp(2 * reach * error.max(axis=-1))[:, None]
        at = Bracket(lower / blur, upper * blur, *self._how)
        step = (np.abs(np.diff(V, axis=0)) + error[1:] + error[:-1]).max(axis=-1)
        grow = _exp(reach * step)[:, None]
        # Both ends bound what lies between.
        above = np.minimum(at.upper[:-1], at.upper[1:]) * grow
        below = np.maximum(at.lower[:-1], at.lower[1:]) / grow
        return AlongPath(at, Bracket(below, above, *self._how))

    def _compute(self, V: Array) -> None:
        """Compute the constants in the states that are far from all values before, in order."""
        new, wanted = np.empty((0, V.shape[1])), np.empty((0, V.shape[1]), dtype=bool)
        for row in V:
            moved = self._moved(row, np.concatenate([self._values, new]))
            known = np.concatenate([self._known, wanted])
            far = ~(known & (moved <= TRANSFER)).any(axis=0)
            if far.any():
                new, wanted = np.concatenate([new, [row]]), np.concatenate([wanted, [far]])
        if not len(new):
            return
        found = [gibbs(self.mdp, q_from_v(self.mdp, row)).logf for row in new]
        C = log_sobolev(Policy(np.stack(found)[wanted], self.mdp.grid))
        # Nothing is known where nothing was computed.
        lower, upper = np.zeros(wanted.shape), np.full(wanted.shape, np.inf)
        lower[wanted], upper[wanted] = C.lower, C.upper
        self._values = np.concatenate([self._values, new])
        self._known = np.concatenate([self._known, wanted])
        self._lower = np.concatenate([self._lower, lower])
        self._upper = np.concatenate([self._upper, upper])
        how = f"transferred over osc log(p/p_ref) <= {TRANSFER:g} from "
        self._how = (how + C.how_lower, how + C.how_upper)

    def _transferred(self, V: Array) -> tuple[Array, Array]:
        """The best lower and upper sides that the known constants give, (K, S)."""
        grow = _exp(np.array([self._moved(row, self._values) for row in V]))
        return (self._lower / grow).max(axis=1), (self._upper * grow).min(axis=1)

    def _moved(self, row: Array, known: Array) -> Array:
        """osc log(p/p_ref) = (γ/τ)·osc P(V − V_ref) in every state, (N, S)."""
        shifts = np.reshape(
            [self.mdp.next_value(row - other) for other in known], (-1, *self.mdp.r.shape)
        )
        return oscillation(self.mdp.gamma / self.mdp.tau * shifts, self.mdp.grid).upper


def gibbs_constants(mdp: MDP, values: Measured) -> AlongPath:
    """C_LS of p_k ∝ e^{(r+γPV_k)/τ}μ for values V_k (K, S) with errors, in every state.

    Raises:
        InputError: values of another shape, or infinite ones.
        whatever ``log_sobolev`` raises.

    """
    return GibbsConstants(mdp).along(values)


def _exp(exponent: Array) -> Array:
    with np.errstate(over="ignore"):  # an infinite factor says nothing
        return np.asarray(np.exp(exponent))


def _worst(bracket: Bracket) -> Bracket:
    low, high = bracket.lower.max(axis=-1), bracket.upper.max(axis=-1)
    return Bracket(low, high, bracket.how_lower, bracket.how_upper)
