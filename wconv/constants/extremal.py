"""Extremals of the log-Sobolev quotient as functions, and their quotient by Gauss quadrature."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.monotone import extrapolated
from wconv.constants.panels import PANELS, POINTS, Panels
from wconv.constants.shooting import Chain, profiles, thresholds
from wconv.measured import EPS

DEGREE: Final = 5
MIRRORED: Final = 8
"""log g is an even function of the parameter at both ends: a spline sees so many cells beyond."""

TOLERANCE: Final = 1e-14
"""Relative, of the threshold C of a witness."""

SPREAD: Final = 1e-4
"""Thresholds C change by about this much, relatively, from mesh to mesh: a guess to start from."""

SHALLOWER: Final = (22 / 26, 18 / 26)
"""Shares of the depth at which densities are cut once more, to see what the tails contribute."""

NOTHING: Final = 1e-11
"""Relative contribution of tails below which they are as good as none."""

ROUNDING: Final = 1000 * EPS
"""Relative rounding of sums over about a thousand nodes, a few in a row."""


@dataclass(frozen=True, eq=False)
class Extremals:
    """K extremals of densities ``state`` (K,), refined; all arrays (K,) but ``logs`` = log g (K, P, 16).

    ``value`` is the quotient of g by Gauss quadrature, a true lower bound up to its ``rounding`` (of the
    quadrature, too); ``limit`` the quotient on the chains, extrapolated, and ``error`` the last change of
    the extrapolation. ``truncation`` is how the value changes when a truncated density is cut at 22/26 of its
    depth; ``slow`` says that this is more than half of what the cut at 18/26 changes on top: deeper tails
    must matter as much. ``end`` is 0 where g is least on the left, 1 on the right, and ``start`` log g²
    there.
    """

    state: Array
    end: Array
    start: Array
    value: Array
    rounding: Array
    limit: Array
    error: Array
    truncation: Array
    slow: Array
    logs: Array

    @property
    def upper(self) -> Array:
        """The largest the quotient may be in the limit of fine meshes, (K,)."""
        return np.maximum(self.limit, self.value) + self.error + self.rounding


def refined(
    levels: Sequence[Chain], panels: Panels, rows: Array, start: Array, near: Array
) -> Extremals:
    """The extremals with log g² = start (K,) at chain rows (K,) and C near ``near`` (K,).

    Args:
        levels: three meshes, each twice as fine as the one before.
        panels: the densities on ``PANELS`` panels.
        rows: 2s + end for state s.
        start: log g² < 0 where g is least.
        near: C on one of the meshes.
    """
    state = rows // 2
    quotients = np.empty((3, len(rows)))
    for k, chain in enumerate(levels):
        picked, guess = chain.rows(rows), near[:, None]
        low, high = guess * (1 - SPREAD), guess * (1 + SPREAD)
        constant, shots = thresholds(picked, start[:, None] / 2, low, high, tolerance=TOLERANCE)
        quotients[k] = shots.quotient[:, 0]
    limit, error = extrapolated(quotients)
    cells = profiles(picked, start / 2, constant[:, 0])
    cells = np.where(rows[:, None] % 2 == 1, cells[:, ::-1], cells)
    value = quotient(panels, state, cells)
    half = Panels.of(panels.line, PANELS // 2)
    rounding = np.abs(value - quotient(half, state, cells)) + ROUNDING * value
    cut = np.asarray(panels.line.cut.any(axis=-1))[state]
    at = [quotient(panels, state, cells, share * _depth(panels)[state]) for share in SHALLOWER]
    lost = np.where(cut, np.abs(value - at[0]), 0.0)
    slow = np.asarray(cut & (lost > np.abs(at[0] - at[1]) / 2) & (lost > NOTHING * value))
    logs = _interpolated(cells, PANELS)[0]
    return Extremals(state, rows % 2, start, value, rounding, limit, error, lost, slow, logs)


def best_of_each(state: Array, value: Array, states: int) -> Array:
    """Which of K values is the largest of each of so many states, (states,); every state has one."""
    order = np.lexsort((value, state))
    return order[np.searchsorted(state[order], np.arange(states), side="right") - 1]


def quotient(panels: Panels, states: Array, cells: Array, depth: Array | None = None) -> Array:
    """Ent(g²)/(2∫g'²dμ), (K,), of functions log g (K, n) at cell centres and densities ``states`` (K,).

    With ``depth`` (K,) the densities are cut where they are below e^-depth of their peak. Near an extremal
    the quotient is exact to second order in the error of g.
    """
    logs, rise = _interpolated(cells, panels.x.shape[1])
    rho, slope = panels.rho[states], panels.slope[states]
    mass = rho * slope
    if depth is not None:
        floor = rho.max(axis=(1, 2)) * np.exp(-depth)
        mass = np.where(rho >= floor[:, None, None], mass, 0.0)
        mass = mass / panels.integral(mass)[:, None, None]
    square = np.expm1(2 * logs)
    norm = panels.integral(mass * square)
    spread = panels.integral(mass * (2 * logs * (1 + square) - square))
    energy = panels.integral(mass * (1 + square) * (rise / slope) ** 2)
    entropy = spread - ((1 + norm) * np.log1p(norm) - norm)
    return np.asarray(entropy / (2 * energy))


def _depth(panels: Panels) -> Array:
    """How far below its peak a density is cut, (S,); infinite where it is not."""
    ends = np.stack([panels.rho[:, 0, 0], panels.rho[:, -1, -1]], axis=-1)
    with np.errstate(divide="ignore"):
        depth = np.log(panels.rho.max(axis=(1, 2))[:, None] / ends)
    return np.asarray(np.where(panels.line.cut, depth, np.inf).min(axis=-1))


def _interpolated(cells: Array, panels: int) -> tuple[Array, Array]:
    """log g and its derivative in the parameter at panel nodes, (K, P, 16)."""
    from scipy.interpolate import make_interp_spline

    nodes, _ = np.polynomial.legendre.leggauss(POINTS)
    at = (np.arange(panels)[:, None] + (nodes + 1) / 2) / panels
    n = cells.shape[-1]
    beyond = np.pad(cells, [(0, 0), (MIRRORED, MIRRORED)], mode="symmetric")
    centres = (np.arange(-MIRRORED, n + MIRRORED) + 0.5) / n
    spline = make_interp_spline(centres, beyond.T, k=DEGREE)
    return np.moveaxis(spline(at), -1, 0), np.moveaxis(spline(at, 1), -1, 0)
