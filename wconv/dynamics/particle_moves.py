"""JAX kernels of one state's particles: action values, the proximal step, ends of the space, the score."""

from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp

from wconv.dynamics.particle_space import Geometry
from wconv.mdp.smooth import SmoothMDP, StateActionFunction

NEWTON: Final = 12
"""Newton steps of a proximal transport: quadratic from a + η∇q(a), where the objective is concave."""


class Functions(NamedTuple):
    """What of a problem is compiled; its temperature and discount are rates.

    So problems that differ in nothing else share a program. ``coupled`` unless the discount is 0.
    """

    reward: StateActionFunction
    transition: StateActionFunction
    n_states: int
    coupled: bool

    @classmethod
    def of(cls, smooth: SmoothMDP) -> "Functions":
        """The functions of a problem."""
        return cls(smooth.reward, smooth.transition, smooth.n_states, smooth.discount > 0)


class Rates(NamedTuple):
    """γ, τ, η, β, and the deviation of the policy's Gaussians: √(2τη), or the bandwidth of a blob."""

    gamma: Any
    tau: Any
    eta: Any
    beta: Any
    sigma: Any


def action_value(smooth: Functions, rates: Rates, s: Any, V: Any, a: Any) -> Any:
    """r(s, a) + γP(s, a)·V − β|a|²/2 of one action a (d,)."""
    value = smooth.reward(s, a)
    if smooth.coupled:
        value = value + rates.gamma * jnp.dot(smooth.transition(s, a), V, precision="highest")
    return value - rates.beta * jnp.sum(jnp.square(a)) / 2


def proximal(q: Any, x: Any, eta: Any, space: Geometry) -> tuple[Any, Any]:
    """argmax_a q(a) − |a − x|²/2η beside x (d, N) by Newton's method, and its last step's length.

    Where the Hessian of the objective is not negative definite the result is NaN.
    """
    slope, bend = jax.grad(q), jax.hessian(q)

    def one(x: Any) -> tuple[Any, Any]:
        def newton(_: Any, now: Any) -> Any:
            a, _ = now
            H = jnp.eye(x.shape[0], dtype=x.dtype) / eta - bend(a)
            rise = jax.scipy.linalg.cho_solve(
                (jnp.linalg.cholesky(H), True), slope(a) - (a - x) / eta
            )
            after = projected(a + rise, space)
            return after, jnp.max(jnp.abs(after - a))

        start = projected(x + eta * slope(x), space)
        return jax.lax.fori_loop(0, NEWTON, newton, (start, jnp.zeros((), x.dtype)))  # type: ignore[no-any-return]

    to, last = jax.vmap(one, in_axes=1, out_axes=(1, 0))(x)
    return to, jnp.max(last)


def projected(a: Any, space: Geometry) -> Any:
    """The nearest actions of an interval or box to a (d, ...)."""
    if space.boundary != "fold":
        return a
    low, length = _sides(a, space)
    return jnp.clip(a, low, low + length)


def reflected(a: Any, space: Geometry) -> Any:
    """Actions a (d, ...) folded back at the ends of a box, or wrapped round a torus."""
    if space.boundary == "none":
        return a
    low, length = _sides(a, space)
    if space.boundary == "wrap":
        return low + jnp.mod(a - low, length)
    return low + length - jnp.abs(jnp.mod(a - low, 2 * length) - length)


def _sides(a: Any, space: Geometry) -> tuple[Any, Any]:
    """Low ends and lengths, for every action of a (d, ...)."""
    column = (-1,) + (1,) * (a.ndim - 1)
    low, length = (jnp.asarray(part, a.dtype).reshape(column) for part in (space.low, space.length))
    return jnp.broadcast_to(low, a.shape), jnp.broadcast_to(length, a.shape)


def with_images(centres: Any, space: Geometry) -> Any:
    """Centres (N, d) and their nearest mirror or periodic images, (3^d N, d)."""
    if space.boundary == "none":
        return centres
    low, length = space.low, space.length
    for k in range(space.dim):
        at = centres[:, k]
        if space.boundary == "wrap":
            other = (at - length[k], at + length[k])
        else:
            other = (2 * low[k] - at, 2 * (low[k] + length[k]) - at)
        centres = jnp.concatenate([centres, *(centres.at[:, k].set(place) for place in other)])
    return centres


def score(x: Any, sigma: Any, space: Geometry) -> Any:
    """∇log of the mixture of Gaussians around the particles, at the particles (N, d)."""
    from wconv.measures.mixture_kernel import score_mixture

    return score_mixture(x, with_images(x, space), sigma)
