"""How near the two sides of a claim come: the ratio where they are nearest, with its error."""

from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.measured import Measured
from wconv.theory.claims import Claim

RESOLVED: Final = 0.01
SAMPLED: Final = 0.1
"""A point counts for tightness when both sides are known to this relative error.

The second is for errors of which all but one per cent are sampling errors, with their confidence.
"""


def nearest(claim: Claim, rhs: Measured) -> tuple[int, float, float]:
    """(points that are resolved, the largest small/large ratio over them, its error).

    Of an identity the smallest ratio of its two sides. A ratio t = a/b is off by at most
    (e_a + |t|e_b)/(b − e_b); the largest of several lies between the largest of the lower ends and the
    largest of the upper ones.
    """
    lhs = claim.lhs
    good = _resolved(lhs) & _resolved(rhs, as_sampled="sampling" in lhs.errors)
    good &= (lhs.value != 0) & (rhs.value != 0) & np.isfinite(lhs.value) & np.isfinite(rhs.value)
    if not good.any():
        return 0, float("nan"), float("nan")
    count = int(good.sum())
    (a, e_a), (b, e_b) = ((side.value, side.error) for side in (lhs, rhs))
    if claim.sense == ">=":
        (a, e_a), (b, e_b) = (b, e_b), (a, e_a)
    if claim.sense == "=":
        swap = np.abs(a) > np.abs(b)
        a, b = (np.abs(np.where(swap, x, y)) for x, y in ((b, a), (a, b)))
        e_a, e_b = np.where(swap, e_b, e_a), np.where(swap, e_a, e_b)
    else:
        good &= b > 0
        if not good.any():
            return count, 0.0, 0.0
    a, e_a, b, e_b = a[good], e_a[good], b[good], e_b[good]
    ratio = a / b
    off = (e_a + np.abs(ratio) * e_b) / np.maximum(b - e_b, np.finfo(float).tiny)
    pick = np.min if claim.sense == "=" else np.max
    best = float(pick(ratio))
    ends = float(pick(ratio - off)), float(pick(ratio + off))
    return count, best, max(best - ends[0], ends[1] - best)


def _resolved(side: Measured, *, as_sampled: bool = False) -> Array:
    """Where a side is known to 1 %, or to 10 % when most of its error is of sampling."""
    size = np.abs(side.value)
    if as_sampled:  # the data of a bound do not keep the names of their errors
        return np.asarray(side.error <= SAMPLED * size)
    other = side.error - side.errors.get("sampling", 0.0)
    return np.asarray(
        (other <= RESOLVED * size)
        & (side.error <= (SAMPLED if "sampling" in side.errors else RESOLVED) * size)
    )
