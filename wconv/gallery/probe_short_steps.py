"""Proximal steps below the threshold of `wppg-lin`: whether its rate γ is lost there, and where."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, under
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import COLUMN, DASH, GREEN, GREY, PROVED
from wconv.theory.bounds import wppg as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PROBLEMS = {
    "heavy": "heavy wells",
    "tilted-double-well": "tilted wells",
    "gaussian-line": "Gaussian line",
}
SWEEPS = tuple(
    Asked("wppg-lin", ("step_size=0.1:40:log:8",), on, halvings=5, start="pushed")
    for on in PROBLEMS
)
NODES = 128, 64
"""Of the late ratios, and of their control."""

LATE, MOST = 1e-7, 500
"""What is left of the gap at the last ratio, and the most steps to there."""


def _compute() -> Data:
    return flat({one.on: _one(one) for one in SWEEPS})


def _one(asked: Asked) -> dict[str, Array]:
    """The sweep, the last ratios Δ_{k+1}/Δ_k beside it, and the step at which they pass γ."""
    found = numbers(asked.run())
    fine, coarse = (wc.zoo.make(asked.on, resolution=n) for n in NODES)
    last = np.array([_last_ratios(fine, float(eta)) for eta in found["x"]])
    half = np.array([_last_ratios(coarse, float(eta))[-1] for eta in found["x"]])
    ratio = last[:, -1]
    error = np.abs(np.diff(last, axis=1)[:, 0]) + np.abs(ratio - half)
    # (Δ_k/Δ_{k+1})^½ − 1 is nearly ητ/C, a line through the origin. The longest steps do not matter.
    known = error < ratio / 2
    sides = [
        np.interp(
            np.log(fine.gamma**-0.5 - 1), np.log(r[known] ** -0.5 - 1), np.log(found["x"][known])
        )
        for r in (ratio, ratio + error, ratio - error)
    ]
    return found | {"late": ratio, "late_error": error, "lost": np.exp(sides)}


def _last_ratios(mdp: wc.MDP, eta: float) -> tuple[float, float]:
    """The last two Δ_{k+1}/Δ_k of a path from the reference to where little is left."""
    star = wc.solve(mdp, tol=None)
    C = wc.log_sobolev(star.policy).upper.max()
    kept = float(bounds.kl_factor(C_LS=C, tau=mdp.tau, eta=eta))
    steps = min(MOST, max(2, int(np.ceil(np.log(LATE) / np.log(kept)))))
    path = wc.evolve(wc.WPPG(eta, tol=1e-12), mdp, wc.uniform(mdp), steps=steps)
    gap = wc.optimality_gap(star, path).value @ star.nu.value
    # What the tolerance of the steps leaves of the gap is no term of a ratio.
    k = max(2, int(np.flatnonzero(gap > LATE * gap[0])[-1]))
    return float(gap[k - 1] / gap[k - 2]), float(gap[k] / gap[k - 1])


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 5.6)
    panels = figure.subplots(len(PROBLEMS), sharex=True)
    for axes, (on, words) in zip(panels, PROBLEMS.items(), strict=True):
        found = under(data, on)
        x, gamma = found["x"], found["upper gamma"][0]
        style: dict[str, Any] = {"marker": "o", "markersize": 3}
        exact = np.zeros_like(x)
        measured(axes, x, found["tightness"], exact, "first steps, used/proved", **style)
        late, off = found["late"] / gamma, found["late_error"] / gamma
        style |= {"marker": "s", "color": GREEN}
        measured(axes, x, late, off, r"late $\Delta_{k+1}/\gamma\Delta_k$", **style)
        axes.axhline(1.0, color=PROVED, linestyle=DASH)
        threshold = found["upper C_T"] / (found["upper gamma"] * found["upper tau"])
        axes.plot(x, threshold / x, color=GREY, label=r"$C_T/(\gamma\tau\eta)$")
        ribbon(axes, found)
        axes.set(xscale="log", yscale="log", title=words, ylim=(5e-3, 50), xlim=(0.075, 55))
    panels[-1].set_xlabel(r"step $\eta$")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    parts = [under(data, on) for on in PROBLEMS]
    ribbon_legend(figure, *parts, loc="outside lower center", ncols=1)
    return figure


PROBE = Ready(
    name="short-steps",
    question="Is the rate γ of the proximal scheme lost below the threshold C_T/(γτ) of its step?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_short_steps",
        title="the rate γ of the proximal scheme below the threshold of its step",
        marks="The largest share of the right side of `wppg-lin` that three first steps use (dots; Φ_{k+1} ≤ "
        "γΦ_k where < 1), late Δ_{k+1}/(γΔ_k) (squares, band = error), and the threshold over "
        "the step (grey: the premise fails above 1); the ribbon says of premise and conclusion.",
        seen="The rate outlives the premise by a factor of ten or more in the step.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wppg-lin", "heavy", start="pushed", step_size=40.0),
            shown("wppg-lin", "heavy", start="pushed", step_size=0.5, expect="INAPPLICABLE"),
        ),
    ),
)
FIGURES = (PROBE.figure,)
