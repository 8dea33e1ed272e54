"""drift-regularity  The drift of the Langevin update is Lipschitz, bounded in q and confining.

Setting.     Actions in R^d with the penalty (β/2)|a|², or in a box or torus (β = 0); the policies of the
             Langevin update, b_k = ∇r + γ∇P·V_k − βa = ∇q_k − βa, v_k = (max V_k − min V_k)/2.
Hypotheses.  (H1) r and P are smooth functions of a continuous action.  (H2) |∇r| ≤ G_r, ∇r is
             L_r-Lipschitz, Σ_s'|∇P(s')| ≤ G_p, Σ_s'|∇P(s'|a) − ∇P(s'|a')| ≤ L_p|a − a'|, all finite.
             (H3) The penalty is (β/2)|a|², or there is none.
Claim.       In every state, with L_b = β + L_r + γL_p v_k and G = G_r + γG_p v_k:
             |b(a) − b(a')| ≤ L_b|a − a'|, |∇q| ≤ G;
             on R^d also ⟨a, b⟩ ≤ −(β/2)|a|² + G²/(2β), |b|² ≤ 2β²|a|² + 2G².
Tight for.   A cosine reward on the Gaussian line without a future; with one, rewards that know no action.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Lemma 4.11.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import wconv as wc
from theory_checks.wpg import COLD, HEAVY, LINE, RING, TRANSLATE, WELL, confined, langevin
from wconv.constants.langevin import drift, half_oscillation
from wconv.theory import Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wpg_langevin as bounds

COSINE = replace(TRANSLATE, tight=0.97)
LEVEL = case("double-well", barrier=0.0)
"""Rewards of the state alone: the drift is all γ∇P·V."""

CASES = [
    COSINE,
    LEVEL,
    replace(WELL, tier="all"),
    LINE,
    RING,
    COLD,
    HEAVY,
    case("box-2d", tier="all"),
    case("garnet", expect="INAPPLICABLE", fails="H1"),
    case("ring", tier="all", coupling=1e6, start="pushed", expect="INAPPLICABLE", fails="H2"),
    case("jump", tier="all", width=0.0, start="pushed", expect="INAPPLICABLE", fails="H2"),
    case("heavy-tails", tier="all", expect="INAPPLICABLE", fails="H3"),
]
CONTROLS = [
    control("confinement left out in part", on=COSINE, constants={"beta": 0.9}),
    control("slope of the reward a tenth too small", on=COSINE, constants={"G_r": 0.9}),
    control("curvature of the reward a tenth too small", on=COSINE, constants={"L_r": 0.9}),
    control("the future a tenth too weak", on=LEVEL, constants={"gamma": 0.9}),
    control("drift at a higher temperature", on=COSINE, dynamics={"temperature": 1.25}),
]


@check("drift-regularity", cases=CASES, controls=CONTROLS, actions="continuum")
def drift_regularity(run: "wc.Run") -> Iterator[Item]:
    """Suprema over the nodes, along the path, against the regularity of the functions."""
    smooth = run.mdp.smooth is not None
    yield condition("H1", smooth, "functions of the action" if smooth else "tables")
    yield (penalty := confined(run, "H3"))
    if not (smooth and penalty.holds):
        yield condition("H2", True, "not measured")
        return
    known = wc.regularity(run.mdp)
    yield finite("H2", G_r=known.G_r, L_r=known.L_r, G_p=known.G_p, L_p=known.L_p)
    V = langevin(run).measured
    measured, v = drift(run.system, wc.drift_tables(run.system), V), half_oscillation(V)
    gamma, beta = run.mdp.gamma, known.beta
    first: dict[str, Any] = {"G_r": known.G_r, "G_p": known.G_p, "gamma": gamma}
    yield at_most(
        "|b(a) - b(a')| <= L_b |a - a'|",
        measured.quotient(),
        bounds.drift_lipschitz.given(v=v),
        over="time state",
        beta=beta,
        L_r=known.L_r,
        L_p=known.L_p,
        gamma=gamma,
    )
    yield at_most(
        "|grad q| <= G",
        measured.steepest(),
        bounds.drift_slope.given(v=v),
        over="time state",
        **first,
    )
    if beta > 0:
        yield at_most(
            "<a, b> + (beta/2)|a|^2 <= G^2 / (2 beta)",
            measured.outward(),
            bounds.dissipation.given(v=v),
            over="time state",
            beta=beta,
            **first,
        )
        yield at_most(
            "|b|^2 - 2 beta^2 |a|^2 <= 2 G^2",
            measured.growth(),
            bounds.drift_growth.given(v=v),
            over="time state",
            **first,
        )
