"""Ascent of the log-Sobolev quotient on a circle: Schrödinger steps, then Newton's method."""

from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.ring import Ring

STEPS: Final = 6
NEWTON: Final = 12
CLOSE: Final = 1e-13


def ascended(ring: Ring, g: Array) -> Array:
    """Functions g (S, n), values at the nodes, brought to a maximum of the quotient nearby.

    Ent(g²) = sup{∫g²h dp : ∫e^h dp = 1}, attained at h = log(g²/∫g²): so the ground state of
    2C·(−L) − h, C the quotient, has a quotient no smaller. A few such steps, then Newton's method on
    2C(ρg')' + ρ g log g² = 0, ∫g² dp = 1 in (g, C); where it ends lower it is not used.
    """
    for _ in range(STEPS):
        g = _schroedinger(ring, g)
    after = _newton(ring, g)
    better = ring.log_sobolev_quotient(after) >= ring.log_sobolev_quotient(g)
    return np.where(better[:, None], after, g)


def _schroedinger(ring: Ring, g: Array) -> Array:
    at, c = g @ ring.basis.T, ring.log_sobolev_quotient(g)
    norm = (ring.weights * at**2).sum(axis=-1, keepdims=True)
    gain = ring.weights * _log(at**2 / norm)
    orthonormal = ring.basis @ ring.whitening
    energy = ring.energy_root.swapaxes(1, 2) @ ring.energy_root
    potential = orthonormal.swapaxes(1, 2) @ (gain[..., None] * orthonormal)
    ground = np.linalg.eigh(2 * c[:, None, None] * energy - potential)[1][..., 0]
    new = np.asarray((ring.whitening @ ground[..., None])[..., 0])
    return np.where(new.sum(axis=-1, keepdims=True) < 0, -new, new)


def _newton(ring: Ring, g: Array) -> Array:
    stiffness = ring.slopes.T @ (ring.weights[..., None] * ring.slopes)
    c = ring.log_sobolev_quotient(g)
    for _ in range(NEWTON):
        at = g @ ring.basis.T
        log_square = _log(at**2)
        moment = (ring.weights * at) @ ring.basis
        bent = (stiffness @ g[..., None])[..., 0]
        residual = (ring.weights * at * log_square) @ ring.basis - 2 * c[:, None] * bent
        mass = (ring.weights * at**2).sum(axis=-1) - 1.0
        curvature = ring.basis.T @ ((ring.weights * (log_square + 2.0))[..., None] * ring.basis)
        inner = curvature - 2 * c[:, None, None] * stiffness
        upper = np.concatenate([inner, -2 * bent[..., None]], axis=-1)
        lower = np.concatenate([2 * moment, np.zeros((len(g), 1))], axis=-1)
        jacobian = np.concatenate([upper, lower[:, None, :]], axis=1)
        step = np.linalg.solve(
            jacobian, -np.concatenate([residual, mass[:, None]], axis=-1)[..., None]
        )
        g, c = g + step[:, :-1, 0], c + step[:, -1, 0]
        if np.abs(step).max() <= CLOSE:
            break
    return g


def _log(square: Array) -> Array:
    """log g², finite where g² is below the smallest number: there it weighs nothing."""
    return np.asarray(np.log(np.maximum(square, np.finfo(float).tiny)))
