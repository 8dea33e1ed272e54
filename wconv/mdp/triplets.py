"""Transition tables from triplets (row s·A + a, next state, probability)."""

from typing import Any

from wconv._axes import Array


def transition_from(
    rows: Any, columns: Any, values: Any, shape: tuple[int, int], *, sparse: bool
) -> "Array | Any":
    """P[s·A + a, s'] = Σ of the values given for it, for ``shape`` = (S, A).

    Sparse as CSR (S·A, S), else dense (S, A, S) with identical numbers.
    """
    from scipy.sparse import coo_array

    s, a = shape
    table = coo_array((values, (rows, columns)), shape=(s * a, s)).tocsr()
    return table if sparse else table.toarray().reshape(s, a, s)
