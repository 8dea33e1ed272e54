"""Right-hand sides about plug-in entropies of implicit policies [docs/theory.md, section 5].

Entropies are counted from the entropy of the noise, (d/2) log(2πeσ²): H(π) − H(σξ) = J, the information
that an action carries about its centre. π̂ has M centres, the estimate is a mean over L actions.
"""

from math import e

import numpy as np

from wconv._axes import Array
from wconv.theory.claims import Bound


@Bound
def information(J: Array) -> Array:
    """J itself, which the estimate is below with its own centres, above with fresh latents."""
    return J


@Bound
def names(*, M: Array) -> Array:
    """log M: a mixture of M centres carries no more information than their names."""
    return np.asarray(np.log(M))


@Bound
def biased(J: Array, *, C: Array, M: Array) -> Array:
    """J − log(1 + C/M), as E KL(π̂‖π) ≤ log(1 + C/M); C = E χ²(N(c, σ²I)‖π) over the centres."""
    return np.asarray(J - np.log1p(C / M))


@Bound
def pooled(information: Array) -> Array:
    """The information of the union, or its fresh estimate."""
    return information


@Bound
def varentropy(*, M: Array, dim: int) -> Array:
    """(√(d/2) + log(M + e − 1))², which bounds Var(log π̂(a)), a from π̂, whatever the noise."""
    return np.asarray((np.sqrt(dim / 2.0) + np.log(M + e - 1.0)) ** 2)
