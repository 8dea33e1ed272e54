"""The scan of all monotone extremals of the log-Sobolev quotient, and its maxima (see log_sobolev_line).

A family starts at one end of a density with log g² = u < 0; R(u) is the quotient along it. As u → 0, R
tends to C_P; dR/du = 0 where N = ∫g² = 1. The mesh with cells of width h is an exact extremal problem of its
own, so R is compared with R(0) of the same mesh, and the gain R(u)/R(0) − 1 extrapolated in h² and h⁴: near
u = 0 its error vanishes with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.shooting import Chain, thresholds
from wconv.outcomes import Outcome, SolverError

STARTS: Final = 28
"""Points of a family in one pass, on a logarithmic scale."""

LARGEST: Final = 500.0
SMALLEST: Final = 1e-5
REACH: Final = 1e-4
REACHES: Final = 7
"""The range of −u; its lower end moves down by REACH, REACH², … until R no longer changes there."""

LEVEL: Final = 1e-3
"""Relative change of R between the first two points at which the family has reached u = 0."""

TOO_HIGH: Final = 2.0
"""R(0) is not this many times C_P, however coarse the mesh."""

REFINEMENTS: Final = 3
ZOOMS: Final = (0.01, 1e-4)
SEARCHED: Final = 10
"""A maximum is located by passes of so many points between two neighbours, C known to so much."""

TOLERANCE: Final = 1e-10
LOOSE: Final = 1e-3
"""Relative, of thresholds C; the loose one beyond the maximum, where R is far below it."""

MESH_ERROR: Final = 5e-4
"""Relative change of C, divided by 1 − u, from the first mesh to the next: a guess to start from."""

HOPELESS: Final = 0.8
"""A share of the maximum of a family below which R needs no digits."""

FLAT: Final = 1e-10
"""An extremal beats C_P only by more than this, relatively."""


@dataclass(frozen=True, eq=False)
class Peaks:
    """K places where N falls through 1: chain rows (K,), and log(−u) and C on both sides, (K, 2)."""

    row: Array
    log_start: Array
    constant: Array


@dataclass(frozen=True, eq=False)
class Scan:
    """What the families of S densities give.

    ``limit`` (S,) is R(0), extrapolated: C_P. ``bound`` (S,) bounds the gain everywhere outside the
    ``peaks``; it is negative where no extremal beats C_P. ``faint`` (2, S) are u and C of a small extremal
    at the left end.
    """

    limit: Array
    bound: Array
    peaks: Peaks
    faint: Array


@dataclass(frozen=True, eq=False)
class _Family:
    """Points of families, (R, U): rows (R,), log(−u), and C, log N, R on the finest mesh.

    ``gain`` is extrapolated, ``error`` the last change of the extrapolation; ``hidden`` (R, U − 1) is how
    far R may rise, relatively, between two points.
    """

    rows: Array
    log_start: Array
    constant: Array
    log_norm: Array
    gain: Array
    error: Array
    hidden: Array

    @property
    def between(self) -> Array:
        """A bound on the gain in each interval, (R, U − 1)."""
        high = self.gain + self.error
        return np.asarray(np.maximum(high[:, :-1], high[:, 1:]) + self.hidden)

    @property
    def falls(self) -> Array:
        """The intervals in which N falls through 1 and R may exceed C_P, (R, U − 1)."""
        norm = self.log_norm
        return np.asarray((norm[:, :-1] > 0) & (norm[:, 1:] <= 0) & (self.between > FLAT))


def scan(levels: Sequence[Chain], poincare: Array) -> Scan:
    """Both families of every density on three meshes, each twice as fine as the one before.

    Intervals in which more may hide than the best point found are scanned again, more finely.

    Args:
        levels: the chains; rows 2s and 2s + 1 are the ends of state s.
        poincare: C_P or an upper bound, (S,).

    Raises:
        SolverError: R has no limit at small u, or still rises at the last start.
    """
    rows = np.arange(2 * len(poincare))
    log_start, near, hopeless = _reaching(levels[0], poincare)
    spread = MESH_ERROR * (1.0 + np.exp(log_start))
    guess = near * (1.0 - spread), near * (1.0 + spread)
    tolerance = np.where(hopeless, LOOSE, TOLERANCE)
    constants, norms, quotients = _on_meshes(levels, rows, log_start, *guess, tolerance)
    limits = _limits(quotients, log_start)
    now = _family(rows, log_start, constants, norms, quotients, limits)
    _require_past_maximum(quotients[-1], norms)
    small = np.arange(len(poincare)), STARTS // 4
    faint = np.stack([-np.exp(log_start[::2][small]), constants[::2][small]])
    bound, peaks = np.full(len(poincare), -1.0), []
    best = np.zeros(len(poincare))
    for last in (*[False] * REFINEMENTS, True):
        np.maximum.at(best, now.rows // 2, (now.gain - now.error).max(axis=-1))
        doubtful = (
            ~now.falls & (now.hidden > FLAT) & (now.between > best[now.rows // 2][:, None] + FLAT)
        )
        hull = _hull(doubtful & (not last))
        rest = np.where(hull | now.falls, -1.0, now.between).max(axis=-1)
        np.maximum.at(bound, now.rows // 2, rest)
        peaks.append(_peaks(now, now.falls & ~hull))
        if not hull.any():
            break
        now = _refined(levels, now, hull, limits)
    return Scan(extrapolated(limits)[0], bound, _joined(peaks), faint)


def located(levels: Sequence[Chain], peaks: Peaks) -> tuple[Array, Array]:
    """u, extrapolated in h², and C of the maxima, both (K,), from two meshes, the second twice as fine."""
    (u, _), (v, c) = (_located(chain, peaks) for chain in levels)
    return (4 * v - u) / 3, c


def _located(chain: Chain, peaks: Peaks) -> tuple[Array, Array]:
    """u and C of the maxima on one mesh."""
    rows = chain.rows(peaks.row)
    x, c = peaks.log_start, peaks.constant
    for known in ZOOMS:
        inside = np.linspace(x[:, 0], x[:, 1], SEARCHED, axis=-1)
        near = np.linspace(c[:, 0], c[:, 1], SEARCHED, axis=-1)
        low, high = near * (1 - known), near * (1 + known)
        constant, shots = thresholds(rows, -np.exp(inside) / 2, low, high, tolerance=TOLERANCE)
        falls = (shots.log_norm[:, :-1] > 0) & (shots.log_norm[:, 1:] <= 0)
        # Another mesh may put the maximum just outside: then the end where N is closest to 1.
        outside = np.where(shots.log_norm[:, 0] > 0, SEARCHED - 2, 0)
        place = np.where(falls.any(axis=-1), falls.argmax(axis=-1), outside)
        ends = place[:, None] + np.arange(2)
        x, c = (np.take_along_axis(a, ends, axis=-1) for a in (inside, constant))
    four = np.clip(place - 1, 0, SEARCHED - 4)[:, None] + np.arange(4)
    at, of, norm = (
        np.take_along_axis(a, four, axis=-1) for a in (inside, constant, shots.log_norm)
    )
    top = np.clip(_through(norm, at, 0.0), x[:, 0], x[:, 1])
    return -np.exp(top), _through(at, of, top)


def _through(x: Array, y: Array, at: Array | float) -> Array:
    """The value at ``at`` (K,) of the polynomials through points, x and y (K, m)."""
    apart = x[:, :, None] - x[:, None, :]
    share = (np.reshape(at, (-1, 1, 1)) - x[:, None, :]) / np.where(apart == 0, np.inf, apart)
    one = np.eye(x.shape[-1], dtype=bool)
    return np.asarray((y * np.where(one, 1.0, share).prod(axis=-1)).sum(axis=-1))


def _reaching(chain: Chain, poincare: Array) -> tuple[Array, Array, Array]:
    """log(−u), (2S, U), so small that R is C_P at first; C there, roughly, and where R is hopeless."""
    c = np.repeat(poincare, 2)[:, None]
    smallest, reach = np.full(len(c), SMALLEST), REACH
    for _ in range(REACHES):
        log_start = np.linspace(np.log(smallest), np.log(LARGEST), STARTS, axis=-1)
        low, high = c / (2 * (1 + np.exp(log_start))), np.broadcast_to(8 * c, log_start.shape)
        constant, shots = thresholds(chain, -np.exp(log_start) / 2, low, high, tolerance=LOOSE)
        first, second = shots.quotient[:, 0], shots.quotient[:, 1]
        with np.errstate(all="ignore"):  # a quotient that under- or overflows is far
            level = np.abs(second / first - 1.0) <= LEVEL
        far = ~level | (first > TOO_HIGH * c[:, 0])
        if not far.any():
            top, best = shots.quotient.argmax(axis=-1)[:, None], shots.quotient.max(axis=-1)
            beyond = np.arange(STARTS) > top
            return log_start, constant, beyond & (shots.quotient < HOPELESS * best[:, None])
        smallest, reach = np.where(far, reach * smallest, smallest), reach**2
    raise SolverError(
        Outcome.UNRESOLVED,
        f"the quotients of state {int(far.argmax()) // 2} have no limit at small amplitudes",
    )


def _on_meshes(
    levels: Sequence[Chain],
    rows: Array,
    log_start: Array,
    low: Array,
    high: Array,
    tolerance: float | Array,
) -> tuple[Array, Array, Array]:
    """C and log N on the finest mesh, (R, U), and the quotients on all, (3, R, U)."""
    found: list[Array] = []
    quotients = []
    for chain in levels:
        c, shots = thresholds(
            chain.rows(rows), -np.exp(log_start) / 2, low, high, tolerance=tolerance
        )
        found.append(c)
        quotients.append(shots.quotient)
        # The next mesh changes C by a quarter of what this one did.
        change = c - found[-2] if len(found) > 1 else 0.0 * c
        spread = np.abs(change) / 8 + tolerance * c
        if len(found) == 1:
            spread = MESH_ERROR * (1.0 + np.exp(log_start)) * c
        low, high = c + change / 4 - spread, c + change / 4 + spread
        lost = ~np.isfinite(shots.quotient)
        if lost.any():
            row, place = np.argwhere(lost)[0]
            raise SolverError(
                Outcome.UNRESOLVED,
                f"the extremal of state {rows[row] // 2} that starts at log g² = "
                f"{-np.exp(log_start[row, place]):.1e} over- or underflows",
            )
    return found[-1], shots.log_norm, np.stack(quotients)


def _limits(quotients: Array, log_start: Array) -> Array:
    """R(0) on each mesh, (3, S), along the line through the first two starts of the flatter family."""
    first, slope = quotients[..., 0], np.diff(quotients[..., :2], axis=-1)[..., 0]
    limits = first - slope / np.expm1(log_start[:, 1] - log_start[:, 0])
    pairs = (len(quotients), -1, 2)
    flatter = np.abs(slope).reshape(pairs)[-1].argmin(axis=-1)
    return np.asarray(np.take_along_axis(limits.reshape(pairs), flatter[None, :, None], -1)[..., 0])


def extrapolated(values: Array) -> tuple[Array, Array]:
    """Limit of values (3, ...) with an error in h² and h⁴, h halved twice; and its last change."""
    once = (4 * values[1:] - values[:-1]) / 3
    twice = (16 * once[1] - once[0]) / 15
    return twice, np.abs(twice - once[1])


def _family(
    rows: Array, log_start: Array, constant: Array, log_norm: Array, quotients: Array, limits: Array
) -> _Family:
    """R is monotone where log N and its direction agree; elsewhere a parabola through neighbours tells."""
    gains = quotients / limits[:, rows // 2, None] - 1.0
    gain, error = extrapolated(gains)
    rise = np.diff(gains[-1], axis=-1)
    up = np.where(rise > 0, 1.0, -1.0)
    agree = (log_norm[:, :-1] * up > 0) & (log_norm[:, 1:] * up > 0)
    bend = np.pad(np.maximum(-np.diff(rise, axis=-1), 0.0), [(0, 0), (1, 1)], mode="edge")
    hidden = np.where(agree, 0.0, np.maximum(bend[:, :-1], bend[:, 1:]) / 8)
    return _Family(rows, log_start, constant, log_norm, gain, error, hidden)


def _hull(doubtful: Array) -> Array:
    """The intervals from the first to the last doubtful one of each row."""
    after = np.maximum.accumulate(doubtful, axis=-1)
    before = np.maximum.accumulate(doubtful[:, ::-1], axis=-1)[:, ::-1]
    return np.asarray(after & before)


def _refined(levels: Sequence[Chain], coarse: _Family, hull: Array, limits: Array) -> _Family:
    """The families with all their points inside the hulls."""
    some = hull.any(axis=-1)
    inside, rows = hull[some], coarse.rows[some]
    ends = np.stack([inside.argmax(-1), inside.shape[-1] - inside[:, ::-1].argmax(-1)], axis=-1)
    x, log_c = coarse.log_start[some], np.log(coarse.constant[some])
    first, last = np.take_along_axis(x, ends, axis=-1).T
    log_start = np.linspace(first, last, STARTS, axis=-1)
    near = np.exp(np.stack([np.interp(*row) for row in zip(log_start, x, log_c, strict=True)]))
    found = _on_meshes(levels, rows, log_start, 0.9 * near, 1.1 * near, TOLERANCE)
    return _family(rows, log_start, *found, limits)


def _peaks(family: _Family, chosen: Array) -> Peaks:
    row, place = np.nonzero(chosen)
    pair = row[:, None], place[:, None] + np.arange(2)
    return Peaks(family.rows[row], family.log_start[pair], family.constant[pair])


def _joined(parts: list[Peaks]) -> Peaks:
    return Peaks(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in Peaks.__dataclass_fields__)
    )


def _require_past_maximum(quotient: Array, log_norm: Array) -> None:
    rising = (quotient[:, -1] >= quotient[:, -2]) | (log_norm[:, -1] >= 0)
    if rising.any():
        raise SolverError(
            Outcome.UNRESOLVED,
            f"the quotient of state {int(rising.argmax()) // 2} still rises at log g² = "
            f"{-LARGEST:g}, where the scan ends",
        )
