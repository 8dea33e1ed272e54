"""How much of the gap an implicit step leaves: observed, and by the Newton, matrix and sup-norm bounds."""

from pathlib import Path

import numpy as np
from _style import AGAINST, CEILING, COLUMN, MEASURED, PROVED, measured, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.theory.bounds import wpg_steps as bounds

LATE = {
    r"ring, $\gamma=.8$, $\eta=.2$": (wc.zoo.ring, {}, 0.2, 120),
    r"tilted wells, $\gamma=.8$, $\eta=.2$": (wc.zoo.tilted_double_well, {}, 0.2, 130),
    r"heavy, $\gamma=.9$, $\eta=.2$": (wc.zoo.heavy, {"discount": 0.9}, 0.2, 300),
    r"quadratic bandit, $\gamma=.8$, $\eta=.2$": (wc.zoo.quadratic_bandit, {}, 0.2, 24),
    r"tilted wells, $\gamma=.95$, $\eta=10$": (
        wc.zoo.tilted_double_well,
        {"discount": 0.95},
        10.0,
        8,
    ),
    r"heavy, $\gamma=.95$, $\eta=10$": (wc.zoo.heavy, {"discount": 0.95}, 10.0, 10),
}
"""Problem, step and a number of steps after which only the slow modes are left."""

BOUNDS = {
    "newton": (AGAINST, (0, (4, 2)), "v", "gap-newton"),
    "matrix": (PROVED, (0, (1, 1)), "s", "gap-matrix"),
    "scalar": (CEILING, (0, (6, 2, 1, 2)), "^", "sup norm"),
}


def ratios(mdp: wc.MDP, eta: float, steps: int, at: list[int]) -> dict[str, np.ndarray]:
    """E_{k+1}/E_k with its error, and each bound on it, at some k; "sharp" is the other side of C_LS."""
    star = wc.solve(mdp, tol=None)
    path = wc.evolve(wc.FrozenWPG(eta), mdp, wc.uniform(mdp), steps=steps)
    k, W = np.array(at), wc.optimality_gap(star, path)
    E = W.sup()
    seen, C = E[k + 1] / E[k], wc.gibbs_constants(mdp, path.measured[k]).at
    rest = {"tau": mdp.tau, "gamma": mdp.gamma, "eta": eta, "resolvents": 1}
    worst = C.upper.max(axis=1)
    after = bounds.gaps_after_step(gaps=W.value[k], kernel=star.P_pi, C_LS=C.upper, **rest)
    return {
        "k": k,
        "E": E.value[k],
        "seen": seen.value,
        "error": seen.error,
        "newton": bounds.newton_factor(gap=E.value[k], C_LS=worst, **rest),
        "sharp": bounds.newton_factor(gap=E.value[k], C_LS=C.lower.max(axis=1), **rest),
        "matrix": after.max(axis=1) / E.value[k],
        "scalar": bounds.gap_factor(C_LS=worst, **rest),
    }


def late(build: type, changed: dict[str, float], eta: float, steps: int) -> dict[str, np.ndarray]:
    """The last ratio of a long path; its error also counts what half of the nodes change."""
    fine, coarse = (
        ratios(build(resolution=n, **changed), eta, steps, [steps - 1]) for n in (128, 64)
    )
    fine["error"] = fine["error"] + np.abs(fine["seen"] - coarse["seen"])
    return fine


def draw(found: dict[str, dict[str, np.ndarray]]) -> Figure:
    figure = Figure(figsize=(COLUMN, 5.2), layout="constrained")
    top, bottom = figure.subplots(2, height_ratios=[1.15, 1.0])
    path, k = found["path"], found["path"]["k"]
    for name, (colour, dashes, _, label) in BOUNDS.items():
        top.plot(k, path[name], color=colour, linestyle=dashes, label=label)
    gap = wc.Measured.of(path["seen"], error=path["error"])
    measured(top, k, gap, "observed")
    top.axhline(1, color="0.8", linewidth=0.6, zorder=0)
    top.set(xlim=(0, k[-1]), ylim=(0.745, 1.03), xlabel="step $k$", ylabel="$E_{k+1}/E_k$")
    top.set_title(r"(a) ring, $\gamma=0.8$, implicit steps $\eta=0.2$")
    top.annotate(
        "above this line a bound says nothing",
        (20, 1.0),
        (4, 3),
        textcoords="offset points",
        color="0.5",
    )
    top.legend(loc="lower right", ncols=2)
    rows = np.arange(len(LATE))[::-1]
    for name, (colour, _, marker, label) in BOUNDS.items():
        share = [np.log(found[row][name][0]) / np.log(found[row]["seen"][0]) for row in LATE]
        bottom.plot(share, rows, marker, color=colour, label=label)
    bottom.axvline(1, color=MEASURED)
    bottom.set(xscale="log", xlim=(0.01, 1.25), xlabel=r"proved $\log(E_{k+1}/E_k)$ / observed")
    bottom.set_xticks((0.01, 0.03, 0.1, 0.3, 1), (".01", ".03", ".1", ".3", "1"))
    for row, name in zip(rows, LATE, strict=True):
        bottom.annotate(name, (0.01, row), (2, 5), textcoords="offset points", fontsize=8)
    bottom.set_yticks(rows, [""] * len(LATE))
    bottom.tick_params(axis="y", length=0)
    bottom.grid(axis="y", color="0.92", linewidth=0.6)
    bottom.minorticks_off()
    bottom.set_ylim(-0.5, len(LATE) - 0.2)
    bottom.set_title(r"(b) late on the path, six problems")
    return figure


def main(out: Path) -> list[Path]:
    found = {"path": ratios(wc.zoo.ring(), 0.2, 120, list(range(0, 120, 4)))}
    found |= {row: late(*what) for row, what in LATE.items()}
    data = {f"path_{name}": x for name, x in found["path"].items()}
    for name in found["path"]:
        data[f"late_{name}"] = np.array([found[row][name][0] for row in LATE])
    return save(draw, found, out, "wpg_newton_rate", **data)


if __name__ == "__main__":
    show(main)
