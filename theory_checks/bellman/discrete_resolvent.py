"""discrete-resolvent  One step of any scheme, as a resolvent of relative entropies.

Setting.     Any finite MDP and two consecutive policies π_k, π_{k+1}; p_k ∝ exp(q^{π_k}/τ)μ.
Hypotheses.  (H1) KL(π_k‖μ) and KL(π_{k+1}‖μ) are finite in every state.
Claim.       V^{k+1} − V^k = (I−γP_{k+1})^{-1} τ[KL(π_k‖p_k) − KL(π_{k+1}‖p_k)].
Tight for.   Every pair of policies: an identity.
Reference.   docs/theory.md, section 2; Wasserstein policy gradient, Lemma 4.9.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.bellman import ZOO, new_kernels, pair_divergences
from wconv.theory import Item, case, check, control, equal, finite
from wconv.theory.bounds import bellman as bounds

CASES = [*ZOO, case("garnet", tier="all", policies="sparse")]
CONTROLS = [
    control("discount too small", on=CASES[0], constants={"gamma": 0.99}),
    control("temperature off by a thousandth", on=CASES[1], constants={"tau": 1.001}),
    control("values at the wrong discount", on=CASES[1], dynamics={"discount": 0.99}),
]


@check("discrete-resolvent", cases=CASES, controls=CONTROLS)
def discrete_resolvent(run: "wc.Run") -> Iterator[Item]:
    """The rise of the value against divergences from the old Gibbs policy."""
    yield finite("H1", KL=run.each_policy(lambda p: wc.kl(p, wc.uniform(run.mdp))))
    rise = run.each_pair(lambda old, new: run.evaluate(new).measured - run.evaluate(old).measured)
    kl_old, kl_new = pair_divergences(run)
    kernel = new_kernels(run)
    rhs = bounds.resolvent_of_kl_gain.given(kl_old=kl_old, kl_new=kl_new, kernel=kernel)
    yield equal(
        "V_{k+1} - V_k = (I - gamma P_{k+1})^-1 g_k",
        rise,
        rhs,
        over="pair state",
        gamma=run.mdp.gamma,
        tau=run.mdp.tau,
    )
