"""Peers of the particle methods: the same updates and the same mixtures, the obvious way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import gaussian_kde

TAU, STEP, SCALE = 0.5, 0.01, 2.0
"""τ, η, and the deviation of the reference."""

Job = Callable[[], Any]


def well(s: Any, a: Any) -> Any:
    """r = −Σ_k(a_k² − 1)²/4: two wells an axis."""
    xp = a.__array_namespace__()
    return -xp.sum(xp.square(xp.square(a) - 1.0), axis=-1) / 4 + 0.0 * s


@dataclass(frozen=True)
class Langevin:
    """x ← x + η(∇r(x) − τx/scale²) + √(2τη)ξ on ``n`` particles in R^``dim`` of a type, ``steps`` times."""

    n: int
    dim: int
    dtype: Any
    steps: int

    @property
    def start(self) -> np.ndarray:
        drawn = np.random.default_rng(0).standard_normal((self.n, self.dim))
        return (SCALE * drawn).astype(self.dtype)

    def drift(self, x: Any) -> Any:
        return x - x * x * x - self.dtype(TAU / SCALE**2) * x

    def numpy(self) -> Job:
        """NumPy's PCG64 and ziggurat, one thread."""
        x0, eta, sigma = self.start, self.dtype(STEP), self.dtype(np.sqrt(2 * TAU * STEP))

        def run() -> np.ndarray:
            x, rng = x0, np.random.default_rng(1)
            for _ in range(self.steps):
                x = x + eta * self.drift(x) + sigma * rng.standard_normal(x.shape, self.dtype)
            return x

        return run

    def jax(self) -> Job:
        """The plain loop: a key a step, ``jax.random.normal``, the gradient by hand."""
        eta, sigma = self.dtype(STEP), self.dtype(np.sqrt(2 * TAU * STEP))
        return self._loop(
            lambda key, x: (
                x + eta * self.drift(x) + sigma * jax.random.normal(key, x.shape, x.dtype)
            )
        )

    def alone(self) -> Job:
        """As many numbers of ``jax.random.normal`` in the shape it likes best, summed."""
        return self._loop(lambda key, x: x + jax.random.normal(key, x.shape, x.dtype), flat=True)

    def sgld(self) -> Job:
        """blackjax's overdamped Langevin on the product of all particles: the same update."""
        kernel = blackjax.sgld(lambda x, _: self.drift(x))
        eta, tau = self.dtype(STEP), self.dtype(TAU)
        return self._loop(lambda key, x: kernel.step(key, x, None, eta, tau))

    def mala(self) -> Job:
        """blackjax's Metropolis-adjusted Langevin: densities, a key and a decision a chain besides."""

        def log_density(x: Any) -> Any:
            return (well(0, x) - TAU * jnp.sum(x * x) / (2 * SCALE**2)) / TAU

        # Its step is that of a density of temperature one.
        kernel = blackjax.mala(log_density, self.dtype(STEP * TAU))

        def step(key: Any, state: Any) -> Any:
            return jax.vmap(kernel.step)(jax.random.split(key, self.n), state)[0]

        return self._loop(step, begin=jax.vmap(kernel.init))

    def _loop(
        self, step: Callable[[Any, Any], Any], *, flat: bool = False, begin: Any = None
    ) -> Job:
        @jax.jit
        def run(x: Any, key: Any) -> Any:
            state = x if begin is None else begin(x)
            return jax.lax.fori_loop(
                0, self.steps, lambda k, now: step(jax.random.fold_in(key, k), now), state
            )

        x = self.start.reshape(-1) if flat else self.start

        def job() -> Any:
            with jax.enable_x64(self.dtype == np.float64):  # or else noise is of float64
                return jax.block_until_ready(run(x, jax.random.key(0)))

        return job


def triad(count: int) -> Job:
    """x ← 0.5x + y, ten times over float64: 24 bytes a number and time."""

    @jax.jit
    def run(x: Any, y: Any) -> Any:
        return jax.lax.fori_loop(0, 10, lambda _, now: 0.5 * now + y, x)

    x, y = jnp.ones(count), jnp.ones(count)
    return lambda: run(x, y).block_until_ready()


def kde(points: np.ndarray, centres: np.ndarray, sigma: float) -> Job:
    """SciPy's estimate; centres whose covariance is the identity, so that its kernel is N(0, σ²I)."""
    found = gaussian_kde(centres.T, bw_method=sigma)
    return lambda: found.logpdf(points.T)


def naive(points: np.ndarray, centres: np.ndarray, sigma: float) -> Job:
    """All pairs at once in NumPy."""
    dim = points.shape[1]

    def run() -> np.ndarray:
        squares = np.zeros((len(points), len(centres)))
        for k in range(dim):
            squares += np.square(points[:, k, None] - centres[:, k])
        total = np.exp(squares * (-0.5 / sigma**2)).mean(axis=1)
        with np.errstate(divide="ignore"):
            return np.log(total) - dim * np.log(sigma * np.sqrt(2 * np.pi))

    return run


def whitened(count: int, dim: int) -> np.ndarray:
    """A cloud of two clusters with the identity as its covariance."""
    rng = np.random.default_rng(2)
    cloud = rng.standard_normal((count, dim)) + np.where(rng.random((count, 1)) < 0.4, -2.0, 2.0)
    cloud -= cloud.mean(axis=0)
    return np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(cloud.T))), cloud.T).T


def summed(points: np.ndarray, centres: np.ndarray, sigma: float) -> np.ndarray:
    """The log-density by a direct sum in extended precision, about the largest term."""
    far = np.longdouble(points[:, None]) - np.longdouble(centres)
    x = -np.square(far / np.longdouble(sigma)).sum(axis=-1) / 2
    top = x.max(axis=1, keepdims=True)
    scale = np.log(np.longdouble(sigma) * np.sqrt(2 * np.pi, dtype=np.longdouble))
    return (top[:, 0] + np.log(np.exp(x - top).mean(axis=1))) - points.shape[1] * scale
