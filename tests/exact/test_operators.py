"""Soft Bellman operators against high-precision arithmetic, and the bound on their rounding."""

import mpmath as mp
import numpy as np
import pytest
from scipy.sparse import csr_array

from wconv._require import InputError
from wconv.exact.bellman import evaluation, optimality, q_from_v
from wconv.exact.certificate import contraction_gap, operator_rounding
from wconv.mdp.model import make_mdp
from wconv.mdp.policy import Policy, gibbs, sparse_policy
from wconv.measures.spaces import FiniteSet

WEIGHTS = np.array([0.5, 0.0, 1e-30, 0.5])


def small(tau, *, sparse=False, scale=1.0):
    rng = np.random.default_rng(3)
    r, P = rng.random((5, 4)), rng.dirichlet(np.ones(5), size=(5, 4))
    P = csr_array(P.reshape(20, 5)) if sparse else P
    grid = FiniteSet(np.arange(4.0)[:, None], weights=WEIGHTS).grid()
    return make_mdp(scale * r, P, discount=0.9, temperature=tau, grid=grid)


def exact_q(mdp, V):
    P = mdp.P if isinstance(mdp.P, np.ndarray) else mdp.P.toarray().reshape(*mdp.r.shape, -1)
    s, a = mdp.r.shape
    return [
        [
            mp.mpf(mdp.r[i, k]) + mp.mpf(mdp.gamma) * mp.fdot(P[i, k].tolist(), V.tolist())
            for k in range(a)
        ]
        for i in range(s)
    ]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("tau", "scale"), [(1.0, 1.0), (1e-3, 1.0), (0.1, 1e6), (1e4, 1.0)])
def test_optimality_is_the_soft_maximum_within_its_bound(tau, scale, sparse):
    mdp = small(tau, sparse=sparse, scale=scale)
    V = scale * np.random.default_rng(0).standard_normal(5)
    with mp.workdps(40):
        exact = [
            mp.mpf(tau)
            * mp.log(
                mp.fsum(m * mp.exp(q / mp.mpf(tau)) for m, q in zip(WEIGHTS, row, strict=True))
            )
            for row in exact_q(mdp, V)
        ]
        for precise in (V, V.astype(np.longdouble)):
            TV = optimality(mdp, precise)
            assert TV.dtype == precise.dtype
            high = [mp.mpf(float(x)) + mp.mpf(float(x - float(x))) for x in TV]
            worst = max(abs(x - y) for x, y in zip(high, exact, strict=True))
            assert worst <= operator_rounding(mdp, precise)


@pytest.mark.parametrize("dtype", [float, np.longdouble])
def test_the_gibbs_policy_attains_the_maximum(dtype):
    mdp = small(0.3)
    V = np.random.default_rng(1).standard_normal(5).astype(dtype)
    policy = gibbs(mdp, q_from_v(mdp, V).astype(float))
    # The policy is a float64 object: its masses are good to 2 eps |log f| and its gap to T V is
    # second order in that, so first-order rounding of its mass dominates.
    slack = 16 * np.finfo(float).eps * (1 + np.abs(V).max() + mdp.tau * 70)
    assert np.abs(evaluation(mdp, policy, V) - optimality(mdp, V)).max() <= slack


def test_evaluation_counts_nothing_where_the_policy_vanishes():
    mdp = small(0.3)
    policy = sparse_policy(mdp, np.random.default_rng(2))
    V = np.random.default_rng(3).standard_normal(5)
    live = policy.logf > -np.inf
    with mp.workdps(40):
        for s, row in enumerate(exact_q(mdp, V)):
            logs = [mp.mpf(x) for x in np.where(live, policy.logf, 0.0)[s]]
            exact = mp.fsum(
                m * mp.exp(l) * (q - mp.mpf(mdp.tau) * l)
                for m, l, q, on in zip(WEIGHTS, logs, row, live[s], strict=True)
                if on
            )
            # Masses carry the rounding of log f + log m, at most 70 here.
            assert abs(evaluation(mdp, policy, V)[s] - exact) <= 80 * np.finfo(float).eps * 4


def test_extended_precision_agrees_for_dense_and_sparse_tables(families):
    r, P = families.banded(np.random.default_rng(5), 30, 3)
    grid = FiniteSet(np.arange(3.0)[:, None]).grid()
    make = lambda table: make_mdp(r, table, discount=0.9, temperature=0.1, grid=grid)  # noqa: E731
    V = np.random.default_rng(0).standard_normal(30).astype(np.longdouble)
    full, thin = make(P), make(csr_array(P.reshape(90, 30)))
    bound = operator_rounding(full, V) + operator_rounding(thin, V)
    assert np.abs(optimality(full, V) - optimality(thin, V)).max() <= bound
    assert operator_rounding(thin, V) < operator_rounding(full, V)


def test_bad_input():
    mdp = small(1.0)
    with pytest.raises(InputError, match="V must have shape"):
        optimality(mdp, np.zeros(4))
    with pytest.raises(InputError, match="policy must have shape"):
        evaluation(mdp, Policy(np.zeros((1, 4)), mdp.grid), np.zeros(5))
    with pytest.raises(InputError, match="discount"):
        contraction_gap(mdp.replace(discount=1 - 1e-16))
