"""``Constant``: a functional-inequality constant as a bracket that remembers where each side came from.

Constants grow as things get worse: Var ≤ C_P∫|∇g|², KL ≤ (C_LS/2) I, W_2² ≤ 2 C_T KL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import Bracket
from wconv.outcomes import Outcome, SolverError

Rigor = Literal["certified", "numerical", "sharp-numerical", "heuristic"]
"""How far a side may be trusted.

certified: enclosed by ball arithmetic (nothing here prints it yet); numerical: a true bound, evaluated
in floating point; sharp-numerical: the value of an exhaustive one-parameter scan, with its numerical
errors; heuristic: an estimate that may lie on the wrong side.
"""

SLACK = 1e-9
"""Two sides may cross by this much, relatively: rounding of equal numbers."""


@dataclass(frozen=True, eq=False)
class Side:
    """One bound on a constant in every state: values (S,), and what they are worth.

    An infinite upper side says only that this method gives nothing.
    """

    value: Array
    rigor: Rigor
    method: str


@dataclass(frozen=True, eq=False)
class Witness:
    """A function that nearly attains a constant, on nodes: positions (S, n[, d]), values (S, n).

    Of C_P an eigenfunction, of C_LS a positive g (the inequality for g²), of C_T the density dν/dp.
    """

    nodes: Array
    values: Array


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Bracket):
    """lower ≤ C ≤ upper in every state, each the best of several sides.

    ``estimate`` lies between them, ``lower_sides`` and ``upper_sides`` are all bounds found,
    ``diagnostics`` numbers that explain the accuracy (by name, scalars or one a state), ``reasons``
    one text a state (why a constant is infinite; else empty).
    """

    symbol: str = "C"
    estimate: Array = field(default_factory=lambda: np.array(np.nan))
    lower_sides: tuple[Side, ...] = ()
    upper_sides: tuple[Side, ...] = ()
    witness: Witness | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def alpha(self) -> Bracket:
        """1/C, the convention α of the log-Sobolev inequality in [WPG]."""
        with np.errstate(divide="ignore"):
            return Bracket(1.0 / self.upper, 1.0 / self.lower, self.how_upper, self.how_lower)

    @property
    def lambda_(self) -> Bracket:
        """1/C, the convention λ of Talagrand's inequality in [WPPG], and the spectral gap for C_P."""
        return self.alpha

    @property
    def conservative(self) -> Bracket:
        """The bracket of true bounds alone (certified or numerical sides); upper may be inf."""
        lower = [s for s in self.lower_sides if s.rigor in ("certified", "numerical")]
        upper = [s for s in self.upper_sides if s.rigor in ("certified", "numerical")]
        low = np.max([np.zeros_like(self.lower), *(s.value for s in lower)], axis=0)
        high = np.min([np.full_like(self.upper, np.inf), *(s.value for s in upper)], axis=0)
        return Bracket(low, high, _names(lower), _names(upper))

    def origin(self, state: int | tuple[()] = ()) -> tuple[Side, Side]:
        """The sides that give lower and upper in one state (none for a single density)."""
        below = max(self.lower_sides, key=lambda side: float(side.value[state]))
        above = min(self.upper_sides, key=lambda side: float(side.value[state]))
        low, high = (Side(np.asarray(s.value[state]), s.rigor, s.method) for s in (below, above))
        return low, high

    def __getitem__(self, key: Any) -> "Constant":
        """The constant of some states: an index or slice of the first axis."""
        chosen = np.arange(len(self.reasons))[key]
        return Constant(
            np.asarray(self.lower[key]),
            np.asarray(self.upper[key]),
            self.how_lower,
            self.how_upper,
            self.symbol,
            np.asarray(self.estimate[key]),
            tuple(Side(np.asarray(s.value[key]), s.rigor, s.method) for s in self.lower_sides),
            tuple(Side(np.asarray(s.value[key]), s.rigor, s.method) for s in self.upper_sides),
            self.witness and Witness(self.witness.nodes[key], self.witness.values[key]),
            {n: np.asarray(v)[key] if np.ndim(v) else v for n, v in self.diagnostics.items()},
            tuple(self.reasons[i] for i in np.atleast_1d(chosen)),
        )

    def __repr__(self) -> str:
        if self.lower.ndim:
            return f"{self.symbol} of {len(self.lower)} densities: " + "; ".join(
                _span(a, b) for a, b in zip(self.lower, self.upper, strict=True)
            )
        low, high = self.origin()
        return (
            f"{self.symbol} in {_span(self.lower, self.upper)} "
            f"(below: {low.method}, {low.rigor}; above: {high.method}, {high.rigor})"
        )


