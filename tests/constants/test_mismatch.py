"""Occupancy and density ratios: closed forms, unreachable states, what lies between nodes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wconv._require import InputError
from wconv.constants.mismatch import log_density_ratio, mismatch, occupancy_ratio
from wconv.mdp import zoo
from wconv.mdp.model import make_mdp
from wconv.mdp.policy import Policy, from_masses, random_policy, softmax_policy, uniform
from wconv.measures.spaces import FiniteSet, Interval, Torus


def two_doors(stay, gamma=0.9, rho=(1.0, 0.0, 0.0)):
    """State 0 leads to 1 or 2 by the two actions, both absorbing; π takes the first with p."""
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[0, 1, 2] = P[1, :, 1] = P[2, :, 2] = 1.0
    grid = FiniteSet(np.arange(2.0)[:, None]).grid()
    mdp = make_mdp(
        np.zeros((3, 2)), P, discount=gamma, temperature=1.0, grid=grid, initial=np.array(rho)
    )
    policies = [from_masses(np.tile([p, 1 - p], (3, 1)), grid) for p in stay]
    return mdp, policies


def assert_close(bracket, truth, width=1e-13):
    assert (bracket.lower <= truth).all(), (bracket, truth)
    assert (truth <= bracket.upper).all(), (bracket, truth)
    assert (bracket.upper - bracket.lower <= width * np.abs(truth)).all(), bracket


def test_two_doors_in_closed_form():
    """d = (1−γ, γp, γ(1−p)): the ratios are 1, p/p', (1−p)/(1−p')."""
    mdp, (pi, best) = two_doors((0.3, 0.8))
    assert_close(occupancy_ratio(mdp, pi, best), np.array([1.0, 0.3 / 0.8, 0.7 / 0.2]))
    assert_close(mismatch(mdp, pi, best), np.array(0.3 / 0.8))
    assert_close(mismatch(mdp, best, pi), np.array(0.2 / 0.7))


def test_unreachable_states_are_decided_by_zeros():
    mdp, (left, right, even, rare) = two_doors((1.0, 0.0, 0.5, 1e-200))
    ratio = occupancy_ratio(mdp, left, right)
    assert ratio.lower.tolist()[1:] == [np.inf, 0.0]
    assert ratio.upper.tolist()[1:] == [np.inf, 0.0]
    assert mismatch(mdp, left, right).upper == 0.0
    assert_close(mismatch(mdp, even, left), np.array(0.5))
    # 0/0 asks for nothing: state 2 is left out.
    assert_close(mismatch(mdp, left, left), np.array(1.0))
    assert occupancy_ratio(mdp, left, left).lower[2] == 1.0
    # Reachable with probability 1e-200: not zero, but below what the errors tell apart from it.
    tiny = mismatch(mdp, even, rare)
    assert tiny.lower <= 0.5 / 1.0 <= tiny.upper <= 1.0
    assert occupancy_ratio(mdp, even, rare).upper[1] == np.inf
    no_future, (left, right) = two_doors((1.0, 0.0), gamma=0.0)
    assert_close(mismatch(no_future, left, right), np.array(1.0))


@given(seed=st.integers(0, 10**6))
def test_mismatch_lies_between_its_bounds(seed):
    """(1 − γ) min ρ ≤ κ ≤ 1, as d^π ≥ (1 − γ)ρ and both occupancies have mass one."""
    mdp = zoo.make("garnet", seed=seed % 7)
    rng = np.random.default_rng(seed)
    pi, best = (random_policy(mdp, rng, roughness=3.0) for _ in range(2))
    found = mismatch(mdp, pi, best)
    assert (1 - mdp.gamma) * mdp.rho.min() <= found.upper <= 1.0
    assert 0 < found.lower <= found.upper <= found.lower * (1 + 1e-9)


@pytest.mark.parametrize("space", [Interval(-1, 2), Torus(3.0)], ids=["interval", "circle"])
def test_density_ratio_finds_extremes_between_nodes(space):
    def logs(grid):
        t = 2 * np.pi / 3 * grid.nodes[:, 0]
        return np.stack([np.sin(t + 0.4), 0.5 * np.cos(t - 0.1)])

    coarse, fine = (softmax_policy(logs(space.grid(n)), space.grid(n)) for n in (40, 20000))
    low, high = log_density_ratio(coarse, Policy(np.zeros_like(coarse.logf), coarse.grid))
    truth = fine.logf
    assert (np.abs(low.value - truth.min(axis=-1)) <= low.error + 1e-4).all()
    assert (np.abs(high.value - truth.max(axis=-1)) <= high.error + 1e-4).all()
    # The spacing of the fine nodes is far below the error bar of the coarse ones.
    assert (high.error <= 0.15).all()
    assert (high.upper >= truth.max(axis=-1) - 1e-3).all()
    assert (low.errors["rounding"] <= 1e-14).all()


def test_density_ratio_on_a_finite_set_is_exact_and_knows_zeros():
    _, (left, even) = two_doors((1.0, 0.25))
    low, high = log_density_ratio(left, even)
    assert (low.value == -np.inf).all()
    assert np.abs(high.value - np.log(4)).max() <= 1e-15
    assert (high.error <= 1e-14).all()
    low, high = log_density_ratio(even, left)
    assert (high.value == np.inf).all()
    assert np.abs(low.value - np.log(0.25)).max() <= 1e-15
    low, high = log_density_ratio(left, left)
    assert (low.value == 0).all()
    assert (high.value == 0).all()
    with pytest.raises(InputError, match="grid must be the same"):
        log_density_ratio(left, uniform(zoo.make("garnet")))


def test_bad_initial_distribution_is_refused():
    mdp, (left, right) = two_doors((1.0, 0.5))
    with pytest.raises(InputError, match="rho must"):
        mismatch(mdp, left, right, np.array([1.0, 1.0, 0.0]))
