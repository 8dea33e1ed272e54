"""Making, saving and redrawing figures: every file is written whole or not at all."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wconv import _require as require
from wconv._axes import Array
from wconv._files import atomic_write
from wconv.gallery.caption import caption
from wconv.gallery.figure import Data, Figure
from wconv.report.environment import environment
from wconv.report.export import check_writable
from wconv.report.schema import Result
from wconv.report.sound import first_of
from wconv.report.style import house_style

SCHEMA: Final = 2
METADATA: Final[Mapping[str, Any]] = {
    "pdf": {"CreationDate": None},
    "png": {},
    "svg": {"Date": None},
}
"""By format. Without dates the same numbers give the same bytes."""


class Record(BaseModel):
    """What stands beside the numbers: caption, verdicts, environment, and which numbers they belong to.

    ``digest`` and ``seal`` tell what was torn or edited by hand; they are no signature.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings", extra="forbid")

    version: int = Field(default=SCHEMA, alias="schema")
    name: str
    title: str
    caption: str
    results: list[Result]
    environment: dict[str, str]
    data: dict[str, list[int]]
    """Shapes of the arrays of NAME.npz."""
    digest: str
    """SHA-256 of NAME.npz."""
    seal: str = ""
    """SHA-256 of all the rest: what was edited is not drawn again."""

    @property
    def own_seal(self) -> str:
        """What ``seal`` must be."""
        return _sha256(self.model_dump_json(by_alias=True, exclude={"seal"}).encode())


class _Saved(dict[str, Array]):
    """Numbers from a file; a missing array is an error that says what to do."""

    def __init__(self, arrays: Mapping[str, Array], figure: str, remedy: str) -> None:
        super().__init__(arrays)
        self.figure, self.remedy = figure, remedy

    def __missing__(self, key: str) -> Array:
        names = ", ".join(self) or "no array"
        require.fail(f"data of {self.figure}", f"hold the array {key!r}", names, self.remedy)


def make(figure: Figure, out: Path) -> Record:
    """Compute a figure and write NAME.npz, .json, .pdf, .png and .svg into an existing folder.

    Returns:
        The record as written to NAME.json.

    Raises:
        InputError: a folder that cannot be written to.

    """
    check_writable(list(paths(figure, out).values()))
    data = {name: np.asarray(array) for name, array in figure.compute().items()}
    numbers = _packed(data)
    results = [one.result() for one in figure.claims]
    written = record(figure, results, environment(), data, _sha256(numbers))
    pictures = drawn(figure, data)
    atomic_write(paths(figure, out)["npz"], numbers)
    _write(figure, out, written, pictures)
    return written


def redraw(figure: Figure, out: Path) -> Record:
    """Draw a figure again from NAME.npz and NAME.json of a folder; nothing is computed but the picture.

    Returns:
        The record, whose caption has the words of today and the verdicts of then.

    Raises:
        InputError: numbers or a record that are missing, broken, of another version, or not as written.

    """
    found = paths(figure, out)
    remedy = f"compute it anew: wconv figures {figure.name} --out {out}"
    old, numbers = _read(found, figure.name, remedy)
    check_writable(list(found.values()))
    with np.load(io.BytesIO(numbers), allow_pickle=False) as arrays:
        data = _Saved(dict(arrays), figure.name, remedy)
    if [(r.id, r.instance) for r in old.results] != [(c.id, c.instance) for c in figure.claims]:
        theirs = ", ".join(f"{r.id} on {r.instance}" for r in old.results)
        require.fail(f"record of {figure.name}", "speak of the claims shown today", theirs, remedy)
    pictures = drawn(figure, data)
    written = record(figure, old.results, old.environment, data, old.digest)
    _write(figure, out, written, pictures)
    return written


def record(
    figure: Figure,
    results: Sequence[Result],
    environment: dict[str, str],
    data: Data,
    digest: str,
) -> Record:
    """The record of a figure, with its caption and seal."""
    whole = Record(
        schema=SCHEMA,
        name=figure.name,
        title=figure.title,
        caption=caption(figure, results),
        results=list(results),
        environment=environment,
        data={name: list(np.shape(array)) for name, array in data.items()},
        digest=digest,
    )
    return whole.model_copy(update={"seal": whole.own_seal})


def paths(figure: Figure, out: Path) -> dict[str, Path]:
    """The files of a figure by format."""
    return {kind: out / f"{figure.name}.{kind}" for kind in ("npz", "json", *METADATA)}


def drawn(figure: Figure, data: Data) -> dict[str, bytes]:
    """The picture in every format; the same numbers give the same bytes."""
    pictures = {}
    for kind, metadata in METADATA.items():
        # A figure that was saved once is laid out from there: each format gets its own.
        with house_style():
            stream = io.BytesIO()
            figure.draw(data).savefig(stream, format=kind, metadata=metadata)
        pictures[kind] = stream.getvalue()
    return pictures


def _packed(data: Mapping[str, Array]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **data)
    return stream.getvalue()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(found: Mapping[str, Path], name: str, remedy: str) -> tuple[Record, bytes]:
    """The record and the numbers it belongs to."""
    for kind in ("json", "npz"):
        if not found[kind].is_file():
            require.fail(f"data of {name}", f"be saved as {found[kind]}", "no such file", remedy)
    try:
        old = Record.model_validate_json(found["json"].read_bytes())
    except ValueError as error:
        told = first_of(error)
        require.fail(f"record {found['json']}", "be of this version of wconv", told, remedy)
    if old.version != SCHEMA:
        require.fail(f"schema of {found['json']}", f"be {SCHEMA}", old.version, remedy)
    if (old.seal, old.name) != (old.own_seal, name):
        require.fail(f"record {found['json']}", "be as it was written", "an edited one", remedy)
    numbers = found["npz"].read_bytes()
    if _sha256(numbers) != old.digest:
        require.fail(f"data {found['npz']}", "be those of its record", "other bytes", remedy)
    return old, numbers


def _write(figure: Figure, out: Path, written: Record, pictures: Mapping[str, bytes]) -> None:
    places = paths(figure, out)
    text = written.model_dump_json(by_alias=True, indent=1) + "\n"
    atomic_write(places["json"], text.encode())
    for kind, picture in pictures.items():
        atomic_write(places[kind], picture)
