"""Numbers with their errors: ``Measured`` (value and named error terms) and ``Bracket`` (two sides).

Both live at the edge: solvers, diagnostics and constants return them, verdicts consume them.
Kernels and bounds take plain arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np

from wconv import _require as require
from wconv._axes import Array

EPS = float(np.finfo(np.float64).eps)

EXTENDED: Final = np.dtype(np.longdouble)
"""80 bits or more where the platform has them; bounds ask NumPy for its precision."""


def unit_roundoff(dtype: np.dtype[np.floating]) -> float:
    """u = eps/2 of a precision, for bounds n·u on n operations rounded to nearest.

    A percent is added for the second order of n·u.
    """
    return 1.01 * float(np.finfo(dtype).eps) / 2.0


def rounding(*terms: Any, depth: int) -> Array:
    """Bound on the float64 rounding error of a sum: 4·eps·depth·Σ|terms|.

    ``terms`` are arrays of magnitudes (broadcast against each other), ``depth`` the longest chain
    of dependent additions. What passes through a resolvent is divided by 1 − γ there.
    Tested against a rerun in extended precision; see docs/numerics.md.
    """
    total: Array = np.asarray(sum(np.abs(np.asarray(term, dtype=float)) for term in terms))
    return np.asarray(4.0 * EPS * depth * total)


@dataclass(frozen=True, eq=False)
class Measured:
    """An array of numbers with named, non-negative absolute error terms that add up.

    Arithmetic carries the errors along to first order and beyond (|a|·e_b + |b|·e_a + e_a·e_b for
    products) by name, and adds its own rounding under "rounding".
    """

    value: Array
    errors: Mapping[str, Array] = field(default_factory=dict)
    how: str = ""

    # NumPy must hand mixed arithmetic over to the reflected operators below.
    __array_ufunc__ = None

    @classmethod
    def of(cls, value: Any, how: str = "", **errors: Any) -> Self:
        """A measured array; each error is broadcast to the value's shape."""
        array = _real(value)
        terms = {
            name: np.broadcast_to(np.abs(np.asarray(error, dtype=float)), array.shape)
            for name, error in errors.items()
        }
        return cls(array, terms, how)

    @property
    def error(self) -> Array:
        """The total error bound: the sum of all terms."""
        return np.asarray(sum(self.errors.values(), start=np.zeros_like(self.value)))

    @property
    def lower(self) -> Array:
        """value − error."""
        return np.asarray(self.value - self.error)

    @property
    def upper(self) -> Array:
        """value + error."""
        return np.asarray(self.value + self.error)

    def with_error(self, name: str, error: Any) -> "Measured":
        """The same value with one more error term (added to a term of the same name)."""
        extra = np.broadcast_to(np.abs(np.asarray(error, dtype=float)), self.value.shape)
        return Measured(self.value, _merge(self.errors, {name: extra}), self.how)

    def __getitem__(self, key: Any) -> "Measured":
        return Measured(
            np.asarray(self.value[key]),
            {n: np.asarray(e[key]) for n, e in self.errors.items()},
            self.how,
        )

    def __neg__(self) -> "Measured":
        return Measured(-self.value, self.errors, self.how)

    def __add__(self, other: Any) -> "Measured":
        b = as_measured(other)
        return _rounded(self.value + b.value, _merge(self.errors, b.errors))

    def __sub__(self, other: Any) -> "Measured":
        return self + (-as_measured(other))

    def __mul__(self, other: Any) -> "Measured":
        b = as_measured(other)
        left = {n: e * (np.abs(b.value) + b.error) for n, e in self.errors.items()}
        right = {n: np.abs(self.value) * e for n, e in b.errors.items()}
        return _rounded(self.value * b.value, _merge(left, right))

    def __truediv__(self, other: Any) -> "Measured":
        b = as_measured(other)
        floor = np.abs(b.value) - b.error
        safe = np.where(floor > 0, floor, np.nan)
        inverse = Measured(
            1.0 / b.value, {n: e / (np.abs(b.value) * safe) for n, e in b.errors.items()}
        )
        return self * inverse

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> "Measured":
        return as_measured(other) - self

    def __abs__(self) -> "Measured":
        return Measured(np.abs(self.value), self.errors, self.how)

    def sup(self, *, keepdims: bool = False) -> "Measured":
        """The largest entry along the last axis, with the largest error."""
        terms = {n: np.asarray(e.max(axis=-1, keepdims=keepdims)) for n, e in self.errors.items()}
        return Measured(np.asarray(self.value.max(axis=-1, keepdims=keepdims)), terms, self.how)

    def total(self) -> "Measured":
        """The sum along the last axis, with the sum of errors and its own rounding."""
        terms = {n: np.asarray(e.sum(axis=-1)) for n, e in self.errors.items()}
        own = rounding(np.abs(self.value).sum(axis=-1), depth=self.value.shape[-1])
        out = Measured(np.asarray(self.value.sum(axis=-1)), terms, self.how)
        return out.with_error("rounding", own)

    def __repr__(self) -> str:
        if self.value.ndim == 0:
            return f"{float(self.value):.12g} ± {float(self.error):.1e}"
        worst = float(np.max(self.error, initial=0.0))
        return f"Measured({np.array2string(self.value, precision=6, threshold=8)} ± {worst:.1e})"


