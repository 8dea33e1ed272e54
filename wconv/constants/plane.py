"""Two-dimensional densities, ready for the solvers: a finite-volume chain, and integrals of splines.

A ``Plane`` is S positive densities on a box, a torus or a disc (in polar coordinates), given by a
function log p up to normalisation. Its finite-volume form on n cells an axis is a reversible chain with
rates √(p_j/p_i)/h² (times the geometry of polar cells), of second order. A function on the cells
means a spline, a function of the continuum whose quotients are integrals: true lower bounds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array, Edges
from wconv.constants.axis import Axis, gauss_rule, resampling, spline
from wconv.constants.disc import Disc
from wconv.constants.graph import Graph
from wconv.constants.sources import DEGREE, interpolation_wobble, log_lebesgue
from wconv.measures.densities import Density
from wconv.measures.spaces import Box, Space, Torus

ROUNDING: Final = 1e-12

LogDensities = Callable[[Array, Array, int], Array]
"""(u (n,), v (m,), state) -> log p (n, m) with respect to Lebesgue measure, up to a constant."""


@dataclass(frozen=True, eq=False)
class Plane:
    """S densities on a product of two axes: Cartesian coordinates, or radius and angle (``polar``).

    ``wobble`` (S,) estimates the oscillation of the error of log p, as in ``Line``.
    """

    log_density: LogDensities
    axes: tuple[Axis, Axis]
    wobble: Array
    polar: bool = False

    @property
    def n_states(self) -> int:
        """S."""
        return len(self.wobble)

    @property
    def periodic(self) -> tuple[bool, bool]:
        """Which axes are circles."""
        return self.axes[0].periodic, self.axes[1].periodic

    def radius(self, u: Array) -> Array:
        """The Jacobian of the coordinates at u (n,): r, or one."""
        return u if self.polar else np.ones_like(u)

    def positions(self, u: Array, v: Array) -> Array:
        """Cartesian points (n, m, 2) of a mesh of coordinates."""
        return _points(u, v, polar=self.polar)

    def logs(self, u: Array, v: Array, state: int) -> Array:
        """log p on a mesh, (n, m); InputError where it is NaN or +inf."""
        logp = self.log_density(u, v, state)
        bad = np.isnan(logp) | (logp == np.inf)
        if bad.any():
            self._refuse(bad, u, v, logp, "be a number or -inf everywhere", "mend it there")
        return logp

    def graph(self, state: int, n: int) -> Graph:
        """The finite-volume chain on n cells an axis (radii: half as many).

        Raises:
            InputError: a density that vanishes in a cell, or is below e^-1300 of its peak there.

        """
        u, v = (axis.centres(k) for axis, k in zip(self.axes, self._cells(n), strict=True))
        logp = self.logs(u, v, state)
        if (logp == -np.inf).any():
            remedy = (
                "where it vanishes inside every constant is infinite: treat the parts one by one"
            )
            self._refuse(logp == -np.inf, u, v, np.exp(logp), "be positive inside", remedy)
        hu, hv = self.axes[0].length / len(u), self.axes[1].length / len(v)
        r, place = self.radius(u), np.arange(logp.size).reshape(logp.shape)
        along_u, along_v = (_pairs(place, k, self.axes[k].periodic) for k in (0, 1))
        ends = r[along_u // len(v)]
        across = ends.mean(axis=-1) / np.sqrt(ends.prod(axis=-1)) / hu**2
        around = 1.0 / (r[along_v[:, 0] // len(v)] * hv) ** 2
        log_mass = (logp + np.log(r)[:, None]).ravel()
        log_mass = log_mass - log_mass.max()
        return Graph(
            log_mass - np.log(np.exp(log_mass).sum()),
            np.concatenate([along_u, along_v]),
            np.concatenate([across, around]),
        )

    def quotient(
        self, state: int, values: Array, ratio: Callable[[Array, Array, Array], float]
    ) -> tuple[float, float]:
        """ratio(dp (m,), g (m,), |∇g|² (m,)) at quadrature points, and its error.

        g is the spline of degree 5 through ``values`` (at the cells, flat); the error is the difference
        of two and three Gauss points between neighbouring nodes.
        """
        fine, rough = (ratio(*self._samples(state, values, points)) for points in (3, 2))
        return fine, abs(fine - rough) + ROUNDING * abs(fine)

    def resampled(self, values: Array, n: int) -> Array:
        """The spline through values at cells, (cells,), at the centres of n cells an axis, flat."""
        data = self._data(values)
        left, right = (
            resampling(axis, old, new)
            for axis, old, new in zip(self.axes, self._shape(values), self._cells(n), strict=True)
        )
        return np.asarray((left @ data @ right.T).ravel())

    def coordinates(self, n: int) -> Array:
        """The Cartesian coordinates (2, cells) of the centres of n cells an axis."""
        u, v = (axis.centres(k) for axis, k in zip(self.axes, self._cells(n), strict=True))
        return self.positions(u, v).reshape(-1, 2).T

    def _samples(self, state: int, values: Array, points: int) -> tuple[Array, Array, Array]:
        first, second = (
            gauss_rule(axis, n, points)
            for axis, n in zip(self.axes, self._shape(values), strict=True)
        )
        r = self.radius(first.x)
        logp = self.logs(first.x, second.x, state)
        mass = np.exp(logp - logp.max()) * ((first.weights * r)[:, None] * second.weights)
        data = self._data(values)
        along = data @ second.values.T
        across = first.values @ (data @ second.slopes.T) / r[:, None]
        square = (first.slopes @ along) ** 2 + across**2
        return (mass / mass.sum()).ravel(), (first.values @ along).ravel(), square.ravel()

    def _cells(self, n: int) -> tuple[int, int]:
        return (n // 2, n) if self.polar else (n, n)

    def _shape(self, values: Array) -> tuple[int, int]:
        return self._cells(round((values.size * (2 if self.polar else 1)) ** 0.5))

    def _data(self, values: Array) -> Array:
        """The spline's data: at the centre of a disc the mean of the first ring, for continuity."""
        data = values.reshape(self._shape(values))
        return np.vstack([np.full(data.shape[1], data[0].mean()), data]) if self.polar else data

    def _refuse(
        self, bad: Array, u: Array, v: Array, values: Array, requirement: str, remedy: str
    ) -> None:
        i, j = (int(k) for k in np.argwhere(bad)[0])
        x, y = self.positions(u, v)[i, j]
        require.fail("density", requirement, f"{values[i, j]} at ({x:.6g}, {y:.6g})", remedy)


