"""The registry: ``@check`` records, discovered from the built-in chapters or from a path.

A check file states one theorem: its module docstring is the statement, its name is the id with
underscores, and the decorated generator yields hypotheses and claims.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Literal

from wconv import _require as require
from wconv._user_code import run_file
from wconv.theory.cases import NO_PROBLEM, Case, Control
from wconv.theory.claims import Claim, Hypothesis, Identity
from wconv.theory.plugins import add_installed
from wconv.theory.statement import Statement, parse_statement

Item = Claim | Hypothesis | Identity
Body = Callable[[Any], Iterator[Item]]
Kind = Literal["exact", "continuum", "statistical", "symbolic"]
Actions = Literal["any", "continuum", "line", "plane"]
GRADES: dict[str, str] = {"exact": "C", "continuum": "C", "statistical": "D", "symbolic": "A"}
"""A symbolic; B ball arithmetic; C float64 with error bounds; D statistical."""

BUILT_IN = "theory_checks"


@dataclass(frozen=True)
class Check:
    """A theorem's check: statement, cases, controls and the generator of its claims."""

    statement: Statement
    chapter: str
    kind: Kind
    cases: tuple[Case, ...]
    controls: tuple[Control, ...]
    body: Body
    source: str
    actions: Actions = "any"
    """Which action sets it speaks of: any, a continuum, or one of dimension one or two."""
    path: str = ""
    """Where a user's check was found (what --checks was given); empty for built-in ones."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What a user may change about the method, with its defaults: step sizes, numbers of particles."""

    @property
    def id(self) -> str:
        """The id of the statement."""
        return self.statement.id

    @property
    def needs_problem(self) -> bool:
        """Whether its cases are problems (a symbolic statement covers all of them)."""
        return any(case.instance != NO_PROBLEM for case in self.cases)

    @property
    def grade(self) -> str:
        """How rigorous the numbers are (A to D)."""
        return GRADES[self.kind]


def check(
    id: str,
    *,
    cases: Sequence[Case],
    controls: Sequence[Control],
    kind: Kind = "exact",
    actions: Actions = "any",
    options: Mapping[str, Any] | None = None,
) -> Callable[[Body], Check]:
    """Turn a generator of hypotheses and claims into a Check (see docs/add-a-theorem.md).

    Raises:
        InputError: no cases, fewer than two controls, a control pinned to an unknown case, a case with
            an option that the check has not, or a docstring without its sections or with another id.
    """
    known = MappingProxyType(dict(options or {}))

    def register(body: Body) -> Check:
        module = sys.modules[body.__module__]
        source = Path(module.__file__ or body.__module__).name
        statement = parse_statement(module.__doc__, source)
        if statement.id != id:
            require.fail(
                f"id of {source}",
                f"be the docstring's {statement.id!r}",
                repr(id),
                "make them equal",
            )
        if not cases:
            require.fail(f"cases of {id}", "be at least one", 0, "add a case")
        if len(controls) < 2:
            require.fail(
                f"controls of {id}",
                "be at least two",
                len(controls),
                "a check that cannot fail is a bug",
            )
        for item in controls:
            if item.on not in cases:
                require.fail(
                    f"control {item.name!r} of {id}",
                    "be pinned to one of the cases",
                    item.on.instance,
                    "use on=CASES[i]",
                )
        for each in cases:
            for name in each.options:
                require.choice(f"option of {id}", name, known)
        chapter = body.__module__.rsplit(".", 2)[-2] if "." in body.__module__ else "user"
        both = tuple(cases), tuple(controls)
        return Check(statement, chapter, kind, *both, body, source, actions, options=known)

    return register


def discover(path: str | None = None) -> dict[str, Check]:
    """All checks by id: the built-in ones and those of installed packages, or those of a file or folder.

    Raises:
        InputError: a missing path, a check file or package that raises on import (named, with its
            error), one without a check, or two checks with one id.
    """
    found: dict[str, Check] = {}
    for module in _built_in() if path is None else _from_path(Path(path)):
        checks = [value for value in vars(module).values() if isinstance(value, Check)]
        if not checks:
            require.fail(
                f"check file {module.__name__}", "define a @check", "none", "decorate its generator"
            )
        for item in checks:
            if item.id in found:
                require.fail(
                    f"check {item.id}", "have an id of its own", item.source, "rename one of them"
                )
            found[item.id] = replace(item, path=path or "")
    if path is None:
        add_installed(found, Check)
    return found


def _built_in() -> Iterator[ModuleType]:
    package = importlib.import_module(BUILT_IN)
    for info in pkgutil.walk_packages(package.__path__, BUILT_IN + "."):
        if not info.ispkg:
            yield importlib.import_module(info.name)


def _from_path(path: Path) -> Iterator[ModuleType]:
    if not path.exists():
        require.fail("checks path", "exist", str(path), "give a .py file or a folder of them")
    for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
        yield run_file("check file", file)
