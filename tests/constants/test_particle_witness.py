"""The particle witness: gradients, coverage, quotients of the witness by quadrature, refusals."""

from dataclasses import replace

import numpy as np
import pytest

import wconv as wc
from wconv.constants import particle_witness as particles


def linear(tilt):
    """φ(x) = tilt·x on [-8, 8], whose quotient under N(0, 1) is one: KL = tilt²/2, I = tilt²."""
    one = np.ones(1)
    return particles.Ridges(
        0 * one, one, np.array([[-8.0], [8.0]]), tilt * one, np.ones((1, 1)), 0 * one, 0 * one
    )


def step(place, width, height):
    """φ(x) = height·tanh((x − place)/width)."""
    one = np.ones(1)
    start = replace(linear(0.0), u=one[:, None] / width, b=-place / width * one)
    return replace(start, c=height * one)


def test_the_gradient_of_the_objective():
    rng = np.random.default_rng(0)
    y, probes = rng.standard_normal((60, 3)), rng.standard_normal((20, 3))
    flat = 0.5 * rng.standard_normal(3 + 4 * 5)
    fit = particles._Fit(y, probes, np.array([1.0, 2.0, 0.5]), 50, 1.6)
    _, gradient = fit.loss(flat)
    moves = 1e-6 * np.eye(len(flat))
    numeric = [(fit.loss(flat + h)[0] - fit.loss(flat - h)[0]) / 2e-6 for h in moves]
    # 50 samples are short of all four effective sizes: every term of the objective pulls.
    assert np.abs(gradient - numeric).max() <= 1e-8 * np.abs(gradient).max()


def test_the_gradient_of_a_potential_that_stops_at_its_box():
    rng = np.random.default_rng(1)
    one = np.ones(2)
    phi = particles.Ridges(
        one,
        np.array([2.0, 0.5]),
        np.array([-one, one]),
        *(rng.standard_normal(k) for k in (2, (3, 2), 3, 3)),
    )
    x = np.array([[1.5, 0.9], [9.0, 1.1], [9.0, 9.0]])
    moves = 1e-6 * np.eye(2)
    numeric = np.stack([(phi(x + h) - phi(x - h)) / 2e-6 for h in moves], axis=-1)
    assert np.abs(phi.gradient(x) - numeric).max() <= 1e-8
    assert (phi.gradient(x)[[1, 2, 2], [0, 0, 1]] == 0.0).all()


def test_coverage_of_a_given_witness():
    """Under N(0, 1) a linear φ has quotient one: the bound exceeds it about 5 times in a hundred."""
    rng = np.random.default_rng(2)
    runs = [
        particles._measured(linear(0.3), rng.standard_normal((1000, 1, 1)), 0.95)
        for _ in range(400)
    ]
    above = sum(run.lower > 1.0 for run in runs)
    assert 4 <= above <= 20 + 3 * np.sqrt(19)
    scores = np.array([(run.estimate - 1.0) / run.error for run in runs])
    assert 0.85 <= scores.std() <= 1.15


def test_dependent_samples_are_clustered():
    """Particles sharing half of their variance: N(0, 1) each, and far from independent."""
    rng = np.random.default_rng(3)
    above, naive, worth = 0, 0, []
    for _ in range(200):
        shared, own = rng.standard_normal((160, 1, 1)), rng.standard_normal((160, 25, 1))
        x = np.sqrt(0.5) * (shared + own)
        found = particles._measured(linear(0.2), x, 0.95)
        above += found.lower > 1.0
        worth.append(found.ess["weights"])
        naive += particles._measured(linear(0.2), x.reshape(-1, 1, 1), 0.95).lower > 1.0
    assert above <= 10 + 3 * np.sqrt(9.5)
    assert naive >= 25
    assert np.median(worth) <= 4000 / 5


def test_a_law_on_a_line_in_the_plane():
    """x = (z, z): the singular law of √2·z, C_LS = 2; no function of one coordinate has more than 1."""
    z = np.random.default_rng(12).standard_normal(1000)
    found = wc.log_sobolev_witness(np.stack([z, z], axis=1))
    assert 1.0 < found.lower <= 2.0


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng: rng.random(1500), 1 / np.pi**2),
        (lambda rng: rng.standard_normal(1500), 1.0),
        (lambda rng: rng.standard_normal((1200, 2)) * [0.5, 2.0], 4.0),
        (lambda rng: rng.standard_normal((20, 100, 1)), 1.0),
    ],
    ids=["uniform", "normal", "anisotropic", "replications"],
)
def test_closed_forms_are_nearly_reached(draw, truth):
    found = wc.log_sobolev_witness(draw(np.random.default_rng(4)))
    assert 0.75 * truth <= found.lower <= truth
    assert found.lower < found.estimate
    assert abs(found.estimate - truth) <= 4 * found.error


