"""C_LS of the Gibbs policies along the gradient flow: brackets in every state, and ceilings."""

from typing import TYPE_CHECKING

import numpy as np

import wconv as wc
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.flow_bounds import largest_reward, of_reference
from wconv.gallery.panels import canvas, note
from wconv.report.style import BLUE, COLUMN, GREEN, GREY, ORANGE, PROVED, SKY
from wconv.theory.bounds import wpg_flow as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

STATES = (BLUE, SKY, GREEN, ORANGE)


def _along() -> Data:
    """The bracket of C_LS in every state, the ceiling at the measured osc q_t and the one a priori."""
    mdp = wc.zoo.heavy(temperature=0.2)
    path = wc.evolve(wc.WPGFlow(1e-5), mdp, wc.uniform(mdp), until=1.0, samples=32)
    V = path.measured
    C = wc.gibbs_constants(mdp, V).at
    spread = np.array([wc.q_oscillation(mdp, V[k]).upper.max() for k in range(33)])
    uniform = bounds.log_uniform(R_max=largest_reward(mdp), K_0=0.0, gamma=mdp.gamma, tau=mdp.tau)
    ceilings = of_reference(mdp) * np.exp(np.stack([spread / mdp.tau, np.full(33, uniform)]))
    names = ("t", "lower", "upper", "ceiling", "a_priori")
    return dict(zip(names, (path.times, C.lower, C.upper, *ceilings), strict=True))


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 4.4)
    (top, bottom), t = figure.subplots(2, sharex=True), data["t"]
    for s, colour in enumerate(STATES):
        low, high = data["lower"][:, s], data["upper"][:, s]
        top.fill_between(t, low, high, color=colour, alpha=0.3, linewidth=0)
        top.plot(t, np.sqrt(low * high), color=colour, label=f"state {s}")
    worst = data["lower"].max(axis=1), data["upper"].max(axis=1)
    bottom.fill_between(t, *worst, color=BLUE, linewidth=1.2)
    note(bottom, t[-1], worst[1][-1], "measured", BLUE, "below")
    for name, power, colour, dashes, where in (
        ("ceiling", r"\mathrm{osc}(q_t)/\tau", PROVED, "--", "above"),
        ("a_priori", r"2(R_{\max}+\gamma V_{\max})/\tau", GREY, ":", "below"),
    ):
        bottom.plot(t, data[name], dashes, color=colour)
        label = rf"$C_\mathrm{{LS}}(\mu)\,e^{{{power}}}$"
        note(bottom, t[-1], data[name][-1], label, colour, where)
    titles = (r"(a) every state of heavy, $\tau=0.2$", "(b) the worst state, and ceilings")
    for axes, title in zip((top, bottom), titles, strict=True):
        axes.set(yscale="log", xlim=(0, t[-1]), ylabel=r"$C_\mathrm{LS}(p_t)$", title=title)
    top.legend(ncols=2, loc=(0.4, 0.55))
    top.yaxis.set_minor_formatter("{x:g}")
    top.yaxis.set_major_formatter("{x:g}")
    bottom.set(ylim=(1e-5, None), xlabel="time $t$")
    return figure


FIGURES = (
    Figure(
        name="wpg_lsi_along_iterates",
        title="C_LS of the Gibbs policies along the flow, and the ceilings of wpg-uniform-lsi",
        marks="C_LS(p_t) along the flow in every state (bands: brackets), and of the worst state beside "
        "the ceilings by Holley–Stroock: at the measured osc q_t (dashed) and from the data alone "
        "(dotted).",
        seen="The constant gets better in one state and worse in another; the ceilings are orders of "
        "magnitude above it.",
        compute=_along,
        draw=_draw,
        claims=(shown("wpg-uniform-lsi", "heavy", temperature=0.2, start="reference"),),
    ),
)
