"""A biased or noisy critic: when the contraction of exact proximal steps fails, and the floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, proved, slope, under
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import DOTS, GREEN, PAGE, SEVERAL
from wconv.theory.bounds import wppg as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ON = "tilted-double-well"
NODES = 128, 64
"""Of the numbers, and of their control."""

STEP, STEPS = 1.0, 120
"""η, and so many steps that the gap has come to rest."""

LATE = 40
"""Steps over which the floor is taken: their range is its error, with noise that of their mean."""

SEEDS, CONFIDENCE = 16, 0.99
"""Replications of a noisy critic, and the joint one-sided confidence of their means along a path."""

BIASES, NOISES = np.geomspace(1e-4, 1.0, 9), np.geomspace(0.01, 3.0, 6)
DRAWN = (0, 4, 8)
"""Biases whose paths are drawn."""

SWEEPS = (
    Asked("wppg-any-step-inexact", ("bias=1e-4:1:log:9",), ON, {"step_size": STEP}, halvings=4),
    Asked("wppg-inexact", ("noise=0.01:3:log:6",), ON, {"step_size": STEP}, halvings=4),
)


@dataclass(frozen=True, eq=False)
class _Problem:
    """The wells on n nodes with their solution and C_LS(π*)."""

    mdp: wc.MDP
    star: wc.Solution
    C_LS: float

    def gaps(self, methods: Sequence[wc.InexactWPPG]) -> wc.Measured:
        """W of every path from the reference, (paths, step, state)."""
        start = wc.uniform(self.mdp)
        paths = (wc.evolve(one, self.mdp, start, steps=STEPS) for one in methods)
        return wc.stack([wc.optimality_gap(self.star, path) for path in paths])

    def exact(self, W: Array) -> Array:
        """(I − D_c(I−γP*))W_k of `wppg-any-step`, C_LS by Holley–Stroock from π*; W (step, state)."""
        swing = np.ptp(W, axis=-1, keepdims=True)
        right: Array = bounds.gaps_after_step(
            gaps=W,
            kernel=np.asarray(self.star.P_pi),
            C_LS=self.C_LS * np.exp(self.mdp.gamma * swing / self.mdp.tau),
            tau=self.mdp.tau,
            gamma=self.mdp.gamma,
            eta=STEP,
        )
        return right


def _problem(nodes: int) -> _Problem:
    mdp = wc.zoo.make(ON, resolution=nodes)
    star = wc.solve(mdp, tol=None)
    return _Problem(mdp, star, float(wc.log_sobolev(star.policy).upper.max()))


def _broken(problem: _Problem, W: wc.Measured) -> float:
    """The gap E_k at which W_{k+1} first exceeds (by more than errors) what exact steps would leave.

    Between two steps where the largest ratio passes 1, by logarithms; NaN if it never does.
    """
    least, most = W.value - W.error, W.value + W.error
    ratio = (least[1:] / problem.exact(most[:-1])).max(axis=-1)
    if not (ratio > 1).any():
        return float("nan")
    k = int((ratio > 1).argmax())
    E = W.value.max(axis=-1)
    if k == 0:
        return float(E[0])
    share = -np.log(ratio[k - 1]) / (np.log(ratio[k]) - np.log(ratio[k - 1]))
    return float(E[k - 1] * (E[k] / E[k - 1]) ** share)


def _bias(problem: _Problem) -> dict[str, Array]:
    """E along the path of every bias; where exact contraction breaks, and the floor with its error."""
    W = problem.gaps([wc.InexactWPPG(STEP, bias=float(z), tol=1e-12) for z in BIASES])
    E = W.value.max(axis=-1)
    late = E[:, -LATE:]
    C = problem.C_LS * np.exp(2.0 * BIASES / problem.mdp.tau)
    c = 1.0 - bounds.kl_factor(C_LS=C, tau=problem.mdp.tau, eta=STEP)
    return {
        "E": E,
        "broken": np.array([_broken(problem, W[k]) for k in range(len(BIASES))]),
        "floor": late[:, -1],
        "error": np.ptp(late, axis=1),
        "proved": 2.0 * BIASES / ((1.0 - problem.mdp.gamma) ** 2 * c),
    }


def _noise(problem: _Problem) -> dict[str, Array]:
    """The floor of the mean gap under noise in its worst state, with its error of sampling."""
    floor, error = [], []
    for noise in NOISES:
        W = problem.gaps([wc.InexactWPPG(STEP, noise=float(noise), seed=s) for s in range(SEEDS)])
        each = [W[:, -LATE:, s].total() / LATE for s in range(problem.mdp.n_states)]
        late = wc.replicated(wc.stack(each), confidence=CONFIDENCE, axis=1)
        worst = int(late.value.argmax())
        floor.append(late.value[worst])
        error.append(late.error[worst])
    mdp = problem.mdp
    turns = 4 * np.pi / np.multiply(mdp.grid.shape, mdp.grid.spacing)
    C = problem.C_LS * np.exp(2.0 * NOISES / np.linalg.norm(turns) / mdp.tau)
    c = 1.0 - 1.0 / (1.0 + STEP * mdp.tau / C)
    most = STEP * NOISES**2 / 2.0 / ((1.0 - mdp.gamma) ** 2 * c)
    return {"floor": np.array(floor), "error": np.array(error), "proved": most}


def _compute() -> Data:
    fine, coarse = (_problem(n) for n in NODES)
    parts: dict[str, dict[str, Array]] = {}
    for name, at, found in (("bias", BIASES, _bias), ("noise", NOISES, _noise)):
        seen, half = found(fine), found(coarse)
        seen["error"] = seen["error"] + np.abs(seen["floor"] - half["floor"])
        parts[name] = {"at": at} | seen
    parts["bias"]["broken_error"] = np.abs(parts["bias"]["broken"] - _bias(coarse)["broken"])
    for name, one in zip(parts, SWEEPS, strict=True):
        parts[name] |= numbers(one.run())
    return flat(parts)


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.3)
    first, *others = figure.subplots(1, 3, width_ratios=(1.1, 1, 1))
    bias = under(data, "bias")
    for k, colour in zip(DRAWN, SEVERAL, strict=False):
        E = bias["E"][k]
        first.plot(E, color=colour, label=rf"$\zeta={bias['at'][k]:.2g}$")
        first.axhline(bias["broken"][k], color=colour, linestyle=DOTS, linewidth=0.8)
    first.set(yscale="log", xlabel="step $k$", ylabel="$E_k$", title="(a) from the reference")
    first.set(xlim=(0, 45), ylim=(1e-8, 30))
    first.legend(loc="center right", bbox_to_anchor=(1.0, 0.7))
    titles = ("(b) biased", r"bias $\zeta$"), ("(c) noisy", r"noise $\sigma$")
    for axes, (name, (title, label)) in zip(
        others, zip(("bias", "noise"), titles, strict=True), strict=True
    ):
        part = under(data, name)
        proved(axes, part["at"], part["proved"], "proved floor")
        if name == "bias":
            style: dict[str, Any] = {"color": GREEN, "marker": "s", "markersize": 3}
            broken, off = part["broken"], part["broken_error"]
            measured(axes, part["at"], broken, off, "exact contraction fails", **style)
        style = {"marker": "o", "markersize": 3}
        measured(axes, part["at"], part["floor"], part["error"], "floor", **style)
        slope(axes, part["at"][:4], 0.15 * float(part["floor"][0]), 2.0, "slope 2")
        ribbon(axes, part)
        axes.set(xscale="log", yscale="log", xlabel=label, title=title, ylim=(1e-10, 1e5))
    handles, labels = others[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3)
    ribbon_legend(figure, bias, under(data, "noise"), loc="outside lower right", ncols=2)
    return figure


PROBE = Ready(
    name="wrong-critic",
    question="From which bias of the critic on does the exact theorem fail, and what is left of the gap?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_wrong_critic",
        title="a wrong critic: where the contraction of exact proximal steps fails, and the floor",
        marks="(a) E_k of proximal steps with a biased critic from the reference, and where contraction "
        "by `wppg-any-step` first fails (dotted); (b), (c) that gap (squares) and the one left (dots, "
        "band = error) against bias and noise, with the floors of `wppg-any-step-inexact` and "
        "`wppg-inexact` (dashed). The ribbons say of these two theorems.",
        seen="The exact theorem fails for every bias, but only when the gap has nearly come down to its "
        "floor, which is of second order; the theorems with floors hold all the way.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wppg-any-step-inexact", ON, step_size=STEP, bias=0.01),
            shown("wppg-inexact", ON, step_size=STEP, noise=0.1),
        ),
    ),
)
FIGURES = (PROBE.figure,)
