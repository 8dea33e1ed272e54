"""How much of the gap an implicit step leaves: observed, and by the Newton, matrix and sup-norm bounds."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, under
from wconv.report.style import COLUMN, DASH, DOTS, GREEN, GREY, MEASURED, PROVED
from wconv.theory.bounds import wpg_steps as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

Late = tuple[Callable[..., wc.MDP], dict[str, float], float, int]
LATE: dict[str, Late] = {
    r"ring, $\gamma=0.8$, $\eta=0.2$": (wc.zoo.ring, {}, 0.2, 120),
    r"tilted wells, $\gamma=0.8$, $\eta=0.2$": (wc.zoo.tilted_double_well, {}, 0.2, 130),
    r"heavy, $\gamma=0.9$, $\eta=0.2$": (wc.zoo.heavy, {"discount": 0.9}, 0.2, 300),
    r"quadratic bandit, $\gamma=0.8$, $\eta=0.2$": (wc.zoo.quadratic_bandit, {}, 0.2, 24),
    r"tilted wells, $\gamma=0.95$, $\eta=10$": (
        wc.zoo.tilted_double_well,
        {"discount": 0.95},
        10.0,
        8,
    ),
    r"heavy, $\gamma=0.95$, $\eta=10$": (wc.zoo.heavy, {"discount": 0.95}, 10.0, 10),
}
"""Problem, step and a number of steps after which only the slow modes are left."""

BOUNDS: dict[str, tuple[str, Any, str, str]] = {
    "newton": (GREEN, DASH, "v", "gap-newton"),
    "matrix": (PROVED, DOTS, "s", "gap-matrix"),
    "scalar": (GREY, (0, (6, 2, 1, 2)), "^", "sup norm"),
}


def _ratios(mdp: wc.MDP, eta: float, steps: int, at: list[int]) -> dict[str, Array]:
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


def _late(build: Callable[..., wc.MDP], changed: dict[str, float], eta: float, steps: int) -> Data:
    """The last ratio of a long path; its error also counts what half of the nodes change."""
    fine, coarse = (
        _ratios(build(resolution=n, **changed), eta, steps, [steps - 1]) for n in (128, 64)
    )
    fine["error"] = fine["error"] + np.abs(fine["seen"] - coarse["seen"])
    return {name: value[0] for name, value in fine.items()}


def _compute() -> Data:
    path = _ratios(wc.zoo.ring(), 0.2, 120, list(range(0, 120, 4)))
    rows = [_late(*what) for what in LATE.values()]
    late = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return flat({"path": path, "late": late})


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 5.2)
    top, bottom = figure.subplots(2, height_ratios=[1.15, 1.0])
    _path(top, under(data, "path"))
    late = under(data, "late")
    rows = np.arange(len(LATE))[::-1]
    for name, (colour, _, marker, label) in BOUNDS.items():
        share = np.log(late[name]) / np.log(late["seen"])
        bottom.plot(share, rows, marker, color=colour, label=label)
    bottom.axvline(1, color=MEASURED)
    bottom.set(xscale="log", xlim=(0.01, 1.25), xlabel=r"proved $\log(E_{k+1}/E_k)$ / observed")
    bottom.set_xticks((0.01, 0.03, 0.1, 0.3, 1), ("0.01", "0.03", "0.1", "0.3", "1"))
    for row, words in zip(rows, LATE, strict=True):
        bottom.annotate(words, (0.01, row), (2, 5), textcoords="offset points", fontsize=8)
    bottom.set_yticks(rows, [""] * len(LATE))
    bottom.tick_params(axis="y", length=0)
    bottom.grid(axis="y", color="0.92", linewidth=0.6)
    bottom.minorticks_off()
    bottom.set_ylim(-0.5, len(LATE) - 0.2)
    bottom.set_title(r"(b) late on the path, six problems")
    return figure


def _path(axes: Any, path: Data) -> None:
    k = path["k"]
    for name, (colour, dashes, _, label) in BOUNDS.items():
        axes.plot(k, path[name], color=colour, linestyle=dashes, label=label)
    measured(axes, k, path["seen"], path["error"], "observed")
    axes.axhline(1, color="0.8", linewidth=0.6, zorder=0)
    axes.set(xlim=(0, k[-1]), ylim=(0.745, 1.03), xlabel="step $k$", ylabel="$E_{k+1}/E_k$")
    axes.set_title(r"(a) ring, $\gamma=0.8$, implicit steps $\eta=0.2$")
    beside = {"textcoords": "offset points", "color": "0.5"}
    axes.annotate("above this line a bound says nothing", (20, 1.0), (4, 3), **beside)
    axes.legend(loc="lower right", ncols=2)


FIGURES = (
    Figure(
        name="wpg_newton_rate",
        title="the share of the gap that an implicit step leaves, and three bounds of it",
        marks="E_{k+1}/E_k of implicit steps (solid, band = error) with the bounds of `gap-newton` "
        "(dashed), `gap-matrix` (dotted) and of the sup norm (chain); below the proved exponents "
        "late on the path as shares of the observed one.",
        seen="The factor 1−γ of the sup-norm bound is not there late on the path: `gap-newton` has "
        "nearly the observed exponent.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("gap-newton", "ring", start="reference"),
            shown("gap-newton-rate", "ring", start="reference"),
            shown("gap-matrix", "ring", start="reference"),
        ),
    ),
)
