"""Ready probes: an assumption broken on purpose, swept and drawn; one module of the gallery each."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wconv._axes import Array
from wconv.gallery.figure import Data, Figure
from wconv.probe.api import run_sweep
from wconv.probe.cache import Cells, default_folder
from wconv.probe.cell import STATUSES
from wconv.probe.order import Sweep, make_sweep
from wconv.report.phase_plot import LOOKS, status_handles, strips

if TYPE_CHECKING:
    from xarray import Dataset

PREFIX = "wconv.gallery.probe_"


@dataclass(frozen=True)
class Asked:
    """A sweep as one types it: ``wconv probe ID --sweep … --on … --set … [--bisect]``."""

    id: str
    axes: tuple[str, ...]
    on: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    halvings: int = 0
    """Of the distance between cells, where the status changes along the first axis."""
    start: Any = None

    @property
    def command(self) -> str:
        """The same on the command line."""
        swept = " ".join(f"--sweep {axis}" for axis in self.axes)
        settings = "".join(f" --set {name}={value}" for name, value in self.fixed.items())
        start = f" --start {self.start}" if self.start else ""
        bisect = " --bisect" if self.halvings else ""
        return f"wconv probe {self.id} --on {self.on} {swept}{settings}{start}{bisect}"

    def order(self) -> Sweep:
        """The sweep in full."""
        fixed, start = self.fixed, self.start
        return make_sweep(self.id, self.axes, on=self.on, parameters=fixed, start=start)

    def run(self) -> "Dataset":
        """All cells, those that are known from the user's cache."""
        order = self.order()
        return run_sweep(order, Cells(default_folder(), order), halvings=self.halvings)


@dataclass(frozen=True)
class Ready:
    """An assumption of the theory, how it is broken, and the figure of what follows."""

    name: str
    question: str
    sweeps: tuple[Asked, ...]
    figure: Figure


def ready() -> dict[str, Ready]:
    """All ready probes by name: the modules ``wconv.gallery.probe_*`` each have one in ``PROBE``."""
    package = importlib.import_module("wconv.gallery")
    names = [info.name for info in pkgutil.iter_modules(package.__path__, "wconv.gallery.")]
    found = [importlib.import_module(n).PROBE for n in names if n.startswith(PREFIX)]
    return {probe.name: probe for probe in sorted(found, key=lambda probe: probe.name)}


def numbers(found: "Dataset") -> dict[str, Array]:
    """A sweep over one axis as plain arrays, for the file beside a figure.

    x, status (a number in ``STATUSES``), margin and tightness with errors; "lower NAME" and "upper NAME" of
    every constant; left, right and strip (a status) of the intervals on which the status stays; the interval
    low, high of every change.

    """
    (name,) = (axis for axis in found.dims if axis not in ("claim", "constant", "change"))
    statuses = list(STATUSES)
    stays = strips(found, [str(name)], found["status"].values)
    out = {
        "x": np.asarray(found[name].values),
        "status": np.array([statuses.index(status) for status in found["status"].values]),
        "left": np.array([left for left, _, _ in stays]),
        "right": np.array([right for _, right, _ in stays]),
        "strip": np.array([statuses.index(status) for _, _, status in stays]),  # type: ignore[arg-type]
    }
    out |= {n: found[n].values for n in ("margin", "margin_error", "tightness", "tightness_error")}
    for side in ("lower", "upper"):
        for k, constant in enumerate(found["constant"].values):
            out[f"{side} {constant}"] = found[f"constant_{side}"].values[..., k]
    for end in ("low", "high"):
        empty = np.empty(0)
        out[end] = found[f"change_{end}"].values if "change" in found.dims else empty
    return out


def ribbon(axes: Any, data: Data, *, height: float = 0.05) -> None:
    """The status along the horizontal axis as a ribbon at the foot of a panel."""
    for left, right, status in zip(data["left"], data["right"], data["strip"], strict=True):
        colour, hatch = LOOKS[STATUSES[int(status)]]
        axes.axvspan(
            left, right, 0, height, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0
        )


def ribbon_legend(where: Any, *parts: Data, **style: Any) -> None:
    """A legend of the statuses that occur, of a panel or a figure."""
    seen = {STATUSES[int(k)] for data in parts for k in data["strip"]}
    where.legend(handles=status_handles(seen), **style)
