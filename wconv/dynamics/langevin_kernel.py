"""JAX kernel of the law of the Langevin update a ← a + ηb(s, a) + √(2τη)ξ on the nodes of a grid.

π'(y) = ∫π(a) N(y; a + ηb(a), 2τη) da by the midpoint rule in a; wrapped on a torus and folded back (by
images) on a box. On the line and the torus the rule is spectrally accurate as long as the Gaussian is wider
than the distance d of the means of neighbouring nodes: it aliases by 2exp(−2π²·2τη/d²). On a box it is of
second order, for the integrand is not periodic. In two dimensions the Gaussian is a product, one factor a
direction.
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
) -> tuple[Any, Any, Any]:
    """``steps`` updates of the masses π (S, A), and what the worst of them did in any state.

    That is the mass that rows put back, and the aliasing of the midpoint rule, averaged over π.
    """

    def step(_: Any, carry: Any) -> Any:
        pi, defect, aliased = carry
        V = value(problem, pi)
        b = drift.r + problem.gamma * jnp.einsum("satd,t->sad", drift.P, V)
        mean = drift.nodes[None] + eta * (b - drift.beta * drift.nodes[None])
        sigma = jnp.sqrt(2 * problem.tau * eta)
        factors, total = [], jnp.ones_like(pi)
        for axis, n in enumerate(shape):
            factor = noise_kernel(mean[..., axis], sigma, drift, axis, n, images, boundary)
            mass = jnp.sum(factor, axis=-1)
            factors.append(factor / mass[..., None])
            total = total * mass
        moved = jnp.max(jnp.sum(pi * jnp.abs(total - 1.0), axis=-1))
        ripple = jnp.max(jnp.sum(pi * aliasing(mean, sigma, shape), axis=-1))
        return pushed(pi, factors), jnp.maximum(defect, moved), jnp.maximum(aliased, ripple)

    nothing = jnp.zeros(())
    return jax.lax.fori_loop(0, steps, step, (pi, nothing, nothing))  # type: ignore[no-any-return]


def aliasing(mean: Any, sigma: Any, shape: tuple[int, ...]) -> Any:
    """Σ over directions of 2exp(−2(πσ/d)²), d the distance to a neighbour's mean, (S, A)."""
    means, total = mean.reshape(-1, *shape, len(shape)), 0.0
    for axis in range(1, len(shape) + 1):
        apart = jnp.sqrt(jnp.sum(jnp.square(jnp.diff(means, axis=axis)), axis=-1))
        ends = [[(0, 0)] * apart.ndim for _ in range(2)]
        ends[0][axis], ends[1][axis] = (0, 1), (1, 0)
        ahead, behind = (jnp.pad(apart, pad, mode="edge") for pad in ends)
        farther = jnp.maximum(ahead, behind).reshape(mean.shape[:2])
        total = total + 2 * jnp.exp(-2 * jnp.square(jnp.pi * sigma / farther))
    return total


def pushed(pi: Any, factors: list[Any]) -> Any:
    """Σ_a π(a) Π_k G_k(a → y_k), as masses (S, A)."""
    weighted = pi[..., None] * factors[0]
    if len(factors) == 1:
        return jnp.sum(weighted, axis=1)
    return jnp.einsum("saj,sak->sjk", weighted, factors[1]).reshape(pi.shape)


def noise_kernel(
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
    # Folding is wrapping round twice the length, with a mirror image of every place.
    places, period = ([y], length) if boundary == "wrap" else ([y, 2 * low - y], 2 * length)
    total = 0.0
    for place in places:
        distance = place[None, None] - mean[..., None]
        nearest = distance - period * jnp.round(distance / period)
        total = total + sum(bell(nearest + k * period) for k in range(-images, images + 1))
    return scale * total
