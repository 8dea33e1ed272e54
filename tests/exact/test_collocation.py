"""Collocation against closed forms (also with walls that are met), brute force, the grid and itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

import wconv as wc
from wconv.outcomes import Outcome, SolverError

LINE = wc.Interval(-4.0, 4.0)
TWO = wc.FiniteSet(np.array([[0.0], [1.0]]))


def riccati(A, B, M, N, gamma):
    P = M
    for _ in range(3000):
        H, F = N + gamma * B.T @ P @ B, gamma * B.T @ P @ A
        P = M + gamma * A.T @ P @ A - F.T @ np.linalg.solve(H, F)
    return P, H, -np.linalg.solve(H, F)


def constant(P, H, *, noise, gamma, tau, length):
    cost = tau / 2 * np.log(2 * np.pi * tau / H[0, 0]) - gamma / 2 * noise**2 * np.trace(P)
    return (cost - tau * np.log(length)) / (1 - gamma)


def line_problem(**changes):
    def dynamics(x, a):
        return 0.5 * x + 0.25 * a

    def reward(x, a):
        return -0.5 * (x[..., 0] ** 2 + 0.5 * a[..., 0] ** 2)

    given = {"noise": 0.15, "discount": 0.9, "temperature": 0.1}
    return wc.ContinuousMDP(dynamics, reward, LINE, wc.Interval(-8.0, 8.0), **{**given, **changes})


def test_linear_quadratic_values_and_policies():
    one = np.eye(1)
    P, H, K = riccati(0.5 * one, 0.25 * one, one, 0.5 * one, 0.9)
    c = constant(P, H, noise=0.15, gamma=0.9, tau=0.1, length=16.0)
    solved = wc.solve_collocation(line_problem(), states=9, actions=160, tol=1e-11)
    x = np.linspace(-2, 2, 41)[:, None]
    assert np.abs(solved(x) - (c - 0.5 * P[0, 0] * x[:, 0] ** 2)).max() <= 1e-12
    a = np.linspace(-2, 2, 9)
    exact = norm.logpdf(a, x * K[0, 0], np.sqrt(0.1 / H[0, 0])) + np.log(16.0)
    assert np.abs(solved.log_density(x, a[:, None]) - exact).max() <= 1e-10
    assert solved.outcome is Outcome.CONVERGED
    assert solved.history[-1] <= 1e-14


def test_linear_quadratic_values_in_the_plane():
    A, B = np.array([[0.4, 0.2], [-0.2, 0.3]]), np.array([[0.0], [0.2]])
    P, H, _ = riccati(A, B, np.eye(2), np.eye(1), 0.8)

    def dynamics(x, a):
        return x @ A.T + a @ B.T

    def reward(x, a):
        return -0.5 * ((x**2).sum(axis=-1) + a[..., 0] ** 2)

    problem = wc.ContinuousMDP(dynamics, reward, (LINE, LINE), LINE, 0.2, 0.8, 0.1)
    solved = wc.solve_collocation(problem, states=(7, 9), actions=64)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 2))
    exact = constant(P, H, noise=0.2, gamma=0.8, tau=0.1, length=8.0)
    exact = exact - 0.5 * np.einsum("pi,ij,pj->p", x, P, x)
    assert np.abs(solved(x) - exact).max() <= 1e-11


@pytest.mark.parametrize("noise", [0.05, 0.7, 3.0])
def test_eigenfunctions_of_reflection_and_wrapping(noise):
    """x' = x + noise has V = Σ r_k/(1 − γe^{−ω²σ²/2}) for r = cos(ωx): at walls too, and without noise."""
    sigma, gamma = (noise, noise / 2, 0.0), 0.9
    spaces = (wc.Interval(-1.0, 2.0), wc.Torus(2.0), wc.Interval(0.0, 1.0))

    def waves(x):
        return np.cos(2 * np.pi / 3 * (x[..., 0] + 1)), np.sin(np.pi * x[..., 1])

    def reward(x, a):
        return sum(waves(x)) - x[..., 2] ** 2 + 0.0 * a[..., 0]

    def dynamics(x, a):
        return x * np.array([1.0, 1.0, 0.5]) + 0.0 * a

    problem = wc.ContinuousMDP(dynamics, reward, spaces, TWO, sigma, gamma, 1.0)
    solved = wc.solve_collocation(problem, states=(21, 4, 3), actions=2, tol=1e-9)
    x = np.random.default_rng(1).uniform([-1, 0, 0], [2, 2, 1], (200, 3))
    kept = np.exp(-0.5 * np.array([2 * np.pi / 3 * sigma[0], np.pi * sigma[1]]) ** 2)
    exact = sum(w / (1 - gamma * k) for w, k in zip(waves(x), kept, strict=True))
    exact = exact - x[:, 2] ** 2 / (1 - gamma / 4)
    assert np.abs(solved(x) - exact).max() <= 1e-11
    assert np.abs(solved(x) - exact).max() <= solved.error.bound <= 1e-10


