"""bellman-sandwich  The residual pins the optimality gap from both sides.

Setting.     Any finite MDP and policy; W^π = V* − V^π, R^π = T V^π − V^π.
Hypotheses.  (H1) KL(π‖μ) is finite in every state.
Claim.       R^π ≤ W^π ≤ ‖R^π‖/(1−γ), and R^π(s) ≥ W^π(s) − γ‖W^π‖, in every state.
Tight for.   One state: R = (1−γ)W; discount 0: R = W.
Reference.   docs/theory.md, section 2; Wasserstein policy gradient, Lemma 4.8.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.bellman import ZOO
from wconv.theory import Item, at_least, at_most, case, check, control, finite
from wconv.theory.bounds import bellman as bounds

ONE_STEP = case("garnet", states=1, branching=1, discount=0.0, tight=0.999999)
ONE_STATE = case("garnet", states=1, branching=1, discount=0.9)
CASES = [ONE_STEP, ONE_STATE, *ZOO]
CONTROLS = [
    control("horizon too short", on=ONE_STATE, constants={"horizon": 0.99}),
    control("discount too small", on=ONE_STATE, constants={"gamma": 0.99}),
    control("gap understated", on=ONE_STEP, constants={"bound": 0.99}),
    control("values at the wrong temperature", on=ONE_STATE, dynamics={"temperature": 0.8}),
]


@check("bellman-sandwich", cases=CASES, controls=CONTROLS)
def bellman_sandwich(run: "wc.Run") -> Iterator[Item]:
    """Gaps against residuals, state by state."""
    gamma = run.mdp.gamma
    yield finite("H1", KL=run.each_policy(lambda p: wc.kl(p, wc.uniform(run.mdp))))
    residual = run.each_policy(lambda p: wc.bellman_residual(run.mdp, run.evaluate(p)))
    gap = run.each_policy(lambda p: wc.optimality_gap(run.solution, run.evaluate(p)))
    worst_residual, worst_gap = residual.sup(keepdims=True), gap.sup(keepdims=True)
    yield at_most("R <= W", residual, bounds.itself.given(value=gap), over="policy state")
    yield at_most(
        "W <= |R| / (1-gamma)",
        gap,
        bounds.a_posteriori.given(residual=worst_residual),
        over="policy state",
        horizon=1 / (1 - gamma),
    )
    yield at_least(
        "R >= W - gamma |W|",
        residual,
        bounds.residual_floor.given(gap=gap, largest_gap=worst_gap),
        over="policy state",
        gamma=gamma,
    )
