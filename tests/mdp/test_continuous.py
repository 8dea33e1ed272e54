"""Continuous states: weights and noise against quadrature, values against closed forms, measured orders."""

from dataclasses import replace
from itertools import pairwise

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

import wconv as wc
from wconv.mdp import zoo
from wconv.mdp.state_grid import Axis, StateGrid, hats, state_grid

EPS = np.finfo(float).eps
WALLS = Axis(low=-1.0, length=3.0, n=31, periodic=False, noise=0.2)
CIRCLE = Axis(low=0.0, length=3.0, n=30, periodic=True, noise=0.2)
CONTINUOUS = [
    name for name in zoo.RECIPES if {"states", "resolution"} <= set(zoo.parameters_of(name))
]


@pytest.mark.parametrize("axis", [WALLS, CIRCLE], ids=["walls", "circle"])
@given(share=st.floats(0.0, 1.0))
def test_weights_are_a_law_with_the_mean_of_the_point_and_variance_h2_over_2(axis, share):
    x = axis.low + axis.length * (share if axis.periodic else 0.1 + 0.8 * share)
    w = axis.dense_weights(np.array(x))
    assert (w >= 0).all()
    assert abs(w.sum() - 1) <= 8 * EPS
    apart = axis.nodes - x
    if axis.periodic:
        apart = apart - axis.length * np.round(apart / axis.length)
    assert abs(w @ apart) <= 1e-14
    assert abs(w @ apart**2 - axis.spacing**2 / 2) <= 1e-14


@given(share=st.floats(0.0, 1.0), axis=st.sampled_from([WALLS, CIRCLE]))
def test_six_nodes_or_all_of_them(share, axis):
    x = np.array(axis.low + axis.length * share)
    where, w = axis.sparse_weights(x)
    table = np.zeros(axis.n)
    np.add.at(table, where, w)
    assert np.abs(table - axis.dense_weights(x)).max() <= 1e-14


def test_axes_of_different_lengths_keep_their_order():
    grid = StateGrid((replace(WALLS, n=7), replace(CIRCLE, n=9), replace(WALLS, n=8)))
    x = np.array([[0.3, 2.9, 1.99], [-1.0, 0.0, 0.1]])
    where, w = grid.sparse_weights(x)
    table = np.zeros((2, grid.n))
    np.add.at(table, (np.arange(2)[:, None], where), w)
    assert np.abs(table - grid.dense_weights(x)).max() <= 1e-14
    # Weights have the mean of the point, away from walls and from the seam of the circle.
    inner = np.array([[0.3, 1.4, 0.6]])
    assert grid.dense_weights(inner) @ grid.nodes == pytest.approx(inner, abs=1e-14)


