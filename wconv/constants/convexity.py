"""How convex a potential is: the premise of Bakry and Émery."""

import numpy as np

from wconv import _require as require
from wconv.constants.sources import policy_splines
from wconv.measured import Measured
from wconv.measures.densities import Density


def convexity(policy: Density) -> Measured:
    """m_s = inf over the space of −(log dp_s/da)'' of a one-dimensional policy, shape (S,).

    The smooth log-density is the spline of degree 7 through the nodes; error "interpolation" is the
    largest difference of its second derivative to that of degree 5. Positive m means that −log p is
    m-strongly convex.

    Raises:
        InputError: more than one dimension, a finite set, a policy that vanishes.

    """
    if policy.grid.dim != 1:
        require.fail("policy", "have one-dimensional actions", policy.grid.dim, "treat the axes")
    fine, coarse, between = policy_splines(policy)
    bend, other = (np.stack([-f(between, 2) for f in splines]) for splines in (fine, coarse))
    error = np.abs(bend - other).max(axis=-1)
    return Measured.of(bend.min(axis=-1), interpolation=error)
