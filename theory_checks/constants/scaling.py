"""scaling  Constants scale like squared lengths: C(λX) = λ² C(X).

Setting.     Optimal policies p in every state, and their image under a ↦ λa.
Hypotheses.  (H1) The actions form a continuum.
Claim.       C_P(λX) = λ² C_P(X) and, where it is finite, C_LS(λX) = λ² C_LS(X): so do both sides of their
             brackets, however wide.
Tight for.   Identities.
Reference.   docs/theory.md, section 3 (substitution in the inequalities).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import wconv as wc
from theory_checks.constants import known_finite, on_a_continuum
from wconv.theory import Item, case, check, control, equal
from wconv.theory.bounds import constants as bounds

SCALE: Final = 2.5

WELLS = case("double-well", temperature=0.3, discount=0.0)
CASES = [
    WELLS,
    case("tilted-double-well", temperature=0.3, discount=0.0),
    case("quadratic-bandit", temperature=2.0, tier="all"),
]
CONTROLS = [
    control("stretched a hundredth too far", on=WELLS, constants={"stretch": 1.01}),
    control("right side a millionth off", on=WELLS, constants={"bound": 1.000001}),
]


def stretched(grid: "wc.Grid") -> "wc.Grid":
    """The grid of the space λX with the same number of nodes."""
    space = grid.space
    if isinstance(space, wc.Interval):
        return wc.Interval(SCALE * space.low, SCALE * space.high).grid(grid.n)
    if isinstance(space, wc.Torus):
        return replace(space, length=SCALE * space.length).grid(grid.shape[0])
    if isinstance(space, wc.GaussianLine | wc.TailedLine):
        return replace(space, scale=SCALE * space.scale).grid(grid.n)
    assert isinstance(space, wc.Box)
    low, high = (tuple(SCALE * x for x in end) for end in (space.low, space.high))
    return wc.Box(low, high).grid(grid.shape[0])


@check("scaling", cases=CASES, controls=CONTROLS, actions="continuum")
def scaling(run: "wc.Run") -> Iterator[Item]:
    """The constants of stretched policies against those of the policies."""
    yield (continuum := on_a_continuum(run))
    if not continuum.holds:
        return
    policy = run.solution.policy
    found = run.inequalities(policy)
    image = wc.inequalities(wc.Policy(policy.logf, stretched(policy.grid)))
    for name, of, of_image in (
        ("C_P", found.poincare, image.poincare),
        ("C_LS", found.log_sobolev, image.log_sobolev),
    ):
        if not known_finite(of, of_image):
            continue
        for side in ("lower", "upper"):
            yield equal(
                f"{name}(k X) = k^2 {name}(X), {side} sides",
                getattr(of_image, side),
                bounds.scaled.given(constant=getattr(of, side)),
                over="state",
                stretch=SCALE,
            )
