"""Kullback–Leibler divergence of densities given by their logarithms, exact about zeros.

KL is defined here as the plain Σ π log(f_p/f_q). The compensated Σ m(f_p log(f_p/f_q) − f_p + f_q)
is non-negative term by term, but only because it adds the mass defect: it would hide a wrongly
normalised policy from every identity that KL enters. The plain sum shows it.
"""

from typing import Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array
from wconv.measured import Measured, rounding
from wconv.measures.spaces import Grid


class Density(Protocol):
    """What has a log-density ``logf`` (S, A) with respect to the reference μ of a ``grid``."""

    @property
    def logf(self) -> ActionValue:
        """log(dπ/dμ) at the nodes, −inf where π = 0."""
        ...

    @property
    def grid(self) -> Grid:
        """The nodes and the masses of μ."""
        ...


def sum_depth(n: int) -> int:
    """Longest chain of additions in NumPy's pairwise sum of n contiguous numbers: 19 + ⌈log2 n⌉.

    A block of up to 128 numbers is summed by 8 accumulators: 16 additions each, 3 to join them and
    at most 7 for a remainder; above that the sum halves.
    """
    return 19 + int(np.ceil(np.log2(max(n, 1))))


def expectation(log_f: Array, log_weights: Array, terms: Array) -> Measured:
    """∫t dπ = Σ_i e^{log f_i + log m_i} t_i over the last axis, with its rounding; finite terms.

    The logarithms in log_weights are rounded themselves: the relative error of a mass is at most
    eps(|log f| + 2|log m|) and a few eps of the exponential, that of the sum at most its depth.
    """
    log_pi = log_f + log_weights
    live = log_pi > -np.inf
    products = np.where(live, np.exp(log_pi) * terms, 0.0)
    logs = np.abs(np.where(live, log_f, 0.0)) + np.abs(np.where(live, log_weights, 0.0))
    # A mass below the smallest float is lost, not rounded.
    size = np.abs(products) + np.where(live, np.abs(terms) * np.finfo(float).tiny, 0.0)
    weighted = (size * (sum_depth(products.shape[-1]) + logs)).sum(axis=-1)
    # Only along a contiguous last axis is the sum pairwise.
    value = np.ascontiguousarray(products).sum(axis=-1)
    return Measured.of(value, rounding=rounding(weighted, depth=1))


def kl_of_logs(log_p: Array, log_q: Array, log_weights: Array) -> Measured:
    """KL(p‖q) = Σ_i m_i f_p (log f_p − log f_q) over the last axis, log-densities relative to μ.

    Shapes (..., A), broadcast against each other. 0·log 0 = 0, nodes of no mass (log m = −inf) do
    not count, and +inf with no error where p has mass and q has none. The sum is plain: it is not
    non-negative unless both have mass one (Gibbs).
    """
    support = (log_p > -np.inf) & (log_weights > -np.inf)
    outside = support & (log_q == -np.inf)
    counted = support & ~outside
    ratio = np.where(counted, log_p, 0.0) - np.where(counted, log_q, 0.0)
    total = expectation(np.where(counted, log_p, -np.inf), log_weights, ratio)
    broken = outside.any(axis=-1)
    return Measured.of(
        np.where(broken, np.inf, total.value), rounding=np.where(broken, 0.0, total.error)
    )


def kl(p: Density, q: Density) -> Measured:
    """KL(p_s‖q_s) in every state, shape (S,), with a bound on its rounding.

    The masses of the grid count as exact, and the divergence meant is that of the densities
    normalised to mass one: "mass" bounds the difference. InputError when the two live on different
    nodes. See ``kl_of_logs`` for zeros and infinities.
    """
    same_grid(p, q)
    total = kl_of_logs(p.logf, q.logf, p.grid.log_weights)
    finite = np.isfinite(total.value)
    own, other = log_mass(p), log_mass(q)
    moved = 1.01 * (own * (1.0 + np.where(finite, np.abs(total.value), 0.0)) + other)
    return total.with_error("mass", np.where(finite, moved, 0.0))


def log_mass(p: Density) -> Array:
    """|log Σ m f| in every state: how far log f is from the density of mass one that is meant."""
    extended = np.dtype(np.longdouble)
    masses = np.exp(p.logf.astype(extended)) * p.grid.weights.astype(extended)
    return np.asarray(np.abs(np.log(masses.sum(axis=-1))), dtype=float)


def same_grid(p: Density, q: Density) -> None:
    """Require two densities on the same nodes, masses and neighbours; InputError otherwise."""
    a, b = p.grid, q.grid
    if a is not b and not all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("nodes", "weights", "edges", "lengths")
    ):
        require.fail("grid", "be the same for both densities", (a.n, b.n), "use one grid for both")
