"""The zoo: every recipe is reproducible, and each shows what its docstring promises."""

import numpy as np
import pytest
from scipy.special import erf

from wconv._require import InputError
from wconv.mdp import zoo
from wconv.mdp.factored import Factored

EPS = np.finfo(float).eps
NAMES = list(zoo.RECIPES)
SEEDED = [name for name in NAMES if "seed" in zoo.parameters_of(name)]


def _same_transition(one, two):
    if isinstance(one, Factored):
        return _same_transition(one.W, two.W) and _same_transition(one.B, two.B)
    return np.array_equal(one, two) if isinstance(one, np.ndarray) else (one != two).nnz == 0


def _same(one, two):
    return (
        np.array_equal(one.r, two.r)
        and _same_transition(one.P, two.P)
        and np.array_equal(one.grid.weights, two.grid.weights)
        and np.array_equal(one.grid.nodes, two.grid.nodes)
        and (one.gamma, one.tau, one.name) == (two.gamma, two.tau, two.name)
        and one.parameters == two.parameters
    )


@pytest.mark.parametrize("name", NAMES)
def test_recipes_reproduce_themselves(name):
    mdp = zoo.make(name)
    assert mdp.name == name
    assert dict(mdp.parameters) == zoo.parameters_of(name)
    assert _same(mdp, zoo.make(name, **mdp.parameters))
    other = zoo.make(name, tau=0.25, gamma=0.3)
    assert (other.tau, other.gamma) == (0.25, 0.3)
    assert (other.parameters["temperature"], other.parameters["discount"]) == (0.25, 0.3)
    assert _same(other, zoo.make(name, **other.parameters))
    assert np.abs(mdp.next_value(np.ones(mdp.n_states)) - 1).max() <= 2 * EPS * mdp.n_states
    assert zoo.RECIPES[name].summary


@pytest.mark.parametrize("name", SEEDED)
def test_seeds_matter(name):
    assert _same(zoo.make(name, seed=5), zoo.make(name, seed=5))
    assert not np.array_equal(zoo.make(name, seed=5).r, zoo.make(name, seed=6).r)


def test_one_dimensional_problems_share_a_shape():
    finite = [n for n in NAMES if "states" not in zoo.parameters_of(n)]
    line = [m for n in finite if (m := zoo.make(n)).smooth is not None and m.grid.dim == 1]
    assert len(line) == 11
    assert {m.r.shape for m in line} == {(4, 128)}
    assert zoo.box_2d().r.shape == (4, 256)
    assert zoo.make("ring", n=32).grid.n == 32


@pytest.mark.parametrize("name", ["ring", "box-2d"])
@pytest.mark.parametrize("resolution", [16, 64])
def test_weak_coupling_defaults(name, resolution):
    mdp = zoo.make(name, resolution=resolution)
    assert np.ptp(mdp.r, axis=-1).max() <= 2 * mdp.tau
    # The bound is a triangle inequality: other seeds cannot break it.
    if "seed" in mdp.parameters:
        for seed in range(20):
            assert np.ptp(zoo.make(name, seed=seed).r, axis=-1).max() <= 2 * mdp.tau


def test_quadratic_bandit_value_against_the_error_function():
    n, tau = 1024, 0.5
    mdp = zoo.quadratic_bandit(temperature=tau, resolution=n)
    kappa = 2.0 * (1 + np.arange(4) / 3)
    centre = 0.5 * np.array([-1, -1 / 3, 1 / 3, 1])
    z = np.sqrt(kappa / (2 * tau))
    integral = np.sqrt(np.pi) / (2 * z) * (erf((2 - centre) * z) + erf((2 + centre) * z)) / 4
    value = tau * np.log(np.exp(mdp.r / tau) @ mdp.grid.weights)
    # Midpoint rule: |error| <= h²/24 max|f''| = h²/24 κ/τ for the mean of f = exp(-κ(a-c)²/2τ).
    h = 4 / n
    bound = tau * -np.log1p(-(h**2 / 24) * (kappa / tau) / integral)
    assert (np.abs(value - tau * np.log(integral)) <= bound).all()
    assert np.array_equal(mdp.P, np.full_like(mdp.P, 0.25))


def test_gaussian_line_without_reward_is_its_reference():
    mdp = zoo.gaussian_line(temperature=0.3, confinement=2.0, amplitude=0.0)
    assert not mdp.r.any()
    x, m = mdp.grid.nodes[:, 0], mdp.grid.weights
    # The trapezoidal rule is spectral for Gaussians: what remains is the truncated tail at 8σ.
    assert abs(m @ x**2 - 0.15) <= 1e-12
    assert abs(m @ x**4 - 3 * 0.15**2) <= 1e-12


def test_double_well_is_mirror_symmetric_and_tilts():
    one = zoo.double_well(barrier=2.0)
    assert np.abs(one.r - one.r[::-1, ::-1]).max() <= 64 * EPS
    assert np.abs(one.P - one.P[::-1, ::-1, ::-1]).max() <= 64 * EPS
    x = one.grid.nodes[:, 0]
    tilted = zoo.tilted_double_well(barrier=2.0, tilt=0.7)
    assert np.abs(tilted.r - one.r - 0.7 * x).max() <= 64 * EPS
    # The right well leads up the line of states, the left one down.
    step = one.P @ np.arange(4.0) - np.arange(4.0)[:, None]
    assert (step[:3, x > 1] > 0).all()
    assert (step[1:, x < -1] < 0).all()


