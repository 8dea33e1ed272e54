"""wpg-pl  The value rises at least in proportion to what is missing: a rate at every time.

Setting.     The flow on a continuum of actions; R_t the Bellman residual, E_t = max(V* − V_t), C_LS(s) the
             log-Sobolev constant of p_t in state s, C_LS their largest, κ = min_s d^{π_t}(s)/d^{π*}(s).
Hypotheses.  (H1) The actions form a continuum.  (H2) C_LS is finite.  (H3) κ > 0 at all times.
Claim.       V̇_t(s)/R_t(s) ≥ 2τ/C_LS(s) unless s is at rest (R = 0);  V̇_t/E_t ≥ 2τ(1−γ)/C_LS in every
             state where V* − V_t is largest;  (dJ/dt)/(J* − J) ≥ 2τκ/C_LS.
Tight for.   A translated Gaussian at discount 0. With discount (1−γ, κ) where the optimal policy stays and
             the present one leaves.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, section 3.
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
    flow,
    gaps,
    moving,
    part,
)
from wconv.theory import Item, at_least, case, check, control, finite
from wconv.theory.bounds import wpg_flow as bounds

NEARLY = replace(TRANSLATE, tight=0.94)
CASES = [
    NEARLY,
    WELL,
    LEAVING,
    RING,
    LINE,
    COLD,
    HEAVY,
    case("product-2d", tier="all", resolution=32),
    case("garnet", expect="INAPPLICABLE", fails="H1"),
]
KNOWN = 100.0
"""Errors of a gap from which its rate is known to a per cent."""

CONTROLS = [
    control("constant too small", on=NEARLY, constants={"C_LS": 0.9}),
    control("flow at a lower temperature", on=NEARLY, dynamics={"temperature": 0.8}),
    control("discount a fifth too small", on=LEAVING, constants={"gamma": 0.8}),
    control("coverage overstated twice", on=LEAVING, constants={"mismatch": 0.5}),
]


def slowest_worst(velocity: "wc.Measured", gap: "wc.Measured") -> "wc.Measured":
    """The least V̇ of the states where the gap may be the largest, from V̇ and W (time, state).

    Several may tie within errors: the upper derivative of E is −V̇ of the slowest.
    """
    tied = gap.upper >= gap.lower.max(axis=-1, keepdims=True)
    least = np.where(tied, velocity.value, np.inf).min(axis=-1)
    errors = {n: np.where(tied, e, 0.0).max(axis=-1) for n, e in velocity.errors.items()}
    return wc.Measured.of(least, **errors)


def until_known(gap: "wc.Measured") -> slice:
    """The times before the gap (time,) is lost in its error: rates are quotients; at least the first."""
    lost = np.flatnonzero(gap.value <= KNOWN * gap.error)
    return slice(max(1, int(lost[0])) if len(lost) else None)


@check("wpg-pl", cases=CASES, controls=CONTROLS, kind="continuum", actions="continuum")
def wpg_pl(run: "wc.Run") -> Iterator[Item]:
    """Rates of the value along the flow, over residuals and gaps that shrink with it."""
    yield (continuum := on_a_continuum(run))
    if not continuum.holds:
        yield finite("H2", C_LS=np.nan)
        yield finite("H3", mismatch=np.nan)
        return
    mdp, path, best = run.mdp, flow(run), run.true.solution.policy
    constants = run.gibbs_constants(path)
    velocity = path.measure(wc.value_velocity)
    residual = path.measure(lambda e: wc.bellman_residual(mdp, e))
    kappa = path.measure(lambda e: wc.mismatch(mdp, e.policy, best).measured)
    mismatch = wc.Measured.of(np.ones_like(kappa.value)) / kappa
    yield finite("H2", C_LS=constants.worst_at)
    yield finite("H3", mismatch=mismatch)
    tau, gamma, gap = mdp.tau, mdp.gamma, gaps(run, path)
    early = until_known(gap.sup())
    gap, velocity, residual, mismatch = (
        gap[early],
        velocity[early],
        residual[early],
        mismatch[early],
    )
    at, worst_at = part(constants.at, early), part(constants.worst_at, early)
    move = (slice(None), moving(residual))
    yield at_least(
        "(dV/dt) / R >= 2 tau / C_LS",
        velocity[move] / residual[move],
        bounds.rate.given(),
        over="time moving",
        C_LS=part(at, move),
        tau=tau,
    )
    yield at_least(
        "(dV/dt) / E >= 2 tau (1-gamma) / C_LS",
        slowest_worst(velocity, gap) / gap.sup(),
        bounds.worst_rate.given(),
        over="time",
        C_LS=worst_at,
        gamma=gamma,
        tau=tau,
    )
    yield at_least(
        "(dJ/dt) / (J* - J) >= 2 tau kappa / C_LS",
        (velocity * mdp.rho).total() / (gap * mdp.rho).total(),
        bounds.mean_rate.given(),
        over="time",
        C_LS=worst_at,
        mismatch=mismatch,
        tau=tau,
    )
