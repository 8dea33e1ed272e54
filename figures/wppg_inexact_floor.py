"""What a wrong critic leaves of the gap in the long run, against bias, noise and step, with both bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _style import AGAINST, CEILING, COLUMN, PROVED, measured, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.theory.bounds import wppg as bounds

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


PANELS: dict[str, tuple[np.ndarray, list[Critic]]] = {
    "bias": (x := np.logspace(-4, -1, 4), [Critic(bias=float(z)) for z in x]),
    "noise": (x := np.logspace(-4, 0, 5), [Critic(noise=float(np.sqrt(v))) for v in x]),
    "step": (x := np.logspace(-1.5, 2, 8), [Critic(eta=float(h), noise=0.1) for h in x]),
}


class Problem:
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
        return late.total() / WINDOW

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
        return floor * float(self.nu.value[0] @ inverse), floor if above else np.nan


def panel(critics: Sequence[Critic], fine: Problem, coarse: Problem) -> dict[str, np.ndarray]:
    """Floors with their errors (sampling, the start, half the nodes) and both bounds."""
    runs = [fine.settled(critic) for critic in critics]
    each = wc.stack([fine.floors(paths) for paths in runs])
    seen = wc.replicated(each, confidence=CONFIDENCE, axis=1)
    half = np.stack([coarse.floors(coarse.settled(critic)).value for critic in critics])
    seen = seen.with_error("refinement", seen.value - half.mean(axis=1))
    seen = seen.with_error("start", SETTLED * seen.value)
    matrix, phi = np.transpose([fine.proved(*pair) for pair in zip(critics, runs, strict=True)])
    return {"floor": seen.value, "error": seen.error, "matrix": matrix, "phi": phi}


def draw(found: dict[str, dict[str, np.ndarray]]) -> Figure:
    figure = Figure(figsize=(2 * COLUMN, 2.5), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    words = {
        "bias": (r"bias $\zeta$", rf"(a) $\sigma=0$, $\eta={LONG:g}$", 2),
        "noise": (r"noise $\sigma^2$", rf"(b) $\zeta=0$, $\eta={LONG:g}$", 1),
        "step": (r"step $\eta$", r"(c) $\zeta=0$, $\sigma=0.1$", None),
    }
    for ax, (name, (label, title, slope)) in zip(axes, words.items(), strict=True):
        part = found[name]
        x, floor = part["at"], wc.Measured.of(part["floor"], error=part["error"])
        measured(ax, x, floor, "observed", marker="o")
        ax.plot(x, part["matrix"], color=AGAINST, linestyle=(0, (4, 2)), label="matrix form")
        ax.plot(
            x, part["phi"], color=PROVED, linestyle=(0, (1, 1)), label=r"$\varepsilon/(1-\gamma)^2$"
        )
        if slope:
            line = floor.value[0] * (x / x[0]) ** slope
            ax.plot(x, line, ":", color=CEILING, label="_")
            ax.annotate(
                f"slope {slope}", (x[1], line[1]), (4, -10), textcoords="offset points", color="0.4"
            )
        ax.set(xscale="log", yscale="log", xlabel=label, title=title)
    axes[0].set_ylabel(r"$E\,\Delta_\infty$")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def main(out: Path) -> list[Path]:
    fine, coarse = (Problem(wc.zoo.tilted_double_well(resolution=n)) for n in (128, 64))
    found = {
        name: {"at": at} | panel(critics, fine, coarse) for name, (at, critics) in PANELS.items()
    }
    flat = {f"{name} {part}": v for name, data in found.items() for part, v in data.items()}
    return save(draw, found, out, "wppg_inexact_floor", **flat)


if __name__ == "__main__":
    show(main)
