"""What the drawings share: a canvas, measured and proved curves, words beside a curve."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wconv._axes import Array
from wconv.report.style import DASH, GREY, MEASURED, PROVED

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def canvas(width: float, height: float) -> "Canvas":
    """An empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def measured(axes: Any, x: Any, y: Any, error: Any, label: str, **style: Any) -> None:
    """A solid curve in the band of its errors."""
    style = {"color": MEASURED} | style
    axes.plot(x, y, label=label, **style)
    axes.fill_between(x, y - error, y + error, color=style["color"], alpha=0.25, linewidth=0)


def points(axes: Any, x: Any, y: Any, label: str, **style: Any) -> None:
    """Numbers y[0] with bars at their errors y[1]."""
    style = {"color": MEASURED, "marker": "o", "capsize": 2} | style
    axes.errorbar(x, y[0], yerr=y[1], label=label, **style)


def proved(axes: Any, x: Any, y: Any, label: str, sharp: Any = None, **style: Any) -> None:
    """A dashed curve at the proved side of its constants, the band reaching to the other side."""
    style = {"color": PROVED, "linestyle": DASH} | style
    axes.plot(x, y, label=label, **style)
    if sharp is not None:
        axes.fill_between(x, y, sharp, color=style["color"], alpha=0.2, linewidth=0)


def note(
    axes: Any, x: float, y: float, text: str, colour: str, place: str = "above", **style: Any
) -> None:
    """Words at a point of a curve: "above" or "below" its right end, or to its "right"."""
    at: dict[str, tuple[tuple[int, int], dict[str, str]]] = {
        "above": ((0, 4), {"ha": "right", "va": "bottom"}),
        "below": ((0, -4), {"ha": "right", "va": "top"}),
        "right": ((5, 0), {"ha": "left", "va": "center"}),
    }
    offset, words = at[place]
    axes.annotate(text, (x, y), offset, color=colour, textcoords="offset points", **(words | style))


def slope(axes: Any, x: Array, y: float, power: float, text: str) -> None:
    """A dotted line of an order through (x_0, y), named at its end."""
    line = y * (x / x[0]) ** power
    axes.plot(x, line, ":", color=GREY, label="_")
    beside = {"textcoords": "offset points", "color": "0.4", "va": "top"}
    axes.annotate(text, (x[-1], line[-1]), (3, 2), **beside)


def under(data: Mapping[str, Array], part: str) -> dict[str, Array]:
    """The arrays "part/name" by name."""
    return {k.removeprefix(f"{part}/"): v for k, v in data.items() if k.startswith(f"{part}/")}


def flat(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Array]:
    """Arrays of several parts as "part/name", as they are saved."""
    return {f"{p}/{k}": np.asarray(v) for p, named in parts.items() for k, v in named.items()}
