"""The judge: verdict, margin, tightness and teeth of a claim, by plain arithmetic.

With slack = rhs − lhs (lhs − rhs for ≥, −|lhs − rhs| for =), e the sum of both sides' errors and
res = 1e-8 × max|rhs| (the maximum over all axes but those that index independent repetitions,
so that one large repetition cannot hide a small one; infinite entries do not count):

VIOLATED      slack < −max(e, res) somewhere, on the proved side of every constant;
HOLDS         everywhere slack ≥ e, or e ≤ res and |slack| ≤ res ("equality to the resolution") with no
              miss beyond the larger of e and 1e-8 relative at the point itself, or both
              sides are zero to within errors that are below 1e-8 of the claim's largest right side
              (or of the scale that it states for the case that all of it vanishes);
INCONCLUSIVE  otherwise: the error is too large to decide, or no point is resolved to 1 %;
ERROR         a NaN anywhere. NaN is never a pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from wconv._axes import Array
from wconv.measured import Measured
from wconv.theory.claims import BOUND, Claim, Hypothesis, Identity
from wconv.theory.tightness import nearest

RESOLUTION = 1e-8
"""Equality means to this much of the largest right side."""

REPETITIONS = frozenset({"policy", "pair", "direction"})
"""Axes that index independent repetitions of a claim."""

CONTROL_FACTOR = 10.0
"""A control must miss by at least this many resolutions."""


class Verdict(StrEnum):
    """What the evidence says."""

    HOLDS = "HOLDS"
    VIOLATED = "VIOLATED"
    INCONCLUSIVE = "INCONCLUSIVE"
    INAPPLICABLE = "INAPPLICABLE"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one claim, with the numbers that support it."""

    name: str
    verdict: Verdict
    tag: str
    message: str
    margin: float = float("nan")
    margin_error: float = float("nan")
    tightness: float = float("nan")
    tightness_error: float = float("nan")
    teeth: Mapping[str, float] = field(default_factory=dict)
    points: int = 0
    resolved: int = 0
    where: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    miss: float = 0.0
    """By how many max(e, res) the worst point violates (0 if it does not)."""
    constants: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Where each named constant lies: the least lower and the largest upper side of all points."""


@dataclass(frozen=True, eq=False)
class _Sides:
    """Slack, error and resolution of a claim at one choice of constants."""

    slack: Array
    error: Array
    res: Array
    rhs: Measured
    zero: Array

    @classmethod
    def of(
        cls, claim: Claim, side: Literal["theorem", "sharp"], factors: Mapping[str, float]
    ) -> "_Sides":
        rhs = claim.right(side, **factors)
        with np.errstate(invalid="ignore"):  # inf − inf is NaN, and NaN is an ERROR
            gap = rhs.value - claim.lhs.value
        slack = {"<=": gap, ">=": -gap, "=": -np.abs(gap)}[claim.sense]
        size = np.where(np.isfinite(rhs.value), np.abs(rhs.value), 0.0)
        within = tuple(k for k, axis in enumerate(claim.over) if axis not in REPETITIONS)
        res = RESOLUTION * size.max(axis=within, keepdims=True)
        zero = (np.abs(claim.lhs.value) <= claim.lhs.error) & (np.abs(rhs.value) <= rhs.error)
        whole = max(float(size.max(initial=0.0)), claim.scale)
        zero &= (claim.lhs.error + rhs.error <= RESOLUTION * whole) & (whole > 0)
        return cls(
            slack=np.asarray(slack),
            error=claim.lhs.error + rhs.error,
            res=np.broadcast_to(res, size.shape),
            rhs=rhs,
            zero=zero,
        )

    @property
    def has_nan(self) -> bool:
        return bool(np.isnan(self.slack).any() or np.isnan(self.error).any())

    @property
    def miss(self) -> Array:
        """−slack in units of max(e, res); above one is a violation. An infinite error excuses all."""
        unit = np.maximum(self.error, self.res)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where((self.slack < 0) & np.isfinite(unit), -self.slack / unit, 0.0)

    @property
    def missed(self) -> Array:
        """Where a point misses by more than its own error and 1e-8 of its own size.

        That is no equality, however small the point is beside the largest.
        """
        return np.asarray(-self.slack > np.maximum(self.error, RESOLUTION * np.abs(self.rhs.value)))

    @property
    def small(self) -> Array:
        """Where a point misses, by less than the claim's resolution."""
        return ~self.held & self.missed

    @property
    def violated(self) -> bool:
        return bool((self.miss > 1.0).any())

    @property
    def held(self) -> Array:
        """Where the claim holds by more than its (finite) error, or to the resolution."""
        equality = (self.error <= self.res) & (np.abs(self.slack) <= self.res) & ~self.missed
        clear = (self.slack >= self.error) & np.isfinite(self.error)
        return np.asarray(clear | equality | self.zero)

    @property
    def holds(self) -> bool:
        return bool(self.held.all())


