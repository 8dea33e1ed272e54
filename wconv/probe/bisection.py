"""Where along an axis the status of cells changes, to a small part of the cells' distance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wconv.probe.cell import Status, status
from wconv.probe.order import Point, Sweep
from wconv.report.schema import Result

Compute = Callable[[Sequence[Point]], Mapping[Point, Result]]


@dataclass(frozen=True)
class Break:
    """A change of status on the first axis: ``before`` at ``low``, ``after`` at ``high``.

    ``others`` are the values on the other axes.
    """

    axis: str
    others: tuple[Any, ...]
    low: Any
    high: Any
    before: Status
    after: Status

    @property
    def value(self) -> float:
        """The middle of the interval."""
        return float(self.low + self.high) / 2

    @property
    def error(self) -> float:
        """Half of its length."""
        return abs(float(self.high - self.low)) / 2


def breaks(sweep: Sweep, found: Mapping[Point, Result]) -> list[Break]:
    """All changes of status between neighbours on the first axis, as far apart as the cells."""
    first = sweep.axes[0]
    out = []
    for others in dict.fromkeys(point[1:] for point in sweep.points):
        for low, high in zip(first.values, first.values[1:], strict=False):
            before, after = (status(found[value, *others]) for value in (low, high))
            if before != after:
                out.append(Break(first.name, others, low, high, before, after))
    return out


def bisect(sweep: Sweep, coarse: Sequence[Break], halvings: int, compute: Compute) -> list[Break]:
    """The same changes after so many halvings; where a third status lies between two, both changes to it.

    Between numbers; whole numbers until they are neighbours, listed values not at all.

    """
    axis, known = sweep.axes[0], list(coarse)
    for _ in range(halvings):
        middles = [axis.between(each.low, each.high) for each in known]
        points = [
            (middle, *each.others)
            for middle, each in zip(middles, known, strict=True)
            if middle is not None
        ]
        if not points:
            break
        found = compute(points)
        narrower: list[Break] = []
        for middle, each in zip(middles, known, strict=True):
            if middle is None:
                narrower.append(each)
            else:
                narrower += _halves(each, middle, status(found[middle, *each.others]))
        known = narrower
    return known


def _halves(each: Break, middle: Any, there: Status) -> list[Break]:
    """The half in which the status changes, or both."""
    halves = [replace(each, high=middle, after=there), replace(each, low=middle, before=there)]
    return [half for half in halves if half.before != half.after]
