"""How much of the gap a proximal step leaves, against its length, with both theorems; other geometries."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, measured
from wconv.report.style import COLUMN, DASH, DOTS, GREEN, GREY, MEASURED, PROVED
from wconv.theory.bounds import wppg as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

LENGTHS = np.logspace(-2, 2, 13)
DISTANCE = 5.0
"""A path goes on until the slowest mode has fallen by e to this, as far as the proved rate says."""

METHODS: dict[str, Callable[[float], Any]] = {
    "WPPG": lambda eta: wc.WPPG(eta, tol=1e-13),
    "implicit WPG": lambda eta: wc.FrozenWPG(eta),
    "frozen WPG": lambda eta: wc.FrozenWPG(eta, substeps=64),
    "KL mirror descent": lambda eta: wc.MirrorDescent(eta),
}
LOOKS: dict[str, tuple[str, Any]] = {
    "WPPG": (MEASURED, "-"),
    "implicit WPG": (PROVED, DASH),
    "frozen WPG": (GREEN, DOTS),
    "KL mirror descent": (GREY, (0, (6, 2, 1, 2))),
}


def _late(mdp: wc.MDP, star: wc.Solution, method: Any, steps: int) -> wc.Measured:
    """E_{k+1}/E_k, the geometric mean over the last quarter of a path that ends where E is still resolved."""
    while True:
        every = max(steps // 4, 1)
        kept = steps // every
        path = wc.evolve(method, mdp, wc.uniform(mdp), steps=kept * every, samples=kept)
        E = wc.optimality_gap(star, path).sup()
        if float(E.value[-1]) > 1e-9 or steps <= 2:
            ratio = E[-1] / E[-2]
            share = ratio.value ** (1 / every)
            return wc.Measured.of(share, gap=share * ratio.error / ratio.value / every)
        steps = max(2, steps // 2)


def _exponent(eta: float, method: Callable[[float], Any]) -> tuple[float, float]:
    """−log E_{k+1}/E_k on 128 nodes and its change from 64."""
    seen = []
    for n in (128, 64):
        mdp = wc.zoo.tilted_double_well(resolution=n)
        star = wc.solve(mdp, tol=None)
        c = wc.log_sobolev(star.policy).upper.max()
        kept = (1 + eta * mdp.tau / c) ** -2
        steps = int(np.clip(DISTANCE / -np.log(kept), 3, 20000))
        ratio = _late(mdp, star, method(eta), steps)
        seen.append((float(-np.log(ratio.value)), float(ratio.error / ratio.value)))
    (fine, error), (coarse, _) = seen
    return fine, error + abs(fine - coarse)


def _compute() -> Data:
    """Rates of all methods at all lengths, and the constants at the optimum."""
    mdp = wc.zoo.tilted_double_well()
    star = wc.solve(mdp, tol=None)
    c = wc.log_sobolev(star.policy).upper.max()
    found = {"eta": LENGTHS, "gamma": np.array(mdp.gamma)}
    found["kept"] = np.asarray(bounds.kl_factor(C_LS=c, tau=mdp.tau, eta=LENGTHS))
    found["threshold"] = np.asarray(c / (mdp.gamma * mdp.tau))
    for name, method in METHODS.items():
        rows = [_exponent(float(eta), method) for eta in LENGTHS]
        found[name], found[f"{name} error"] = (np.array(part) for part in zip(*rows, strict=True))
    found["spi"] = np.array(_exponent(1.0, lambda _: wc.SoftPolicyIteration())[0])
    return found


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 5.2)
    top, bottom = figure.subplots(2, sharex=True)
    _factor(top, data)
    eta = data["eta"]
    for name, (colour, dashes) in LOOKS.items():
        style = {"color": colour, "linestyle": dashes}
        measured(bottom, eta, data[name], data[f"{name} error"], name, **style)
    bottom.axhline(data["spi"], color="0.6", linewidth=0.6)
    words = {"textcoords": "offset points", "color": "0.4"}
    bottom.annotate("soft policy iteration", (eta[0], data["spi"]), (2, -10), **words)
    bottom.set(xscale="log", yscale="log", xlabel=r"step $\eta$")
    bottom.set(ylabel=r"$-\log(E_{k+1}/E_k)$, late", title="(b) four geometries")
    bottom.legend(loc="lower right")
    return figure


def _factor(axes: Any, data: Data) -> None:
    eta, kept, gamma = data["eta"], data["kept"], float(data["gamma"])
    share, threshold = np.exp(-data["WPPG"]), data["threshold"]
    measured(axes, eta, share, share * data["WPPG error"], "observed")
    axes.plot(eta, kept, color=GREEN, linestyle=DASH, label=r"any step, at last: $1-c$")
    scalar = 1 - (1 - gamma) * (1 - kept)
    axes.plot(eta, scalar, color=PROVED, linestyle=DOTS, label=r"any step: $1-(1-\gamma)c$")
    above = np.array([threshold, eta[-1]])
    label = r"above $C_\mathrm{T}/(\gamma\tau)$: $\gamma$"
    axes.plot(above, np.full_like(above, gamma), color=GREY, label=label)
    axes.axvline(threshold, color="0.8", linewidth=0.6, zorder=0)
    axes.set(xscale="log", ylim=(0, 1.02), ylabel="$E_{k+1}/E_k$, late")
    axes.set_title(r"(a) a proximal step, tilted wells, $\gamma=0.8$, $\tau=0.5$")
    axes.legend(loc="lower left")


FIGURES = (
    Figure(
        name="wppg_rate_vs_step",
        title="the share of the gap that a proximal step leaves, against its length",
        marks="E_{k+1}/E_k late on a path of the proximal scheme (solid, band = error) against the "
        "step, with the bound of `wppg-any-step` (dotted), its form at last (dashed) and γ of "
        "`wppg-lin` above its threshold (grey); below the exponents of four geometries.",
        seen="The factor falls smoothly from 1 to 0, nothing happens at the threshold, and implicit "
        "steps of the flow cannot be told from proximal ones.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wppg-any-step", "tilted-double-well", start="reference"),
            shown("wppg-lin", "tilted-double-well", start="reference"),
        ),
    ),
)