def judge(claim: Claim, factors: Mapping[str, float] | None = None) -> Judgement:
    """Judge a claim; ``factors`` corrupt named constants (a control)."""
    factors = {k: v for k, v in (factors or {}).items() if k in claim.constants or k == BOUND}
    if claim.lhs.value.size == 0:
        return Judgement(claim.name, Verdict.ERROR, "", "the claim has no points")
    at = _Sides.of(claim, "theorem", factors)
    if at.has_nan:
        bad = np.argwhere(np.isnan(at.slack) | np.isnan(at.error))[0]
        return Judgement(
            claim.name,
            Verdict.ERROR,
            "",
            "not a number on one side",
            where=claim.point(tuple(bad)),
        )
    index = _worst(at)
    resolved, tightness, off = nearest(claim, at.rhs)
    verdict, message = _decide(at, resolved)
    scale = float(at.res[index]) / RESOLUTION or 1.0
    found = _teeth(claim, at) if not factors and verdict is Verdict.HOLDS else {}
    errors = {
        f"{side}: {name}": float(np.max(error))
        for side, measured in (("lhs", claim.lhs), ("rhs", at.rhs))
        for name, error in measured.errors.items()
        if np.max(error) > 0
    }
    return Judgement(
        name=claim.name,
        verdict=verdict,
        tag=_tag(claim, verdict, found, factors),
        message=message,
        margin=float(at.slack[index]) / scale,
        margin_error=float(at.error[index]) / scale,
        tightness=tightness,
        tightness_error=off,
        teeth=found,
        points=int(claim.lhs.value.size),
        resolved=resolved,
        where=claim.point(index)
        | {"lhs": float(claim.lhs.value[index]), "rhs": float(at.rhs.value[index])},
        errors=errors,
        miss=float(at.miss[index]),
        constants={
            n: (float(b.lower.min()), float(b.upper.max())) for n, b in claim.constants.items()
        },
    )


def _decide(at: _Sides, resolved: int) -> tuple[Verdict, str]:
    if at.violated:
        return Verdict.VIOLATED, f"misses by {float(at.miss.max()):.3g} x max(error, resolution)"
    if at.small.any():
        return Verdict.INCONCLUSIVE, "a small point misses, by less than the claim's resolution"
    if not at.holds:
        return Verdict.INCONCLUSIVE, "the error is too large to decide: refine, or lower it"
    if at.zero.all():
        return Verdict.HOLDS, "both sides are zero"
    if resolved == 0:
        return Verdict.INCONCLUSIVE, "no point is resolved to 1 %: the claim was not tested"
    equality = bool((np.abs(at.slack) <= at.res).all())
    return Verdict.HOLDS, "equality to the resolution" if equality else ""


def _tag(
    claim: Claim, verdict: Verdict, teeth: Mapping[str, float], factors: Mapping[str, float]
) -> str:
    if verdict is not Verdict.HOLDS or factors:
        return ""
    if not teeth:
        return "toothless"
    if claim.sense == "=":
        return "exact"
    if not claim.has_width:
        return ""  # every constant is exact: there is no sharper form to compare with
    return "sharp" if _Sides.of(claim, "sharp", {}).holds else "conservative"


def _worst(at: _Sides) -> tuple[int, ...]:
    """The point that decides the verdict.

    It is the largest miss; else the least room in resolutions among the points that keep the claim from
    holding, of small ones that miss before others; else among all. Infinite errors leave no room.
    """
    miss, open_ = at.miss, ~at.held
    if miss.max() > 1:
        return _index(int(np.argmax(miss)), at)
    pool = at.small if at.small.any() else open_ if open_.any() else ~at.zero
    with np.errstate(invalid="ignore"):  # inf − inf
        room = (at.slack - at.error) / np.where(at.res > 0, at.res, 1.0)
    room = np.where(np.isinf(at.error), -np.inf, room)
    return _index(int(np.argmin(np.where(pool, room, np.inf))), at)


def _index(flat: int, at: _Sides) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, at.slack.shape))


