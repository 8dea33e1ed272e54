"""Exact squared W_2 on the line and on the circle, through quantile functions.

A measure is a list of *pieces*: piece i carries mass p_i spread evenly over [left_i, right_i] (an
atom has left = right). Its quantile function is linear within a piece, so the merged cumulative
masses of two measures cut [0, 1] into parts on which the squared difference integrates exactly.
On the circle the second measure is unrolled and shifted by θ; the cost is convex in θ
(Delon, Salomon, Sobolevskii, SIAM J. Appl. Math. 70, 2010), so tangents certify the minimum.
"""

from typing import Final, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import Measured, rounding, stack
from wconv.measures.densities import MASS_TOL

CUTS: Final = 80
"""Most cuts of the circle tried; every other one halves the bracket."""


class Pieces(NamedTuple):
    """Masses (..., n), spread evenly over [left, right], each (n,) and in ascending order."""

    left: Array
    right: Array
    mass: Array


def atoms(symbol: str, points: Array, masses: Array) -> Pieces:
    """Masses (..., n) at points (n,) in any order; InputError naming ``symbol``."""
    x, mass = _matching(symbol, points, masses, extra=0)
    order = np.argsort(x, kind="stable")
    return Pieces(x[order], x[order], mass[..., order])


def cells(symbol: str, edges: Array, masses: Array) -> Pieces:
    """Masses (..., n) spread over the cells between edges (n+1,); InputError naming ``symbol``."""
    x, mass = _matching(symbol, edges, masses, extra=1)
    if not (np.diff(x) > 0).all():
        require.fail(f"{symbol} edges", "ascend", "other edges", "sort them and merge equal ones")
    return Pieces(x[:-1], x[1:], mass)


def line_cost(first: Pieces, second: Pieces) -> Measured:
    """W_2² = ∫_0^1 (F⁻¹ − G⁻¹)² du of two measures on the line, shape (...).

    The error is the squared span of both measures times the mass that rounding and the inputs'
    defects may misplace (a Kantorovich potential oscillates by no more), and the rounding of
    positions. InputError when the batches differ.
    """
    if first.mass.shape[:-1] != second.mass.shape[:-1]:
        shapes = (first.mass.shape, second.mass.shape)
        require.fail("masses", "have one batch shape for both measures", shapes, "match the states")
    parts = _parts(first, _levels(first.mass), second, _levels(second.mass))
    span = max(first.right[-1], second.right[-1]) - min(first.left[0], second.left[0])
    return Measured.of(_cost(parts), rounding=_rounding(first, second, float(span)))


def circle_cost(first: Pieces, second: Pieces, length: float) -> Measured:
    """Geodesic W_2² of two measures on a circle of the given length, state by state, shape (S,).

    min over θ of C(θ) = ∫_0^1 (F⁻¹(u) − G⁻¹(u−θ))² du with G⁻¹(u+1) = G⁻¹(u) + length. Error terms:
    "optimality", the certified distance of the best cut found to the minimum, which lies above
    every tangent of C; "rounding". Masses (S, n); the pieces lie within one turn of each other.
    """
    results = []
    for p, q in zip(first.mass, second.mass, strict=True):
        # Pieces without mass are jumps of the quantile function, not parts of it.
        one = Pieces(first.left[p > 0], first.right[p > 0], p[p > 0])
        two = Pieces(second.left[q > 0], second.right[q > 0], q[q > 0])
        results.append(_best_cut(one, two, length))
    return stack(results)


def _best_cut(first: Pieces, second: Pieces, length: float) -> Measured:
    """The minimum over cuts for one pair of measures: tangents from both sides close in on it."""
    means = [float(((x.left + x.right) * x.mass).sum()) / 2 for x in (first, second)]
    # An optimal plan moves by at most half a turn, its mean displacement m_F − m_G + θ·length too.
    low = (means[1] - means[0]) / length - 0.5
    high = low + 1.0
    below, above = (_tangent(first, second, length, cut) for cut in (low, high))
    # Between the first cuts no displacement exceeds two and a half turns.
    error = _rounding(first, second, 2.5 * length)
    best = min(below[0], above[0])
    for k in range(CUTS):
        cut, floor = _meeting(low, below, high, above)
        if best - floor <= error / 100:  # the cut no longer limits the accuracy
            break
        cut = cut if k % 2 else (low + high) / 2
        cost, slope = _tangent(first, second, length, cut)
        best = min(best, cost)
        if slope < 0:
            low, below = cut, (cost, slope)
        else:
            high, above = cut, (cost, slope)
    return Measured.of(best, optimality=max(best - floor, 0.0), rounding=error)


def _meeting(
    low: float, below: tuple[float, float], high: float, above: tuple[float, float]
) -> tuple[float, float]:
    """Where the tangents (cost, slope) at low and high meet, and their height there."""
    bend = above[1] - below[1]
    if bend <= 0:
        return low, min(below[0], above[0])
    step = (below[0] - above[0] + above[1] * (high - low)) / bend
    step = min(max(step, 0.0), high - low)
    return low + step, below[0] + below[1] * step


