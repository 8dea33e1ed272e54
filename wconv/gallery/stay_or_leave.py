"""Where the factor 1−γ of the sup-norm theorems is attained, and where it is gone."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, note, under
from wconv.report.style import COLUMN, DASH, DOTS, GREEN, GREY, MEASURED, ORANGE, PROVED, SKY
from wconv.theory.bounds import wpg_steps as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

TAU = np.unique(np.append(np.geomspace(0.01, 1000.0, 51), np.geomspace(0.3, 3.0, 40)))
"""Closer where E falls fast."""

DISCOUNTS = {0.5: SKY, 0.9: GREEN, 0.99: ORANGE}


def _at(tau: float, gamma: float, nodes: int) -> dict[str, float]:
    """V̇/(λW) of the first state, which has the largest gap, at the start π = μ; λ = 2τ/C_LS = 2.

    V^μ = 0 and V̇ = 1/(1−γm) hold exactly, m the chance to stay under μ.
    """
    mdp = wc.zoo.stay_or_leave(temperature=tau, discount=gamma, width=0.05, resolution=nodes)
    star, value = wc.solve(mdp, tol=None), wc.evaluate(mdp, wc.uniform(mdp))
    W = wc.optimality_gap(star, value)
    E = float(W.sup().value)
    stay = float(mdp.grid.weights @ np.asarray(mdp.P)[0, :, 0])
    share = W.value / E
    newton = bounds.newton_velocity(share=share, gap=E, C_LS=tau, tau=tau, gamma=gamma)
    return {
        "E": E,
        "rate": 1.0 / ((1.0 - gamma * stay) * 2.0 * W.value[0]),
        "rounding": float(W.error[0]) / E,
        "matrix": 1.0 - gamma * float(star.P_pi[0] @ W.value) / W.value[0],
        "newton": float(newton[0]) / 2.0,
    }


def _along(gamma: float) -> dict[str, Array]:
    """Over all temperatures on 512 nodes; the error is what half of the nodes change."""
    fine, coarse = ([_at(float(tau), gamma, n) for tau in TAU] for n in (512, 256))
    found = {name: np.array([row[name] for row in fine]) for name in fine[0]}
    moved = np.abs(found["rate"] - np.array([row["rate"] for row in coarse]))
    return found | {"error": moved + found["rounding"] * found["rate"]}


def _compute() -> Data:
    return flat({f"gamma={gamma}": _along(gamma) for gamma in DISCOUNTS}) | {"tau": TAU}


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 4.8)
    top, bottom = figure.subplots(2)
    _rates(top, data["tau"], under(data, "gamma=0.9"))
    for gamma, colour in DISCOUNTS.items():
        found = under(data, f"gamma={gamma}")
        order = np.argsort(found["E"] / data["tau"])
        x = (found["E"] / data["tau"])[order]
        rate, error = found["rate"][order], found["error"][order]
        measured(bottom, x, rate, error, rf"$\gamma={gamma}$", color=colour)
        bottom.axhline(1 - gamma, color=colour, linestyle=":", linewidth=0.8)
        edge = 1 / (1 - gamma)
        bottom.plot(edge, np.interp(edge, x, rate), "o", color=colour)
    bottom.set(xscale="log", xlim=(1e-3, 5e3), ylim=(0, 1.02), xlabel=r"$E/\tau$")
    bottom.set_title(r"(b) three discounts; dots: $E=\tau/(1-\gamma)$, dotted: $1-\gamma$")
    bottom.legend(loc="upper right")
    for axes in (top, bottom):
        axes.set_ylabel(r"$\dot V/(\lambda W)$")
    return figure


def _rates(axes: Any, tau: Array, one: Data) -> None:
    measured(axes, tau, one["rate"], one["error"], "observed")
    axes.plot(tau, one["matrix"], color=PROVED, linestyle=DOTS)
    valid = one["newton"] > 0
    axes.plot(tau[valid], one["newton"][valid], color=GREEN, linestyle=DASH)
    axes.axhline(0.1, color=GREY, linestyle=(0, (6, 2, 1, 2)))
    note(axes, 1.0, 0.42, "observed", MEASURED)
    note(axes, 42.0, 0.27, "gap-matrix", PROVED)
    note(axes, 42.0, 0.14, "gap-newton", GREEN)
    note(axes, 30.0, 0.1, r"sup norm: $1-\gamma$", GREY, "below")
    axes.set(xscale="log", xlim=(tau[0], tau[-1]), ylim=(-0.02, 1.02))
    axes.set(xlabel=r"temperature $\tau$", title=r"(a) rates at the start, $\gamma=0.9$")


FIGURES = (
    Figure(
        name="wpg_stay_or_leave",
        title="the speed of the flow in units of λW: where 1−γ is attained",
        marks="V̇/(λW) at the start of the flow (solid, band = error) with the bounds of `gap-matrix` "
        "(dotted), `gap-newton` (dashed) and of the sup norm (chain), λ = 2τ/C_LS.",
        seen="The speed is 1−γ while E ≫ τ/(1−γ), and 1 when E ≪ τ.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("gap-matrix", "stay-or-leave", start="reference"),
            shown("wpg-exp", "stay-or-leave", start="reference"),
        ),
    ),
)