def _teeth(claim: Claim, at: _Sides) -> dict[str, float]:
    """For an identity the relative perturbation refuted; else the largest refuted factor < 1."""
    if claim.sense == "=":
        size = np.abs(at.rhs.value)
        with np.errstate(divide="ignore", invalid="ignore"):
            needed = (np.maximum(at.error, at.res) + np.abs(at.slack)) / size
        best = float(np.min(np.where(size > 0, needed, np.inf)))
        return {"relative": best} if best < 1 else {}
    found = {name: _refuted(claim, name) for name in (*claim.constants, BOUND)}
    return {name: factor for name, factor in found.items() if factor > 0}


def _refuted(claim: Claim, name: str) -> float:
    """The largest factor < 1 on one constant at which the claim is violated (0 if there is none)."""

    def refutes(factor: float) -> bool:
        sides = _Sides.of(claim, "theorem", {name: factor})
        return not sides.has_nan and sides.violated

    low, high = 1e-3, 1.0 - 1e-9
    if refutes(high):
        return high
    if not refutes(low):
        return 0.0
    while high - low > 1e-4 * min(high, 1.0 - low):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if refutes(middle) else (low, middle)
    return low


def judge_identity(identity: Identity, factors: Mapping[str, float] | None = None) -> Judgement:
    """Judge a symbolic identity: zero by simplification, or non-zero in exact evaluation.

    The difference, a rational function of symbols and logarithms, is brought over one denominator; it
    vanishes iff its expanded numerator is literally zero. Otherwise it is evaluated to 50 digits at a
    rational point, and only a value away from zero refutes.
    """
    import sympy as sp

    constants = {
        name: sp.nsimplify(factors[name]) * symbol if factors and name in factors else symbol
        for name, symbol in identity.constants.items()
    }
    # Rational in symbols and logarithms once logs are expanded: zero iff the numerator expands to zero.
    expression = identity.difference(**constants)
    wild = [s for s in expression.free_symbols if not s.is_positive]
    if wild or expression.has(sp.Float):
        why = f"not declared positive: {wild}" if wild else "floating-point numbers in it"
        return Judgement(identity.name, Verdict.ERROR, "", f"not an exact identity, {why}")
    # One number away from zero refutes, long before the algebra would be done.
    free = sorted(expression.free_symbols, key=str)
    point = {symbol: sp.Rational(k + 2, 2 * k + 7) for k, symbol in enumerate(free)}
    value = expression.subs(point).evalf(50)
    if value.is_number and value.is_finite and abs(value) > sp.Float("1e-30"):
        return Judgement(
            identity.name,
            Verdict.VIOLATED,
            "",
            f"difference {sp.N(value, 6)} at {point}",
            margin=-float(abs(value)),
            points=1,
            resolved=1,
            miss=float("inf"),
        )
    expanded = sp.expand_log(expression, force=True)
    difference = sp.expand(sp.fraction(sp.together(expanded))[0])
    if difference != 0:
        why = f"not simplified to zero: {difference}"
        return Judgement(identity.name, Verdict.INCONCLUSIVE, "", why)
    return Judgement(
        identity.name,
        Verdict.HOLDS,
        "exact",
        "zero by exact algebra",
        margin=0.0,
        margin_error=0.0,
        tightness=1.0,
        tightness_error=0.0,
        teeth={"relative": 0.0},
        points=1,
        resolved=1,
    )


SEVERITY = (Verdict.ERROR, Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.HOLDS)


def lead(judgements: list[Judgement]) -> Judgement:
    """The judgement that speaks for a case: the worst verdict, the largest miss, the least margin."""

    def key(j: Judgement) -> tuple[int, float, float]:
        return SEVERITY.index(j.verdict), -j.miss, j.margin if j.margin == j.margin else np.inf

    return min(judgements, key=key)


def combine(judgements: list[Judgement], hypotheses: list[Hypothesis]) -> tuple[Verdict, str]:
    """The verdict of a whole case.

    A failed hypothesis comes first (the theorem says nothing then; its claims are still told), then
    errors, undecided hypotheses, and the worst claim.
    """
    failed = [h for h in hypotheses if h.holds is False]
    if failed:
        return Verdict.INAPPLICABLE, "; ".join(f"{h.name} fails: {h.detail}" for h in failed)
    worst = lead(judgements) if judgements else None
    undecided = [h for h in hypotheses if h.holds is None]
    if undecided and not (worst and worst.verdict is Verdict.ERROR):
        return Verdict.INCONCLUSIVE, "; ".join(f"{h.name} undecided: {h.detail}" for h in undecided)
    if worst is None:
        return Verdict.ERROR, "the check yielded no claim"
    if worst.verdict is Verdict.HOLDS:
        return Verdict.HOLDS, ""
    return worst.verdict, f"{worst.name}: {worst.message}"
