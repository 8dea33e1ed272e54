"""What a sweep computes: a check, a problem, what is fixed, and the axes; every cell is a case of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from wconv import _require as require
from wconv.probe.axes import Axis, parse_axis
from wconv.probe.sources import about, digest_of_checks
from wconv.theory.cases import NO_PROBLEM, Case, Policies, Start
from wconv.theory.registry import Check, discover
from wconv.verify.job import Job
from wconv.verify.plan import (
    defaults_of,
    is_file,
    load_problem,
    refuse_ambiguous,
    split,
    under_full_names,
)

Point = tuple[Any, ...]
"""A cell: one value an axis."""


@dataclass(frozen=True)
class Sweep:
    """A sweep in plain data, which every process can be sent."""

    id: str
    instance: str
    axes: tuple[Axis, ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the problem and options of the check that stay, by their full names."""
    policies: Policies = "mixed"
    start: Start = "reference"
    seed: int = 0
    checks: str | None = None

    @property
    def check(self) -> Check:
        """The statement."""
        return _checks(self.checks, digest_of_checks(self.checks))[self.id]

    def code(self) -> dict[str, Any]:
        """Hashes and versions of all code that the cells depend on, as it is on disk now.

        Raises:
            InputError: as ``about`` of ``wconv.probe.sources``.

        """
        return about(self.instance, self.check.body, self.checks)

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of values, one an axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def size(self) -> int:
        """The number of cells."""
        return prod(self.shape)

    @property
    def points(self) -> Iterator[Point]:
        """All cells, the last axis running fastest."""
        return product(*(axis.values for axis in self.axes))

    def parameters(self, point: Point) -> dict[str, Any]:
        """All parameters and options of a cell."""
        names = (axis.name for axis in self.axes)
        return {**self.fixed, **dict(zip(names, point, strict=True))}

    def job(self, point: Point) -> Job:
        """The job of a cell; of its verdict nothing is expected.

        Raises:
            InputError: a problem file that cannot be loaded with these parameters.

        """
        named = self.nominal(point)
        if not is_file(self.instance):
            return named
        problem = load_problem(self.instance, named.case.parameters)
        return replace(named, problem=problem, from_file=True)

    def nominal(self, point: Point) -> Job:
        """The job without the problem of a file."""
        named, options = split([self.check], self.parameters(point))
        chosen: dict[str, Any] = {
            "policies": self.policies,
            "start": self.start,
            "options": options,
        }
        return Job(self.check, Case(self.instance, named, expect=None, **chosen))


@cache
def _checks(path: str | None, _digest: str) -> dict[str, Check]:
    """All checks, looked for once a process, and again when a file of them is another: every cell asks."""
    return discover(path)


def make_sweep(
    id: str,
    axes: Sequence[str],
    *,
    on: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    policies: Policies | None = None,
    start: Start | None = None,
    seed: int = 0,
    checks: str | None = None,
) -> Sweep:
    """A sweep of a check over axes such as "tau=0.02:1:log:20".

    Args:
        id: the statement.
        axes: one or more, each with another name (see ``parse_axis``).
        on: a zoo instance or a problem file; by default the check's first case.
        parameters: what is fixed, of the problem and of the check.
        policies: as for ``verify``.
        start: as for ``verify``.
        seed: of random policies and directions.
        checks: a file or folder of one's own checks.

    Raises:
        InputError: an unknown id, instance, parameter or form of an axis; a statement without a problem.

    """
    found = _checks(checks, digest_of_checks(checks))
    check = found[require.choice("check", id, found)]
    first = check.cases[0]
    if first.instance == NO_PROBLEM:
        require.fail("check", "speak of a problem", id, "it covers all problems: wconv check it")
    instance = first.instance if on is None else on
    base = first if on is None else Case(instance)
    known = {**defaults_of(instance), **check.options}
    given = {name: plain(name, value) for name, value in (parameters or {}).items()}
    parsed = tuple(parse_axis(text, known) for text in axes)
    names = [axis.name for axis in parsed]
    refuse_ambiguous([check], instance, {*given, *names})
    named, options = split([check], given)
    named = under_full_names(instance, named, check.options)
    fixed = {**base.parameters, **base.options, **named, **options}
    if len(set(names)) < len(names) or not names:
        require.fail("--sweep", "name at least one axis, each once", names, "give name=low:high:n")
    if both := sorted(set(names) & {*named, *options}):
        require.fail("--sweep", "not be fixed by --set too", both, "keep one of them")
    chosen = (policies or first.policies, start or first.start, seed, checks)
    return Sweep(id, instance, parsed, {n: v for n, v in fixed.items() if n not in names}, *chosen)


def plain(name: str, value: Any) -> Any:
    """A value that is the same for whom its text is: a number, word, truth value, None, or a tuple of these.

    Raises:
        InputError: another one, by whose text finished cells could not be told apart.

    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return type(value)(plain(name, each) for each in value)
    if value is not None and not isinstance(value, bool | int | float | str):
        remedy = "build it in the function of a problem file"
        require.fail(name, "be a number, word, truth value or a list of them", value, remedy)
    return value
