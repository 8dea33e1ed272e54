"""Local rates and the energy identity along a path."""

import numpy as np
import pytest

import wconv as wc


def test_the_rate_of_an_exponential_is_its_exponent():
    times = np.array([0.0, 0.5, 1.5])
    gap = wc.Measured.of(3.0 * np.exp(-0.7 * times), noise=1e-6)
    rate = wc.local_rate(times, gap)
    assert np.abs(rate.value - 0.7).max() < 1e-12
    # Both ends may be wrong, in opposite directions: that is the error, to first order.
    ends = 1e-6 / gap.value
    expected = (ends[:-1] + ends[1:]) / np.diff(times)
    assert rate.error == pytest.approx(expected, rel=1e-5)


def test_a_rate_below_the_noise_is_none():
    gap = wc.Measured.of(np.array([1.0, 1e-9, 0.0]), noise=1e-8)
    rate = wc.local_rate(np.arange(3.0), gap)
    assert np.isinf(rate.error).all()
    assert np.isnan(rate.value).all()


@pytest.mark.parametrize("name", ["ring", "tilted_double_well"])
def test_values_rise_by_what_the_flow_dissipates(name):
    mdp = getattr(wc.zoo, name)()
    path = wc.evolve(wc.WPGFlow(), mdp, wc.uniform(mdp), until=1.0, samples=16)
    defect = wc.energy_defect(path)
    assert (np.abs(defect.value) <= defect.error).all()
    if name == "ring":  # no wall, so that V̇ is smooth and the identity sharp
        rise = (path.measured[-1] - path.measured[0]).value
        assert (defect.error < 2e-3 * rise).all()


def test_what_does_not_fit_is_refused():
    mdp = wc.zoo.ring()
    path = wc.evolve(wc.FrozenWPG(0.1), mdp, wc.uniform(mdp), steps=3)
    with pytest.raises(wc.InputError, match="samples must be a multiple of 4, got 3"):
        wc.energy_defect(path)
    with pytest.raises(wc.InputError, match="times must increase"):
        wc.local_rate(np.zeros(3), wc.Measured.of(np.ones(3)))
    with pytest.raises(wc.InputError, match="times must have shape"):
        wc.local_rate(np.zeros(2), wc.Measured.of(np.ones(3)))
