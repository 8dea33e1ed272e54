"""Rates of the gap along the flow: against Gaussians that are moved in closed form, and out of reach."""

import numpy as np
import pytest

import wconv as wc
from wconv.gallery.rates import fall, pushed, watched

TILT, TAU, BETA = 0.5, 0.5, 1.0


@pytest.fixture(scope="module")
def star():
    return wc.solve(wc.zoo.quadratic_line(temperature=TAU, confinement=BETA, discount=0.0))


def gap(t):
    """sup_s h_s·x_s²/2: from N(m_s + x_s, τ/h_s) to N(m_s, τ/h_s), x_s falling like e^{−h_st}."""
    h = BETA + 1.0 + np.arange(4) / 3
    shift = TILT * TAU / (h * np.sqrt(TAU / BETA))
    return (h * (shift * np.exp(-h * np.asarray(t)[:, None])) ** 2 / 2).max(axis=1)


def test_the_gap_of_a_pushed_gaussian_falls_as_in_closed_form(star):
    seen = watched(star, pushed(star, TILT), 1.0, samples=4, tol=1e-7)
    exact = gap(seen["t"])
    assert np.allclose(seen["E"], exact, rtol=0.02)  # what 128 nodes leave
    rate = -np.diff(np.log(exact)) / np.diff(seen["t"])
    assert np.allclose(seen["rate"], rate, rtol=0.02)
    mean, error = fall(seen)
    assert mean == pytest.approx(-np.log(exact[-1] / exact[0]), rel=0.02)
    assert 0 < error < 0.01


def test_a_gap_below_its_error_has_no_rate(star):
    seen = watched(star, pushed(star, TILT), 40.0, samples=8, tol=1e-2)
    known = np.isfinite(seen["rate"])
    assert not known[-1]
    assert (np.diff(known.astype(int)) <= 0).all()
    low = {"t": np.array([0.0, 1.0]), "E": np.array([1.0, 1e-9]), "E_error": np.array([0.0, 1e-8])}
    assert np.isnan(fall(low)).all()
