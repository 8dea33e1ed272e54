"""One coordinate of the plane: cell centres, splines through them, and Gauss quadrature between them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from wconv._axes import Array

DEGREE: Final = 5
"""Of the splines that make functions of nodal values: they and their slopes are continuous."""


@dataclass(frozen=True)
class Axis:
    """The interval [low, high], or a circle of that length; ``centre``: a radius, from zero."""

    low: float
    high: float
    periodic: bool = False
    centre: bool = False

    @property
    def length(self) -> float:
        """high − low."""
        return self.high - self.low

    def centres(self, n: int) -> Array:
        """The centres of n equal cells."""
        return np.asarray(self.low + self.length / n * (np.arange(n) + 0.5))

    def mesh(self, n: int) -> Array:
        """n + 1 equally spaced points with both ends; n on a circle."""
        return np.linspace(self.low, self.high, n + 1)[: n if self.periodic else None]


class Rule(NamedTuple):
    """Quadrature points x (m,) and weights (m,), and a spline's values and slopes there, (m, k)."""

    x: Array
    weights: Array
    values: Array
    slopes: Array


@cache
def gauss_rule(axis: Axis, n: int, points: int) -> Rule:
    """Gauss points between neighbouring nodes of n cells and up to the ends, where splines are smooth."""
    centres = axis.centres(n)
    if axis.periodic:
        knots = np.append(centres, centres[0] + axis.length)
    else:
        knots = np.concatenate([[axis.low], centres, [axis.high]])
    step = np.diff(knots)[:, None]
    inner, weights = np.polynomial.legendre.leggauss(points)
    x = (knots[:-1, None] + step * (inner + 1) / 2).ravel()
    through = spline(axis, np.eye(n + axis.centre), DEGREE)
    return Rule(x, (step * weights / 2).ravel(), through(x), through(x, 1))


@cache
def resampling(axis: Axis, n: int, m: int) -> Array:
    """The matrix (m, k) from the nodes of n cells to the centres of m cells."""
    return spline(axis, np.eye(n + axis.centre), DEGREE)(axis.centres(m))


def spline(axis: Axis, values: Array, degree: int) -> Callable[..., Array]:
    """The spline f(x, derivative=0) through samples (n, ...) at the centres of n cells.

    On a radius the first sample, of n + 1, is at the centre of the disc.
    """
    from scipy.interpolate import make_interp_spline

    x = axis.centres(len(values) - axis.centre)
    if axis.centre:
        x = np.append(axis.low, x)
    if not axis.periodic:
        fitted = make_interp_spline(x, values, k=degree)
        return lambda at, derivative=0: np.asarray(fitted(at, derivative))
    knots, closed = np.append(x, x[0] + axis.length), np.concatenate([values, values[:1]])
    closed_spline = make_interp_spline(knots, closed, k=degree, bc_type="periodic")
    return lambda at, derivative=0: np.asarray(
        closed_spline(x[0] + np.mod(at - x[0], axis.length), derivative)
    )
