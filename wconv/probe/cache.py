"""Finished cells on disk, each under the hash of everything that its numbers depend on."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from wconv import _require as require
from wconv._files import atomic_write
from wconv.probe.cell import lasting
from wconv.probe.order import Point, Sweep
from wconv.probe.sources import digest
from wconv.report.schema import Result
from wconv.verify.plan import is_file


def default_folder() -> Path:
    """Where cells are kept unless one says otherwise: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wconv" / "cells"


@dataclass(frozen=True, eq=False)
class Cells:
    """The finished cells of a sweep in a folder.

    A cell's file is named by the SHA-256 of all sources of wconv, the files of check and problem with what
    they import, all parameters, versions and precision, and holds a digest of its content: what was torn
    or edited is not believed.
    """

    folder: Path
    sweep: Sweep
    broken: list[Path] = field(default_factory=list)
    """Files that were found damaged; their cells are computed again."""

    @cached_property
    def about(self) -> dict[str, Any]:
        """Everything but the parameters that the numbers of a cell depend on, when the sweep began."""
        sweep = self.sweep
        return {
            **sweep.code(),
            "id": sweep.id,
            "instance": sweep.instance,
            "places": [
                _place(sweep.instance if is_file(sweep.instance) else ""),
                _place(sweep.checks or ""),
            ],
            "policies": sweep.policies,
            "start": sweep.start,
            "seed": sweep.seed,
        }

    def path(self, point: Point) -> Path:
        """The file of a cell, whether it is there or not."""
        key = {**self.about, "parameters": _named(self.sweep.parameters(point))}
        name = digest(json.dumps(key, sort_keys=True).encode())
        return self.folder / name[:2] / f"{name}.json"

    def read(self, point: Point) -> Result | None:
        """The result of a finished cell; None where there is none, or none that is whole."""
        path = self.path(point)
        if not path.is_file():
            return None
        try:
            told, _, text = path.read_bytes().partition(b"\n")
            if told.decode() != digest(text):
                raise ValueError("another digest")
            return Result.model_validate_json(text)
        except (ValueError, OSError):
            self.broken.append(path)
            return None

    def write(self, point: Point, result: Result) -> None:
        """Keep a finished cell, atomically; not one that failed for want of memory, a process or a file.

        Raises:
            InputError: when the folder cannot be written; when a file of the check or problem was edited
                since the sweep began: nobody knows then which one the cell is of.

        """
        if not lasting(result):
            return
        if any(self.about[name] != now for name, now in self.sweep.code().items()):
            what = "one that was edited while the sweep ran"
            require.fail("files of check and problem", "stay as they are", what, "run it again")
        path, text = self.path(point), result.model_dump_json().encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"{self.folder} ({error.strerror})"
            require.fail("cache", "be a folder that can be written", reason, "choose another")
        atomic_write(path, digest(text).encode() + b"\n" + text)


def _place(path: str) -> str:
    """Where a file of the user's lies: it may read others beside it."""
    return str(Path(path).resolve()) if path else ""


def _named(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters with their values written so that different ones are written differently."""
    return {name: repr(value) for name, value in parameters.items()}
