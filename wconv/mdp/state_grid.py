"""Grids of continuous states: nodes, quintic B-spline weights of points, and the law of the noise.

A point between nodes is a random node: with the weights w_j = β₅(u − j) of the quintic B-spline, u its place
in units of the spacing h. They are C⁴ in the point, non-negative and sum to one, their mean is the point
and their variance is h²/2 wherever it lies, so that V̄(x) = Σ_j w_j(x)V_j is monotone in V. An interval
is reflected at its ends, a circle wrapped, also for the Gaussian noise

    B_ji = E[hat((y_j + σ'ξ − x_i)/h)],  σ'² = σ² − 2h²/3,

whose hat functions add h²/6: both together have exactly the variance σ² of the noise. What is left of
the discretisation is of order h⁴ away from ends that paths visit, and of order h² there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measures.spaces import Interval, Torus

FEWEST: Final = 6
"""Nodes an axis: the support of a B-spline must not meet both ends."""

ADDED: Final = 2 / 3
"""Variance that weights (1/2) and hats (1/6) add, in units of h²."""

REACH: Final = 9.0
"""Deviations after which the noise is cut; the mass beyond is 2e-19."""

FLAT: Final = 1.5
"""Deviations in units of the period from which wrapped noise is uniform: to e^{−2π²·1.5²} = 5e-20."""


@dataclass(frozen=True)
class Axis:
    """One direction of the states: an interval with nodes at its ends, or a circle, and its noise σ."""

    low: float
    length: float
    n: int
    periodic: bool
    noise: float

    @property
    def spacing(self) -> float:
        """h = L/n on a circle, L/(n−1) on an interval."""
        return self.length / (self.n if self.periodic else self.n - 1)

    @property
    def nodes(self) -> Array:
        """(n,)."""
        return self.low + self.spacing * np.arange(self.n)

    @property
    def extra(self) -> float:
        """What the grid adds to the variance σ² a step: nothing with noise, h²/2 without."""
        return 0.0 if self.noise > 0 else self.spacing**2 / 2

    def images(self, index: Array) -> Array:
        """The nodes that integers stand for: wrapped, or reflected at the ends."""
        if self.periodic:
            return index % self.n
        around = index % (2 * self.n - 2)
        return np.asarray(np.minimum(around, 2 * self.n - 2 - around))

    def place(self, x: Any) -> Any:
        """u with x = low + u·h, in the namespace of x; on an interval 0 ≤ u ≤ n−1 is required elsewhere."""
        return (x - self.low) / self.spacing

    def dense_weights(self, x: Any) -> Any:
        """w (..., n) of points x (...), C⁴ in x, in the namespace of x."""
        xp = x.__array_namespace__()
        u = self.place(x)[..., None]
        j = xp.reshape(xp.arange(self.n, dtype=float), (*(1 for _ in x.shape), self.n))
        if self.periodic:
            apart = u - j
            return bspline(apart - self.n * xp.round(apart / self.n))
        last = self.n - 1
        inner = xp.where(j > 0, bspline(u + j), 0.0 * u) + xp.where(
            j < last, bspline(u + j - 2 * last), 0.0 * u
        )
        return bspline(u - j) + inner

    def sparse_weights(self, x: Array) -> tuple[Array, Array]:
        """The six nodes with weight of points x (...), and their weights, (..., 6) each."""
        u = self.place(x)[..., None]
        first = np.floor(u).astype(np.int64)
        index = first + np.arange(-2, 4)
        return self.images(index), bspline(u - index)

    def noise_matrix(self) -> Array:
        """B (n, n): the law at the nodes of y_j + noise, compensated for the variance of weights and hats."""
        h = self.spacing
        # At the coarsest spacing that is allowed the difference is zero up to rounding.
        left = max(self.noise**2 - h * h * ADDED, 0.0) if self.noise > 0 else 0.0
        # A wider law would be the same, and its hats small differences of large numbers.
        width = min(sqrt(left) / h, FLAT * (self.n if self.periodic else 2 * self.n - 2))
        reach = ceil(REACH * width) + 1
        offset = np.arange(-reach, reach + 1)
        mass = hats(offset.astype(float), width)
        matrix = np.zeros((self.n, self.n))
        rows = np.arange(self.n)[:, None]
        np.add.at(matrix, (rows, self.images(rows + offset)), mass)
        return matrix


def bspline(z: Any) -> Any:
    """β₅(z) = ((3−|z|)₊⁵ − 6(2−|z|)₊⁵ + 15(1−|z|)₊⁵)/120 in the namespace of z."""
    xp = z.__array_namespace__()
    wide, middle, narrow = (xp.maximum(k - xp.abs(z), 0.0 * z) for k in (3.0, 2.0, 1.0))
    return (wide**5 - 6.0 * middle**5 + 15.0 * narrow**5) / 120.0


def hats(d: Array, width: float) -> Array:
    """E[(1 − |d + width·ξ|)₊] for a standard normal ξ, without cancellation far out."""
    centre = np.maximum(1.0 - np.abs(d), 0.0)
    if width == 0.0:
        return centre
    from scipy.special import ndtr

    def tail(z: Array) -> Array:
        """E[(|z| + ξ)₊] − |z|."""
        u = np.abs(z) / width
        return np.asarray(width * (np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi) - u * ndtr(-u)))

    return centre + tail(d + 1.0) - 2.0 * tail(d) + tail(d - 1.0)


@dataclass(frozen=True, eq=False)
class StateGrid:
    """A product of axes; nodes in C order, the last axis fastest."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Nodes an axis."""
        return tuple(axis.n for axis in self.axes)

    @property
    def n(self) -> int:
        """S."""
        return int(np.prod(self.shape))

    @property
    def nodes(self) -> Array:
        """(S, k)."""
        mesh = np.meshgrid(*(axis.nodes for axis in self.axes), indexing="ij")
        return np.stack(mesh, axis=-1).reshape(self.n, -1)

    def dense_weights(self, x: Any) -> Any:
        """w (..., S) of points x (..., k), C⁴ in x, in the namespace of x."""
        weights = self.axes[0].dense_weights(x[..., 0])
        for k, axis in enumerate(self.axes[1:], 1):
            along = axis.dense_weights(x[..., k])
            pairs = weights[..., :, None] * along[..., None, :]
            weights = pairs.reshape((*pairs.shape[:-2], -1))
        return weights

    def sparse_weights(self, x: Array) -> tuple[Array, Array]:
        """The 6^k nodes with weight of points x (..., k), and their weights."""
        columns, weights = self.axes[0].sparse_weights(x[..., 0])
        for k, axis in enumerate(self.axes[1:], 1):
            more, along = axis.sparse_weights(x[..., k])
            columns = (columns[..., :, None] * axis.n + more[..., None, :]).reshape(
                *columns.shape[:-1], -1
            )
            weights = (weights[..., :, None] * along[..., None, :]).reshape(columns.shape)
        return columns, weights

    def noise_matrix(self) -> Any:
        """B (S, S): dense on one axis, the sparse Kronecker product of those of several."""
        first, *others = (axis.noise_matrix() for axis in self.axes)
        if not others:
            return first
        from scipy.sparse import csr_array, kron

        product = csr_array(first)
        for other in others:
            product = csr_array(kron(product, csr_array(other), format="csr"))
        return product