def plane_of_policy(policy: Density) -> Plane:
    """The smooth densities (dπ/da) that a policy on a two-dimensional grid samples at its nodes.

    log dπ/da is interpolated by tensor splines of degree 7; the difference to degree 5 is the wobble.

    Raises:
        InputError: another dimension, a policy that vanishes somewhere, fewer than 16 nodes an axis.
        SolverError: nodes too far apart; says how many are needed.

    """
    grid = policy.grid
    logp = log_lebesgue(policy)
    if grid.dim != 2:
        require.fail("policy", "have actions in the plane", f"{grid.dim} dimensions", "use 1 or 2")
    logp = logp.reshape(-1, *grid.shape)
    start = grid.nodes[0] - np.array(grid.spacing) / 2
    first, second = (
        Axis(float(a), float(a + n * h), grid.periodic)
        for a, n, h in zip(start, grid.shape, grid.spacing, strict=True)
    )
    fine, coarse = (
        [_tensor_spline(f, (first, second), k) for f in logp] for k in (DEGREE, DEGREE - 2)
    )
    u, v = (axis.mesh(4 * n) for axis, n in zip((first, second), grid.shape, strict=True))
    samples = [np.stack([spline(u, v) for spline in splines]) for splines in (fine, coarse)]
    wobble = interpolation_wobble(samples[0], samples[1], min(grid.shape))
    return Plane(lambda u, v, state: fine[state](u, v), (first, second), wobble)


def plane_of_function(log_density: Callable[[Any], Any], on: Space) -> Plane:
    """One density, log p(a) for an array a (..., 2), on a Box, a Torus(dim=2) or a Disc.

    Raises:
        InputError: another space, infinite ends, or a function that is not vectorised.

    """
    polar = isinstance(on, Disc)
    if isinstance(on, Disc):
        radius = require.positive("disc radius", on.radius, "give the radius")
        axes = Axis(0.0, radius, centre=True), Axis(0.0, 2 * np.pi, periodic=True)
    elif isinstance(on, Torus) and on.dim == 2:
        length = require.positive("torus length", on.length, "give the circumference")
        axes = Axis(0.0, length, periodic=True), Axis(0.0, length, periodic=True)
    elif isinstance(on, Box) and len(on.low) == len(on.high) == 2:
        on.grid(2)  # refuses ends that are infinite or in the wrong order
        axes = Axis(on.low[0], on.high[0]), Axis(on.low[1], on.high[1])
    else:
        require.fail("on", "be a line or lie in the plane", on, "use Box, Torus(dim=2) or Disc")

    def logs(u: Array, v: Array, _: int) -> Array:
        points = _points(u, v, polar=polar)
        with np.errstate(all="ignore"):  # −inf and NaN are looked at, not warned of
            values = np.asarray(log_density(points), dtype=float)
        if values.shape != points.shape[:-1]:
            require.fail(
                "log-density",
                f"return one value a point, shape {points.shape[:-1]} for {points.shape}",
                values.shape,
                "use array functions of a[..., 0] and a[..., 1]: np.exp, not math.exp",
            )
        return values

    return Plane(logs, axes, np.zeros(1), polar)


def _points(u: Array, v: Array, *, polar: bool) -> Array:
    if polar:
        return np.stack([np.outer(u, np.cos(v)), np.outer(u, np.sin(v))], axis=-1)
    return np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)


def _pairs(place: Array, axis: int, periodic: bool) -> Edges:
    """Neighbours along an axis of a mesh of node numbers."""
    ahead = np.roll(place, -1, axis=axis)
    kept = slice(None) if periodic else slice(-1)
    cut = (kept, slice(None)) if axis == 0 else (slice(None), kept)
    return np.stack([place[cut].ravel(), ahead[cut].ravel()], axis=-1)


def _tensor_spline(values: Array, axes: tuple[Axis, Axis], degree: int) -> Callable[..., Array]:
    """The tensor spline through samples at the centres of cells, a function of u and v."""
    return lambda u, v: spline(axes[0], spline(axes[1], values.T, degree)(v).T, degree)(u)
