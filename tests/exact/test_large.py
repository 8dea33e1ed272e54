"""The solvers of many states against dense ones, closed forms and chains that are hard for Krylov."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from wconv.exact import linear
from wconv.exact.derivative import value_derivative
from wconv.exact.evaluate import evaluate
from wconv.exact.occupancy import discounted_occupancy
from wconv.exact.resolvent import resolvent_solve
from wconv.exact.solve import solve
from wconv.mdp.factored import Factored, successors
from wconv.mdp.model import make_mdp
from wconv.mdp.policy import random_policy, uniform
from wconv.measures.spaces import FiniteSet
from wconv.outcomes import Outcome, SolverError

EPS = np.finfo(float).eps
SOLVERS = {"band": linear.SparseLU, "bicgstab": linear.Iterative}


def grid(a):
    return FiniteSet(np.eye(a)).grid()


def line(s, a, *, reach=2, seed=0, **words):
    """A chain that moves by at most ``reach`` states, as W·B: a step, then a symmetric spread."""
    rng = np.random.default_rng(seed)
    states = np.arange(s)[:, None, None]
    W = successors(np.clip(states + rng.integers(-reach, reach + 1, (s, a, 3)), 0, s - 1),
                   rng.dirichlet(np.ones(3), (s, a)), s)  # fmt: skip
    spread = np.clip(states[:, 0] + np.array([-1, 0, 1]), 0, s - 1)
    B = successors(spread, np.tile([0.25, 0.5, 0.25], (s, 1)), s)
    words = {"discount": 0.95, "temperature": 0.2, "grid": grid(a), **words}
    return make_mdp(rng.random((s, a)), Factored(W, B), **words)


def alike(mdp, layout):
    """The same problem with P in another layout."""
    P = {
        "factored": mdp.P,
        "csr": mdp.P.tocsr(),
        "array": mdp.P.toarray().reshape(*mdp.r.shape, -1),
    }
    return make_mdp(
        mdp.r, P[layout], discount=mdp.gamma, temperature=mdp.tau, grid=mdp.grid, initial=mdp.rho
    )


@pytest.fixture(params=["band", "bicgstab"])
def many(request, monkeypatch):
    """Twenty states are already many, and one way of solving is taken: it is checked to be."""
    monkeypatch.setattr(linear, "MAX_STATES", 20)
    monkeypatch.setattr(linear, "BAND_WORK", 10**9 if request.param == "band" else 0)
    return SOLVERS[request.param]


@pytest.mark.parametrize("layout", ["factored", "csr", "array"])
def test_every_quantity_agrees_with_the_dense_solver(many, layout, monkeypatch):
    big = alike(line(60, 4), layout)
    rng = np.random.default_rng(3)
    policy = random_policy(big, rng)
    chi = policy.pi * rng.standard_normal(big.r.shape)
    chi -= policy.pi * chi.sum(axis=1, keepdims=True)

    def everything(mdp):
        return {
            "V*": solve(mdp, tol=1e-12).measured,
            "V^π": evaluate(mdp, policy).measured,
            "d": discounted_occupancy(mdp, policy, np.eye(60)[7]),
            "V'": value_derivative(mdp, policy, chi),
        }

    if layout != "array":
        assert isinstance(linear.factor(big, big.state_mixture(policy.pi)), many)
    sparse, kernel = everything(big), evaluate(big, policy).P_pi
    monkeypatch.setattr(linear, "MAX_STATES", 2000)
    small, dense = everything(big), everything(alike(line(60, 4), "array"))
    for name, other in [*sparse.items(), *small.items()]:
        one = dense[name]
        # The two arrays P differ by the rounding of W·B: 3 products, S·EPS of a row, through the
        # resolvent (values below 20, derivatives below 400).
        slack = 60 * EPS * 20 * (400 if name == "V'" else 20)
        assert (np.abs(one.value - other.value) <= one.error + other.error + slack).all(), name
        assert other.error.max() <= 1e-11, name
    kernel = kernel if layout == "array" else kernel.toarray()
    assert np.abs(kernel - evaluate(big, policy).P_pi).max() <= 60 * EPS


def test_the_resolvent_of_a_sparse_kernel_from_both_sides(many):
    mdp = line(60, 3)
    kernel = evaluate(mdp, uniform(mdp)).P_pi
    kernel.data[kernel.indptr[59] :] = 0.0  # what leaves the chain is no error
    kernel.eliminate_zeros()
    b = np.random.default_rng(4).standard_normal(60)
    x, y = (resolvent_solve(mdp, kernel, b, left=left) for left in (False, True))
    # Residuals at the rounding of sums of 60 terms of size 20·max|b|.
    slack = 60 * EPS * 20 * 3
    assert np.abs(b + 0.95 * kernel @ x - x).max() <= slack
    assert np.abs(b + 0.95 * y @ kernel - y).max() <= 60 * slack


@pytest.mark.parametrize("way", [1, -1])
def test_a_band_is_as_wide_as_the_farthest_move_to_either_side(way, monkeypatch):
    monkeypatch.setattr(linear, "MAX_STATES", 20)
    s = 400
    near, far = (
        successors(np.clip(np.arange(s)[:, None] + way * step, 0, s - 1), np.ones((s, 1)), s)
        for step in (1, 60)
    )
    mdp = line(s, 1)
    assert isinstance(linear.factor(mdp, Factored(near, near)), linear.SparseLU)
    assert isinstance(linear.factor(mdp, Factored(near, far)), linear.Iterative)
    assert isinstance(linear.factor(mdp, Factored(far, near).tocsr()), linear.Iterative)


@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.95, 0.999]))
def test_certified_errors_hold_against_80_bits(families, seed, gamma):
    mdp = line(80, 3, seed=seed, discount=gamma)
    P = mdp.P.toarray().reshape(80, 3, 80)
    exact, known = families.reference(mdp.r, P, gamma, mdp.tau, np.full(3, 1 / 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "MAX_STATES", 20)
        patch.setattr(linear, "BAND_WORK", 0 if seed % 2 else 10**9)
        solution = solve(mdp, tol=None)
    # W·B as an array is rounded: 3 EPS of every entry, through V·γ/(1 − γ).
    slack = known + 3 * EPS * np.abs(exact).max() * gamma / (1 - gamma)
    assert (np.abs(solution.V - exact).astype(float) <= solution.error + slack).all()
    assert solution.error.max() <= 1e-12 * np.abs(solution.V).max()


@pytest.mark.parametrize("gamma", [0.9, 0.9999])
def test_a_cycle_where_krylov_methods_stall(many, gamma):
    """Every action moves on; the eigenvalues of I − γP fill a circle. V = Σ γ^t r(s + t)."""
    s = 500
    r = np.zeros((s, 2))
    r[0] = 1.0
    ahead = successors(np.repeat((np.arange(s) + 1) % s, 2).reshape(s, 2, 1), np.ones((s, 2, 1)), s)
    mdp = make_mdp(r, ahead, discount=gamma, temperature=1.0, grid=grid(2))
    g = np.longdouble(gamma)
    first = 1 / (1 - g**s)
    exact = np.concatenate([[first], first * g ** np.arange(s - 1, 0, -1)])
    solution = solve(mdp, tol=1e-9)
    assert (np.abs(solution.V - exact) <= solution.error).all()
    d = discounted_occupancy(mdp, uniform(mdp), np.eye(s)[0])
    law = (1 - g) * g ** np.arange(s) * first
    assert (np.abs(d.value - law) <= d.error).all()
    assert d.error.max() <= 1e-12


def test_a_linear_system_that_is_not_solved_is_told(monkeypatch):
    monkeypatch.setattr(linear, "MAX_STATES", 20)
    monkeypatch.setattr(linear, "BAND_WORK", 0)
    monkeypatch.setattr(linear, "MAX_ITERATIONS", 1)
    mdp = line(200, 3, reach=30, discount=0.9999)
    with pytest.raises(SolverError, match="asked for 1e-08") as caught:
        solve(mdp, tol=1e-8)
    assert caught.value.outcome is Outcome.UNRESOLVED
    told = solve(mdp, tol=1e-8, throw=False)
    with pytest.raises(SolverError, match="BiCGSTAB does not solve"):
        evaluate(mdp, uniform(mdp))
    monkeypatch.setattr(linear, "MAX_ITERATIONS", 1000)
    true = solve(mdp, tol=1e-8)
    assert np.abs(told.V - true.V).max() <= told.error.max() + true.error.max()


def test_small_right_hand_sides_are_no_breakdown(many):
    mdp = line(60, 3)
    factors = linear.factor(mdp, mdp.state_mixture(uniform(mdp).pi))
    b = np.random.default_rng(0).standard_normal(60)
    for left in (False, True):
        x, tiny = (factors.solve(size * b, left=left) for size in (1.0, 1e-140))
        assert np.abs(tiny * 1e140 - x).max() <= 1e-12 * np.abs(x).max()
        assert not factors.solve(0.0 * b, left=left).any()


def test_ten_thousand_states_in_a_second_or_two_and_little_memory():
    s, a, k = 10_000, 5, 10
    rng = np.random.default_rng(0)
    columns = np.clip(np.arange(s)[:, None, None] + rng.integers(-20, 21, (s, a, k)), 0, s - 1)
    P = successors(columns, rng.dirichlet(np.ones(k), (s, a)), s)
    mdp = make_mdp(rng.random((s, a)), P, discount=0.99, temperature=0.1, grid=grid(a))
    start = time.process_time()
    solution = solve(mdp, tol=1e-8)
    seconds = time.process_time() - start
    assert seconds < 2.0
    assert solution.error.max() <= 1e-8
    tracemalloc.start()
    value, occupancy = evaluate(mdp, solution.policy), solution.occupancy
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 60e6  # P is 6 MB, its 80-bit copies go by blocks of 16 MB
    gap = np.abs(value.V - solution.V).max()
    assert gap <= solution.policy_loss + value.error.max() + solution.error.max()
    assert abs(occupancy.value.sum() - 1) <= s * occupancy.error.max()
    assert isinstance(solution.P_pi, csr_array)
