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


def test_a_flow_at_another_speed_is_noticed():
    """The flow of a system two per cent hotter, judged in the true problem: its values rise too fast."""
    mdp = wc.zoo.gaussian_line(resolution=64, discount=0.0, amplitude=0.05)
    grid = mdp.grid
    start = wc.softmax_policy(np.broadcast_to(0.5 * grid.nodes[:, 0], mdp.r.shape), grid)
    rises = {}
    for factor in (1.0, 1.02):
        system = mdp.replace(temperature=factor * mdp.tau)
        path = wc.evolve(wc.WPGFlow(1e-6), system, start, until=0.25, samples=8)
        rise = wc.evaluate(mdp, path.policies[-1]).V - wc.evaluate(mdp, start).V
        rises[factor] = (wc.energy_defect(path, mdp), rise)
    exact, rise = rises[1.0]
    assert (np.abs(exact.value) <= exact.error).all()
    assert (exact.error <= 1e-3 * rise).all()
    fast, rise = rises[1.02]
    assert fast.value == pytest.approx(0.02 * rise, rel=0.3)
    assert (fast.value >= 10 * fast.error).all()


def test_what_does_not_fit_is_refused():
    mdp = wc.zoo.ring()
    path = wc.evolve(wc.FrozenWPG(0.1), mdp, wc.uniform(mdp), steps=3)
    with pytest.raises(wc.InputError, match="samples must be a multiple of 4, got 3"):
        wc.energy_defect(path)
    with pytest.raises(wc.InputError, match="times must increase"):
        wc.local_rate(np.zeros(3), wc.Measured.of(np.ones(3)))
    with pytest.raises(wc.InputError, match="times must have shape"):
        wc.local_rate(np.zeros(2), wc.Measured.of(np.ones(3)))
