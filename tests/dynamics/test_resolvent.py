"""Resolvent steps of the frozen chain: every mass to full precision, the exact semigroup, monotone values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

import wconv as wc

SPACES = {
    "interval": (wc.Interval(-1.0, 2.0), 14),
    "line": (wc.GaussianLine(0.7, 9.0), 15),
    "circle": (wc.Torus(3.0), 13),
    "triangle": (wc.Torus(1.0), 3),
    "box": (wc.Box((0.0, 0.0), (1.0, 3.0)), 4),
    "torus": (wc.Torus(2.0, dim=2), 4),
}


def problem(space, n, *, seed=3, spread=1.0, tau=0.4, gamma=0.9):
    rng = np.random.default_rng(seed)
    grid = space.grid(n)
    P = rng.random((2, grid.n, 2))
    P /= P.sum(axis=-1, keepdims=True)
    r = spread * rng.standard_normal((2, grid.n))
    return wc.make_mdp(r, P, discount=gamma, temperature=tau, grid=grid)


def data(mdp):
    return mdp.r, mdp.P, mdp.gamma, mdp.tau, mdp.grid.weights


@pytest.mark.parametrize("eta", [1e-8, 0.05, 1e6])
@pytest.mark.parametrize("name", SPACES)
def test_every_mass_has_a_small_relative_error(chain, name, eta):
    """Against fifty digits; the start falls to e^-105, so that short steps keep tails of 1e-40."""
    space, n = SPACES[name]
    mdp = problem(space, n)
    grid = mdp.grid
    fall = -105.0 * np.abs(np.linspace(-1, 1, grid.n)) * np.array([[1.0], [0.5]])
    start = wc.softmax_policy(fall - grid.log_weights, grid)
    path = wc.evolve(wc.FrozenWPG(eta), mdp, start, steps=1)
    layout = {"shape": grid.shape, "spacing": grid.spacing, "wrap": grid.periodic}
    exact = chain.exact_step(*data(mdp), start.pi, eta, **layout)
    if eta == 1e-8 and name == "interval":
        assert exact.min() < 1e-40
    # Rounding of log-densities of size 100, and of q/τ in the rates: 1e-14 each, and their sums.
    assert np.abs(path.policies[1].pi / exact - 1.0).max() <= 1e-12
    assert path.mass_defect <= 1e-13


@pytest.mark.parametrize("name", ["interval", "circle"])
def test_substeps_tend_to_the_exact_semigroup_with_order_one(chain, name):
    mdp = problem(*SPACES[name])
    start = wc.random_policy(mdp, np.random.default_rng(0))
    grid, eta = mdp.grid, 0.3
    log_p = chain.log_gibbs(*data(mdp), chain.value(*data(mdp), start.pi))
    layout = (mdp.tau, grid.shape, grid.spacing, grid.periodic)
    exact = [
        expm(eta * chain.generators(row, *layout)[0]).T @ x
        for row, x in zip(log_p, start.pi, strict=True)
    ]
    after = [
        wc.evolve(wc.FrozenWPG(eta, substeps=m), mdp, start, steps=1).policies[1].pi
        for m in (32, 64, 128)
    ]
    errors = [np.abs(pi - exact).max() for pi in after]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.abs(orders - 1.0).max() < 0.05
    assert np.abs(2 * after[2] - after[1] - exact).max() < 0.05 * errors[2]


MDPS = {
    "ring": wc.zoo.ring(resolution=32),
    "tilted wells": wc.zoo.tilted_double_well(resolution=32, temperature=0.2),
    "gaussian line": wc.zoo.gaussian_line(resolution=32),
    "heavy": wc.zoo.heavy(resolution=32, discount=0.95),
    "box": wc.zoo.box_2d(resolution=6),
    "product": wc.zoo.product_2d(resolution=6, temperature=0.1),
}


@given(
    name=st.sampled_from(sorted(MDPS)),
    exponent=st.floats(-3.0, 6.0),
    seed=st.integers(0, 10**6),
    size=st.sampled_from([0.1, 1.0, 6.0]),
)
def test_positive_of_mass_one_and_value_monotone_for_every_step(name, exponent, seed, size):
    mdp = MDPS[name]
    rng = np.random.default_rng(seed)
    low, high = mdp.grid.nodes.min(axis=0), mdp.grid.nodes.max(axis=0)
    share = 2 * np.pi * (mdp.grid.nodes - low) / (high - low)
    waves = sum(np.cos(share @ rng.integers(-2, 3, share.shape[1]) - p) for p in rng.random(3) * 6)
    start = wc.softmax_policy(size * waves * rng.random((mdp.n_states, 1)), mdp.grid)
    path = wc.evolve(wc.FrozenWPG(10.0**exponent), mdp, start, steps=2)
    assert path.mass_defect <= 1e-12
    assert all((policy.pi > 0).all() for policy in path.policies)
    rise = path.measured[1:] - path.measured[:-1]
    # The masses themselves are rounded: V moves by their error times osc(q − τ log f)/(1−γ).
    rounding = 1e-14 * (40.0 + np.abs(start.logf).max()) / (1 - mdp.gamma)
    assert (rise.upper >= -rounding).all()


def test_huge_steps_are_soft_policy_iteration():
    mdp = MDPS["ring"]
    start = wc.random_policy(mdp, np.random.default_rng(1))
    far = wc.evolve(wc.FrozenWPG(1e9), mdp, start, steps=3).policies
    best = wc.evolve(wc.SoftPolicyIteration(), mdp, start, steps=3).policies
    # (I − ηK)^{-T} differs from the Gibbs policy by 1/(ηλ), λ the spectral gap, about 1 here.
    assert max(np.abs(a.pi / b.pi - 1).max() for a, b in zip(far[1:], best[1:], strict=True)) < 1e-7
