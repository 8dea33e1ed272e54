"""plugin-entropy  The entropy of an implicit policy lies between two plug-in estimates.

Setting.     a = g(z) + σξ, so π = E_z N(g(z), σ²I); π̂ = (1/M) Σ_m N(g(z_m), σ²I), Ĥ = −(1/L) Σ_l log π̂(a_l)
             with a_l from π̂ (the centres reused) or from π (fresh latents). Entropies are counted from the
             noise's: J = H(π) − (d/2) log(2πeσ²). Here g is the quantile function of the optimal policy of
             the first state on its nodes and σ an eighth of its standard deviation; E is a mean over
             seeded replications, known with a joint one-sided confidence of 99.99 % a claim.
Hypotheses.  (H1) The actions are on a line (elsewhere there is no quadrature).
Claim.       E Ĥ reused ≤ H ≤ E Ĥ fresh; both approach H monotonically in M, for any centres already from the
             mean over equal parts of them to all; H − E Ĥ reused = E KL(π̂‖π) ≤ log(1 + C/M) with
             C = E χ²(N(g, σ²I)‖π); Ĥ reused ≤ log M in the mean over actions; its variance at fixed
             centres is Var(log π̂(a))/L, Var(log π̂(a)) ≤ (√(d/2) + log(M+e−1))².
Tight for.   Many centres (the bracket); few and separated ones (log M). The variance is loose: d/2 there.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, appendix D.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

import wconv as wc
from wconv.theory import Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import entropy as bounds

SHARE: Final = 8.0
"""Standard deviations of the policy to one of the noise."""

COUNTS: Final = (4, 32, 128)
REPLICATIONS: Final = 64
"""Enough for 1 % of J where the policy is nearly flat; a peaked one varies more, and takes more."""

PER_SIGMA: Final = 8
CONFIDENCE: Final = 0.9999

WELLS = case("tilted-double-well", temperature=5.0, tight=0.07)
CASES = [
    WELLS,
    case("heavy", temperature=5.0),
    case("double-well", temperature=2.0, tier="all"),
    case("quadratic-bandit", temperature=20.0, tier="all"),
    case("ring", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("half as many centres", on=WELLS, constants={"M": 0.5}),
    control("a fifth of the spread of the centres", on=WELLS, constants={"C": 0.2}),
    control("a system a tenth as hot", on=WELLS, dynamics={"temperature": 0.1}),
]


def smoothed(policy: "wc.Policy", sigma: float) -> "wc.Mixtures":
    """The implicit policy of the first state: its nodes, drawn with their masses, in noise σ."""
    return wc.Mixtures(policy.grid.nodes, sigma, policy.pi[0])


def noise(policy: "wc.Policy") -> float:
    """An eighth of the standard deviation of the policy in the first state."""
    masses, places = policy.pi[0], policy.grid.nodes[:, 0]
    return float(np.sqrt(masses @ (places - masses @ places) ** 2)) / SHARE


@dataclass(frozen=True, eq=False)
class Estimates:
    """J of mixtures by M, means over actions: with its own, with fresh ones; and L·Var, (M, replication)."""

    reused: "wc.Measured"
    fresh: "wc.Measured"
    variance: "wc.Measured"

    @classmethod
    def of(cls, law: "wc.Mixtures", rng: np.random.Generator) -> "Estimates":
        """The same centres pooled into more and more; several mixtures of few to a replication."""
        line = wc.LineSum.covering(law, per_sigma=PER_SIGMA)
        log_law = law.log_density(line.nodes)
        centres = law.latents(rng, REPLICATIONS * COUNTS[-1]).reshape(-1, COUNTS[0], law.dim)
        logs = wc.Mixtures(centres, law.sigma).log_density(line.nodes)
        reused, fresh, variance = [], [], []
        for former, count in pairwise((COUNTS[0], *COUNTS)):
            logs = wc.pooled(logs, count // former)
            own = line.surprise(logs, logs, count)
            reused.append(by_replication(own - law.floor))
            fresh.append(by_replication(line.surprise(log_law, logs, count) - law.floor))
            variance.append(by_replication(line.variance(logs, logs, own.value, count)))
        return cls(wc.stack(reused), wc.stack(fresh), wc.stack(variance))


def by_replication(each: "wc.Measured") -> "wc.Measured":
    """The mean over the mixtures of every replication."""
    terms = {name: error.reshape(REPLICATIONS, -1) for name, error in each.errors.items()}
    together: wc.Measured = wc.Measured(each.value.reshape(REPLICATIONS, -1), terms).total()
    return together * (REPLICATIONS / each.value.size)


@check("plugin-entropy", cases=CASES, controls=CONTROLS, kind="statistical", actions="line")
def plugin_entropy(run: "wc.Run") -> Iterator[Item]:
    """64 replications of 128 centres, pooled into 4, 32 and 128."""
    space = run.mdp.grid.space
    line = isinstance(space, wc.Interval | wc.GaussianLine)
    yield condition("H1", line, f"the actions are of type {type(space).__name__}")
    if not line:
        return
    policy = run.true.solution.policy
    law = smoothed(policy, noise(policy))
    J, C = wc.cross_entropy(law, law) - law.floor, wc.chi_square_information(law)
    M = np.array(COUNTS, float)
    found = Estimates.of(smoothed(run.solution.policy, law.sigma), run.rng(0))
    reused = wc.replicated(found.reused, confidence=CONFIDENCE, axis=-1)
    fresh = wc.replicated(found.fresh, confidence=CONFIDENCE, axis=-1)
    own = bounds.information.given(J=J)
    yield at_most("E reused <= H", reused, own, over="count")
    yield at_least("E fresh >= H", fresh, own, over="count")
    yield at_least(
        "E reused >= H - log(1 + C/M)", reused, bounds.biased.given(J=J), over="count", C=C, M=M
    )
    yield at_most("E reused <= log M", reused, bounds.names.given(), over="count", M=M)
    for name, sense, each in (("rises", at_most, found.reused), ("falls", at_least, found.fresh)):
        yield sense(
            f"from parts to the whole it {name}",
            each[:-1],
            bounds.pooled.given(information=each[1:]),
            over="count replication",
        )
    yield at_most(
        "L Var <= (sqrt(d/2) + log(M + e - 1))^2",
        found.variance,
        bounds.varentropy.given(),
        over="count replication",
        M=M[:, None],
        dim=law.dim,
    )
