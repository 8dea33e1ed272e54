"""JAX kernel of the frozen resolvent steps π' = (I − ηK)^{-T}π of the flow's reversible chain.

K has the rates (τ/h²)√(p_j/p_i) between neighbours of a line or a circle of nodes, so I − ηK is an
M-matrix of row sums one. It is eliminated in the form of Grassmann, Taksar and Heyman: off-diagonal
rates and row sums are carried instead of the diagonal, nothing is subtracted, and every mass comes out
with a small relative error, however large η and however small the mass. One program serves lines and
circles; on a product grid the factors of the directions follow one another.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Problem(NamedTuple):
    """The arrays of an MDP on a product grid: r (S, A), P (S, A, S'), γ, τ, log m (A,), h^{-2} (d,).

    ``wrap`` is one where the last node of a line is next to the first.
    """

    r: Any
    P: Any
    gamma: Any
    tau: Any
    log_m: Any
    inverse_square: Any
    wrap: Any


def value(problem: Problem, pi: Any) -> Any:
    """V^π for masses (S, A), by one solve of (I − γP_π)V = Σπ(r − τ log π/m)."""
    states = problem.r.shape[0]
    live = (pi > 0) & (problem.log_m[None] > -jnp.inf)
    logf = jnp.where(live, jnp.log(jnp.where(live, pi, 1.0)) - problem.log_m[None], 0.0)
    reward = jnp.sum(pi * (problem.r - problem.tau * logf), axis=-1)
    kernel = jnp.einsum("sa,sat->st", pi, problem.P)
    return jnp.linalg.solve(jnp.eye(states) - problem.gamma * kernel, reward[:, None])[:, 0]


@partial(jax.jit, static_argnames="shape")
def advance(
    problem: Problem, pi: Any, eta: Any, steps: Any, substeps: Any, *, shape: tuple[int, ...]
) -> Any:
    """``steps`` steps of length η of the masses π (S, A), q frozen in each, in ``substeps`` resolvents."""

    def step(_: Any, pi: Any) -> Any:
        V = value(problem, pi)
        q = problem.r + problem.gamma * jnp.einsum("sat,t->sa", problem.P, V)
        log_p = q / problem.tau + problem.log_m[None]
        reach = (eta / substeps) * problem.tau * problem.inverse_square
        return jax.lax.fori_loop(
            0, substeps, lambda _, x: _directions(x, log_p, reach, problem.wrap, shape), pi
        )

    return jax.lax.fori_loop(0, steps, step, pi)


def _directions(pi: Any, log_p: Any, reach: Any, wrap: Any, shape: tuple[int, ...]) -> Any:
    """One resolvent a direction of the grid, one after the other."""
    states = pi.shape[0]
    for axis, n in enumerate(shape):

        def lines(x: Any, axis: int = axis, n: int = n) -> Any:
            return jnp.moveaxis(x.reshape(states, *shape), axis + 1, 0).reshape(n, -1)

        moved = _along_lines(lines(pi), lines(log_p), reach[axis], wrap)
        rest = (states, *shape[:axis], *shape[axis + 1 :])
        pi = jnp.moveaxis(moved.reshape(n, *rest), 0, axis + 1).reshape(states, -1)
    return pi


def _along_lines(b: Any, log_p: Any, reach: Any, wrap: Any) -> Any:
    """x with (I − ηK)ᵀx = b on each of the columns of b (n, lines); reach = ητ/h²."""
    half = (jnp.roll(log_p, -1, axis=0) - log_p) / 2
    up, down = reach * jnp.exp(half), reach * jnp.exp(-half)  # i → i+1 and i+1 → i
    # The last node stays until the end; w and z are the rates to it and from it.
    w, z = (jnp.where(wrap > 0, rate[-1], 0.0) for rate in (down, up))
    d = 1.0 + up[0] + w
    first = (jnp.ones_like(d), d, b[0] / d, w, z, z / d, w * b[0] / d)

    def eliminate(carry: Any, row: Any) -> Any:
        s, d, y, w, z, lost, gained = carry
        b, up, up_before, down_before = row
        s, w, z = 1.0 + down_before * (s / d), down_before * (w / d), z * (up_before / d)
        y, d = b + up_before * y, s + up + w
        y = y / d
        return (s, d, y, w, z, lost + z * (s / d), gained + w * y), (y, d, z)

    rows = (b[1:-1], up[1:-1], up[:-2], down[:-2])
    (s, d, y, _, _, lost, gained), kept = jax.lax.scan(eliminate, first, rows)
    last = (b[-1] + gained + up[-2] * y) / (1.0 + lost + down[-2] * (s / d))
    ys, ds, zs = (
        jnp.concatenate([one[None], more])
        for one, more in zip((first[2], first[1], z), kept, strict=True)
    )

    def substitute(after: Any, row: Any) -> Any:
        y, d, z, down = row
        x = y + (down * after + z * last) / d
        return x, x

    x = jax.lax.scan(substitute, last, (ys, ds, zs, down[:-1]), reverse=True)[1]
    return jnp.concatenate([x, last[None]])
