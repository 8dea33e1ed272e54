"""The complex-step derivative against central differences in 60 digits."""

import mpmath as mp
import numpy as np
import pytest

from wconv._require import InputError
from wconv.exact.derivative import objective_derivative
from wconv.mdp.model import make_mdp
from wconv.mdp.policy import (
    Policy,
    from_masses,
    random_policy,
    softmax_policy,
    sparse_policy,
    uniform,
)
from wconv.measures.spaces import FiniteSet


def problem(table, gamma, tau=0.3):
    r, P = table
    s, a = r.shape
    rho = np.random.default_rng(9).dirichlet(np.ones(s))
    return make_mdp(
        r, P, discount=gamma, temperature=tau, grid=FiniteSet(np.eye(a)).grid(), initial=rho
    )


def direction(policy, rng):
    """Zero mass, and of the order of the policy."""
    noise = rng.standard_normal(policy.logf.shape)
    return policy.pi * (noise - (policy.pi * noise).sum(axis=1, keepdims=True))


def central_difference(mdp, policy, chi):
    """(J(π + hχ) − J(π − hχ))/2h for h = 1e-20 times the smallest π/|χ|, in 60 digits and more."""
    s = mdp.n_states
    live = np.isfinite(policy.logf)

    def objective(shift):
        matrix, b = mp.eye(s), mp.zeros(s, 1)
        for i in range(s):
            nodes = np.flatnonzero(live[i])
            masses = {
                k: mp.exp(mp.mpf(policy.logf[i, k])) * mp.mpf(mdp.grid.weights[k]) for k in nodes
            }
            total = mp.fsum(masses.values())
            for k in nodes:
                m = mp.mpf(mdp.grid.weights[k])
                pi = masses[k] / total + shift * mp.mpf(chi[i, k])
                b[i] += pi * (mp.mpf(mdp.r[i, k]) - mp.mpf(mdp.tau) * mp.log(pi / m))
                for j in range(s):
                    matrix[i, j] -= mp.mpf(mdp.gamma) * pi * mp.mpf(mdp.P[i, k, j])
        return mp.fdot(mdp.rho.tolist(), list(mp.lu_solve(matrix, b)))

    moved = chi != 0
    h = mp.mpf(1e-20) * mp.mpf((policy.pi[moved] / np.abs(chi[moved])).min())
    return (objective(h) - objective(-h)) / (2 * h)


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("which", ["random", "vanishing", "steep"])
def test_the_error_covers_the_truth_and_is_small(families, which, gamma):
    rng = np.random.default_rng(5)
    mdp = problem(families.dense(rng, 5, 4), gamma)
    policy = {
        "random": lambda: random_policy(mdp, rng),
        "vanishing": lambda: sparse_policy(mdp, rng),
        # Masses down to e^-120: the step has to shrink with them.
        "steep": lambda: softmax_policy(-40.0 * np.tile(np.arange(4.0), (5, 1)), mdp.grid),
    }[which]()
    chi = direction(policy, rng)
    if which == "steep":
        chi = np.tile([0.25, -0.25, 0.5, -0.5], (5, 1))
    slope = objective_derivative(mdp, policy, chi)
    with mp.workdps(160 if which == "steep" else 70):
        exact = central_difference(mdp, policy, chi)
        assert abs(mp.mpf(float(slope.value)) - exact) <= mp.mpf(float(slope.error))
    # 25 roundings of 80 bits at the size Σ|χ|(|r| + τ|log f|) ≤ 60 and Σ|χ|‖V‖ ≤ 2·40/(1−γ), twice
    # through the resolvent; and half an ulp of the value.
    u = np.finfo(np.longdouble).eps
    reach = np.abs(chi).sum(axis=1).max()
    expected = 25 * u * (60 + 80 * reach / (1 - gamma)) / (1 - gamma) ** 2
    assert slope.error <= expected + np.spacing(np.abs(slope.value))


def test_larger_slow_chain_and_scaling_of_the_direction(families):
    mdp = problem(families.banded(np.random.default_rng(1), 100, 5), 0.99)
    policy = random_policy(mdp, np.random.default_rng(2))
    chi = direction(policy, np.random.default_rng(3))
    one = objective_derivative(mdp, policy, chi)
    half = objective_derivative(mdp, policy, chi / 2**40)
    assert abs(one.value - half.value * 2**40) <= one.error + half.error * 2**40
    assert one.error <= 1e-10


def test_no_direction_no_derivative(families):
    mdp = problem(families.dense(np.random.default_rng(5), 5, 4), 0.9)
    slope = objective_derivative(mdp, uniform(mdp), np.zeros((5, 4)))
    assert float(slope.value) == float(slope.error) == 0.0


def test_bad_input(families):
    mdp = problem(families.dense(np.random.default_rng(5), 3, 2), 0.9)
    policy = uniform(mdp)
    push = np.tile([1.0, -1.0], (3, 1))
    point = from_masses(np.tile([1.0, 0.0], (3, 1)), mdp.grid)
    extreme = Policy(np.tile([np.log(2.0), -640.0], (3, 1)), mdp.grid)
    for which, chi, message in [
        (policy, push[:2], "direction must have shape"),
        (policy, push * np.nan, "direction must be finite"),
        (policy, "x", "direction must be an array"),
        (policy, np.abs(push), "direction must have zero mass"),
        (point, push, "direction must vanish where the policy does"),
        (extreme, push, "direction must stay below"),
    ]:
        with pytest.raises(InputError, match=message):
            objective_derivative(mdp, which, chi)
