"""Where the factor 1−γ of the sup-norm theorems is attained, and where it is gone."""

from pathlib import Path

import numpy as np
from _style import AGAINST, CEILING, COLUMN, MEASURED, PROVED, STATES, measured, note, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.theory.bounds import wpg_steps as bounds

TAU = np.unique(np.append(np.geomspace(0.01, 1000.0, 51), np.geomspace(0.3, 3.0, 40)))
"""Closer where E falls fast."""
DISCOUNTS = (0.5, 0.9, 0.99)


def at(tau: float, gamma: float, nodes: int) -> dict[str, float]:
    """V̇/(λW) of the first state, which has the largest gap, at the start π = μ; λ = 2τ/C_LS = 2.

    V^μ = 0 and V̇ = 1/(1−γm) hold exactly, m the chance to stay under μ.
    """
    mdp = wc.zoo.stay_or_leave(temperature=tau, discount=gamma, width=0.05, resolution=nodes)
    star, value = wc.solve(mdp, tol=None), wc.evaluate(mdp, wc.uniform(mdp))
    W = wc.optimality_gap(star, value)
    E = float(W.sup().value)
    stay = float(mdp.grid.weights @ mdp.P[0, :, 0])
    share = W.value / E
    newton = bounds.newton_velocity(share=share, gap=E, C_LS=tau, tau=tau, gamma=gamma)
    return {
        "E": E,
        "rate": 1.0 / ((1.0 - gamma * stay) * 2.0 * W.value[0]),
        "rounding": float(W.error[0]) / E,
        "matrix": 1.0 - gamma * float(star.P_pi[0] @ W.value) / W.value[0],
        "newton": float(newton[0]) / 2.0,
    }


def along(gamma: float) -> dict[str, np.ndarray]:
    """Over all temperatures on 512 nodes; the error is what half of the nodes change."""
    fine, coarse = ([at(float(tau), gamma, n) for tau in TAU] for n in (512, 256))
    found = {name: np.array([row[name] for row in fine]) for name in fine[0]}
    moved = np.abs(found["rate"] - np.array([row["rate"] for row in coarse]))
    return found | {"error": moved + found["rounding"] * found["rate"]}


def draw(found: dict[float, dict[str, np.ndarray]]) -> Figure:
    figure = Figure(figsize=(COLUMN, 4.8), layout="constrained")
    top, bottom = figure.subplots(2)
    one = found[0.9]
    measured(top, TAU, wc.Measured.of(one["rate"], error=one["error"]), "observed")
    top.plot(TAU, one["matrix"], color=PROVED, linestyle=(0, (1, 1)))
    valid = one["newton"] > 0
    top.plot(TAU[valid], one["newton"][valid], color=AGAINST, linestyle=(0, (4, 2)))
    top.axhline(0.1, color=CEILING, linestyle=(0, (6, 2, 1, 2)))
    note(top, 1.0, 0.42, "observed", MEASURED, "above")
    note(top, 42.0, 0.27, "gap-matrix", PROVED, "above")
    note(top, 42.0, 0.14, "gap-newton", AGAINST, "above")
    note(top, 30.0, 0.1, r"sup norm: $1-\gamma$", CEILING, "below")
    top.set(xscale="log", xlim=(TAU[0], TAU[-1]), ylim=(-0.02, 1.02), xlabel=r"temperature $\tau$")
    top.set_title(r"(a) rates at the start, $\gamma=0.9$")
    for gamma, colour in zip(DISCOUNTS, STATES[1:], strict=True):
        seen = found[gamma]
        x = (seen["E"] / TAU)[::-1]
        rate = wc.Measured.of(seen["rate"][::-1], error=seen["error"][::-1])
        measured(bottom, x, rate, rf"$\gamma={gamma}$", color=colour)
        bottom.axhline(1 - gamma, color=colour, linestyle=":", linewidth=0.8)
        edge = 1 / (1 - gamma)
        bottom.plot(edge, np.interp(edge, x, rate.value), "o", color=colour)
    bottom.set(xscale="log", xlim=(1e-3, 5e3), ylim=(0, 1.02), xlabel=r"$E/\tau$")
    bottom.set_title(r"(b) three discounts; dots: $E=\tau/(1-\gamma)$, dotted: $1-\gamma$")
    bottom.legend(loc="upper right")
    for axes in (top, bottom):
        axes.set_ylabel(r"$\dot V/(\lambda W)$")
    return figure


def main(out: Path) -> list[Path]:
    found = {gamma: along(gamma) for gamma in DISCOUNTS}
    data = {f"gamma_{g}_{name}": x for g, f in found.items() for name, x in f.items()}
    return save(draw, found, out, "wpg_stay_or_leave", tau=TAU, **data)


if __name__ == "__main__":
    show(main)
