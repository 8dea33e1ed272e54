"""The gap of the gradient flow against `wpg-exp`, with constants measured along the way and a priori."""

from pathlib import Path

import numpy as np
from _style import CEILING, COLUMN, largest_reward, measured, of_reference, proved, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.theory.bounds import wpg_flow as bounds

TITLES = (r"(a) nearly a translated Gaussian, $\gamma=0$", r"(b) tilted double well, $\gamma=0.8$")


def curves(mdp: wc.MDP, start: wc.Policy, until: float) -> dict[str, np.ndarray]:
    """E_t with its error and both exponentials at 33 times; ``sharp``: the other side of C_LS."""
    path = wc.evolve(wc.WPGFlow(1e-7), mdp, start, until=until, samples=32)
    gap = wc.optimality_gap(wc.solve(mdp), path).sup()
    C = wc.gibbs_constants(mdp, path.measured).worst_over
    rest = {"initial": gap.value[0], "gamma": mdp.gamma, "tau": mdp.tau}
    data = {"R_max": largest_reward(mdp), "K_0": wc.kl(start, wc.uniform(mdp)).upper.max()}
    steps = np.diff(path.times)
    bound, sharp = (
        np.append(gap.value[0], bounds.decayed(durations=steps, C_LS=side, **rest))
        for side in (C.upper, C.lower)
    )
    uniform = bounds.decayed_uniformly(times=path.times, C_mu=of_reference(mdp), **data, **rest)
    names = ("t", "E", "error", "bound", "sharp", "uniform")
    values = (path.times, gap.value, gap.error, bound, sharp, uniform)
    return dict(zip(names, values, strict=True))


def draw(panels: list[dict[str, np.ndarray]]) -> Figure:
    figure = Figure(figsize=(COLUMN, 3.9), layout="constrained")
    for axes, title, found in zip(figure.subplots(2), TITLES, panels, strict=True):
        t, sides = found["t"], (found["bound"], found["sharp"])
        axes.plot(t, found["uniform"], ":", color=CEILING, label=r"bound, $C_\mathrm{LS}$ a priori")
        proved(axes, t, sides, r"bound, $C_\mathrm{LS}$ measured")
        gap = wc.Measured.of(found["E"], error=found["error"])
        measured(axes, t, gap, "gap $E_t$ of the flow")
        axes.set(yscale="log", xlim=(0, t[-1]), xlabel="time $t$", ylabel="$E_t$", title=title)
    figure.axes[0].legend(loc="lower left")
    return figure


def main(out: Path) -> list[Path]:
    line, wells = wc.zoo.gaussian_line(discount=0.0, amplitude=0.05), wc.zoo.tilted_double_well()
    tilt = wc.solve(line).policy.logf + 0.5 * line.grid.nodes[:, 0] / line.grid.space.scale
    start = wc.softmax_policy(tilt, line.grid)
    panels = [curves(line, start, 3.0), curves(wells, wc.uniform(wells), 6.0)]
    named = zip("ab", panels, strict=True)
    data = {f"{letter}_{name}": x for letter, p in named for name, x in p.items()}
    return save(draw, panels, out, "wpg_gap_vs_bound", **data)


if __name__ == "__main__":
    show(main)