def constant(
    symbol: str,
    lower_sides: Sequence[Side],
    upper_sides: Sequence[Side],
    *,
    estimate: Array,
    witness: Witness | None = None,
    diagnostics: Mapping[str, Any] | None = None,
    reasons: Sequence[str] | None = None,
) -> Constant:
    """The best lower and the best upper side in every state; all arrays (S,).

    Raises:
        SolverError: a side is NaN, or a lower side lies above an upper one by more than rounding.
    """
    low = np.max([s.value for s in lower_sides], axis=0)
    high = np.min([s.value for s in upper_sides], axis=0)
    for side in (*lower_sides, *upper_sides):
        if np.isnan(side.value).any():
            raise SolverError(Outcome.NOT_FINITE, f"{symbol} by {side.method}")
    crossed = low > high * (1.0 + SLACK)
    if crossed.any():
        s = int(np.argmax(crossed))
        below = max(lower_sides, key=lambda side: side.value[s])
        above = min(upper_sides, key=lambda side: side.value[s])
        raise SolverError(
            Outcome.CONTRADICTION,
            f"{symbol} in state {s}: {below.method} gives at least {below.value[s]:.12g}, "
            f"{above.method} at most {above.value[s]:.12g}",
        )
    if symbol not in ("C_P", "C_LS", "C_T", "C_h"):
        require.fail("symbol", "be C_P, C_LS, C_T or C_h", symbol, "use the project's conventions")
    lower, upper = np.minimum(low, high), np.maximum(low, high)
    return Constant(
        lower,
        upper,
        _names(lower_sides),
        _names(upper_sides),
        symbol,
        np.clip(estimate, lower, upper),
        tuple(lower_sides),
        tuple(upper_sides),
        witness,
        dict(diagnostics or {}),
        tuple(reasons or ("",) * len(lower)),
    )


def _names(sides: Sequence[Side]) -> str:
    return ", ".join(dict.fromkeys(f"{s.method} ({s.rigor})" for s in sides)) or "nothing"


def _span(low: Any, high: Any) -> str:
    return f"[{float(low):.10g}, {float(high):.10g}]"


def stacked(parts: Sequence[Constant]) -> Constant:
    """One constant of several states from constants of one state each, shape (1,).

    A side that a state does not have says nothing there: 0 below, inf above. Witnesses are kept when all
    have the same shape, diagnostics when all have them.
    """
    sides: list[list[Side]] = []
    for which, nothing in (("lower_sides", 0.0), ("upper_sides", np.inf)):
        rows = [{(s.method, s.rigor): s.value for s in getattr(part, which)} for part in parts]
        names = dict.fromkeys(name for row in rows for name in row)
        empty = np.array([nothing])
        sides.append(
            [
                Side(np.concatenate([row.get(name, empty) for row in rows]), name[1], name[0])
                for name in names
            ]
        )
    seen = [part.witness for part in parts if part.witness is not None]
    alike = len(seen) == len(parts) and len({w.values.shape for w in seen}) == 1
    shared = set.intersection(*(set(part.diagnostics) for part in parts))
    return constant(
        parts[0].symbol,
        sides[0],
        sides[1],
        estimate=np.concatenate([part.estimate for part in parts]),
        witness=Witness(
            np.concatenate([w.nodes for w in seen]), np.concatenate([w.values for w in seen])
        )
        if alike
        else None,
        diagnostics={
            k: np.concatenate([np.atleast_1d(part.diagnostics[k]) for part in parts])
            for k in shared
        },
        reasons=[reason for part in parts for reason in part.reasons],
    )


_ORDER: tuple[Rigor, ...] = ("heuristic", "sharp-numerical", "numerical", "certified")


def largest(first: Constant, second: Constant) -> Constant:
    """max(C, C') in every state: the constant of a product measure (tensorisation).

    Each side is as rigorous as the weaker of the two it is made of.
    """
    states = range(len(first.reasons))
    sides: list[list[Side]] = []
    for which, values in ((0, (first.lower, second.lower)), (1, (first.upper, second.upper))):
        used = [c.origin(s)[which] for c in (first, second) for s in states]
        weakest = min((side.rigor for side in used), key=_ORDER.index)
        methods = " and ".join(dict.fromkeys(side.method for side in used))
        sides.append([Side(np.maximum(*values), weakest, f"larger factor: {methods}")])
    reasons = [a or b for a, b in zip(first.reasons, second.reasons, strict=True)]
    estimate = np.maximum(first.estimate, second.estimate)
    return constant(first.symbol, sides[0], sides[1], estimate=estimate, reasons=reasons)
