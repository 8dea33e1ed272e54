"""sup − inf over the space of a smooth function known at nodes."""

from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.measured import Measured
from wconv.measures.spaces import Grid

POINTS: Final = {1: 16, 2: 4}
"""Points a cell on which an interpolating spline is looked at, by dimension."""


def oscillation(values: Array, grid: Grid) -> Measured:
    """sup − inf over the whole space of functions with samples (..., A), shape (...).

    The spline of degree 5 through the nodes, an axis at a time, up to the ends of the space. Errors:
    "interpolation", twice its largest difference to the spline of degree 3 (an estimate); "mesh", for
    what lies between the points looked at, a quarter of the largest second difference there.
    Exact on a finite set. Needs at least 6 nodes an axis.
    """
    values = np.asarray(values, dtype=float)
    if grid.is_finite_set:
        return Measured.of(values.max(axis=-1) - values.min(axis=-1))
    batch = values.shape[:-1]
    samples = values.reshape(-1, *grid.shape)
    fine, coarse = (_on_more_points(samples, grid, degree) for degree in (5, 3))
    axes = tuple(range(1, fine.ndim))
    bend = sum(np.abs(np.diff(fine, n=2, axis=axis)).max(axis=axes) for axis in axes)
    return Measured.of(
        (fine.max(axis=axes) - fine.min(axis=axes)).reshape(batch),
        interpolation=2 * np.abs(fine - coarse).max(axis=axes).reshape(batch),
        mesh=0.25 * np.reshape(bend, batch),
    )


def _on_more_points(samples: Array, grid: Grid, degree: int) -> Array:
    """Splines through samples (B, n_1, ..., n_d) on more points, ends of cells included."""
    from scipy.interpolate import make_interp_spline

    for axis, n in enumerate(grid.shape, start=1):
        places = np.linspace(-0.5, n - 0.5, POINTS[grid.dim] * n + 1)
        if grid.periodic:
            closed = np.concatenate([samples, np.take(samples, [0], axis)], axis)
            knots = np.arange(n + 1.0)
            spline = make_interp_spline(knots, closed, k=degree, axis=axis, bc_type="periodic")
            places = np.mod(places, n)
        else:
            spline = make_interp_spline(np.arange(float(n)), samples, k=degree, axis=axis)
        samples = spline(places)
    return samples
