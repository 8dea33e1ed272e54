"""The soft value of the policy that particles form: a mixture of Gaussians around their centres.

Three estimators of V of the mixture π̂ = (1/N)Σ_i N(c_i, σ²I), folded or wrapped:

* "mixture": its masses on the nodes of the problem, every Gaussian summed: exact up to the quadrature that
  the law of ``evolve`` has as well;
* "gridded": the same masses by a fast Gauss transform, O(N + A log A), with a bound on their error;
* "samples": r, P and −log π̂ averaged over the particles, one drawn around every centre. Averages of r and P
  and of −log π̂ are unbiased for π̂; V, which is not linear in them, has a bias of order 1/N. Blobs are not
  drawn: theirs is the value that they climb, r of the particles and −log π̂ at the centres.
"""

from functools import partial
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp

from wconv.dynamics.langevin_kernel import Drift, noise_kernel
from wconv.dynamics.particle_moves import Functions, Rates, with_images
from wconv.dynamics.particle_space import Geometry
from wconv.dynamics.resolvent_kernel import value

TILE: Final = 2**18
"""Pairs (particle, node of an axis) held at a time, of all systems and states together."""


class Estimator(NamedTuple):
    """How V is found: "mixture", "gridded" or "samples", and for the first two on which nodes."""

    kind: str
    shape: tuple[int, ...] = ()
    images: int = 0
    boundary: str = "none"
    plan: Any = None


def masses(
    centres: Any, sigma: Any, axes: Drift, shape: tuple[int, ...], ends: Any, together: int = 1
) -> Any:
    """Masses (A,) of the mixture around centres (N, d) on nodes, and the mean mass that its rows missed.

    Each Gaussian is normalised on the nodes, as the law of the update is. ``ends`` is (images, boundary).
    So many rows of centres are held ``together`` by a ``vmap`` around this.
    """
    n, dim = centres.shape
    tile = min(n, max(TILE // (sum(shape) * together), 1))
    rows = -(-n // tile)
    padded = jnp.concatenate([centres, jnp.broadcast_to(centres[:1], (rows * tile - n, dim))])
    weight = (jnp.arange(rows * tile) < n).astype(centres.dtype) / n

    def add(so_far: Any, part: Any) -> Any:
        total, worst = so_far
        c, w = part
        factors, sums = [], 1.0
        for axis, count in enumerate(shape):
            factor = noise_kernel(c[None, :, axis], sigma, axes, axis, count, *ends)[0]
            mass = jnp.sum(factor, axis=-1)
            factors.append(factor / mass[:, None])
            sums = sums * mass
        factors[0] = w[:, None] * factors[0]
        summed = (
            jnp.sum(factors[0], axis=0)
            if len(shape) == 1
            else jnp.einsum("na,nb->ab", *factors, precision="highest").ravel()
        )
        return (total + summed, worst + jnp.sum(w * jnp.abs(sums - 1.0))), None

    start = (jnp.zeros(axes.nodes.shape[0], centres.dtype), jnp.zeros((), centres.dtype))
    parts = (padded.reshape(rows, tile, dim), weight.reshape(rows, tile))
    return jax.lax.scan(add, start, parts)[0]


@partial(jax.jit, static_argnames=("shape", "ends"))
def each_mixture(rows: Any, sigma: Any, axes: Drift, *, shape: tuple[int, ...], ends: Any) -> Any:
    """``masses`` of every row of centres (rows, N, d), one after the other."""
    return jax.lax.map(lambda centres: masses(centres, sigma, axes, shape, ends), rows)


def estimated(
    how: Estimator,
    smooth: Functions,
    space: Geometry,
    rates: Rates,
    tables: Any,
    x: Any,
    centres: Any,
) -> tuple[Any, Any]:
    """V (R, S) of the mixtures around centres (R, S, N, d), and the largest mass that nodes missed.

    ``tables`` are (problem, axes) of the nodes, or nothing where ``how`` needs none.
    """
    if how.kind == "samples":

        def in_state(s: Any, x: Any, centres: Any) -> tuple[Any, ...]:
            reward, kernel = means(smooth, s, x)
            return reward - rates.tau * _divergence(x, centres, rates.sigma, space), kernel

        across = jax.vmap(jax.vmap(in_state), in_axes=(None, 0, 0))
        reward, kernel = across(jnp.arange(smooth.n_states), x, centres)
        return solved(reward, kernel, rates.gamma), jnp.zeros((), x.dtype)
    problem, axes = tables

    def on_nodes(centres: Any) -> tuple[Any, Any]:
        if how.kind == "mixture":
            ends = (how.images, how.boundary)
            return masses(centres, rates.sigma, axes, how.shape, ends, x.shape[0] * x.shape[1])  # type: ignore[no-any-return]
        from wconv.measures.gridded import density

        found = density(centres, how.plan) * jnp.prod(axes.spacing)
        total = jnp.sum(found)
        return found / total, jnp.abs(total - 1.0)

    found, missed = jax.vmap(jax.vmap(on_nodes))(centres)
    return jax.vmap(lambda pi: value(problem, pi))(found), missed.max()


def means(smooth: Functions, s: Any, x: Any) -> tuple[Any, Any]:
    """Averages over particles (N, d) of r and of P(·|s, a), (S,)."""
    reward = jnp.mean(jax.vmap(lambda a: smooth.reward(s, a))(x))
    return reward, jnp.mean(jax.vmap(lambda a: smooth.transition(s, a))(x), axis=0)


def solved(reward: Any, kernel: Any, gamma: Any) -> Any:
    """(I − γP)V = r for every system: r (R, S), P (R, S, S)."""
    states = reward.shape[-1]
    one = jnp.broadcast_to(jnp.eye(states, dtype=reward.dtype), kernel.shape)
    matrix = one - gamma * kernel
    return jnp.linalg.solve(matrix, reward[..., None])[..., 0]


def _divergence(x: Any, centres: Any, sigma: Any, space: Geometry) -> Any:
    """The average of log π̂(a_i)/μ(a_i) over the particles, one drawn around every centre."""
    from wconv.measures.mixture_kernel import log_mixture

    around = with_images(centres, space)
    log_pi = log_mixture(x, around, sigma) + jnp.log(len(around) / len(centres))
    if space.boundary == "none":
        log_mu = -jnp.sum(jnp.square(x / space.scale), axis=-1) / 2
        log_mu = log_mu - space.dim * (jnp.log(space.scale) + jnp.log(2 * jnp.pi) / 2)
        return jnp.mean(log_pi - log_mu)
    return jnp.mean(log_pi) + jnp.sum(jnp.log(jnp.asarray(space.length)))
