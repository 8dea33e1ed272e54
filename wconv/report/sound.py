"""What a report must satisfy beyond its types: known words, signs of numbers, verdicts that follow."""

from collections.abc import Mapping
from math import isfinite, isnan
from typing import Any, Final, get_args

from wconv import _require as require
from wconv.report import format as fmt
from wconv.report.schema import SCHEMA, ClaimRecord, Report, Result
from wconv.theory.cases import Policies, Start
from wconv.theory.judge import RESOLUTION, SEVERITY, Verdict
from wconv.theory.registry import GRADES

REMEDY: Final = "no run writes that; take the file that wconv check --json wrote"

TAGS: Final = ("toothless", "conservative", "sharp", "exact")

ROUNDED: Final = 1.01
"""An equality to the resolution may miss by that and a rounding."""


def refuse_unsound(report: Report) -> None:
    """Refuse a report that no run can have written.

    Raises:
        InputError: naming the check and the field: another version, an unknown word, a negative error, a
            verdict that does not follow from hypotheses and claims, a number of a row that no claim has.

    """
    if report.version != SCHEMA:
        require.fail("schema", f"be {SCHEMA}", report.version, "run this version of wconv again")
    for result in report.results:
        _result(result, f"{result.id} on {fmt.titled(result)}")


def _result(r: Result, at: str) -> None:
    for what, word, valid in (
        ("verdict", r.verdict, list(Verdict)),
        ("grade", r.grade, sorted({*GRADES.values(), "B"})),
        ("policies", r.policies, get_args(Policies)),
        ("start", r.start, get_args(Start)),
    ):
        require.choice(f"{what} of {at}", word, valid)
    for claim in r.claims:
        _claim(claim, f"claim {claim.name!r} of {at}")
    follows = _follows(r)
    _must(
        r.verdict == follows,
        f"verdict of {at}",
        f"follow from hypotheses and claims ({follows})",
        r.verdict,
    )
    _numbers(r, at)
    _must(isfinite(r.seconds) and r.seconds >= 0, f"seconds of {at}", "be at least 0", r.seconds)
    total = sum(claim.points for claim in r.claims)
    _must(r.points == total, f"points of {at}", f"be the {total} of its claims", r.points)
    margins = [claim.margin for claim in r.claims] or [float("nan")]
    known = any(_same(r.margin, margin) for margin in margins)
    _must(known, f"margin of {at}", "be that of one of its claims", r.margin)
    _expectation(r, at)


def _follows(r: Result) -> str:
    """The verdict of a whole result, as ``wconv.theory.judge.combine`` has it."""
    premises = {h.holds for h in r.hypotheses}
    found = {claim.verdict for claim in r.claims}
    if False in premises:
        return Verdict.INAPPLICABLE
    if None in premises and Verdict.ERROR not in found:
        return Verdict.INCONCLUSIVE
    return next((verdict for verdict in SEVERITY if verdict in found), Verdict.ERROR)


def _expectation(r: Result, at: str) -> None:
    """What was expected, and that nothing else is as expected."""
    if r.role == "control":
        _must(bool(r.name), f"name of a control of {r.id}", "be given", repr(r.name))
        violated = r.expected == Verdict.VIOLATED
        _must(violated, f"expected verdict of {at}", "be VIOLATED", repr(r.expected))
    elif r.expected is not None:
        require.choice(f"expected verdict of {at}", r.expected, list(Verdict))
    # Of a user's own problem that a theorem does not fit nothing is expected, and that is an answer.
    wanted = (r.expected,) if r.expected else (Verdict.HOLDS, Verdict.INAPPLICABLE)
    fits = not r.as_expected or r.verdict in wanted
    _must(fits, f"as_expected of {at}", f"be false for {r.verdict}", r.as_expected)


def _claim(claim: ClaimRecord, at: str) -> None:
    require.choice(f"verdict of {at}", claim.verdict, SEVERITY)
    _numbers(claim, at)
    points = 0 <= claim.resolved <= claim.points
    told = f"{claim.resolved} of {claim.points}"
    _must(points, f"points resolved of {at}", "be some of its points", told)
    for name, (low, high) in claim.constants.items():
        _must(not low > high, f"{name} of {at}", "have lower <= upper", f"[{low}, {high}]")


def _numbers(record: Result | ClaimRecord, at: str) -> None:
    """Errors, margin, teeth, tag and worst point of a row or of a claim."""
    if record.tag:
        require.choice(f"tag of {at}", record.tag, TAGS)
    for name in ("margin_error", "tightness_error"):
        error = getattr(record, name)
        _must(not error < 0, f"{name} of {at}", "be at least 0, or NaN where unknown", error)
    _each(record.errors, f"error of {at}", "be at least 0", float("inf"))
    _each(record.teeth, f"teeth of {at}", "lie in [0, 1]", 1.0)
    margin, error = record.margin, record.margin_error
    slips = ROUNDED * RESOLUTION if isnan(error) else max(error, ROUNDED * RESOLUTION)
    if record.verdict == Verdict.HOLDS:
        _must(margin >= -slips, f"margin of {at}", "be at least minus its error (HOLDS)", margin)
    if record.verdict == Verdict.VIOLATED:
        _must(margin < 0, f"margin of {at}", "be negative (VIOLATED)", margin)
    for side in ("lhs", "rhs"):
        value = record.where.get(side, 0.0)
        _must(_is_number(value), f"{side} of {at}", "be a number", value)


def _each(found: Mapping[str, float], symbol: str, requirement: str, most: float) -> None:
    for name, value in found.items():
        _must(0 <= value <= most, f"{name}, {symbol},", requirement, value)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _same(a: float, b: float) -> bool:
    return a == b or (isnan(a) and isnan(b))


def _must(fulfilled: bool, symbol: str, requirement: str, value: object) -> None:
    if not fulfilled:
        require.fail(symbol, requirement, value, REMEDY)


def first_of(error: ValueError) -> str:
    """The first thing that pydantic found wrong with a file, with its place."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error).splitlines()[0]
    found = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    return f"{place}: {found['msg']}" if place else found["msg"]
