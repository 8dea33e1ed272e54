"""Samples of a run of particles on disk: one file each, written whole, so that a killed run goes on."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv._files import atomic_write
from wconv.dynamics.particle_space import geometry
from wconv.mdp.smooth import SmoothMDP

PROBES: Final = 64
"""Actions at which the functions of a problem are compared."""

ANOTHER: Final = "name another folder, or remove it"


class Sample(NamedTuple):
    """Particles and centres (R, S, N, d), and the values V (R, S) the next step uses."""

    particles: Array
    centres: Array
    V: Array


def identity(smooth: SmoothMDP, numbers: Iterable[Array], **words: Any) -> dict[str, Any]:
    """What tells a run: a hash of its problem and of the numbers it starts from, words, versions."""
    import jax

    from wconv import __version__

    names = [getattr(f, "__qualname__", repr(type(f))) for f in (smooth.reward, smooth.transition)]
    head = repr((names, smooth.n_states, smooth.discount, smooth.temperature, smooth.space))
    found = sha256(head.encode())
    for array in (*numbers, *_probed(smooth)):
        found.update(np.ascontiguousarray(array).tobytes())
    versions = {"wconv": __version__, "jax": jax.__version__}
    return {"problem": found.hexdigest()} | words | versions


def _probed(smooth: SmoothMDP) -> tuple[Array, Array]:
    """r and P at a few actions: functions of one name may hold other numbers."""
    import jax

    actions = geometry(smooth.space).draw(np.random.default_rng(0), (PROBES,))
    with jax.enable_x64(True):
        both = jax.vmap(lambda s, a: (smooth.reward(s, a), smooth.transition(s, a)), (None, 0))
        reward, kernel = jax.vmap(both, (0, None))(np.arange(smooth.n_states), actions)
        return np.asarray(reward), np.asarray(kernel)


class Store:
    """A folder of samples of one run, told by its ``about``; a folder of another run is refused."""

    def __init__(self, folder: str | PathLike[str], about: Mapping[str, Any]) -> None:
        text = json.dumps(about, sort_keys=True, indent=1)
        try:
            self.folder = Path(folder).expanduser()
            self.folder.mkdir(parents=True, exist_ok=True)
            note = self.folder / "run.json"
            found = note.read_bytes() if note.exists() else None
            # What a killed run has left of a file it was writing is no file.
            others = [path.name for path in self.folder.iterdir() if path.suffix != ".part"]
        except (OSError, TypeError, RuntimeError) as error:
            require.fail(f"folder {folder}", "be a folder that can be written", str(error), ANOTHER)
        if found is None:
            if others:
                need = "be new, empty or of this run"
                require.fail(f"folder {folder}", need, "a folder with other files", ANOTHER)
            atomic_write(note, text.encode())
            return
        told, wanted = _loaded(found), json.loads(text)
        if told != wanted:
            keys = [key for key in {**about, **told} if told.get(key) != wanted.get(key)]
            what = f"({', '.join(keys)} differ)" if told else "(its run.json cannot be read)"
            need = "hold samples of this run"
            require.fail(f"folder {folder}", need, f"another one {what}", ANOTHER)

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


def _loaded(text: bytes) -> dict[str, Any]:
    """What a run.json says, nothing if it is torn."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
