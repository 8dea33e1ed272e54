"""Gaussian noise on the nodes of a grid: what resolves it, images at the ends, the kernel's arrays."""

from math import ceil, exp, pi, sqrt
from typing import Any, Final, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measures.spaces import Grid, RealLine, Torus
from wconv.outcomes import Outcome, SolverError

NARROWEST: Final = 0.7
"""Standard deviations below so many spacings are not resolved by the grid."""

ALIASED: Final = 1e-3
"""Largest relative aliasing of a law whose nodes were moved before the noise, averaged over the law."""


class Noise(NamedTuple):
    """A Gaussian of deviation sigma on the nodes: images at the ends, and the mass defect of quadrature."""

    sigma: float
    boundary: str
    images: int
    allowed: float

    def require(self, defect: float, aliased: float = 0.0) -> None:
        """SolverError when more mass left the nodes than quadrature explains, or nodes came too far apart."""
        if not defect <= self.allowed:
            raise SolverError(
                Outcome.UNRESOLVED,
                f"a step moves a mass {defect:.1e} beyond the nodes: "
                "confine the reward or shorten the step",
            )
        if not aliased <= ALIASED:
            raise SolverError(
                Outcome.UNRESOLVED,
                "a step carries neighbouring nodes farther apart than its noise is wide "
                f"(aliasing {aliased:.1e}): refine the grid or shorten the step",
            )


def noise_on(grid: Grid, variance: float, symbol: str) -> Noise:
    """The Gaussian of a variance on a product of nodes.

    Raises:
        InputError: naming ``symbol`` when √variance is below 0.7 spacings (with the nodes that would do).

    """
    sigma, widest = sqrt(variance), max(grid.spacing)
    if sigma < NARROWEST * widest:
        need = ceil(max(grid.shape) * NARROWEST * widest / sigma)
        wide = f"make a noise of at least {NARROWEST} spacings of the grid"
        remedy = f"tabulate with n >= {need} nodes, or take a longer one"
        require.fail(symbol, wide, f"{sigma / widest:.3g} spacings", remedy)
    ends = boundary(grid)
    shortest = float(np.multiply(grid.shape, grid.spacing).min())
    period = shortest * (1 if ends == "wrap" else 2)
    images = ceil(9 * sigma / period + 0.5) - 1  # all that lie within nine deviations
    # By Poisson's formula the rows of an unbounded grid sum to one up to this.
    ripple = exp(-2 * (pi * sigma / widest) ** 2)
    return Noise(sigma, ends, images, 1e-9 + 2.2 * len(grid.shape) * ripple)


def boundary(grid: Grid) -> str:
    """What happens at the ends of the actions: "none", "fold" or "wrap"."""
    if isinstance(grid.space, RealLine):
        return "none"
    return "wrap" if isinstance(grid.space, Torus) else "fold"


def axes(grid: Grid, r: Array, P: Array, beta: float) -> Any:
    """The axes and gradients of a grid as the Langevin kernel wants them."""
    from wconv.dynamics.langevin_kernel import Drift

    spacing = np.asarray(grid.spacing)
    low = grid.nodes.min(axis=0) - spacing / 2
    length = np.asarray(grid.shape) * spacing
    return Drift(r, P, np.float64(beta), grid.nodes, low, spacing, length)
