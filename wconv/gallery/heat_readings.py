"""Where the readings of the heat step end: the variance of the policy at last, against the step."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, note
from wconv.report.style import BLUE, COLUMN, DASH, GREEN, ORANGE, PURPLE, VERMILLION
from wconv.theory.bounds import split as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ETA = np.linspace(0.04, 0.2, 9)
FOLDS: Final = 14.0
"""The start is e^-14 of what it was when the variance is read."""

LATENTS: Final = 64

READINGS: Final = {
    "proximal, kept": (BLUE, "o", r"proximal map, noise kept"),
    "proximal, score": (GREEN, "^", r"proximal map, score"),
    "explicit, kept": (VERMILLION, "s", r"explicit map, noise kept"),
    "explicit, score": (ORANGE, "v", r"explicit map, score"),
    "sampled": (PURPLE, "D", r"noise at sampling only"),
}

Step = Callable[[Array], Array]


def _law(mdp: wc.MDP, scheme: wc.SplitWPPG, steps: int) -> tuple[float, float]:
    """The variance of the first state after many steps, and its change in the second half."""
    path = wc.evolve(scheme, mdp, wc.uniform(mdp), steps=2 * (steps // 2), samples=2)
    a = mdp.grid.nodes[:, 0]
    half, last = ((p.pi @ a**2 - (p.pi @ a) ** 2)[0] for p in path.policies[1:])
    return float(last), float(abs(last - half))


def _generator(mdp: wc.MDP, eta: float, steps: int, *, proximal: bool) -> tuple[float, float]:
    """The same of a generator moved by the score of the noise instead."""
    z, weight = wc.latents(LATENTS)
    q = wc.landscape(wc.evaluate(mdp, wc.uniform(mdp)))
    g, half = np.repeat(z[None], mdp.n_states, axis=0), np.nan
    for k in range(steps):
        half = _spread(g, weight) if k == steps // 2 else half
        moved = wc.prox_map(q, g, eta).low if proximal else wc.explicit_map(q, g, eta)
        g = wc.score_step(moved, g, z, weight, 2 * mdp.tau * eta)
    return _spread(g, weight), abs(_spread(g, weight) - half)


def _spread(g: Array, weight: Array) -> float:
    return float(weight @ np.square(g[0] - weight @ g[0]))


def _row(mdp: wc.MDP, h: float, eta: float) -> dict[str, float]:
    """Every reading at one step, measured with its error and in closed form."""
    steps = int(np.ceil(FOLDS / (eta * h)))
    given: dict[str, Any] = {"stiffness": np.array(h), "tau": mdp.tau, "eta": eta}
    found = {
        "proximal, kept": (_law(mdp, wc.SplitWPPG(eta), steps), bounds.kept_prox(**given)),
        "explicit, kept": (
            _law(mdp, wc.SplitWPPG(eta, "explicit"), steps),
            bounds.kept_explicit(**given),
        ),
        "sampled": (
            _law(mdp, wc.SplitWPPG(eta, "prox", "sampled"), steps),
            bounds.sampled(**given),
        ),
        "proximal, score": (
            _generator(mdp, eta, steps, proximal=True),
            bounds.scored(proximal=np.array(1.0), **given),
        ),
        "explicit, score": (
            _generator(mdp, eta, steps, proximal=False),
            bounds.scored(proximal=np.array(0.0), **given),
        ),
    }
    row = {"eta": eta}
    for name, ((value, error), closed) in found.items():
        row |= {name: value, f"{name}/error": error, f"{name}/closed": float(closed)}
    return row


def _compute() -> Data:
    mdp = wc.zoo.quadratic_line()
    best, a = wc.solve(mdp).policy, mdp.grid.nodes[:, 0]
    variance = float((best.pi @ a**2 - (best.pi @ a) ** 2)[0])
    rows = [_row(mdp, mdp.tau / variance, float(eta)) for eta in ETA]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} | {
        "gibbs": np.array(variance)
    }


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 3.6)
    axes, eta, gibbs = figure.subplots(), data["eta"], data["gibbs"]
    for name, (colour, marker, label) in READINGS.items():
        closed, seen = data[f"{name}/closed"] / gibbs, data[name] / gibbs
        axes.plot(eta, closed, color=colour, linestyle=DASH, linewidth=0.9)
        bars: dict[str, Any] = {"fmt": marker, "color": colour, "capsize": 2, "mfc": "w"}
        axes.errorbar(eta, seen, yerr=data[f"{name}/error"] / gibbs, label=label, **bars)
    axes.axhline(1.0, color="0.6", linewidth=0.6, zorder=0)
    note(axes, eta[-1], 1.0, "Gibbs policy", "0.4", "below")
    axes.set(xlabel=r"step $\eta$", ylabel=r"variance at last $\,/\,(\tau/h)$", ylim=(0, None))
    axes.set_title(r"quadratic contexts on $\mathbb{R}$, one state")
    figure.legend(loc="outside lower center", ncols=2, columnspacing=1.0)
    return figure


FIGURES = (
    Figure(
        name="heat_step_readings",
        title="where the readings of the heat step end, against the step",
        marks="The variance of the policy at last, in units of the Gibbs policy's τ/h, for five "
        "readings of the practical update (marks with errors), and the closed forms of "
        "`heat-step-practice` (dashed).",
        seen="Kept noise ends within O(η) of the Gibbs policy, the score with the explicit map at it; "
        "noise added only when actions are sampled leaves a variance that has nothing to do with "
        "it.",
        compute=_compute,
        draw=_draw,
        claims=(shown("heat-step-practice", "quadratic-line"),),
    ),
)
