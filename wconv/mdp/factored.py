"""Transitions with few successors: lists of fixed length, and products W·B that are never formed.

A state that moves on a grid with noise reaches a handful of grid nodes from every pair (s, a)::

    P = successors(nodes, weights, S)                     # columns and weights of shape (S, A, K)
    P = Factored(successors(nodes, weights, m), B)        # where to, (S, A, K), then the noise B

Both are what ``make_mdp`` takes as the transition. The product form pays when the noise is the same
for many pairs: PV = W(BV) costs the entries of W and of B instead of those of W·B.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wconv import _require as require
from wconv._axes import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK = 1_000_000
"""Entries that are copied to another precision at a time."""


def successors(columns: Any, weights: Any, n: int) -> "csr_array[Any]":
    """The sparse matrix with rows Σ_k weights[..., k]·δ(columns[..., k]), shape (rows, n).

    The leading axes, for example (S, A), are flattened in C order; equal columns of a row add up.

    Args:
        columns: whole numbers in [0, n), shape (..., K).
        weights: the weight of each, shape (..., K).
        n: how many columns there are.

    Raises:
        InputError: for columns that are not such numbers, or shapes that differ or have no K.

    """
    from scipy.sparse import csr_array

    n = require.count("n", n, 1)
    where, values = np.asarray(columns), np.asarray(weights, dtype=float)
    if not np.issubdtype(where.dtype, np.integer) or where.ndim < 2 or where.size == 0:
        found = f"{where.dtype} of shape {where.shape}"
        require.fail("columns", "be integers of shape (..., successors)", found, "index the nodes")
    require.shape("weights", values, where.shape, "that of the columns")
    low, high = int(where.min()), int(where.max())
    if low < 0 or high >= n:
        require.fail(
            "columns", f"lie in [0, {n})", low if low < 0 else high, "stop at the last node"
        )
    each = where.shape[-1]
    starts = np.arange(0, where.size + 1, each)
    width = np.int32 if max(n, where.size) <= np.iinfo(np.int32).max else np.int64
    table = csr_array(
        (values.ravel().copy(), where.ravel().astype(width), starts.astype(width)),
        shape=(len(starts) - 1, n),
    )
    table.sum_duplicates()
    return table


@dataclass(frozen=True, eq=False, repr=False)
class Factored:
    """P = W·B: row (s, a) of W (S·A, m) mixes the m laws that are the rows of B (m, S).

    W is sparse, B sparse or dense. As a transition it is validated by ``make_mdp``: the rows of both
    factors are probabilities. It acts like the matrix W·B on vectors from either side.
    """

    W: Any
    B: Any

    __array_ufunc__ = None  # NumPy must hand x @ P over to the reflected product

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of W·B."""
        return int(self.W.shape[0]), int(self.B.shape[1])

    def __matmul__(self, V: Array) -> Array:
        return times(self.W, times(self.B, V))

    def __rmatmul__(self, x: Array) -> Array:
        return before(before(x, self.W), self.B)

    def tocsr(self) -> "csr_array[Any]":
        """W·B as one sparse matrix: as large as it is, and no smaller."""
        from scipy.sparse import csr_array

        return csr_array(self.W @ csr_array(self.B))

    def tocoo(self) -> Any:
        """W·B as triplets."""
        return self.tocsr().tocoo()

    def toarray(self) -> Array:
        """W·B as a dense array."""
        product = self.W @ self.B
        return np.asarray(product if isinstance(product, np.ndarray) else product.toarray())


def times(P: Any, V: Array) -> Array:
    """PV for a matrix in any layout, in the precision of V."""
    if V.dtype == np.float64 or isinstance(P, Factored):
        return np.asarray(P @ V)
    if isinstance(P, np.ndarray):
        # A matrix product would first copy all of P to that precision; einsum casts in buffers.
        return np.asarray(np.einsum("ij,j->i", P, V))
    return np.concatenate([P[rows] @ V for rows in _blocks(P)])


def before(x: Array, P: Any) -> Array:
    """xP for a matrix in any layout, in the precision of x."""
    if x.dtype == np.float64 or isinstance(P, Factored):
        return np.asarray(x @ P)
    if isinstance(P, np.ndarray):
        return np.asarray(np.einsum("i,ij->j", x, P))
    total = np.zeros(P.shape[1], dtype=x.dtype)
    for rows in _blocks(P):
        total += P[rows].T @ x[rows]
    return total


def row_length(P: Any) -> int:
    """The longest sum in PV: all columns of a dense P, the longest stored row of a sparse one."""
    if isinstance(P, Factored):
        return row_length(P.W) + row_length(P.B)
    if isinstance(P, np.ndarray):
        return int(P.shape[-1])
    return int(np.diff(P.indptr).max(initial=0))


def column_length(P: Any) -> int:
    """The longest sum in xP: all rows of a dense P, the longest stored column of a sparse one."""
    if isinstance(P, Factored):
        return column_length(P.W) + column_length(P.B)
    if isinstance(P, np.ndarray):
        return int(P.size // P.shape[-1])
    return int(np.bincount(P.indices, minlength=1).max())


def mixture(P: Any, weights: Array) -> Any:
    """Σ_a w(s, a)P(s'|s, a) in the layout of P, shape (S, S), for weights of shape (S, A)."""
    if isinstance(P, np.ndarray):
        return np.matmul(weights[:, None, :], P)[:, 0, :]
    if isinstance(P, Factored):
        return Factored(mixture(P.W, weights), P.B)
    from scipy.sparse import csr_array

    s, a = weights.shape
    starts = np.arange(0, s * a + 1, a, dtype=P.indptr.dtype)
    each = np.arange(s * a, dtype=P.indices.dtype)
    return csr_array((weights.ravel(), each, starts), shape=(s, s * a)) @ P


def _blocks(P: Any) -> list[slice]:
    step = max(1, BLOCK * P.shape[0] // max(1, P.nnz))
    return [slice(k, k + step) for k in range(0, P.shape[0], step)]
