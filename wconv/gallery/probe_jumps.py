"""Transitions that turn within a width of the action, down to a jump: what the Langevin bias becomes."""

from typing import TYPE_CHECKING

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.at_rest import at_rest, gaps, plateaus
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, proved, slope, under
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import DOTS, GREEN, GREY, PAGE, SEVERAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

NODES = 192, 160
"""Of the numbers, and of their control."""

CURVES = {0.4: 2.0, 0.1: 2.0, 0.05: 0.5, 0.0: 2.0}
"""Widths of the curves over the step, and the longest step of each: longer ones tear neighbours apart."""

SHORTEST, COUNT = 1e-3, 9
STEP = 0.04
"""Of the curves over the width, and the longer one of the sweep, which asks for the law at η and 2η."""

WIDTHS = np.geomspace(0.05, 0.8, 8)
SWEEPS = (
    Asked("wpgd-bias-two", ("width=0.05:0.8:log:7",), "jump", {"step_size": STEP / 2}, halvings=3),
)


def _compute() -> Data:
    jump = wc.zoo.jump(width=0.0, resolution=NODES[0])
    myopic = wc.evaluate(jump, wc.gibbs(jump, jump.r)).measured
    lost = (wc.solve(jump, tol=None).measured - myopic).sup()
    across = [_at_rest(float(w), np.array([STEP])) for w in WIDTHS]
    parts = {str(w): _at_rest(w, np.geomspace(SHORTEST, end, COUNT)) for w, end in CURVES.items()}
    parts["across"] = {name: np.concatenate([x[name] for x in across]) for name in across[0]}
    parts["swept"] = numbers(SWEEPS[0].run())
    return flat(parts) | {"myopic": np.array([lost.value, lost.error])}


def _at_rest(width: float, steps: Array) -> dict[str, Array]:
    """E with its error at every step, and both plateaus."""
    fine, coarse = (wc.zoo.jump(width=width, resolution=n) for n in NODES)
    rests = [at_rest(fine, float(eta)) for eta in steps]
    seen = gaps(fine, rests)
    half = gaps(coarse, [at_rest(coarse, one.step) for one in rests])
    seen = seen.with_error("refinement", seen.value - half.value)
    return {"eta": steps, "E": seen.value, "error": seen.error} | plateaus(fine, rests)


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.3)
    left, right = figure.subplots(1, 2, sharey=True)
    lost = float(data["myopic"][0])
    for (width, _), colour in zip(CURVES.items(), SEVERAL, strict=True):
        part = under(data, str(width))
        words = f"width {width:g}" if width else "jump"
        style = {"marker": "o", "markersize": 3, "color": colour}
        measured(left, part["eta"], part["E"], part["error"], words, **style)
    first = under(data, str(next(iter(CURVES))))
    slope(left, first["eta"][:4], 0.3 * float(first["E"][0]), 2.0, "slope 2")
    left.axhline(lost, color=GREY, linestyle=DOTS)
    words, beside = "gap of the law that sees no future", {"textcoords": "offset points"}
    left.annotate(words, (SHORTEST, lost), (0, 6), color="0.3", fontsize="small", **beside)
    left.set(xscale="log", yscale="log", xlabel=r"step $\eta$", ylim=(1e-8, 1e7))
    left.set(ylabel=r"$E=\|V^*-V\|_\infty$ at rest", title="(a) against the step")
    left.legend(loc="lower right")
    part = under(data, "across")
    inside = part["eta"] * 13 * part["L_b"] <= 1
    proved(right, WIDTHS, part["delta"], r"plateau by $\delta$")
    third, allowed = part["delta_3"], r"plateau by $\delta_3$, $\eta\leq 1/13L_b$"
    proved(right, WIDTHS[inside], third[inside], allowed, color=GREEN)
    beyond = ~inside | np.append(False, ~inside[:-1])
    right.plot(WIDTHS[beyond], third[beyond], color=GREEN, linestyle=DOTS, label="beyond")
    style = {"marker": "o", "markersize": 3}
    measured(right, WIDTHS, part["E"], part["error"], "$E$ at rest", **style)
    slope(right, WIDTHS[:5], 0.3 * float(part["E"][0]), -3.0, "slope $-3$")
    ribbon(right, under(data, "swept"))
    right.set(xscale="log", xlabel="width of the turn", title=rf"(b) $\eta={STEP:g}$")
    right.legend(loc="upper right")
    ribbon_legend(figure, under(data, "swept"), loc="outside lower center", ncols=2)
    return figure


PROBE = Ready(
    name="jumps",
    question="What bias does the Langevin update leave when transitions jump in the action?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_jumps",
        title="the Langevin bias at transitions that turn within a width, down to a jump",
        marks="E of the stationary law (solid, band = error): (a) against the step at several widths of the "
        "turn (dotted: slope 2; E of the Gibbs policy of r alone), (b) against the width, with the "
        "plateaus by δ (`wpgd-global`, dashed) and by δ_3 (`wpgd-bias-two`, green, dotted beyond its "
        "premise η ≤ 1/13L_b). The ribbon says of premise and conclusion of `wpgd-bias-two`.",
        seen="However narrow the turn, short steps leave a bias of second order; at the jump itself the "
        "drift sees no transitions, and what is left is of order zero.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wpgd-bias-two", "jump", width=0.4),
            shown("wpgd-global", "jump", width=0.0, expect="INAPPLICABLE"),
        ),
    ),
)
FIGURES = (PROBE.figure,)
