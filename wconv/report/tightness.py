"""How well a tightness is known: the error of measured/proved, from what a record says of both sides."""

from math import isfinite
from typing import Final

from wconv.report.schema import ClaimRecord, Result
from wconv.theory.judge import RESOLVED, SAMPLED

SAME: Final = 1e-9
"""The ratio at the worst point is the tightness when they differ by less than this, relatively."""


def tightness_error(claim: ClaimRecord) -> float:
    """A bound on the error of a claim's tightness; NaN where there is none.

    Where the tightness t = a/b is attained at the worst point, with margin m and margin error e, the errors
    of both sides add up to e·|a − b|/|m|, and to first order t is off by at most that times
    max(1, |t|)/|b|. Elsewhere the record knows no more than what the judge demands of the points that
    enter: both sides to 1 %, or to 10 % where they are sampled.
    """
    t, left, right = claim.tightness, *(float(claim.where.get(k, "nan")) for k in ("lhs", "rhs"))
    if not isfinite(t):
        return float("nan")
    if t == 0 or not claim.where:  # no point with a positive side, or exact algebra
        return 0.0
    for a, b in ((left, right), (right, left)):
        if b and abs(a / b - t) <= SAME * abs(t):
            return _both_errors(claim, abs(a - b)) * max(1.0, abs(t)) / abs(b)
    sampled = any("sampling" in name for name in claim.errors)
    return 2 * (SAMPLED if sampled else RESOLVED) * abs(t)


def _both_errors(claim: ClaimRecord, apart: float) -> float:
    """The errors of both sides at the worst point; where these are equal, the largest of any point."""
    if claim.margin and apart and isfinite(claim.margin * claim.margin_error):
        return claim.margin_error * apart / abs(claim.margin)
    return sum(claim.errors.values())


def loosest(result: Result) -> ClaimRecord | None:
    """The claim whose tightness stands for the whole result."""
    same = [claim for claim in result.claims if claim.tightness == result.tightness]
    return same[0] if same else None
