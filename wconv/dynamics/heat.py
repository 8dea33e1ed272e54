"""The heat half step: Gaussian convolution of a policy on its grid, reflected, wrapped or free."""

from math import ceil, exp, pi, sqrt
from typing import Any, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.dynamics.methods import NARROWEST
from wconv.mdp.policy import Policy
from wconv.measures.spaces import GaussianLine, Grid, Torus
from wconv.outcomes import Outcome, SolverError


class Noise(NamedTuple):
    """A Gaussian of deviation sigma on the nodes: images at the ends, and the mass defect of quadrature."""

    sigma: float
    boundary: str
    images: int
    allowed: float

    def require(self, defect: float) -> None:
        """SolverError when more mass left the nodes than quadrature explains."""
        if not defect <= self.allowed:
            raise SolverError(
                Outcome.UNRESOLVED,
                f"a step moves a mass {defect:.1e} beyond the nodes: "
                "confine the reward or shorten the step",
            )


def noise_on(grid: Grid, variance: float, symbol: str) -> Noise:
    """The Gaussian of a variance on a line or a circle of nodes.

    Raises:
        InputError: naming ``symbol`` when √variance is below 0.7 spacings (with the nodes that would
            do), and the actions when they are not a line or a circle.

    """
    require_axis(grid)
    sigma, widest = sqrt(variance), max(grid.spacing)
    if sigma < NARROWEST * widest:
        need = ceil(grid.n * NARROWEST * widest / sigma)
        wide = f"make a noise of at least {NARROWEST} spacings of the grid"
        remedy = f"tabulate with n >= {need} nodes, or take a longer one"
        require.fail(symbol, wide, f"{sigma / widest:.3g} spacings", remedy)
    ends = "none" if isinstance(grid.space, GaussianLine) else "fold"
    ends = "wrap" if isinstance(grid.space, Torus) else ends
    period = grid.n * widest * (1 if ends == "wrap" else 2)
    images = ceil(9 * sigma / period + 0.5) - 1  # all that lie within nine deviations
    # By Poisson's formula the rows of an unbounded grid sum to one up to this.
    return Noise(sigma, ends, images, 1e-9 + 2.2 * exp(-2 * (pi * sigma / widest) ** 2))


def require_axis(grid: Grid) -> None:
    """InputError unless the actions are an interval, a circle or the Gaussian line."""
    if grid.is_finite_set or len(grid.shape) != 1:
        got = "a finite set" if grid.is_finite_set else f"a grid of {len(grid.shape)} dimensions"
        require.fail(
            "actions",
            "form an interval, a circle or the Gaussian line",
            got,
            "use WPPG on finite sets, and WPGD in two dimensions",
        )


def axes(grid: Grid, r: Array, P: Array, beta: float) -> Any:
    """The axes and gradients of a grid as the Langevin kernel wants them."""
    from wconv.dynamics.langevin_kernel import Drift

    spacing = np.asarray(grid.spacing)
    low = grid.nodes.min(axis=0) - spacing / 2
    length = np.asarray(grid.shape) * spacing
    return Drift(r, P, np.float64(beta), grid.nodes, low, spacing, length)


def heat(policy: Policy, variance: float) -> Policy:
    """The law of a + √variance·ξ, a ~ π_s, ξ standard normal: ∂_tπ = Δπ for the time variance/2.

    Reflected on an interval, which is Neumann's heat flow exactly, wrapped on a circle. By the midpoint rule
    on the nodes, with masses kept exactly: spectrally accurate on circle and line, of second order on
    an interval. The entropy step of WPPG is ``variance`` = 2τη.

    Raises:
        InputError: a noise below 0.7 spacings, two dimensions, a finite set.
        SolverError: UNRESOLVED when mass leaves the nodes of the Gaussian line.

    """
    nodes = np.broadcast_to(policy.grid.nodes[:, 0], policy.logf.shape)
    return noisy_law(policy.grid, nodes, policy.pi, variance)


def noisy_law(grid: Grid, positions: Any, masses: Any, variance: float) -> Policy:
    """The implicit policy a = g(s, z) + √variance·ξ on the nodes of a grid, exactly for atoms in z.

    Args:
        grid: a line or a circle.
        positions: g(s, z_i), shape (S, m), in any order; on an interval inside it.
        masses: of the latents z_i, shape (S, m).
        variance: of the noise, positive.

    Returns:
        The policy, normalised on the nodes.

    Raises:
        InputError: positions and masses of different shapes, and as ``heat``.
        SolverError: as ``heat``.

    """
    import jax

    from wconv.dynamics import split_kernel

    x, mass = np.asarray(positions, dtype=float), np.asarray(masses, dtype=float)
    require.shape("positions", x, mass.shape, "(states, latents), as the masses")
    noise = noise_on(grid, require.positive("variance", variance, "e.g. 2 tau eta"), "variance")
    nothing = np.zeros((1, grid.n, 1))
    with jax.enable_x64(True):
        out, defect = split_kernel.scatter(
            split_kernel.Parcels(x, mass),
            axes(grid, nothing, nothing[..., None], 0.0),
            noise.sigma,
            images=noise.images,
            boundary=noise.boundary,
        )
    noise.require(float(defect))
    with np.errstate(divide="ignore"):
        return Policy(np.log(np.asarray(out)) - grid.log_weights, grid)