def test_brute_force_bellman_where_walls_are_met():
    problem = line_problem(noise=1.5)
    solved = wc.solve_collocation(problem, states=33, actions=96, tol=1e-9)
    x = np.array([[-4.0], [-2.9], [0.3], [4.0]])
    z, w = np.polynomial.legendre.leggauss(200)
    actions, places = (8 * z)[None, :, None], 4 * z
    means = problem.dynamics(x[:, None], actions)
    copies = [places + 16 * k for k in range(-2, 3)] + [8 - places + 16 * k for k in range(-2, 3)]
    law = sum(norm.pdf(copy, means, 1.5) for copy in copies) * 4 * w
    assert np.abs(law.sum(axis=-1) - 1).max() <= 1e-13
    Q = problem.reward(x[:, None], actions) + 0.9 * law @ solved(places[:, None])
    TV = 0.1 * np.log(np.exp(Q / 0.1) @ (w / 2))
    assert np.abs(TV - solved(x)).max() <= 1e-11
    assert solved.error.reflected.max() > 0.01


def test_fourier_converges_geometrically_and_to_the_grid():
    mdp = wc.zoo.circle_pendulum(noise=0.4, temperature=0.5, states=256, resolution=256)
    problem = mdp.smooth.continuous
    runs = [wc.solve_collocation(problem, states=n, actions=40, throw=False) for n in (13, 25, 37)]
    bounds = np.array([run.error.bound for run in runs])
    assert (bounds[1:] <= bounds[:-1] / 8).all()
    x = np.linspace(0.0, 2 * np.pi, 301)[:, None]
    last = runs[-1](x)
    for run in runs[:-1]:
        assert np.abs(run(x) - last).max() <= run.error.bound + bounds[-1]
    grid = wc.solve(mdp)
    apart = np.abs(grid.V - runs[-1](mdp.smooth.states.nodes)).max()
    assert apart <= wc.continuum_error(grid, points=64).bound
    assert apart <= 1e-4


def test_a_missed_tolerance_raises_or_is_told():
    problem = line_problem()
    with pytest.raises(SolverError, match="take more actions"):
        wc.solve_collocation(problem, states=9, actions=20, tol=1e-8)
    with pytest.raises(SolverError, match="take more states"):
        wc.solve_collocation(line_problem(noise=1.5), states=5, actions=96, tol=1e-8)
    told = wc.solve_collocation(problem, states=9, actions=20, tol=1e-8, throw=False)
    assert told.outcome is Outcome.UNRESOLVED
    assert told.error.bound > 1e-8
    assert "9 nodes" in repr(told)
    assert "actions" in repr(told)


def test_numbers_that_overflow():
    def reward(x, a):
        return 1e308 * np.ones_like(x[..., 0] + a[..., 0])

    with pytest.raises(SolverError, match="non-finite"):
        wc.solve_collocation(replace(line_problem(), reward=reward), states=5, actions=8)


def leaving(x, a):
    return x + a


BAD = {
    "one node": ({}, {"states": 1}, "states on axis 0 must be an integer >= 2"),
    "two counts": ({}, {"states": (9, 9)}, "states must have one number for each of 1 axes"),
    "too many": ({}, {"states": 5000}, "states must be at most 4000"),
    "no actions": ({}, {"actions": 0}, "actions must be an integer >= 1"),
    "few points": ({}, {"points": 3}, "points must be an integer >= 16"),
    "no tolerance": ({}, {"tol": 0.0}, "tol must be positive"),
    "no seed": ({}, {"seed": -1}, "seed must be an integer >= 0"),
    "undiscounted": ({"discount": 1.0}, {}, r"discount must lie in \[0, 1\)"),
    "no entropy": ({"temperature": 0.0}, {}, "temperature must be positive"),
    "hardly any noise": ({"noise": 1e-3}, {}, r"noise must be zero or at least 0.0016 on axis 0"),
    "leaves": ({"dynamics": leaving}, {}, r"dynamics must stay in \[-4, 4\] on axis 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    changes, asked, message = BAD[case]
    problem = replace(line_problem(), **changes)
    with pytest.raises(wc.InputError, match=message):
        wc.solve_collocation(problem, **{"states": 9, "actions": 8, **asked})
