"""Finitely many particles in the place of a policy: mixtures of their kernels, and how they err.

Systems run in the measured problem from the shared start, all seeds at once; their policies are mixtures on
the nodes.
"""

from collections.abc import Sequence

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.constants.langevin import drift
from wconv.theory import Hypothesis, case, condition

CONFIDENCE = 0.9999
"""Joint, one-sided, for all means of a claim."""

ETA, STEPS = 0.05, 4
"""The step of the Langevin update, and how many of them are taken."""

BANDIT = case("gaussian-line", discount=0.0, amplitude=0.05, start="pushed")
LINE = case("gaussian-line", tier="all", discount=0.9)
RING = case("ring")
WALLS = case("tilted-double-well", tier="all", expect="INAPPLICABLE", fails="H2")


def endless(run: "wc.Run", name: str = "H2") -> Hypothesis:
    """The hypothesis that actions are a line or a circle."""
    space = run.mdp.grid.space
    free = isinstance(space, wc.GaussianLine) or (isinstance(space, wc.Torus) and space.dim == 1)
    return condition(name, free, f"actions on a {type(space).__name__}")


def law(run: "wc.Run") -> "wc.Path":
    """The law of the update, which particles approach."""
    return run.path(wc.WPGD(ETA), steps=STEPS)


def systems(
    run: "wc.Run",
    *,
    n: int,
    seeds: Sequence[int],
    steps: int = STEPS,
    value: "Array | None" = None,
) -> "wc.ParticlePath":
    """Systems of n particles a state, one a seed; with values (steps, S) given, they do not interact."""
    return wc.evolve_particles(
        wc.WPGD(ETA),
        run.system,
        run.start,
        n=n,
        steps=steps,
        samples=steps,
        seed=seeds,
        value="mixture" if value is None else value,
    )


def kernel(run: "wc.Run", V: "wc.Measured", eta: float = ETA) -> Array:
    """Masses N(y; a + ηb(a), 2τη) of the update at V (S,) from every node of a line or circle, (S, A, A)."""
    mdp = run.system
    b = drift(mdp, wc.drift_tables(mdp), V[None]).b[0, :, :, 0]
    return bells(run, mdp.grid.nodes[:, 0] + eta * b, float(np.sqrt(2 * mdp.tau * eta)))


def bells(run: "wc.Run", centres: Array, sigma: float) -> Array:
    """Masses N(y; c, σ²) at the nodes y of a line or circle, for centres (...), shape (..., A)."""
    grid = run.mdp.grid
    apart, length = grid.nodes[:, 0] - centres[..., None], grid.n * grid.spacing[0]
    turns = range(-2, 3) if grid.periodic else (0,)
    apart = apart - length * np.round(apart / length) if grid.periodic else apart
    found = sum(np.exp(-0.5 * ((apart + k * length) / sigma) ** 2) for k in turns)
    return np.asarray(grid.spacing[0] / (sigma * np.sqrt(2 * np.pi)) * found)


def mixtures(run: "wc.Run", centres: Array, sigma: float) -> Array:
    """Masses (..., A) at the nodes of the mixtures around centres (..., N, 1).

    Of the mass beyond the nodes of a line nothing is put back: it must be small in the mean.
    """
    rows = centres[..., 0].reshape(-1, centres.shape[-2])
    found = np.stack([bells(run, row, sigma).mean(axis=0) for row in rows])
    return found.reshape(*centres.shape[:-2], -1)


def spread(policy: "wc.Policy", kernel: Array) -> Array:
    """C = E χ²(N(c, 2τηI)‖π𝒦) over the centres c of draws from π, in every state."""
    after = np.einsum("sa,say->sy", policy.pi, kernel)
    return np.asarray(np.einsum("sa,say,sy->s", policy.pi, kernel**2, 1 / after) - 1.0)


def divergence(masses: Array, log_p: Array, run: "wc.Run") -> Array:
    """KL of masses to p over the actions."""
    live = np.where(masses > 0, masses, 1.0)
    return np.asarray((masses * (np.log(live) - run.mdp.grid.log_weights - log_p)).sum(axis=-1))


def order(first: "wc.Measured", last: "wc.Measured", factor: float) -> "wc.Measured":
    """−log(last/first)/log(factor), with the interval that errors leave: all numbers if one may vanish."""
    means = wc.stack([first, last])
    known = bool((means.value > means.error).all())
    logs = np.log(means.value) if known else np.zeros(2)
    off = float(-np.log1p(-means.error / means.value).sum()) if known else np.inf
    width = np.log(factor)
    return wc.Measured.of((logs[0] - logs[1]) / width, sampling=off / abs(width))
