"""wpg-frozen  A step of the flow with q frozen contracts the gap, whatever its length, without bias.

Setting.     π_{k+1} = (I−(η/m)K)^{-mT}π_k, K the generator of the flow at frozen q^{π_k}: m resolvents,
             as m → ∞ the exact semigroup; p_k ∝ exp(q^{π_k}/τ)μ, E_k = max_s V*−V^k.
Hypotheses.  (H1) The actions form a line or a circle.  (H2) C_LS(p_k) is finite in every state.
             (H3) KL(π_k‖p_k) > 0, so that ratios exist, in every state but those that stay at p_k, and some
             state does not.
Claim.       With 1−c = (1+2τη/(mC_LS))^{-m}, which falls to e^{−2τη/C_LS} as m → ∞:
             KL(π_{k+1}‖p_k) ≤ (1−c)KL(π_k‖p_k) in every state, and E_{k+1} ≤ (1−(1−γ)c)E_k with the
             largest C_LS of any state. Steps from nearly the flow to nearly soft policy iteration.
Tight for.   Translated Gaussians at discount 0 and short steps. With discount (the gap) where the optimal
             policy stays and the present one leaves.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, section 3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.wpg import FROZEN, HALFWAY, TRANSLATE, ZOO, frozen, gaps, moving, part
from wconv.theory import Hypothesis, Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wpg_steps as bounds

LENGTHS = (0.05, 5.0)
"""Lengths of single steps from the start, beside those of the path."""

NEAR_FLOW = replace(TRANSLATE, tight=0.99)
PLANE = case("box-2d", tier="all", resolution=32, expect="INAPPLICABLE", fails="H1")
CASES = [*ZOO[1:], NEAR_FLOW, HALFWAY, PLANE]
CONTROLS = [
    control("constant a fifth too small", on=NEAR_FLOW, constants={"C_LS": 0.8}),
    control("steps a fifth too long", on=NEAR_FLOW, constants={"eta": 1.2}),
    control("a system a fifth colder", on=NEAR_FLOW, dynamics={"temperature": 0.8}),
    control("discount halved", on=HALFWAY, constants={"gamma": 0.5}),
]


def on_a_line(run: "wc.Run") -> Hypothesis:
    """The hypothesis that a resolvent of the scheme is one of K: not so where directions are split."""
    grid = run.mdp.grid
    kind = "a finite set" if grid.is_finite_set else f"a continuum of dimension {grid.dim}"
    return condition("H1", not grid.is_finite_set and grid.dim == 1, f"the actions are {kind}")


def divergences(mdp: "wc.MDP", path: "wc.Path", k: int) -> "tuple[wc.Measured, wc.Measured]":
    """KL(π_k‖p_k) and KL(π_{k+1}‖p_k) in every state."""
    V = path.evaluations[k].measured
    old, new = (wc.gibbs_divergence(mdp, policy, V) for policy in path.policies[k : k + 2])
    return old, new


def each_step(run: "wc.Run", path: "wc.Path") -> "Iterator[tuple[wc.Measured, ...]]":
    """Both divergences, E_k and E_{k+1} of each step of a path."""
    E = gaps(run, path).sup()
    for k in range(len(path.times) - 1):
        yield *divergences(run.mdp, path, k), E[k], E[k + 1]


def contraction(run: "wc.Run", path: "wc.Path", lengths: Sequence[float]) -> Iterator[Item]:
    """Hypotheses and claims on the steps of a path, and on single steps of other lengths.

    All start from one policy, so that its constants serve every length. Who asks for a length gets no other.
    """
    yield on_a_line(run)
    if run.mdp.grid.is_finite_set:
        yield from (finite("H2", C_LS=float("nan")), finite("H3", KL=float("nan")))
        return
    resolvents, found = path.method.substeps, run.gibbs_constants(path)
    yield finite("H2", C_LS=found.at)
    asked = run.option("step_size", FROZEN) != FROZEN["step_size"]
    others = () if asked else lengths
    single = [run.path(wc.FrozenWPG(eta, substeps=resolvents), steps=1) for eta in others]
    paths = [path, *single]
    steps = [step for p in paths for step in each_step(run, p)]
    old, new, before, after = (wc.stack(part) for part in zip(*steps, strict=True))
    states = moving(old)
    least = float(old.lower[:, states].min(initial=np.inf))
    here = f"KL(pi_k|p_k) >= {least:.3g} in {len(states)} states"
    yield condition("H3", len(states) > 0 and least > 0, here)
    if not len(states):
        return
    k = np.concatenate([np.arange(len(p.times) - 1) for p in paths])
    eta = np.repeat([p.method.step for p in paths], [len(p.times) - 1 for p in paths])
    yield at_most(
        "KL(pi_{k+1}|p_k) / KL(pi_k|p_k) <= 1-c",
        new[:, states] / old[:, states],
        bounds.kl_factor.given(),
        over="step moving",
        C_LS=part(found.at, np.ix_(np.array(k), states)),
        tau=run.mdp.tau,
        eta=eta[:, None],
        resolvents=resolvents,
    )
    yield at_most(
        "E_{k+1} / E_k <= 1-(1-gamma)c",
        after / before,
        bounds.gap_factor.given(),
        over="step",
        C_LS=part(found.worst_at, k),
        tau=run.mdp.tau,
        gamma=run.mdp.gamma,
        eta=eta,
        resolvents=resolvents,
    )


@check(
    "wpg-frozen", cases=CASES, controls=CONTROLS, kind="continuum", actions="line", options=FROZEN
)
def wpg_frozen(run: "wc.Run") -> Iterator[Item]:
    """Eight steps of the shared path, a short one and a long one."""
    yield from contraction(run, frozen(run), LENGTHS)
