"""pdl-star  Performance difference against the optimal policy, under its stationary law.

Setting.     Any finite MDP and policy π; π* optimal, ν* a stationary law of P_{π*}.
Hypotheses.  (H1) KL(π‖μ) is finite in every state.
Claim.       E_{ν*}[∫q^π(π*−π) − τKL(π*‖μ) + τKL(π‖μ)] = (1−γ)E_{ν*}[V*−V^π].
Tight for.   Every policy: an identity.
Reference.   docs/theory.md, section 2; Wasserstein proximal policy gradient, Lemma 13.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.bellman import ZOO
from wconv.theory import Item, case, check, control, equal, finite
from wconv.theory.bounds import bellman as bounds

CASES = [*ZOO, case("garnet", tier="all", policies="sparse")]
CONTROLS = [
    control("discount too small", on=CASES[0], constants={"gamma": 0.99}),
    control("values at the wrong temperature", on=CASES[1], dynamics={"temperature": 0.9}),
]


@check("pdl-star", cases=CASES, controls=CONTROLS)
def pdl_star(run: "wc.Run") -> Iterator[Item]:
    """Averages over every extreme stationary law of the optimal policy."""
    mdp, best = run.mdp, run.solution.policy
    reference = wc.uniform(mdp)
    yield finite("H1", KL=run.each_policy(lambda p: wc.kl(p, reference)))
    laws = wc.stationary_laws(run.solution.P_pi)

    def gain(policy: "wc.Policy") -> "wc.Measured":
        linear = wc.integral_q(run.evaluate(policy), best.pi - policy.pi)
        entropy = wc.kl(policy, reference) - wc.kl(best, reference)
        return average(linear + mdp.tau * entropy, laws)

    gap = run.each_policy(lambda p: average(wc.optimality_gap(run.solution, run.evaluate(p)), laws))
    yield equal(
        "E[int q(pi* - pi) - tau KL* + tau KL] = (1-gamma) E[V* - V]",
        run.each_policy(gain),
        bounds.stationary_gap.given(mean_gap=gap),
        over="policy law",
        gamma=mdp.gamma,
    )


def average(per_state: "wc.Measured", laws: "wc.Measured") -> "wc.Measured":
    """Σ_s ν(s) x(s) for every law ν (rows)."""
    product = laws * per_state[np.newaxis]
    return product.total()
