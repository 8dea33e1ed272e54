"""particle-entropy  N particles lose half a χ² over N of entropy, and tell it by one action each.

Setting.     X_1, …, X_N independent centres of mean law ρ, φ_x = N(x, σ²I), π = ∫φ dρ, π̂ = (1/N)Σφ_{X_i},
             a_i = X_i + σξ_i, one action a centre; Y = π̂/π, C = E χ²(φ_X‖π), κ and m the third and fourth
             moments of φ_X/π about one, s = ∫(Var φ_X/π²)² dπ. Here ρ, σ are those of `plugin-entropy`, E is
             a mean over replications, with a joint one-sided confidence of 99.99 % a claim.
Hypotheses.  (H1) The actions are an interval (elsewhere no quadrature, or κ = ∞).  (H2) Its end
             nodes have a ten-thousandth of the mass or more (else κ is not that of so few particles).
Claim.       H(π) − E H(π̂) = E KL(π̂‖π). Centres of one law: it lies between C/(2N) − κ/(6N²) and
             C/(2N) − κ/(6N²) + (m+3(N−1)s)/(3N³), so it is of order 1/N. Stratified ones: it is at most
             log(1 + C_w/N), C_w = (1/N)Σ_i ∫Var_{ρ_i}(φ)/π ≤ C. Given the centres (1/N)Σ log Y(a_i) has the
             mean KL(π̂‖π), whatever N (here: to a tenth of it), and at most the variance of as many actions
             drawn from π̂. If its own centre is left out, −(1/N)Σ log π̂_{−i}(a_i) has a mean that exceeds
             H(π) by C/(2M) − κ/(3M²) at least, M = N−1.
Tight for.   N ≫ C; for strata while they are wider than the noise.
Reference.   docs/theory.md, section 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Final

import numpy as np

import wconv as wc
from theory_checks.particles import order
from theory_checks.wppg.plugin_entropy import (
    CONFIDENCE,
    REPLICATIONS,
    by_replication,
    noise,
    smoothed,
)
from wconv._axes import Array
from wconv.measures.mixtures import REACH
from wconv.theory import Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import particles as bounds
from wconv.theory.bounds import split

EACH, DRAWS = 512, 3
"""Centres a replication (mixtures of few are many), and actions that each of them takes in turn."""

SEEDS: Final = 4096
"""Draws of the centres alone."""

SAMPLED: Final = (4, 16, 64)
STRATA: Final = (4, 16, 64)
COUNTS: Final = (16, 64)
TENTH: Final = 0.1

RARE: Final = 1e-3
"""A mass without which κ and m are of centres that are hardly met: 32768 are drawn."""

PER_SIGMA: Final = 5
"""Nodes of quadrature, few as there are many mixtures: its errors stay far below those of sampling."""

WELLS = case("tilted-double-well", temperature=5.0, tight=0.3)
CASES = [
    WELLS,
    case("heavy", temperature=5.0, tight=0.3),
    case("double-well", temperature=2.0, tier="all"),
    case("quadratic-bandit", temperature=20.0, tier="all"),
    case("quadratic-bandit", tier="all", expect="INAPPLICABLE", fails="H2"),
    case("gaussian-line", tier="all", expect="INAPPLICABLE", fails="H1"),
    case("ring", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("half the spread within strata", on=WELLS, constants={"C": 0.5}),
    control("an estimate a fifth lower", on=WELLS, constants={"share": 0.8}),
    control("an order of two", on=WELLS, constants={"least": 4.0}),
    control("a system a fifth as hot", on=WELLS, dynamics={"temperature": 0.2}),
]


@dataclass(frozen=True, eq=False)
class Kernels:
    """φ_x/π at the nodes of a line, (centre, node), and π there; π is ``law``, of ``masses`` w_x."""

    law: "wc.Mixtures"
    masses: Array
    line: "wc.LineSum"
    ratios: Array
    density: Array

    @classmethod
    def of(cls, policy: "wc.Policy") -> "Kernels":
        """Of the first state's policy, its nodes in noise."""
        law = smoothed(policy, noise(policy))
        line = wc.LineSum.covering(law, per_sigma=PER_SIGMA)
        log_law = law.log_density(line.nodes)
        each = wc.Mixtures(law.centres[:, None], law.sigma).log_density(line.nodes)
        return cls(law, policy.pi[0], line, np.exp(each - log_law), np.exp(log_law))

    def mean(self, values: Array, size: Array, power: int) -> "wc.Measured":
        """∫values dπ of functions of ratios to π that ``size`` bounds, with their derivatives by log ratios.

        Outside of all nodes no φ/π exceeds the reciprocal of the mass of the last centre on that side, and
        a function no more than that to the given power.
        """
        # Exponents are known to eps times their distances, sums to eps times their terms.
        far = (float(np.abs(self.line.nodes).max()) + self.line.width) / self.law.sigma
        lost = size * (self.density * (far * far + len(self.ratios)))
        last = 1.0 / float(self.masses[[0, -1]].min())
        return self.line.integral(values * self.density, lost, last**power * erfc(REACH / sqrt(2)))

    def moment(self, power: int) -> "wc.Measured":
        """E∫(φ_X/π − 1)^power dπ."""
        values, size = ((self.ratios + sign) ** power for sign in (-1.0, 1.0))
        return self.mean(self.masses @ values, power * (self.masses @ size), power)

    def square(self) -> "wc.Measured":
        """s = ∫(Var φ_X/π²)² dπ."""
        values, size = (self.masses @ (self.ratios + sign) ** 2 for sign in (-1.0, 1.0))
        return self.mean(values**2, 4.0 * size**2, 4)

    def chi_square(self, Y: Array) -> "wc.Measured":
        """χ²(π̂‖π) from Y = π̂/π (..., node)."""
        return self.mean((Y - 1.0) ** 2, 2.0 * (1.0 + Y) ** 2, 2)

    def divergence(self, Y: Array) -> "wc.Measured":
        """KL(π̂‖π), of an integrand that is not negative."""
        from scipy.special import kl_div

        return self.mean(kl_div(Y, 1.0), 2.0 * (1.0 + Y) ** 2, 2)

    def variance(self, Y: Array, KL: "wc.Measured") -> "wc.Measured":
        """The variance of log Y(a), a from π̂, whose mean is KL."""
        logs = np.log(np.where(Y > 0, Y, 1.0))
        return self.mean(Y * logs**2, 2.0 * (1.0 + Y) ** 2, 2) - KL * KL


