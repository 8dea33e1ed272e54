import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from scipy.stats import t as student

from wconv._require import InputError
from wconv.measures import mixtures as mx
from wconv.measures.mixtures import LineSum, Mixtures
from wconv.measures.replications import replicated

SIGMA = 0.3
CENTRES = np.array([-1.0, 0.1, 0.25, 2.0])
WEIGHTS = np.array([0.5, 0.2, 0.3, 0.0])


def on_a_line(places, weights=None, sigma=SIGMA):
    return Mixtures(np.asarray(places, float)[..., None], sigma, weights)


def density(a, places=CENTRES, weights=WEIGHTS, sigma=SIGMA):
    return float(weights @ norm.pdf(a, places, sigma))


def integral(function):
    """Over everything that holds more than 1e-30 of the mass, in parts as wide as σ."""
    ends = np.arange(-1 - 12 * SIGMA, 2 + 12 * SIGMA, SIGMA)
    parts = [quad(function, a, a + SIGMA, epsabs=1e-13, epsrel=1e-13) for a in ends]
    return sum(value for value, _ in parts), sum(error for _, error in parts)


@pytest.mark.parametrize("tile", [1, 37, 2**18])
@pytest.mark.parametrize("d", [1, 3])
def test_tiles_are_the_plain_sum_of_normal_densities(d, tile, monkeypatch):
    monkeypatch.setattr(mx, "TILE", tile)
    rng = np.random.default_rng(d)
    centres, actions = rng.standard_normal((2, 5, d)), 3 * rng.standard_normal((11, d))
    weights = rng.dirichlet(np.ones(5), size=2)
    weights[0] = [0.5, 0.0, 0.25, 0.25, 0.0]
    kernels = [
        [multivariate_normal.logpdf(actions, c, SIGMA**2 * np.eye(d)) for c in cloud]
        for cloud in centres
    ]
    with np.errstate(divide="ignore"):
        want = logsumexp(np.array(kernels) + np.log(weights)[..., None], axis=1)
    got = Mixtures(centres, SIGMA, weights).log_density(actions)
    np.testing.assert_allclose(got, want, rtol=1e-13)
    even = Mixtures(centres, SIGMA).log_density(actions)
    np.testing.assert_allclose(even, logsumexp(kernels, axis=1) - np.log(5), rtol=1e-13)
    # Actions of their own for every mixture.
    own = np.stack([actions[:4], actions[4:8]])
    np.testing.assert_array_equal(Mixtures(centres, SIGMA).log_density(own)[1], even[1, 4:8])
    pooled = mx.pooled(even, 2)
    whole = Mixtures(centres.reshape(1, 10, d), SIGMA).log_density(actions)
    np.testing.assert_allclose(pooled, whole, rtol=1e-13)


def test_far_from_all_centres_nothing_underflows():
    far = on_a_line([0.0, 1.0]).log_density([[300.0]])[0]
    want = -0.5 * (299 / SIGMA) ** 2 - np.log(2 * SIGMA * np.sqrt(2 * np.pi))
    assert far == pytest.approx(want, rel=1e-14)


def test_integrals_are_those_of_adaptive_quadrature_within_their_errors():
    p, q = on_a_line(CENTRES, WEIGHTS), on_a_line([-0.5, 1.0])
    other = np.array([-0.5, 1.0]), np.array([0.5, 0.5])
    mean, slack = integral(lambda a: -density(a) * np.log(density(a)))
    spread, wide = integral(lambda a: density(a) * (np.log(density(a)) + mean) ** 2)
    chi, loose = integral(
        lambda a: float(WEIGHTS @ norm.pdf(a, CENTRES, SIGMA) ** 2) / density(a) if a < 3 else 0.0
    )
    line = LineSum.covering(p)
    log_p = p.log_density(line.nodes)
    for got, want, error in (
        (mx.cross_entropy(p, p), mean, slack),
        (mx.cross_entropy(p, q), *integral(lambda a: -density(a) * np.log(density(a, *other)))),
        (line.variance(log_p, log_p, mean, p.count), spread, wide),
        (mx.chi_square_information(p), chi - 1, loose),
    ):
        assert abs(got.value - want) <= got.error + error
        assert got.error <= 1e-6


