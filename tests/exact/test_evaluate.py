"""Policy evaluation against 40-digit arithmetic: the certified error holds and is half an ulp."""

import mpmath as mp
import numpy as np
import pytest
from scipy.sparse import csr_array

from wconv._require import InputError
from wconv.exact import evaluate as evaluate_module
from wconv.exact import resolvent
from wconv.exact.bellman import evaluation, q_from_v
from wconv.exact.evaluate import evaluate
from wconv.exact.resolvent import resolvent_solve
from wconv.mdp.model import make_mdp
from wconv.mdp.policy import Policy, random_policy, sparse_policy, uniform
from wconv.measures import densities
from wconv.measures.spaces import FiniteSet
from wconv.outcomes import Outcome, SolverError

EPS = np.finfo(float).eps


def problem(table, *, gamma, tau=0.3, sparse=False):
    r, P = table
    s, a = r.shape
    P = csr_array(P.reshape(s * a, s)) if sparse else P
    return make_mdp(
        r, P, discount=gamma, temperature=tau, grid=FiniteSet(np.arange(a)[:, None]).grid()
    )


def exact_value(mdp, policy):
    """V^π in 40 digits from log f and the masses as they are stored, normalised to mass one."""
    P = mdp.P if isinstance(mdp.P, np.ndarray) else mdp.P.toarray().reshape(*mdp.r.shape, -1)
    s = mdp.n_states
    live = policy.logf > -np.inf
    matrix, b = mp.eye(s), mp.zeros(s, 1)
    for i in range(s):
        stored = {k: mp.mpf(policy.logf[i, k]) for k in np.flatnonzero(live[i])}
        total = mp.fsum(mp.exp(x) * mp.mpf(mdp.grid.weights[k]) for k, x in stored.items())
        for k, stored_log in stored.items():
            log = stored_log - mp.log(total)
            pi = mp.exp(log) * mp.mpf(mdp.grid.weights[k])
            b[i] += pi * (mp.mpf(mdp.r[i, k]) - mp.mpf(mdp.tau) * log)
            for j in range(s):
                matrix[i, j] -= mp.mpf(mdp.gamma) * pi * mp.mpf(P[i, k, j])
    return mp.lu_solve(matrix, b)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("which", ["rough", "vanishing"])
def test_the_certified_error_holds_and_is_about_half_an_ulp(families, gamma, which, sparse):
    rng = np.random.default_rng(1)
    mdp = problem(families.dense(rng, 7, 4), gamma=gamma, sparse=sparse)
    policy = random_policy(mdp, rng, roughness=8.0) if which == "rough" else sparse_policy(mdp, rng)
    value = evaluate(mdp, policy)
    with mp.workdps(40):
        exact = exact_value(mdp, policy)
        true = np.array([float(abs(mp.mpf(v) - x)) for v, x in zip(value.V, exact, strict=True)])
    assert (true <= value.error).all()
    # Half an ulp of V, and depth S + A + 16 = 27 roundings of 80 bits at five times the size of V
    # and of Σπ(|r| + τ|log f|) < 10, through the resolvent.
    u = 1.01 * np.finfo(np.longdouble).eps / 2
    extended = 3 * 27 * u * (10 + 4 * np.abs(value.V).max()) / (1 - gamma)
    assert (value.error <= 1.01 * (np.spacing(np.abs(value.V)) / 2 + extended)).all()
    assert np.array_equal(value.measured.error, value.error)
    assert np.array_equal(value.Q, q_from_v(mdp, value.V))


def test_the_error_stays_honest_where_long_double_is_double(families, monkeypatch):
    for module in (densities, resolvent, evaluate_module):
        monkeypatch.setattr(module, "EXTENDED", np.dtype(float))
    rng = np.random.default_rng(6)
    mdp = problem(families.dense(rng, 7, 4), gamma=0.99)
    policy = random_policy(mdp, rng, roughness=30.0)
    value = evaluate(mdp, policy)
    with mp.workdps(40):
        exact = exact_value(mdp, policy)
        true = [float(abs(mp.mpf(v) - x)) for v, x in zip(value.V, exact, strict=True)]
    assert (np.array(true) <= value.error).all()
    assert value.error.max() > 100 * EPS


