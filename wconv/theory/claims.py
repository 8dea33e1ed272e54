"""What a check yields: hypotheses (finite, condition) and claims (at_most, at_least, equal, exactly).

A claim holds a measured left side against a right side that is a *function of its named
constants*, so brackets, tightness, teeth and controls are re-evaluations of plain arithmetic.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import EPS, Bracket, Measured, as_bracket, as_measured

Sense = Literal["<=", ">=", "="]
Labels = Mapping[str, Sequence[str]]

BOUND = "bound"
"""The pseudo-constant that scales a whole right side (so that bounds without constants have teeth)."""


@dataclass(frozen=True, eq=False)
class Given:
    """A bound with its data bound: a function of the named constants alone.

    The error of the right side is the sum over data of its change when one datum moves by its error
    plus 8 eps relative, in either direction; bounds are monotone in every datum, so this is a bound
    on the error, not an estimate. Errors a bound reports itself (``Measured``) are added.
    """

    fn: Callable[..., Any]
    data: Mapping[str, Measured]
    name: str = ""

    def at(self, constants: Mapping[str, Any]) -> Measured:
        """The right side at given constants, with its error."""
        values = {name: datum.value for name, datum in self.data.items()}
        out = as_measured(self.fn(**values, **constants))
        out = out.with_error("rounding", 8 * EPS * _finite_size(out.value))
        for name, datum in self.data.items():
            move = datum.error + 8 * EPS * _finite_size(datum.value)
            if move.any():
                shifted = [
                    as_measured(self.fn(**(values | {name: datum.value + m}), **constants)).value
                    for m in (move, -move)
                ]
                out = out.with_error(name, np.maximum(*(_change(s, out.value) for s in shifted)))
        return out


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
        return Given(self.fn, {k: as_measured(v) for k, v in data.items()}, self.fn.__name__)


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
    resolution: float = 1e-8

    def right(self, side: Literal["lower", "upper"] = "upper", **factors: float) -> Measured:
        """rhs with the constants at one side of their brackets, each times its factor."""
        known = {*self.constants, BOUND}
        for name in factors:
            require.choice("constant", name, known)
        values = {
            name: (bracket.upper if side == "upper" else bracket.lower) * factors.get(name, 1.0)
            for name, bracket in self.constants.items()
        }
        scale = factors.get(BOUND, 1.0)
        out = self.rhs.at(values)
        if scale != 1.0:
            out = out * (1.0 / scale if self.sense == ">=" else scale)
        return Measured(
            np.broadcast_to(out.value, self.lhs.value.shape),
            {n: np.broadcast_to(e, self.lhs.value.shape) for n, e in out.errors.items()},
        )


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
    return Hypothesis(name, bool(holds), detail)


def _claim(
    name: str, lhs: Any, rhs: Given, sense: Sense, over: str, constants: Mapping[str, Any]
) -> Claim:
    axes = tuple(over.split())
    left = as_measured(lhs)
    if left.value.ndim != len(axes):
        require.fail(
            f"over of claim {name!r}",
            f"name {left.value.ndim} axes",
            repr(over),
            "one word an axis",
        )
    return Claim(name, left, rhs, sense, {k: as_bracket(v) for k, v in constants.items()}, axes)


def at_most(name: str, lhs: Any, rhs: Given, *, over: str = "", **constants: Any) -> Claim:
    """The claim lhs ≤ rhs(constants) at every point; ``over`` names the axes of lhs."""
    return _claim(name, lhs, rhs, "<=", over, constants)


def at_least(name: str, lhs: Any, rhs: Given, *, over: str = "", **constants: Any) -> Claim:
    """The claim lhs ≥ rhs(constants) at every point."""
    return _claim(name, lhs, rhs, ">=", over, constants)


def equal(name: str, lhs: Any, rhs: Given, *, over: str = "", **constants: Any) -> Claim:
    """The identity lhs = rhs(constants) at every point (two claims in one)."""
    return _claim(name, lhs, rhs, "=", over, constants)


def exactly(name: str, difference: Callable[..., Any], **constants: Any) -> Identity:
    """The symbolic claim difference(**constants) ≡ 0 (sympy; grade A)."""
    return Identity(name, difference, constants)


def refine(fine: Claim, coarse: Claim) -> Claim:
    """The fine claim with the change from the coarse one added to the error of both sides.

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

    def widened(a: Measured, b: Measured) -> Measured:
        return a.with_error("refinement", a.value - b.value)

    data = {name: widened(datum, coarse.rhs.data[name]) for name, datum in fine.rhs.data.items()}
    constants = {name: b.hull(coarse.constants[name]) for name, b in fine.constants.items()}
    rhs = Given(fine.rhs.fn, data, fine.rhs.name)
    return replace(fine, lhs=widened(fine.lhs, coarse.lhs), rhs=rhs, constants=constants)
