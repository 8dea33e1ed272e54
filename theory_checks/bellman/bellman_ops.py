"""bellman-ops  The soft Bellman operators are monotone contractions, and Gibbs policies maximise.

Setting.     Any finite MDP; T V = τ log∫exp((r+γPV)/τ)dμ, T^πV = ∫π(r+γPV−τ log f).
Hypotheses.  (H1) KL(π‖μ) is finite in every state.
Claim.       For every V, V' and D = V'−V:  γ min D ≤ TV'−TV ≤ γ max D (monotone, γ-contraction), the
             same for T^π;  TV − T^πV = τ KL(π‖p_V);  ‖V*−V‖ ≤ ‖TV−V‖/(1−γ).
Tight for.   Constant shifts D, for all but the Gibbs identity, which is an equality always.
Reference.   docs/theory.md, section 2; Gibbs variational principle.
"""

from collections.abc import Callable, Iterator

import numpy as np

import wconv as wc
from theory_checks.bellman import ZOO
from wconv.theory import Item, at_least, at_most, check, control, equal, finite
from wconv.theory.bounds import bellman as bounds

CASES = ZOO
CONTROLS = [
    control("discount too small", on=CASES[0], constants={"gamma": 0.95}),
    control("temperature too small", on=CASES[0], constants={"tau": 0.999}),
    control("operators at the wrong discount", on=CASES[0], dynamics={"discount": 1.02}),
]


def trials(run: "wc.Run") -> "list[tuple[wc.Measured, wc.Measured]]":
    """Pairs (V, V'): a constant shift, a random one, a bump in one state; V off V* at its scale."""
    best = run.solution.V
    rng = run.rng(1)
    scale = float(np.abs(best).max()) or 1.0
    V = best + scale * rng.standard_normal(best.shape)
    bump = np.zeros_like(V)
    bump[0] = scale
    shifts = [np.full_like(V, scale), scale * rng.standard_normal(V.shape), bump]
    return [(wc.Measured.of(V), wc.Measured.of(V + shift)) for shift in shifts]


@check("bellman-ops", cases=CASES, controls=CONTROLS)
def bellman_ops(run: "wc.Run") -> Iterator[Item]:
    """Measure both operators of the system on trial functions."""
    gamma, tau = run.mdp.gamma, run.mdp.tau
    pairs = trials(run)
    yield finite("H1", KL=run.each_policy(lambda policy: wc.kl(policy, wc.uniform(run.mdp))))

    low = wc.stack([wc.Measured.of((b.value - a.value).min()) for a, b in pairs])
    high = wc.stack([wc.Measured.of((b.value - a.value).max()) for a, b in pairs])
    some = list(run.policies.values())[1]
    operators: "dict[str, Callable[[wc.Measured], wc.Measured]]" = {
        "T": lambda V: wc.apply_optimality(run.system, V),
        "T^pi": lambda V: wc.apply_evaluation(run.system, some, V),
    }
    for name, T in operators.items():
        move = wc.stack([T(b) - T(a) for a, b in pairs])
        least, most = -((-move).sup()), move.sup()
        yield at_most(
            f"{name}V' - {name}V <= gamma max D",
            most,
            bounds.discounted.given(shift=high),
            over="trial",
            scale=float(high.value.max()),
            gamma=gamma,
        )
        yield at_least(
            f"{name}V' - {name}V >= gamma min D",
            least,
            bounds.discounted.given(shift=low),
            over="trial",
            scale=float(high.value.max()),
            gamma=gamma,
        )

    V = pairs[0][0]
    lack = run.each_policy(
        lambda p: wc.apply_optimality(run.system, V) - wc.apply_evaluation(run.system, p, V)
    )
    kl = run.each_policy(lambda p: wc.gibbs_divergence(run.mdp, p, V))
    yield equal(
        "TV - T^pi V = tau KL(pi|p_V)",
        lack,
        bounds.scaled_kl.given(kl=kl),
        over="policy state",
        tau=tau,
    )

    best = run.solution.measured
    guesses = [best + wc.Measured.of(1.0 + np.abs(best.value).max()), *(a for a, _ in pairs)]
    distance = wc.stack([abs(best - V).sup() for V in guesses])
    residual = wc.stack([abs(wc.apply_optimality(run.mdp, V) - V).sup() for V in guesses])
    yield at_most(
        "|V* - V| <= |TV - V| / (1-gamma)",
        distance,
        bounds.a_posteriori.given(residual=residual),
        over="trial",
        horizon=1 / (1 - gamma),
    )
