"""Stationary laws of a finite chain by the subtraction-free elimination of Grassmann, Taksar, Heyman.

Every entry comes out with a small *relative* error, also when the chain is nearly decomposable,
where linear solvers and eigenvectors lose all digits.
"""

import numpy as np
from scipy.sparse.csgraph import connected_components

from wconv import _require as require
from wconv._axes import Array, StateKernel, StateValue
from wconv.mdp.model import numbers
from wconv.measured import EPS, Measured, unit_roundoff

_ROW_SUM_TOL = 1e-10


def stationary(P: StateKernel) -> Measured:
    """The stationary law ν = νP of a chain with one recurrent class, shape (S,).

    Transient states get exactly zero. Raises InputError when P is not a stochastic matrix (rows
    within 1e-10·S of one) or has several recurrent classes; see ``stationary_laws`` for those.
    """
    laws = stationary_laws(P)
    if len(laws.value) > 1:
        require.fail(
            "P",
            "have one recurrent class for a unique stationary law",
            len(laws.value),
            "use stationary_laws",
        )
    return laws[0]


def stationary_laws(P: StateKernel) -> Measured:
    """The extreme stationary laws, one row for each recurrent class, shape (classes, S).

    The diagonal of P is not used: it is one minus the rest of the row, exactly. The errors are
    O'Cinneide's entrywise bound 9n³u, u of extended precision, and the rounding to float64.
    Raises InputError when P is not a stochastic matrix. Source: Grassmann, Taksar, Heyman (1985);
    O'Cinneide, Numer. Math. 65 (1993).
    """
    P = numbers("P", P)
    if P.ndim != 2 or P.shape[0] != P.shape[1] or P.size == 0:
        require.fail("P", "have shape (states, next states)", P.shape, "give a square matrix")
    require.probabilities("P", P, "next states", _ROW_SUM_TOL * len(P))
    classes = _recurrent_classes(P)
    laws, errors = np.zeros((len(classes), len(P))), np.zeros((len(classes), len(P)))
    for row, members in enumerate(classes):
        law = _gth(P[np.ix_(members, members)])
        n = len(members)
        relative = 9.0 * n**3 * unit_roundoff(law.dtype) if n > 1 else 0.0
        laws[row, members] = law
        errors[row, members] = np.abs(law - laws[row, members]) + relative * law
    return Measured.of(laws, "GTH elimination", elimination=errors * (1.0 + 4.0 * EPS))


def _recurrent_classes(P: StateKernel) -> list[Array]:
    """Strongly connected components without a way out."""
    count, label = connected_components(P > 0, directed=True, connection="strong")
    source, target = np.nonzero(P)
    leaving = np.unique(label[source[label[source] != label[target]]])
    return [np.flatnonzero(label == k) for k in range(count) if k not in leaving]


def _gth(P: StateKernel) -> StateValue:
    """The law of an irreducible chain, in extended precision."""
    Q = np.array(P, dtype=np.longdouble)
    n = len(Q)
    for k in range(n - 1, 0, -1):
        # State k is cut out: what went through it is sent on to where it would have left for.
        Q[:k, k] /= Q[k, :k].sum()
        Q[:k, :k] += np.outer(Q[:k, k], Q[k, :k])
    law = np.ones(n, dtype=np.longdouble)
    for k in range(1, n):
        law[k] = law[:k] @ Q[:k, k]
    return np.asarray(law / law.sum())
