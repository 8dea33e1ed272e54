"""bakry-emery  Strong convexity of −log p bounds the log-Sobolev constant by its inverse.

Setting.     Optimal policies p on a convex set of actions, in every state.
Hypotheses.  (H1) The actions form a continuum with a convex set.  (H2) −log p is m-strongly convex, m > 0.
Claim.       C_P ≤ 1/m and C_LS ≤ 1/m.
Tight for.   Gaussians on the line.
Reference.   docs/theory.md, section 3; Bakry, Émery (Sém. Prob. XIX, 1985).
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from wconv.theory import Item, at_most, case, check, condition, control
from wconv.theory.bounds import constants as bounds

GAUSSIAN = case("gaussian-line", amplitude=0.0, tight=0.999999)
CASES = [
    GAUSSIAN,
    case("quadratic-bandit"),
    case("quadratic-bandit", temperature=0.05, tier="all", tight=0.99),
    case("gaussian-line", temperature=2.0, tier="all"),
    case("double-well", expect="INAPPLICABLE", fails="H2"),
]
CONTROLS = [
    control("convexity overstated by a percent", on=GAUSSIAN, constants={"m": 1.01}),
    control("policies of a hotter problem", on=CASES[1], dynamics={"temperature": 3.0}),
]


@check("bakry-emery", cases=CASES, controls=CONTROLS, actions="line")
def bakry_emery(run: "wc.Run") -> Iterator[Item]:
    """The least curvature of −log p against the constants of p."""
    continuum = on_a_continuum(run)
    convex = bool(continuum.holds) and not run.mdp.grid.periodic
    yield condition("H1", convex, continuum.detail + (", a torus" if run.mdp.grid.periodic else ""))
    if not convex:
        yield condition("H2", True, "not measured")
        return
    curvature = wc.convexity(run.true.solution.policy)
    worst = float(np.min(curvature.lower))
    yield condition("H2", worst > 0, f"m = {worst:.6g}")
    found = run.inequalities(run.solution.policy)
    m = wc.Bracket(curvature.lower, curvature.upper, "curvature", "curvature")
    for name, of in (("C_P", found.poincare), ("C_LS", found.log_sobolev)):
        yield at_most(
            f"{name} <= 1/m",
            wc.Measured.of(of.lower),
            bounds.bakry_emery.given(),
            over="state",
            m=m,
        )
