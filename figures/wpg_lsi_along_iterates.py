"""C_LS of the Gibbs policies along the gradient flow: brackets in every state, and ceilings."""

from pathlib import Path

import numpy as np
from _style import CEILING, COLUMN, PROVED, STATES, largest_reward, note, of_reference, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.theory.bounds import wpg_flow as bounds

TITLES = (r"(a) every state of heavy, $\tau=0.2$", "(b) the worst state, and ceilings")


def along(mdp: wc.MDP) -> dict[str, np.ndarray]:
    """The bracket of C_LS in every state, the ceiling at the measured osc q_t and the one a priori."""
    path = wc.evolve(wc.WPGFlow(1e-5), mdp, wc.uniform(mdp), until=1.0, samples=32)
    V = path.measured
    C = wc.gibbs_constants(mdp, V).at
    spread = np.array([wc.q_oscillation(mdp, V[k]).upper.max() for k in range(33)])
    uniform = bounds.log_uniform(R_max=largest_reward(mdp), K_0=0.0, gamma=mdp.gamma, tau=mdp.tau)
    ceilings = of_reference(mdp) * np.exp(np.stack([spread / mdp.tau, np.full(33, uniform)]))
    names = ("t", "lower", "upper", "ceiling", "a_priori")
    return dict(zip(names, (path.times, C.lower, C.upper, *ceilings), strict=True))


def draw(found: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(COLUMN, 4.4), layout="constrained")
    (top, bottom), t = figure.subplots(2, sharex=True), found["t"]
    for s, colour in enumerate(STATES):
        low, high = found["lower"][:, s], found["upper"][:, s]
        top.fill_between(t, low, high, color=colour, alpha=0.3, linewidth=0)
        top.plot(t, np.sqrt(low * high), color=colour, label=f"state {s}")
    worst = found["lower"].max(axis=1), found["upper"].max(axis=1)
    bottom.fill_between(t, *worst, color=STATES[0], linewidth=1.2)
    note(bottom, t[-1], worst[1][-1], "measured", STATES[0], "below")
    for name, power, colour, dashes, where in (
        ("ceiling", r"\mathrm{osc}(q_t)/\tau", PROVED, "--", "above"),
        ("a_priori", r"2(R_{\max}+\gamma V_{\max})/\tau", CEILING, ":", "below"),
    ):
        bottom.plot(t, found[name], dashes, color=colour)
        label = rf"$C_\mathrm{{LS}}(\mu)\,e^{{{power}}}$"
        note(bottom, t[-1], found[name][-1], label, colour, where)
    for axes, title in ((top, TITLES[0]), (bottom, TITLES[1])):
        axes.set(yscale="log", xlim=(0, t[-1]), ylabel=r"$C_\mathrm{LS}(p_t)$", title=title)
    top.legend(ncols=2, loc=(0.4, 0.55))
    top.yaxis.set_minor_formatter("{x:g}")
    top.yaxis.set_major_formatter("{x:g}")
    bottom.set(ylim=(1e-5, None), xlabel="time $t$")
    return figure


def main(out: Path) -> list[Path]:
    found = along(wc.zoo.heavy(temperature=0.2))
    return save(draw, found, out, "wpg_lsi_along_iterates", **found)


if __name__ == "__main__":
    show(main)
