"""Interpolation of a landscape q by quintics, from q and q' at equally spaced nodes.

At the nodes q'' is taken from both neighbours by the formula of order four that uses their slopes as
well. The interpolant is twice continuously differentiable, exact for polynomials of degree five, of order
six in the spacing, and its slope of order five. Written in the array namespace of its arguments: NumPy
and JAX share it.
"""

from typing import Any


def quintics(value: Any, slope: Any, spacing: Any, *, periodic: bool) -> Any:
    """Coefficients in t = (a − a_j)/h of the polynomial after every node, (..., n, 6), n ≥ 3.

    On a circle the last one leads to the first node; on a line it has no meaning.
    """
    xp = value.__array_namespace__()
    c0, c1 = value, spacing * slope
    c2 = _bend(c0, c1, xp, periodic) / 2.0
    after = [xp.roll(c, -1, axis=-1) for c in (c0, c1, c2)]
    d0 = after[0] - c0 - c1 - c2
    d1 = after[1] - c1 - 2.0 * c2
    d2 = after[2] - c2
    c3 = 10.0 * d0 - 4.0 * d1 + d2
    c4 = -15.0 * d0 + 7.0 * d1 - 2.0 * d2
    c5 = 6.0 * d0 - 3.0 * d1 + d2
    return xp.stack([c0, c1, c2, c3, c4, c5], axis=-1)


def _bend(q: Any, s: Any, xp: Any, periodic: bool) -> Any:
    """h²q'' from q and s = hq' at three nodes, one-sided at the ends of a line: exact in degree five."""
    before, after = ([xp.roll(x, k, axis=-1) for x in (q, s)] for k in (1, -1))
    middle = 2.0 * (after[0] - 2.0 * q + before[0]) - (after[1] - before[1]) / 2.0
    if periodic:
        return middle

    def end(q: Any, s: Any) -> Any:
        value = -11.5 * q[..., 0] + 8.0 * q[..., 1] + 3.5 * q[..., 2]
        return (value - 6.0 * s[..., 0] - 8.0 * s[..., 1] - s[..., 2])[..., None]

    first, last = end(q, s), end(q[..., ::-1], -s[..., ::-1])
    return xp.concat([first, middle[..., 1:-1], last], axis=-1)


def at(coefficients: Any, a: Any, first: Any, spacing: Any, *, periodic: bool) -> tuple[Any, ...]:
    """q, q' and q'' at points a (..., k), from coefficients (..., n, 6); nodes begin at ``first``.

    Points outside the nodes of a line are extrapolated from the last interval.
    """
    xp = a.__array_namespace__()
    n = coefficients.shape[-2]
    place = (a - first) / spacing
    left = xp.floor(place) if periodic else xp.clip(xp.floor(place), 0.0, n - 2.0)
    t = place - left
    cell = xp.astype(left, int) % n
    c0, c1, c2, c3, c4, c5 = (
        xp.take_along_axis(coefficients[..., k], cell, axis=-1) for k in range(6)
    )
    q = c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5))))
    slope = c1 + t * (2.0 * c2 + t * (3.0 * c3 + t * (4.0 * c4 + t * 5.0 * c5)))
    bend = 2.0 * c2 + t * (6.0 * c3 + t * (12.0 * c4 + t * 20.0 * c5))
    return q, slope / spacing, bend / spacing**2
