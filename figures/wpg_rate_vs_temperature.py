"""The asymptotic rate of the gradient flow against temperature: observed, and the rates that are proved."""

from pathlib import Path

import numpy as np
from _style import CEILING, COLUMN, measured, proved, save, show
from matplotlib.figure import Figure

import wconv as wc

FOLDS = 12.0
"""The flow runs until the slowest mode has fallen by e^-FOLDS; the last quarter is watched."""


def at(tau: float) -> dict[str, float]:
    """The last rate of E_t, and 2τ/C of the worst state of π* for C_P and both sides of C_LS."""
    mdp = wc.zoo.tilted_double_well(temperature=tau)
    star = wc.solve(mdp)
    found = wc.inequalities(star.policy)
    C_P, C_LS = found.poincare.upper.max(), found.log_sobolev
    until = FOLDS * float(C_P) / (2 * tau)
    path = wc.evolve(wc.WPGFlow(1e-5), mdp, wc.uniform(mdp), until=until, samples=4)
    rate = wc.local_rate(path.times[3:], wc.optimality_gap(star, path).sup()[3:])[-1]
    top = C_LS.upper.max()
    constants = {"poincare": C_P, "newton": top, "newton_sharp": C_LS.lower.max()}
    constants["exp"] = top / (1 - mdp.gamma)
    seen = {"tau": tau, "rate": float(rate.value), "error": float(rate.error)}
    return seen | {name: 2 * tau / float(C) for name, C in constants.items()}


def draw(found: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(COLUMN, 3.9), layout="constrained")
    (top, bottom), tau = figure.subplots(2, sharex=True, height_ratios=[2, 1]), found["tau"]
    rate = wc.Measured.of(found["rate"], error=found["error"])
    for axes, by in ((top, np.ones_like(tau)), (bottom, 1 / rate.value)):
        label = r"$2\tau/C_\mathrm{P}(\pi^*)$"
        axes.plot(tau, found["poincare"] * by, color=CEILING, linewidth=0.8, label=label)
        sides = found["newton"] * by, found["newton_sharp"] * by
        proved(axes, tau, sides, r"$2\tau/C_\mathrm{LS}(\pi^*)$, gap-newton")
        label = r"$(1-\gamma)\,2\tau/C_\mathrm{LS}(\pi^*)$, wpg-exp"
        proved(axes, tau, (found["exp"] * by,) * 2, label, linestyle=":")
        measured(axes, tau, rate * by, "observed rate of $E_t$", marker="o", linestyle="none")
    top.set(xscale="log", yscale="log", ylabel="rate", title=r"tilted double well, $\gamma=0.8$")
    bottom.set(ylim=(0, 1.1), xlabel=r"temperature $\tau$", ylabel="proved / observed")
    bottom.set_xticks((0.1, 0.2, 0.5, 1.0, 2.0), ("0.1", "0.2", "0.5", "1", "2"))
    bottom.minorticks_off()
    top.legend(loc="lower right")
    return figure


def main(out: Path) -> list[Path]:
    rows = [at(float(tau)) for tau in np.geomspace(0.1, 2.0, 9)]
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return save(draw, found, out, "wpg_rate_vs_temperature", **found)


if __name__ == "__main__":
    show(main)