def _tangent(first: Pieces, second: Pieces, length: float, cut: float) -> tuple[float, float]:
    """C(θ) and a subgradient ∫2(F⁻¹(u) − G⁻¹(u−θ)) dG⁻¹(u−θ) over one turn."""
    turns = np.floor(cut)
    levels = _levels(second.mass) + (cut - turns)
    two_turns = Pieces(
        np.concatenate([second.left - length, second.left]) - turns * length,
        np.concatenate([second.right - length, second.right]) - turns * length,
        np.concatenate([second.mass, second.mass]),
    )
    parts = _parts(
        first, _levels(first.mass), two_turns, np.concatenate([levels[:-1] - 1.0, levels])
    )
    parts = _Parts(*(values[parts.width > 0] for values in parts))
    _, x0, x1, y0, y1 = parts
    inside = (x0 - y0 + x1 - y1) * (y1 - y0)
    # At a jump of both any value of F⁻¹ between its limits gives a subgradient.
    x_next, y_next = np.append(x0[1:], x0[0] + length), np.append(y0[1:], y0[0] + length)
    jumps = (x1 + x_next - y1 - y_next) * (y_next - y1)
    return float(_cost(parts)), float(inside.sum() + jumps.sum())


class _Parts(NamedTuple):
    """Parts of [0, 1] on which both quantile functions are linear, with their end values."""

    width: Array
    x0: Array
    x1: Array
    y0: Array
    y1: Array


def _parts(first: Pieces, levels: Array, second: Pieces, other_levels: Array) -> _Parts:
    """Merge the cumulative masses (..., n+1) and (..., m+1) of the ends of all pieces."""
    n, m = levels.shape[-1] - 1, other_levels.shape[-1] - 1
    uppers = np.concatenate([levels[..., 1:], np.clip(other_levels[..., 1:], 0.0, 1.0)], axis=-1)
    order = np.argsort(uppers, axis=-1, kind="stable")
    ends = np.take_along_axis(uppers, order, axis=-1)
    starts = np.concatenate([np.zeros_like(ends[..., :1]), ends[..., :-1]], axis=-1)
    of_first = order < n
    passed = np.cumsum(of_first, axis=-1) - of_first
    i, j = np.minimum(passed, n - 1), np.minimum(np.arange(n + m) - passed, m - 1)
    x0, x1 = _positions(first, levels, i, starts, ends)
    y0, y1 = _positions(second, other_levels, j, starts, ends)
    return _Parts(ends - starts, x0, x1, y0, y1)


def _positions(
    pieces: Pieces, levels: Array, index: Array, starts: Array, ends: Array
) -> tuple[Array, Array]:
    low = np.take_along_axis(levels[..., :-1], index, axis=-1)
    extent = np.take_along_axis(levels[..., 1:], index, axis=-1) - low
    safe = np.where(extent > 0, extent, 1.0)
    left, length = pieces.left[index], (pieces.right - pieces.left)[index]
    # In this order: length/extent overflows for a mass below 1e-308.
    ratios = ((end - low) / safe for end in (starts, ends))
    at, to = (left + length * ratio for ratio in ratios)
    return at, to


def _cost(parts: _Parts) -> Array:
    width, x0, x1, y0, y1 = parts
    at, to = x0 - y0, x1 - y1
    return np.asarray((width * (at**2 + at * to + to**2)).sum(axis=-1) / 3.0)


def _levels(mass: Array) -> Array:
    """Cumulative masses (..., n+1) from exactly 0 to exactly 1: the last piece takes the defect."""
    total = np.minimum(np.cumsum(mass, axis=-1), 1.0)
    total[..., -1] = 1.0
    return np.concatenate([np.zeros_like(total[..., :1]), total], axis=-1)


def _rounding(first: Pieces, second: Pieces, span: float) -> Array:
    defects = sum(np.abs(x.mass.sum(axis=-1) - 1.0) for x in (first, second))
    reach = max(float(np.abs(x.left).max()) for x in (first, second)) + span
    misplaced = rounding(1.0, depth=first.left.size + second.left.size) + defects
    return np.asarray(misplaced * span**2 + rounding(span * reach, depth=1))


def _matching(symbol: str, points: Array, masses: Array, *, extra: int) -> tuple[Array, Array]:
    x, mass = np.asarray(points, dtype=float), np.asarray(masses, dtype=float)
    if x.ndim != 1 or mass.ndim == 0 or x.size != mass.shape[-1] + extra or not mass.size:
        need = "one position a mass" if extra == 0 else "one edge more than masses"
        require.fail(symbol, f"have {need}", (x.shape, mass.shape), "reorder or resize the arrays")
    require.finite(f"{symbol} positions", x)
    require.probabilities(f"{symbol} masses", mass, "pieces", MASS_TOL * mass.shape[-1])
    return x, mass
