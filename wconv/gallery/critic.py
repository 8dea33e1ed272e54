"""What a wrong critic leaves of the gap in the long run, against bias, noise and step, with both bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, under
from wconv.report.style import DASH, DOTS, GREEN, GREY, PAGE, PROVED
from wconv.theory.bounds import wppg as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SEEDS, CONFIDENCE = 16, 0.99
"""Replications, and the joint one-sided confidence of all means of a panel."""

LONG = 8.0
"""A step above the threshold of the exact scheme, 5.6."""

SETTLED, WINDOW = 1e-3, 24
"""What of the start the proved rate leaves before the average is taken, and over how many policies it is."""


@dataclass(frozen=True)
class Critic:
    """Sizes of one experiment."""

    eta: float = LONG
    bias: float = 0.0
    noise: float = 0.0

    @property
    def error(self) -> float:
        """ε = ησ²/2 + 2ζ."""
        return self.eta * self.noise**2 / 2 + 2 * self.bias


PANELS: dict[str, tuple[Array, list[Critic]]] = {
    "bias": (x := np.logspace(-4, -1, 4), [Critic(bias=float(z)) for z in x]),
    "noise": (x := np.logspace(-4, 0, 5), [Critic(noise=float(np.sqrt(v))) for v in x]),
    "step": (x := np.logspace(-1.5, 2, 8), [Critic(eta=float(h), noise=0.1) for h in x]),
}


class _Problem:
    """An MDP with its solution, ν* and C_LS(π*)."""

    def __init__(self, mdp: wc.MDP) -> None:
        self.mdp, self.star = mdp, wc.solve(mdp, tol=None)
        self.nu = self.star.nu[np.newaxis]
        self.C = wc.log_sobolev(self.star.policy).upper

    def settled(self, critic: Critic) -> list[wc.Path]:
        """Paths from the optimal policy whose second half has forgotten it."""
        kept = bounds.kl_factor(C_LS=self.C.max(), tau=self.mdp.tau, eta=critic.eta)
        every = int(np.ceil(np.log(SETTLED) / np.log(kept) / WINDOW))
        kept_steps = {"steps": 2 * WINDOW * every, "samples": 2 * WINDOW}
        sizes = {"bias": critic.bias, "noise": critic.noise}
        methods = [wc.InexactWPPG(critic.eta, seed=seed, **sizes) for seed in range(SEEDS)]
        return [wc.evolve(m, self.mdp, self.star.policy, **kept_steps) for m in methods]

    def floors(self, paths: Sequence[wc.Path]) -> wc.Measured:
        """Δ of every path, the mean over its second half, (SEEDS,)."""
        gaps = [wc.optimality_gap(self.star, path)[-WINDOW:] for path in paths]
        late = wc.stack([(gap * self.nu).total() for gap in gaps])
        mean: wc.Measured = late.total() / WINDOW
        return mean

    def proved(self, critic: Critic, paths: Sequence[wc.Path]) -> tuple[float, float]:
        """Floors of Δ by the matrix form and, above its threshold, by Φ (NaN below it).

        The fixed point of W = (I − D_{c'}(I−γP*))W + ε/(1−γ), averaged over ν*, is E[1/c']ε/(1−γ)².
        Constants are those of π* and, by Holley–Stroock, of all that is near.
        """
        tau, gamma, grid = self.mdp.tau, self.mdp.gamma, self.mdp.grid
        swing = max(np.ptp(wc.optimality_gap(self.star, p).value, axis=-1).max() for p in paths)
        steepness = np.linalg.norm(4 * np.pi / np.multiply(grid.shape, grid.spacing))
        wrong = gamma * swing + 2 * critic.bias + 2 * critic.noise / steepness
        inverse = 1 + self.C * np.exp(wrong / tau) / (critic.eta * tau)
        best = self.star.policy.logf
        off = max(
            wc.oscillation(p.logf - best, grid).upper.max() for q in paths for p in q.policies
        )
        above = self.C.max() * np.exp(off) <= gamma * tau * critic.eta
        floor = critic.error / (1 - gamma) ** 2
        return floor * float(self.nu[0].value @ inverse), floor if above else np.nan


def _panel(critics: Sequence[Critic], fine: _Problem, coarse: _Problem) -> dict[str, Array]:
    """Floors with their errors (sampling, the start, half the nodes) and both bounds."""
    runs = [fine.settled(critic) for critic in critics]
    each = wc.stack([fine.floors(paths) for paths in runs])
    seen = wc.replicated(each, confidence=CONFIDENCE, axis=1)
    half = np.stack([coarse.floors(coarse.settled(critic)).value for critic in critics])
    seen = seen.with_error("refinement", seen.value - half.mean(axis=1))
    seen = seen.with_error("start", SETTLED * seen.value)
    matrix, phi = np.transpose([fine.proved(*pair) for pair in zip(critics, runs, strict=True)])
    return {"floor": seen.value, "error": seen.error, "matrix": matrix, "phi": phi}


def _compute() -> Data:
    fine, coarse = (_Problem(wc.zoo.tilted_double_well(resolution=n)) for n in (128, 64))
    return flat(
        {name: {"at": at} | _panel(critics, fine, coarse) for name, (at, critics) in PANELS.items()}
    )


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 2.5)
    axes = figure.subplots(1, 3, sharey=True)
    words = {
        "bias": (r"bias $\zeta$", rf"(a) $\sigma=0$, $\eta={LONG:g}$", 2),
        "noise": (r"noise $\sigma^2$", rf"(b) $\zeta=0$, $\eta={LONG:g}$", 1),
        "step": (r"step $\eta$", r"(c) $\zeta=0$, $\sigma=0.1$", None),
    }
    for ax, (name, (label, title, order)) in zip(axes, words.items(), strict=True):
        part = under(data, name)
        x, floor = part["at"], part["floor"]
        measured(ax, x, floor, part["error"], "observed", marker="o")
        ax.plot(x, part["matrix"], color=GREEN, linestyle=DASH, label="matrix form")
        label_phi = r"$\varepsilon/(1-\gamma)^2$"
        ax.plot(x, part["phi"], color=PROVED, linestyle=DOTS, label=label_phi)
        if order:
            line = 0.3 * floor[0] * (x / x[0]) ** order
            ax.plot(x, line, ":", color=GREY, label="_")
            beside = {"textcoords": "offset points", "color": "0.4"}
            ax.annotate(f"slope {order}", (x[1], line[1]), (4, -10), **beside)
        ax.set(xscale="log", yscale="log", xlabel=label, title=title)
    axes[0].set_ylabel(r"$E\,\Delta_\infty$")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


FIGURES = (
    Figure(
        name="wppg_inexact_floor",
        title="what a biased or noisy critic leaves of the gap, under both proved floors",
        marks="The mean gap that a wrong critic leaves at last (solid, band = error) against bias ζ, "
        "noise σ² and step, with the floors of the matrix form (`wppg-inexact`, dashed) and of Φ "
        "(`wppg-inexact-phi`, dotted); thin dots: the orders.",
        seen="The floor is of second order in ζ where the proved one is of first, of first in σ² as "
        "proved, and at long steps hardly depends on the step.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wppg-inexact", "tilted-double-well", start="optimal"),
            shown("wppg-inexact-phi", "tilted-double-well", start="optimal"),
        ),
    ),
)
