"""Gaussian mixtures of one noise level, Σ_m w_m N(c_m, σ²I), and their entropies.

An implicit policy a = g(z) + σξ is the mixture over its latent z; drawing M latents gives its plug-in
density π̂ = (1/M) Σ_m N(g(z_m), σ²I), whose entropy estimate is −(1/L) Σ_l log π̂(a_l). On the line the
integrals over a are equal-step sums, which are accurate to rounding as soon as the step is a small part
of σ: four interleaved ones must agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import erfc, log, pi, prod, sqrt
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import Measured, rounding
from wconv.measures.densities import MASS_TOL
from wconv.measures.divergences import sum_depth
from wconv.measures.replications import replicated

TILE: Final = 2**18
"""Most pairs (action, centre) held at a time: 2 MB."""

REACH: Final = 10.0
"""Beyond the centres, in units of σ, where a Gaussian has 1e-23 of its mass left."""

OFFSETS: Final = 4
"""Interleaved sums, whose spread is the error of the mean: it sees both phases of their first aliases."""

MOST_NODES: Final = 10**6


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Mixtures Σ_m w_m N(c_m, σ²I), one for every leading index of the centres (..., M, d).

    ``weights`` (..., M) are equal unless given. InputError naming centres, sigma or weights.
    """

    centres: Array
    sigma: float
    weights: Array | None = None

    def __post_init__(self) -> None:
        """Validate, and turn lists into arrays."""
        centres = np.asarray(self.centres, dtype=float)
        if centres.ndim < 2 or not centres.size:
            requirement = "have shape (..., centres, dimensions)"
            require.fail("centres", requirement, centres.shape, "give at least one centre")
        require.finite("centres", centres)
        sigma = require.positive("sigma", self.sigma, "without noise there is no density")
        object.__setattr__(self, "centres", centres)
        object.__setattr__(self, "sigma", sigma)
        if self.weights is None:
            return
        weights = np.asarray(self.weights, dtype=float)
        require.shape("weights", weights, centres.shape[:-1], "(..., centres)")
        require.probabilities("weights", weights, "centres", MASS_TOL * weights.shape[-1])
        object.__setattr__(self, "weights", weights)

    @property
    def count(self) -> int:
        """M."""
        return int(self.centres.shape[-2])

    @property
    def dim(self) -> int:
        """d."""
        return int(self.centres.shape[-1])

    @property
    def floor(self) -> float:
        """(d/2) log(2πeσ²): the entropy of the noise, which no mixture is below."""
        return 0.5 * self.dim * (log(2 * pi) + 1.0) + self.dim * log(self.sigma)

    def log_density(self, actions: Array) -> Array:
        """log Σ_m w_m N(a; c_m, σ²I) at actions (..., L, d), shape (..., L), by tiles of actions.

        The leading axes are broadcast against those of the centres. InputError for other actions.
        """
        points = np.asarray(actions, dtype=float)
        if points.ndim < 2 or points.shape[-1] != self.dim:
            requirement = f"have shape (..., actions, {self.dim})"
            require.fail("actions", requirement, points.shape, "give one vector an action")
        require.finite("actions", points)
        batch = np.broadcast_shapes(points.shape[:-2], self.centres.shape[:-2])
        out = np.empty((*batch, points.shape[-2]))
        for part in _tiles(points.shape[-2], prod(batch) * self.count):
            out[..., part] = self._log_density(points[..., part, :])
        return out - self.dim * log(self.sigma * sqrt(2 * pi))

    def _log_density(self, actions: Array) -> Array:
        """The same without the normalisation of the noise, all at a time."""
        exponents = self._log_weights[..., None]
        for k in range(self.dim):
            apart = (actions[..., None, :, k] - self.centres[..., k, None]) / self.sigma
            exponents = exponents - 0.5 * apart * apart
        return _log_sum_exp(exponents)

    @cached_property
    def _log_weights(self) -> Array:
        """log w (M,) or (..., M), −inf where w = 0."""
        if self.weights is None:
            return np.full(self.count, -log(self.count))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.weights))

    def latents(self, rng: np.random.Generator, count: int) -> Array:
        """Independent centres of every mixture, drawn with their weights, shape (..., count, d)."""
        size = (*self.centres.shape[:-2], require.count("count", count, 1))
        if self.weights is None:
            chosen = rng.integers(self.count, size=size)
        else:
            levels = np.cumsum(self.weights, axis=-1)
            # Levels end at one up to rounding only; no uniform number is above the last.
            uniforms = rng.random(size) * levels[..., -1:]
            chosen = (uniforms[..., None] >= levels[..., None, :]).sum(axis=-1)
        return np.take_along_axis(self.centres, chosen[..., None], axis=-2)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Independent actions c_m + σξ of every mixture, shape (..., count, d)."""
        centres = self.latents(rng, count)
        return np.asarray(centres + self.sigma * rng.standard_normal(centres.shape))


def plug_in_entropy(mixtures: Mixtures, actions: Array, *, confidence: float = 0.99) -> Measured:
    """Ĥ = −(1/L) Σ_l log π̂(a_l) for actions (..., L, d), shape (...).

    Its mean at fixed centres is −∫p log π̂ for actions from p: H(π̂) for p = π̂. The error "sampling" is
    that of ``replicated`` about this mean; what the centres do to it is the subject of `plugin-entropy`.
    """
    return replicated(-mixtures.log_density(actions), confidence=confidence, axis=-1)


@dataclass(frozen=True, eq=False)
class LineSum:
    """An equal-step sum over ℝ for mixtures of noise σ: ``nodes`` (n, 1), and the width of their centres."""

    nodes: Array
    sigma: float
    width: float

    @classmethod
    def covering(cls, first: Mixtures, *others: Mixtures, per_sigma: int = 32) -> "LineSum":
        """Nodes from ten σ below all centres to ten above, ``per_sigma`` in every σ.

        InputError unless all have the same σ, d = 1, and the nodes are at most a million.
        """
        require.count("per_sigma", per_sigma, OFFSETS)
        sigma, every = first.sigma, (first, *others)
        for each in every:
            if each.dim != 1 or each.sigma != sigma:
                got = (each.dim, each.sigma)
                require.fail("dimension and sigma", f"be (1, {sigma})", got, "sample instead")
        low = min(float(each.centres.min()) for each in every)
        high = max(float(each.centres.max()) for each in every)
        parts = ((high - low) / sigma + 2 * REACH) * per_sigma / OFFSETS
        if parts > MOST_NODES / OFFSETS:
            width = f"{sigma} for centres {high - low:g} apart"
            require.fail("sigma", f"need at most {MOST_NODES} nodes", width, "lower per_sigma")
        steps = int(np.ceil(parts)) * OFFSETS
        spare = (steps / per_sigma - (high - low) / sigma) / 2
        nodes = low + sigma * (np.arange(steps) / per_sigma - spare)
        return cls(nodes[:, None], sigma, high - low)

    def integral(self, integrand: Array, magnitude: Array, beyond: float) -> Measured:
        """∫ of values (..., n) at the nodes with a rounding of ``magnitude`` eps each, shape (...).

        Error terms: "quadrature", the spread of four interleaved sums; "rounding"; and "truncation",
        which is ``beyond``, a bound on what lies outside.
        """
        step = float(self.nodes[1, 0] - self.nodes[0, 0])
        interleaved = integrand.reshape(*integrand.shape[:-1], -1, OFFSETS)
        sums = OFFSETS * step * interleaved.sum(axis=-2)
        return Measured.of(
            sums.mean(axis=-1),
            quadrature=np.ptp(sums, axis=-1),
            rounding=rounding(step * magnitude.sum(axis=-1), depth=1),
            truncation=beyond,
        )

    def surprise(self, log_p: Array, log_q: Array, count: int) -> Measured:
        """−∫p log q from log-densities (..., n) at the nodes, q of at most ``count`` centres, shape (...).

        The entropy of p where q = p.
        """
        p, size = np.exp(log_p), np.abs(log_q)
        lost = p * (size + 1.0) * self._digits(np.abs(log_p) + size, count)
        return self.integral(-p * log_q, lost, self._beyond(count, power=1))

    def variance(self, log_p: Array, log_q: Array, mean: Array, count: int) -> Measured:
        """∫p (log q + mean)², the variance of one surprise where ``mean`` (...) is −∫p log q."""
        p, apart = np.exp(log_p), log_q + np.asarray(mean)[..., None]
        size = np.abs(apart)
        lost = p * size * (size + 2.0) * self._digits(np.abs(log_p) + np.abs(log_q), count)
        return self.integral(p * apart * apart, lost, self._beyond(count, power=2))

    def chi_square(self, log_p: Array, log_squares: Array, count: int) -> Measured:
        """∫e^{log_squares}/p − 1, the first a mean of the squares of p's kernels."""
        ratio = np.exp(log_squares - log_p)
        lost = ratio * self._digits(np.abs(log_squares) + np.abs(log_p), count)
        # A term of the sum is at most its own kernel.
        return self.integral(ratio, lost, count * erfc(REACH / sqrt(2))) - 1.0

    def _digits(self, logs: Array, count: int) -> Array:
        """How many eps a product of exponentials loses: those of its exponents, and of the sums.

        Places, and with them exponents, are known to eps times their reach in units of σ.
        """
        reach = 1.0 + float(np.abs(self.nodes).max()) / self.sigma
        alike = log(count) + sum_depth(count) + abs(log(self.sigma)) + 1.0
        return np.asarray(logs * reach + (alike * reach + len(self.nodes)))

    def _beyond(self, count: int, power: int) -> float:
        """Bound on 2∫_R^∞ φ(t)(2u(t))^k dt, u(t) ≥ |log q| at t beyond all centres, and ≥ its mean.

        A kernel of weight 1/M or more is within D + t, so u(t) = (D+t)²/2 + log M + ½log 2π + |log σ|,
        which is at most u(R)(t/R)²; twice the Gaussian tail covers the powers of t/R.
        """
        far = self.width / self.sigma + REACH
        worst = 0.5 * far * far + log(count) + 0.5 * log(2 * pi) + abs(log(self.sigma))
        return 2.0 * erfc(REACH / sqrt(2)) * (2.0 * worst) ** power


