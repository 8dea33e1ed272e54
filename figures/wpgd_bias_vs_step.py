"""What the Langevin update leaves of the gap, against its step: observed, and the proved plateaus."""

from pathlib import Path

import numpy as np
from _style import AGAINST, CEILING, COLUMN, measured, proved, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.constants.langevin import step_constants
from wconv.theory.bounds import wpg_langevin as bounds

STEPS = 0.16 * 0.5 ** np.arange(6)[::-1]
LONG = 16.0
"""A time by which the law, started at the optimal policy, has settled; the last half is its error."""


def plateaus(mdp: wc.MDP) -> dict[str, np.ndarray]:
    """E of the stationary law at every step with its error, and the bounds by δ and δ_3."""
    star = wc.solve(mdp, tol=None)
    paths = [wc.evolve(wc.WPGD(eta), mdp, star.policy, until=LONG, samples=2) for eta in STEPS]
    before, V = (wc.stack([path.measured[k] for path in paths]) for k in (1, 2))
    gap, earlier = ((star.measured - values).sup() for values in (V, before))
    gap = gap.with_error("stationarity", gap.value - earlier.value)
    C = wc.gibbs_constants(mdp, V).worst_at
    found = step_constants(mdp, wc.drift_tables(mdp), [path.policies[2] for path in paths], V)
    L_b, L_2 = found.L_b.upper.max(axis=1), found.L_2.upper.max(axis=1)
    rest = {"C_LS": C.upper, "L_b": L_b, "tau": mdp.tau, "gamma": mdp.gamma, "eta": STEPS, "dim": 1}
    rest["moment"] = found.second.upper.max(axis=1)
    fourth = found.fourth.upper.max(axis=1)
    second = np.where(
        STEPS * 13 * L_b <= 1, bounds.plateau_two(fourth=fourth, L_2=L_2, **rest), np.nan
    )
    known = {"eta": STEPS, "E": gap.value, "error": gap.error}
    return known | {"delta": bounds.plateau(**rest), "delta_3": second}


def draw(found: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(COLUMN, 3.2), layout="constrained")
    axes, eta = figure.subplots(), found["eta"]
    label = r"$\tau\delta/((1-\gamma)^2c)$, wpgd-global"
    proved(axes, eta, (found["delta"],) * 2, label)
    label = r"$\tau\delta_3/((1-\gamma)^2c)$, wpgd-bias-two"
    proved(axes, eta, (found["delta_3"],) * 2, label, color=AGAINST)
    axes.plot(eta, found["E"][0] * (eta / eta[0]) ** 2, ":", color=CEILING, label=r"slope 2")
    gap = wc.Measured.of(found["E"], error=found["error"])
    measured(axes, eta, gap, "what is left of $E_k$", marker="o")
    title = r"Gaussian line, $\tau=0.5$, $\gamma=0.8$"
    axes.set(xscale="log", yscale="log", xlabel=r"step $\eta$", ylabel="$E_\\infty$", title=title)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def main(out: Path) -> list[Path]:
    found = plateaus(wc.zoo.gaussian_line())
    return save(draw, found, out, "wpgd_bias_vs_step", **found)


if __name__ == "__main__":
    show(main)
