"""Errors off the grid: noise against quadrature, bounds against closed forms and finer answers, orders."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import wconv as wc
from wconv.exact import off_grid
from wconv.exact.off_grid import Direction, StateFunction, action_rule, sample


def polynomial(low, length, periodic, noise):
    """Cubic polynomials, or waves of a circle, by their values at four nodes."""
    nodes = low + length * np.arange(4) / (4 if periodic else 3)
    inverse = np.linalg.inv(functions(nodes, low, length, periodic))

    def interpolate(table):
        return lambda x: functions(x, low, length, periodic) @ inverse @ table

    return Direction(low, length, periodic, noise, nodes, interpolate)


def functions(x, low, length, periodic):
    phase = 2 * np.pi * (x - low) / length
    waves = np.stack([np.ones_like(x), np.cos(phase), np.sin(phase), np.cos(2 * phase)], axis=-1)
    return waves if periodic else np.stack([np.ones_like(x), x, x**2, x**3], axis=-1)


@pytest.mark.parametrize("noise", [0.02, 0.3, 2.5])
@pytest.mark.parametrize("periodic", [False, True], ids=["walls", "circle"])
def test_expectations_against_quadrature(periodic, noise):
    low, length = -1.0, 3.0
    direction = polynomial(low, length, periodic, noise)
    table = np.array([0.3, -1.0, 0.7, 2.0])
    V = StateFunction((direction,), table)
    means = np.array([-1.0, -0.97, 0.4, 1.9])
    period = length if periodic else 2 * length

    def density(y, m):
        copies = y + period * np.arange(-12, 13)
        both = copies if periodic else np.append(copies, 2 * low - copies)
        return norm.pdf(both, m, noise).sum()

    def ahead(m):
        near = [p for p in (m - 8 * noise, m, m + 8 * noise) if low < p < low + length]

        def integrand(y):
            return float(V(np.array([y]))) * density(y, m)

        return quad(integrand, low, low + length, points=near or None, limit=200)[0]

    assert np.abs(V.expected(means[:, None]) - [ahead(m) for m in means]).max() <= 1e-8


def test_tables_by_blocks_are_those_of_one_block(monkeypatch):
    axes = (polynomial(-1.0, 3.0, False, 0.3), polynomial(0.0, 2.0, True, 0.2))
    table = np.random.default_rng(0).normal(size=(4, 4))
    means = np.random.default_rng(1).uniform(0.0, 2.0, (9, 2))
    one = StateFunction(axes, table).expected(means)
    monkeypatch.setattr(off_grid, "ENTRIES", 100)
    # Sums of 100 products or so of numbers of size one, in another order.
    assert np.abs(StateFunction(axes, table).expected(means) - one).max() <= 1e-13


def line(x, a):
    return 0.5 * x + 0.0 * a


def square(x, a):
    return -(x[..., 0] ** 2) + 0.0 * a[..., 0]


def test_without_noise_the_bound_is_what_the_grid_adds():
    """V* = −px² with p = 1/(1 − γ/4); the grid adds a variance and so γp·extra/(1 − γ), constant in x."""
    unit = wc.Interval(-1.0, 1.0)
    problem = wc.ContinuousMDP(line, square, unit, unit, 0.0, 0.8, 0.1)
    for n in (21, 81):
        mdp = wc.discretise(problem, states=n, actions=4)
        (axis,) = mdp.smooth.states.axes
        added = 0.8 * axis.extra / (1 - 0.8 / 4) / (1 - 0.8)
        error = wc.continuum_error(wc.solve(mdp), points=64)
        true = np.abs(error.value(error.points) + error.points[:, 0] ** 2 / (1 - 0.8 / 4))
        assert added == pytest.approx(true, rel=1e-7)
        assert error.bound == pytest.approx(added, rel=1e-7)
        assert error.actions <= 1e-12


CASES = {
    "coarse pendulum": ("circle_pendulum", {"noise": 0.4, "temperature": 0.5}, 13, 8, 49, 40),
    "pendulum": ("circle_pendulum", {"noise": 0.4, "temperature": 0.5}, 33, 24, 49, 40),
    "coarse hill": ("hill", {"noise": 0.25, "temperature": 0.3}, 15, 8, 49, 40),
    "hill": ("hill", {"noise": 0.25, "temperature": 0.3}, 41, 32, 49, 40),
    "plane with walls": ("lq_2d", {"noise": 0.45, "temperature": 0.5}, 11, 12, (17, 17), 32),
}


@pytest.mark.parametrize("case", CASES)
def test_the_bound_bounds_and_not_by_far(case):
    name, kept, states, actions, nodes, enough = CASES[case]
    mdp = getattr(wc.zoo, name)(**kept, states=states, resolution=actions)
    exact = wc.solve_collocation(mdp.smooth.continuous, states=nodes, actions=enough, tol=1e-3)
    error = wc.continuum_error(wc.solve(mdp), points=256)
    x = sample(error.value.directions, 500, seed=7)
    true = np.abs(error.value(x) - exact(x)).max()
    assert 100 * exact.error.bound <= true
    assert true <= error.bound <= 50 * true
    residual = np.abs(error.residual).max() / (1 - mdp.gamma)
    assert error.bound == pytest.approx(residual + error.actions + error.rounding, rel=1e-12)
    assert residual <= error.states + error.actions


def test_the_error_of_states_has_order_four_on_a_circle():
    found = [
        wc.continuum_error(
            wc.solve(wc.zoo.circle_pendulum(noise=1.0, temperature=1.0, states=n, resolution=8)),
            points=128,
        )
        for n in (16, 32, 64)
    ]
    orders = np.log2(np.divide(*(np.array([e.states for e in found])[k] for k in ([0, 1], [1, 2]))))
    assert (np.abs(orders - 4) <= 0.3).all()
    assert max(e.actions for e in found) <= 1.01 * min(e.actions for e in found)


def test_the_temperature_and_discount_of_the_mdp_count():
    changes = {"temperature": 0.9, "discount": 0.7}
    mdp = wc.zoo.hill(noise=0.3, states=17, resolution=12)
    replaced = wc.continuum_error(wc.solve(mdp.replace(**changes)), points=32)
    made = wc.continuum_error(
        wc.solve(wc.zoo.hill(noise=0.3, states=17, resolution=12, **changes)), points=32
    )
    assert replaced.bound == pytest.approx(made.bound, rel=1e-6)


def test_reflection_is_counted():
    unit = wc.Interval(-1.0, 1.0)
    problem = wc.ContinuousMDP(line, square, unit, unit, 0.4, 0.8, 0.1)
    error = wc.continuum_error(wc.solve(wc.discretise(problem, states=21, actions=4)), points=32)
    m = 0.5 * error.points[:, 0]
    outside = norm.cdf(-1.0, m, 0.4) + norm.sf(1.0, m, 0.4)
    assert np.abs(error.reflected - outside).max() <= 1e-14


def test_sums_over_actions_in_the_plane_are_those_of_gauss():
    rule = action_rule(wc.Box((0.0, -1.0), (1.0, 3.0)), 4)
    a, m = rule.nodes, np.exp(rule.log_masses)
    assert m.sum() == pytest.approx(1.0, rel=1e-14)
    # Degree 7 in each: ∫a_1^7 = 1/8 on [0, 1], and ∫a_2^7/4 = (3^8 − 1)/32 on [−1, 3].
    assert m @ (a[:, 0] ** 7 * a[:, 1] ** 7) == pytest.approx((3**8 - 1) / 256, rel=1e-13)
    circle = action_rule(wc.Torus(2.0), 5)
    assert np.array_equal(circle.nodes, wc.Torus(2.0).grid(5).nodes)


def test_circles_have_no_walls_and_values_are_kept_at_a_quarter_of_the_spacing():
    ring = wc.continuum_error(wc.solve(wc.zoo.circle_pendulum(states=16, resolution=4)), points=16)
    assert not ring.reflected.any()
    assert ring.value.table.shape == (64,)
    line = wc.continuum_error(wc.solve(wc.zoo.hill(states=24, resolution=4)), points=16)
    assert line.value.table.shape == (93,)
    assert np.diff(line.value.directions[0].nodes) == pytest.approx(4 / 92)


def test_samples_are_seeded_spread_and_denser_near_walls():
    wall, ring = polynomial(-1.0, 3.0, False, 0.1), polynomial(-1.0, 3.0, True, 0.1)
    x = sample((wall, ring), 1024, seed=0)
    assert np.array_equal(x, sample((wall, ring), 1024, seed=0))
    assert not np.array_equal(x, sample((wall, ring), 1024, seed=1))
    assert ((x >= -1.0) & (x <= 2.0)).all()
    assert (x[:, 0] < -1.0 + 3e-3).sum() >= 8  # 1 of uniform ones
    largest = np.diff(np.sort(x[:, 1])).max()
    assert largest <= 4 * 3.0 / 1024


def test_bad_input():
    tabular = wc.solve(wc.zoo.double_well())
    mdp = wc.zoo.hill(noise=0.3, states=15, resolution=4)
    solution = wc.solve(mdp)
    with pytest.raises(wc.InputError, match=r"mdp must have continuous states.*discretise"):
        wc.continuum_error(tabular)
    with pytest.raises(wc.InputError, match=r"solution must be of wc[.]solve, got MDP"):
        wc.continuum_error(mdp)
    with pytest.raises(wc.InputError, match="points must be an integer >= 16"):
        wc.continuum_error(solution, points=5)
    error = wc.continuum_error(solution, points=16)
    with pytest.raises(wc.InputError, match=r"x must stay in \[-2, 2\] on axis 0, got 2.5"):
        error.value([2.5])
    with pytest.raises(wc.InputError, match="x must have 1 coordinates"):
        error.value([[0.0, 1.0]])
    with pytest.raises(wc.InputError, match=r"actions must have shape \(A, 1\)"):
        error.log_density([[0.0]], [0.1, 0.2])
    worst = error.points[np.abs(error.residual).argmax(), 0]
    assert f"sampled at 16 points, largest at x = [{worst:.3g}]" in repr(error)


def test_means_that_leave_between_the_nodes_are_refused():
    """The mean next state is 1 at the nodes, and 1.5 between them."""
    unit = wc.Interval(-1.0, 1.0)

    def leaving(x, a):
        return 1.0 + 0.5 * np.sin(10 * np.pi * x) ** 2 - 1e-9 + 0.0 * a

    problem = wc.ContinuousMDP(leaving, square, unit, unit, 0.4, 0.8, 0.1)
    mdp = wc.discretise(problem, states=21, actions=4)
    with pytest.raises(wc.InputError, match=r"dynamics must stay in \[-1, 1\]"):
        wc.continuum_error(wc.solve(mdp))
    inside = replace(problem, dynamics=line)
    assert wc.continuum_error(wc.solve(wc.discretise(inside, states=21, actions=4))).bound < 0.1
