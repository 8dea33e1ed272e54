"""Laws that every problem of the zoo obeys, up to the errors its own numbers claim."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wconv as wc
from wconv.measured import EPS

SMALL = {
    "box-2d": {"resolution": 6},
    "navigation": {"resolution": 4, "states": 9, "noise": 0.11},
    "torque-pendulum": {"states": 12, "angle_noise": 0.45, "speed_noise": 1.2},
    "hill": {"states": 12, "noise": 0.4},
    **{
        n: {"states": 12, "noise": 0.5}
        for n in ("lq-1d", "lq-2d", "circle-pendulum", "additive-noise")
    },
}
"""Few nodes, and noise that they resolve; 16 nodes for actions of one dimension."""

NAMES = sorted(wc.zoo.RECIPES)


def build(name, **more):
    known = wc.zoo.parameters_of(name)
    wanted = {"resolution": 16, **SMALL.get(name, {}), **more}
    return wc.zoo.make(name, **{key: value for key, value in wanted.items() if key in known})


PROBLEMS = {name: build(name) for name in NAMES}
problems = st.sampled_from(NAMES).map(PROBLEMS.__getitem__)
seeds = st.integers(0, 10**6)


def other(mdp, *, reward=None, transition=None, temperature=None, grid=None):
    return wc.make_mdp(
        mdp.r if reward is None else reward,
        mdp.P if transition is None else transition,
        discount=mdp.gamma,
        temperature=mdp.tau if temperature is None else temperature,
        grid=mdp.grid if grid is None else grid,
        initial=mdp.rho,
    )


def agree(a, b, slack=0.0):
    """Whether two measured arrays overlap within their errors and a derived slack."""
    return bool((np.abs(a.value - b.value) <= a.error + b.error + slack).all())


def ulps(mdp, *values):
    """A few roundings of rewards and values, amplified by the horizon."""
    size = max(float(np.abs(v).max()) for v in (mdp.r, *values))
    return 16 * EPS * size / (1 - mdp.gamma)


@given(problems, st.floats(-5, 5))
def test_a_constant_reward_shifts_the_value(mdp, c):
    before, after = wc.solve(mdp, tol=None), wc.solve(other(mdp, reward=mdp.r + c), tol=None)
    shift = c / (1 - mdp.gamma)
    assert agree(after.measured, before.measured + shift, ulps(mdp, after.V, before.V, c))


@given(problems, st.floats(0.1, 10))
def test_reward_and_temperature_scale_together(mdp, scale):
    before = wc.solve(mdp, tol=None).measured
    scaled = other(mdp, reward=scale * mdp.r, temperature=scale * mdp.tau)
    after = wc.solve(scaled, tol=None).measured
    assert agree(after, scale * before, scale * ulps(mdp, before.value))


@given(problems, st.floats(1.1, 5))
def test_a_higher_temperature_costs_value(mdp, factor):
    cool = wc.solve(mdp, tol=None).measured
    warm = wc.solve(other(mdp, temperature=factor * mdp.tau), tol=None).measured
    assert (warm.lower <= cool.upper).all()


@given(problems, seeds)
def test_relabelled_states_get_relabelled_values(mdp, seed):
    order = np.random.default_rng(seed).permutation(mdp.n_states)
    P = mdp.P if isinstance(mdp.P, np.ndarray) else mdp.P.toarray().reshape(*mdp.r.shape, -1)
    moved = other(mdp, reward=mdp.r[order], transition=P[order][:, :, order])
    assert agree(wc.solve(moved, tol=None).measured, wc.solve(mdp, tol=None).measured[order])


@given(problems, seeds)
def test_no_policy_beats_the_optimal_one_and_residuals_are_non_negative(mdp, seed):
    value = wc.evaluate(mdp, wc.random_policy(mdp, np.random.default_rng(seed)))
    assert (wc.optimality_gap(wc.solve(mdp, tol=None), value).upper >= 0).all()
    assert (wc.bellman_residual(mdp, value).upper >= 0).all()


@given(problems)
def test_the_solution_is_a_fixed_point_and_the_value_of_its_policy(mdp):
    star = wc.solve(mdp, tol=None)
    assert agree(wc.apply_optimality(mdp, star.measured), star.measured)
    assert agree(
        wc.evaluate(mdp, star.policy).measured, star.measured, star.policy_loss + ulps(mdp, star.V)
    )


@given(problems, seeds)
def test_occupancies_are_probabilities_and_pair_with_rewards(mdp, seed):
    policy = wc.random_policy(mdp, np.random.default_rng(seed))
    value, d = wc.evaluate(mdp, policy), wc.discounted_occupancy(mdp, policy)
    assert abs(float(d.value.sum()) - 1) <= float(d.error.sum()) + mdp.n_states * 1e-12
    per_step = (policy.pi * mdp.r).sum(axis=1) - mdp.tau * wc.kl(policy, wc.uniform(mdp)).value
    pairing = float(d.value @ per_step) / (1 - mdp.gamma)
    slack = (float(d.error.sum()) + 64 * EPS) * float(np.abs(per_step).max()) / (1 - mdp.gamma)
    objective = float(mdp.rho @ value.V)
    assert abs(pairing - objective) <= slack + float(value.error.max()) + ulps(
        mdp, value.V, per_step
    )


@given(problems)
def test_stationary_laws_are_stationary(mdp):
    kernel = wc.solve(mdp, tol=None).P_pi
    laws = wc.stationary_laws(kernel)
    assert (laws.value >= 0).all()
    assert np.abs(laws.value.sum(axis=1) - 1).max() <= 4 * EPS * mdp.n_states
    assert np.abs(laws.value @ kernel - laws.value).max() <= 4 * EPS * mdp.n_states


@pytest.mark.parametrize("name", [n for n in NAMES if PROBLEMS[n].smooth is not None])
def test_values_converge_under_refinement_with_order_two_or_better(name):
    sizes = (6, 12, 24) if name == "box-2d" else (16, 32, 64, 128)
    values = [wc.solve(build(name, resolution=n), tol=None).V for n in sizes]
    steps = [float(np.abs(b - a).max()) for a, b in pairwise(values)]
    assert all(b <= a / 3.5 + 1e-12 for a, b in pairwise(steps)), steps
