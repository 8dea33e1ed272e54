"""Product densities: their constants are the largest of their factors' (tensorisation)."""

from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.axis import Axis
from wconv.constants.line import Line, LogDensities
from wconv.constants.plane import Plane
from wconv.measured import EPS

CELLS: Final = 64
"""Cells an axis at whose centres a density is tested, and as many points that no lattice has."""

IRREGULAR: Final = (2**0.5, 3**0.5)
"""Multiples of these, modulo one, are the shares of the axes at the other points."""

RESIDUAL: Final = 1e-12
"""Largest residual of log p = f(x) + g(y), relative to the oscillation of log p, for a product."""

LOST: Final = 1e-9
"""A larger rounding error of log p hides what would not be a product."""


def factors(plane: Plane) -> tuple[Line, Line] | None:
    """The two laws of which every density on a box or torus is the product; None if one is not.

    log p must be a sum f(x) + g(y) to 1e-12 of its oscillation on a lattice of 64 × 64 points, and on as many
    with irregular coordinates, which waves that vanish on a lattice do not escape (no finite number of points
    proves it everywhere). The factors are the densities on the lines through the largest value.
    """
    if plane.polar:
        return None
    u, v = (axis.centres(CELLS) for axis in plane.axes)
    irregular = [
        axis.low + axis.length * (np.arange(1, CELLS + 1) * step % 1.0)
        for axis, step in zip(plane.axes, IRREGULAR, strict=True)
    ]
    peaks = np.empty((plane.n_states, 2))
    for state in range(plane.n_states):
        logp = plane.logs(u, v, state)
        i, j = np.unravel_index(int(logp.argmax()), logp.shape)
        peaks[state] = u[i], v[j]
        size, noise = max(float(np.ptp(logp)), 1.0), 64 * EPS * float(np.abs(logp).max())
        worst = np.max([_residual(plane, state, peaks[state], *m) for m in ((u, v), irregular)])
        if not worst <= RESIDUAL * size + noise <= LOST * size:
            return None

    def along_u(x: Array, who: Array) -> Array:
        rows = zip(x, who, strict=True)
        return np.stack([plane.logs(row, peaks[s, 1:], s)[:, 0] for row, s in rows])

    def along_v(y: Array, who: Array) -> Array:
        rows = zip(y, who, strict=True)
        return np.stack([plane.logs(peaks[s, :1], row, s)[0] for row, s in rows])

    first, second = plane.axes
    return _line(plane, first, along_u), _line(plane, second, along_v)


def _residual(plane: Plane, state: int, peak: Array, u: Array, v: Array) -> float:
    """The largest of |log p(u, v) − log p(u, v₀) − log p(u₀, v) + log p(u₀, v₀)| on a mesh."""
    logp = plane.logs(np.append(u, peak[0]), np.append(v, peak[1]), state)
    return float(np.abs(logp - logp[:, -1:] - logp[-1:] + logp[-1, -1]).max())


def _line(plane: Plane, axis: Axis, logs: LogDensities) -> Line:
    states = plane.n_states
    return Line(
        log_density=logs,
        index=np.arange(states),
        low=np.full(states, axis.low),
        high=np.full(states, axis.high),
        cut=np.zeros((states, 2), dtype=bool),
        wobble=plane.wobble,
        full=(axis.low, axis.high),
        periodic=axis.periodic,
    )
