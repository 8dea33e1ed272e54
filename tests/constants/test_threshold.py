"""The a-priori threshold of the proximal scheme: it is the root, and the theorem holds from it on."""

from math import exp, log, pi

import numpy as np
import pytest

import wconv as wc


@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_it_solves_its_equation(temperature):
    mdp = wc.zoo.tilted_double_well(temperature=temperature)
    found = wc.proximal_threshold(mdp)
    x = found.log_step
    log_C = log((3 / pi) ** 2) + (found.osc_q + 4.5 * exp(-x)) / temperature
    assert x == pytest.approx(log_C - log(0.8 * temperature), abs=1e-12 * max(1, abs(x)))
    assert found.diameter_squared == pytest.approx(9.0)


def test_gaps_fall_by_the_discount_from_there_on():
    mdp = wc.zoo.tilted_double_well(temperature=5.0, resolution=64)
    eta = wc.proximal_threshold(mdp).step
    path = wc.evolve(wc.WPPG(eta), mdp, wc.uniform(mdp), steps=3)
    largest = max(float(wc.inequalities(p).log_sobolev.upper.max()) for p in path.policies[1:])
    assert largest <= mdp.gamma * mdp.tau * eta


def test_a_circle_has_half_the_diameter():
    found = wc.proximal_threshold(wc.zoo.ring(), wc.solve(wc.zoo.ring()).policy)
    assert found.diameter_squared == pytest.approx(pi**2)
    assert found.reference == pytest.approx(1.0)
    assert "proved from step" in repr(found)


def test_cold_problems_have_thresholds_beyond_every_float():
    found = wc.proximal_threshold(wc.zoo.tilted_double_well(temperature=1e-3))
    assert found.step == np.inf
    assert found.log_step > 1000


@pytest.mark.parametrize(
    ("mdp", "message"),
    [
        (wc.zoo.gaussian_line(), "actions must be an interval"),
        (wc.zoo.garnet(), "actions must be an interval"),
        (wc.zoo.ring(discount=0.0), "discount must be positive"),
    ],
)
def test_refused(mdp, message):
    with pytest.raises(wc.InputError, match=message):
        wc.proximal_threshold(mdp)


def test_a_start_on_other_nodes_is_refused():
    with pytest.raises(wc.InputError, match="grid must be the same"):
        wc.proximal_threshold(wc.zoo.double_well(), wc.uniform(wc.zoo.ring()))
