"""wpg-exp  The flow converges exponentially in sup norm.

Setting.     The flow on a continuum of actions; E_t = max(V* − V_t), C(u) the largest log-Sobolev constant of
             p_u in any state; R_max = sup|r|, K_0 = sup_s KL(π_0‖μ), V_max = (R_max+τK_0)/(1−γ).
Hypotheses.  (H1) The actions form a continuum.  (H2) C is finite on every interval of time.
             (H3) K_0 is finite.
Claim.       E_t/E_0 ≤ exp(−2τ(1−γ)∫_0^t du/C(u)); where r is bounded (as in wpg-bounds), also with
             C_LS(μ)exp(2(R_max+γV_max)/τ) in place of C(u). The flow is followed at its own speed: from its
             first sample to the second J rises by ∫(dJ/dt)dt to two per mille.
Tight for.   A translated Gaussian at discount 0. With discount where the optimal policy stays and the present
             one leaves; a priori neither 1−γ nor K_0 is visible anywhere (docs/theory.md).
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Theorem 3.7.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from theory_checks.wpg import (
    COLD,
    HEAVY,
    LEAVING,
    LINE,
    RING,
    TRANSLATE,
    WELL,
    duration,
    flow,
    gaps,
    of_reference,
)
from theory_checks.wpg.wpg_bounds import bounded, start_divergence
from theory_checks.wpg.wpg_uniform_lsi import reward_supremum
from wconv.theory import Item, at_least, at_most, case, check, control, finite
from wconv.theory.bounds import wpg_flow as bounds

NEARLY = replace(TRANSLATE, tight=0.9)
NEAR = 2e-3
"""By how much, relatively, the rise of J may differ from the integral of its derivative."""

CASES = [
    NEARLY,
    case("gaussian-line", tier="all", discount=0.0, amplitude=0.02, start="pushed", tight=0.95),
    WELL,
    LEAVING,
    RING,
    LINE,
    COLD,
    HEAVY,
    case("box-2d", tier="all", resolution=32),
]
CONTROLS = [
    control("constant too small", on=NEARLY, constants={"C_LS": 0.9}),
    control("flow at a lower temperature", on=NEARLY, dynamics={"temperature": 0.8}),
    control("discount a fifth too small", on=LEAVING, constants={"gamma": 0.8}),
    control("flow two per cent too fast", on=NEARLY, dynamics={"temperature": 1.02}),
]


def speed(run: "wc.Run") -> "wc.Measured":
    """(J_T − J_0)/∫(dJ/dt)dt of the true problem along the flow, started at its first sample: a number.

    There V̇ has become smooth: from a policy with a flux at a wall it starts like t^{-1/2}.
    """
    between = duration(run.mdp) / 8
    path = run.measured.path(wc.WPGFlow(tol=1e-6), flow(run).policies[1], until=between, samples=8)
    rise = run.true.values(path)
    rise = rise[-1] - rise[0]
    rho = run.mdp.rho
    return (rise * rho).total() / ((rise - wc.energy_defect(path, run.mdp)) * rho).total()


@check("wpg-exp", cases=CASES, controls=CONTROLS, kind="continuum", actions="continuum")
def wpg_exp(run: "wc.Run") -> Iterator[Item]:
    """The largest gap at the end of every interval against both exponentials."""
    yield (continuum := on_a_continuum(run))
    K_0 = start_divergence(run)
    yield finite("H3", K_0=K_0)
    if not continuum.holds:
        yield finite("H2", C_LS=np.nan)
        return
    mdp, path = run.mdp, flow(run)
    constants = run.gibbs_constants(path)
    # On the way values lie between those of two times: what is finite at all of these stays finite.
    yield finite("H2", C_LS=constants.worst_at)
    gap = gaps(run, path).sup()
    yield at_most(
        "E_t / E_0 <= exp(-2 tau (1-gamma) int du/C)",
        gap[1:] / gap[0],
        bounds.decayed.given(durations=np.diff(path.times)),
        over="time",
        C_LS=constants.worst_over,
        gamma=mdp.gamma,
        tau=mdp.tau,
    )
    quotient = speed(run)
    for claim, nearly in ((at_most, 1 + NEAR), (at_least, 1 - NEAR)):
        sign = "<=" if claim is at_most else ">="
        yield claim(
            f"(J_T - J_0) / int (dJ/dt) dt {sign} {nearly:g}",
            quotient,
            bounds.quotient.given(),
            nearly=nearly,
        )
    if not bounded(run, "r").holds:
        return
    yield at_most(
        "E_t / E_0 <= exp(-2 tau (1-gamma) t / C), C a priori",
        gap[1:] / gap[0],
        bounds.decayed_uniformly.given(times=path.times[1:]),
        over="time",
        R_max=reward_supremum(mdp),
        K_0=K_0,
        C_mu=of_reference(mdp),
        gamma=mdp.gamma,
        tau=mdp.tau,
    )