def as_measured(value: Any) -> Measured:
    """The value itself, or an exact number wrapped."""
    return value if isinstance(value, Measured) else Measured(_real(value))


def _real(value: Any) -> Array:
    """A float64 array; NumPy would drop imaginary parts and masks."""
    if np.iscomplexobj(value) or isinstance(value, np.ma.MaskedArray):
        kind = type(value).__name__
        require.fail("a measured array", "be real and unmasked", kind, "take its real part")
    return np.asarray(value, dtype=float)


def _merge(a: Mapping[str, Array], b: Mapping[str, Array]) -> dict[str, Array]:
    names = list(dict.fromkeys([*a, *b]))
    return {n: np.asarray(a.get(n, np.float64(0)) + b.get(n, np.float64(0))) for n in names}


def _rounded(value: Array, errors: dict[str, Array]) -> Measured:
    own = EPS * np.where(np.isinf(value), 0.0, np.abs(value))  # infinities do not round
    terms = _merge(errors, {"rounding": own})
    return Measured(
        np.asarray(value), {n: np.broadcast_to(e, np.shape(value)) for n, e in terms.items()}
    )


def stack(items: Sequence[Measured]) -> Measured:
    """Stack along a new first axis; a missing error term counts as zero."""
    names = list(dict.fromkeys(n for item in items for n in item.errors))
    zeros = [np.zeros_like(item.value) for item in items]
    terms = {
        n: np.stack([item.errors.get(n, z) for item, z in zip(items, zeros, strict=True)])
        for n in names
    }
    return Measured(np.stack([item.value for item in items]), terms, items[0].how if items else "")


@dataclass(frozen=True, eq=False)
class Bracket:
    """A constant known from both sides: lower ≤ truth ≤ upper, with how each side was obtained.

    Constants grow as things get worse, so a bound may use ``upper`` and a sharp form ``lower``.
    """

    lower: Array
    upper: Array
    how_lower: str = "exact"
    how_upper: str = "exact"

    @classmethod
    def exact(cls, value: Any) -> Self:
        """A constant known exactly."""
        array = np.asarray(value, dtype=float)
        return cls(array, array)

    @property
    def measured(self) -> Measured:
        """The middle, with half the width as its error "bracket"; infinite where both sides are."""
        both = np.isinf(self.lower)
        with np.errstate(invalid="ignore"):
            half = np.where(both, 0.0, (self.upper - self.lower) / 2)
            middle = np.where(both, self.lower, (self.upper + self.lower) / 2)
        return Measured.of(middle, bracket=half, rounding=EPS * np.where(both, 0.0, middle))

    @classmethod
    def stack(cls, items: "Sequence[Bracket]") -> "Bracket":
        """Stack along a new first axis."""
        return Bracket(
            np.stack([item.lower for item in items]),
            np.stack([item.upper for item in items]),
            items[0].how_lower,
            items[0].how_upper,
        )

    def __repr__(self) -> str:
        if self.lower.ndim == 0:
            return f"[{float(self.lower):.9g}, {float(self.upper):.9g}]"
        return f"Bracket(lower={self.lower!r}, upper={self.upper!r})"


def as_bracket(value: Any) -> Bracket:
    """The bracket itself, a Measured as [value − error, value + error], or an exact number."""
    if isinstance(value, Bracket):
        return value
    if isinstance(value, Measured):
        return Bracket(value.lower, value.upper, value.how or "measured", value.how or "measured")
    return Bracket.exact(value)
