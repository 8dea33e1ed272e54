"""Grids of action spaces as plain records: the kind of the space, its fields, nodes an axis."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.model import numbers
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Grid, Interval, TailedLine, Torus


def entry(record: Mapping[str, Any], key: str) -> Any:
    """The value of a key that must be there."""
    if key not in record:
        require.fail(key, "be in the file", "no such entry", "see the format in wconv.mdp.files")
    return record[key]


def mapping(symbol: str, value: Any) -> Mapping[str, Any]:
    """The value, which must be an object with named entries."""
    if not isinstance(value, Mapping):
        require.fail(symbol, "be an object with named entries", value, "see wconv.mdp.files")
    return value


def indices(symbol: str, value: Any, below: int) -> Array:
    """An array of whole numbers in [0, below)."""
    array = np.atleast_1d(numbers(symbol, value))
    bad = array[~((array >= 0) & (array < below) & (array == np.floor(array)))]
    if bad.size:
        require.fail(symbol, f"be whole numbers in [0, {below})", bad[0], "count from zero")
    return array.astype(np.int64)


def grid_record(grid: Grid) -> dict[str, Any]:
    """The record that ``read_grid`` turns into the same grid.

    Raises:
        InputError: when the grid is not what its space makes, so that a record cannot hold it.

    """
    space: Any = grid.space
    kind = next((name for name, (made, _) in _KINDS.items() if type(space) is made), None)
    if kind is None:
        require.fail(
            "grid.space", "be a space of wconv", type(space).__name__, "use one of its spaces"
        )
    stored = {name: getattr(space, name) for name in _KINDS[kind][1]}
    record = {"kind": kind, **{k: v for k, v in stored.items() if v is not None}}
    if grid.shape:
        record["n"] = grid.shape[0]
    again = read_grid(record)
    for name in ("nodes", "weights", "log_lebesgue", "edges", "lengths"):
        if not np.array_equal(getattr(again, name), getattr(grid, name)):
            require.fail(f"grid.{name}", "be what its space makes", "others", "use space.grid(n)")
    return record


def read_grid(record: Any) -> Grid:
    """The grid of a record.

    Raises:
        InputError: naming the entry that is missing or wrong.

    """
    fields = mapping("actions", record)
    kind = str(entry(fields, "kind"))
    made, readers = _KINDS[require.choice("kind", kind, _KINDS)]
    values = {
        name: read(name, entry(fields, name))
        for name, read in readers.items()
        if name in fields or name not in _OPTIONAL
    }
    if "edges" in values:
        size = len(np.atleast_1d(values["points"]))
        edges = indices("edges", values["edges"], size)
        # JSON writes no pairs as [], whose shape is (0,).
        require.shape("edges", edges, (len(edges), 2) if edges.size else edges.shape, "(edges, 2)")
        values["edges"] = edges
    grid: Grid = made(**values).grid(None if made is FiniteSet else entry(fields, "n"))
    return grid


def _reals(symbol: str, value: Any) -> tuple[float, ...]:
    return tuple(float(x) for x in np.atleast_1d(numbers(symbol, value)).ravel())


def _dim(symbol: str, value: Any) -> int:
    return require.count(symbol, value, 1)


_OPTIONAL: Final = ("weights", "metric", "edges")

_Readers = Mapping[str, Callable[[str, Any], Any]]

_KINDS: Final[Mapping[str, tuple[type[Any], _Readers]]] = {
    "interval": (Interval, {"low": require.real, "high": require.real}),
    "box": (Box, {"low": _reals, "high": _reals}),
    "torus": (Torus, {"length": require.real, "dim": _dim}),
    "gaussian": (GaussianLine, {"scale": require.real, "reach": require.real}),
    "tailed": (TailedLine, dict.fromkeys(("power", "scale", "depth"), require.real)),
    "finite": (
        FiniteSet,
        {"points": numbers, "weights": numbers, "metric": numbers, "edges": numbers},
    ),
}
