"""wppg-uniform-t2  All policies of the proximal scheme obey Talagrand's inequality with one constant.

Setting.     Exact steps on an interval of length D; C_LS(μ) = (D/π)², C_T ≤ C_LS.
Hypotheses.  (H1) The actions form a bounded interval.  (H2) r is bounded, and K_0 is finite.
Claim.       osc log(dπ_{k+1}/dμ) ≤ [osc q_k + D²/(2η)]/τ in every state, and C_T(π_{k+1}) ≤ C_LS(μ)exp of
             that, and of the same bound for all k with osc q_k ≤ 2R_max+γ(2R_max+τK_0)/(1−γ).
             (Of C_T the check holds C_P ≤ C_T against the bound for all k.)
Tight for.   Long steps (the oscillation); a ceiling otherwise.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Lemma 11 and Theorem 3.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.wpg import of_reference
from theory_checks.wpg.wpg_bounds import bounded, start_divergence
from theory_checks.wpg.wpg_uniform_lsi import reward_supremum
from theory_checks.wppg import COLD, HEAVY, LONG, SHORT, WELL, proximal
from wconv.theory import Item, at_most, case, check, condition, control
from wconv.theory.bounds import wppg as bounds

TIGHT = replace(WELL, tight=0.01)
CASES = [
    TIGHT,
    case("double-well"),
    COLD,
    HEAVY,
    case("ring", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("temperature overstated", on=TIGHT, constants={"tau": 5.0}),
    control("a system a fifth as hot", on=TIGHT, dynamics={"temperature": 0.2}),
]


@check("wppg-uniform-t2", cases=CASES, controls=CONTROLS, actions="line")
def wppg_uniform_t2(run: "wc.Run") -> Iterator[Item]:
    """Six short and six long steps: oscillations step by step, and constants of the last policy."""
    mdp, space = run.mdp, run.mdp.grid.space
    yield condition(
        "H1", isinstance(space, wc.Interval), f"the actions are of type {type(space).__name__}"
    )
    yield bounded(run, "H2")
    if not isinstance(space, wc.Interval):
        return
    problem = {"tau": mdp.tau, "diameter": space.high - space.low}
    sup, everywhere = reward_supremum(mdp), np.ones(mdp.n_states)
    for name, eta in (("short", SHORT), ("long", LONG)):
        path = proximal(run, eta)
        spread = wc.stack([wc.q_oscillation(run.system, V.measured) for V in path.evaluations[:-1]])
        logs = np.stack([np.ptp(policy.logf, axis=-1) for policy in path.policies[1:]])
        yield at_most(
            f"{name} steps: osc log(dpi/dmu) over nodes",
            logs,
            bounds.log_density.given(oscillation=spread),
            over="step state",
            eta=eta,
            **problem,
        )
        attained = run.inequalities(path.policies[-1]).poincare.lower  # C_P <= C_T
        yield at_most(
            f"{name} steps: log C_T / C_LS(mu)",
            wc.Measured.of(np.log(attained / of_reference(mdp))),
            bounds.log_uniform.given(),
            over="state",
            R_max=wc.Bracket(sup.lower * everywhere, sup.upper * everywhere),
            K_0=start_divergence(run),
            gamma=mdp.gamma,
            eta=eta,
            **problem,
        )
