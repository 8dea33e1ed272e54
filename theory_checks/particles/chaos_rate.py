"""chaos-rate  Interacting particles stay with independent ones, at a distance that vanishes like N^{-1/2}.

Setting.     N particles a state under the Langevin update of step η, whose q is that of their own policy π̂_k,
             and their twins: the same starts and noise, but the q of π_k, the law of the update, so that they
             are independent with law π_k. D_k is the distance of particles to twins, mean or largest
             of a state; v_k = osc(V^{π̂_k} − V^{π_k})/2, V^{π̂_k} on the nodes; L_b of b_k at V^{π_k}. E is a
             mean over seeds, with a joint one-sided confidence of 99.99 % a claim.
Hypotheses.  (H1) The drift is Lipschitz.  (H2) The actions are a line or a circle.  (H3) The discount is
             positive: else particles are their twins.
Claim.       For every seed and state D_{k+1} ≤ (1+ηL_b)D_k + ηγG_p v_k (here: of eight seeds). Observed,
             where ηL_b ≤ 1 (longer steps may scatter particles at once): from 16 to 256 particles E D and
             E max_s |V^{π̂}−V^π| fall at least like N^{-1/2} (and no faster than N^{-3/2}).
Tight for.   The first steps, to a tenth for the particle that is farthest off: G_p is attained at one
             action. The rate of V is between that of its bias, 1/N (`particle-entropy`), and that of its
             deviation, N^{-1/2}.
Reference.   docs/theory.md, section 8.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.particles import CONFIDENCE, ETA, RING, WALLS, endless, law, order, systems
from theory_checks.wpg import part
from theory_checks.wpg.one_step_kl import lipschitz
from wconv._axes import Array
from wconv.constants.langevin import step_constants
from wconv.theory import Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import particles as bounds
from wconv.theory.bounds import split

COUNTS, SYSTEMS = (16, 256), (4096, 768)
"""Particles a state, and how many systems of them."""

SURE = 1 - (1 - CONFIDENCE) / 2
"""Of each of the two means in a rate."""

ROUNDING = 1e-12
"""Of particles, whose coordinates are of order one, after a few steps."""

COARSE = replace(RING, parameters={"resolution": 64})
CASES = [
    COARSE,
    case("ring", discount=0.0, expect="INAPPLICABLE", fails="H3"),
    case("gaussian-line", tier="all", discount=0.9, resolution=64),
    case("ring", tier="all", temperature=1.0, start="pushed", resolution=64),
    WALLS,
]
CONTROLS = [
    control("a tenth of the coupling", on=COARSE, constants={"G_p": 0.1}),
    control("a tenth of the discount", on=COARSE, constants={"gamma": 0.1}),
    control("a rate of 1/N", on=COARSE, constants={"least": 2.0}),
]


@check("chaos-rate", cases=CASES, controls=CONTROLS, kind="statistical", actions="line")
def chaos_rate(run: "wc.Run") -> Iterator[Item]:
    """Four steps of many systems of few particles and of fewer of many, each with its twins."""
    yield (smooth := lipschitz(run))
    yield (free := endless(run))
    coupled = run.mdp.gamma > 0
    yield condition("H3", coupled, f"discount {run.mdp.gamma:g}")
    if not (smooth.holds and free.holds and coupled):
        return
    V, policies = law(run).measured, law(run).policies[:-1]
    L_b = step_constants(run.mdp, wc.drift_tables(run.mdp), policies, V[:-1]).L_b
    pairs = [twins(run, V, *size) for size in zip(COUNTS, SYSTEMS, strict=True)]
    for name, far in (("mean", np.mean), ("largest", np.max)):
        yield recursion(run, name, V, L_b, pairs[0], np.asarray(far(pairs[0][1], axis=-1)))
    if ETA * float(L_b.upper.max()) > 1:
        return
    gaps = [np.abs(found.values[-1] - V.value[-1]).max(axis=-1) for found, _ in pairs]
    apart = [D[-1].mean(axis=(-1, -2)) for _, D in pairs]
    for name, values in (("max |V^ - V|", gaps), ("D", apart)):
        few, many = (wc.replicated(each, confidence=SURE) for each in values)
        rate = order(few, many, COUNTS[1] / COUNTS[0])
        yield at_least(
            f"E {name} falls at least like N^-1/2",
            rate,
            split.order.given(),
            least=0.5,
        )
        yield at_most(
            f"E {name} falls no faster than N^-3/2",
            rate,
            split.order_most.given(),
            most=1.5,
        )


def twins(
    run: "wc.Run", V: "wc.Measured", count: int, many: int
) -> "tuple[wc.ParticlePath, Array]":
    """Systems of ``count`` particles, and distances to their twins, (step, seed, state, particle)."""
    grid = run.mdp.grid
    found = systems(run, n=count, seeds=range(many))
    alone = systems(run, n=count, seeds=range(many), value=V.value[:-1])
    apart = np.abs(found.particles - alone.particles)[..., 0]
    if grid.periodic:
        apart = np.minimum(apart, grid.n * grid.spacing[0] - apart)
    return found, apart


def recursion(
    run: "wc.Run",
    name: str,
    V: "wc.Measured",
    L_b: "wc.Bracket",
    pair: "tuple[wc.ParticlePath, Array]",
    D: Array,
) -> Item:
    """One step of the distances D (step, seed, state), of the first few seeds."""
    found, few, mdp = pair[0], slice(8), run.mdp
    off = found.values[:-1, few] - V.value[:-1, None]
    half = (off.max(axis=-1) - off.min(axis=-1))[..., None] / 2
    G_p = wc.regularity(mdp).G_p
    return at_most(
        f"{name} D_{{k+1}} <= (1 + eta L_b) D_k + eta gamma G_p v_k",
        wc.Measured.of(D[1:, few], rounding=ROUNDING),
        bounds.coupled_step.given(
            distance=wc.Measured.of(D[:-1, few], rounding=ROUNDING),
            value=wc.Measured.of(half, evaluation=V.error.max() + ROUNDING),
        ),
        over="step seed state",
        L_b=part(L_b, (slice(None), None)),
        G_p=G_p,
        gamma=mdp.gamma,
        eta=ETA,
    )
