"""wpg-lsi-by-gap  What is still to gain bounds how much log-Sobolev constants can change along the flow.

Setting.     The flow on a continuum of actions; E_t = max(V* − V_t), p_t ∝ exp(q_t/τ)μ, p* = π*.
Hypotheses.  (H1) The actions form a continuum.  (H2) C_LS(p_0) and C_LS(p*) are finite.
Claim.       |log C_LS(p_t) − log C_LS(p_0)| ≤ γ max(V_t−V_0)/τ ≤ γE_0/τ in every state, and
             |log C_LS(p_t) − log C_LS(p*)| ≤ γE_t/τ: 0 ≤ V_t−V_0 ≤ E_0, 0 ≤ V*−V_t ≤ E_t, and P averages.
Tight for.   Cold problems in which a well leads to what is being learnt (rising-barrier): the exponent there
             is γE_0/τ, up to the prefactor of Eyring and Kramers.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Lemma 4.10; Holley, Stroock
             (1987).
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from theory_checks.wpg import flow, gaps
from wconv.theory import Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import bellman
from wconv.theory.bounds import wpg_flow as bounds

RISING = case("rising-barrier", tight=0.3)
CASES = [
    RISING,
    case("rising-barrier", temperature=0.5, discount=0.8, tight=0.3),
    case("rising-barrier", tier="all", temperature=0.1, tight=0.5),
    case("garnet", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("temperature overstated", on=RISING, constants={"tau": 8.0}),
    control("discount understated", on=RISING, constants={"gamma": 0.15}),
]


@check("wpg-lsi-by-gap", cases=CASES, controls=CONTROLS, kind="continuum", actions="continuum")
def wpg_lsi_by_gap(run: "wc.Run") -> Iterator[Item]:
    """Constants along the flow against those at its start and at the optimum."""
    yield (continuum := on_a_continuum(run))
    if not continuum.holds:
        yield condition("H2", True, "not measured")
        return
    mdp, path = run.mdp, flow(run)
    C = run.gibbs_constants(path).at
    best = run.inequalities(run.solution.policy).log_sobolev
    yield finite("H2", C_LS=C.upper[0], C_best=best.upper)
    logs, end = (wc.Bracket(np.log(x.lower), np.log(x.upper)).measured for x in (C, best))
    W = gaps(run, path)
    rise = (path.measured - path.measured[0]).sup()
    E = W.sup()
    for name, change, most in (
        ("|log C_LS(p_t) / C_LS(p_0)| <= gamma max(V_t - V_0) / tau", abs(logs - logs[0]), rise),
        ("|log C_LS(p_t) / C_LS(p*)| <= gamma E_t / tau", abs(logs - end), E),
    ):
        yield at_most(
            name,
            change[1:],
            bounds.log_by_gap.given(gap=most[1:, None]),
            over="time state",
            gamma=mdp.gamma,
            tau=mdp.tau,
        )
    yield at_most("max(V_t - V_0) <= E_0", rise[1:], bellman.itself.given(value=E[0]), over="time")
