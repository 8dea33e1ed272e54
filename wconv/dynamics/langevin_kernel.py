"""JAX kernel of the law of the Langevin update a ← a + ηb(s, a) + √(2τη)ξ on the nodes of a grid.

π'(y) = ∫π(a) N(y; a + ηb(a), 2τη) da by the midpoint rule in a, which is spectrally accurate as long as
the Gaussian is wider than the spacing; wrapped on a torus and folded back (by images) on a box. In two
dimensions the Gaussian is a product, one factor a direction.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from wconv.dynamics.resolvent_kernel import Problem, value


class Drift(NamedTuple):
    """∇r (S, A, d), ∇P (S, A, S', d), β, and the axes: low ends, spacings and lengths (d,)."""

    r: Any
    P: Any
    beta: Any
    nodes: Any
    low: Any
    spacing: Any
    length: Any


@partial(jax.jit, static_argnames=("shape", "images", "boundary"))
def advance(
    problem: Problem,
    drift: Drift,
    pi: Any,
    eta: Any,
    steps: Any,
    *,
    shape: tuple[int, ...],
    images: int,
    boundary: str,
) -> tuple[Any, Any]:
    """``steps`` updates of the masses π (S, A), and the largest mass that rows put back in one step."""

    def step(_: Any, carry: Any) -> Any:
        pi, defect = carry
        V = value(problem, pi)
        b = drift.r + problem.gamma * jnp.einsum("satd,t->sad", drift.P, V)
        mean = drift.nodes[None] + eta * (b - drift.beta * drift.nodes[None])
        sigma = jnp.sqrt(2 * problem.tau * eta)
        factors, total = [], jnp.ones_like(pi)
        for axis, n in enumerate(shape):
            factor = _transition(mean[..., axis], sigma, drift, axis, n, images, boundary)
            mass = jnp.sum(factor, axis=-1)
            factors.append(factor / mass[..., None])
            total = total * mass
        moved = jnp.max(jnp.sum(pi * jnp.abs(total - 1.0), axis=-1))
        return _push(pi, factors), jnp.maximum(defect, moved)

    return jax.lax.fori_loop(0, steps, step, (pi, jnp.zeros(())))  # type: ignore[no-any-return]


def _push(pi: Any, factors: list[Any]) -> Any:
    """Σ_a π(a) Π_k G_k(a → y_k), as masses (S, A)."""
    weighted = pi[..., None] * factors[0]
    if len(factors) == 1:
        return jnp.sum(weighted, axis=1)
    return jnp.einsum("saj,sak->sjk", weighted, factors[1]).reshape(pi.shape)


def _transition(
    mean: Any, sigma: Any, drift: Drift, axis: int, n: int, images: int, boundary: str
) -> Any:
    """Masses h·N(y_j; mean, σ²) with their images, (S, A, n)."""
    low, h, length = drift.low[axis], drift.spacing[axis], drift.length[axis]
    y = low + h * (jnp.arange(n) + 0.5)
    scale = h / (sigma * jnp.sqrt(2 * jnp.pi))

    def bell(distance: Any) -> Any:
        return jnp.exp(-0.5 * jnp.square(distance / sigma))

    if boundary == "none":
        return scale * bell(y[None, None] - mean[..., None])
    if boundary == "wrap":
        centre = (low + jnp.mod(mean - low, length))[..., None]
        shifts = [k * length for k in range(-images, images + 1)]
        return scale * sum(bell(y[None, None] - centre + shift) for shift in shifts)
    folded = jnp.mod(mean - low, 2 * length)
    centre = (low + jnp.minimum(folded, 2 * length - folded))[..., None]
    shifts = [2 * k * length for k in range(-images, images + 1)]
    mirrored = 2 * low - y
    return scale * sum(
        bell(y[None, None] - centre + shift) + bell(mirrored[None, None] - centre + shift)
        for shift in shifts
    )