def state_grid(
    spaces: Sequence[Interval | Torus], noise: Sequence[float], n: int | Sequence[int]
) -> StateGrid:
    """The grid of a product of intervals and circles.

    Raises:
        InputError: fewer than 6 nodes an axis, or a spacing above √(3/2)·σ on an axis with noise σ > 0.

    """
    made = []
    counts = nodes_an_axis(n, len(spaces), FEWEST)
    for k, (space, sigma, nodes) in enumerate(zip(spaces, noise, counts, strict=True)):
        periodic = isinstance(space, Torus)
        low = 0.0 if isinstance(space, Torus) else space.low
        length = space.length if isinstance(space, Torus) else space.high - space.low
        axis = Axis(low, length, nodes, periodic, sigma)
        if 0 < sigma < axis.spacing * sqrt(ADDED):
            enough = ceil(length * sqrt(ADDED) / sigma) + (not periodic)
            require.fail(
                f"states on axis {k}",
                f"resolve the noise {sigma:g}: spacing at most sqrt(3/2)*noise",
                f"{nodes} nodes at {axis.spacing:.3g}",
                f"take {enough} nodes or more",
            )
        made.append(axis)
    return StateGrid(tuple(made))


def nodes_an_axis(states: int | Sequence[int], axes: int, least: int) -> list[int]:
    """One number of nodes for each axis, from one for all or one for each.

    Raises:
        InputError: another number of them, or fewer nodes than ``least``.

    """
    counts: list[Any] = [*states] if isinstance(states, Sequence | np.ndarray) else [states] * axes
    if len(counts) != axes:
        require.fail("states", f"have one number for each of {axes} axes", counts, "match them")
    return [require.count(f"states on axis {k}", n, least) for k, n in enumerate(counts)]
