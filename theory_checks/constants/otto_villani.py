"""otto-villani  A log-Sobolev inequality implies Talagrand's transport inequality.

Setting.     Pairs (ν, p) of smooth policies of a problem, in every state.
Hypotheses.  (H1) The actions form a continuum.  (H2) C_LS(p) is finite.
Claim.       KL(ν‖p) ≤ (C_LS/2) I(ν‖p);  W_2²(ν, p) ≤ 2 C_LS KL(ν‖p);  W_2(ν, p)² ≤ C_LS² I(ν‖p).
Tight for.   Translates of a Gaussian: equality in all three.
Reference.   docs/theory.md, section 3; Otto, Villani (J. Funct. Anal. 173, 2000), Theorem 1.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.constants import on_a_continuum
from wconv.theory import Item, at_most, case, check, control, finite
from wconv.theory.bounds import constants as bounds

GAUSSIAN = case("gaussian-line", amplitude=0.0, policies="smooth", tight=0.9999999)
CASES = [
    GAUSSIAN,
    case("double-well", temperature=0.3, policies="smooth"),
    case("tilted-double-well", temperature=0.2, policies="smooth", tier="all"),
    case("ring", policies="smooth"),
    case("heavy", policies="smooth", tier="all"),
]
CONTROLS = [
    control("C_LS a hundredth too small", on=GAUSSIAN, constants={"C_LS": 0.99}),
    control("the bounds as a whole", on=GAUSSIAN, constants={"bound": 0.99}),
]


@check("otto-villani", cases=CASES, controls=CONTROLS, kind="continuum", actions="continuum")
def otto_villani(run: "wc.Run") -> Iterator[Item]:
    """Divergence, information and distance of every pair against each other."""
    yield (continuum := on_a_continuum(run))
    if not continuum.holds:
        yield finite("H2", C_LS=float("nan"))
        return
    c_ls = wc.Bracket.stack([run.inequalities(p).log_sobolev for _, _, p in run.pairs])
    yield finite("H2", C_LS=c_ls)
    divergence = run.each_pair(wc.kl)
    information = run.each_pair(wc.fisher_continuum)
    distance = run.each_pair(wc.w2_squared)
    yield at_most(
        "KL <= C/2 I",
        divergence,
        bounds.log_sobolev_inequality.given(information=information),
        over="pair state",
        C_LS=c_ls,
    )
    yield at_most(
        "W2^2 <= 2C KL",
        distance,
        bounds.talagrand_inequality.given(divergence=divergence),
        over="pair state",
        C_LS=c_ls,
    )
    yield at_most(
        "W2^2 <= C^2 I",
        distance,
        bounds.transport_information.given(information=information),
        over="pair state",
        C_LS=c_ls,
    )
