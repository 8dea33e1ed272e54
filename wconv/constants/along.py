"""A constant along a sequence of policies: computed at checkpoints, transferred in between.

If o = osc log(p/p_ref), then e^{−o} C(p_ref) ≤ C(p) ≤ e^{o} C(p_ref) for the Poincaré and log-Sobolev
constants, in every dimension (Holley–Stroock, used in both directions).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.record import Constant
from wconv.mdp.policy import Policy
from wconv.measured import Bracket
from wconv.measures.densities import same_grid
from wconv.measures.oscillation import oscillation
from wconv.measures.spaces import Grid

OSCILLATION: Final = 0.01
"""A checkpoint serves while log(p/p_ref) oscillates by no more than this."""


@dataclass(frozen=True, eq=False)
class Along:
    """A constant at every iterate and in every state: ``at`` is a bracket of shape (K, S).

    ``checkpoint`` (K, S) is the index of the iterate each bracket was transferred from (its own index
    where it was computed), ``oscillation`` (K, S) the o of that transfer and ``step`` (K−1, S) the
    osc log(p_{k+1}/p_k) between neighbours.
    """

    at: Bracket
    checkpoint: Array
    oscillation: Array
    step: Array

    @property
    def between(self) -> Bracket:
        """On the way from iterate k to k+1, shape (K−1, S).

        For every p with osc log(p/p_k) ≤ osc log(p_{k+1}/p_k), such as geometric mixtures.
        """
        grow = np.exp(self.step)
        return Bracket(
            self.at.lower[:-1] / grow,
            self.at.upper[:-1] * grow,
            self.at.how_lower,
            self.at.how_upper,
        )

    @property
    def running_worst(self) -> Bracket:
        """The largest constant so far, in the worst state, shape (K,)."""
        low, high = self.at.lower.max(axis=-1), self.at.upper.max(axis=-1)
        return Bracket(
            np.maximum.accumulate(low),
            np.maximum.accumulate(high),
            self.at.how_lower,
            self.at.how_upper,
        )


def along(policies: Sequence[Policy], constant: Callable[[Policy], Constant]) -> Along:
    """C_P or C_LS of every policy of a sequence, in every state.

    A state's first policy is a checkpoint, and each that has moved by more than
    osc log(p/p_ref) = 0.01 from the last; all checkpoints are computed in one batch.

    Args:
        policies: K policies on one grid.
        constant: ``wc.poincare`` or ``wc.log_sobolev`` (the transfer is not a theorem for T2).

    Raises:
        InputError: no policies, different grids, or a constant without transfer.
        whatever ``constant`` raises.

    """
    if len(policies) == 0:
        require.fail("policies", "be at least one", 0, "give the iterates of a path")
    for policy in policies[1:]:
        same_grid(policies[0], policy)
    grid, logs = policies[0].grid, np.stack([policy.logf for policy in policies])
    checkpoint, moved = _checkpoints(logs, grid)
    steps, states = np.nonzero(checkpoint == np.arange(len(logs))[:, None])
    found = constant(Policy(logs[steps, states], grid))
    if found.symbol not in ("C_P", "C_LS"):
        require.fail("constant", "be C_P or C_LS", found.symbol, "bound C_T by C_LS instead")
    place = np.zeros(checkpoint.shape, dtype=int)
    place[steps, states] = np.arange(len(steps))
    of = np.take_along_axis(place, checkpoint, axis=0)
    grow = np.exp(moved)
    how = f"transferred over osc log(p/p_ref) <= {OSCILLATION:g} from "
    bracket = Bracket(
        found.lower[of] / grow,
        found.upper[of] * grow,
        how + found.how_lower,
        how + found.how_upper,
    )
    return Along(bracket, checkpoint, moved, oscillation(np.diff(logs, axis=0), grid).upper)


def _checkpoints(logs: Array, grid: Grid) -> tuple[Array, Array]:
    """The iterate each bracket comes from and the oscillation of the transfer, both (K, S)."""
    states = np.arange(logs.shape[1])
    reference = np.zeros(len(states), dtype=int)
    origin, spread = np.zeros((2, *logs.shape[:2]))
    for k, now in enumerate(logs):
        moved = oscillation(now - logs[reference, states], grid).upper
        fresh = moved > OSCILLATION
        reference = np.where(fresh, k, reference)
        origin[k], spread[k] = reference, np.where(fresh, 0.0, moved)
    return origin.astype(int), spread
