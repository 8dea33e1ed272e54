"""What a check yields: hypotheses (finite, condition) and claims (at_most, at_least, equal, exactly).

A claim holds a measured left side against a right side that is a *function of its named
constants*, so brackets, tightness, teeth and controls are re-evaluations of plain arithmetic.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import EPS, Bracket, Measured, as_bracket, as_measured

Sense = Literal["<=", ">=", "="]
Labels = Mapping[str, Sequence[str] | Sequence[float]]

BOUND = "bound"
"""The pseudo-constant that scales a whole right side (so that bounds without constants have teeth)."""

COUNTED = 1e-3
"""Smaller values, in units of the largest, do not count for what typically changes under refinement."""

RESERVED = frozenset({"lhs", "rhs", "claim"})
"""Keys of a worst point that are not axes."""


@dataclass(frozen=True, eq=False)
class Given:
    """A bound with its data bound: a function of the named constants alone.

    The error of the right side is its largest change when every datum moves by its error plus 8 eps
    relative, up or down (all corners). Bounds are monotone in every datum, so this is a bound on the
    error, not an estimate. Errors a bound reports itself (``Measured``) and ``refinement`` are added.
    """

    fn: Callable[..., Any]
    data: Mapping[str, Measured]
    refinement: Array | float = 0.0

    def at(self, constants: Mapping[str, Any]) -> Measured:
        """The right side at given constants, with its error."""
        values = {name: datum.value for name, datum in self.data.items()}
        moves = {n: d.error + 8 * EPS * _finite_size(d.value) for n, d in self.data.items()}
        moves = {name: move for name, move in moves.items() if move.any()}
        out = as_measured(self.fn(**values, **constants))
        out = out.with_error("rounding", 8 * EPS * _finite_size(out.value))
        changes = []
        for signs in product((1.0, -1.0), repeat=len(moves)):
            corner = {n: values[n] + s * m for s, (n, m) in zip(signs, moves.items(), strict=True)}
            there = as_measured(self.fn(**(values | corner), **constants)).value
            changes.append(_change(there, out.value))
        out = out.with_error("data", np.max(changes, axis=0))
        if not np.any(self.refinement):
            return out
        return _over(out, np.shape(self.refinement)).with_error("refinement", self.refinement)


def _over(side: Measured, shape: tuple[int, ...]) -> Measured:
    """A side that is the same on some axes, written out over all points of the claim."""
    errors = {name: np.broadcast_to(error, shape) for name, error in side.errors.items()}
    return Measured(np.broadcast_to(side.value, shape), errors)


def _finite_size(value: Array) -> Array:
    """|value|, zero where infinite: an infinite side has no rounding."""
    return np.where(np.isinf(value), 0.0, np.abs(value))


def _change(a: Array, b: Array) -> Array:
    """|a − b|, zero where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        return np.where(a == b, 0.0, np.abs(a - b))


@dataclass(frozen=True)
class Bound:
    """A right-hand side: a plain function of arrays, whose ``given(data)`` leaves the constants free."""

    fn: Callable[..., Any]

    def __call__(self, **arguments: Any) -> Any:
        """The formula itself."""
        return self.fn(**arguments)

    def given(self, **data: Any) -> Given:
        """Bind the data (arrays or ``Measured``); the rest of the signature are constants."""
        return Given(self.fn, {k: as_measured(v) for k, v in data.items()})


@dataclass(frozen=True, eq=False)
class Claim:
    """lhs (sense) rhs(constants), pointwise over named axes."""

    name: str
    lhs: Measured
    rhs: Given
    sense: Sense
    constants: Mapping[str, Bracket]
    over: tuple[str, ...] = ()
    labels: Labels = field(default_factory=dict)
    scale: float = 0.0
    """Size of what the claim is about, for the case that both sides vanish."""

    def right(self, side: Literal["theorem", "sharp"] = "theorem", **factors: float) -> Measured:
        """rhs on the proved side of every bracket ("theorem") or the other ("sharp").

        The proved side is the weaker of rhs(lower) and rhs(upper), point by point. For an identity
        there is no weaker side: the width of the brackets becomes an error. ``factors`` multiply
        constants; the factor of "bound" strengthens (below one) or loosens the whole right side.
        """
        for name in factors:
            require.choice("constant", name, {*self.constants, BOUND})
        upper = {n: b.upper * factors.get(n, 1.0) for n, b in self.constants.items()}
        out = self.rhs.at(upper)
        if self.has_width:
            lower = {n: b.lower * factors.get(n, 1.0) for n, b in self.constants.items()}
            out = self._between(out, self.rhs.at(lower), side)
        scale = factors.get(BOUND, 1.0)
        if scale != 1.0:
            shrinks = (out.value > 0) == (self.sense != ">=")
            out = out * np.where(shrinks, scale, 1.0 / scale)
        if out.value.ndim not in (0, self.lhs.value.ndim):
            got = (out.value.shape, self.lhs.value.shape)
            require.fail(
                f"right side of {self.name!r}", "have the axes of the left", got, "name them alike"
            )
        return _over(out, self.lhs.value.shape)

    def point(self, index: Sequence[Any]) -> dict[str, Any]:
        """A point by its axes: names, times, or numbers where there is neither."""
        return {
            axis: self.labels[axis][int(i)] if axis in self.labels else int(i)
            for axis, i in zip(self.over, index, strict=True)
        }

    @property
    def has_width(self) -> bool:
        """Whether some constant is not known exactly."""
        return any(bool((b.lower != b.upper).any()) for b in self.constants.values())

    def _between(self, up: Measured, low: Measured, side: str) -> Measured:
        if self.sense == "=":
            return up.with_error("constants", _change(up.value, low.value))
        larger = (self.sense == "<=") == (side == "theorem")
        pick = up.value >= low.value if larger else up.value <= low.value
        names = {*up.errors, *low.errors}
        zero = np.zeros_like(up.value)
        errors = {n: np.where(pick, up.errors.get(n, zero), low.errors.get(n, zero)) for n in names}
        return Measured(np.where(pick, up.value, low.value), errors)


