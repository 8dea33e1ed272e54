"""Theorems of other packages: checks found through the entry-point group ``wconv.checks``.

A package offers its checks in its ``pyproject.toml``::

    [project.entry-points."wconv.checks"]
    my-theorems = "my_theorems.checks"

The value names a check file or a package of them. Installed next to wconv, they are listed, explained and
verified like the built-in ones, in a chapter named after their distribution.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, ClassVar, Final, Protocol, TypeVar

from wconv import _require as require

GROUP: Final = "wconv.checks"
"""The group of the entry points."""

HOME: Final = "wconv"
"""Where checks come from that are no plugin's."""


class _Check(Protocol):
    """What is looked at in a check: a dataclass with an id, a chapter and a body."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> str: ...
    @property
    def body(self) -> Callable[..., Any]: ...


CheckT = TypeVar("CheckT", bound=_Check)


def add_installed(found: dict[str, CheckT], kind: type[CheckT]) -> None:
    """Add the checks (instances of ``kind``) of installed packages to those ``found`` so far, by id.

    Raises:
        InputError: a package that does not import (named, with its error) or defines no check; an id that two
            distributions use (both named).

    """
    owner = dict.fromkeys(found, HOME)
    for distribution, modules in _offered():
        own = [
            value
            for module in modules
            for value in vars(module).values()
            if isinstance(value, kind) and value.body.__module__ == module.__name__
        ]
        if not own:
            where = ", ".join(module.__name__ for module in modules)
            require.fail(
                f"checks of {distribution}",
                "define a @check",
                f"none in {where}",
                "name check files",
            )
        for item in own:
            if item.id in owner:
                both = f"one of {owner[item.id]} and one of {distribution}"
                remedy = f"uninstall {distribution}, or have one of them renamed"
                require.fail(f"check {item.id}", "have an id of its own", both, remedy)
            owner[item.id] = distribution
            found[item.id] = replace(item, chapter=distribution)


def _offered() -> Iterator[tuple[str, list[ModuleType]]]:
    """Every entry point, by its distribution's name: the modules it names."""
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (_distribution(e), e.name)):
        yield _distribution(entry), _modules(_distribution(entry), entry.module)


def _distribution(entry: Any) -> str:
    return str(entry.dist.name) if entry.dist else str(entry.value)


def _modules(distribution: str, name: str) -> list[ModuleType]:
    """The module of this name, or all modules of the package."""
    try:
        root = importlib.import_module(name)
        if not hasattr(root, "__path__"):
            return [root]
        inside = pkgutil.walk_packages(root.__path__, name + ".")
        return [root, *(importlib.import_module(info.name) for info in inside)]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a package may raise anything
        what = f"{name}, which raises {type(error).__name__}: {error}"
        remedy = f"mend {distribution} or uninstall it"
        require.fail(f"checks of {distribution}", "import cleanly", what, remedy)
