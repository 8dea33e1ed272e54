"""JAX kernel of the mixture (1/N) Σ_i N(c_i, σ²I) of many particles: its log-density and its score.

Pairs are looked at a tile at a time with an online log-sum-exp: the largest exponent m so far and the sum
Σ e^{x−m} are carried over the tiles of centres, so that memory is O(tile² + P + N) instead of O(PN), and
nothing underflows. Exponents are −Σ_k(a_k − c_k)²/2σ² from the differences themselves: their error is
(d + 6)u relative, wherever the cloud lies (u the unit roundoff). |a|² + |c|² − 2a·c would be two to four
times faster for d > 4, but wrong by (d + 4)u(|a| + |c|)²/2σ², which in float32 is of order one for clouds
a thousand σ wide.
"""

from functools import partial
from math import prod
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from wconv import _require as require

TILE: Final = 512
"""Points, and centres, looked at together: 2 MB of float64."""


@partial(jax.jit, static_argnames=("tile", "without_self"))
def log_mixture(
    points: Any, centres: Any, sigma: Any, *, tile: int = TILE, without_self: bool = False
) -> Any:
    """log (1/N) Σ_i N(a; c_i, σ²I) at points (..., P, d) for centres (..., N, d), shape (..., P).

    With ``without_self`` point i leaves centre i out: log (1/(N−1)) Σ_{j≠i} N(a_i; c_j, σ²I). The leading
    axes are broadcast and taken one after another (inside ``vmap`` they are held together). The error is
    (d + 6)u times the exponents that matter, and (tile + N/tile + 4)u, to first order.

    Raises:
        InputError: for shapes that do not fit, and for a tile below 1.

    """
    points, centres = _checked(points, centres, tile, without_self)
    dim, count = centres.shape[-1], centres.shape[-2] - without_self
    nothing = jnp.zeros((*centres.shape[:-1], 0), centres.dtype)
    total, _ = _reduced(points, centres, nothing, sigma, tile, without_self)
    return total - (jnp.log(count) + dim * jnp.log(sigma * jnp.sqrt(2 * jnp.pi)))


@partial(jax.jit, static_argnames=("tile", "without_self"))
def score_mixture(
    points: Any, centres: Any, sigma: Any, *, tile: int = TILE, without_self: bool = False
) -> Any:
    """∇_a log (1/N) Σ_i N(a; c_i, σ²I) = Σ_i w_i(a)(c_i − a)/σ², shape (..., P, d).

    w_i are the shares of the kernels at a; ``without_self`` as in ``log_mixture`` (the gradient is in the
    point, its centre being left out). Means are taken about the mean of the centres: σ·score is known
    to (tile + N/tile)u times the radius of the cloud in σ, little more than what rounding of the places does.
    It is NaN where all exponents overflow.

    Raises:
        InputError: for shapes that do not fit, and for a tile below 1.

    """
    points, centres = _checked(points, centres, tile, without_self)
    origin = jnp.mean(centres, axis=-2, keepdims=True)
    _, mean = _reduced(points, centres, centres - origin, sigma, tile, without_self)
    return (mean - (points - origin)) / sigma**2


def _reduced(
    points: Any, centres: Any, values: Any, sigma: Any, tile: int, without_self: bool
) -> tuple[Any, Any]:
    """log Σ_i e^{x_i} (..., P), and Σ_i e^{x_i}v_i / Σ_i e^{x_i} (..., P, v)."""
    batch, count, sources = points.shape[:-2], points.shape[-2], centres.shape[-2]

    def flat(array: Any) -> Any:
        return array.reshape(prod(batch), *array.shape[-2:])

    def one(cloud: Any) -> tuple[Any, Any]:
        a, c, v = cloud
        a_tiles, c_tiles, v_tiles = (_tiles(array, tile) for array in (a, c, v))
        c_columns = c_tiles.swapaxes(1, 2)  # coordinates contiguous, for the loop over pairs
        i, j = (np.arange(t.shape[0] * t.shape[1]).reshape(t.shape[:2]) for t in (a_tiles, c_tiles))

        def of_points(item: Any) -> tuple[Any, Any]:
            tiles = c_columns, v_tiles, j
            return _over_centres(item[0], item[1], tiles, sources, sigma, without_self)

        total, mean = jax.lax.map(of_points, (a_tiles, i))
        rows = total.size
        return total.reshape(rows)[:count], mean.reshape(rows, v.shape[-1])[:count]

    total, mean = jax.lax.map(one, (flat(points), flat(centres), flat(values)))
    return total.reshape(*batch, count), mean.reshape(*batch, *mean.shape[-2:])


def _over_centres(
    a: Any, i: Any, tiles: Any, sources: int, sigma: Any, without_self: bool
) -> tuple[Any, Any]:
    """The same for points a (p, d) of indices i (p,), over tiles of centres, values and indices."""
    # Finite, for a tile may hold nothing else: what it adds is scaled to zero as soon as a real one comes.
    absent = float(np.finfo(a.dtype).min)

    def step(carry: Any, tile: Any) -> tuple[Any, None]:
        top, total, weighted = carry
        c, v, j = tile
        x = jnp.zeros((a.shape[0], c.shape[1]), a.dtype)
        for k in range(a.shape[1]):
            x = x + jnp.square(a[:, k, None] - c[None, k])
        there = j[None] < sources
        if without_self:
            there = there & (i[:, None] != j[None])
        x = jnp.where(there, -0.5 / sigma**2 * x, absent)
        higher = jnp.maximum(top, jnp.max(x, axis=1))
        kept, parts = jnp.exp(top - higher), jnp.exp(x - higher[:, None])
        total = kept * total + jnp.sum(parts, axis=1)
        weighted = kept[:, None] * weighted + jnp.dot(parts, v, precision="highest")
        return (higher, total, weighted), None

    zero = jnp.zeros(a.shape[0], a.dtype)
    start = (zero + absent, zero, jnp.zeros((a.shape[0], tiles[1].shape[-1]), a.dtype))
    (top, total, weighted), _ = jax.lax.scan(step, start, tiles)
    return top + jnp.log(total), weighted / total[:, None]


def _tiles(array: Any, tile: int) -> Any:
    """Rows (n, k) as equal tiles (tiles, rows, k), the last one filled up with zeros."""
    number = -(-array.shape[0] // tile)
    rows = -(-array.shape[0] // number)
    filled = jnp.pad(array, ((0, number * rows - array.shape[0]), (0, 0)))
    return filled.reshape(number, rows, array.shape[1])


def _checked(points: Any, centres: Any, tile: int, without_self: bool) -> tuple[Any, Any]:
    """Both with the leading axes of the two together."""
    require.count("tile", tile, 1)
    if min(points.ndim, centres.ndim) < 2 or points.shape[-1] != centres.shape[-1]:
        got = (points.shape, centres.shape)
        require.fail(
            "points and centres", "have shapes (..., P, d) and (..., N, d)", got, "reshape"
        )
    require.count("number of points", points.shape[-2], 1)
    require.count("number of centres", centres.shape[-2], 1 + without_self)
    if without_self and points.shape[-2] != centres.shape[-2]:
        got = (points.shape[-2], centres.shape[-2])
        require.fail("points", "be as many as centres", got, "draw one from every centre")
    batch = np.broadcast_shapes(points.shape[:-2], centres.shape[:-2])
    points = jnp.broadcast_to(points, (*batch, *points.shape[-2:]))
    return points, jnp.broadcast_to(centres, (*batch, *centres.shape[-2:]))
