"""wpg-exp  The flow converges exponentially in sup norm.

Setting.     The flow on a continuum of actions; E_t = max(V* − V_t), C(u) the largest log-Sobolev constant of
             p_u in any state; R_max = sup|r|, K_0 = sup_s KL(π_0‖μ), V_max = (R_max+τK_0)/(1−γ).
Hypotheses.  (H1) The actions form a continuum.  (H2) C is finite on every interval of time.
             (H3) r is bounded (as in wpg-bounds), and K_0 is finite.
Claim.       E_t ≤ exp(−2τ(1−γ)∫_0^t du/C(u)) E_0, and with C_LS(μ)exp(2(R_max+γV_max)/τ) in place of C(u).
Tight for.   A translated Gaussian at discount 0.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Theorem 3.7.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from theory_checks.wpg import COLD, HEAVY, LINE, RING, TRANSLATE, WELL, flow, gaps
from theory_checks.wpg.wpg_bounds import bounded, start_divergence
from theory_checks.wpg.wpg_uniform_lsi import of_reference, reward_supremum
from wconv.theory import Item, at_most, case, check, control, finite
from wconv.theory.bounds import wpg_flow as bounds

NEARLY = replace(TRANSLATE, tight=0.9)
CASES = [
    NEARLY,
    case("gaussian-line", tier="all", discount=0.0, amplitude=0.02, start="pushed", tight=0.95),
    WELL,
    RING,
    LINE,
    COLD,
    HEAVY,
    case("box-2d", tier="all", resolution=32),
    case("quadratic-line", tier="all", expect="INAPPLICABLE", fails="H3"),
]
CONTROLS = [
    control("constant too small", on=NEARLY, constants={"C_LS": 0.9}),
    control("flow at a lower temperature", on=NEARLY, dynamics={"temperature": 0.8}),
]


@check("wpg-exp", cases=CASES, controls=CONTROLS, kind="continuum", actions="continuum")
def wpg_exp(run: "wc.Run") -> Iterator[Item]:
    """The largest gap at the end of every interval against both exponentials."""
    yield (continuum := on_a_continuum(run))
    yield bounded(run, "H3")
    if not continuum.holds:
        yield finite("H2", C_LS=np.nan)
        return
    mdp, path = run.mdp, flow(run)
    C_LS = run.gibbs_constants(path).worst_over
    yield finite("H2", C_LS=C_LS)
    gap = gaps(run, path).sup()
    yield at_most(
        "E_t <= exp(-2 tau (1-gamma) int du/C) E_0",
        gap[1:],
        bounds.decayed.given(initial=gap[0], durations=np.diff(path.times)),
        over="time",
        C_LS=C_LS,
        gamma=mdp.gamma,
        tau=mdp.tau,
    )
    yield at_most(
        "E_t <= exp(-2 tau (1-gamma) t / C) E_0, C a priori",
        gap[1:],
        bounds.decayed_uniformly.given(initial=gap[0], times=path.times[1:]),
        over="time",
        R_max=reward_supremum(mdp),
        K_0=start_divergence(run),
        C_mu=of_reference(mdp),
        gamma=mdp.gamma,
        tau=mdp.tau,
    )
