"""Problems as files: ``.npz`` (NumPy arrays) and ``.json`` (for other programs).

A JSON file is one object; numbers are written so that reading them back gives the same bits::

    {"format": "wconv-mdp", "version": 1, "name": "mine",
     "reward": [[r(s, a) for a] for s],
     "transition": [[[P(s'|s, a) for s'] for a] for s],
     "discount": 0.9, "temperature": 0.5, "initial": [rho(s) for s],
     "actions": {"kind": "interval", "n": 64, "low": -1.0, "high": 1.0},
     "parameters": {"seed": 0}}

``transition`` may be sparse: {"rows": [s*A + a, ...], "columns": [s', ...], "values": [...]}.
``actions`` is one of ``interval`` (n, low, high), ``box`` (n, low and high as lists), ``torus``
(n, length, dim), ``gaussian`` (n, scale, reach), ``finite`` (points; weights, metric, edges if they
are not the default); n counts nodes an axis. ``initial``, ``name`` and ``parameters`` may be left
out. An npz file has the same entries, those of an object as "actions.kind", "transition.rows", ...

Loading executes nothing and validates like ``make_mdp``. The functions of a smooth problem are not
stored.
"""

import io
import json
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._files import atomic_write
from wconv.mdp.model import MDP, make_mdp, numbers
from wconv.mdp.records import entry, grid_record, indices, mapping, read_grid
from wconv.mdp.triplets import transition_from

FORMAT: Final = "wconv-mdp"
VERSION: Final = 1
ENTRIES: Final = (
    "format", "version", "name", "reward", "transition", "discount", "temperature", "initial",
    "actions", "parameters",
)  # fmt: skip
"""What a file may hold: a misspelt optional entry must not be passed over."""

_UNREADABLE: Final = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What damaged or foreign files raise in zipfile, NumPy's header parser and json."""


def save(mdp: MDP, path: str | os.PathLike[str]) -> None:
    """Write a problem to ``path`` (.npz or .json), atomically.

    Raises:
        InputError: for another suffix, a path that cannot be written, parameters that are not plain
            numbers, strings or bools, or a grid that is not the one its space makes.

    """
    _, write = _format(path)
    atomic_write(path, write(_record(mdp)))


def load(path: str | os.PathLike[str]) -> MDP:
    """Read a problem from ``path`` (.npz or .json) and validate it.

    Raises:
        InputError: for a missing or damaged file, a wrong format or version, a missing entry
            (named), and everything ``make_mdp`` refuses.

    """
    read, _ = _format(path)
    if not Path(path).is_file():
        require.fail(f"path {path}", "be an existing file", "none", "check the spelling")
    try:
        record = read(Path(path).read_bytes())
    except _UNREADABLE as error:
        reason = f"{type(error).__name__}: {error}"
        require.fail(f"path {path}", "be a readable problem file", reason, "replace it")
    return _problem(mapping("file", record))


def _record(mdp: MDP) -> dict[str, Any]:
    for key, value in mdp.parameters.items():
        if not isinstance(value, bool | int | float | str):
            require.fail(f"parameter {key}", "be a plain value", value, "replace it before saving")
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": mdp.name,
        "reward": mdp.r,
        "transition": _transition_record(mdp),
        "discount": mdp.gamma,
        "temperature": mdp.tau,
        "initial": mdp.rho,
        "actions": grid_record(mdp.grid),
        "parameters": dict(mdp.parameters),
    }


def _transition_record(mdp: MDP) -> Any:
    if isinstance(mdp.P, np.ndarray):
        return mdp.P
    triplets = mdp.P.tocoo()
    return {"rows": triplets.row, "columns": triplets.col, "values": triplets.data}


def _problem(record: Mapping[str, Any]) -> MDP:
    if record.get("format") != FORMAT:
        require.fail("format", f"be {FORMAT!r}", record.get("format"), "this is another file")
    if record.get("version") != VERSION:
        require.fail("version", f"be {VERSION}", record.get("version"), "use a matching wconv")
    for key in record:
        require.choice(f"entry of {FORMAT}", key, ENTRIES)
    if not isinstance(record.get("name", ""), str):
        require.fail("name", "be a text", record["name"], "quote it")
    grid = read_grid(entry(record, "actions"))
    reward = numbers("reward", entry(record, "reward"))
    transition = entry(record, "transition")
    if isinstance(transition, Mapping):
        transition = _sparse(transition, (int(np.shape(np.atleast_1d(reward))[0]), grid.n))
    return make_mdp(
        reward,
        transition,
        discount=entry(record, "discount"),
        temperature=entry(record, "temperature"),
        grid=grid,
        initial=record.get("initial"),
        name=record.get("name", "mdp"),
        parameters=mapping("parameters", record.get("parameters", {})),
    )


def _sparse(record: Mapping[str, Any], shape: tuple[int, int]) -> Any:
    rows = indices("rows", entry(record, "rows"), shape[0] * shape[1])
    columns = indices("columns", entry(record, "columns"), shape[0])
    values = numbers("values", entry(record, "values"))
    for symbol, array in (("rows", rows), ("columns", columns), ("values", values)):
        require.shape(symbol, array, (rows.size,), "(stored entries,)")
    return transition_from(rows, columns, values, shape, sparse=True)


def _write_json(record: Mapping[str, Any]) -> bytes:
    def plain(value: Any) -> Any:
        return value.tolist()

    return json.dumps(record, default=plain, allow_nan=False).encode()


def _read_json(data: bytes) -> Any:
    return json.loads(data.decode())


def _write_npz(record: Mapping[str, Any]) -> bytes:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            flat.update({f"{key}.{inner}": item for inner, item in value.items()})
        else:
            flat[key] = value
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **flat)
    return stream.getvalue()


def _read_npz(data: bytes) -> dict[str, Any]:
    record: dict[str, Any] = {}
    # From memory: a damaged archive then leaves no open file behind.
    archive = np.load(io.BytesIO(data), allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("not an npz archive")
    for key in archive.files:
        array = archive[key]
        outer, _, inner = key.partition(".")
        place = record.setdefault(outer, {}) if inner else record
        place[inner or outer] = array if array.ndim else array.item()
    return record


_FORMATS: Final = {".json": (_read_json, _write_json), ".npz": (_read_npz, _write_npz)}


def _format(path: str | os.PathLike[str]) -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    suffix = Path(path).suffix
    if suffix not in _FORMATS:
        require.fail(f"path {path}", "end in .npz or .json", repr(suffix), "choose one")
    return _FORMATS[suffix]
