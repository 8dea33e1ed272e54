"""A path of policies: times, log-densities, and quantities along it with their errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wconv._axes import Array
from wconv.exact.evaluate import Evaluation, evaluate
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.measured import Measured, stack


@dataclass(frozen=True, eq=False)
class Trace:
    """Policies at the times of a path, computed with one time step: log-densities (K, S, A)."""

    mdp: MDP
    logf: Array

    @cached_property
    def policies(self) -> Sequence[Policy]:
        """One policy a time."""
        return tuple(Policy(logs, self.mdp.grid) for logs in self.logf)

    @cached_property
    def evaluations(self) -> Sequence[Evaluation]:
        """Their certified values."""
        return tuple(evaluate(self.mdp, policy) for policy in self.policies)


@dataclass(frozen=True, eq=False)
class Path:
    """What ``evolve`` returns: K policies at ``times`` (K,), the start among them.

    ``levels`` are the traces of every time step tried, from coarse to fine; a scheme with a step of its
    own has one. ``mass_defect`` is the largest |Σπ − 1| before the rounding of masses was put back.
    """

    mdp: MDP
    method: Any
    times: Array
    levels: tuple[Trace, ...]
    mass_defect: float

    def __repr__(self) -> str:
        count, last = len(self.times), self.times[-1]
        return f"Path({self.method!r} on {self.mdp.name!r}, {count} policies to time {last:g})"

    @property
    def policies(self) -> Sequence[Policy]:
        """The policies at all times, of the finest time step."""
        return self.levels[-1].policies

    @property
    def evaluations(self) -> Sequence[Evaluation]:
        """Their certified values."""
        return self.levels[-1].evaluations

    @cached_property
    def measured(self) -> Measured:
        """V at all times, (K, S): certified, and for a flow extrapolated to step 0 ("time step")."""
        return self.measure(lambda value: value.measured)

    def measure(self, of: Callable[[Evaluation], Measured]) -> Measured:
        """A quantity of every policy, stacked on a first axis; along a flow extrapolated to step 0.

        Densities are never extrapolated, as they would lose their sign; see ``romberg``.
        """
        return romberg([stack([of(value) for value in level.evaluations]) for level in self.levels])


def romberg(levels: Sequence[Measured]) -> Measured:
    """The limit of values with steps h, h/2, h/4, …, whose error expands in powers of h.

    T_{j,k} = T_{j,k−1} + (T_{j,k−1} − T_{j−1,k−1})/(2^k − 1). Error "time step": the last difference
    |T_{jj} − T_{j−1,j−1}| and a quarter of the one before, as the last passes through zero somewhere. It
    is an estimate: where rates far above 1/h matter, as from rough starts, it may be too small. One level
    is returned as it is.
    """
    row: list[Measured] = []
    limits: list[Array] = []
    for values in levels:
        new = [values]
        for k, coarser in enumerate(row, start=1):
            new.append(new[-1] + (new[-1] - coarser) * (1.0 / (2**k - 1)))
        row = new
        limits.append(row[-1].value)
    for share, later, earlier in zip((1.0, 0.25), limits[:0:-1], limits[-2::-1], strict=False):
        row[-1] = row[-1].with_error("time step", share * np.abs(later - earlier))
    return row[-1]
