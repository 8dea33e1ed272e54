"""base-constants  The constants of uniform laws: interval, cube, circle, disc.

Setting.     Uniform laws on an interval of length L, the square of side L, a circle of length L and a
             disc of radius R: the reference measures of bounded action sets. Run with L = 2.5, R = 1.5.
Hypotheses.  None.
Claim.       Interval and square: C_P = C_LS = (L/π)². Circle: C_P = C_LS = (L/2π)².
             Disc: C_P = R²/p², J_1'(p) = 0, and what a witness attains for C_LS is at most R²/3.
Tight for.   Equalities, but for the disc's C_LS.
Reference.   docs/theory.md, section 3; Wasserstein proximal policy gradient, Theorem 3.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

import wconv as wc
from wconv.theory import NO_PROBLEM, Item, at_least, at_most, case, check, control, equal
from wconv.theory.bounds import constants as bounds

LENGTH: Final = 2.5
RADIUS: Final = 1.5

ALL = case(NO_PROBLEM)
CASES = [ALL]
CONTROLS = [
    control("side a millionth too long", on=ALL, constants={"length": 1.000001}),
    control("a disc a hundredth too small", on=ALL, constants={"radius": 0.99}),
]


def flat(a: Any) -> Any:
    """The log-density zero of a point or of points in the plane."""
    return np.zeros(np.shape(a) if np.ndim(a) == 1 else np.shape(a)[:-1])


@check("base-constants", cases=CASES, controls=CONTROLS)
def base_constants(_: None) -> Iterator[Item]:
    """Measured constants of uniform laws against their closed forms."""
    interval = wc.inequalities(flat, on=wc.Interval(0.0, LENGTH))
    square = wc.inequalities(flat, on=wc.Box((0.0, 0.0), (LENGTH, LENGTH)))
    circle = wc.inequalities(flat, on=wc.Torus(LENGTH))
    for where, found, bound in (
        ("interval", interval, bounds.interval),
        ("square", square, bounds.interval),
        ("circle", circle, bounds.circle),
    ):
        for name, of in (("C_P", found.poincare), ("C_LS", found.log_sobolev)):
            yield equal(f"{name} of the {where}", of.measured, bound.given(), length=LENGTH)
    disc = wc.inequalities(flat, on=wc.Disc(RADIUS))
    below = wc.Measured.of(disc.poincare.lower)
    above = wc.Measured.of(disc.poincare.upper)
    yield at_most("from below C_P of the disc", below, bounds.disc_poincare.given(), radius=RADIUS)
    yield at_least("from above C_P of the disc", above, bounds.disc_poincare.given(), radius=RADIUS)
    witness = wc.Measured.of(disc.log_sobolev.lower)
    yield at_most("C_LS of the disc", witness, bounds.ball.given(dim=2), radius=RADIUS)
