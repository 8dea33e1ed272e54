"""Occupancies and stationary laws: closed forms, QuantEcon, and chains that nearly fall apart."""

import numpy as np
import pytest

from wconv._require import InputError
from wconv.exact.evaluate import evaluate
from wconv.exact.occupancy import discounted_occupancy
from wconv.exact.stationary import stationary, stationary_laws
from wconv.mdp.model import make_mdp
from wconv.mdp.policy import random_policy, uniform
from wconv.measures.spaces import FiniteSet

EPS = np.finfo(float).eps


def cycle(n, gamma):
    """Every action moves on to the next state."""
    P = np.zeros((n, 2, n))
    P[np.arange(n), :, (np.arange(n) + 1) % n] = 1.0
    return make_mdp(
        np.zeros((n, 2)), P, discount=gamma, temperature=1.0, grid=FiniteSet(np.eye(2)).grid()
    )


def nearly_decomposable(coupling, n=12):
    """A birth-death chain with one weak bond in the middle, and its law by detailed balance."""
    rng = np.random.default_rng(0)
    up, down = rng.uniform(0.1, 0.5, n - 1), rng.uniform(0.1, 0.5, n - 1)
    up[n // 2], down[n // 2] = 0.3 * coupling, 0.7 * coupling
    P = np.diag(up, 1) + np.diag(down, -1)
    law = np.concatenate([[1.0], np.cumprod(up.astype(np.longdouble) / down)])
    return P + np.diag(1 - P.sum(axis=1)), law / law.sum()


@pytest.mark.parametrize("coupling", [0.5, 1e-6, 1e-12])
def test_stationary_law_to_relative_accuracy(coupling):
    P, law = nearly_decomposable(coupling)
    nu = stationary(P)
    assert (np.abs(nu.value - law) <= nu.error).all()
    # 9n³u of 80 bits is 8.5e-16 at n = 12, and half an ulp.
    assert (nu.error <= 1e-15 * nu.value).all()


def test_stationary_law_agrees_with_quantecon(families):
    gth = pytest.importorskip("quantecon.markov").gth_solve
    for table in (families.dense, families.banded):
        P = table(np.random.default_rng(1), 60, 1)[1][:, 0]
        nu = stationary(P)
        # Its own float64 error is of the order of n roundings.
        assert (np.abs(nu.value - gth(P)) <= nu.error + 60 * EPS * nu.value).all()


def test_recurrent_classes():
    P = np.zeros((6, 6))
    P[0, [0, 1, 3]] = 0.5, 0.25, 0.25
    P[1, 2] = P[2, 1] = 1.0  # a class of period two
    P[3, 3] = 1.0  # an absorbing state
    P[4, 4] = P[4, 0] = 0.5
    P[5, 4] = 1.0
    laws = stationary_laws(P)
    assert sorted(laws.value.tolist()) == [[0, 0, 0, 1, 0, 0], [0, 0.5, 0.5, 0, 0, 0]]
    with pytest.raises(InputError, match=r"one recurrent class.*got 2"):
        stationary(P)
    P[3] = np.eye(6)[5]
    P[1] = np.eye(6)[3]
    P[5], P[0] = np.eye(6)[3], np.eye(6)[1]
    assert np.array_equal(stationary(P).value, [0, 0, 0, 0.5, 0, 0.5])
    assert stationary([[1.0]]).value[0] == 1.0


def test_occupancy_of_a_cycle_is_geometric():
    for gamma in (0.0, 0.5, 0.999):
        mdp = cycle(7, gamma)
        d = discounted_occupancy(mdp, uniform(mdp), np.eye(7)[2])
        g = np.longdouble(gamma)
        exact = np.roll((1 - g) * g ** np.arange(7) / (1 - g**7), 2)
        assert (np.abs(d.value - exact) <= d.error).all()
        assert d.error.max() <= 1e-15 + 1e-17 / (1 - gamma)


def test_occupancy_and_value_are_dual(families):
    r, P = families.banded(np.random.default_rng(2), 100, 5)
    rho = np.random.default_rng(3).dirichlet(np.ones(100))
    mdp = make_mdp(
        r, P, discount=0.99, temperature=0.2, grid=FiniteSet(np.eye(5)).grid(), initial=rho
    )
    policy = random_policy(mdp, np.random.default_rng(4))
    d, value = discounted_occupancy(mdp, policy), evaluate(mdp, policy)
    cost = policy.pi * (mdp.r - mdp.tau * policy.logf)
    gain = d.value @ cost.sum(axis=1) / (1 - mdp.gamma)
    # Float64 sums of 100 and of 5 terms on either side, with masses good to eps·(1 + |log π|).
    depth, size = 100 + 5 + 12, np.abs(cost).sum(axis=1).max()
    slack = depth * EPS * size / (1 - mdp.gamma) + EPS * 100 * np.abs(value.V).max()
    slack += d.error.sum() * size / (1 - mdp.gamma) + value.error.max()
    assert abs(gain - rho @ value.V) <= slack
    # Every state is left with mass at most one and entered with (1 − γ)ρ at least.
    assert (d.value + d.error >= (1 - mdp.gamma) * rho).all()
    assert abs(d.value.sum() - 1) <= d.error.sum() + 100 * EPS


@pytest.mark.parametrize(
    ("P", "symbol"),
    [
        (np.zeros(3), "P must have shape"),
        (np.zeros((2, 3)), "P must have shape"),
        (np.zeros((0, 0)), "P must have shape"),
        ("x", "P must be an array"),
        ([[0.5, 0.4], [0.5, 0.5]], "P must sum to 1"),
        ([[1.5, -0.5], [0.5, 0.5]], "P must be non-negative"),
        ([[np.nan, 1.0], [0.5, 0.5]], "P must be finite"),
    ],
)
def test_bad_input_of_stationary(P, symbol):
    with pytest.raises(InputError, match=symbol):
        stationary_laws(P)


@pytest.mark.parametrize("rho", [np.ones(7), np.ones(6) / 6, "x", np.eye(7)[0] * -1])
def test_bad_input_of_occupancy(rho):
    mdp = cycle(7, 0.5)
    with pytest.raises(InputError, match="rho"):
        discounted_occupancy(mdp, uniform(mdp), rho)
