"""Interacting particles on the ring beside their independent twins, and their values beside the density's."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.constants.langevin import step_constants
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, note, points, proved, slope
from wconv.report.style import BLUE, GREEN, PAGE, SKY
from wconv.theory.bounds import particles as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

NODES = 32
"""Of the actions: the stationary gap moves by 1e-8 of itself when they are doubled."""

CONFIDENCE = 0.99
"""One-sided, of every mean."""

STEP, UPDATES = 0.1, 10
"""To time 1."""

CROWDS = {8: 512, 64: 128, 512: 48, 2048: 32}
"""Particles a state, and systems."""


def means(values: Array) -> Array:
    """Means over systems (axis 1) and their errors, stacked on a first axis."""
    each = [wc.replicated(v, confidence=CONFIDENCE) for v in values]
    return np.array([[m.value, m.error] for m in each]).swapaxes(0, 1)


def _apart(law: wc.Path, L_b: Array, G_p: Array, n: int, systems: int) -> dict[str, Array]:
    """Over times: D and max|V̂ − V| with their errors, |E(V̂ − V)|, and the bound of D."""
    mdp, method, V = law.mdp, law.method, law.measured
    common: dict[str, Any] = {"n": n, "steps": UPDATES, "samples": UPDATES, "seed": range(systems)}
    found = wc.evolve_particles(method, mdp, law.policies[0], value="mixture", **common)
    alone = wc.evolve_particles(method, mdp, law.policies[0], value=V.value[:-1], **common)
    D = np.abs(found.particles - alone.particles)[..., 0]
    D = np.minimum(D, mdp.grid.n * mdp.grid.spacing[0] - D)
    off = found.values - V.value[:, None]
    signed = np.abs(means(off))
    worst = signed[:1].argmax(axis=-1)[..., None]
    half = means(np.ptp(off, axis=-1) / 2).sum(axis=0)  # the mean and its error
    fixed = {"G_p": G_p, "gamma": mdp.gamma, "eta": STEP}
    most = [np.zeros(mdp.n_states)]
    for k in range(UPDATES):
        most.append(bounds.coupled_step(distance=most[-1], value=half[k], L_b=L_b[k], **fixed))
    return {
        "D": means(D.mean(axis=(-1, -2))),
        "V": means(np.abs(off).max(axis=-1)),
        "bias": np.take_along_axis(signed, worst, axis=-1)[..., 0],
        "bound": np.mean(most, axis=-1),
    }


def _compute() -> Data:
    """The same for all numbers of particles, (count, …), on the ring."""
    mdp = wc.zoo.ring(resolution=NODES)
    law = wc.evolve(wc.WPGD(STEP), mdp, wc.uniform(mdp), steps=UPDATES)
    tables, V = wc.drift_tables(mdp), law.measured[:-1]
    L_b = step_constants(mdp, tables, law.policies[:-1], V).L_b.upper
    G_p = wc.regularity(mdp).G_p.upper
    each = [_apart(law, L_b, G_p, *crowd) for crowd in CROWDS.items()]
    found = {name: np.stack([one[name] for one in each]) for name in each[0]}
    return found | {"N": np.array(list(CROWDS)), "times": law.times}


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.2)
    left, right = figure.subplots(1, 2)
    N, times, last = data["N"], data["times"][2:], -1
    label = r"$E\,\max_s|V^{\hat\pi}-V^\pi|$"
    points(left, N, data["V"][:, :, last].T, label, color=GREEN)
    style: dict[str, Any] = {"color": GREEN, "mfc": "w", "lw": 0.8}
    label = r"$\max_s|E(V^{\hat\pi}-V^\pi)|$"
    points(left, N, data["bias"][:, :, last].T, label, marker="s", **style)
    points(left, N, data["D"][:, :, last].T, r"$E\,D$, the distance to twins")
    proved(left, N, data["bound"][:, last], r"bound of $E\,D$, chaos-rate")
    slope(left, N, 0.75 * data["D"][0, 0, last], -0.5, r"$N^{-1/2}$")
    slope(left, N, 0.75 * data["bias"][0, 0, last], -1.0, r"$N^{-1}$")
    left.set(xscale="log", yscale="log", xlabel="particles a state $N$")
    left.set(title=r"(a) ring, $\tau=0.5$, $\gamma=0.8$, at time 1", xlim=(None, 5 * N[-1]))
    for n, colour in ((64, SKY), (512, BLUE)):
        (k,) = np.flatnonzero(n == N)
        points(right, times, data["D"][k, :, 2:], "_", color=colour)
        bound = data["bound"][k, 2:]
        proved(right, times, bound, "_", color=colour)
        for curve in (bound, data["D"][k, 0, 2:]):
            note(right, times[last], curve[last], f"$N={n}$", colour, "right")
    # The first update sees the value of the start, which all systems share.
    right.set_xlim(right=1.2 * times[last])
    right.set(yscale="log", xlabel=r"time $k\eta$", title=rf"(b) growth of $E\,D$, $\eta={STEP:g}$")
    figure.legend(loc="outside lower center", ncols=4, columnspacing=1.0)
    return figure


FIGURES = (
    Figure(
        name="particles_chaos",
        title="how far N particles stray from independent twins, and their values from the density's",
        marks="Mean distance D of interacting particles to independent twins with the same noise, and "
        "the deviation of the value of their mixture, against N and time (bars: one-sided 99 %); "
        "dashed: the recursion of `chaos-rate`; dotted: orders.",
        seen="Particles stray like N^{-1/2}, well below what the recursion allows; their values first "
        "miss a bias of order 1/N.",
        compute=_compute,
        draw=_draw,
        claims=(shown("chaos-rate", "ring", start="reference"),),
    ),
)
