"""Derivatives of V* and V^π against finite differences of an 80-bit solver and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wconv as wc
from tests.exact.conftest import dense, reference
from wconv.exact.differentiable import SoftProblem, optimal_values

GAMMA, TAU, STEP = 0.85, 0.3, 1e-5


def tables(rng, s=4, a=6):
    r, P = dense(rng, s, a)
    m = rng.random(a) + 0.5
    return r, P, m / m.sum()


def objective(r, P, gamma, tau, m, w):
    return float(w @ reference(r, P, gamma, tau, m)[0])


def mdp_of(r, P, m, gamma=GAMMA, tau=TAU):
    grid = wc.FiniteSet(np.arange(len(m), dtype=float)[:, None], weights=m).grid()
    return wc.make_mdp(r, P, discount=gamma, temperature=tau, grid=grid)


def central(f):
    return (f(STEP) - f(-STEP)) / (2 * STEP)


@pytest.mark.parametrize("what", ["r", "P", "gamma", "tau"])
def test_gradients_of_the_optimal_value_are_finite_differences(what):
    rng = np.random.default_rng(1)
    r, P, m = tables(rng)
    w = rng.random(4)
    found = wc.value_gradient(mdp_of(r, P, m), w)
    dr, dP = rng.standard_normal(r.shape), rng.standard_normal(P.shape)
    moved = {
        "r": lambda e: objective(r + e * dr, P, GAMMA, TAU, m, w),
        "P": lambda e: objective(r, P + e * dP, GAMMA, TAU, m, w),
        "gamma": lambda e: objective(r, P, GAMMA + e, TAU, m, w),
        "tau": lambda e: objective(r, P, GAMMA, TAU + e, m, w),
    }[what]
    along = {
        "r": (found.r * dr).sum(),
        "P": (found.P * dP).sum(),
        "gamma": found.gamma,
        "tau": found.tau,
    }[what]
    assert along == pytest.approx(central(moved), rel=1e-7)


def bandit(rng):
    r, P, m = tables(rng, s=1)
    f = np.exp(r[0] / TAU) / (m @ np.exp(r[0] / TAU))
    return r, P, m, f


def test_of_a_bandit_the_derivatives_are_the_policy_and_its_entropy():
    r, P, m, f = bandit(np.random.default_rng(2))
    found = wc.value_gradient(mdp_of(r, P, m, gamma=0.0))
    assert found.r[0] == pytest.approx(m * f, rel=1e-13)
    assert found.tau == pytest.approx(-(m * f) @ np.log(f), rel=1e-12)


def test_the_second_derivative_of_a_bandit_is_the_covariance_of_its_policy():
    r, P, m, f = bandit(np.random.default_rng(3))

    def value(r):
        zero = jnp.asarray(0.0)
        return wc.optimal_value(SoftProblem(r, P, np.log(m), zero, jnp.asarray(TAU)))[0]

    with jax.enable_x64(True):
        second = np.asarray(jax.jit(jax.hessian(value))(jnp.asarray(r)))[0, :, 0]
    pi = m * f
    assert second == pytest.approx((np.diag(pi) - np.outer(pi, pi)) / TAU, abs=1e-13)


def test_the_value_of_a_policy_and_its_gradient_in_the_policy():
    rng = np.random.default_rng(4)
    r, P, m = tables(rng)
    logf, moved = rng.standard_normal((2, *r.shape))

    def value(logf):
        pi = m * np.exp(logf)
        reward = (pi * (r - TAU * logf)).sum(axis=-1)
        return np.linalg.solve(np.eye(4) - GAMMA * np.einsum("sa,sat->st", pi, P) / 20, reward)

    def found(logf):
        return wc.policy_value(SoftProblem(r, P / 20, np.log(m), GAMMA, TAU), logf)

    with jax.enable_x64(True):
        V, along = jax.jit(lambda *at: jax.jvp(found, at[:1], at[1:]))(logf, moved)
    assert np.asarray(V) == pytest.approx(value(logf), rel=1e-12)
    assert np.asarray(along) == pytest.approx(central(lambda e: value(logf + e * moved)), rel=1e-7)


def test_many_instances_are_solved_at_once_and_certified():
    rng = np.random.default_rng(5)
    each = [tables(rng) for _ in range(3)]
    gammas, taus = np.array([0.0, 0.9, 0.99]), np.array([1.0, 0.1, 0.02])
    r, P, m = (np.stack(part) for part in zip(*each, strict=True))
    V = optimal_values(SoftProblem(r, P, np.log(m), gammas, taus))
    for k in range(3):
        certified = wc.certified_value(mdp_of(r[k], P[k], m[k], gammas[k], taus[k]), V[k])
        truth, _ = reference(r[k], P[k], gammas[k], taus[k], m[k])
        assert (np.abs(V[k] - truth) <= certified.error).all()
        assert certified.error.max() < 1e-9


def test_the_certificate_covers_a_wrong_value():
    r, P, m = tables(np.random.default_rng(6))
    truth = reference(r, P, GAMMA, TAU, m)[0].astype(float)
    wrong = truth + np.array([1.0, -0.5, 0.0, 2.0])
    certified = wc.certified_value(mdp_of(r, P, m), wrong)
    assert (np.abs(certified.value - truth) <= certified.error).all()
    assert certified.error.max() < 20.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda mdp: wc.value_gradient(mdp, np.ones(3)), "weights must have shape"),
        (lambda mdp: wc.certified_value(mdp, np.full(4, np.nan)), "V must be finite"),
        (lambda mdp: wc.certified_value(mdp, np.ones(5)), "V must have shape"),
        (lambda mdp: optimal_values(wc.value_gradient(mdp)), "problems must share a first axis"),
    ],
)
def test_bad_input_is_named(call, words):
    mdp = mdp_of(*tables(np.random.default_rng(7)))
    with pytest.raises(wc.InputError, match=words):
        call(mdp)
