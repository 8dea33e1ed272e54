"""wpg-implicit  One resolvent of the frozen flow contracts the gap for every step size, without bias.

Setting.     π_{k+1} = (I−ηK)^{-T}π_k, K the generator of the flow at frozen q^{π_k}, p_k ∝ exp(q^{π_k}/τ)μ.
Hypotheses.  (H1) The actions form a line or a circle.  (H2) C_LS(p_k) is finite in every state.
             (H3) KL(π_k‖p_k) > 0, so that ratios exist, in every state but those that stay at p_k, and some
             state does not.
Claim.       KL(π_{k+1}‖p_k) ≤ (1+2τη/C_LS)^{-1}KL(π_k‖p_k) in every state, hence E_{k+1} ≤ (1−(1−γ)c)E_k
             with c = 1−(1+2τη/C_LS)^{-1} of the worst state.
Tight for.   Translated Gaussians at discount 0, as η → 0. With discount (the gap) where the optimal policy
             stays and the present one leaves.
Reference.   docs/theory.md, section 4.
"""

from collections.abc import Iterator
from dataclasses import replace

import wconv as wc
from theory_checks.wpg import FROZEN, HALFWAY, TRANSLATE, ZOO, implicit
from theory_checks.wpg.wpg_frozen import PLANE, contraction
from wconv.theory import Item, check, control

LENGTHS = (0.01, 1.0)
"""Lengths of single steps from the start, beside those of the path."""

SHORT = replace(TRANSLATE, tight=0.999)
CASES = [*ZOO[1:], SHORT, HALFWAY, PLANE]
CONTROLS = [
    control("constant a fifth too small", on=SHORT, constants={"C_LS": 0.8}),
    control("the factor of the exact semigroup", on=SHORT, constants={"resolvents": 10.0}),
    control("a system a fifth colder", on=SHORT, dynamics={"temperature": 0.8}),
    control("discount halved", on=HALFWAY, constants={"gamma": 0.5}),
]


@check(
    "wpg-implicit", cases=CASES, controls=CONTROLS, kind="continuum", actions="line", options=FROZEN
)
def wpg_implicit(run: "wc.Run") -> Iterator[Item]:
    """Eight steps of the shared path, a short one and a long one."""
    yield from contraction(run, implicit(run), LENGTHS)
