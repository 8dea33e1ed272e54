"""The log-Sobolev constant of densities on intervals, sharp, by an exhaustive one-parameter scan.

Either C_LS = C_P, or a positive g attains sup Ent(g²)/(2∫g'²dμ) (Rothaus) and, scaled, is an extremal:
2C(ρg')' + ρ g log g² = 0, ρg' = 0 at both ends, N = ∫g²dμ = 1, C = C_LS. A maximiser is strictly monotone:
otherwise the zeros of g' cut the interval into pieces with ΣN_i = 1 = Σμ_i; some piece has N_i ≤ μ_i, and g
frozen outside it has a quotient no smaller, so it is a maximiser too, constant on an interval, against the
uniqueness of solutions of the equation.

Monotone extremals are a one-parameter family at each end: g starts there with log g² = u < 0, and C is the
threshold above which p = ρg' stays positive. With R(u) the quotient along the family,

    C_LS = max(C_P, max_u R(u)),   R → C_P as u → 0,   dR/du = 0 where N = 1, and there R = C.

The scan (``monotone``) takes u on a logarithmic grid, on three meshes, extrapolated; where N falls through 1
the maximum is located, and the quotient of that g is evaluated by another quadrature: the witness.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants import criteria
from wconv.constants.extremal import Extremals, best_of_each, refined
from wconv.constants.line import DEPTH, Line
from wconv.constants.monotone import FLAT, Scan, located, scan
from wconv.constants.panels import PANELS, Mesh, Panels, aligned
from wconv.constants.record import Constant, Side, Witness, constant, stacked
from wconv.constants.shooting import chains
from wconv.constants.tails import infinite_constant
from wconv.outcomes import Outcome, SolverError

CELLS: Final = (128, 256, 512, 1024)
"""Meshes: the first three scan, the last three give the extremals."""

DEEPEST: Final = 100.0
"""Depth of the cuts where the extremal lives in the tails."""

TAILS: Final = 1e-4
"""Relative contribution of the end of the tails above which they are followed further."""

COARSE: Final = 1e-3
"""Relative discretisation error above which nothing is returned."""


def log_sobolev_line(line: Line, poincare: Constant) -> Constant:
    """The best C_LS with Ent(g²) ≤ 2 C_LS ∫g'² dp, of densities on intervals.

    Lower sides: the quotient of the extremal found ("numerical"), C_P and Barthe–Roberto. Upper sides: the
    scan ("sharp-numerical": the extremal's value, its errors, and what may hide between scan points) and
    the classical criteria. Where no extremal beats C_P the scan's upper side is that of C_P plus the scan's
    own error, which vanishes with u. Ends are cut where p < e^-26 of its peak; what the extremal loses
    between depths 22 and 26 is added to the upper side. Where deeper tails matter the cut is at depth 100,
    and if they matter even there the scan has no upper side. Of a cut density only Bakry–Émery and
    Holley–Stroock bound the constant from above, for they need no integrals. Where the scan fails the
    other sides remain, and ``reasons`` tells why.

    Args:
        line: S densities.
        poincare: their C_P.

    Returns:
        C_LS of shape (S,), the extremal g as witness; diagnostics "u0" = log g² at the "end" (0 left, 1
        right) where g is least, "margin" by which the extremal beats C_P (not positive where none does),
        "discretisation" and "truncation", relative to C_LS. Infinite where the tails say so.

    """
    below = [Side(s.value, s.rigor, f"C_P by {s.method}") for s in poincare.lower_sides]
    if "C_LS" in line.infinite:
        return infinite_constant("C_LS", line, below)
    try:
        return _scanned(line, poincare, below)
    except SolverError as error:
        if line.n_states == 1:
            return _unscanned(line, poincare, below, error.detail)
        one_by_one = [np.array([state]) for state in range(line.n_states)]
        return stacked([log_sobolev_line(line.states(s), poincare[s]) for s in one_by_one])


def _unscanned(line: Line, poincare: Constant, below: list[Side], why: str) -> Constant:
    """What remains of one density when the scan fails: C_P and the classical criteria."""
    cut = line.truncated(DEPTH)
    roberto, above = criteria.barthe_roberto(Panels.of(cut))
    whole = [] if cut.cut.any() else [above]
    upper = [criteria.bakry_emery(line), criteria.holley_stroock(line), *whole]
    return constant(
        "C_LS",
        [*below, roberto],
        upper,
        estimate=poincare.estimate,
        witness=poincare.witness,
        reasons=[f"no sharp value: {why}"],
    )


def _scanned(line: Line, poincare: Constant, below: list[Side]) -> Constant:
    """The constant with the scan; SolverError where it fails."""
    found = _solved(line, np.full(line.n_states, DEPTH), poincare)
    further = found.in_tails & (found.classical > found.proved * (1.0 + TAILS))
    if further.any():
        found = _solved(line, np.where(further, DEEPEST, DEPTH), poincare)
    _require_resolved(found, poincare)
    best, panels = found.best, found.panels
    e, beats = found.extremals, found.margin > FLAT
    value = e.value[best]
    return constant(
        "C_LS",
        [
            Side((value - e.rounding[best]) * np.exp(-line.wobble), "numerical", "extremal"),
            *below,
            found.roberto,
        ],
        [_scan_side(found, poincare), *found.criteria],
        estimate=np.maximum(np.where(beats, e.limit[best], 0.0), poincare.estimate),
        witness=Witness(panels.flat(panels.x), panels.flat(np.exp(e.logs[best]))),
        diagnostics={
            "u0": e.start[best],
            "end": e.end[best],
            "margin": found.margin,
            "discretisation": e.upper[best] / value - 1.0,
            "truncation": e.truncation[best] / value,
        },
    )


@dataclass(frozen=True, eq=False)
class _Solved:
    """The scan of truncated densities and its refined extremals, ``best`` (S,) of each state; criteria."""

    panels: Panels
    scanned: Scan
    extremals: Extremals
    best: Array
    roberto: Side
    criteria: tuple[Side, ...]

    @property
    def proved(self) -> Array:
        """The largest of C_P and the extremal, (S,)."""
        return np.maximum(self.extremals.value[self.best], self.scanned.limit)

    @property
    def classical(self) -> Array:
        """The best upper criterion, (S,)."""
        return np.asarray(np.min([side.value for side in self.criteria], axis=0))

    @property
    def margin(self) -> Array:
        """value/C_P − 1 of the best extremal, C_P of the same truncation, (S,)."""
        return np.asarray(self.extremals.value[self.best] / self.scanned.limit - 1.0)

    @property
    def slow(self) -> Array:
        """Whether an extremal that may beat C_P gains at all depths, (S,)."""
        return self._any_of(self.extremals.slow)

    @property
    def in_tails(self) -> Array:
        """Whether an extremal that may beat C_P owes more than 1e-4 to the end of the tails, (S,)."""
        e = self.extremals
        return self._any_of(e.slow | (e.truncation > TAILS * e.value))

    def _any_of(self, extremal: Array) -> Array:
        e, out = self.extremals, np.zeros(len(self.best), dtype=bool)
        matters = e.upper + e.truncation > self.scanned.limit[e.state] * (1.0 + FLAT)
        np.logical_or.at(out, e.state, extremal & matters)
        return out


def _solved(line: Line, depth: Array, poincare: Constant) -> _Solved:
    """Scan the densities above e^-depth of their peaks; refine a faint extremal and all maxima."""
    cut = aligned(line.truncated(depth), CELLS[0])
    levels = chains(cut, CELLS)
    finite = np.isfinite(poincare.upper)
    scanned = scan(levels[:3], np.where(finite, poincare.upper, poincare.estimate))
    states = np.arange(line.n_states)
    rows, (start, near) = 2 * states, scanned.faint
    if scanned.peaks.row.size:
        u, c = located(levels[1:3], scanned.peaks)
        rows = np.concatenate([rows, scanned.peaks.row])
        start, near = np.concatenate([start, u]), np.concatenate([near, c])
    panels = Panels.of(cut, Mesh.of(cut, PANELS // 2).halved())
    found = refined(levels[1:], panels, rows, start, near)
    best = best_of_each(found.state, found.value, line.n_states)
    roberto, *integral = criteria.barthe_roberto(panels)
    integral.append(criteria.gaussian_transport(panels))
    # A truncation has smaller constants: what integrates it bounds nothing but itself from above.
    whole = ~cut.cut.any(axis=-1)
    kept = [Side(np.where(whole, x.value, np.inf), x.rigor, x.method) for x in integral]
    sides = *kept, criteria.bakry_emery(line), criteria.holley_stroock(line)
    return _Solved(panels, scanned, found, best, roberto, sides)


def _scan_side(found: _Solved, poincare: Constant) -> Side:
    """The largest of C_P, the scan between its maxima, and the maxima, each with its error."""
    e, wobble = found.extremals, found.panels.line.wobble
    high = e.upper * np.exp(wobble[e.state]) + e.truncation
    peaks = slice(len(wobble), None)  # the first are faint
    ceiling = poincare.upper * (1.0 + np.maximum(found.scanned.bound, 0.0))
    np.maximum.at(ceiling, e.state[peaks], high[peaks])
    ceiling = np.where(found.slow, np.inf, ceiling)
    return Side(ceiling, "sharp-numerical", "scan of monotone extremals")


def _require_resolved(found: _Solved, poincare: Constant) -> None:
    """The final meshes must agree, and R(0) must be C_P (from below for a truncated density)."""
    line, limit = found.panels.line, found.scanned.limit
    short = np.where(line.cut.any(axis=-1), 0.0, 1.0 - limit / poincare.lower)
    e, best = found.extremals, found.best
    change = e.upper[best] / e.value[best] - 1.0
    off = np.max([change, limit / poincare.upper - 1.0, short], axis=0)
    worst = int(off.argmax())
    if not off[worst] <= COARSE:
        raise SolverError(
            Outcome.UNRESOLVED,
            f"C_LS in state {worst} still changes by {off[worst]:.1e} relative at {CELLS[-1]} cells",
        )
