"""tensorisation  The constants of a product law are the largest of its factors'.

Setting.     Optimal policies with independent coordinates on a box, in every state.
Hypotheses.  (H1) The policy is a product of laws of its two coordinates.
Claim.       C_P = max(C_P¹, C_P²) and C_LS = max(C_LS¹, C_LS²): what a two-dimensional solver finds
             from below is at most the larger sharp constant of the factors, for C_P from above at least.
Tight for.   Equality.
Reference.   docs/theory.md, section 3 (subadditivity of variance and entropy).
"""

from collections.abc import Iterator

import wconv as wc
from wconv.constants.plane import plane_of_policy
from wconv.constants.plane_log_sobolev import log_sobolev_plane
from wconv.constants.poincare_plane import poincare_plane
from wconv.constants.product import factors
from wconv.theory import Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import constants as bounds

PRODUCT = case("product-2d", tight=0.99)
CASES = [
    PRODUCT,
    case("product-2d", temperature=0.3, tight=0.99),
    case("box-2d", expect="INAPPLICABLE", fails="H1", tier="all"),
]
CONTROLS = [
    control("constants a hundredth too small", on=PRODUCT, constants={"C": 0.99}),
    control("constants a hundredth too large", on=PRODUCT, constants={"C": 1.01}),
]


@check("tensorisation", cases=CASES, controls=CONTROLS, actions="plane")
def tensorisation(run: "wc.Run") -> Iterator[Item]:
    """A two-dimensional solver that does not know of products against the factors' constants."""
    policy = run.solution.policy
    planar = policy.grid.dim == 2 and not policy.grid.is_finite_set
    plane = plane_of_policy(policy) if planar else None
    split = plane is not None and factors(plane) is not None
    yield condition("H1", split, f"{policy.grid.dim} dimensions, product: {split}")
    if plane is None or not split:
        return
    by_factors = run.inequalities(policy)
    in_the_plane = poincare_plane(plane)
    entropic = log_sobolev_plane(plane, in_the_plane)
    for name, sense, side, product in (
        ("C_P from below <= max", at_most, in_the_plane.lower, by_factors.poincare),
        ("C_P from above >= max", at_least, in_the_plane.upper, by_factors.poincare),
        ("C_LS from below <= max", at_most, entropic.lower, by_factors.log_sobolev),
    ):
        yield sense(name, wc.Measured.of(side), bounds.constant.given(), over="state", C=product)
