"""The stationary gap of mixtures of particles against N and, extrapolated to N → ∞, against the step."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.constants.langevin import step_constants
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, points, proved, slope
from wconv.gallery.particle_chaos import NODES, means
from wconv.report.style import BLUE, GREEN, GREY, ORANGE, PAGE, SKY
from wconv.theory.bounds import wpg_langevin

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

STEPS = (0.125, 0.2, 0.32, 0.5)
"""Long ones, whose bias is not far below what N particles lose."""

RESTING = {16: 128, 128: 32, 1024: 16, 4096: 8}
"""Particles a state, and systems whose bias is watched."""

EVERY, FORGOTTEN, SAMPLES = 0.64, 4, 11
"""Time between samples, how many are left out, and all of them."""

COLOURS = (BLUE, SKY, GREEN, ORANGE)


def _resting(mdp: wc.MDP, eta: float) -> dict[str, Array]:
    """The stationary gap of the density in its worst state with its bounds, and that of particles."""
    star, method = wc.solve(mdp, tol=None), wc.WPGD(eta)
    law = wc.evolve(method, mdp, star.policy, until=16.0, samples=2)
    gaps = [(star.measured - law.measured[k]).value for k in (1, 2)]
    s = int(gaps[1].argmax())
    V = law.measured[2:]
    constants = step_constants(mdp, wc.drift_tables(mdp), law.policies[2:], V)
    plateau = wpg_langevin.plateau(
        C_LS=wc.gibbs_constants(mdp, V).worst_at.upper,
        L_b=constants.L_b.upper.max(axis=1),
        moment=constants.second.upper.max(axis=1),
        **{"tau": mdp.tau, "gamma": mdp.gamma, "eta": eta, "dim": 1},
    )
    every = round(EVERY / eta)
    times: dict[str, Any] = {"steps": SAMPLES * every, "samples": SAMPLES, "value": "mixture"}
    runs = [
        wc.evolve_particles(method, mdp, law.policies[2], n=n, seed=range(systems), **times)
        for n, systems in RESTING.items()
    ]
    late = [star.V[s] - run.values[1 + FORGOTTEN :, :, s].mean(axis=0) for run in runs]
    seen = np.array([means(each[None])[:, 0] for each in late]).T
    density = np.array([gaps[1][s], np.abs(gaps[1] - gaps[0]).max()])
    return {"density": density, "plateau": plateau[0], "particles": seen, "limit": _limit(seen)}


def _limit(seen: Array) -> Array:
    """g of the fit g + a/N + b/N² to means (value, error), its error, a and b.

    The error is that of the means, and what changes when the fewest particles are left out.
    """
    N = np.array(list(RESTING), float)

    def weights(kept: slice) -> Array:
        table = N[kept, None] ** -np.arange(3) / seen[1, kept, None]
        return np.asarray(np.linalg.pinv(table) / seen[1, kept])

    all_of_them = weights(slice(None))
    g, a, b = all_of_them @ seen[0]
    sampling = np.linalg.norm(all_of_them[0] * seen[1])
    fit = abs(g - weights(slice(1, None))[0] @ seen[0, 1:])
    return np.array([g, sampling + fit, a, b])


def _compute() -> Data:
    """The same for all steps, (step, …), on the ring."""
    mdp = wc.zoo.ring(resolution=NODES)
    each = [_resting(mdp, eta) for eta in STEPS]
    found = {name: np.stack([one[name] for one in each]) for name in each[0]}
    return found | {"N": np.array(list(RESTING)), "eta": np.array(STEPS)}


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.0)
    left, right = figure.subplots(1, 2, sharey=True)
    N, eta = data["N"], data["eta"]
    fine = np.geomspace(N[0], 4 * N[-1])
    for k, colour in enumerate(COLOURS):
        g, _, a, b = data["limit"][k]
        style = {"color": colour, "linestyle": ""}
        points(left, N, data["particles"][k], rf"$\eta={eta[k]:g}$", **style)
        left.plot(fine, g + a / fine + b / fine**2, color=colour, lw=0.8)
        left.axhline(data["density"][k, 0], color=colour, ls=(0, (1, 1)), lw=0.9)
    left.set(xscale="log", yscale="log", xlabel="particles a state $N$")
    left.set_title(r"(a) ring, $\tau=0.5$, $\gamma=0.8$; dotted: densities")
    left.set_ylabel("stationary gap, worst state")
    left.legend(ncols=2)
    slope(right, eta, 0.6 * data["density"][0, 0], 2.0, "slope 2")
    right.plot(eta, data["density"][:, 0], color=GREY, label=r"densities, $N=\infty$")
    points(right, eta, data["limit"][:, :2].T, r"mixtures, $N\to\infty$", linestyle="")
    proved(right, eta, data["plateau"], r"$\tau\delta/((1-\gamma)^2c)$, wpgd-global")
    right.set(xscale="log", xlabel=r"step $\eta$", title=r"(b) extrapolated, and proved")
    right.set_xticks(eta, [f"{one:g}" for one in eta])
    right.set_xticks([], minor=True)
    right.set_xlim(0.85 * eta[0], 1.6 * eta[-1])
    right.legend(loc="center", bbox_to_anchor=(0.45, 0.55))
    return figure


FIGURES = (
    Figure(
        name="particles_bias",
        title="the bias of N particles, and as N → ∞ against the step, under the plateau of wpgd-global",
        marks="Stationary gap of mixtures of N particles in the worst state (bars: one-sided 99 %) with "
        "the fit g + a/N + b/N² (solid) and the gap of the density (dotted); g against the step "
        "beside the density (grey) and the plateau by δ (`wpgd-global`, dashed).",
        seen="As N grows particles have the bias of the densities, of order η² and far below the "
        "plateau.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("particle-bias", "quadratic-line", discount=0.0, start="optimal", resolution=96),
            shown("wpgd-global", "ring", start="optimal"),
        ),
    ),
)
