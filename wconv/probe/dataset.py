"""The cells of a sweep as one labelled dataset, and its file (netCDF 4)."""

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wconv import _require as require
from wconv._files import atomic_write
from wconv.probe.bisection import Break
from wconv.probe.cell import status
from wconv.probe.order import Point, Sweep
from wconv.report.environment import environment
from wconv.report.schema import Result, numbered

if TYPE_CHECKING:
    from xarray import Dataset

NUMBERS: Final = ("margin", "margin_error", "tightness", "tightness_error", "seconds")
WORDS: Final = ("verdict", "message", "reproduce")
CLAIM: Final = ("margin", "margin_error", "tightness", "tightness_error")


def dataset(
    sweep: Sweep, found: Mapping[Point, Result], changes: Sequence[Break] = ()
) -> "Dataset":
    """All cells over the axes of the sweep: verdict, premise and conclusion, numbers, constants.

    ``status`` says both of premise and conclusion, ``fails`` names the hypotheses that fail; ``claim_margin``
    and the like have an axis "claim", ``constant_lower`` and ``constant_upper`` (of all points of a cell)
    an axis "constant". What a cell has not is NaN or "". Breaking values are on an axis "change".

    """
    from xarray import DataArray, Dataset

    dims, shape = [axis.name for axis in sweep.axes], sweep.shape
    cells = [found[point] for point in sweep.points]

    def over(values: Sequence[Any]) -> tuple[list[str], Any]:
        return dims, _array(values).reshape(shape)

    data: dict[str, Any] = {"status": over([status(cell) for cell in cells])}
    data["fails"] = over([_failing(cell) for cell in cells])
    data |= {name: over([getattr(cell, name) for cell in cells]) for name in (*NUMBERS, *WORDS)}
    by_name = [numbered(cell.claims) for cell in cells]
    claims = list(dict.fromkeys(name for cell in by_name for name in cell))
    for name in CLAIM:
        table = [[getattr(c.get(n), name, np.nan) for n in claims] for c in by_name]
        data[f"claim_{name}"] = _wide(dims, shape, "claim", table, float)
    told = [[c[n].verdict if n in c else "" for n in claims] for c in by_name]
    data["claim_verdict"] = _wide(dims, shape, "claim", told, object)
    spans = [_constants(cell) for cell in cells]
    constants = sorted({name for span in spans for name in span})
    for side, name in enumerate(("constant_lower", "constant_upper")):
        table = [[s[n][side] if n in s else np.nan for n in constants] for s in spans]
        data[name] = _wide(dims, shape, "constant", table, float)
    coordinates: dict[str, Any] = {
        axis.name: DataArray(
            _array(axis.values),
            dims=axis.name,
            attrs={"scale": axis.scale},
        )
        for axis in sweep.axes
    }
    coordinates |= {
        "claim": np.array(claims, dtype=object),
        "constant": np.array(constants, dtype=object),
    }
    data |= _changes(sweep, changes)
    return Dataset(data, coordinates, _about(sweep))


def _wide(
    dims: list[str], shape: tuple[int, ...], axis: str, table: list[list[Any]], kind: type
) -> tuple[list[str], Any]:
    width = len(table[0]) if table else 0
    return [*dims, axis], np.array(table, dtype=kind).reshape(*shape, width)


def _failing(cell: Result) -> str:
    return " ".join(h.name for h in cell.hypotheses if h.holds is False)


def _constants(cell: Result) -> dict[str, tuple[float, float]]:
    """The least lower and largest upper side of every constant, over all claims."""
    out: dict[str, tuple[float, float]] = {}
    for claim in cell.claims:
        for name, (low, high) in claim.constants.items():
            known = out.get(name, (low, high))
            out[name] = (min(low, known[0]), max(high, known[1]))
    return out


def _changes(sweep: Sweep, changes: Sequence[Break]) -> dict[str, Any]:
    if not changes:
        return {}
    found: dict[str, Any] = {
        "change_low": ("change", _array([c.low for c in changes])),
        "change_high": ("change", _array([c.high for c in changes])),
        "change_before": ("change", np.array([c.before for c in changes], dtype=object)),
        "change_after": ("change", np.array([c.after for c in changes], dtype=object)),
    }
    for place, axis in enumerate(sweep.axes[1:]):
        values = [change.others[place] for change in changes]
        found[f"change_{axis.name}"] = ("change", _array(values))
    return found


def _array(values: Sequence[Any]) -> Any:
    """An array of these: truth values, whole numbers or numbers if all are, else words."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return np.array(values, dtype=bool)
    if kinds <= {int, float}:
        return np.array(values, dtype=float if float in kinds else int)
    return np.array(values, dtype=object)


def _about(sweep: Sweep) -> dict[str, Any]:
    return {
        "title": f"{sweep.id} on {sweep.instance}",
        "id": sweep.id,
        "instance": sweep.instance,
        "fixed": json.dumps({name: repr(value) for name, value in sweep.fixed.items()}),
        "policies": sweep.policies,
        "start": sweep.start,
        "seed": sweep.seed,
        "axes": json.dumps([axis.name for axis in sweep.axes]),
        "environment": json.dumps(environment()),
    }


def write(path: Path, found: "Dataset") -> None:
    """Write a netCDF file, whole or not at all.

    Raises:
        InputError: naming the path, when the system refuses.

    """
    stream = io.BytesIO()
    found.to_netcdf(stream, engine="h5netcdf")
    atomic_write(path, stream.getvalue())


def read_sweep(path: str | os.PathLike[str]) -> "Dataset":
    """The dataset of a sweep from the file that ``wconv probe -o`` wrote.

    Raises:
        InputError: no file there, or another kind of file.

    """
    from xarray import load_dataset

    if not Path(path).is_file():
        require.fail("sweep file", "exist", str(path), "write one with wconv probe ID -o FILE.nc")
    try:
        found = load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError) as error:
        require.fail("sweep file", "be netCDF", str(error).splitlines()[0], "write it anew")
    if "status" not in found or "axes" not in found.attrs:
        require.fail("sweep file", "be of a sweep", str(path), "write it with wconv probe -o")
    return found
