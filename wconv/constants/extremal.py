"""Extremals of the log-Sobolev quotient as functions, and their quotient by Gauss quadrature."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.monotone import extrapolated
from wconv.constants.panels import PANELS, Mesh, Panels
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
        panels: the densities on a mesh of ``PANELS`` panels.
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
    half = Panels.of(panels.line, Mesh.of(panels.line, PANELS // 2))
    logs, grid = _interpolated(cells, panels)[0], panels.states(state)
    rough = grid.unresolved((1.0 + np.exp(2 * logs)) * grid.mass)
    rounding = (
        np.abs(value - quotient(half, state, cells)) + (ROUNDING + grid.line.blur + rough) * value
    )
    cut = np.asarray(panels.line.cut.any(axis=-1))[state]
    at = [quotient(panels, state, cells, share * _depth(panels)[state]) for share in SHALLOWER]
    lost = np.where(cut, np.abs(value - at[0]), 0.0)
    slow = np.asarray(cut & (lost > np.abs(at[0] - at[1]) / 2) & (lost > NOTHING * value))
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
    logs, rise = _interpolated(cells, panels)
    rho, slope = panels.rho[states], panels.slope[states]
    mass = rho * slope
    if depth is not None:
        floor = rho.max(axis=(1, 2)) * np.exp(-depth)
        mass = np.where(rho >= floor[:, None, None], mass, 0.0)
        mass = mass / panels.integral(mass)[:, None, None]
    # Ent(g²)/∫g'² has no scale: with ∫g²dμ = 1 nothing over- or underflows.
    with np.errstate(divide="ignore"):
        weight = 2 * logs + np.log(mass)
    top = weight.max(axis=(1, 2))
    scale = top + np.log(panels.integral(np.exp(weight - top[:, None, None])))
    logs = logs - scale[:, None, None] / 2
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


def _interpolated(cells: Array, panels: Panels) -> tuple[Array, Array]:
    """log g and its derivative in the parameter at panel nodes, (K, P, 16).

    Splines of degree 5, one between any two jumps or kinks of log p, where g' may jump; the parts are
    shifted to meet.
    """
    from scipy.interpolate import make_interp_spline

    at, n = panels.mesh.nodes, cells.shape[-1]
    knots = np.array([0.0, 1.0]) if panels.line.bends is None else panels.line.bends[0]
    beyond = np.pad(cells, [(0, 0), (MIRRORED, MIRRORED)], mode="symmetric").T
    centres = (np.arange(-MIRRORED, n + MIRRORED) + 0.5) / n
    logs, rise = np.empty((2, *at.shape, len(cells)))
    met = None
    for low, high in pairwise(knots):
        used = slice(
            np.searchsorted(centres, low) if low > 0 else 0,
            np.searchsorted(centres, high) if high < 1 else None,
        )
        spline = make_interp_spline(centres[used], beyond[used], k=DEGREE)
        shift = 0.0 if met is None else met - spline(low)
        met = spline(high) + shift
        inside = (at >= low) & (at <= high)
        logs[inside], rise[inside] = spline(at[inside]) + shift, spline(at[inside], 1)
    return np.moveaxis(logs, -1, 0), np.moveaxis(rise, -1, 0)
