"""Langevin steps beyond what the theorems allow: where each premise ends, and what the step really costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.at_rest import at_rest, gaps, plateaus
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, proved, under
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import DOTS, GREEN, GREY, PAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

WIDER = 2.5
"""Nodes of the line reach so many times as far as by default: long steps widen the law."""


APART = 0.9
"""Lines that are closer than this by their ratio are drawn as one."""


@dataclass(frozen=True)
class Problem:
    """A problem, steps at which its law at rest is asked for, and the words for it."""

    on: str
    words: str
    nodes: tuple[int, int]
    """Of the numbers, and of their control."""
    longest: float
    fixed: dict[str, Any] = field(default_factory=dict)

    def mdp(self, n: int) -> wc.MDP:
        """The problem on n nodes, wider ones on a line."""
        found = wc.zoo.make(self.on, resolution=n, **self.fixed)
        space = found.smooth.space if found.smooth else None
        if not isinstance(space, wc.GaussianLine) or found.smooth is None:
            return found
        return wc.tabulate(replace(found.smooth, space=space.widened(WIDER)), n)

    def steps(self) -> Array:
        """η, of equal ratios."""
        return np.geomspace(0.02, self.longest, 12)


PROBLEMS = {
    "ring": Problem("ring", "ring", (128, 96), 8.0),
    "line": Problem("gaussian-line", "Gaussian line", (192, 160), 1.7),
    "weak": Problem(
        "gaussian-line", "weak line", (192, 160), 1.7, {"discount": 0.5, "amplitude": 0.02}
    ),
}
SWEEPS = tuple(
    Asked("wpgd-bias-two", ("step_size=0.02:0.64:log:6",), one.on, one.fixed, halvings=2)
    for one in PROBLEMS.values()
)


def _compute() -> Data:
    swept = (_doubled(numbers(one.run())) for one in SWEEPS)
    return flat(
        {
            name: known | _at_rest(one)
            for (name, one), known in zip(PROBLEMS.items(), swept, strict=True)
        }
    )


def _doubled(found: dict[str, Array]) -> dict[str, Array]:
    """The sweep against its longer step: the check asks for the law at rest at η and 2η."""
    of_step = ("x", "left", "right", "low", "high")
    return found | {name: 2.0 * found[name] for name in of_step}


def _at_rest(one: Problem) -> dict[str, Array]:
    """E with its error, both plateaus and where their premises end."""
    fine, coarse = (one.mdp(n) for n in one.nodes)
    rests = [at_rest(fine, float(eta)) for eta in one.steps()]
    seen, bound = gaps(fine, rests), plateaus(fine, rests)
    half = gaps(coarse, [at_rest(coarse, rest.step) for rest in rests])
    seen = seen.with_error("refinement", seen.value - half.value)
    data = wc.assumptions_of(fine)
    known = {"eta": one.steps(), "E": seen.value, "error": seen.error, "E_0": data.E_0}
    known |= {"beta": data.beta, "eta_0": wc.largest_step(data).value}
    return {name: np.asarray(array) for name, array in (known | bound).items()}


def _ends(data: Data) -> list[tuple[float, str]]:
    """Where premises and the update end, (step, its name)."""
    short = float(1 / (13 * data["L_b"][0]))
    steep, confined = float(2 / data["L_b"][0]), float(2 / data["beta"]) if data["beta"] else np.inf
    ends = [(short, r"$1/13L_b$"), (float(data["eta_0"]), r"$\eta_0$"), (confined, r"$2/\beta$")]
    if steep < APART * confined:
        ends.append((steep, r"$2/L_b$"))
    return [end for end in ends if data["eta"][0] < end[0] < np.inf]


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.3)
    panels = figure.subplots(1, len(PROBLEMS), sharey=True)
    for axes, (name, one) in zip(panels, PROBLEMS.items(), strict=True):
        found = under(data, name)
        eta, inside = found["eta"], found["eta"] * 13 * found["L_b"] <= 1
        proved(axes, eta, found["delta"], r"plateau by $\delta$")
        label = r"plateau by $\delta_3$, $\eta\leq 1/13L_b$"
        proved(axes, eta[inside], found["delta_3"][inside], label, color=GREEN)
        beyond = ~inside | np.append(~inside[1:], False)
        axes.plot(
            eta[beyond],
            found["delta_3"][beyond],
            color=GREEN,
            linestyle=DOTS,
            label=r"$\delta_3$ beyond",
        )
        measured(axes, eta, found["E"], found["error"], "$E$ at rest", marker="o", markersize=3)
        _mark(axes, _ends(found))
        ribbon(axes, found)
        axes.set(xscale="log", yscale="log", ylim=(1e-7, 1e6), xlim=(0.016, 1.6 * one.longest))
        axes.set(title=one.words, xlabel=r"step $\eta$")
    panels[0].set_ylabel(r"$E=\|V^*-V\|_\infty$")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(handles))
    parts = [under(data, name) for name in PROBLEMS]
    ribbon_legend(figure, *parts, loc="outside lower center", ncols=2)
    return figure


def _mark(axes: Any, ends: Sequence[tuple[float, str]]) -> None:
    """A line at every end, its name beside it at the foot."""
    for x, text in ends:
        axes.axvline(x, color=GREY, linewidth=0.8)
        beside = {"textcoords": "offset points", "rotation": 90, "fontsize": "small"}
        axes.annotate(text, (x, 1e-6), (1, 0), color="0.3", ha="left", va="bottom", **beside)


PROBE = Ready(
    name="long-steps",
    question="What ends first when the Langevin step grows: the premises, the bounds or the update?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_long_steps",
        title="Langevin steps beyond the premises of the theorems, up to where the update blows up",
        marks="E of the stationary law (solid, band = error) against the step, the plateaus by δ "
        "(`wpgd-global`, dashed) and by δ_3 (`wpgd-bias-two`, green, dotted beyond its premise "
        "η ≤ 1/13L_b); thin lines: where premises and (2/β) the update end. The ribbon says of the "
        "premise and the conclusion of `wpgd-bias-two` with steps up to η.",
        seen="The premises end long before anything happens to the update, which on the circle is "
        "never lost and on the line only where ηβ = 2; the plateaus stay far above the gap all the way.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wpgd-bias-two", "ring", start="optimal"),
            shown("wpgd-global", "ring", step_size=0.5),
        ),
    ),
)
FIGURES = (PROBE.figure,)
