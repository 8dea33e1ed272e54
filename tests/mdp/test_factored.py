"""Sparse and factored transitions act like the dense array they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from wconv._require import InputError
from wconv.mdp import factored
from wconv.mdp.factored import Factored, successors
from wconv.mdp.model import make_mdp
from wconv.measures.spaces import FiniteSet

EPS = np.finfo(float).eps
S, A, M, K = 7, 3, 5, 2


def tables(seed):
    """Successors (S, A, K) among M nodes, and the laws of the nodes."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, M, (S, A, K)), rng.dirichlet(np.ones(K), (S, A)), rng.dirichlet(
        np.ones(S), M
    )  # fmt: skip


def problem(transition):
    grid = FiniteSet(np.eye(A)).grid()
    return make_mdp(np.zeros((S, A)), transition, discount=0.9, temperature=0.5, grid=grid)


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([float, np.longdouble, complex]))
def test_factors_act_like_their_product(seed, sparse, dtype):
    columns, weights, B = tables(seed)
    P = (weights[..., None] * np.eye(M)[columns]).sum(axis=2) @ B
    mdp = problem(Factored(successors(columns, weights, M), csr_array(B) if sparse else B))
    rng = np.random.default_rng(seed)
    V, mass = rng.standard_normal(S).astype(dtype), rng.standard_normal((S, A)).astype(dtype)
    pi = rng.dirichlet(np.ones(A), S)
    # Sums of at most S·A products of numbers below five, in float64 on one side or on both.
    slack = 4 * EPS * S * A * 5
    assert np.abs(mdp.next_value(V) - P @ V).max() <= slack
    assert np.abs(mdp.arrivals(mass) - np.einsum("sa,saz->z", mass, P)).max() <= slack
    assert np.abs(mdp.state_kernel(pi) - np.einsum("sa,saz->sz", pi, P)).max() <= slack
    assert np.abs(mdp.P.toarray().reshape(S, A, S) - P).max() <= slack
    assert np.array_equal(mdp.P.tocoo().toarray(), mdp.P.toarray())
    assert mdp.next_value(V).dtype == mdp.arrivals(mass).dtype == V.dtype
    assert mdp.row_sums[0] <= P.sum(axis=-1).min() <= P.sum(axis=-1).max() <= mdp.row_sums[1]


def test_extended_products_by_blocks_are_those_of_one_block(monkeypatch):
    columns, weights, B = tables(1)
    V, mass = np.linspace(0, 1, S, dtype=np.longdouble), np.ones((S, A), dtype=np.longdouble)
    mdp = problem(Factored(successors(columns, weights, M), csr_array(B)))
    one = mdp.next_value(V), mdp.arrivals(mass)
    monkeypatch.setattr(factored, "BLOCK", 3)
    assert np.array_equal(mdp.next_value(V), one[0])
    # The order of the sums over rows changes: S·A terms of total at most S·A, in 80 bits.
    assert np.abs(mdp.arrivals(mass) - one[1]).max() <= (S * A) ** 2 * np.finfo(np.longdouble).eps


def test_equal_successors_add_up_and_indices_are_short():
    P = successors(np.zeros((S, A, 4), dtype=np.int64), np.full((S, A, 4), 0.25), S)
    assert (P.shape, P.nnz) == ((S * A, S), S * A)
    assert np.array_equal(P.data, np.ones(S * A))
    wide = csr_array((P.data, P.indices.astype(np.int64), P.indptr.astype(np.int64)), P.shape)
    assert problem(wide).P.indices.dtype == P.indices.dtype == np.int32


def test_what_rounding_bounds_count_is_that_of_both_factors():
    columns, weights, B = tables(2)
    W, off = successors(columns, weights, M), 1 + 1e-12
    mdp = problem(Factored(W * off, B * off))
    low, high = mdp.row_sums
    assert low <= 1 + 2e-12 <= high
    assert high - low <= 1e-13
    P, both = mdp.P, csr_array(B)
    assert factored.row_length(P) == max(np.diff(W.indptr)) + S
    assert factored.column_length(P) == (W.toarray() != 0).sum(axis=0).max() + M
    assert factored.column_length(Factored(W, both)) == factored.column_length(P)


def test_what_a_factored_problem_says_and_keeps():
    columns, weights, B = tables(0)
    mdp = problem(Factored(successors(columns, weights, M), B))
    assert "factored" in repr(mdp)
    assert mdp.is_sparse
    assert mdp.replace(discount=0.5).P.shape == (S * A, S)
    before = mdp.next_value(np.arange(S) * 1.0)
    B[:] = 7.0
    assert np.array_equal(mdp.next_value(np.arange(S) * 1.0), before)


def _changed(array, factor):
    array = np.array(array)
    array.flat[0] *= factor
    return array


COLUMNS, WEIGHTS, LAWS = tables(0)
W = successors(COLUMNS, WEIGHTS, M)


@pytest.mark.parametrize(
    ("transition", "message"),
    [
        (Factored(W * 1.1, LAWS), "transition W must sum to 1 over nodes"),
        (Factored(W, LAWS * 1.1), "transition B must sum to 1 over next states"),
        (Factored(W, csr_array(LAWS * 1.1)), "transition B must sum to 1 over next states"),
        (Factored(W, _changed(LAWS, -1.0)), "transition B must be non-negative"),
        (Factored(-W, LAWS), "transition W must be non-negative"),
        (Factored(W, _changed(LAWS, np.nan)), "transition B must be finite"),
        (Factored(W, LAWS[:-1]), "transition W must have shape"),
        (Factored(W, LAWS[:, :-1]), "transition B must have shape"),
        (Factored(W, csr_array(LAWS[:, :-1])), "transition B must have shape"),
        (Factored(W[:-1], LAWS), "transition W must have shape"),
        (W * 1.1 @ csr_array(LAWS), "transition must sum to 1"),
    ],
)
def test_bad_factors(transition, message):
    with pytest.raises(InputError, match=message):
        problem(transition)


@pytest.mark.parametrize(
    ("columns", "weights", "n", "message"),
    [
        (COLUMNS, WEIGHTS, 0, "n must be an integer"),
        (COLUMNS, WEIGHTS, M - 1, r"columns must lie in \[0, 4\)"),
        (COLUMNS - 1, WEIGHTS, M, r"columns must lie in \[0, 5\), got -1"),
        (COLUMNS * 1.0, WEIGHTS, M, "columns must be integers"),
        (COLUMNS[0, 0], WEIGHTS[0, 0], M, "columns must be integers of shape"),
        (COLUMNS[..., :0], WEIGHTS[..., :0], M, "columns must be integers of shape"),
        (COLUMNS, WEIGHTS[..., 0], M, "weights must have shape"),
    ],
)
def test_bad_successors(columns, weights, n, message):
    with pytest.raises(InputError, match=message):
        successors(columns, weights, n)
