"""Bounds on C_LS (and so on C_P) from a potential sampled on a mesh of the plane."""

from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.measured import EPS

BETWEEN: Final = 3 / 8
"""A smooth function leaves the range of its samples by at most this much of its second difference."""

CURVATURES: Final = 2.0 ** np.arange(2, 14)
"""Convexities k, times the largest side squared, of the references that are tried."""

SLOPES: Final = 97
"""Slopes an axis of the affine functions whose maximum is a convex hull."""


def oscillation_factor(potential: Array, periodic: tuple[bool, bool] = (False, False)) -> float:
    """e^{osc V}, by which V changes constants at most (Holley–Stroock); V on a mesh with its ends, (n, m).

    Between the points V is allowed what its second differences suggest. Infinite where V is.
    """
    if not np.isfinite(potential).all():
        return float("inf")
    slack = np.zeros_like(potential)
    for axis in (0, 1):
        closed = _closed(potential, axis) if periodic[axis] else potential
        bend = BETWEEN * np.abs(np.diff(closed, 2, axis=axis))
        width = [(0, 0) if k != axis or periodic[axis] else (1, 1) for k in (0, 1)]
        slack += np.pad(bend, width, mode="edge")
    with np.errstate(over="ignore"):
        return float(np.exp((potential + slack).max() - (potential - slack).min()))


def convex_reference(potential: Array, u: Array, v: Array) -> float:
    """min over k of e^{osc(V − W)}/k with W = hull(V − k|a|²/2) + k|a|²/2, on a box.

    Any W with Hessian at least k has C_LS(e^{−W}) ≤ 1/k (Bakry–Émery); this one makes osc(V − W) least.
    V on the mesh u × v with its ends.
    """
    if not np.isfinite(potential).all():
        return float("inf")
    side = max(np.ptp(u), np.ptp(v))
    square = ((u - u.mean()) ** 2)[:, None] + (v - v.mean()) ** 2
    best = float("inf")
    for k in CURVATURES / side**2:
        bent = potential - k / 2 * square
        best = min(best, oscillation_factor(bent - _hull(bent, u, v)) / k)
    return best


def curvature(potential: Array, u: Array, v: Array, *, polar: bool) -> float:
    """min over k ≥ 0 of e^{ks}/(κ + k), on a convex set with s = osc |a|²/2 where the Hessian of V is ≥ κ.

    V + k|a|²/2 has C_LS ≤ 1/(κ + k) (Bakry–Émery), and k|a|²/2 oscillates by ks: 1/κ if κs ≥ 1, else
    s e^{1−κs}. The Hessian is made of central differences on the mesh u × v (ends included; polar:
    radius and angle), κ corrected by the change between this mesh and every second point of it.
    """
    least = [_least_bend(potential[::k, ::k], u[::k], v[::k], polar=polar) for k in (1, 2)]
    if not np.isfinite(least).all():
        return float("inf")
    kappa = least[0] - abs(least[0] - least[1])
    spread = u[-1] ** 2 / 2 if polar else (np.ptp(u) ** 2 + np.ptp(v) ** 2) / 8
    if kappa * spread >= 1:
        return float(1.0 / kappa)
    with np.errstate(over="ignore"):
        return float(spread * np.exp(1.0 - kappa * spread))


def opened(potential: Array) -> Array:
    """A potential on a torus (n, n) cut along the lines where its minimum is largest, (n + 1, n + 1)."""
    for axis in (0, 1):
        n, ridge = potential.shape[axis], int(potential.min(axis=1 - axis).argmax())
        potential = np.take(potential, np.arange(ridge, ridge + n + 1), axis=axis, mode="wrap")
    return potential


def _least_bend(potential: Array, u: Array, v: Array, *, polar: bool) -> float:
    # At the ends a density may vanish, and at the centre of a disc polar coordinates do.
    inner = potential[1:-1] if polar else potential[1:-1, 1:-1]
    if not np.isfinite(inner).all():
        return -np.inf
    inner = _closed(inner, 1) if polar else inner
    hu, hv = u[1] - u[0], v[1] - v[0]
    uu = np.diff(inner, 2, axis=0)[:, 1:-1] / hu**2
    vv = np.diff(inner, 2, axis=1)[1:-1] / hv**2
    du = (inner[2:] - inner[:-2]) / (2 * hu)
    uv = (du[:, 2:] - du[:, :-2]) / (2 * hv)
    r = u[2:-2, None] if polar else np.ones((1, 1))
    if polar:  # in the orthonormal frame of radius and angle
        dv = (inner[1:-1, 2:] - inner[1:-1, :-2]) / (2 * hv)
        uv, vv = (uv - dv / r) / r, vv / r**2 + du[:, 1:-1] / r
    noise = 16 * EPS * np.abs(inner).max() / np.minimum(hu, r * hv) ** 2
    middle, half = (uu + vv) / 2, np.hypot((uu - vv) / 2, uv)
    return float((middle - half - noise).min())


def _hull(values: Array, u: Array, v: Array) -> Array:
    """The lower convex hull on a mesh, by two Legendre transforms, one axis at a time.

    It is a maximum of affine functions below the values: for fewer slopes lower, but still convex.
    """
    along_u, along_v = (
        np.quantile(np.diff(values, axis=axis) / (x[1] - x[0]), np.linspace(0, 1, SLOPES))
        for axis, x in ((0, u), (1, v))
    )
    conjugate = _legendre(_legendre(-values, u, along_u).T, v, along_v).T
    return _legendre(_legendre(-conjugate, along_u, u).T, along_v, v).T


def _legendre(values: Array, x: Array, p: Array) -> Array:
    """max over x of p·x + values, along the first axis: (x, ...) -> (p, ...)."""
    return np.asarray(((p[:, None] * x)[..., None] + values[None]).max(axis=1))


def _closed(values: Array, axis: int) -> Array:
    """The samples on a circle with one more before and after them."""
    index = np.arange(-1, values.shape[axis] + 1)
    return np.asarray(np.take(values, index, axis=axis, mode="wrap"))
