"""w2-support  A Kantorovich potential supports the squared distance from below.

Setting.     Laws μ_0, μ_1, ν on a finite set; φ a potential of (μ_0, ν) for the cost
             ½|x−y|², by a network simplex.
Hypotheses.  (H1) The potential is known at all points of the laws.
Claim.       W²(μ_1, ν) ≥ W²(μ_0, ν) + 2∫φ d(μ_1 − μ_0); with the cost |x−y|²/(2η) of a proximal step both
             squares and the integral scale alike.
Tight for.   μ_1 near μ_0.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Lemma 14.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from wconv.theory import Item, at_least, case, check, condition, control
from wconv.theory.bounds import wppg as bounds

SHARE = 0.01
"""Of another policy, in μ_1 near μ_0."""

NEAR = case("garnet", tight=0.9)
CASES = [
    NEAR,
    case("frozen-lake"),
    case("double-well", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("the integral once, not twice", on=NEAR, constants={"twice": 0.5}),
    control("a potential a tenth too steep", on=NEAR, constants={"twice": 1.1}),
]


def integral(phi: "wc.Measured", new: "wc.Policy", old: "wc.Policy") -> "wc.Measured":
    """∫φ d(μ_1 − μ_0) in every state."""
    change: wc.Measured = phi * (new.pi - old.pi)
    return change.total()


@check("w2-support", cases=CASES, controls=CONTROLS)
def w2_support(run: "wc.Run") -> Iterator[Item]:
    """Triples of policies, and the same with μ_1 near μ_0 on either side."""
    grid = run.mdp.grid
    nodes = grid.is_finite_set
    yield condition("H1", nodes, "a finite set" if nodes else "the laws are constant on cells")
    if not nodes:
        return
    names = list(run.policies)
    triples = [
        tuple(run.policies[names[(k + shift) % len(names)]] for shift in range(3))
        for k in range(len(names))
    ]
    far, here, product = [], [], []
    for old, new, nu in triples:
        phi, distance = wc.potential(old, nu), wc.step_distance(old, nu)
        for share in (1.0, SHARE, -SHARE):
            masses = (1 - share) * old.pi + share * new.pi
            if (masses < 0).any():
                continue
            moved = wc.from_masses(masses, grid)
            far.append(wc.step_distance(moved, nu))
            here.append(distance)
            product.append(integral(phi, moved, old))
    yield at_least(
        "W^2(mu_1, nu) >= W^2(mu_0, nu) + 2 int phi d(mu_1 - mu_0)",
        wc.stack(far),
        bounds.supported.given(distance=wc.stack(here), pairing=wc.stack(product)),
        over="triple state",
        twice=np.float64(2.0),
    )
