"""Few particles in the place of a policy: below which N the Langevin theorem of the density fails."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.constants.langevin import drift, step_constants
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, points, proved, under
from wconv.gallery.particle_chaos import CONFIDENCE, NODES, means
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import DOTS, GREEN, GREY, PAGE, PROVED
from wconv.theory.bounds import particles as bounds
from wconv.theory.bounds import wpg_langevin

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

BANDIT: dict[str, Any] = {"discount": 0.0, "resolution": 64}
RING: dict[str, Any] = {"resolution": NODES}
SWEEPS = (
    Asked("particle-gap", ("particles=2:512:log:9",), "gaussian-line", BANDIT, start="optimal"),
    # A cell with few particles has steep policies, whose constants take a quarter of a second each.
    Asked("particle-gap", ("particles=32:512:log:3",), "ring", RING, start="optimal"),
)

ETA = 0.05
"""The step of `particle-gap`."""

COUNTS = 2 ** np.arange(1, 13)
DRAWS = 512
"""Particles a state, and how often their first draw is made."""

CROWDS = {2: 512, 4: 512, 16: 128, 32: 64, 256: 32}
"""Particles a state, and systems that are watched at rest."""

SAMPLES, FORGOTTEN, EVERY = 10, 4, 10
"""Samples of every system, how many of them are left out, and steps between them."""


def _compute() -> Data:
    found = {}
    for one in SWEEPS:
        mdp = getattr(wc.zoo, one.on.replace("-", "_"))(**one.fixed)
        found[one.on] = numbers(one.run()) | _against_particles(wc.solve(mdp, tol=None))
    return flat(found)


def _against_particles(star: wc.Solution) -> dict[str, Array]:
    """The theorem's right sides without and with particles, and gaps after one draw and at rest."""
    kernel = _update(star)
    found = _proved(star, kernel)
    found |= {"N": COUNTS, "once": _averaged([_drawn(star, kernel, int(n)) for n in COUNTS])}
    crowds = [_rested(star, n, systems) for n, systems in CROWDS.items()]
    found |= {"N_rest": np.array(list(CROWDS)), "rest": _averaged(crowds)}
    once = _crossing(found["N"], found["once"], float(found["one_step"]))
    rest = _crossing(found["N_rest"], found["rest"], float(found["plateau"]))
    return found | {"once_ends": once, "rest_ends": rest}


def _averaged(each: list[Array]) -> Array:
    """Means and errors (2, count) of the gaps of systems."""
    return np.concatenate([means(gaps[None]) for gaps in each], axis=1)


def _drawn(star: wc.Solution, kernel: Array, n: int) -> Array:
    """The gaps of mixtures whose n centres a state are drawn from π* and moved, (draw,)."""
    rng, rows = np.random.default_rng(n), star.policy.pi
    shares = np.stack([rng.multinomial(n, row / row.sum(), size=DRAWS) for row in rows], axis=1) / n
    return _gap(star, np.einsum("dsa,say->dsy", shares, kernel))


def _rested(star: wc.Solution, n: int, systems: int) -> Array:
    """The gaps of systems of n particles a state, averaged over late times, (system,)."""
    every = {"steps": SAMPLES * EVERY, "samples": SAMPLES, "seed": range(systems)}
    start: dict[str, Any] = {"n": n, "value": "mixture"} | every
    logs = wc.evolve_particles(wc.WPGD(ETA), star.mdp, star.policy, **start).log_densities
    masses = np.exp(logs[:, FORGOTTEN:] + star.mdp.grid.log_weights)
    return np.asarray(_gap(star, masses).mean(axis=1))


def _gap(star: wc.Solution, masses: Array) -> Array:
    """max_s of V* − V^π = τ(I − γP_π)^{-1}KL(π‖π*) for masses (..., S, A)."""
    mdp, best = star.mdp, star.policy
    # Far from all centres a mass may underflow, which is nothing in the mean.
    logs = np.log(np.where(masses > 0, masses, 1.0)) - best.grid.log_weights
    apart = (masses * (logs - best.logf)).sum(axis=-1)
    moves = np.eye(mdp.n_states) - mdp.gamma * np.einsum(
        "...sa,sat->...st", masses, np.asarray(mdp.P)
    )
    return np.asarray(mdp.tau * np.linalg.solve(moves, apart[..., None])[..., 0].max(axis=-1))


