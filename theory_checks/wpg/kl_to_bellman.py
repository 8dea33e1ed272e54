"""kl-to-bellman  Coming closer to the Gibbs policy raises the value, state by state.

Setting.     Any finite MDP and two policies, p_k ∝ exp(q^{π_k}/τ)μ, R_k = τKL(π_k‖p_k); c_s ∈ [0,1] and
             δ ≥ 0 with KL(π_{k+1}‖p_k) ≤ (1−c_s)KL(π_k‖p_k) + δ in every state.
Hypotheses.  (H1) All KL are finite.  (H2) Along the schemes δ = 0: KL falls in every state.
Claim.       V^{k+1} ≥ V^k + c_sR_k(s) − τδ/(1−γ) for every pair of policies, and V^{k+1} ≥ V^k + c_sR_k(s)
             along the schemes: implicit steps and the law of the Langevin update, ten steps at a time, on a
             smooth continuum (without it under heavy tails), mirror descent elsewhere.
Tight for.   One state; discount 0.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Lemma 4.13.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.bellman import ZOO, pair_divergences
from theory_checks.wpg import confined, implicit, langevin
from theory_checks.wpg.wpg_frozen import divergences
from wconv.theory import Hypothesis, Item, at_least, case, check, control, finite
from wconv.theory.bounds import wpg_steps as bounds
from wconv.theory.judge import RESOLUTION

ONE_STEP = case("garnet", states=1, branching=1, discount=0.0, tight=0.999999)
ONE_STATE = case("garnet", states=1, branching=1, discount=0.9)
BIASED = case("gaussian-line", start="optimal", expect="INAPPLICABLE", fails="H2")
"""The Langevin update leaves the optimal policy: KL rises and the value falls."""
CASES = [ONE_STEP, ONE_STATE, *ZOO, BIASED]
CONTROLS = [
    control("horizon a hundredth too short", on=ONE_STATE, constants={"horizon": 0.99}),
    control("temperature a hundredth too high", on=ONE_STEP, constants={"tau": 1.01}),
    control("values at a larger discount", on=ONE_STATE, dynamics={"discount": 1.02}),
]


def schemes(run: "wc.Run") -> "list[wc.Path]":
    """Paths whose steps approach the Gibbs policy: by theorem or, of Langevin, by measurement."""
    if run.mdp.smooth is None:
        return [run.path(wc.MirrorDescent(1.0), steps=8)]
    return [implicit(run), *([langevin(run)] if confined(run, "H2").holds else [])]


def falls(name: str, before: "wc.Measured", after: "wc.Measured") -> Hypothesis:
    """The hypothesis that KL falls in every step and state, or rests: undecided within errors.

    At rest: both are zero to within errors that are below 1e-8 of the largest.
    """
    fall = before - after
    rest = (np.abs(before.value) <= before.error) & (np.abs(after.value) <= after.error)
    rest &= fall.error <= RESOLUTION * np.abs(before.value).max()
    detail = f"KL falls by at least {np.min(fall.value):.3g} a step"
    if (fall.upper < 0)[~rest].any():
        return Hypothesis(name, False, detail)
    return Hypothesis(name, True if (fall.lower >= 0)[~rest].all() else None, detail)


@check("kl-to-bellman", cases=CASES, controls=CONTROLS)
def kl_to_bellman(run: "wc.Run") -> Iterator[Item]:
    """Rises of the value against the fall of relative entropies."""
    tau, horizon = run.mdp.tau, 1 / (1 - run.mdp.gamma)
    kl_old, kl_new = pair_divergences(run)
    yield finite("H1", old=kl_old, new=kl_new)
    steps = [(path, k) for path in schemes(run) for k in range(len(path.times) - 1)]
    pairs = [divergences(run.mdp, path, k) for path, k in steps]
    before, after = (wc.stack([pair[which] for pair in pairs]) for which in (0, 1))
    yield falls("H2", before, after)
    rise = run.each_pair(lambda old, new: run.evaluate(new).measured - run.evaluate(old).measured)
    yield at_least(
        "V_{k+1} - V_k >= c R_k - tau delta / (1-gamma), any pair",
        rise,
        bounds.rise_with_defect.given(kl_old=kl_old, kl_new=kl_new),
        over="pair state",
        tau=tau,
        horizon=horizon,
    )
    yield at_least(
        "V_{k+1} - V_k >= c R_k along the schemes",
        wc.stack([path.measured[k + 1] - path.measured[k] for path, k in steps]),
        bounds.rise_of_step.given(kl_old=before, kl_new=after),
        over="step state",
        tau=tau,
    )
