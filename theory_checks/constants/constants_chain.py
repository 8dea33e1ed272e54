"""constants-chain  C_P ≤ C_T ≤ C_LS.

Setting.     The law of the action in every state, under smooth policies of a problem (C_T: the optimal).
Hypotheses.  (H1) The actions form a continuum.  (H2) C_LS is finite.
Claim.       C_P ≤ C_LS; what any witness attains in W_2² ≤ 2C·KL is at most C_LS; C_P ≤ C_T.
Tight for.   Gaussians: all three are the variance. Mirror symmetric wells: C_P = C_LS.
Reference.   docs/theory.md, section 3; Otto, Villani (J. Funct. Anal. 173, 2000), Theorems 1 and 2'.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.constants import of_each_policy, on_a_continuum
from wconv.theory import Item, at_most, case, check, control, finite
from wconv.theory.bounds import constants as bounds

GAUSSIAN = case("gaussian-line", amplitude=0.0, policies="smooth", tight=0.999)
WELLS = case("double-well", temperature=0.3, discount=0.0, policies="smooth", tight=0.99)
CASES = [
    GAUSSIAN,
    WELLS,
    case("tilted-double-well", temperature=0.2, policies="smooth"),
    case("heavy", tier="all", policies="smooth"),
    case("ring", policies="smooth"),
    case("box-2d", tier="all", resolution=32, policies="smooth"),
]
CONTROLS = [
    control("C_LS a tenth too small", on=WELLS, constants={"C_LS": 0.9}),
    control("C_T below C_P", on=GAUSSIAN, constants={"C_T": 0.9}),
]


@check("constants-chain", cases=CASES, controls=CONTROLS, actions="continuum")
def constants_chain(run: "wc.Run") -> Iterator[Item]:
    """The three constants of every policy against each other, state by state."""
    yield (continuum := on_a_continuum(run))
    if not continuum.holds:
        yield finite("H2", C_LS=float("nan"))
        return
    poincare = of_each_policy(run, lambda found: found.poincare)
    log_sobolev = of_each_policy(run, lambda found: found.log_sobolev)
    optimal = run.inequalities(run.solution.policy)
    attained = wc.Measured.of(optimal.talagrand.lower)
    yield finite("H2", C_LS=log_sobolev)
    yield at_most(
        "C_P <= C_LS",
        poincare.measured,
        bounds.log_sobolev.given(),
        over="policy state",
        C_LS=log_sobolev,
    )
    yield at_most(
        "W2^2/2KL <= C_LS",
        attained,
        bounds.log_sobolev.given(),
        over="state",
        C_LS=optimal.log_sobolev,
    )
    yield at_most(
        "C_P <= C_T",
        optimal.poincare.measured,
        bounds.talagrand.given(),
        over="state",
        C_T=optimal.talagrand,
    )
