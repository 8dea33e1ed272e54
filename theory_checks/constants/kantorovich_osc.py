"""kantorovich-osc  A Kantorovich potential oscillates by at most half the squared diameter.

Setting.     Pairs of policies on a bounded set of diameter D; φ a potential of the optimal transport
             between them for the cost |x − y|²/2.
Hypotheses.  (H1) The actions form a bounded interval.
Claim.       osc φ ≤ D²/2 (hence ≤ D², as the paper states).
Tight for.   Mass concentrated at opposite ends.
Reference.   docs/theory.md, section 3; Wasserstein proximal policy gradient, Lemma 10.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from wconv.theory import Item, at_most, case, check, condition, control
from wconv.theory.bounds import constants as bounds

WELLS = case("double-well", tight=0.3)
CASES = [
    WELLS,
    case("heavy"),
    case("quadratic-bandit", tier="all"),
    case("tilted-double-well", temperature=0.1, tier="all"),
    case("gaussian-line", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("diameter a twentieth too small", on=WELLS, constants={"diameter": 0.95}),
    control("a quarter instead of a half", on=WELLS, constants={"bound": 0.5}),
]


def concentrated(mdp: "wc.MDP", node: int) -> "wc.Policy":
    """All mass in the cell of one node, in every state."""
    masses = np.zeros_like(mdp.r)
    masses[:, node] = 1.0
    return wc.from_masses(masses, mdp.grid)


@check("kantorovich-osc", cases=CASES, controls=CONTROLS, actions="line")
def kantorovich_osc(run: "wc.Run") -> Iterator[Item]:
    """Potentials of every pair, and of two opposite corners."""
    space = run.mdp.grid.space
    yield condition(
        "H1", isinstance(space, wc.Interval), f"the actions are of type {type(space).__name__}"
    )
    if not isinstance(space, wc.Interval):
        return
    diameter = space.high - space.low
    yield at_most(
        "osc phi <= D^2/2",
        run.each_pair(wc.potential_oscillation),
        bounds.half_diameter.given(),
        over="pair state",
        diameter=diameter,
    )
    ends = [concentrated(run.mdp, node) for node in (0, -1)]
    yield at_most(
        "attained from end to end",
        wc.potential_oscillation(*ends),
        bounds.half_diameter.given(),
        over="state",
        diameter=diameter,
    )
