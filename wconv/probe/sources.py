"""The code that a cell's numbers depend on, as hashes: wconv, the check, a problem file, what they import."""

import ast
import hashlib
import platform
import site
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from wconv import _require as require
from wconv.report.environment import versions
from wconv.theory.registry import BUILT_IN
from wconv.verify.plan import is_file

PACKAGES: Final = ("numpy", "scipy", "jax", "jaxlib", "POT", "sympy")
PRECISION: Final = "float64"
"""Of the kernels that checks run; part of the key, so that no other one is taken for it."""

APART: Final = ("gallery", "cli")
"""Folders of wconv that no check imports: pictures and commands."""

INSTALLED: Final = tuple(
    Path(folder).resolve()
    for folder in (
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
    )
)
"""Where modules lie that come and go by versions, and are not followed."""


def about(instance: str, body: Callable[..., Any], checks: str | None) -> dict[str, Any]:
    """Hashes and versions of all code that a check on an instance depends on, the same on every machine.

    Args:
        instance: of the zoo, or a problem file.
        body: of the check, whose package is hashed where there are no ``checks``.
        checks: the user's file or folder of checks.

    Raises:
        InputError: a problem file that is missing; a module of the user's that was edited after it had been
            imported, so that what runs is not what would be hashed.

    """
    return {
        "sources": _package("wconv"),
        "checks": digest_of_checks(checks) or _package(body.__module__.partition(".")[0]),
        "problem": _problem_file(instance),
        "versions": _versions(),
        "precision": PRECISION,
        "machine": platform.machine(),
    }


def digest_of_checks(path: str | None) -> str:
    """The hash of a user's checks and of what they import; "" without any (or none there)."""
    return _followed(_files(Path(path))) if path and Path(path).exists() else ""


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _problem_file(spec: str) -> str:
    if not is_file(spec):
        return ""
    path = Path(spec.rpartition(":")[0] if ".py:" in spec else spec)
    if not path.is_file():
        require.fail("problem file", "exist", str(path), "check the path")
    return _followed([path]) if path.suffix == ".py" else digest(path.read_bytes())


@cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | versions(PACKAGES)


@cache
def _package(name: str) -> str:
    """The hash of a package (or of a module of one file); of a user's with what it imports."""
    module = import_module(name)
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    files = [file for folder in folders for file in _files(folder)]
    if name == "wconv":
        apart = [folder / part for folder in folders for part in APART]
        files = [file for file in files if not any(part in file.parents for part in apart)]
    files = files or [Path(module.__file__ or "")]
    return _hashed(files) if name in ("wconv", BUILT_IN) else _followed(files)


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _hashed(files: Iterable[Path]) -> str:
    """A hash of files by name and content."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.name} {digest(file.read_bytes())}\n".encode())
    return total.hexdigest()


_SEEN: Final[dict[Path, str]] = {}
"""Imported modules of the user's by the hash that they had when they were first followed."""


def _followed(files: Iterable[Path]) -> str:
    """A hash of files and of all modules that they import, but for wconv and what is installed."""
    found = list(dict.fromkeys(file.resolve() for file in files))
    own = len(found)
    for file in found:  # grows while it is gone through
        found += [module for module in _imported(file) if module not in found]
    for module in found[own:]:
        now = digest(module.read_bytes())
        if _SEEN.setdefault(module, now) != now:
            what = f"one edited after its import: {module}"
            require.fail("imported module", "be the one on disk", what, "start Python anew")
    return _hashed(found)


def _imported(file: Path) -> Iterator[Path]:
    """The files of the modules that a file imports, as far as they are the user's."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # whoever runs the file tells it
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            yield from _located(name, file)


def _located(name: str, importer: Path) -> Iterator[Path]:
    """The file of a module, if it is there and the user's."""
    if name.partition(".")[0] == "wconv":
        return
    level = len(name) - len(name.lstrip("."))
    if level:
        stem = importer.parents[level - 1].joinpath(*filter(None, name[level:].split(".")))
        places = [stem.with_suffix(".py"), stem / "__init__.py"]
    else:
        try:
            spec = find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return
        places = [Path(spec.origin)] if spec and spec.origin and spec.has_location else []
    for place in places:
        path = place.resolve()
        installed = any(folder in path.parents for folder in INSTALLED)
        if path.suffix == ".py" and path.is_file() and not installed:
            yield path