def _proved(star: wc.Solution, kernel: Array) -> dict[str, Array]:
    """After a step from π*, and at last, by δ alone; after a step with the draw of N particles."""
    mdp, V = star.mdp, wc.stack([star.measured])
    constants = step_constants(mdp, wc.drift_tables(mdp), [star.policy], V)
    rest = {"tau": mdp.tau, "gamma": mdp.gamma, "eta": ETA, "dim": 1}
    rest["C_LS"] = wc.gibbs_constants(mdp, V).worst_at.upper[0]
    rest["L_b"], rest["moment"] = constants.L_b.upper.max(), constants.second.upper.max()
    one_step = wpg_langevin.gap_step(gap=np.zeros(()), **rest)
    after = np.einsum("sa,say->sy", star.policy.pi, kernel)
    C = np.einsum("sa,say,sy->s", star.policy.pi, kernel**2, 1 / after) - 1.0
    logs = np.log(after) - mdp.grid.log_weights - star.policy.logf
    variance = (after * (logs - (after * logs).sum(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    N, horizon = COUNTS[:, None].astype(float), mdp.tau / (1.0 - mdp.gamma)
    return {
        "one_step": one_step,
        "plateau": wpg_langevin.plateau(**rest),
        "with_draw": one_step + horizon * bounds.mean_excess(variance=variance, C=C, N=N),
        "least": horizon * (C / (2.0 * N)).max(axis=-1),
        "C_LS": np.asarray(rest["C_LS"]),
    }


def _update(star: wc.Solution) -> Array:
    """Masses at the nodes y of N(a + ηb(s, a), 2τη) at V*, (S, A, A)."""
    import jax

    from wconv.dynamics.gaussian_noise import axes, noise_on
    from wconv.dynamics.langevin_kernel import noise_kernel

    mdp, grid = star.mdp, star.mdp.grid
    tables, noise = wc.drift_tables(mdp), noise_on(grid, 2 * mdp.tau * ETA, "step")
    centres = grid.nodes + ETA * drift(mdp, tables, wc.stack([star.measured])).b[0]
    line, ends = axes(grid, *tables), (noise.images, noise.boundary)
    with jax.enable_x64(True):
        found = noise_kernel(centres[..., 0], noise.sigma, line, 0, grid.n, *ends)
    return np.asarray(found)


def _crossing(N: Array, seen: Array, level: float) -> Array:
    """The N, lowest and highest within the errors, at which a falling mean passes the level; NaN if none."""
    logs, (gap, error) = np.log(N), seen

    def at(curve: Array) -> float:
        below = np.flatnonzero(curve <= level)
        if not below.size or below[0] == 0:
            return float("nan")
        pair = slice(below[0] - 1, below[0] + 1)
        # Falling like a power of N between two of them.
        return float(np.exp(np.interp(-np.log(level), -np.log(curve[pair]), logs[pair])))

    return np.array([at(gap - error), at(gap + error)])


SQUARES: dict[str, Any] = {"marker": "s", "mfc": "w", "ms": 6.0, "linestyle": ""}
TITLES = {
    "gaussian-line": r"(a) Gaussian line, $\gamma=0$",
    "ring": r"(b) ring, $\gamma=0.8$",
}


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.4)
    for axes, (on, title) in zip(figure.subplots(1, 2), TITLES.items(), strict=True):
        found = under(data, on)
        N = found["N"]
        proved(axes, N, found["with_draw"], "one step, with the draw of $N$", color=GREEN)
        flat_line = np.ones(len(N))
        proved(axes, N, found["plateau"] * flat_line, "at rest, density", linestyle=DOTS)
        proved(axes, N, found["one_step"] * flat_line, "one step, density")
        points(axes, found["N_rest"], found["rest"], "measured, at rest", **SQUARES)
        points(axes, N, found["once"], "measured, one step")
        axes.plot(N, found["least"], ":", color=GREY, label=r"$\tau\max_s C_s/(2N(1-\gamma))$")
        for name in ("once_ends", "rest_ends"):
            if np.isfinite(found[name]).all():
                axes.axvspan(*found[name], color=PROVED, alpha=0.3, linewidth=0)
        axes.set(xscale="log", yscale="log", xlabel="particles a state $N$", title=title)
        low = float(found["once"][0].min())
        axes.set_ylim(bottom=low / 6)
        axes.set_xlim(N[0] / 1.2, N[-1] * 1.2)
        ribbon(axes, found)
    figure.axes[0].set_ylabel(r"mean of $E=\max_s V^*-V^{\hat\pi}$")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    style = {"loc": "lower left", "bbox_to_anchor": (0.0, 0.05), "title": "particle-gap"}
    ribbon_legend(figure.axes[0], *(under(data, on) for on in TITLES), **style)
    return figure


PROBE = Ready(
    name="few-particles",
    question="Below how many particles does the Langevin theorem of the density fail?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_few_particles",
        title="the gap of few particles beside the Langevin theorem of the density",
        marks="Mean gap of mixtures of N particles after one update of π* and at rest (bars: one-sided "
        f"{100 * CONFIDENCE:g} %), the right sides of `wpgd-global` with δ of the density (one step "
        "dashed, at rest dotted) and with what the draw of N adds (`particle-gap`, green); grey "
        "dots: τC/(2N(1−γ)); vertical bands: the N below which the theorem of the density fails; the "
        "ribbon says of `particle-gap`.",
        seen="Without its finite-N term the theorem fails below some N, which is far larger for one step "
        "than at rest; with it every cell holds. Particles at rest are as far off as after one draw.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("particle-gap", "gaussian-line", start="optimal", particles=2, **BANDIT),
            shown("wpgd-global", "gaussian-line", start="optimal", discount=0.0),
        ),
    ),
)
FIGURES = (PROBE.figure,)
