"""Closed forms for Gaussians N(m, Σ) on R^d: divergence, Fisher information, entropy, W_2.

Everything goes through Cholesky factors Σ = LLᵀ; no inverse or square root of a covariance is
formed. ν = N(m_ν, Σ_ν) comes first, p = N(m_p, Σ_p) second.
"""

from dataclasses import dataclass
from functools import cached_property
from math import log, pi

import numpy as np
from scipy.linalg import solve_triangular, svd

from wconv import _require as require
from wconv._axes import Array


@dataclass(frozen=True, eq=False)
class Gaussian:
    """N(mean, cov) with mean (d,) and cov (d, d), or two numbers on the line.

    Raises:
        InputError: naming mean or cov, unless both are finite, of matching shape, and the
            covariance symmetric positive definite.

    """

    mean: Array
    cov: Array

    def __post_init__(self) -> None:
        """Validate, and turn numbers into arrays."""
        mean = np.atleast_1d(np.asarray(self.mean, dtype=float))
        if mean.ndim != 1:
            require.fail("mean", "have shape (dimensions,)", mean.shape, "give a vector")
        cov = np.atleast_2d(np.asarray(self.cov, dtype=float))
        require.finite("mean", mean)
        require.shape("cov", cov, (mean.size, mean.size), "(dimensions, dimensions)")
        require.finite("cov", cov)
        if not np.array_equal(cov, cov.T):
            require.fail("cov", "be symmetric", "an asymmetric matrix", "use (cov + cov.T)/2")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "cov", cov)
        try:
            self.factor  # noqa: B018
        except np.linalg.LinAlgError:
            least = float(np.linalg.eigvalsh(cov)[0])
            require.fail("cov", "be positive definite", f"eigenvalue {least:g}", "add variance")

    @property
    def dim(self) -> int:
        """Dimension d."""
        return int(self.mean.size)

    @cached_property
    def factor(self) -> Array:
        """L, lower triangular, with Σ = LLᵀ."""
        return np.asarray(np.linalg.cholesky(self.cov))

    @property
    def log_det(self) -> float:
        """The logarithm of det Σ."""
        return float(2.0 * np.log(np.diag(self.factor)).sum())


def kl(nu: Gaussian, p: Gaussian) -> float:
    """KL(ν‖p) = ½[tr(Σ_p⁻¹Σ_ν) − d + (m_ν−m_p)ᵀΣ_p⁻¹(m_ν−m_p) + log(det Σ_p/det Σ_ν)]."""
    _same_dimension(nu, p)
    ratio = solve_triangular(p.factor, nu.factor, lower=True)
    shift = solve_triangular(p.factor, nu.mean - p.mean, lower=True)
    # Σ(ratio²) − d and the log-determinants cancel for close covariances: pair them by axis.
    diagonal = np.diag(ratio)
    stretch = (diagonal - 1.0) * (diagonal + 1.0) - 2.0 * np.log(diagonal)
    skew = np.tril(ratio, -1)
    return float(0.5 * (stretch.sum() + (skew**2).sum() + (shift**2).sum()))


def fisher(nu: Gaussian, p: Gaussian) -> float:
    """I(ν‖p) = |Σ_p⁻¹(m_ν−m_p)|² + ‖(Σ_p⁻¹ − Σ_ν⁻¹)L_ν‖_F², the relative Fisher information."""
    _same_dimension(nu, p)
    shift = _precision_times(p, nu.mean - p.mean)
    bend = _precision_times(p, (nu.cov - p.cov) @ _precision_times(nu, nu.factor))
    return float((shift**2).sum() + (bend**2).sum())


def entropy(p: Gaussian) -> float:
    """−∫p log p da = ½(d log 2πe + log det Σ), the Lebesgue entropy."""
    return 0.5 * (p.dim * (log(2 * pi) + 1.0) + p.log_det)


def w2_squared(nu: Gaussian, p: Gaussian) -> float:
    """W_2² = |m_ν−m_p|² + tr(Σ_ν+Σ_p−2(Σ_ν^½Σ_pΣ_ν^½)^½), as min over rotations U of ‖L_ν−L_pU‖_F².

    The second form (Bures as a Procrustes problem, U the polar factor of L_pᵀL_ν) does not cancel.
    """
    _same_dimension(nu, p)
    left, _, right = svd(p.factor.T @ nu.factor)
    bures = nu.factor - p.factor @ (left @ right)
    return float(((nu.mean - p.mean) ** 2).sum() + (bures**2).sum())


def _precision_times(p: Gaussian, x: Array) -> Array:
    inner = solve_triangular(p.factor, x, lower=True)
    return np.asarray(solve_triangular(p.factor, inner, lower=True, trans="T"))


def _same_dimension(nu: Gaussian, p: Gaussian) -> None:
    if nu.dim != p.dim:
        require.fail("dimension", "be the same for both Gaussians", (nu.dim, p.dim), "match them")
