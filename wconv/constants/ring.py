"""Densities on a circle and trigonometric polynomials: what Galerkin methods need, to spectral accuracy.

A polynomial of degree (n − 1)/2, n odd, is known by its values at n equally spaced nodes. Integrals are sums
over 3n nodes: with fewer, polynomials whose slope vanishes where the density lives would seem constant.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.special import xlog1py

from wconv._axes import Array
from wconv.constants.line import Line
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

FACTOR: Final = 3
SMOOTH: Final = 24.0
"""Modes beyond this number are damped by ``resampled``."""

DISTINCT: Final = 1000 * EPS
"""Polynomials less distinct than this are not made orthonormal."""


@dataclass(frozen=True, eq=False)
class Ring:
    """S densities on a circle and the polynomials through n nodes; ``weights`` (S, m) of m = 3n points.

    ``basis`` and ``slopes`` (m, n) take values at the nodes to values and derivatives at the points.
    """

    line: Line
    weights: Array
    basis: Array
    slopes: Array

    @classmethod
    def of(cls, line: Line, n: int, factor: int = FACTOR) -> "Ring":
        """Sample the densities, normalised; n is odd."""
        m = factor * n
        _, _, logp = line.sample(np.arange(m) / m)
        p = np.exp(logp)
        unit = np.fft.rfft(np.eye(n), axis=0)
        turns = 2j * np.pi / float(line.length[0]) * np.arange(len(unit))[:, None]
        basis, slopes = (np.fft.irfft(modes, m, axis=0) * factor for modes in (unit, turns * unit))
        return cls(line, p / p.sum(axis=-1, keepdims=True), basis, slopes)

    @property
    def n(self) -> int:
        """The number of nodes."""
        return int(self.basis.shape[1])

    @property
    def nodes(self) -> Array:
        """Positions of the nodes, (S, n)."""
        return np.asarray(self.line.positions(np.arange(self.n) / self.n)[0])

    @cached_property
    def triangle(self) -> Array:
        """(S, n, n), R of √weights · basis = QR."""
        return np.asarray(np.linalg.qr(np.sqrt(self.weights)[:, :, None] * self.basis, mode="r"))

    @property
    def distinct(self) -> Array:
        """Least over largest norm of what each polynomial adds to those before it, (S,).

        Small where a density is: polynomials that live there are known to eps over it.
        """
        norms = np.abs(np.diagonal(self.triangle, axis1=1, axis2=2))
        return np.asarray(norms.min(axis=-1) / norms.max(axis=-1))

    @cached_property
    def whitening(self) -> Array:
        """(S, n, n): values at the nodes of polynomials that are orthonormal for the densities.

        Raises:
            SolverError: a density so small somewhere that polynomials which live there are lost in rounding.

        """
        lost = ~(self.distinct > DISTINCT)
        if lost.any():
            state = int(lost.argmax())
            least = self.weights[state].min() / self.weights[state].max()
            raise SolverError(
                Outcome.UNRESOLVED,
                f"the density of state {state} falls to {least:.0e} of its peak, too far for "
                f"{self.n} polynomials on a circle: raise the temperature",
            )
        return np.linalg.inv(self.triangle)

    @cached_property
    def energy_root(self) -> Array:
        """B (S, m, n) with ∫g'²dp = |B c|² for g = Σ c_k times the orthonormal polynomials."""
        return np.asarray((np.sqrt(self.weights)[:, :, None] * self.slopes) @ self.whitening)

    def states(self, key: Array) -> "Ring":
        """The densities of some states (integer indices)."""
        return Ring(self.line.states(key), self.weights[key], self.basis, self.slopes)

    def log_sobolev_quotient(self, g: Array) -> Array:
        """Ent(g²)/(2∫g'²dp), (S,), of values g (S, n) at the nodes."""
        at, slope = g @ self.basis.T, g @ self.slopes.T
        norm = (self.weights * at**2).sum(axis=-1)
        # With ∫g² = 1, Ent(g²) = ∫(g² log g² − g² + 1): nothing cancels where g is close to 1.
        less = at / np.sqrt(norm)[:, None] - 1.0
        square = less * (2.0 + less)
        local = xlog1py(1.0 + square, square) - square
        energy = (self.weights * slope**2).sum(axis=-1) / norm
        return np.asarray((self.weights * local).sum(axis=-1) / (2 * energy))

    def poincare_quotient(self, f: Array) -> Array:
        """Var(f)/∫f'²dp, (S,), of values (S, n) at the nodes."""
        at, slope = f @ self.basis.T, f @ self.slopes.T
        centred = at - (self.weights * at).sum(axis=-1, keepdims=True)
        variance = (self.weights * centred**2).sum(axis=-1)
        return np.asarray(variance / (self.weights * slope**2).sum(axis=-1))


def resampled(f: Array, n: int) -> Array:
    """Periodic values at the cell centres (j + ½)/m, (K, m), at n nodes j/n, smoothed a little, (K, n)."""
    modes = np.fft.rfft(f)
    k = np.arange(modes.shape[-1])
    modes = modes * np.exp(-((k / SMOOTH) ** 2) - 1j * np.pi * k / f.shape[-1])
    return np.asarray(np.fft.irfft(modes[:, : (n + 1) // 2], n) * (n / f.shape[-1]))
