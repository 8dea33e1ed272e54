"""Soft policy iteration and mirror descent, on tables and on continua."""

import numpy as np
import pytest

import wconv as wc


def table(seed=0, gamma=0.9, tau=0.3):
    rng = np.random.default_rng(seed)
    P = rng.random((4, 6, 4)) ** 3
    P /= P.sum(axis=-1, keepdims=True)
    weights = rng.random(6)
    grid = wc.FiniteSet(np.arange(6.0)[:, None], weights / weights.sum()).grid()
    return wc.make_mdp(rng.random((4, 6)), P, discount=gamma, temperature=tau, grid=grid)


def optimal_value(mdp):
    """V* by two thousand sweeps of the soft Bellman operator."""
    V = np.zeros(mdp.n_states)
    for _ in range(2000):
        Q = mdp.r + mdp.gamma * mdp.P @ V
        V = mdp.tau * np.log((mdp.grid.weights * np.exp(Q / mdp.tau)).sum(axis=1))
    return V


def masses(mdp, log_mass):
    powers = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("roughness", [0.0, 1.0, 30.0])
def test_soft_policy_iteration_is_quadratic_at_last_from_any_start(roughness):
    mdp = table()
    start = wc.random_policy(mdp, np.random.default_rng(1), roughness=roughness)
    path = wc.evolve(wc.SoftPolicyIteration(), mdp, start, steps=7)
    gap = np.abs(optimal_value(mdp) - path.measured.value).max(axis=1)
    assert gap[-1] < 1e-13
    large = gap > 1e-13
    # (γ/(1−γ))(γE/4τ + …)E with c = 1 [gap-newton].
    bound = mdp.gamma / (1 - mdp.gamma) * mdp.gamma / (4 * mdp.tau) * gap[:-1] ** 2
    assert (gap[1:] <= np.minimum(bound, mdp.gamma * gap[:-1]) + 1e-13)[large[1:]].all()
    assert large.sum() >= 3


def test_mirror_descent_is_the_geometric_mixture_with_the_proved_rate(chain):
    mdp, eta = table(gamma=0.95), 0.8
    share = eta * mdp.tau / (1 + eta * mdp.tau)
    start = wc.random_policy(mdp, np.random.default_rng(2), roughness=3.0)
    path = wc.evolve(wc.MirrorDescent(eta), mdp, start, steps=60)
    data = (mdp.r, mdp.P, mdp.gamma, mdp.tau, mdp.grid.weights)
    gap = np.abs(optimal_value(mdp) - path.measured.value).max(axis=1)
    assert (gap[1:] <= (1 - (1 - mdp.gamma) * share) * gap[:-1]).all()
    assert gap[-1] < 1e-2 * gap[0]
    pi = start.pi
    for policy in path.policies[1:]:
        p = masses(mdp, chain.log_gibbs(*data, chain.value(*data, pi)))
        before = (pi * np.log(pi / p)).sum(axis=1)
        pi = masses(mdp, (1 - share) * np.log(pi) + share * np.log(p))
        assert np.abs(policy.pi - pi).max() < 1e-12
        assert ((pi * np.log(pi / p)).sum(axis=1) <= (1 - share) * before).all()


def test_on_a_grid_both_agree_with_the_limits_of_the_frozen_flow():
    mdp = wc.zoo.ring(resolution=32)
    start = wc.random_policy(mdp, np.random.default_rng(3))
    once = wc.evolve(wc.SoftPolicyIteration(), mdp, start, steps=1).policies[1]
    exact = wc.gibbs(mdp, wc.evaluate(mdp, start).Q)
    assert np.abs(once.logf - exact.logf).max() < 1e-12
    far = wc.evolve(wc.MirrorDescent(1e9), mdp, start, steps=1).policies[1]
    assert np.abs(far.logf - exact.logf).max() < 1e-7
