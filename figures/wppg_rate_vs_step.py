"""How much of the gap a proximal step leaves, against its length, with both theorems; other geometries."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from _style import AGAINST, CEILING, COLUMN, MEASURED, PROVED, measured, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.theory.bounds import wppg as bounds

LENGTHS = np.logspace(-2, 2, 13)
DISTANCE = 5.0
"""A path goes on until the slowest mode has fallen by e to this, as far as the proved rate says."""

GEOMETRIES: dict[str, tuple[Callable[[float], object], str, object]] = {
    "WPPG": (lambda eta: wc.WPPG(eta, tol=1e-13), MEASURED, "-"),
    "implicit WPG": (wc.FrozenWPG, PROVED, (0, (4, 2))),
    "frozen WPG": (lambda eta: wc.FrozenWPG(eta, substeps=64), AGAINST, (0, (1, 1))),
    "KL mirror descent": (wc.MirrorDescent, CEILING, (0, (6, 2, 1, 2))),
}


def late(mdp: wc.MDP, star: wc.Solution, method: object, steps: int) -> wc.Measured:
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


def exponents(build: Callable[..., wc.MDP], eta: float, method: Callable[[float], object]) -> tuple:
    """−log E_{k+1}/E_k on 128 nodes and its change from 64."""
    seen = []
    for n in (128, 64):
        mdp = build(resolution=n)
        star = wc.solve(mdp, tol=None)
        c = wc.log_sobolev(star.policy).upper.max()
        kept = (1 + eta * mdp.tau / c) ** -2
        steps = int(np.clip(DISTANCE / -np.log(kept), 3, 20000))
        ratio = late(mdp, star, method(eta), steps)
        seen.append((-np.log(ratio.value), ratio.error / ratio.value))
    (fine, error), (coarse, _) = seen
    return fine, error + abs(fine - coarse)


def draw(found: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(COLUMN, 5.2), layout="constrained")
    top, bottom = figure.subplots(2, sharex=True)
    eta, kept, gamma = found["eta"], found["kept"], float(found["gamma"])
    seen = wc.Measured.of(
        np.exp(-found["WPPG"]), error=np.exp(-found["WPPG"]) * found["WPPG error"]
    )
    measured(top, eta, seen, "observed")
    top.plot(eta, kept, color=AGAINST, linestyle=(0, (4, 2)), label=r"any step, at last: $1-c$")
    scalar = 1 - (1 - gamma) * (1 - kept)
    top.plot(eta, scalar, color=PROVED, linestyle=(0, (1, 1)), label=r"any step: $1-(1-\gamma)c$")
    above = eta[eta >= found["threshold"]]
    above = np.concatenate([[found["threshold"]], above])
    top.plot(
        above,
        np.full_like(above, gamma),
        color=CEILING,
        label=r"above $C_T/(\gamma\tau)$: $\gamma$",
    )
    top.axvline(found["threshold"], color="0.8", linewidth=0.6, zorder=0)
    top.set(xscale="log", ylim=(0, 1.02), ylabel="$E_{k+1}/E_k$, late")
    top.set_title(r"(a) a proximal step, tilted wells, $\gamma=0.8$, $\tau=0.5$")
    top.legend(loc="lower left")
    for name, (_, colour, dashes) in GEOMETRIES.items():
        bottom.plot(eta, found[name], color=colour, linestyle=dashes, label=name)
    bottom.axhline(found["spi"], color="0.6", linewidth=0.6)
    bottom.annotate(
        "soft policy iteration",
        (eta[0], found["spi"]),
        (2, -10),
        textcoords="offset points",
        color="0.4",
    )
    bottom.set(
        xscale="log", yscale="log", xlabel=r"step $\eta$", ylabel=r"$-\log(E_{k+1}/E_k)$, late"
    )
    bottom.set_title("(b) four geometries")
    bottom.legend(loc="lower right")
    return figure


def main(out: Path) -> list[Path]:
    """Rates of all methods at all lengths, and the constants at the optimum."""
    build = wc.zoo.tilted_double_well
    mdp = build()
    star = wc.solve(mdp, tol=None)
    c = wc.log_sobolev(star.policy).upper.max()
    found = {"eta": LENGTHS, "gamma": np.float64(mdp.gamma)}
    found["kept"] = np.asarray(bounds.kl_factor(C_LS=c, tau=mdp.tau, eta=LENGTHS))
    found["threshold"] = np.float64(c / (mdp.gamma * mdp.tau))
    for name, (method, *_) in GEOMETRIES.items():
        rows = [exponents(build, float(eta), method) for eta in LENGTHS]
        found[name], found[f"{name} error"] = (np.array(part) for part in zip(*rows, strict=True))
    found["spi"] = np.float64(exponents(build, 1.0, lambda _: wc.SoftPolicyIteration())[0])
    return save(draw, found, out, "wppg_rate_vs_step", **found)


if __name__ == "__main__":
    show(main)