def counted(index: Array, count: int) -> Array:
    """How often every one of ``count`` centres is drawn in a row of indices, (row, centre)."""
    rows = np.arange(len(index))[:, None] * count
    every = np.bincount((rows + index).ravel(), minlength=len(index) * count)
    return every.reshape(len(index), count)


@dataclass(frozen=True, eq=False)
class Told:
    """Means over actions, one a centre, (count, replication): of log Y less KL(π̂‖π), and N times the square
    of that; KL and the variance of log Y themselves; of −log Y where the own centre is left out of Y.
    """

    off: "wc.Measured"
    square: "wc.Measured"
    KL: "wc.Measured"
    variance: "wc.Measured"
    left_out: "wc.Measured"

    @classmethod
    def of(cls, kernels: Kernels, weights: Array, rng: np.random.Generator) -> "Told":
        """The same particles in mixtures of more and more."""
        law, size = kernels.law, REPLICATIONS * EACH
        index = rng.choice(len(weights), size=size, p=weights / weights.sum())
        xi = rng.standard_normal((size, DRAWS))
        actions = law.centres[index] + law.sigma * xi
        log_law = law.log_density(actions.reshape(-1, 1)).reshape(size, DRAWS)
        own = -0.5 * xi**2 - np.log(law.sigma * np.sqrt(2 * np.pi)) - log_law
        found = []
        for count in SAMPLED:
            shape = (-1, count, DRAWS)
            group = index.reshape(-1, count)
            left = others(law, group, actions.reshape(shape)) - log_law.reshape(shape)
            logs = np.logaddexp(left + np.log1p(-1 / count), own.reshape(shape) - np.log(count))
            Y = counted(group, len(weights)) / count @ kernels.ratios
            KL = kernels.divergence(Y)
            off = logs.mean(axis=1) - KL[:, None]
            variance = kernels.variance(Y, KL)
            means = off, off * off * count, KL, variance, wc.Measured.of(-left.mean(axis=1))
            found.append([by_replication(each) for each in means])
        return cls(*(wc.stack(each) for each in zip(*found, strict=True)))


def others(law: "wc.Mixtures", group: Array, actions: Array) -> Array:
    """The log-density of the other centres of a mixture at actions of each, (mixture, centre, action)."""
    count = group.shape[1]
    rest = np.flatnonzero(~np.eye(count, dtype=bool)).reshape(count, count - 1) % count
    return wc.Mixtures(law.centres[group[:, rest]], law.sigma).log_density(actions[..., None])


def drawn(kernels: Kernels, weights: Array, rng: np.random.Generator) -> "wc.Measured":
    """KL(π̂‖π) of independent centres of one law, (count, seed)."""
    shares = weights / weights.sum()
    tables = [rng.multinomial(count, shares, SEEDS) / count for count in COUNTS]
    return wc.stack([kernels.divergence(table @ kernels.ratios) for table in tables])


