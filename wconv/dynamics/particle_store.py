"""Samples of a run of particles on disk: one file each, written whole, so that a killed run goes on."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv._files import atomic_write


class Sample(NamedTuple):
    """Particles and centres (R, S, N, d), and the values V (R, S) the next step uses."""

    particles: Array
    centres: Array
    V: Array


class Store:
    """A folder of samples of one run, told by its ``about``; a folder of another run is refused."""

    def __init__(self, folder: str | Path, about: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        text = json.dumps(about, sort_keys=True, indent=1)
        note = self.folder / "run.json"
        if note.exists():
            found = note.read_text()
            if found != text:
                what = [
                    k
                    for k, v in about.items()
                    if _loaded(found).get(k) != json.loads(json.dumps(v))
                ]
                require.fail(
                    f"folder {folder}",
                    "hold samples of this run",
                    f"another one ({', '.join(what) or 'unreadable'} differ)",
                    "name another folder, or remove it",
                )
            return
        if self.folder.exists() and any(self.folder.iterdir()):
            need, remedy = "be new, empty or of this run", "name another folder"
            require.fail(f"folder {folder}", need, "a folder with other files", remedy)
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(note, text.encode())

    def samples(self) -> list[Sample]:
        """All samples up to the first that is missing or cannot be read."""
        found: list[Sample] = []
        while (path := self._path(len(found))).exists():
            try:
                with np.load(path) as file:
                    found.append(Sample(*(file[name] for name in Sample._fields)))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                break
        return found

    def add(self, k: int, sample: Sample) -> None:
        """Keep sample k."""
        stream = io.BytesIO()
        np.savez(stream, **sample._asdict())
        atomic_write(self._path(k), stream.getvalue())

    def _path(self, k: int) -> Path:
        return self.folder / f"sample-{k:05d}.npz"


def _loaded(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
