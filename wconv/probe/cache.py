"""Finished cells on disk, each under the hash of everything that its numbers depend on."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from wconv._files import atomic_write
from wconv.probe.order import Point, Sweep
from wconv.report.schema import Result
from wconv.verify.plan import is_file

PACKAGES: Final = ("numpy", "scipy", "jax", "jaxlib", "POT", "sympy")
PRECISION: Final = "float64"
"""Of the kernels that checks run; part of the key, so that no other one is taken for it."""


def default_folder() -> Path:
    """Where cells are kept unless one says otherwise: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wconv" / "cells"


@dataclass(frozen=True, eq=False)
class Cells:
    """The finished cells of a sweep in a folder.

    A cell's file is named by the SHA-256 of all sources of wconv, the check's files, all parameters,
    versions and precision, and holds a digest of its content: what was torn or edited is not believed.
    """

    folder: Path
    sweep: Sweep
    broken: list[Path] = field(default_factory=list)
    """Files that were found damaged; their cells are computed again."""

    def path(self, point: Point) -> Path:
        """The file of a cell, whether it is there or not."""
        key = {**_about(self.sweep), "parameters": _named(self.sweep.parameters(point))}
        name = _digest(json.dumps(key, sort_keys=True).encode())
        return self.folder / name[:2] / f"{name}.json"

    def read(self, point: Point) -> Result | None:
        """The result of a finished cell; None where there is none, or none that is whole."""
        path = self.path(point)
        if not path.is_file():
            return None
        try:
            digest, _, text = path.read_bytes().partition(b"\n")
            if digest.decode() != _digest(text):
                raise ValueError("another digest")
            return Result.model_validate_json(text)
        except ValueError:
            self.broken.append(path)
            return None

    def write(self, point: Point, result: Result) -> None:
        """Keep a finished cell, atomically.

        Raises:
            InputError: when the folder cannot be written.

        """
        path, text = self.path(point), result.model_dump_json().encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, _digest(text).encode() + b"\n" + text)


def _about(sweep: Sweep) -> dict[str, Any]:
    """Everything but the parameters that the numbers of a cell depend on."""
    return {
        "id": sweep.id,
        "instance": sweep.instance,
        "problem": _problem_file(sweep.instance),
        "policies": sweep.policies,
        "start": sweep.start,
        "seed": sweep.seed,
        "sources": _package("wconv"),
        "checks": _folder(Path(sweep.checks)) if sweep.checks else _package(_home(sweep)),
        "versions": _versions(),
        "precision": PRECISION,
        "machine": platform.machine(),
    }


def _home(sweep: Sweep) -> str:
    """The package that the check is from."""
    return sweep.check.body.__module__.partition(".")[0]


def _problem_file(spec: str) -> str:
    if not is_file(spec):
        return ""
    return _digest(Path(spec.rpartition(":")[0] if ".py:" in spec else spec).read_bytes())


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def _package(name: str) -> str:
    return _folder(Path(import_module(name).__file__ or "").parent)


def _folder(path: Path) -> str:
    """A hash of all Python files of a folder (or of one file), by name and content."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(path)} {_digest(file.read_bytes())}\n".encode())
    return total.hexdigest()


def _named(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters with their values written so that different ones are written differently."""
    return {name: repr(value) for name, value in parameters.items()}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
