"""Means of independent replications, with a confidence."""

from math import sqrt

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import Measured, as_measured, rounding


def replicated(values: Array | Measured, *, confidence: float, axis: int = 0) -> Measured:
    """Means of independent replications along an axis, with the error "sampling" of Student's t.

    The error is one-sided and Bonferroni's: if replications are normal, all the means err to a given side
    by less with the ``confidence`` (in [1/2, 1)) jointly. Errors of the values are averaged. InputError
    for fewer than two replications.
    """
    from scipy.special import stdtrit

    level = require.within("confidence", confidence, 0.5, 1.0, "give it below one, e.g. 0.9999")
    each = as_measured(values)
    require.count("replications", each.value.shape[axis] if each.value.ndim else 0, 2)
    require.finite("replications", each.value)
    runs = each.value.shape[axis]
    points = max(each.value.size // runs, 1)
    quantile = -float(stdtrit(runs - 1, (1.0 - level) / points))
    terms = {name: error.mean(axis=axis) for name, error in each.errors.items()}
    mean = Measured(np.asarray(each.value.mean(axis=axis)), terms)
    lost = rounding(np.abs(each.value).mean(axis=axis), depth=runs)
    error = quantile * each.value.std(axis=axis, ddof=1) / sqrt(runs)
    return mean.with_error("sampling", error).with_error("rounding", lost)
