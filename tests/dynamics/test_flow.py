"""The gradient flow against general solvers of ordinary differential equations, and its error bars."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import wconv as wc


def waves(nodes, rng, rows):
    """Random series of two waves across the nodes, (rows, A)."""
    share = (nodes[:, 0] - nodes.min()) / np.ptp(nodes)
    phase = rng.uniform(0, 2 * np.pi, (rows, 2, 1))
    turns = 2 * np.pi * np.arange(1, 3)[:, None] * share
    return (rng.uniform(0, 1, (rows, 2, 1)) * np.cos(turns - phase)).sum(axis=1)


def problem(seed):
    """Two states, smooth data and a smooth start."""
    rng = np.random.default_rng(seed)
    space = [wc.Interval(-1.0, 1.0), wc.Torus(2.0), wc.GaussianLine(0.5, 8.0)][seed % 3]
    grid = space.grid(16)
    logits = waves(grid.nodes, rng, 4).reshape(2, 2, grid.n).transpose(0, 2, 1)
    P = np.exp(2 * logits)
    mdp = wc.make_mdp(
        waves(grid.nodes, rng, 2),
        P / P.sum(axis=-1, keepdims=True),
        discount=float(rng.choice([0.0, 0.6, 0.9])),
        temperature=float(rng.choice([0.3, 1.0])),
        grid=grid,
    )
    return mdp, wc.softmax_policy(waves(grid.nodes, rng, 2), grid)


def truth(chain, mdp, start, times, method, tol):
    """V of the solution of dπ/dt = K(π)ᵀπ by SciPy, (times, S)."""
    grid, given = mdp.grid, (mdp.r, mdp.P, mdp.gamma, mdp.tau, mdp.grid.weights)
    field = chain.velocity(*given, grid.spacing[0], grid.periodic)
    options = {"method": method, "rtol": tol, "atol": tol / 100, "t_eval": times}
    solution = solve_ivp(field, (0.0, times[-1]), start.pi.ravel(), **options)
    return np.array([chain.value(*given, x.reshape(mdp.r.shape)) for x in solution.y.T])


def test_values_of_the_flow_to_ten_digits(chain):
    mdp, start = problem(1)
    path = wc.evolve(wc.WPGFlow(1e-10, refinements=11), mdp, start, until=0.3, samples=4)
    exact = truth(chain, mdp, start, path.times, "Radau", 1e-12)
    found = path.measured
    assert (found.error <= 1e-10).all()
    # Radau's own error, a few tolerances of the masses at the size of q − τ log f.
    assert (np.abs(found.value - exact) <= found.error + 2e-11).all()


@pytest.mark.parametrize("block", range(4))
def test_claimed_errors_cover_the_true_ones(chain, block):
    """Every time and state of six random problems, loose tolerances, few and many samples."""
    for seed in range(6 * block, 6 * block + 6):
        mdp, start = problem(seed)
        until, samples = [(0.05, 4), (0.5, 1), (2.0, 8)][seed // 3 % 3]
        tol = [1e-3, 1e-5][seed % 2]
        path = wc.evolve(wc.WPGFlow(tol=tol), mdp, start, until=until, samples=samples)
        exact = truth(chain, mdp, start, path.times, "LSODA", 1e-10)
        found = path.measured
        rise = np.abs(exact - exact[0]).max()
        assert (np.abs(found.value - exact) <= found.error + 1e-9).all(), seed
        assert found.error.max() <= tol * rise
        assert found.error[0].max() <= 1e-13


def test_steps_are_of_order_one_and_their_extrapolation_of_every_order():
    mdp, start = problem(4)
    path = wc.evolve(wc.WPGFlow(1e-10, refinements=11), mdp, start, until=0.4, samples=2)
    assert len(path.levels) >= 6
    limit = path.measured.value
    column = np.array([[value.V for value in level.evaluations] for level in path.levels])
    for k in range(3):
        errors = np.abs(column - limit).max(axis=(1, 2))
        orders = np.log2(errors[:-1] / errors[1:])
        assert abs(orders[-1] - (k + 1)) < 0.1, (k, orders)
        column = column[1:] + (column[1:] - column[:-1]) / (2.0 ** (k + 1) - 1)


def test_values_rise_and_the_optimal_policy_rests():
    mdp = wc.zoo.tilted_double_well(resolution=32)
    path = wc.evolve(wc.WPGFlow(), mdp, wc.uniform(mdp), until=2.0, samples=8)
    rise = path.measured[1:] - path.measured[:-1]
    assert (rise.lower > 0).all()
    star = wc.solve(mdp)
    rest = wc.evolve(wc.WPGFlow(), mdp, star.policy, until=100.0, samples=2).measured
    assert (np.abs((rest - star.measured).value) <= (rest - star.measured).error).all()
    assert rest.error.max() < 1e-13
