"""C_LS of Gibbs policies along values: brackets hold what lies between, errors of values widen them."""

from types import SimpleNamespace

import numpy as np
import pytest

import wconv as wc
from wconv.constants import gibbs
from wconv.measured import as_measured


def problem(temperature=0.5):
    return wc.zoo.gaussian_line(temperature=temperature, resolution=64, discount=0.9)


@pytest.fixture(scope="module")
def along():
    """The flow at five times, and constants at every other one and at all."""
    mdp = problem()
    path = wc.evolve(wc.WPGFlow(1e-8), mdp, wc.uniform(mdp), until=1.0, samples=4)
    values = path.measured
    return mdp, values, wc.gibbs_constants(mdp, values[::2]), wc.gibbs_constants(mdp, values)


def test_shapes_and_the_worst_state(along):
    _, _, coarse, fine = along
    assert fine.at.upper.shape == (5, 4)
    assert coarse.over.upper.shape == (2, 4)
    assert (fine.at.lower <= fine.at.upper).all()
    assert fine.worst_at.upper == pytest.approx(fine.at.upper.max(axis=1), rel=0)
    assert fine.worst_over.lower == pytest.approx(fine.over.lower.max(axis=1), rel=0)


def test_an_interval_holds_the_constants_on_the_way(along):
    _, _, coarse, fine = along
    for k in range(5):
        interval = min(k // 2, 1)
        assert (coarse.over.upper[interval] >= fine.at.lower[k]).all()
        assert (coarse.over.lower[interval] <= fine.at.upper[k]).all()
    # Shorter intervals know more, and their ends are points of theirs.
    assert (np.maximum(fine.over.upper[0], fine.over.upper[1]) <= coarse.over.upper[0]).all()
    assert (fine.over.upper >= np.maximum(fine.at.lower[:-1], fine.at.lower[1:])).all()


def test_it_is_holley_stroock_with_the_change_of_the_values(along):
    mdp, values, _, fine = along
    change = np.abs(np.diff(values.value, axis=0)) + values.error[1:] + values.error[:-1]
    factor = np.exp(mdp.contraction / mdp.tau * change.max(axis=1))[:, None]
    nearest = np.minimum(fine.at.upper[1:], fine.at.upper[:-1])
    assert fine.over.upper == pytest.approx(nearest * factor, rel=1e-13)


def test_at_a_time_the_constants_are_those_of_the_gibbs_policy(along):
    mdp, values, _, fine = along
    exact = wc.log_sobolev(wc.gibbs(mdp, wc.q_from_v(mdp, values.value[2])))
    assert (fine.at.lower[2] <= exact.upper).all()
    assert (fine.at.upper[2] >= exact.lower).all()
    # Not recomputed but transferred, over log(p/p_ref) that oscillates by at most .05.
    assert (fine.at.upper[2] / exact.upper <= np.exp(0.05) * (1 + 1e-6)).all()


def test_errors_of_the_values_widen_both_sides(along):
    mdp, V, off = along[0], along[1].value[[0, 4]], 0.03
    sharp = wc.gibbs_constants(mdp, wc.Measured.of(V))
    blurred = wc.gibbs_constants(mdp, wc.Measured.of(V, noise=off))
    factor = np.exp(2 * mdp.contraction * off / mdp.tau)
    assert blurred.at.upper == pytest.approx(sharp.at.upper * factor, rel=1e-12)
    assert blurred.at.lower == pytest.approx(sharp.at.lower / factor, rel=1e-12)
    shifted = wc.gibbs_constants(mdp, wc.Measured.of(V + off * np.array([1, -1, 1, -1])))
    assert (shifted.at.upper <= blurred.at.upper).all()
    assert (shifted.at.lower >= blurred.at.lower).all()


def distances(places):
    """From each place, in order, to the nearest that was computed: those new by .05 are. And how many."""
    computed = []
    for place in places:
        if all(abs(place - other) > 0.05 for other in computed):
            computed.append(place)
    return [min(abs(place - other) for other in computed) for place in places], len(computed)


def test_constants_are_computed_anew_beyond_a_twentieth(monkeypatch):
    """V = k·(1, −1, 1, −1), in units in which log p_k/p_0 oscillates by k: computed where k is new by .05.

    Elsewhere they are those of the nearest such k, times e^{±distance}; fewer in states that V moves less.
    """
    mdp, way, calls = problem(), np.array([1.0, -1.0, 1.0, -1.0]), []
    spread = np.ptp(mdp.P @ way, axis=1) * mdp.gamma / mdp.tau
    unit, share = spread.max(), spread / spread.max()

    def ones(policy):
        calls.append(len(policy.logf))
        side = np.ones(len(policy.logf))
        return SimpleNamespace(lower=side, upper=side, how_lower="one", how_upper="one")

    monkeypatch.setattr(gibbs, "log_sobolev", ones)
    constants = gibbs.GibbsConstants(mdp)

    def at(*ladder):
        return constants.along(wc.Measured.of(np.outer(ladder, way) / unit)).at

    ladder = np.array([0.0, 0.02, 0.048, 0.052, 0.08, 0.104])
    found = at(*ladder)
    apart, counts = zip(*(distances(x * ladder) for x in share), strict=True)
    assert calls == [sum(counts)]
    assert min(counts) < max(counts) == 3
    assert np.log(found.upper) == pytest.approx(np.transpose(apart), rel=0.01, abs=1e-9)
    assert np.log(found.lower) == pytest.approx(-np.transpose(apart), rel=0.01, abs=1e-9)
    at(0.01, 0.09)
    assert len(calls) == 1  # what is known serves the next path


def test_values_that_rise_by_a_thousand_temperatures_leave_nothing_known_between():
    """e^1800 is no double: 0 and infinity, where both ends are known all the same."""
    mdp = wc.zoo.gaussian_line(amplitude=0.0, discount=0.9, temperature=0.5, resolution=64)
    found = wc.gibbs_constants(mdp, wc.Measured.of(np.array([0.0, 1e3])[:, None] * np.ones(4)))
    assert found.at.upper == pytest.approx(np.full((2, 4), 0.5), rel=1e-6)
    assert (found.worst_over.lower, found.worst_over.upper) == ([0.0], [np.inf])


def test_without_values_it_is_the_gaussian():
    """γ = 0 and no reward: p is N(0, τ/β) whatever V."""
    mdp = wc.zoo.gaussian_line(amplitude=0.0, discount=0.0, temperature=0.3, resolution=64)
    found = wc.gibbs_constants(mdp, wc.Measured.of(np.arange(8.0).reshape(2, 4)))
    for bracket in (found.at, found.over):
        assert (bracket.lower <= 0.3 * (1 + 1e-9)).all()
        assert (bracket.upper >= 0.3 * (1 - 1e-9)).all()
        assert bracket.upper == pytest.approx(np.full(bracket.upper.shape, 0.3), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.zeros(4), r"values must have shape \(times, states\), got \(4,\)"),
        (np.zeros((2, 3)), r"values must have shape \(times, states\), got \(2, 3\)"),
        (np.full((2, 4), np.nan), "values must be finite"),
        (np.full((2, 4), np.inf), "values must be finite"),
        (wc.Measured.of(np.zeros((2, 4)), noise=np.inf), "error of the values must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(values, match):
    with pytest.raises(wc.InputError, match=match):
        wc.gibbs_constants(problem(), as_measured(values))
