"""The picture of a sweep: where a theorem's premise and its conclusion hold, and where they end."""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.report.phase_table import told
from wconv.report.style import house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from xarray import DataArray, Dataset

LOOKS: Final = {
    "holds": ("#56B4E9", ""),
    "violated": ("#D55E00", ""),
    "inconclusive": ("#F0E442", ""),
    "premise fails, conclusion holds": ("#CDE9F8", "////"),
    "premise fails, conclusion violated": ("#F6CFB3", "xxxx"),
    "premise fails, conclusion undecided": ("#FBF6C1", "...."),
    "premise fails, conclusion not measured": ("#D9D9D9", "...."),
    "error": ("#000000", ""),
}
"""Colour and hatching of every status (Okabe and Ito's colours, pale where the premise fails)."""

LETTERS: Final = {"temperature": r"temperature $\tau$", "discount": r"discount $\gamma$"} | {
    "step_size": r"step $\eta$"
}
MOST: Final = 9
"""Panels of one figure."""


def plot_phases(found: "Dataset") -> "Figure":
    """Premise and conclusion over the axes of a sweep, from its dataset.

    One axis: the margin of the worst claim in the band of its errors over strips of status. Two: a row of
    strips for every value of the second. More: a panel for every value of the others. Dots are cells; a strip
    ends where bisection found the status to end, without it halfway between cells, and at the last cell.

    Raises:
        InputError: more than nine panels, or an axis that is not one of numbers.

    """
    from matplotlib.figure import Figure

    names = json.loads(found.attrs["axes"])
    require_drawable({name: found[name].values.tolist() for name in names})
    panels = list(product(*(found[name].values for name in names[2:])))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    with house_style():
        figure = Figure(figsize=(4.6 * columns, 0.9 + 3.0 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, values in zip(grid, panels, strict=False):
            here = dict(zip(names[2:], values, strict=True))
            (_one if len(names) == 1 else _two)(axes, _slice(found, here), names)
            axes.set_title(", ".join(f"{name} = {told(value)}" for name, value in here.items()))
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        figure.suptitle(found.attrs["title"], x=0.02, ha="left")
        _legend(figure, found)
    return figure


def require_drawable(axes: Mapping[str, Sequence[Any]]) -> None:
    """InputError unless the first two axes are of numbers, and the others have at most nine panels."""
    for name, values in list(axes.items())[:2]:
        if any(isinstance(value, bool | str) for value in values):
            remedy = "draw it over a numerical axis, name this one third"
            require.fail(f"axis {name}", "be one of numbers", list(values), remedy)
    panels = prod(len(values) for values in list(axes.values())[2:])
    if panels > MOST:
        remedy = "fix one of the axes by --set, or give it fewer values"
        require.fail("panels of the phase diagram", f"be at most {MOST}", panels, remedy)


def _slice(found: "Dataset", here: dict[str, Any]) -> "Dataset":
    """The cells and the changes at some values of the further axes."""
    out = found.sel(here)
    if "change" not in found.dims:
        return out
    keep = [
        all(found[f"change_{name}"].values[k] == value for name, value in here.items())
        for k in range(found.sizes["change"])
    ]
    return out.isel(change=np.flatnonzero(keep))


def _one(axes: Any, found: "Dataset", names: list[str]) -> None:
    x = found[names[0]]
    edges = _edges(x)
    for left, right, status in strips(found, names, found["status"].values):
        colour, hatch = LOOKS[status]
        axes.axvspan(
            left, right, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0, alpha=0.6
        )
    y, off = found["margin"].values, found["margin_error"].values
    axes.fill_between(x, y - off, y + off, color="0.2", alpha=0.3, linewidth=0)
    axes.plot(x, y, color="0.2", marker="o", markersize=3, linewidth=1.0)
    axes.axhline(0.0, color="0.2", linewidth=0.6)
    finite = np.abs(y[np.isfinite(y)])
    if finite.size and finite.max() > 100 * np.median(finite):
        axes.set_yscale("symlog", linthresh=max(float(np.median(finite)), 1e-12))
    axes.set(ylabel="margin of the worst claim", xlim=(edges[0], edges[-1]))
    _label(axes.xaxis, axes.set_xscale, x)


def _two(axes: Any, found: "Dataset", names: list[str]) -> None:
    from matplotlib.patches import Rectangle

    horizontal, vertical = (found[name] for name in names[:2])
    x, y = _edges(horizontal), _edges(vertical)
    rows = found["status"].transpose(names[1], names[0]).values
    for value, statuses, low, high in zip(vertical.values, rows, y, y[1:], strict=False):
        for left, right, status in strips(found, names, statuses, value):
            colour, hatch = LOOKS[status]
            corner, size = (left, float(low)), (right - left, float(high - low))
            strip = Rectangle(
                corner, *size, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0
            )
            axes.add_patch(strip)
    cells = np.meshgrid(horizontal.values, vertical.values)
    axes.plot(*cells, color="0.2", marker=".", markersize=2, linestyle="none", clip_on=False)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    _label(axes.xaxis, axes.set_xscale, horizontal)
    _label(axes.yaxis, axes.set_yscale, vertical)


def strips(
    found: "Dataset", names: list[str], statuses: Array, *row: Any
) -> list[tuple[float, float, str]]:
    """Intervals (left, right, status) of the first axis on which the status stays, in one row of the others.

    Args:
        found: the dataset of a sweep.
        names: of its axes.
        statuses: of the cells of the row, shape (n,).
        row: values of the other axes.

    """
    axis = found[names[0]]
    edges = _edges(axis)
    changes = []
    for k in range(found.sizes.get("change", 0)):
        change = found.isel(change=k)
        here = [change[f"change_{name}"].item() for name in names[1 : 1 + len(row)]]
        if here == list(row):
            low, high = change["change_low"].item(), change["change_high"].item()
            log = axis.attrs["scale"] == "log"
            middle = float(np.sqrt(low * high)) if log else (low + high) / 2
            changes.append((middle, str(change["change_after"].item())))
    starts = [(float(edges[0]), str(statuses[0])), *sorted(changes)]
    ends = [start for start, _ in starts[1:]] + [float(edges[-1])]
    return [(left, right, status) for (left, status), right in zip(starts, ends, strict=True)]


def _edges(axis: "DataArray") -> Array:
    """Borders of cells, halfway between values as the axis counts; the outer ones are values."""
    log = axis.attrs["scale"] == "log"
    values = np.log(axis.values) if log else np.asarray(axis.values, float)
    if len(values) == 1:
        steps = np.array([values[0] - 0.5, values[0] + 0.5])
    else:
        inner = (values[1:] + values[:-1]) / 2
        steps = np.concatenate([values[:1], inner, values[-1:]])
    return np.asarray(np.exp(steps) if log else steps)


def _label(axis: Any, scale: Any, values: "DataArray") -> None:
    if values.attrs["scale"] == "log":
        scale("log")
    name = str(values.name)
    axis.set_label_text(LETTERS.get(name, name.replace("_", " ")))


def status_handles(seen: Collection[str]) -> "list[Patch]":
    """What a legend shows of the statuses that occur, in their order."""
    from matplotlib.patches import Patch

    return [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=status)
        for status, (colour, hatch) in LOOKS.items()
        if status in seen
    ]


def _legend(figure: "Figure", found: "Dataset") -> None:
    handles = status_handles(set(found["status"].values.ravel()))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(2, len(handles)), frameon=False
    )