@dataclass(frozen=True)
class Identity:
    """A symbolic identity: ``difference(**constants)`` is an expression that must simplify to zero."""

    name: str
    difference: Callable[..., Any]
    constants: Mapping[str, Any]


@dataclass(frozen=True)
class Hypothesis:
    """A premise with what was measured of it; ``holds`` is None when it could not be decided."""

    name: str
    holds: bool | None
    detail: str


def finite(name: str, **values: Any) -> Hypothesis:
    """The hypothesis that every given number is finite; NaN leaves it undecided, infinity fails it."""
    if not values:
        require.fail(f"hypothesis {name}", "name what is finite", "nothing", "finite('H1', KL=kl)")
    parts, verdicts = [], []
    for symbol, value in values.items():
        array = (
            value.upper if isinstance(value, Bracket | Measured) else np.asarray(value, dtype=float)
        )
        worst = float(np.max(array)) if not np.isnan(array).any() else float("nan")
        parts.append(f"{symbol} = {worst:.6g}")
        verdicts.append(None if np.isnan(array).any() else bool(np.isfinite(array).all()))
    holds = None if None in verdicts else all(v is True for v in verdicts)
    return Hypothesis(name, holds, ", ".join(parts))


def condition(name: str, holds: bool, detail: str) -> Hypothesis:
    """A hypothesis decided by the check itself, with the numbers in ``detail``."""
    if not isinstance(holds, bool | np.bool_) or not isinstance(detail, str):
        require.fail(
            f"hypothesis {name}", "be a truth value with words", (holds, detail), "compare first"
        )
    return Hypothesis(name, bool(holds), detail)


def _claim(
    name: str,
    lhs: Any,
    rhs: Given,
    sense: Sense,
    over: str,
    scale: float,
    constants: Mapping[str, Any],
) -> Claim:
    axes = tuple(over.split())
    left = as_measured(lhs)
    if left.value.ndim != len(axes) or len(set(axes)) < len(axes) or RESERVED & set(axes):
        requirement = f"name {left.value.ndim} different axes"
        require.fail(f"over of claim {name!r}", requirement, repr(over), "one word an axis")
    brackets = {k: as_bracket(v) for k, v in constants.items()}
    for symbol, bracket in brackets.items():
        if not (bracket.lower <= bracket.upper).all():
            require.fail(
                f"constant {symbol} of {name!r}", "have lower <= upper", bracket, "order its sides"
            )
    return Claim(name, left, rhs, sense, brackets, axes, scale=scale)


def at_most(
    name: str, lhs: Any, rhs: Given, *, over: str = "", scale: float = 0.0, **constants: Any
) -> Claim:
    """The claim lhs ≤ rhs(constants) at every point.

    ``over`` names the axes of lhs; ``scale`` is the size of what the claim is about, against which
    errors are held where both sides vanish.
    """
    return _claim(name, lhs, rhs, "<=", over, scale, constants)


def at_least(
    name: str, lhs: Any, rhs: Given, *, over: str = "", scale: float = 0.0, **constants: Any
) -> Claim:
    """The claim lhs ≥ rhs(constants) at every point."""
    return _claim(name, lhs, rhs, ">=", over, scale, constants)


def equal(
    name: str, lhs: Any, rhs: Given, *, over: str = "", scale: float = 0.0, **constants: Any
) -> Claim:
    """The identity lhs = rhs(constants) at every point (two claims in one)."""
    return _claim(name, lhs, rhs, "=", over, scale, constants)


def _typical(change: Array, value: Array) -> Array:
    """|change|, at least a tenth of its median share of the values."""
    counted = np.isfinite(change) & np.isfinite(value) & (value != 0)
    if not counted.any():
        return np.abs(change)
    # Of values that are rounding all may change.
    counted &= np.abs(value) >= COUNTED * np.abs(value[counted]).max()
    share = 0.1 * np.median(np.abs(change[counted] / value[counted]))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.maximum(np.abs(change), share * np.abs(value)))


def exactly(name: str, difference: Callable[..., Any], **constants: Any) -> Identity:
    """The symbolic claim difference(**constants) ≡ 0 (sympy; grade A)."""
    return Identity(name, difference, constants)


def refine(fine: Claim, coarse: Claim) -> Claim:
    """The fine claim with the change from the coarse one added to the error of both sides.

    What changes sign between points may vanish at one of them by chance: of the left side at least
    a tenth of the median relative change of all points is counted.

    Raises:
        InputError: the two claims differ in shape (a continuum claim must not run over nodes).
    """
    if fine.lhs.value.shape != coarse.lhs.value.shape:
        require.fail(
            f"claim {fine.name!r}",
            "have the same points at every resolution",
            (coarse.lhs.value.shape, fine.lhs.value.shape),
            "index it by state or time, not by node",
        )

    lhs = fine.lhs.with_error(
        "refinement", _typical(fine.lhs.value - coarse.lhs.value, fine.lhs.value)
    )
    moved = _change(fine.right().value, coarse.right().value)
    return replace(fine, lhs=lhs, rhs=replace(fine.rhs, refinement=moved))
