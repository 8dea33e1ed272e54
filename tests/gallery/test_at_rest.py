"""The stationary law of the Langevin update: Gaussian in closed form, and where long paths end."""

from math import log

import numpy as np
import pytest

import wconv as wc
from wconv.gallery.at_rest import at_rest, gaps, plateaus


@pytest.mark.parametrize("eta", [0.05, 0.4])
def test_without_rewards_it_is_the_gaussian_of_a_linear_recursion(eta):
    tau, beta = 0.5, 1.0
    mdp = wc.zoo.gaussian_line(amplitude=0.0, discount=0.0, temperature=tau, resolution=64)
    rest = at_rest(mdp, eta)
    wider = 1.0 / (1.0 - eta * beta / 2.0)  # variance over τ/β: s² = (1−ηβ)²s² + 2τη
    variance = rest.policy.pi @ np.square(mdp.grid.nodes[:, 0])
    np.testing.assert_allclose(variance, wider * tau / beta, rtol=1e-10)
    np.testing.assert_allclose(
        gaps(mdp, [rest]).value, tau * (wider - 1.0 - log(wider)) / 2.0, rtol=1e-9
    )


def test_it_is_where_a_long_path_ends():
    mdp, eta = wc.zoo.ring(resolution=48), 0.2
    rest = at_rest(mdp, eta)
    path = wc.evolve(wc.WPGD(eta), mdp, wc.uniform(mdp), steps=400, samples=1)
    np.testing.assert_allclose(rest.values.value, path.measured.value[-1], rtol=0, atol=1e-12)
    moved = wc.evolve(wc.WPGD(eta), mdp, rest.policy, steps=1)
    np.testing.assert_allclose(moved.policies[1].logf, rest.policy.logf, rtol=0, atol=1e-11)


def test_both_plateaus_lie_above_the_gap_and_a_jump_has_none():
    smooth, jump = (wc.zoo.jump(width=w, resolution=64) for w in (0.8, 0.0))
    rests = [at_rest(smooth, eta) for eta in (0.01, 0.02)]
    E, bound = gaps(smooth, rests).value, plateaus(smooth, rests)
    assert (bound["delta_3"] > E).all()
    assert (bound["delta_3"] < bound["delta"]).all()
    assert E[1] / E[0] == pytest.approx(4.0, rel=0.01)
    assert np.isinf(plateaus(jump, [at_rest(jump, 0.02)])["delta"]).all()


def test_a_law_that_leaves_the_nodes_is_refused():
    mdp = wc.zoo.gaussian_line(resolution=64)
    with pytest.raises(wc.SolverError, match="beyond the nodes"):
        at_rest(mdp, 1.5)