def test_the_estimate_is_the_quotient_of_the_witness():
    """2KL/I of the fitted potential by quadrature; N(0, 1) allows no quotient above one."""
    x = np.random.default_rng(5).standard_normal(4000)
    found = wc.log_sobolev_witness(x)
    a = np.linspace(-9.0, 9.0, 40001)
    p = np.exp(-(a**2) / 2) / np.exp(-(a**2) / 2).sum()
    phi, slope = found.potential(a[:, None]), found.potential.gradient(a[:, None])[:, 0]
    w = np.exp(phi) / (p @ np.exp(phi))
    quotient = 2 * (p @ (w * np.log(w))) / (p @ (w * slope**2))
    assert quotient <= 1.0 + 1e-6
    assert abs(found.estimate - quotient) <= 3 * found.error
    assert found.lower <= quotient


def test_a_step_where_nobody_is_costs_nothing_and_is_refused():
    """Two clusters, φ steps between them: the sampled energy is that of the tails of tanh."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal(4000) * 0.3 + np.where(rng.random(4000) < 0.3, 1.0, -1.0) * 3.0
    with pytest.raises(wc.SolverError, match=r"steepest .* near \[-?0\.\d+\].*would do"):
        particles._measured(step(0.0, 1.0, 0.5), x[:, None, None], 0.95)


def test_a_jump_without_any_sample_on_it_is_refused():
    x = np.where(np.arange(400) % 2, 5.0, -5.0)
    with pytest.raises(wc.SolverError, match="steps where no sample is"):
        particles._measured(step(0.0, 0.01, 1.0), x[:, None, None], 0.95)


def test_a_minor_well_of_few_samples_bounds_nothing():
    """φ lives on 9 of 1000 samples: refused, and the refusal says how many would do."""
    x = np.concatenate([np.random.default_rng(7).standard_normal(991) - 2, np.linspace(1, 3, 9)])
    with pytest.raises(wc.SolverError, match=r"rests on .* of 1000 held out, .* samples in all"):
        particles._measured(step(1.0, 0.5, 3.0), x[:, None, None], 0.95)
    found = wc.log_sobolev_witness(np.random.default_rng(8).permutation(x))
    assert found.lower <= 1.3  # what the large well allows; C_LS of the mixture is about 6


def test_more_confidence_gives_less_and_the_record_says_what_it_is():
    x = np.random.default_rng(9).standard_normal((1000, 1, 1))
    low, high = (particles._measured(linear(0.5), x, level) for level in (0.95, 0.999))
    assert high.lower < low.lower < low.estimate == high.estimate
    assert repr(low).startswith(f"C_LS >= {low.lower:.4g} with confidence 0.95 (held-out")
    assert low.n == 1000
    assert set(low.ess) == {"weights", "entropy", "energy", "steepest"}


GOOD = np.random.default_rng(11).standard_normal((400, 2))


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (GOOD[:150], "number at least 200 in 2 dimensions, got 150"),
        (np.ones((300, 40)), "number at least 800 in 40 dimensions"),
        (np.where(GOOD > 2.0, np.nan, GOOD), "finite"),
        (GOOD * [1.0, 0.0] + 3.0, "constant coordinate 1"),
        (GOOD.reshape(10, 40, 2), "integer >= 16"),
        (GOOD.reshape(20, 10, 2, 2), "of shape"),
        (GOOD + 1j, "complex128"),
        (np.float64(3.0), "of shape"),
        (np.empty((0, 2)), "got 0"),
    ],
)
def test_bad_samples(samples, says):
    with pytest.raises(wc.InputError, match=says):
        wc.log_sobolev_witness(samples)


def test_bad_options():
    with pytest.raises(wc.InputError, match="confidence"):
        wc.log_sobolev_witness(GOOD, confidence=1.0)
    with pytest.raises(wc.InputError, match="seed"):
        wc.log_sobolev_witness(GOOD, seed=-1)
