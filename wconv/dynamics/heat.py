"""The heat half step: Gaussian convolution of a policy on its grid, reflected, wrapped or free."""

from typing import Any

import numpy as np

from wconv import _require as require
from wconv.dynamics.gaussian_noise import axes, noise_on
from wconv.mdp.policy import Policy
from wconv.measures.spaces import Grid, RealLine


def require_axis(grid: Grid) -> None:
    """InputError unless the actions are an interval, a circle or a line."""
    if grid.is_finite_set or len(grid.shape) != 1:
        got = "a finite set" if grid.is_finite_set else f"a grid of {len(grid.shape)} dimensions"
        require.fail(
            "actions",
            "form an interval, a circle or a line",
            got,
            "use WPPG on finite sets, and WPGD in two dimensions",
        )


def heat(policy: Policy, variance: float) -> Policy:
    """The law of a + √variance·ξ, a ~ π_s, ξ standard normal: ∂_tπ = Δπ for the time variance/2.

    Reflected on an interval, which is Neumann's heat flow exactly, wrapped on a circle. By the midpoint rule
    on the nodes, with masses kept exactly: spectrally accurate on circle and line, of second order on
    an interval. The entropy step of WPPG is ``variance`` = 2τη.

    Raises:
        InputError: a noise below 0.7 spacings, two dimensions, a finite set.
        SolverError: UNRESOLVED when mass leaves the nodes of a line without ends.

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
    require_axis(grid)
    require.positive("variance", variance, "e.g. 2 tau eta")
    if not isinstance(grid.space, RealLine):
        # Three periods wide it is uniform to e^{-177}, and wider ones need ever more images.
        variance = min(variance, (6.0 * grid.n * grid.spacing[0]) ** 2)
    noise = noise_on(grid, variance, "variance")
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