def test_heavy_has_two_wells_of_different_depth_in_every_state():
    mdp = zoo.heavy()
    inner = mdp.r[:, 1:-1]
    peaks = (inner > mdp.r[:, :-2]) & (inner > mdp.r[:, 2:])
    assert (peaks.sum(axis=-1) == 2).all()
    for s in range(4):
        left, right = np.flatnonzero(peaks[s])
        assert abs(inner[s, left] - inner[s, right]) > 0.15
        assert np.abs(mdp.P[s, left + 1] - mdp.P[s, right + 1]).sum() > 1.0


@pytest.mark.parametrize("reward", [-1.0, 0.0, 1.0, 3.0])
@pytest.mark.parametrize("tau", [0.2, 1.0])
def test_two_state_closed_form(reward, tau):
    mdp = zoo.two_state(reward=reward, temperature=tau)
    V = np.zeros(2)
    for _ in range(120):
        Q = mdp.r + 0.5 * np.einsum("sat,t->sa", mdp.P, V)
        V = tau * np.logaddexp(Q[:, 0] / tau, Q[:, 1] / tau) - tau * np.log(2)
    b = np.exp(reward / tau)
    assert V[1] == pytest.approx(0, abs=4 * EPS)
    # A step rounds numbers of size |r| + |V| + τ log 2; the fixed point doubles that at γ = 1/2.
    closed = 2 * tau * np.log((b + np.sqrt(b * b + 8)) / 4)
    assert abs(V[0] - closed) <= 16 * EPS * (abs(reward) + abs(closed) + tau)
    assert np.array_equal(mdp.grid.nodes, [[-1.0], [1.0]])


@pytest.mark.parametrize(("name", "more"), [("garnet", {}), ("slow-chain", {"width": 9})])
def test_sparse_tables_hold_identical_numbers(name, more):
    dense, sparse = (zoo.make(name, sparse=flag, **more) for flag in (False, True))
    assert (dense.is_sparse, sparse.is_sparse) == (False, True)
    assert np.array_equal(sparse.P.toarray().reshape(dense.P.shape), dense.P)
    assert np.array_equal(sparse.r, dense.r)


def test_garnet_and_slow_chain_structure():
    garnet = zoo.garnet(states=30, actions=4, branching=5)
    assert ((garnet.P > 0).sum(axis=-1) == 5).all()
    chain = zoo.slow_chain(states=40, width=3, rewarding=2)
    distance = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    assert not (chain.P.max(axis=1)[distance > 3]).any()
    assert ((chain.r > 0).sum(axis=0) == 2).all()
    drift = chain.P @ np.arange(40.0)
    assert (np.diff(drift[5:-5], axis=1) > 0).all()


BAD = [
    (lambda: zoo.make("doublewell"), "did you mean 'double-well'"),
    (lambda: zoo.parameters_of("nope"), "instance must be a known name.*garnet"),
    (lambda: zoo.make("ring", seeds=1), "parameter of ring must be a known name.*'seed'"),
    (lambda: zoo.make("two-state", n=4), "parameter of two-state must be a known name"),
    (lambda: zoo.make("ring", tau=1.0, temperature=1.0), "temperature must be given once"),
    (lambda: zoo.quadratic_bandit(curvature=0.0), "curvature must be positive"),
    (lambda: zoo.quadratic_bandit(spread="1"), "spread must be a real number"),
    (lambda: zoo.gaussian_line(temperature=0.0), "temperature must be positive"),
    (lambda: zoo.gaussian_line(confinement=-1.0), "confinement must be positive"),
    (lambda: zoo.gaussian_line(amplitude=np.inf), "amplitude must be finite"),
    (lambda: zoo.gaussian_line(coupling=None), "coupling must be a real number"),
    (lambda: zoo.double_well(barrier=np.nan), "barrier must be finite"),
    (lambda: zoo.double_well(resolution=1), r"n \(nodes an axis\) must be an integer >= 2"),
    (lambda: zoo.tilted_double_well(tilt=[1]), "tilt must be a real number"),
    (lambda: zoo.ring(seed=-1), "seed must be an integer"),
    (lambda: zoo.ring(amplitude=True), "amplitude must be a real number"),
    (lambda: zoo.ring(coupling=np.nan), "coupling must be finite"),
    (lambda: zoo.box_2d(amplitude="x"), "amplitude must be a real number"),
    (lambda: zoo.box_2d(coupling="x"), "coupling must be a real number"),
    (lambda: zoo.heavy(depth="x"), "depth must be a real number"),
    (lambda: zoo.heavy(coupling="x"), "coupling must be a real number"),
    (lambda: zoo.two_state(reward="x"), "reward must be a real number"),
    (lambda: zoo.garnet(states=0), "states must be an integer"),
    (lambda: zoo.garnet(actions=1), "actions must be an integer"),
    (lambda: zoo.garnet(branching=0), "branching must be an integer"),
    (lambda: zoo.garnet(states=2), "branching must be at most the 2 states"),
    (lambda: zoo.garnet(seed=0.5), "seed must be an integer"),
    (lambda: zoo.slow_chain(states=1), "states must be an integer"),
    (lambda: zoo.slow_chain(actions=1), "actions must be an integer"),
    (lambda: zoo.slow_chain(width=0), "width must be an integer"),
    (lambda: zoo.slow_chain(width=50), "width must be less than the 50 states"),
    (lambda: zoo.slow_chain(rewarding=-1), "rewarding must be an integer"),
    (lambda: zoo.slow_chain(rewarding=51), "rewarding must be at most the 50 states"),
    (lambda: zoo.slow_chain(seed="0"), "seed must be an integer"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
