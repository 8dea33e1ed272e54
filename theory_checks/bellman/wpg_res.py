"""wpg-res  The soft Bellman residual is a relative entropy to the Gibbs policy.

Setting.     Any finite MDP and policy; R^π = T V^π − V^π, p^π ∝ exp((r+γPV^π)/τ)μ.
Hypotheses.  (H1) KL(π‖μ) is finite in every state.
Claim.       R^π(s) = τ KL(π_s‖p^π_s) in every state.
Tight for.   Every policy: an identity.
Reference.   docs/theory.md, section 2; Wasserstein policy gradient, Lemma 2.1.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.bellman import ZOO
from wconv.theory import Item, case, check, control, equal, finite
from wconv.theory.bounds import bellman as bounds

CASES = [*ZOO, case("garnet", tier="all", policies="sparse")]
CONTROLS = [
    control("temperature off by a thousandth", on=CASES[0], constants={"tau": 1.001}),
    control("values at the wrong temperature", on=CASES[0], dynamics={"temperature": 0.8}),
]


@check("wpg-res", cases=CASES, controls=CONTROLS)
def wpg_res(run: "wc.Run") -> Iterator[Item]:
    """Residual by the optimality operator against the divergence from the Gibbs policy."""
    yield finite("H1", KL=run.each_policy(lambda p: wc.kl(p, wc.uniform(run.mdp))))
    residual = run.each_policy(lambda p: wc.bellman_residual(run.mdp, run.evaluate(p)))
    kl = run.each_policy(lambda p: wc.gibbs_divergence(run.mdp, p, run.evaluate(p).measured))
    yield equal(
        "R = tau KL(pi|p^pi)",
        residual,
        bounds.scaled_kl.given(kl=kl),
        over="policy state",
        tau=run.mdp.tau,
    )
