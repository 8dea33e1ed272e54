"""How the figures look and what they leave: PDF, PNG, the numbers, and their paths on the screen."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

import wconv as wc

COLUMN = 3.4
"""Width of a column in inches."""

MEASURED, PROVED, CEILING, AGAINST = "#0072B2", "#D55E00", "#7F7F7F", "#009E73"
"""Okabe and Ito's blue, vermillion and green, and a grey: told apart by every kind of colour vision."""

STATES = ("#0072B2", "#56B4E9", "#009E73", "#E69F00")
STYLE: Any = {
    "font.family": "STIXGeneral",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handlelength": 2.4,
    "mathtext.fontset": "stix",
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
}


def measured(axes: Any, x: np.ndarray, y: wc.Measured, label: str, **style: Any) -> None:
    """A solid curve in the band of its errors."""
    style = {"color": MEASURED} | style
    axes.plot(x, y.value, label=label, **style)
    axes.fill_between(x, y.lower, y.upper, color=style["color"], alpha=0.25, linewidth=0)


def proved(axes: Any, x: np.ndarray, sides: tuple[Any, Any], label: str, **style: Any) -> None:
    """A dashed curve at the proved side of its constants, the band reaching to the other side."""
    style = {"color": PROVED, "linestyle": (0, (4, 2))} | style
    axes.plot(x, sides[0], label=label, **style)
    axes.fill_between(x, *sides, color=style["color"], alpha=0.2, linewidth=0)


def note(axes: Any, x: float, y: float, text: str, colour: str, where: str) -> None:
    """Words "above" or "below" the right end (x, y) of a curve."""
    above = where == "above"
    place = {"ha": "right", "va": "bottom" if above else "top", "textcoords": "offset points"}
    axes.annotate(text, (x, y), (0, 4 if above else -4), color=colour, **place)


def save(
    draw: Callable[[Any], Figure], found: Any, out: Path, name: str, **data: np.ndarray
) -> list[Path]:
    """Draw what was found in the house's style; write name.pdf, name.png and the numbers, name.npz."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{name}.{kind}" for kind in ("pdf", "png", "npz")]
    with rc_context(STYLE):
        figure = draw(found)
        figure.savefig(paths[0], metadata={"CreationDate": None})
        figure.savefig(paths[1])
    np.savez(paths[2], **data)
    return paths


def show(main: Callable[[Path], list[Path]]) -> None:
    """Run a script: the folder is its argument, by default figures/out."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "out"
    for path in main(out):
        print(path)


def largest_reward(mdp: wc.MDP) -> float:
    """sup|r|, of the functions and not of the nodes alone."""
    found = wc.regularity(mdp)
    return float(max(np.abs(found.r_low.lower).max(), np.abs(found.r_high.upper).max()))


def of_reference(mdp: wc.MDP) -> float:
    """The upper side of C_LS(μ)."""
    return float(wc.log_sobolev(wc.uniform(mdp)).upper.max())