@pytest.mark.parametrize("width", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("d", [0.0, 0.4, 1.0, 2.5, 6.0])
def test_hats_under_noise_against_quadrature(d, width):
    def integrand(y):
        return (1 - abs(d + y)) * norm.pdf(y / width) / width

    ends = pairwise((-d - 1, -d, -d + 1))
    area = sum(quad(integrand, a, b, epsabs=1e-15)[0] for a, b in ends)
    assert hats(np.array([d]), width)[0] == pytest.approx(area, rel=1e-9, abs=1e-15)


def test_a_step_has_the_mean_and_the_variance_of_the_noise():
    grid = StateGrid((WALLS,))
    x = np.array([[0.43]])
    law = grid.dense_weights(x)[0] @ grid.noise_matrix()
    mean = law @ WALLS.nodes
    assert mean == pytest.approx(0.43, abs=1e-13)
    # Hats of a Gaussian of width σ'/h = 1.83 alias by 2·exp(−2π²·1.83²) = 4e-29.
    assert law @ (WALLS.nodes - mean) ** 2 == pytest.approx(0.04, rel=1e-12)


@pytest.mark.parametrize("axis", [WALLS, CIRCLE], ids=["walls", "circle"])
def test_noise_at_the_ends_is_reflected_or_wrapped(axis):
    B = axis.noise_matrix()
    assert (B >= 0).all()
    assert np.abs(B.sum(axis=1) - 1).max() <= 8 * EPS
    reduced = np.sqrt(axis.noise**2 - 2 * axis.spacing**2 / 3)
    period = axis.length if axis.periodic else 2 * axis.length
    y, h = axis.nodes[1], axis.spacing

    def density(z):
        copies = norm.pdf(z + period * np.arange(-3, 4), y, reduced).sum()
        if axis.periodic:
            return copies
        return copies + norm.pdf(2 * axis.low - z + period * np.arange(-3, 4), y, reduced).sum()

    for i in (0, 1, 4):
        low = axis.nodes[i] - (0 if i == 0 and not axis.periodic else h)
        hat = quad(
            lambda z, i=i: (1 - abs(z - axis.nodes[i]) / h) * density(z),
            low,
            axis.nodes[i] + h,
            points=[axis.nodes[i]],
        )[0]
        assert B[1, i] == pytest.approx(hat, abs=1e-12)


@pytest.mark.parametrize("n", [17, 69, 118])
def test_the_coarsest_spacing_that_is_allowed_leaves_no_noise(n):
    h = 1.0 / n
    sigma = h * np.sqrt(2 / 3)  # σ² − 2h²/3 is zero up to rounding of either sign
    B = state_grid((wc.Torus(1.0),), (sigma,), n).noise_matrix()
    assert np.abs(B - np.eye(n)).max() <= 1e-7  # the root of rounding, 2e-8


@pytest.mark.parametrize("noise", [60.0, 1e9])
def test_noise_much_wider_than_the_states_is_uniform(noise):
    flat = np.full(31, 1 / 30)
    flat[[0, -1]] /= 2
    wall, ring = replace(WALLS, noise=noise), replace(CIRCLE, noise=noise)
    # A mass near 1/width is a second difference of numbers near width, 90 here: 90²·EPS.
    assert wall.noise_matrix() / flat == pytest.approx(1.0, abs=4e-12)
    assert ring.noise_matrix() * 30 == pytest.approx(1.0, abs=4e-12)


def riccati(a, b, gamma, *, m=1.0, n=0.5):
    p = m
    for _ in range(2000):
        p = m + gamma * a * a * p - (gamma * a * b * p) ** 2 / (n + gamma * b * b * p)
    return p, n + gamma * b * b * p


def test_linear_quadratic_values_are_exact_on_the_nodes():
    tau, gamma, sigma = 0.1, 0.9, 0.15
    mdp = wc.zoo.lq_1d(temperature=tau, discount=gamma, noise=sigma, states=81, resolution=64)
    p, h = riccati(0.5, 0.5, gamma)
    c = tau / 2 * np.log(2 * np.pi * tau / h) - gamma / 2 * p * sigma**2 - tau * np.log(6.0)
    x = mdp.smooth.states.nodes[:, 0]
    exact = -0.5 * p * x**2 + c / (1 - gamma)
    solution = wc.solve(mdp)
    inner = np.abs(x) <= 2.0  # beyond, walls are three deviations of the policy away
    assert np.abs(solution.V - exact)[inner].max() <= 1e-11 + solution.error.max()


def test_values_of_the_pendulum_converge_with_order_four():
    values = [
        wc.solve(wc.zoo.circle_pendulum(states=n, noise=0.35, temperature=0.5)).V[:: n // 16]
        for n in (16, 32, 64, 256)
    ]
    errors = [np.abs(v - values[-1]).max() for v in values[:-1]]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[-1] < 1e-4
    assert orders[-1] > 3.5


def test_the_table_the_product_and_the_functions_agree():
    dense = wc.zoo.circle_pendulum(states=24, resolution=12, noise=0.4)
    product = wc.zoo.torque_pendulum(states=20, resolution=12, angle_noise=0.3, speed_noise=0.8)
    for mdp in (dense, product):
        s, a = np.arange(mdp.n_states)[:, None], mdp.grid.nodes[None]
        with jax.enable_x64(True), jax.numpy_rank_promotion("raise"):
            P = np.asarray(mdp.smooth.transition(s, jnp.asarray(a)))
            r = np.asarray(mdp.smooth.reward(s, jnp.asarray(a)))
        V = np.sin(np.arange(mdp.n_states))
        assert np.abs(P @ V - mdp.next_value(V)).max() <= 1e-13
        assert np.abs(r - mdp.r).max() <= 1e-12


def test_the_gradient_of_the_transition_is_continuous_across_nodes():
    mdp = wc.zoo.circle_pendulum(states=24, resolution=12, noise=0.4)
    with jax.enable_x64(True):
        bend = jax.jacfwd(jax.jacfwd(lambda a: mdp.smooth.transition(3, a)))
        # f(x_3, a) = x_3 + .3 sin x_3 + a/2 is a node.
        x = mdp.smooth.states.nodes[3, 0]
        a = 2 * (mdp.smooth.states.nodes[4, 0] - x - 0.3 * np.sin(x))
        sides = [np.asarray(bend(jnp.array([a + side]))) for side in (-1e-9, 1e-9)]
    assert np.abs(sides[0] - sides[1]).max() <= 1e-6


def test_the_pendulum_is_gymnasiums():
    env = gymnasium.make("Pendulum-v1").unwrapped
    env.reset(seed=0)
    problem = zoo.make("torque-pendulum", n=4).smooth.continuous
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, a = rng.uniform([-np.pi, -8], [np.pi, 8]), rng.uniform(-2, 2, 1)
        env.state = x.copy()
        _, reward, *_ = env.step(a)
        assert problem.reward(x, a) == pytest.approx(reward, rel=1e-13)
        assert np.abs(problem.dynamics(x, a) - env.state).max() <= 1e-13


@pytest.mark.parametrize("name", CONTINUOUS)
def test_recipes_differentiate(name):
    mdp = zoo.make(name, resolution=6)
    with jax.enable_x64(True):
        a = jnp.asarray(mdp.grid.nodes[3])
        reward = np.asarray(jax.grad(mdp.smooth.reward, argnums=1)(2, a))
        step = 1e-6 * np.eye(mdp.grid.dim)
        up, down = ([float(mdp.smooth.reward(2, a + s * e)) for e in step] for s in (1, -1))
    assert reward == pytest.approx(np.subtract(up, down) / 2e-6, rel=1e-6, abs=1e-8)


def walk(x, a):
    return 0.5 * x + 0.0 * a


def cost(x, a):
    return -(x[..., 0] ** 2) + 0.0 * a[..., 0]


LINE = wc.Interval(-1.0, 1.0)
GOOD = {
    "dynamics": walk,
    "reward": cost,
    "states": LINE,
    "actions": LINE,
    "noise": 0.2,
    "discount": 0.5,
    "temperature": 1.0,
}
BAD = {
    "a mean below": (
        {"dynamics": lambda x, a: 0.0 * a - 1.0 - 1e-6 * (x < 0.9)},
        {},
        r"got -1 \(1.0e-06 beyond\)",
    ),
    "a mean outside": ({"dynamics": lambda x, a: x + a}, {}, "dynamics must stay in"),
    "a mean that is not finite": (
        {"dynamics": lambda x, a: x + a + np.nan},
        {},
        "dynamics must be finite",
    ),
    "a mean without its coordinate": (
        {"dynamics": lambda x, a: (x + a)[..., 0]},
        {},
        r"dynamics must have shape \(states, actions, coordinates\) = \(20, 8, 1\), got",
    ),
    "a reward of another shape": ({"reward": lambda x, a: x + a}, {}, "reward must have shape"),
    "no continuum": (
        {"states": wc.Box((0.0,), (1.0,))},
        {},
        "states must be intervals and circles",
    ),
    "two circles in one": (
        {"states": wc.Torus(1.0, 2)},
        {},
        "states must be intervals and circles",
    ),
    "ends the wrong way": ({"states": wc.Interval(1.0, -1.0)}, {}, "states must have low < high"),
    "no end": ({"states": wc.Interval(0.0, np.inf)}, {}, "end of states must be finite, got inf"),
    "no length": ({"states": wc.Torus(0.0)}, {}, "circumference of states must be positive"),
    "no axis": ({"states": ()}, {}, "states must have one axis or more"),
    "two noises": ({"noise": (0.1, 0.1)}, {}, "noise must have one deviation"),
    "negative noise": ({"noise": -0.1}, {}, "noise must be non-negative"),
    "too coarse": ({}, {"states": 7}, "take 10 nodes or more"),
    "too few": ({}, {"states": 5}, "states on axis 0 must"),
    "half a node": ({}, {"states": 20.5}, "states on axis 0 must be an integer >= 6, got 20.5"),
    "two counts": ({}, {"states": (10, 10)}, "states must have one number"),
    "no actions": ({}, {"actions": 0}, "actions must"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    changes, numbers, message = BAD[case]
    problem = wc.ContinuousMDP(**{**GOOD, **changes})
    with pytest.raises(wc.InputError, match=message):
        wc.discretise(problem, **{"states": 20, "actions": 8, **numbers})


def test_functions_that_write_on_their_arguments_are_stopped():
    def writing(x, a):
        place = x[..., 0]
        place -= 0.3  # a view: the nodes of the dynamics would move too
        return -(place**2) + 0.0 * a[..., 0]

    with pytest.raises(ValueError, match="read-only"):
        wc.discretise(wc.ContinuousMDP(**{**GOOD, "reward": writing}), states=20, actions=8)


def test_without_noise_the_grid_says_what_it_adds():
    problem = wc.ContinuousMDP(**{**GOOD, "noise": 0.0})
    mdp = wc.discretise(problem, states=21, actions=8)
    (axis,) = mdp.smooth.states.axes
    assert axis.extra == pytest.approx(0.1**2 / 2)
