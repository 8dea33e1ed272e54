"""One proximal step: where it puts the mass, and its Kantorovich potential."""

from typing import TYPE_CHECKING

import numpy as np

import wconv as wc
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas
from wconv.report.style import BLUE, COLUMN, DASH, DOTS, GREEN, GREY, PURPLE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

STEP = 0.1
"""Long enough to see, too short to empty the bad well."""


def _compute() -> Data:
    """Of the state that moves most: densities, φ = q − τ log(dπ'/dμ), φ^c, and the way of the mass."""
    mdp = wc.zoo.tilted_double_well()
    nu = wc.uniform(mdp)
    path = wc.evolve(wc.WPPG(STEP), mdp, nu, steps=1)
    new, value = path.policies[1], path.evaluations[0]
    moves = wc.proximal_steps(path)
    s = int(moves.moved.value[0].argmax())
    split = wc.evolve(wc.SplitWPPG(STEP), mdp, nu, steps=1).policies[1]
    x = mdp.grid.nodes[:, 0]
    phi = value.Q[s] - mdp.tau * new.logf[s]
    conjugate = ((x - x[:, None]) ** 2 / (2 * STEP) - phi).min(axis=1)
    mass = np.cumsum(new.pi[s])
    return {
        "a": x,
        "from": nu.lebesgue[s],
        "to": new.lebesgue[s],
        "split": split.lebesgue[s],
        "gibbs": wc.gibbs(mdp, value.Q).lebesgue[s],
        "q": value.Q[s],
        "phi": phi,
        "conjugate": conjugate,
        "map": np.interp(np.cumsum(nu.pi[s]), mass, x),
        "gap": moves.gap.value[0, s],
        "moved": moves.moved.value[0, s],
        "moved error": moves.moved.error[0, s],
    }


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 4.8)
    (top, bottom), a = figure.subplots(2, sharex=True), data["a"]
    top.fill_between(a, data["from"], color="0.88", linewidth=0, label=r"$\pi_0=\mu$")
    top.plot(a, data["gibbs"], color=GREY, linewidth=0.9, label="Gibbs policy")
    top.plot(a, data["to"], color=BLUE, label=r"$\pi_1$, proximal step")
    top.plot(a, data["split"], color=VERMILLION, linestyle=DASH, label="transport, then heat")
    top.set(ylabel="density", title=rf"(a) one step, $\eta={STEP:g}$", ylim=(0, None))
    top.set_ylim(top=1.35 * max(data["gibbs"].max(), data["to"].max()))
    top.legend(loc="upper left", ncols=2, columnspacing=1.0, handlelength=1.8)
    centre = data["phi"].mean()
    bottom.plot(a, data["q"] - centre, color=GREY, linewidth=0.9, label="$q$")
    bottom.plot(a, data["phi"] - centre, color=GREEN, label=r"$\varphi$")
    label = r"$-\varphi^c$"
    bottom.plot(a, -data["conjugate"] - centre, color=PURPLE, linestyle=DOTS, label=label)
    title = r"(b) potential $\varphi=q-\tau\log(d\pi_1/d\mu)$ and $-\varphi^c$"
    bottom.set(xlabel="action $a$", title=title, xlim=(a[0], a[-1]))
    bottom.legend(loc="best")
    return figure


FIGURES = (
    Figure(
        name="wppg_one_step",
        title="one proximal step in one state: the density it ends at, and its Kantorovich potential",
        marks="The density of one state before (grey area) and after a proximal step (solid) beside the "
        "Gibbs policy of the same q (thin) and a split step, transport then heat (dashed); below "
        "the potential φ = q − τ log(dπ_1/dμ), q, and −φ^c, φ^c(b) = min |a−b|²/2η − φ(a).",
        seen="Mass moves where −φ^c and φ are apart, and stays where they touch; the split step blurs "
        "at the walls what the exact one does not, and both are far from the Gibbs policy.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wppg-prox-exists", "tilted-double-well", start="reference"),
            shown("wppg-one-step", "tilted-double-well", start="reference"),
        ),
    ),
)
