"""particle-bias  As N grows the bias of particles becomes that of the step, which is of order η².

Setting.     Discount 0. N independent particles a state, twelve Langevin updates of step η from the optimal
             policy p; π their law (`wpgd-global`), π̂ = (1/N)Σ_i N(c_i, 2τηI) the mixture they were last
             drawn from, C = E χ²(N(c, 2τηI)‖π) over its centres c. G(N) = E KL(π̂‖p), the gap over τ, on the
             nodes. E is a mean over seeds, with a joint one-sided confidence of 99.99 % a claim.
Hypotheses.  (H1) The drift is Lipschitz.  (H2) The actions are a line or a circle.  (H3) The discount is 0.
Claim.       KL(π‖p) ≤ G(N) ≤ KL(π‖p) + log(1+C/N) in every state. Where KL(π‖p) is largest, 2G(2N)−G(N) is it
             up to a tenth, and doubling the step at least doubles it (observed: 2² and more).
Tight for.   Long steps, where C is small: particles hardly remember where they were.
Reference.   docs/theory.md, section 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

import wconv as wc
from theory_checks.particles import (
    CONFIDENCE,
    WALLS,
    divergence,
    endless,
    kernel,
    mixtures,
    order,
    spread,
)
from theory_checks.wpg.one_step_kl import lipschitz
from wconv._axes import Array
from wconv.constants.langevin import step_constants
from wconv.theory import Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import particles as bounds
from wconv.theory.bounds import split

SHARES = (0.4, 0.8)
"""Steps, in units of 1/L_b."""

N, SYSTEMS, STEPS = 32, range(4096), 12
SURE = 1 - (1 - CONFIDENCE) / (2 * len(SHARES))
"""Of the means of either number of particles after either step."""

TENTH = 0.1
AXES = "eta count state"

STIFF = case("quadratic-line", discount=0.0, start="optimal", resolution=96, tight=0.3)
CASES = [
    STIFF,
    case("ring", start="optimal", expect="INAPPLICABLE", fails="H3"),
    case("quadratic-line", tier="all", discount=0.0, start="optimal", curvature=0.4, spread=1.0),
    case("quadratic-line", tier="all", discount=0.0, start="optimal", temperature=2.0),
    replace(WALLS, parameters={"discount": 0.0}),
]
CONTROLS = [
    control("a tenth of the spread", on=STIFF, constants={"C": 0.1}),
    control("a fifth of the bias", on=STIFF, constants={"share": 0.2}),
    control("a bias of order four", on=STIFF, constants={"least": 4.0}),
    control("a system half as hot", on=STIFF, dynamics={"temperature": 0.5}),
]


@dataclass(frozen=True, eq=False)
class Biases:
    """By step: KL(π‖p) and C (state,), and G of N particles, of half as many, and extrapolated (state,)."""

    law: Array
    C: Array
    whole: "wc.Measured"
    halves: "wc.Measured"
    limit: "wc.Measured"


def biases(run: "wc.Run", eta: float, log_p: Array) -> Biases:
    """Systems of N particles, whose halves are systems of N/2, as they do not interact."""
    method = wc.WPGD(eta)
    path = run.path(method, steps=STEPS)
    move = kernel(run, path.measured[-2], eta)

    found = wc.evolve_particles(
        method, run.system, run.start, n=N, steps=STEPS, samples=1, seed=SYSTEMS
    )
    seeds, states, _, dim = found.centres[1].shape
    parts = found.centres[1].reshape(seeds, states, 2, N // 2, dim).swapaxes(1, 2)
    masses = mixtures(run, parts, found.sigma)
    halves = divergence(masses, log_p, run).mean(axis=1)
    whole = divergence(masses.mean(axis=1), log_p, run)
    means = (wc.replicated(each, confidence=SURE) for each in (whole, halves, 2 * whole - halves))
    law = divergence(path.policies[-1].pi, log_p, run)
    return Biases(law, spread(path.policies[-2], move), *means)


@check("particle-bias", cases=CASES, controls=CONTROLS, kind="statistical", actions="line")
def particle_bias(run: "wc.Run") -> Iterator[Item]:
    """Two long steps, each with 4096 systems of 32 particles."""
    yield (smooth := lipschitz(run))
    yield (free := endless(run))
    yield (bandit := condition("H3", run.mdp.gamma == 0, f"discount {run.mdp.gamma:g}"))
    if not (smooth.holds and free.holds and bandit.holds):
        return
    best, mdp = run.true.solution, run.mdp
    values = wc.stack([best.measured])
    L_b = step_constants(mdp, wc.drift_tables(mdp), [best.policy], values).L_b.upper.max()
    found = [biases(run, share / float(L_b), best.policy.logf) for share in SHARES]
    law, C = (np.stack([getattr(each, name) for each in found]) for name in ("law", "C"))
    both = wc.stack([wc.stack([each.halves, each.whole]) for each in found])
    limit = law[:, None] * np.ones((1, 2, 1))
    yield at_least("G(N) >= KL(pi|p)", both, bounds.part.given(whole=limit), over=AXES, share=1.0)
    yield at_most(
        "G(N) <= KL(pi|p) + log(1 + C/N)",
        both,
        bounds.with_deficit.given(limit=limit),
        over=AXES,
        C=C[:, None],
        N=np.array([N / 2, float(N)])[:, None],
    )
    worst = law.argmax(axis=-1)
    ends = wc.stack([each.limit[int(s)] for each, s in zip(found, worst, strict=True)])
    most = bounds.part.given(whole=law.max(axis=-1))
    name = "where it is largest, 2 G(2N) - G(N)"
    yield at_least(f"{name} >= 0.9 KL(pi|p)", ends, most, over="eta", share=1 - TENTH)
    yield at_most(f"{name} <= 1.1 KL(pi|p)", ends, most, over="eta", share=1 + TENTH)
    rate = order(ends[0], ends[1], SHARES[0] / SHARES[1])
    yield at_least("its order in the step", rate, split.order.given(), least=1.0)
