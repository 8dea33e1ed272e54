"""A figure of a theorem's evidence: what was measured of every claim beside what is proved."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import Measured
from wconv.report import format as fmt
from wconv.report.style import DASH, MEASURED, PROVED, SEVERAL, house_style
from wconv.theory.claims import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARED: Final = "0.3"
"""Of what is the same for all colours."""

ALONG: Final = ("time", "step")
"""Axes that a claim over several is drawn along; times are joined, steps may be of several paths."""

DECADES: Final = 1.5
"""Positive numbers that span more than this are drawn on a logarithmic axis."""


def plot_claims(claims: Sequence[Claim], verdicts: Sequence[str], *, title: str) -> "Figure":
    """One panel a claim: the measured side in the band of its errors, and the proved side.

    Along time both sides are curves, elsewhere points. The proved side stands at the theorem's
    end of every constant, and its band reaches to the other end. A claim over several axes is drawn
    against its time or step (else its last axis), one colour for every point of the others: of more than
    four the tightest four, as the panel says. Infinite bounds are counted there.

    Args:
        claims: with the axes they name.
        verdicts: one a claim.
        title: above the figure.

    Raises:
        InputError: no claims.

    """
    if not claims:
        require.fail(
            "claims", "be at least one", 0, "choose a problem that the statement speaks of"
        )
    claims = [claim if claim.over else _on_one_point(claim) for claim in claims]
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    columns = 1 if len(claims) < 4 else 2
    rows = -(-len(claims) // columns)
    with house_style():
        figure = Figure(figsize=(5.0 * columns, 0.7 + 2.3 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, claim, verdict in zip(panels, claims, verdicts, strict=False):
            _panel(axes, claim)
            axes.set_title(fill(_plain(f"{claim.name}: {verdict}"), 62))
        for axes in panels[len(claims) :]:
            axes.set_axis_off()
        single = all(_columns(claim) == 1 for claim in claims)
        left, right = (MEASURED, PROVED) if single else (SHARED, SHARED)
        sides = [
            Line2D([], [], color=left, label="measured, with its error"),
            Line2D([], [], color=right, linestyle=DASH, label="proved"),
        ]
        figure.suptitle(fill(_plain(title), 60 * columns), x=0.01, ha="left", fontweight="bold")
        figure.legend(handles=sides, loc="outside lower left", ncols=2)
        figure.draw_without_rendering()  # places everything while the style is in force
    return figure


def _plain(text: str) -> str:
    """Text in which a dollar is a dollar."""
    return text.replace("$", r"\$")


def _columns(claim: Claim) -> int:
    """Points on the axes that are not drawn along."""
    shape = list(claim.lhs.value.shape)
    del shape[_along(claim)]
    return prod(shape)


def _along(claim: Claim) -> int:
    """The number of the axis drawn along: time or step, else the last."""
    along = [k for k, axis in enumerate(claim.over) if axis in ALONG]
    return along[0] if along else len(claim.over) - 1


def _panel(axes: Any, claim: Claim) -> None:
    """Both sides of a claim."""
    k = _along(claim)
    left, proved, other = (
        _table(side, k) for side in (claim.lhs, claim.right(), claim.right("sharp"))
    )
    chosen = _tightest(left.value, proved.value)
    x = _places(axes, claim, k, left.value.shape[0])
    several = left.value.shape[1] > 1
    shared = several and bool((proved.value == proved.value[:, :1]).all())
    for n, j in enumerate(chosen):
        colours = (SEVERAL[n], SHARED if shared else SEVERAL[n]) if several else (MEASURED, PROVED)
        name = _name(claim, k, j) if several else None
        sides = (left[:, j], proved[:, j], other[:, j])
        draw = _curves if claim.over[k] == "time" else _points
        draw(axes, x, sides, colours, name)
    _scale(axes, [left[:, chosen], proved[:, chosen]])
    missing = int(np.isinf(proved.value).sum())
    remarks = [f"bound infinite at {missing} of {proved.value.size} points"] if missing else []
    if len(chosen) < left.value.shape[1]:
        remarks.append(f"the {len(chosen)} tightest of {left.value.shape[1]}")
    if several or remarks:
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "alignment": "left"}
        entries = axes.get_legend_handles_labels()
        axes.legend(
            *entries, title="\n".join(remarks), title_fontsize=7, handlelength=1.2, **beside
        )


def _on_one_point(claim: Claim) -> Claim:
    """A claim without axes as one with a single point."""
    return replace(claim, lhs=claim.lhs[None], over=("claim",), labels={"claim": [""]})


def _table(side: Measured, k: int) -> Measured:
    """A side with the axis drawn along first, the others flattened."""

    def flat(array: Array) -> Array:
        moved = np.moveaxis(array, k, 0)
        return moved.reshape(moved.shape[0], -1)

    return Measured(flat(side.value), {name: flat(e) for name, e in side.errors.items()})


def _tightest(left: Array, right: Array) -> list[int]:
    """Columns to draw: all of a few, else those where the two sides come nearest to each other."""
    count = left.shape[1]
    if count <= len(SEVERAL):
        return list(range(count))
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(right - left) / np.maximum(np.abs(left), np.abs(right))
    nearest = np.where(np.isnan(apart), np.inf, apart).min(axis=0)
    return sorted(int(j) for j in np.argsort(nearest, kind="stable")[: len(SEVERAL)])


def _name(claim: Claim, k: int, j: int) -> str:
    """The point of a column on the other axes, "policy=rough state=3"."""
    shape = [n for i, n in enumerate(claim.lhs.value.shape) if i != k]
    index = [int(i) for i in np.unravel_index(j, shape)]
    where = claim.point([*index[:k], 0, *index[k:]])
    del where[claim.over[k]]
    return _plain(fmt.place(where))


def _places(axes: Any, claim: Claim, k: int, count: int) -> Array:
    """Abscissae: times where they are known, else the numbers of the points, with their names."""
    axis = claim.over[k]
    labels = claim.labels.get(axis)
    axes.set_xlabel("" if axis == "claim" else axis)
    if labels is not None and not isinstance(labels[0], str):
        return np.asarray(labels, dtype=float)
    x = np.arange(count, dtype=float)
    if labels is not None:
        axes.set_xticks(x, [_plain(str(label)) for label in labels], rotation=20, ha="right")
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if axis != "time":
        axes.set_xlim(-0.6, count - 0.4)
    return x


def _curves(
    axes: Any, x: Array, sides: Sequence[Measured], colours: Sequence[str], name: str | None
) -> None:
    left, proved, other = sides
    joined = {"linewidth": 1.3, "marker": "o", "markersize": 2.5}
    axes.plot(x, left.value, color=colours[0], label=name, **joined)
    axes.fill_between(x, left.lower, left.upper, color=colours[0], alpha=0.25, linewidth=0)
    finite = np.where(np.isfinite(proved.value), proved.value, np.nan)
    axes.plot(x, finite, color=colours[1], linestyle=DASH, linewidth=1.3)
    axes.fill_between(x, finite, other.value, color=colours[1], alpha=0.2, linewidth=0)


def _points(
    axes: Any, x: Array, sides: Sequence[Measured], colours: Sequence[str], name: str | None
) -> None:
    left, proved, other = sides
    bars = {"fmt": "o", "markersize": 4, "linewidth": 1.0, "capsize": 2}
    axes.errorbar(x, left.value, yerr=left.error, color=colours[0], label=name, **bars)
    finite = np.where(np.isfinite(proved.value), proved.value, np.nan)
    axes.hlines(finite, x - 0.35, x + 0.35, color=colours[1], linewidth=1.3)
    axes.vlines(x, finite, other.value, color=colours[1], alpha=0.3, linewidth=4)


def _scale(axes: Any, sides: Sequence[Measured]) -> None:
    """A logarithmic axis for positive numbers over decades; bands below the least are cut there."""
    values = np.concatenate([side.value.ravel() for side in sides])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() > 10**DECADES * values.min():
        axes.set_yscale("log")
        axes.set_ylim(values.min() / 2, values.max() * 2)
