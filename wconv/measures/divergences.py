"""Kullback–Leibler divergence of densities given by their logarithms, exact about zeros.

KL is the plain Σ π log(f_p/f_q) of two laws of mass one; a mass that is off by more than rounding is
refused. The compensated Σ m(f_p log(f_p/f_q) − f_p + f_q) is non-negative term by term, but only
because it adds the mass defect: it would hide a wrongly normalised policy.
"""

import numpy as np

from wconv._axes import Array
from wconv.measured import EPS, EXTENDED, Measured, rounding, unit_roundoff
from wconv.measures.densities import Density, extended_density, same_grid


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


def kl(p: Density, q: Density) -> Measured:
    """KL(p_s‖q_s) in every state, shape (S,), to the last bit of float64.

    Σ π(log f_p − log f_q) in extended precision, of the two laws of mass one (``extended_density``);
    log-densities and masses of the grid count as exact. 0·log 0 = 0, nodes of no mass do not count,
    and +inf with no error where p has mass and q has none. InputError when the two live on different
    nodes, or a mass is not one.
    """
    same_grid(p, q)
    pi, log_p = extended_density(p)
    _, log_q = extended_density(q)
    broken = ((pi > 0) & (q.logf == -np.inf)).any(axis=-1)
    total = np.where(broken, np.inf, (pi * (log_p - log_q)).sum(axis=-1)).astype(float)
    size = (pi * (np.abs(log_p) + np.abs(log_q) + 2.0)).sum(axis=-1)
    rounded = EPS * np.abs(total) + unit_roundoff(EXTENDED) * 2.0 * (p.grid.n + 16) * size
    return Measured.of(total, rounding=np.where(broken, 0.0, rounded))
