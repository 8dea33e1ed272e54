"""wppg-bounds  Bounded rewards bound values and soft Q along all proximal steps.

Setting.     As for wpg-bounds, with exact proximal steps in place of the flow: R_max = max|r|,
             K_0 = sup_s KL(π_0‖μ), V_max = (R_max+τK_0)/(1−γ).
Hypotheses.  (H1) The actions form a continuum.  (H2) r is bounded, and K_0 is finite.
Claim.       −(R_max+τK_0)/(1−γ) ≤ V_0 ≤ V_k ≤ R_max/(1−γ), V_k rises in every state, |q_k| ≤ R_max+γV_max and
             osc q_k ≤ 2R_max + γ(2R_max+τK_0)/(1−γ).
Tight for.   No reward and a translated Gaussian (below); discount 0 and a wave (|q|, osc q).
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Lemmas 4, 7 and 8.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.wpg.wpg_bounds import FLAT, bounds_along
from theory_checks.wppg import HEAVY, LINE, RING, TRANSLATE, WELL, proximal
from wconv.theory import Item, check, control

CASES = [TRANSLATE, WELL, FLAT, RING, LINE, HEAVY]
CONTROLS = [
    control("largest reward understated", on=TRANSLATE, constants={"R_max": 0.9}),
    control("divergence of the start understated", on=FLAT, constants={"K_0": 0.9}),
    control("values at a higher temperature", on=FLAT, dynamics={"temperature": 1.25}),
]


@check("wppg-bounds", cases=CASES, controls=CONTROLS, actions="continuum")
def wppg_bounds(run: "wc.Run") -> Iterator[Item]:
    """Values and soft Q of six steps against the bounds by the reward alone."""
    yield from bounds_along(run, proximal)
