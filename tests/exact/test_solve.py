"""The certified solver against an 80-bit reference, 40 digits, laws of scaling and hard optima."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from wconv._require import InputError
from wconv.exact.certificate import macqueen
from wconv.exact.evaluate import evaluate
from wconv.exact.solve import solve
from wconv.mdp.gym import from_gymnasium
from wconv.mdp.model import make_mdp
from wconv.measures.spaces import FiniteSet
from wconv.outcomes import Outcome, SolverError

EPS = np.finfo(float).eps


def grid(a, weights=None):
    return FiniteSet(np.arange(a)[:, None], weights=weights).grid()


def problem(table, *, gamma=0.9, tau=0.3, sparse=False, weights=None):
    r, P = table
    s, a = r.shape
    P = csr_array(P.reshape(s * a, s)) if sparse else P
    return make_mdp(r, P, discount=gamma, temperature=tau, grid=grid(a, weights))


@pytest.mark.parametrize("tau", [1.0, 1e-3])
@pytest.mark.parametrize("gamma", [0.9, 0.99, 0.999])
@pytest.mark.parametrize("family", ["dense", "banded"])
def test_error_and_certificate_on_both_families(families, family, gamma, tau):
    table = getattr(families, family)(np.random.default_rng(0), 200, 20)
    exact, known = families.reference(*table, gamma, tau, np.full(20, 1 / 20))
    scale = float(np.abs(exact).max())
    mdp = problem(table, gamma=gamma, tau=tau)
    tight = solve(mdp, tol=1e-12 * scale)
    loose = solve(mdp, tol=1e-8 * scale)
    for solution in (tight, loose):
        true = np.abs(solution.V - exact).astype(float)
        assert (true <= solution.error + known).all()
    assert np.abs(tight.V - exact).max() <= 2e-13 * scale
    assert tight.error.max() <= 1e-12 * scale
    phases = [phase for phase, _ in tight.history]
    assert phases.count("newton") <= 12
    assert phases.count("sweep") <= 12
    assert len(loose.history) <= len(tight.history)
    assert np.array_equal(tight.measured.error, tight.error)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.95])
def test_forty_digits(families, gamma, sparse):
    """Value iteration in 40 digits, and a solution good to half an ulp."""
    weights = np.array([0.5, 0.0, 0.5])
    r, P = families.dense(np.random.default_rng(1), 4, 3)
    mdp = problem((r, P), gamma=gamma, tau=0.1, sparse=sparse, weights=weights)
    with mp.workdps(40):
        rewards, kernel, V = (
            mp.matrix(r.tolist()),
            mp.matrix(P.reshape(12, 4).tolist()),
            mp.zeros(4, 1),
        )
        tau, discount = mp.mpf(0.1), mp.mpf(gamma)
        for _ in range(1000):  # 0.95^1000·20/0.05 is below 1e-19
            PV = kernel * V
            V = mp.matrix([
                tau * mp.log(mp.fsum(
                    w * mp.exp((rewards[s, a] + discount * PV[3 * s + a]) / tau)
                    for a, w in enumerate(weights)
                ))
                for s in range(4)
            ])  # fmt: skip
            if gamma == 0.0:
                break
        solution = solve(mdp, tol=1e-16, throw=False)
        true = np.array([float(abs(mp.mpf(x) - y)) for x, y in zip(solution.V, V, strict=True)])
    assert (true <= solution.error + 1e-18).all()
    # Half an ulp, and an extended sweep of depth 4 + 2·3 + 16 at size below 3 + |V|, both ways.
    size = 3 + np.abs(solution.V).max()
    extended = 2 * 30 * np.finfo(np.longdouble).eps * size / (1 - gamma)
    assert (solution.error <= np.spacing(np.abs(solution.V)) / 2 * 1.01 + extended).all()


@given(st.integers(0, 10**6), st.floats(-100, 100), st.floats(0.01, 100))
def test_scaling_laws(families, seed, shift, factor):
    r, P = families.banded(np.random.default_rng(seed), 12, 3, 2)
    base = solve(problem((r, P)))
    moved = solve(problem((r + shift, P)), tol=1e-9)
    # r + c and λr are rounded, an ulp of at most 101, through 1/(1 − γ) = 10; so are λτ and P's
    # row sums, by S·eps, through V·γ/(1 − γ).
    slack = 10 * EPS * 101 + 12 * EPS * 10 * 1010
    assert np.abs(moved.V - base.V - shift * 10).max() <= (
        moved.error.max() + base.error.max() + slack
    )
    scaled = solve(problem((factor * r, P), tau=0.3 * factor), tol=1e-9 * max(1, factor))
    assert np.abs(scaled.V - factor * base.V).max() <= (
        scaled.error.max() + factor * base.error.max() + factor * 200 * EPS * 10
    )


def test_relabelled_and_duplicated_states(families):
    r, P = families.banded(np.random.default_rng(4), 15, 3, 2)
    base = solve(problem((r, P)), tol=1e-12)
    order = np.random.default_rng(5).permutation(15)
    shuffled = solve(problem((r[order], P[np.ix_(order, range(3), order)])), tol=1e-12)
    both = shuffled.error.max() + base.error.max()
    assert np.abs(shuffled.V - base.V[order]).max() <= both
    # Two copies of every state share its arrivals; halving is exact.
    twice = np.repeat(np.arange(15), 2)
    doubled = solve(problem((r[twice], P[np.ix_(twice, range(3), twice)] / 2)), tol=1e-12)
    assert np.abs(doubled.V - base.V[twice]).max() <= doubled.error.max() + base.error.max()


@pytest.mark.parametrize("tau", [1e-1, 1e-3, 1e-6])
def test_soft_values_tend_to_hard_ones(families, tau):
    markov = pytest.importorskip("quantecon.markov")
    r, P = families.banded(np.random.default_rng(6), 40, 4, 3)
    hard = markov.DiscreteDP(r, P, 0.95).solve(method="policy_iteration").v
    soft = solve(problem((r, P), gamma=0.95, tau=tau))
    # Its linear solve rounds at S·eps of |V| ≤ 20, through 1/(1 − γ).
    slack = soft.error.max() + 40 * EPS * 20 * 20
    assert (hard - soft.V >= -slack).all()
    assert (hard - soft.V <= tau * np.log(4) / 0.05 + slack).all()


def test_the_phases_that_are_needed_are_used(families):
    fast = problem(families.dense(np.random.default_rng(0), 50, 5), gamma=0.99)
    slow = problem(families.banded(np.random.default_rng(0), 50, 5, 2), gamma=0.99)
    phases = lambda solution: list(dict.fromkeys(p for p, _ in solution.history))  # noqa: E731
    assert phases(solve(fast, tol=1e-4)) == ["sweep"]
    assert phases(solve(slow, tol=1e-7)) == ["sweep", "newton"]
    assert phases(solve(slow, tol=1e-12)) == ["sweep", "newton", "extended"]
    assert phases(solve(fast, tol=1e-12)) == ["sweep", "extended"]
    assert (
        len(solve(problem(families.dense(np.random.default_rng(0), 9, 3), gamma=0.0)).history) == 1
    )


def test_what_a_solution_carries(families):
    mdp = problem(families.banded(np.random.default_rng(7), 30, 4, 2), gamma=0.95)
    solution = solve(mdp, tol=1e-3)
    best = solve(mdp, tol=1e-12)
    value = evaluate(mdp, solution.policy)
    loss = best.V - value.V
    # Masses of the stored policy are good to 8 eps; that moves V^π by 8 eps |V| γ/(1 − γ).
    slack = best.error.max() + value.error.max() + 8 * EPS * 20 * 20
    assert (loss >= -slack).all()
    assert loss.max() <= solution.policy_loss + slack
    assert solution.policy_loss <= 2 * 0.95 / 0.05 * solution.error.max() * (1 + 1e-9)
    assert np.abs(best.V - solution.V).max() <= solution.error.max() + best.error.max()
    nu, d = best.nu.value, best.occupancy.value
    # ν and P_π are float64, sums of 30 terms of total one.
    assert np.abs(nu @ best.P_pi - nu).sum() <= 40 * EPS
    assert np.abs(0.05 * mdp.rho + 0.95 * d @ best.P_pi - d).sum() <= 60 * EPS
    # A start at the truth is certified at once, and its two sides enclose it.
    two = macqueen(mdp, best.V, best.V + 0.0)
    assert np.abs(two.middle - best.V).max() <= two.error


def test_taxi_and_frozen_lake():
    pytest.importorskip("gymnasium")
    for name, gamma in [("Taxi-v4", 0.99), ("FrozenLake-v1", 0.999)]:
        mdp = from_gymnasium(name, temperature=0.1, discount=gamma)
        solution = solve(mdp, tol=1e-10)
        kernel = mdp.P if isinstance(mdp.P, np.ndarray) else mdp.P.toarray()
        P = kernel.reshape(*mdp.r.shape, -1)
        Q = mdp.r + gamma * np.einsum("saz,z->sa", P, solution.V.astype(np.longdouble))
        TV = 0.1 * np.log((mdp.grid.weights * np.exp(Q / np.longdouble(0.1))).sum(axis=1))
        # |TV − V| ≤ (1 + γ)·error and the 80-bit rounding of 500 terms of size 1e3.
        assert np.abs(TV - solution.V).max() <= 2 * solution.error.max() + 1e-13
        assert solution.error.max() <= 1e-10


def test_without_a_tolerance_the_best_there_is(families):
    mdp = problem(families.banded(np.random.default_rng(0), 30, 5, 2), gamma=0.9999)
    best = solve(mdp, tol=None)
    assert best.outcome is Outcome.CONVERGED
    assert best.error.max() <= 1e-12 * np.abs(best.V).max()
    with pytest.raises(SolverError, match="floor"):
        solve(mdp, tol=best.error.max() / 4)


def test_what_is_missed_is_told(families):
    mdp = problem(families.banded(np.random.default_rng(0), 30, 5, 2), gamma=0.99)
    for arguments, outcome in [
        ({"tol": 1e-17}, Outcome.BELOW_FLOOR),
        ({"max_steps": 3}, Outcome.MAX_STEPS),
        ({"tol": 1e-13, "max_steps": len(solve(mdp, tol=1e-7).history) + 1}, Outcome.MAX_STEPS),
    ]:
        with pytest.raises(SolverError, match="certified error") as caught:
            solve(mdp, **arguments)
        assert caught.value.outcome is outcome
        told = solve(mdp, throw=False, **arguments)
        assert told.outcome is outcome
        assert np.abs(told.V - solve(mdp).V).max() <= told.error.max() + solve(mdp).error.max()
    huge = problem((np.full((2, 2), 1e308), np.full((2, 2, 2), 0.5)), gamma=0.99)
    with pytest.raises(SolverError, match="non-finite"):
        solve(huge)


@pytest.mark.parametrize(
    ("arguments", "symbol"),
    [({"tol": 0.0}, "tol"), ({"tol": np.nan}, "tol"), ({"max_steps": 0}, "max_steps")],
)
def test_bad_input(families, arguments, symbol):
    with pytest.raises(InputError, match=symbol):
        solve(problem(families.dense(np.random.default_rng(0), 3, 2)), **arguments)


def test_no_contraction_left(families):
    with pytest.raises(InputError, match="discount"):
        solve(problem(families.dense(np.random.default_rng(0), 3, 2), gamma=1 - 1e-16))
