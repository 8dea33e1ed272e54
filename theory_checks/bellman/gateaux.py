"""gateaux  The policy gradient: the derivative of J along a signed direction.

Setting.     Any finite MDP, policy π, and zero-mass directions χ that vanish where π does.
Hypotheses.  (H1) KL(π‖μ) is finite in every state.
Claim.       d/dε J(π+εχ) = (1/(1−γ)) E_{d^π}∫χ (q^π − τ log f) da.
Tight for.   Every policy and direction: an identity.
Reference.   docs/theory.md, section 2; Wasserstein proximal policy gradient, Lemmas 1 to 3.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.bellman import ZOO
from wconv._axes import Array
from wconv.theory import Item, case, check, control, equal, finite
from wconv.theory.bounds import bellman as bounds

CASES = [*ZOO, case("garnet", tier="all", policies="sparse")]
CONTROLS = [
    control("horizon too short", on=CASES[0], constants={"horizon": 0.999}),
    control("derivative at the wrong temperature", on=CASES[0], dynamics={"temperature": 0.8}),
]


@check("gateaux", cases=CASES, controls=CONTROLS)
def gateaux(run: "wc.Run") -> Iterator[Item]:
    """Complex-step derivative of the objective against the occupancy formula."""
    mdp = run.mdp
    yield finite("H1", KL=run.each_policy(lambda p: wc.kl(p, wc.uniform(mdp))))
    noise = run.rng(2).standard_normal(mdp.r.shape)

    def direction(policy: "wc.Policy") -> Array:
        """A random flow around the support, uphill in q − τ log f so that nothing cancels.

        Its divergence has zero mass and vanishes where π does.
        """
        chi = np.zeros_like(noise)
        height = wc.q_from_v(mdp, run.true.evaluate(policy).V)
        for state, alive in enumerate(policy.pi > 0):
            pi, size = policy.pi[state, alive], np.abs(noise[state, alive])
            slope = height[state, alive] - mdp.tau * policy.logf[state, alive]
            uphill = np.sign(slope - np.roll(slope, -1))
            flow = size * uphill * np.minimum(pi, np.roll(pi, -1))
            chi[state, alive] = flow - np.roll(flow, 1)
        return chi

    slope = run.each_policy(lambda p: wc.objective_derivative(run.system, p, direction(p)))
    weighted = run.each_policy(
        lambda p: (
            wc.discounted_occupancy(mdp, p) * wc.pairing(mdp, p, run.true.evaluate(p), direction(p))
        )
    )
    yield equal(
        "dJ = E_d int chi (q - tau log f) / (1-gamma)",
        slope,
        bounds.occupancy_pairing.given(weighted=weighted),
        over="policy",
        horizon=1 / (1 - mdp.gamma),
    )