def test_value_of_a_slow_chain_is_the_fixed_point_of_the_operator(families):
    mdp = problem(families.banded(np.random.default_rng(2), 200, 20), gamma=0.99)
    policy = random_policy(mdp, np.random.default_rng(3))
    value = evaluate(mdp, policy)
    V = value.V.astype(np.longdouble)
    residual = np.abs(evaluation(mdp, policy, V) - V).max()
    # |T^π V − V| ≤ (1 + γ)|V − V^π|, and the rounding of an 80-bit sweep is far below an ulp of V.
    assert residual <= 2 * value.error.max()
    assert value.error.max() <= 1e-14 * np.abs(value.V).max()


def test_closed_form_of_one_state():
    mdp = make_mdp(
        [[1.0, 3.0]], np.ones((1, 2, 1)), discount=0.75, temperature=2.0,
        grid=FiniteSet(np.eye(2)).grid(),
    )  # fmt: skip
    value = evaluate(mdp, uniform(mdp))
    assert value.V[0] == 8.0
    assert value.P_pi[0, 0] == 1.0
    # Σπ(|r| + τ|log f|) = 2 and V = 8 in 80 bits, times 1/(1 − γ) = 4; V itself is not rounded.
    assert value.error[0] <= 4 * 19 * 0.51 * np.finfo(np.longdouble).eps * (2 + 4 * 8) * 1.5


def test_resolvent_from_both_sides(families):
    mdp = problem(families.banded(np.random.default_rng(2), 30, 3), gamma=0.9)
    kernel = evaluate(mdp, uniform(mdp)).P_pi
    b = np.random.default_rng(4).standard_normal(30)
    series = sum(0.9**k * np.linalg.matrix_power(kernel, k) for k in range(400))
    # The tail is 0.9^400/(1 − 0.9) = 5e-18; both sides round sums of 30 terms, magnified by 10.
    slack = 2 * 30 * EPS * 10 * np.abs(b).max() * 10
    assert np.abs(resolvent_solve(mdp, kernel, b) - series @ b).max() <= slack
    assert np.abs(resolvent_solve(mdp, kernel, b, left=True) - b @ series).max() <= 30 * slack


def test_an_unreachable_tolerance_is_refused_or_told(families):
    mdp = problem(families.dense(np.random.default_rng(1), 5, 3), gamma=0.9)
    policy = uniform(mdp)
    with pytest.raises(SolverError, match="floor") as caught:
        evaluate(mdp, policy, tol=1e-18)
    assert caught.value.outcome is Outcome.BELOW_FLOOR
    told = evaluate(mdp, policy, tol=1e-18, throw=False)
    assert told.outcome is Outcome.BELOW_FLOOR
    assert told.error.max() <= 2e-15
    assert evaluate(mdp, policy, tol=2e-15).outcome is Outcome.CONVERGED


def test_overflow_is_an_outcome():
    mdp = problem((np.full((2, 2), 1e308), np.full((2, 2, 2), 0.5)), gamma=0.99)
    with pytest.raises(SolverError, match="non-finite"):
        evaluate(mdp, uniform(mdp))


def test_bad_input(families):
    mdp = problem(families.dense(np.random.default_rng(1), 5, 3), gamma=0.9)
    policy = uniform(mdp)
    with pytest.raises(InputError, match="tol"):
        evaluate(mdp, policy, tol=0.0)
    with pytest.raises(InputError, match="policy must have shape"):
        evaluate(mdp, Policy(np.zeros((4, 3)), mdp.grid))
    infinite = Policy(np.where(np.eye(5, 3) > 0, np.inf, 0.0), mdp.grid)
    with pytest.raises(InputError, match=r"log f must be finite.*KL"):
        evaluate(mdp, infinite)
    with pytest.raises(InputError, match="density must sum to 1"):
        evaluate(mdp, Policy(np.full((5, 3), 0.2), mdp.grid))
    for kernel, rhs, symbol in [
        (np.eye(4), np.zeros(5), "P_pi"),
        (np.eye(5), np.zeros(4), "rhs"),
        ("x", np.zeros(5), "P_pi"),
        (np.eye(5), "x", "rhs"),
    ]:
        with pytest.raises(InputError, match=symbol):
            resolvent_solve(mdp, kernel, rhs)
