"""particle-gap  The mixture of N particles obeys the Langevin theorem up to what its next draw adds.

Setting.     N interacting particles a state under the Langevin update of step η, q that of their own policy:
             the mixture π̂_k = (1/N)Σ_i N(c_i, 2τηI) they were drawn from; π̂_k𝒦 the law of one more update
             of it, the mean of π̂_{k+1} given π̂_k. E_k = max_s V*−V^{π̂_k}, exactly evaluated on the nodes;
             p̂_k, C_LS, L_b, B², δ as in `one-step-kl`. E is a mean over seeds, with a joint one-sided
             confidence of 99.99 % a claim.
Hypotheses.  (H1) The drift is Lipschitz.  (H2) The actions are a line or a circle: nothing is reflected.
Claim.       For every seed, with I_k = max_s [KL(π̂_{k+1}‖p̂_k) − KL(π̂_k𝒦‖p̂_k)]⁺ and c = 1−e^{−τη/C_LS}:
             E_{k+1} ≤ (1−(1−γ)c)E_k + τ(δ+I_k)/(1−γ), whatever π̂_{k+1}: the draw is in I_k;
             in the mean over draws from π_0, with π_1 = π_0𝒦, C = E χ²(N(c, 2τηI)‖π_1) over the centres c
             of the draws and v = Var_{π_1} log(π_1/p_0),
             E I_0 ≤ Σ_s log(1+C/N) + min(√(Σ_s v/N), ½Σ_s√(v/N)); at discount 0, state by state,
             E W_{k+1} ≤ e^{−τη/C_LS}E W_k + τδ + τ log(1+C_k/N).
Tight for.   Discount 0, up to ½: KL(π̂_{k+1}‖π_{k+1}) ~ C_k/2N.
Reference.   docs/theory.md, section 8.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.particles import (
    BANDIT,
    CONFIDENCE,
    ETA,
    LINE,
    RING,
    WALLS,
    divergence,
    endless,
    kernel,
    law,
    spread,
    systems,
)
from theory_checks.wpg import part
from theory_checks.wpg.one_step_kl import lipschitz
from theory_checks.wpg.wpgd_global import worst
from wconv._axes import Array
from wconv.constants.langevin import step_constants
from wconv.theory import Item, at_most, case, check, control
from wconv.theory.bounds import particles as bounds

SYSTEMS = 6
"""Systems whose every step is held against the theorem."""

OPTIONS = {"particles": 64}
"""Particles a state."""

COUNTS, DRAWS = (16, 64), 1024
"""Particles of the first draw, and how often it is made."""

FEW, MANY = 64, 8192
"""The same without a discount, where the draw is most of the gap."""

SURE = 1 - (1 - CONFIDENCE) / 2
"""Of the gaps of a bandit, which stand on both sides."""

SHARP = replace(BANDIT, tight=0.15)
CASES = [
    SHARP,
    RING,
    LINE,
    case("ring", tier="all", temperature=1.0, discount=0.5, start="pushed"),
    WALLS,
]
CONTROLS = [
    control("ten times as many particles", on=SHARP, constants={"N": 10.0}),
    control("a tenth of the right side", on=RING, constants={"bound": 0.1}),
    control("a tenth of the constant", on=SHARP, constants={"C_LS": 0.1}),
]


@check(
    "particle-gap",
    cases=CASES,
    controls=CONTROLS,
    kind="statistical",
    actions="line",
    options=OPTIONS,
)
def particle_gap(run: "wc.Run") -> Iterator[Item]:
    """Four steps of six systems of 64 particles in every state, and many first draws."""
    yield (smooth := lipschitz(run))
    yield (free := endless(run))
    if not (smooth.holds and free.holds):
        return
    yield pathwise(run)
    yield first_draw(run)
    if run.mdp.gamma == 0:
        yield bandit(run)


def pathwise(run: "wc.Run") -> Item:
    """Every step of every system, with constants along its own policies."""
    path = systems(run, n=run.options["particles"], seeds=range(SYSTEMS))
    each = [path.mixture(system) for system in range(SYSTEMS)]
    mdp, V = run.mdp, [run.true.values(one) for one in each]
    E = wc.stack([run.true.solution.measured - values for values in V]).sup()
    found = [
        step_constants(mdp, wc.drift_tables(mdp), one.policies[:-1], values[:-1])
        for one, values in zip(each, V, strict=True)
    ]
    return at_most(
        "E_{k+1} <= (1 - (1-gamma)c) E_k + tau (delta + I_k) / (1-gamma)",
        E[:, 1:],
        bounds.gap_step_particles.given(
            gap=E[:, :-1],
            moment=wc.stack([one.second.sup() for one in found]),
            excess=wc.stack([excess(run, one) for one in each]),
        ),
        over="seed step",
        C_LS=wc.Bracket.stack([part(run.gibbs_constants(one).worst_at, slice(-1)) for one in each]),
        L_b=wc.Bracket.stack([worst(one.L_b) for one in found]),
        tau=mdp.tau,
        gamma=mdp.gamma,
        eta=ETA,
        dim=mdp.grid.dim,
    )


def excess(run: "wc.Run", path: "wc.Path") -> "wc.Measured":
    """I_k of every step of a system."""
    mdp, V, seen = run.mdp, run.true.values(path), path.measured
    found = []
    for k in range(len(path.times) - 1):
        mean = moved(run, path.policies[k], seen[k])
        new, old = (wc.gibbs_divergence(mdp, p, V[k]) for p in (path.policies[k + 1], mean))
        found.append((new - old).sup())
    return positive(wc.stack(found))


def moved(run: "wc.Run", policy: "wc.Policy", V: "wc.Measured") -> "wc.Policy":
    """π𝒦 on the nodes."""
    masses = np.einsum("sa,say->sy", policy.pi, kernel(run, V))
    return wc.Policy(np.log(masses) - policy.grid.log_weights, policy.grid)


def positive(values: "wc.Measured") -> "wc.Measured":
    """The positive parts, which err no more."""
    return wc.Measured(np.maximum(values.value, 0.0), values.errors)


def drawn(
    policy: "wc.Policy", kernel: Array, count: int, draws: int, rng: np.random.Generator
) -> Array:
    """Masses of the mixtures of many independent draws of ``count`` particles, (draw, state, action)."""
    rows = policy.pi / policy.pi.sum(axis=-1, keepdims=True)
    found = np.stack([rng.multinomial(count, row, size=draws) for row in rows], axis=1)
    return np.asarray(np.einsum("rsa,say->rsy", found / count, kernel))


def first_draw(run: "wc.Run") -> Item:
    """What the first draw adds, all of them from the same policy."""
    start, V = run.start, run.evaluate(run.start).measured
    move = kernel(run, V)
    after, log_p = moved(run, start, V).pi, gibbs_of(run, run.true.evaluate(start).V)
    least = divergence(after, log_p, run)
    each = [
        divergence(drawn(start, move, count, DRAWS, run.rng(count)), log_p, run) - least
        for count in COUNTS
    ]
    logs = np.log(after) - run.mdp.grid.log_weights - log_p
    off = logs - (after * logs).sum(axis=-1, keepdims=True)
    return at_most(
        "E I_0 <= sum_s log(1 + C/N) + min(...)",
        wc.replicated(np.maximum(np.stack(each).max(axis=-1), 0.0), confidence=CONFIDENCE, axis=-1),
        bounds.mean_excess.given(variance=(after * off**2).sum(axis=-1)),
        over="count",
        C=spread(start, move),
        N=np.array(COUNTS, float)[:, None],
    )


def gibbs_of(run: "wc.Run", V: Array) -> Array:
    """log dp^V/dμ in the true problem."""
    mdp = run.mdp
    return wc.gibbs(mdp, mdp.r + mdp.gamma * np.asarray(mdp.P @ V)).logf


def bandit(run: "wc.Run") -> Item:
    """The step in the mean, where q does not depend on the policy and particles are independent.

    They are drawn from the law of the update; τ∫(π̂−π)log(π/p), of mean zero, is taken off.
    """
    path, mdp = law(run), run.mdp
    move, log_p = kernel(run, path.measured[0]), gibbs_of(run, np.zeros(mdp.n_states))
    found = []
    for k, policy in enumerate(path.policies[:-1]):
        hat, pi = (
            drawn(policy, move, FEW, MANY, run.rng(k)),
            moved(run, policy, path.measured[k]).pi,
        )
        slope = np.log(pi) - mdp.grid.log_weights - log_p
        found.append(divergence(hat, log_p, run) - ((hat - pi) * slope).sum(axis=-1))
    W = wc.replicated(mdp.tau * np.stack(found), confidence=SURE, axis=1)
    V = run.true.values(path)
    start = run.true.solution.measured - V[0]
    constants = step_constants(mdp, wc.drift_tables(mdp), path.policies[:-1], V[:-1])
    return at_most(
        "E W_{k+1} <= exp(-tau eta/C_LS) E W_k + tau delta + tau log(1 + C_k/N)",
        W,
        bounds.bandit_gap_particles.given(
            gap=wc.stack([start, *(W[k] for k in range(len(found) - 1))]),
            moment=constants.second,
        ),
        over="step state",
        C=np.stack([spread(policy, move) for policy in path.policies[:-1]]),
        N=float(FEW),
        C_LS=part(run.gibbs_constants(path).at, slice(-1)),
        L_b=constants.L_b,
        tau=mdp.tau,
        eta=ETA,
        dim=mdp.grid.dim,
    )
