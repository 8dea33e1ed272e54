"""gap-newton  The residual exceeds (I−γP*)W by a relative entropy, and steps are inexact Newton steps.

Setting.     Any finite MDP and policies, p_k ∝ exp(q^{π_k}/τ)μ, c_s = 1 − KL(π_{k+1}‖p_k)/KL(π_k‖p_k); for
             the rate, with c = min_s c_s, mirror descent and soft policy iteration.
Hypotheses.  (H1) KL(π‖μ) is finite in every state.  (H2) In the rate E_k > 0 and c ∈ [0,1].
Claim.       R^π = (I−γP_{π*})W^π + τKL(π*‖p^π).  For any two policies
             W_k − W_{k+1} = (I−γP_{k+1})^{-1}[(I−γP_{π*})W_k + τKL(π*‖p_k) − τKL(π_{k+1}‖p_k)],
             where the bracket is D_cR_k. Hence
             E_{k+1} ≤ [1−c + (cγ/(1−γ))(γE_k/4τ + √((1−c)E_k/2τ))]E_k: with c = 1 quadratic convergence.
Tight for.   Every policy (identities); the rate for one state and discount 0.
Reference.   docs/theory.md, section 4.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.bellman import ZOO, new_kernels, pair_divergences
from theory_checks.wpg import gaps
from theory_checks.wpg.gap_matrix import optimal_error, optimal_kernel
from theory_checks.wpg.wpg_frozen import divergences
from wconv.theory import Item, at_most, case, check, condition, control, equal, finite
from wconv.theory.bounds import wpg_steps as bounds

ONE_STEP = case("garnet", states=1, branching=1, discount=0.0, tight=0.999999)
SHORT = case("garnet", discount=0.5)
OPTIMAL = case("garnet", start="optimal", expect="INAPPLICABLE", fails="H2")
CASES = [ONE_STEP, SHORT, *ZOO, OPTIMAL]
CONTROLS = [
    control("discount too small", on=SHORT, constants={"gamma": 0.99}),
    control("temperature off by a thousandth", on=SHORT, constants={"tau": 1.001}),
    control("the step keeps a tenth less", on=ONE_STEP, constants={"kept": 0.9}),
    control("values at the wrong discount", on=SHORT, dynamics={"discount": 0.99}),
]


def from_optimal(run: "wc.Run", policy: "wc.Policy") -> "wc.Measured":
    """KL(π*‖p^π) in every state; π* is off by ε in the logarithm: ε·osc log(π*/p) more."""
    V = run.evaluate(policy).measured
    best = run.true.solution.policy
    apart = best.logf - wc.gibbs(run.mdp, wc.q_from_v(run.mdp, V.value)).logf
    off = optimal_error(run) * (np.ptp(apart, axis=-1) + 1.0)
    return wc.gibbs_divergence(run.mdp, best, V).with_error("solution", off)


def mirror_steps(run: "wc.Run") -> "Iterator[tuple[wc.Measured, wc.Measured, float, float]]":
    """E_k, E_{k+1} and both sides of 1 − c of mirror-descent steps, over states that are not at p_k."""
    path = run.path(wc.MirrorDescent(1.0), steps=8)
    E = gaps(run, path).sup()
    for k in range(len(path.times) - 1):
        old, new = divergences(run.system, path, k)
        away = old.lower > 0
        low = (new.lower[away] / old.upper[away]).max(initial=0.0)
        high = (new.upper[away] / old.lower[away]).max(initial=0.0)
        yield E[k], E[k + 1], low, high


def gibbs_steps(run: "wc.Run") -> "Iterator[tuple[wc.Measured, wc.Measured, float, float]]":
    """The same of the steps from every policy to its Gibbs policy, where c = 1."""
    for policy in run.policies.values():
        value = run.evaluate(policy)
        better = run.evaluate(wc.gibbs(run.system, value.Q))
        E, after = (wc.optimality_gap(run.solution, v).sup() for v in (value, better))
        yield E, after, 0.0, 0.0


@check("gap-newton", cases=CASES, controls=CONTROLS)
def gap_newton(run: "wc.Run") -> Iterator[Item]:
    """Both identities on policies and pairs, the rate along mirror descent and policy iteration."""
    tau, gamma = run.mdp.tau, run.mdp.gamma
    yield finite("H1", KL=run.each_policy(lambda p: wc.kl(p, wc.uniform(run.mdp))))
    steps = [*mirror_steps(run), *gibbs_steps(run)]
    olds, news, lows, highs = zip(*steps, strict=True)
    before, after = wc.stack(olds), wc.stack(news)
    kept = wc.Bracket(np.array(lows), np.array(highs), "measured", "measured")
    least, most = float(before.lower.min()), float(kept.upper.max())
    yield condition("H2", least > 0 and most <= 1, f"E_k >= {least:.3g}, 1-c <= {most:.3g}")

    W = run.each_policy(lambda p: wc.optimality_gap(run.solution, run.evaluate(p)))
    kernel = optimal_kernel(run)
    excess = run.each_policy(lambda p: from_optimal(run, p))
    yield equal(
        "R = (I - gamma P*) W + tau KL(pi*|p)",
        run.each_policy(lambda p: wc.bellman_residual(run.mdp, run.evaluate(p))),
        bounds.residual_of_gaps.given(gaps=W, next_gaps=W, kernel=kernel, kl=excess),
        over="policy state",
        tau=tau,
        gamma=gamma,
    )
    yield equal(
        "W_k - W_{k+1} = (I - gamma P_{k+1})^-1 D_c R_k",
        run.each_pair(lambda old, new: run.evaluate(new).measured - run.evaluate(old).measured),
        bounds.fall_of_gaps.given(
            gaps=W,
            next_gaps=W,
            kernel=kernel,
            kl=excess,
            kl_new=pair_divergences(run)[1],
            new_kernel=new_kernels(run),
        ),
        over="pair state",
        tau=tau,
        gamma=gamma,
    )
    yield at_most(
        "E_{k+1} <= [1-c + c gamma/(1-gamma) (...)] E_k",
        after,
        bounds.newton_gap.given(gap=before),
        over="step",
        kept=kept,
        tau=tau,
        gamma=gamma,
    )
