"""A figure of one density and its constants: what it looks like, what is extremal, every bound found."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv._files import atomic_write
from wconv.report.constants import SHARP, ConstantLike, SideLike
from wconv.report.style import BLUE, GREEN, PAGE, PURPLE, VERMILLION, house_style

COLOURS: Final = {"C_P": BLUE, "C_T": GREEN, "C_LS": VERMILLION}
DASHES: Final = {"C_P": "-", "C_T": (0, (5, 1.5)), "C_LS": (0, (1.5, 1))}
NAMES: Final = {"C_P": r"$C_\mathrm{P}$", "C_T": r"$C_\mathrm{T}$", "C_LS": r"$C_\mathrm{LS}$"}
WITNESSES: Final = {
    "C_P": r"$C_\mathrm{P}$: $\varphi_1$",
    "C_T": r"$C_\mathrm{T}$: $d\nu/dp$",
    "C_LS": r"$C_\mathrm{LS}$: $g$",
}


class WitnessLike(Protocol):
    """A function that nearly attains a constant: its nodes and values (n,)."""

    @property
    def nodes(self) -> Array:
        """Positions."""
        ...

    @property
    def values(self) -> Array:
        """Values there."""
        ...


class PlottedConstant(ConstantLike, Protocol):
    """A constant with its witness."""

    @property
    def witness(self) -> WitnessLike | None:
        """None when there is no function to show."""
        ...


def plot_constants(
    path: str | os.PathLike[str],
    x: Array,
    log_density: Array,
    constants: Sequence[PlottedConstant],
    *,
    title: str = "",
) -> None:
    """Write a figure of three panels to a PNG or PDF file, whole or not at all.

    (a) the density and the potential −log p; (b) the extremal functions (of C_P the eigenfunction
    φ_1) times √p, scaled to a largest value of one; (c) on a logarithmic axis the bracket of every
    constant as a bar, and what every method gives as triangles that point to where the constant lies.

    Args:
        path: ends in .png or .pdf.
        x: ascending positions, shape (n,).
        log_density: log p there up to a constant, shape (n,); −inf where it vanishes.
        constants: of this density, each of shape ().
        title: above the figure.

    Raises:
        InputError: another ending, arrays of other shapes, constants of several states.

    """
    kind = require.choice("file ending", Path(path).suffix.lower().lstrip("."), ("png", "pdf"))
    x, logp = np.asarray(x, dtype=float), np.asarray(log_density, dtype=float)
    if x.ndim != 1 or x.shape != logp.shape or len(x) < 2:
        shapes = (x.shape, logp.shape)
        require.fail("x and log_density", "have one shape (n,)", shapes, "sample one density")
    if any(np.ndim(c.lower) for c in constants):
        require.fail("constants", "be of one density", "several states", "take one: constant[s]")
    from matplotlib.figure import Figure

    with house_style():
        rows = sum(2 + len(_methods(c)) for c in constants)
        figure = Figure(figsize=(PAGE, max(3.4, 1.0 + 0.16 * rows)), layout="constrained")
        panels = figure.subplot_mosaic([["a", "c"], ["b", "c"]], width_ratios=[1.0, 1.25])
        if title:
            figure.suptitle(title)
        _density(panels["a"], x, logp)
        _extremals(panels["b"], x, logp, constants)
        _bounds(panels["c"], constants)
        stream = io.BytesIO()
        figure.savefig(stream, format=kind)
    atomic_write(path, stream.getvalue())


def _density(axes: Any, x: Array, logp: Array) -> None:
    potential = logp.max() - logp
    p = np.exp(-potential)
    p = p / np.trapezoid(p, x)
    axes.fill_between(x, p, color="0.85", linewidth=0)
    axes.plot(x, p, color="0.3", linewidth=1)
    axes.set(xlim=(x[0], x[-1]), ylim=(0, None), ylabel="density $p$")
    axes.set_title("(a) density and potential")
    right = axes.twinx()
    right.plot(x, potential, color=PURPLE, linewidth=1, linestyle="--")
    # Where the density is negligible the potential only sets the scale.
    top = 1.1 * float(potential[p > 1e-6 * p.max()].max())
    right.set_ylim(0, np.clip(top, 1.0, 15.0))
    right.set_ylabel(r"$-\log p$ + const", color=PURPLE)
    right.spines["right"].set_visible(True)


def _extremals(axes: Any, x: Array, logp: Array, constants: Sequence[PlottedConstant]) -> None:
    """Witnesses times √p, which shows where they have their weight, scaled to a largest modulus of one."""
    root = np.exp((logp - logp.max()) / 2)
    for c in constants:
        if c.witness is None:
            continue
        nodes, values = np.ravel(c.witness.nodes), np.ravel(c.witness.values)
        weighted = values * np.interp(nodes, x, root)
        scaled = weighted / weighted[np.abs(weighted).argmax()]
        style = {"color": COLOURS[c.symbol], "linestyle": DASHES[c.symbol], "linewidth": 1.3}
        axes.plot(nodes, scaled, label=WITNESSES[c.symbol], **style)
    axes.axhline(0, color="0.7", linewidth=0.6, zorder=0)
    bottom = axes.get_ylim()[0]
    axes.set(xlim=(x[0], x[-1]), xlabel="action $a$", ylabel=r"times $\sqrt{p}$")
    axes.set_ylim(bottom, 1.0 + 0.35 * (1.0 - bottom))
    axes.set_title("(b) extremal functions")
    if axes.get_lines()[1:]:
        axes.legend(
            loc="upper center", ncols=3, handlelength=1.7, columnspacing=1.0, borderaxespad=0.0
        )


def _bounds(axes: Any, constants: Sequence[PlottedConstant]) -> None:
    """Rows from the top: the bracket of each constant as a bar, then what each method gives."""
    ticks: list[str] = []
    places: list[float] = []
    row = 0.0
    for c in constants:
        _bracket(axes, row, c)
        ticks.append(NAMES[c.symbol])
        places.append(row)
        for name, (low, high) in _methods(c).items():
            row += 1.0
            colour, ends = COLOURS[c.symbol], [v for v in (low, high) if 0 < v < np.inf]
            axes.plot(ends, [row] * len(ends), color=colour, linewidth=0.6, alpha=0.5)
            for value, marker in ((low, ">"), (high, "<")):
                if 0 < value < np.inf:
                    axes.plot(value, row, marker, color=colour, markersize=4, clip_on=False)
            ticks.append(name)
            places.append(row)
        row += 1.6
    axes.set_xscale("log")
    axes.set_ylim(row - 0.8, -1.0)
    axes.set_yticks(places, ticks)
    axes.tick_params(axis="y", length=0)
    for label in axes.get_yticklabels():
        label.set_fontsize(10 if label.get_text() in NAMES.values() else 7)
    _ticks(axes)
    axes.grid(axis="x", which="both", color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("constant (triangles point to where it lies)")
    axes.set_title("(c) brackets, and the bounds behind them")


def _ticks(axes: Any) -> None:
    """At least a factor of four, and as many plain numbers as have room."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    left, right = axes.get_xlim()
    left, right = min(left, right / 4), max(right, left * 4)
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if right < 100 * left else (1,)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _bracket(axes: Any, row: float, c: PlottedConstant) -> None:
    """The bar from low to high with its number; an arrow to the right where there is no upper bound."""
    low, high, colour = float(c.lower), float(c.upper), COLOURS[c.symbol]
    style = {"color": colour, "markersize": 9, "markeredgewidth": 1.4, "linewidth": 1.4}
    edge = {"xycoords": axes.get_yaxis_transform(), "va": "center", "color": colour, "fontsize": 7}
    if np.isfinite(high):
        axes.plot([low, high], [row, row], "-|", **style)
        wide = high > (1.0 + SHARP) * low
        shown = f"{low:.3g} to {high:.3g}" if wide else f"{float(c.estimate):.6g}"
        axes.annotate(
            shown, (high, row), (7, 0), textcoords="offset points", **edge | {"xycoords": "data"}
        )
        return
    if np.isfinite(low):
        axes.plot(low, row, "|", **style)
        arrow = {"arrowstyle": "->", "color": colour, "linewidth": 1.4}
        axes.annotate("", (1.0, row), (low, row), textcoords="data", arrowprops=arrow, **edge)
    axes.annotate("∞", (1.0, row), (4, 0), textcoords="offset points", **edge)


def _methods(c: ConstantLike) -> dict[str, tuple[float, float]]:
    """What each method gives at best: (lower, upper), 0 and infinity for nothing."""
    found: dict[str, tuple[float, float]] = {}
    for side in c.lower_sides:
        low, high = found.get(_family(side), (0.0, np.inf))
        found[_family(side)] = (max(low, float(side.value)), high)
    for side in c.upper_sides:
        low, high = found.get(_family(side), (0.0, np.inf))
        found[_family(side)] = (low, min(high, float(side.value)))
    return {name: ends for name, ends in found.items() if 0 < ends[0] < np.inf or ends[1] < np.inf}


def _family(side: SideLike) -> str:
    """The method without its variants; a bound taken over from another constant by that one's name."""
    name = side.method.split(",")[0].split(" by ")[0]
    return f"from {NAMES[name]}" if name in NAMES else name