def test_a_gaussian_latent_in_closed_form():
    """c ~ N(0, s²) on a fine grid: H = ½log 2πe(s²+σ²), and the fresh estimate of one centre."""
    places = np.linspace(-9, 9, 241)
    weights = norm.pdf(places) / norm.pdf(places).sum()
    p = on_a_line(places, weights)
    got = mx.cross_entropy(p, p)
    # Sums of Gaussians at step .075 err by e^{−2π²/.075²}, the ends by 1e-18.
    assert abs(got.value - 0.5 * np.log(2 * np.pi * np.e * (1 + SIGMA**2))) <= got.error <= 1e-10
    fresh = mx.cross_entropy(p, on_a_line(places[:, None]))
    want = p.floor + (places**2 + 1) / (2 * SIGMA**2)
    np.testing.assert_array_less(np.abs(fresh.value - want), fresh.error + 1e-12 * want)
    assert float(weights @ fresh.value) == pytest.approx(p.floor + 1 / SIGMA**2, rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_separated_centres_carry_their_names_and_equal_ones_nothing(count):
    apart, alike = on_a_line(100.0 * SIGMA * np.arange(count)), on_a_line(np.ones(count))
    for p, information, chi in ((apart, np.log(count), count - 1), (alike, 0.0, 0.0)):
        for got, want in (
            (mx.cross_entropy(p, p) - p.floor, information),
            (mx.chi_square_information(p), chi),
        ):
            assert abs(got.value - want) <= got.error <= 1e-9


def test_a_coarse_sum_knows_its_error():
    """Random centres many σ apart have kinks in log q, which a step of σ/4 does not see."""
    rng = np.random.default_rng(1)
    p, q = (on_a_line(rng.uniform(-4, 4, (100, 6))) for _ in range(2))
    exact = mx.cross_entropy(p, q, per_sigma=64)
    coarse = mx.cross_entropy(p, q, per_sigma=4)
    missed = np.abs(coarse.value - exact.value)
    assert (missed <= coarse.error + exact.error).all()
    assert missed.max() > 1e-4
    assert exact.error.max() < 1e-4


def test_any_centre_left_out_moves_both_means_away_from_the_entropy():
    """H(π̂) ≥ the mean over M of H(π̂ without one), −∫p log π̂ ≤ the mean, for any centres and p."""
    rng = np.random.default_rng(5)
    p, centres = on_a_line(CENTRES, WEIGHTS), rng.uniform(-1, 2, 6)
    without = on_a_line([np.delete(centres, k) for k in range(6)])
    whole = on_a_line(centres)
    own, less = mx.cross_entropy(whole, whole), mx.cross_entropy(without, without)
    assert less.upper.mean() < own.lower
    fresh, more = mx.cross_entropy(p, whole), mx.cross_entropy(p, without)
    assert more.lower.mean() > fresh.upper
    truth = mx.cross_entropy(p, p)
    assert fresh.lower > truth.upper


def test_estimates_at_fixed_centres_are_unbiased_with_variance_falling_like_one_over_l():
    hat, rng = on_a_line([-1.0, 0.1, 0.6]), np.random.default_rng(6)
    mean, second = (
        integral(lambda a, k=k: _uniform(a) * (-np.log(_uniform(a))) ** k)[0] for k in (1, 2)
    )
    for length in (1, 4, 16):
        actions = hat.draw(rng, 4000 * length).reshape(4000, length, 1)
        errors = -hat.log_density(actions).mean(axis=-1) - mean
        bias = replicated(errors, confidence=0.9999)
        assert abs(bias.value) <= bias.error
        square = replicated(length * errors**2, confidence=0.9999)
        assert abs(square.value - (second - mean**2)) <= square.error <= 0.1
    one = mx.plug_in_entropy(hat, actions[0], confidence=0.9)
    surprises = [-np.log(_uniform(a)) for a in actions[0, :, 0]]
    want = student.ppf(0.9, 15) * np.std(surprises, ddof=1) / 4
    assert one.value == pytest.approx(np.mean(surprises), rel=1e-13)
    assert one.errors["sampling"] == pytest.approx(want, rel=1e-12)


def _uniform(a):
    return density(a, np.array([-1.0, 0.1, 0.6]), np.full(3, 1 / 3))


def test_replications_have_the_error_of_student_and_keep_their_own():
    values = np.random.default_rng(7).standard_normal((5, 2))
    got = replicated(mx.Measured.of(values, quadrature=0.1), confidence=0.98)
    want = student.ppf(0.99, 4) * values.std(axis=0, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(got.errors["sampling"], want, rtol=1e-12)
    np.testing.assert_allclose(got.errors["quadrature"], 0.1, rtol=1e-15)
    np.testing.assert_allclose(got.value, values.mean(axis=0), rtol=1e-15)


def test_replications_miss_as_often_as_they_say():
    """20000 times three normal means of six: one of them too low in 2 % of the cases."""
    values = np.random.default_rng(8).standard_normal((6, 20000, 3))
    error = replicated(values[:, :1], confidence=0.98).errors["sampling"]
    scale = values[:, :1].std(axis=0, ddof=1)
    quantile = (error / scale)[0, 0]
    low = values.mean(axis=0) < -quantile * values.std(axis=0, ddof=1)
    missed = low.any(axis=1).mean()
    assert abs(missed - 0.02) <= 4 * np.sqrt(0.02 * 0.98 / 20000) + 0.02**2


def test_latents_have_their_weights_and_a_seed():
    p = Mixtures(
        [[[0.0, 1.0], [2.0, 3.0], [9.0, 9.0]]] * 2, SIGMA, [[0.25, 0.75, 0.0], [0, 0, 1.0]]
    )
    drawn = p.latents(np.random.default_rng(9), 4000)
    assert drawn.shape == (2, 4000, 2)
    np.testing.assert_array_equal(drawn[1], np.full((4000, 2), 9.0))
    share = (drawn[0] == [2.0, 3.0]).all(axis=1).mean()
    assert abs(share - 0.75) <= 4 * np.sqrt(0.75 * 0.25 / 4000)
    assert not (drawn[0] == 9.0).any()
    first, again = (p.draw(np.random.default_rng(10), 4000) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    noise = (first[1] - 9.0) / SIGMA
    assert abs(noise.mean()) <= 4 / np.sqrt(8000)
    assert abs((noise**2).mean() - 1) <= 4 * np.sqrt(2 / 8000)


@pytest.mark.parametrize(
    ("call", "symbol"),
    [
        (lambda: Mixtures(np.zeros(3), 1.0), "centres must have shape"),
        (lambda: Mixtures(np.zeros((0, 1)), 1.0), "centres must have shape"),
        (lambda: Mixtures([[np.nan]], 1.0), "centres must be finite"),
        (lambda: Mixtures([[0.0]], 0.0), "sigma must be positive"),
        (lambda: Mixtures([[0.0]], np.inf), "sigma must be finite"),
        (lambda: Mixtures([[0.0], [1.0]], 1.0, [1.0]), "weights must have shape"),
        (lambda: Mixtures([[0.0], [1.0]], 1.0, [0.6, 0.6]), "weights must sum to 1"),
        (lambda: Mixtures([[0.0], [1.0]], 1.0, [1.5, -0.5]), "weights must be non-negative"),
        (lambda: on_a_line([0.0]).log_density([0.0, 1.0]), "actions must have shape"),
        (lambda: on_a_line([0.0]).log_density([[0.0, 1.0]]), "actions must have shape"),
        (lambda: on_a_line([0.0]).log_density([[np.inf]]), "actions must be finite"),
        (lambda: on_a_line([0.0]).draw(np.random.default_rng(0), 0), "count must be"),
        (lambda: mx.plug_in_entropy(on_a_line([0.0]), [[0.0]]), "replications must be"),
        (lambda: replicated([1.0, np.nan], confidence=0.9), "replications must be finite"),
        (lambda: replicated([1.0, 2.0], confidence=1.0), "confidence must lie"),
        (lambda: mx.pooled(np.zeros((3, 4)), 2), "size must divide 3"),
        (lambda: LineSum.covering(Mixtures([[0.0, 0.0]], 1.0)), "dimension and sigma"),
        (
            lambda: mx.cross_entropy(on_a_line([0.0]), on_a_line([0.0], sigma=0.4)),
            "dimension and sigma",
        ),
        (lambda: LineSum.covering(on_a_line([0.0]), per_sigma=3), "per_sigma must be"),
        (lambda: LineSum.covering(on_a_line([0.0, 1.0], sigma=1e-5)), "sigma must need at most"),
    ],
)
def test_bad_input(call, symbol):
    with pytest.raises(InputError, match=symbol):
        call()
