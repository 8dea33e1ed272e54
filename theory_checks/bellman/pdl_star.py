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
from wconv.measured import rounding
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
    kernel = run.solution.P_pi
    laws = wc.stationary_laws(kernel)
    ones = np.ones(len(laws.value))
    yield equal("nu* is a probability", laws.total(), bounds.itself.given(value=ones), over="law")
    flow = wc.Measured.of(laws.value @ kernel, rounding=rounding(1.0, depth=mdp.n_states))
    yield equal("nu* P* = nu*", flow, bounds.itself.given(value=laws), over="law state")

    def gain(policy: "wc.Policy") -> "wc.Measured":
        linear = wc.q_difference(mdp, best, run.evaluate(policy))
        entropy = wc.kl(policy, reference) - wc.kl(best, reference)
        return wc.average(laws, linear + mdp.tau * entropy)

    gap = run.each_policy(
        lambda p: wc.average(laws, wc.optimality_gap(run.solution, run.evaluate(p)))
    )
    # The laws are stationary for a kernel rounded to float64, of a policy that is optimal up to its loss.
    moved = rounding(gap.value, depth=mdp.n_actions) + run.solution.policy_loss
    lhs = run.each_policy(gain).with_error("kernel", moved)
    rhs = bounds.stationary_gap.given(mean_gap=gap)
    name = "E[int q(pi* - pi) - tau KL* + tau KL] = (1-gamma) E[V* - V]"
    yield equal(name, lhs, rhs, over="policy law", gamma=mdp.gamma)