def cross_entropy(p: Mixtures, q: Mixtures, *, per_sigma: int = 32) -> Measured:
    """−∫p log q on the line, shape (...) of both broadcast: the entropy for q = p.

    A sum over ``per_sigma`` nodes in every σ (``LineSum``). InputError unless d = 1 and σ is the same.
    """
    line = LineSum.covering(p, q, per_sigma=per_sigma)
    log_q = q.log_density(line.nodes)
    log_p = log_q if p is q else p.log_density(line.nodes)
    return line.surprise(log_p, log_q, q.count)


def chi_square_information(p: Mixtures, *, per_sigma: int = 32) -> Measured:
    """C = Σ_m w_m χ²(N(c_m, σ²)‖p) = ∫Σ_m w_m N(a; c_m, σ²)²/p(a) da − 1 on the line, shape (...).

    With it E KL(p̂‖p) ≤ log(1 + C/M) for M independent centres; at most (number of centres) − 1.
    """
    line = LineSum.covering(p, per_sigma=per_sigma)
    log_p = p.log_density(line.nodes)
    # The square of a kernel is a kernel of half the variance.
    squares = Mixtures(p.centres, p.sigma / sqrt(2), p.weights).log_density(line.nodes)
    return line.chi_square(log_p, squares - log(2 * sqrt(pi) * p.sigma), p.count)


def pooled(log_densities: Array, size: int) -> Array:
    """Log-densities (K/size, ...) of the mixtures of ``size`` consecutive ones of K, in equal shares.

    InputError unless ``size`` divides K.
    """
    require.count("size", size, 1)
    total = len(log_densities)
    if total % size:
        require.fail("size", f"divide {total}, the number of densities", size, "leave some out")
    parts = log_densities.reshape(total // size, size, -1)
    together = _log_sum_exp(parts) - log(size)
    return together.reshape(total // size, *log_densities.shape[1:])


def _log_sum_exp(exponents: Array) -> Array:
    """log Σ e^x over the last axis but one, along which an entry is finite."""
    peak = exponents.max(axis=-2, keepdims=True)
    return np.asarray(peak[..., 0, :] + np.log(np.exp(exponents - peak).sum(axis=-2)))


def _tiles(length: int, width: int) -> Iterator[slice]:
    """Slices of ``length`` points with ``TILE`` pairs or fewer (one point at least)."""
    block = max(TILE // width, 1)
    return (slice(k, k + block) for k in range(0, length, block))