def stratified(
    kernels: Kernels, weights: Array, rng: np.random.Generator
) -> tuple["wc.Measured", "wc.Measured"]:
    """KL(π̂‖π) with a centre from every N-th of the mass, (count, seed); and C_w of the true law."""
    found, spread = [], []
    for count in STRATA:
        levels = np.cumsum(weights)
        places = (np.arange(count) + rng.random((SEEDS, count))) / count * levels[-1]
        Y = counted(np.searchsorted(levels[:-1], places, side="right"), len(weights)) / count
        found.append(kernels.divergence(Y @ kernels.ratios))
        edges = np.concatenate([[0.0], np.cumsum(kernels.masses)])
        cuts = edges[-1] * np.arange(count + 1) / count
        shares = np.diff(np.clip(edges, cuts[:-1, None], cuts[1:, None])) * count
        spread.append(kernels.chi_square(shares @ kernels.ratios).total() * (-1 / count))
    return wc.stack(found), wc.stack(spread)


def independent(
    each: "wc.Measured", C: "wc.Measured", third: "wc.Measured", kernels: Kernels
) -> Iterator[Item]:
    """Both sides of E KL(π̂‖π), and its order."""
    N, KL = np.array(COUNTS, float), wc.replicated(each, confidence=CONFIDENCE, axis=-1)
    least = bounds.deficit_least.given(third=third)
    yield at_least("E KL >= C/2N - kappa/6N^2", KL, least, over="count", C=C, N=N)
    yield at_most(
        "E KL <= C/2N - kappa/6N^2 + (m + 3(N-1)s)/3N^3",
        KL,
        bounds.deficit_most.given(third=third, fourth=kernels.moment(4), square=kernels.square()),
        over="count",
        C=C,
        N=N,
    )
    name, found = "E KL vanishes", order(KL[0], KL[-1], COUNTS[-1] / COUNTS[0])
    faster, slower = split.order.given(), split.order_most.given()
    yield at_least(f"{name} faster than N^-1/2", found, faster, least=0.5)
    yield at_most(f"{name} slower than N^-3/2", found, slower, most=1.5)


def estimates(told: Told, C: "wc.Measured", third: "wc.Measured") -> Iterator[Item]:
    """What one action a centre tells, with the centre and without it."""
    off, square, left_out = (
        wc.replicated(each, confidence=CONFIDENCE, axis=-1)
        for each in (told.off, told.square, told.left_out)
    )
    KL, variance = (each.total() * (1 / REPLICATIONS) for each in (told.KL, told.variance))
    N, whole = np.array(SAMPLED, float), bounds.part.given(whole=KL)
    name = "given the centres the mean of log Y is"
    yield at_least(f"{name} >= 0.9 KL", KL + off, whole, over="count", share=1 - TENTH)
    yield at_most(f"{name} <= 1.1 KL", KL + off, whole, over="count", share=1 + TENTH)
    yield at_most(
        "N Var(mean of log Y given the centres) <= Var(log Y)",
        square,
        bounds.part.given(whole=variance),
        over="count",
        share=1.0,
    )
    yield at_least(
        "left out: E surprise - H >= C/2M - kappa/3M^2",
        left_out,
        bounds.left_out_least.given(third=third),
        over="count",
        C=C,
        N=N,
    )


@check("particle-entropy", cases=CASES, controls=CONTROLS, kind="statistical", actions="line")
def particle_entropy(run: "wc.Run") -> Iterator[Item]:
    """Independent centres, one draw from each stratum, and actions of 64 times 512 particles."""
    space = run.mdp.grid.space
    bounded = isinstance(space, wc.Interval)
    yield condition("H1", bounded, f"the actions are of type {type(space).__name__}")
    policy = run.true.solution.policy
    least = float(policy.pi[0, [0, -1]].min()) if bounded else 1.0
    yield condition("H2", least >= RARE, f"the least mass at an end is {least:.3g}")
    if not bounded or least < RARE:
        return
    kernels = Kernels.of(policy)
    weights = run.solution.policy.pi[0]
    C, third = wc.chi_square_information(kernels.law), kernels.moment(3)
    yield from independent(drawn(kernels, weights, run.rng(0)), C, third, kernels)
    KL, lost = stratified(kernels, weights, run.rng(1))
    yield at_most(
        "stratified: E KL <= log(1 + C_w/N)",
        wc.replicated(KL, confidence=CONFIDENCE, axis=-1),
        bounds.deficit.given(),
        over="count",
        C=lost + C,
        N=np.array(STRATA, float),
    )
    yield from estimates(Told.of(kernels, weights, run.rng(2)), C, third)
