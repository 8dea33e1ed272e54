"""JAX kernel of the mixture (1/N) Σ_i N(c_i, σ²I) of many particles: its log-density and its score.

Pairs are looked at a tile at a time with an online log-sum-exp: the square m of the distance to the nearest
centre so far and Σ_i 2^{y_i}(1, v_i), y_i = (m − |a − c_i|²)·log₂e/2σ², are carried over the tiles of
centres, so that memory is O(tile² + P + N) instead of O(PN), and nothing underflows that matters. Squares are
Σ_k(a_k − c_k)² from the differences themselves: exponents have a relative error of (d + 7)u, wherever the
cloud lies (u the unit roundoff). |a|² + |c|² − 2a·c would be faster for d > 4, but wrong by
(d + 4)u(|a| + |c|)²/2σ², which in float32 is of order one for clouds a thousand σ wide.

What XLA makes fast on processors decides the form: points are contiguous, and sums are matrix products.
"""

from functools import partial
from math import prod
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wconv import _require as require

TILE: Final = 512
"""Points, and centres, looked at together: 2 MB of float64."""

LOG2_E: Final = 1.4426950408889634
"""log₂e."""


class Format(NamedTuple):
    """A type of numbers: digits of a fraction, largest exponent, integers of its size, and how to find 2^f.

    ``powers`` are the coefficients of the polynomial that is 2^f at the Chebyshev points of [−½, ½]; its
    relative error there is below 0.2u.
    """

    digits: int
    largest: int
    integer: Any
    powers: tuple[float, ...]


FORMATS: Final = {
    np.dtype(np.float64): Format(
        52,
        1023,
        np.int64,
        (
            1.0,
            0.6931471805599453,
            0.24022650695910158,
            0.055504108664821625,
            0.009618129107587256,
            0.001333355814640647,
            0.00015403530463724353,
            1.5252733841556773e-05,
            1.3215432535912375e-06,
            1.0178057087733941e-07,
            7.074194297288521e-09,
            4.4558179083360645e-10,
        ),
    ),
    np.dtype(np.float32): Format(
        23,
        127,
        np.int32,
        (
            1.0,
            0.6931472067028326,
            0.24022650922288757,
            0.05550327226670302,
            0.009618056678524637,
            0.0013400428177615838,
            0.0001546144469856913,
        ),
    ),
}


@partial(jax.jit, static_argnames=("tile", "without_self"))
def log_mixture(
    points: Any, centres: Any, sigma: Any, *, tile: int = TILE, without_self: bool = False
) -> Any:
    """log (1/N) Σ_i N(a; c_i, σ²I) at points (..., P, d) for centres (..., N, d), shape (..., P).

    With ``without_self`` point i leaves centre i out: log (1/(N−1)) Σ_{j≠i} N(a_i; c_j, σ²I). The leading
    axes are broadcast and taken one after another (inside ``vmap`` they are held together). The error is
    (d + 7)u times the exponents that matter, and (tile + 4N/tile + 4)u, to first order.

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
    to (tile + 2N/tile)u times the radius of the cloud in σ, little more than what rounding of the places
    does. It is NaN where all squares of distances overflow.

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
    """log Σ_i e^{x_i} (..., P), and Σ_i e^{x_i}v_i / Σ_i e^{x_i} (..., P, v), x_i = −|a − c_i|²/2σ²."""
    batch, count, sources = points.shape[:-2], points.shape[-2], centres.shape[-2]
    i, j = (_tiles(np.arange(n, dtype=np.int32)[:, None], tile)[..., 0] for n in (count, sources))
    # Tiles are filled up with the last centre, which is as near as it is; it must not count twice.
    counts = jnp.arange(j.size).reshape(j.shape) < sources

    def flat(array: Any) -> Any:
        return array.reshape(prod(batch), *array.shape[-2:])

    def one(cloud: Any) -> tuple[Any, Any]:
        a, c, v = (_tiles(array, tile).swapaxes(1, 2) for array in cloud)
        summands = jnp.concatenate([jnp.ones((len(v), 1, v.shape[2]), v.dtype), v], axis=1)
        tiles = c, j if without_self else None, summands * counts[:, None]
        log_total, mean = jax.lax.map(lambda at: _over_centres(at[0], at[1], tiles, sigma), (a, i))
        mean = mean.swapaxes(1, 2).reshape(i.size, v.shape[1])
        return log_total.reshape(i.size)[:count], mean[:count]

    log_total, mean = jax.lax.map(one, (flat(points), flat(centres), flat(values)))
    return log_total.reshape(*batch, count), mean.reshape(*batch, *mean.shape[-2:])


def _over_centres(a: Any, i: Any, tiles: Any, sigma: Any) -> tuple[Any, Any]:
    """The same for points a (d, p) of indices i (p,), over tiles of centres, indices and summands."""
    centres, _, summands = tiles
    rows, across = centres.shape[-1], a.shape[-1]
    scale = 0.5 * LOG2_E / sigma**2

    def squares(c: Any, j: Any) -> Any:
        total = jnp.zeros((rows, across), a.dtype)
        for k in range(len(a)):
            total = total + jnp.square(a[k][None] - c[k][:, None])
        return total if j is None else jnp.where(i[None] == j[:, None], jnp.inf, total)

    def add(so_far: Any, tile: Any) -> tuple[Any, None]:
        before, sums = so_far
        *places, summand = tile
        square = squares(*places)
        nearest = jnp.minimum(before, jnp.min(square, axis=0))
        # The compiler may find squares twice and round them differently: positive powers could overflow.
        lower = jnp.minimum(nearest[None] - square, 0)
        new = jnp.dot(summand, _exp2(lower * scale), precision="highest")
        return (nearest, sums * _exp2((nearest - before) * scale)[None] + new), None

    # Finite: where all squares overflow, exponents are −inf and not the difference of two infinities.
    far = jnp.full(across, np.finfo(a.dtype).max, a.dtype)
    nothing = jnp.zeros((summands.shape[1], across), a.dtype)
    (nearest, sums), _ = jax.lax.scan(add, (far, nothing), tiles)
    return jnp.log(sums[0]) - 0.5 * nearest / sigma**2, sums[1:] / sums[:1]


@jax.custom_jvp  # type: ignore[untyped-decorator]
def _exp2(y: Any) -> Any:
    """2^y for y ≤ 0 within 2u, 0 below the least normal number; faster than XLA's, which takes any y.

    2^y = 2^k·p(y − k) with k the nearest integer; k enters the exponent's bits through a number so large that
    its last bit is worth 1.
    """
    kind = FORMATS[np.dtype(y.dtype)]
    k = jnp.round(y)
    p = jnp.full_like(y, kind.powers[-1])
    for power in kind.powers[-2::-1]:
        p = p * (y - k) + power
    bits = jax.lax.bitcast_convert_type(k + (1.5 * 2.0**kind.digits + kind.largest), kind.integer)
    scale = jax.lax.bitcast_convert_type(bits << kind.digits, y.dtype)
    return jnp.where(y < 1 - kind.largest, 0.0, p * scale)


@_exp2.defjvp  # type: ignore[untyped-decorator]
def _exp2_jvp(at: Any, along: Any) -> tuple[Any, Any]:
    power = _exp2(*at)
    return power, np.log(2) * power * along[0]


def _tiles(array: Any, tile: int) -> Any:
    """Rows (n, k) as equal tiles (tiles, rows, k), the last one filled up with the last row."""
    number = -(-array.shape[0] // tile)
    rows = -(-array.shape[0] // number)
    filled = jnp.pad(array, ((0, number * rows - array.shape[0]), (0, 0)), mode="edge")
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
