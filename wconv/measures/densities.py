"""Densities given by their logarithms, and the law of mass one that each of them means."""

from typing import Final, Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue
from wconv.measured import EXTENDED
from wconv.measures.spaces import Grid

MASS_TOL: Final = 1e-12
"""Allowed defect of a total mass, times the number of nodes."""


class Density(Protocol):
    """What has a log-density ``logf`` (S, A) with respect to the reference μ of a ``grid``."""

    @property
    def logf(self) -> ActionValue:
        """log(dπ/dμ) at the nodes, −inf where π = 0."""
        ...

    @property
    def grid(self) -> Grid:
        """The nodes and the masses of μ."""
        ...


def extended_density(density: Density) -> tuple[ActionValue, ActionValue]:
    """π and log f (zero where π = 0) in extended precision, shape (S, A), of total mass one.

    A float64 log-density has mass one only up to rounding, and the theorems are about mass one: the
    law meant is the normalised one. InputError when the mass is off by more than rounding (1e-12·A).
    """
    logf = density.logf.astype(EXTENDED)
    masses = np.exp(logf) * density.grid.weights.astype(EXTENDED)
    total = masses.sum(axis=-1, keepdims=True)
    if np.isfinite(total).all():
        require.row_sums("density", total[:, 0], "actions", MASS_TOL * density.grid.n)
    return masses / total, np.where(logf > -np.inf, logf - np.log(total), EXTENDED.type(0))


def same_grid(p: Density, q: Density) -> None:
    """Require two densities on the same nodes, masses and neighbours; InputError otherwise."""
    a, b = p.grid, q.grid
    if a is not b and not all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("nodes", "weights", "edges", "lengths")
    ):
        require.fail("grid", "be the same for both densities", (a.n, b.n), "use one grid for both")
