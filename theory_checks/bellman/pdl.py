"""pdl  Performance difference lemma, in its three forms.

Setting.     Any finite MDP and policies π, π'; p^π ∝ exp(q^π/τ)μ, f = dπ/dμ.
Hypotheses.  (H1) KL(π'‖π) is finite in every state.
Claim.       V^{π'}−V^π = (I−γP_{π'})^{-1}g with g = T^{π'}V^π − V^π,
             g = τKL(π‖p^π) − τKL(π'‖p^π), and g = ∫(q^π−τ log f)(π'−π) − τKL(π'‖π).
Tight for.   Every pair of policies: identities.
Reference.   docs/theory.md, section 2; Wasserstein policy gradient, A.1; proximal paper, Lemma 12.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.bellman import ZOO, new_kernels, pair_divergences
from wconv.theory import Item, case, check, control, equal, finite
from wconv.theory.bounds import bellman as bounds

SPARSE = case("garnet", policies="sparse", expect="INAPPLICABLE", fails="H1")
CASES = [*ZOO, SPARSE]
CONTROLS = [
    control("discount too small", on=CASES[0], constants={"gamma": 0.99}),
    control("temperature off by a thousandth", on=CASES[0], constants={"tau": 1.001}),
    control("values at the wrong temperature", on=CASES[0], dynamics={"temperature": 0.8}),
]


@check("pdl", cases=CASES, controls=CONTROLS)
def pdl(run: "wc.Run") -> Iterator[Item]:
    """Differences of two evaluations against the resolvent of the one-step gain."""
    gamma, tau = run.mdp.gamma, run.mdp.tau
    kl_step = run.each_pair(lambda old, new: wc.kl(new, old))
    yield finite("H1", KL=kl_step)

    rise = run.each_pair(lambda old, new: run.evaluate(new).measured - run.evaluate(old).measured)
    gain = run.each_pair(lambda old, new: wc.policy_gain(run.mdp, new, run.evaluate(old)))
    kernel = new_kernels(run)
    yield equal(
        "V' - V = (I - gamma P')^-1 g",
        rise,
        bounds.resolvent.given(gain=gain, kernel=kernel),
        over="pair state",
        gamma=gamma,
    )

    kl_old, kl_new = pair_divergences(run)
    yield equal(
        "g = tau KL(pi|p) - tau KL(pi'|p)",
        gain,
        bounds.kl_gain.given(kl_old=kl_old, kl_new=kl_new),
        over="pair state",
        tau=tau,
    )

    advantage = run.each_pair(lambda old, new: wc.advantage(run.mdp, new, run.evaluate(old)))
    yield equal(
        "g = int (q - tau log f)(pi' - pi) - tau KL(pi'|pi)",
        gain,
        bounds.advantage_gain.given(advantage=advantage, kl_step=kl_step),
        over="pair state",
        tau=tau,
    )
