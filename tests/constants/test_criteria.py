import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from wconv.constants import criteria
from wconv.constants.line import DEPTH, Line
from wconv.constants.panels import Panels
from wconv.constants.sources import line_of_function
from wconv.measures.spaces import Interval

R = Interval(-np.inf, np.inf)


def double_well(tau, tilt=0.0):
    return lambda x: -((x * x - 1) ** 2 / 4 + tilt * x) / tau


def mixture(p, a, b):
    return lambda x: np.logaddexp(np.log(p) - (x - a) ** 2 / 2, np.log1p(-p) - (x - b) ** 2 / 2)


def of_line(side):
    """A bound by the potential alone, as a function of panels like the others."""
    return lambda grid: side(grid.line)


def panels(log_density, on):
    return Panels.of(line_of_function(log_density, on).truncated(DEPTH))


# C_P, C_LS, and, from a prototype with the same formulas, lower and upper of Barthe–Roberto, transport.
SHARP = {
    "uniform": (lambda x: 0 * x, Interval(0, np.pi), 1, 1, 0.3804, 4.314, 1.571),
    "gaussian": (lambda x: -(x**2) / 2, R, 1, 1, 0.4266, 3.767, 1.000),
    "gauss [-1, 1]": (lambda x: -(x**2) / 2, Interval(-1, 1), 1 / 3, 1 / 3, 0.1299, 1.411, 0.4661),
    "gauss [0, 3]": (
        *(lambda x: -(x**2) / 2, Interval(0, 3)),
        *(0.457770018733, 0.576347591, 0.2788, 1.964, 0.7123),
    ),
    "inverted": (lambda x: x**2 / 2, Interval(-1, 1), 0.5, 0.5, 0.1856, 2.199, 0.909),
    "exponential": (
        *(lambda x: -x, Interval(0, 5)),
        *(1.55090654696, 2.33292538644, 1.165, 7.747, 3.425),
    ),
    "quartic": (lambda x: -(x**4), R, 0.365338837043, 0.365338837, 0.1376, 1.49, 0.523),
    "wells .1": (double_well(0.1), R, 2.98104467199, 2.98104467199, 0.9885, 14.51, 36.63),
    "wells .03": (double_well(0.03), R, 292.121396597, 292.121396597, 100.8, 1600, 1.095e6),
    "tilted .3": (double_well(0.3, 0.1), R, 1.22220551, 1.253974019, 0.6943, 5.693, 3.729),
    "tilted .1": (double_well(0.1, 0.1), R, 2.2213458533, 2.784172897, 1.742, 14.57, 27.9),
    "mixture 2": (mixture(0.5, -2, 2), R, 8.39879885823, 8.39879885, 2.699, 36.47, 54.6),
    "mixture .9": (mixture(0.9, -2, 2), R, 5.62821040127, 7.813464141, 4.463, 33.18, 39.8),
    "beta(2, 2)": (
        *(lambda x: np.log(x * (1 - x)), Interval(0, 1)),
        *(0.0540881814886, 0.05408818148, 0.02117, 0.2227, 0.07074),
    ),
    "beta(3, 1)": (
        *(lambda x: 2 * np.log(x), Interval(0, 1)),
        *(0.0495276828276, 0.05781345226, 0.02906, 0.2137, 0.07579),
    ),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("name", SHARP)
def test_sides_hold_and_are_the_formulas(name):
    log_density, on, c_p, c_ls, lower, upper, transport = SHARP[name]
    grid = panels(log_density, on)
    below, above = criteria.muckenhoupt(grid)
    assert below.value <= c_p <= above.value <= 9 * below.value
    below, above = criteria.barthe_roberto(grid)
    assert below.value <= c_ls * (1 + 1e-9)
    assert above.value >= c_ls
    np.testing.assert_allclose(below.value, lower, rtol=2e-3)
    assert above.value <= upper * (1 + 2e-3)  # the prototype's cuts lie on a coarser grid
    np.testing.assert_allclose(criteria.gaussian_transport(grid).value, transport, rtol=2e-3)
    for side in (
        criteria.gaussian_transport,
        of_line(criteria.bakry_emery),
        of_line(criteria.holley_stroock),
    ):
        assert side(grid).value >= c_ls * (1 - 1e-9)


def test_uniform_by_hand():
    """F = x, S = 1 − x, R = |x − 1/2|: sups of one variable on (1/2, 1)."""
    grid = panels(lambda x: 0 * x, Interval(0, 1))

    def sup(h):
        best = minimize_scalar(
            lambda s: -h(s) * (0.5 - s), bounds=(0, 0.5), method="bounded", options={"xatol": 1e-12}
        )
        return -best.fun

    low, high = criteria.muckenhoupt(grid)
    np.testing.assert_allclose(low.value, 1 / 32, rtol=2e-3)
    np.testing.assert_allclose(high.value, 1 / 4, rtol=2e-3)
    low, high = criteria.barthe_roberto(grid)
    np.testing.assert_allclose(low.value, sup(lambda s: s * np.log1p(0.5 / s)) / 2, rtol=2e-3)
    np.testing.assert_allclose(high.value, sup(lambda s: s * np.log1p(np.e**2 / s)) * 2, rtol=2e-3)
    np.testing.assert_allclose(criteria.gaussian_transport(grid).value, 0.5 / np.pi, rtol=2e-6)
    # No oscillation at all: both constants of the uniform distribution, exactly.
    np.testing.assert_allclose(criteria.holley_stroock(grid.line).value, np.pi**-2, rtol=2e-12)
    assert criteria.bakry_emery(grid.line).value == np.inf


def test_half_normal_by_quadrature():
    """N(0, 1) on [0, 3]: median, S and R by quad and erf."""
    on, mass = Interval(0.0, 3.0), norm.cdf(3) - 0.5
    median = norm.ppf(0.5 + mass / 2)

    def product(x):
        tail = (norm.cdf(3) - norm.cdf(x)) / mass
        return tail * np.log1p(0.5 / tail) * quad(lambda y: mass / norm.pdf(y), median, x)[0]

    want = max(product(x) for x in np.linspace(median, 2.999, 300)) / 2
    got = criteria.barthe_roberto(panels(lambda x: -(x**2) / 2, on))[0].value
    np.testing.assert_allclose(got, want, rtol=2e-3)


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_densities_that_vanish_at_an_end(power):
    """1/ρ is not integrable there; F R still tends to zero, and so do its rounding errors."""
    grid = panels(lambda x: power * np.log(x), Interval(0, 1))
    median = 0.5 ** (1 / (power + 1))
    x = np.concatenate([np.geomspace(1e-6, median, 4000), np.linspace(median, 1, 4000)[1:-1]])
    below = x ** (power + 1)
    if power == 1:
        resistance = np.log(x / median) / 2
    else:
        resistance = (x ** (1 - power) - median ** (1 - power)) / (1 - power) / (power + 1)
    want = (np.where(x < median, below, 1 - below) * np.abs(resistance)).max()
    np.testing.assert_allclose(criteria.muckenhoupt(grid)[0].value, want / 2, rtol=2e-3)


def test_bakry_emery_measures_convexity():
    for k in (1.0, 25.0):
        line = panels(lambda x, k=k: -k * x**2 / 2, R)
        np.testing.assert_allclose(criteria.bakry_emery(line.line).value, 1 / k, rtol=1e-9)
        assert criteria.bakry_emery(line.line).value >= 1 / k
    # V'' = 12x² + 1 has its minimum at 0.
    grid = panels(lambda x: -(x**4) - x**2 / 2, Interval(-1, 2))
    got = criteria.bakry_emery(grid.line).value
    assert 1 <= got <= 1 + 1e-3
    assert criteria.bakry_emery(panels(np.abs, Interval(-1, 1)).line).value == np.inf


@pytest.mark.parametrize("width", [1e-3, 1e-4])
def test_narrow_features_are_not_missed(width):
    """A bump of height one on N(0, 1): no longer log-concave; from the uniform at most e^{osc}(L/π)²."""
    line = panels(
        lambda x: -(x**2) / 2 + np.exp(-(((x - 0.123) / width) ** 2)), Interval(-1, 1)
    ).line
    assert criteria.bakry_emery(line).value == np.inf
    got = criteria.holley_stroock(line).value
    # e^{1/2 + 1} at the most; the bump alone costs e on top of what is best without it.
    best = criteria.holley_stroock(panels(lambda x: -(x**2) / 2, Interval(-1, 1)).line).value
    assert best * np.e * 0.9 <= got <= best * np.e * 1.1


def test_holley_stroock_of_wells_keeps_the_exponent():
    """A convex reference: not e^{26} of the truncation but e^{barrier}, and a power of 1/τ."""
    values = [criteria.holley_stroock(panels(double_well(t), R).line).value[0] for t in (0.1, 0.03)]
    assert values[0] <= 21
    assert values[1] <= 7000
    # ∝ e^{-x} on [0, L]: k = 8/L² gives eL²/8.
    got = criteria.holley_stroock(panels(lambda x: -x, Interval(0, 5)).line).value
    np.testing.assert_allclose(got, np.e * 25 / 8, rtol=0.01)


def test_eyring_kramers():
    for tau, c_p, ratio in ((0.1, 2.98104467199, 0.8997), (0.03, 292.121396597, 0.99943)):
        got = criteria.eyring_kramers(panels(double_well(tau), R))[0]
        np.testing.assert_allclose(c_p / got, ratio, rtol=1e-4)
    # Tilted wells: the ratio of the two is 1/(2Λ(p, q)).
    for tau, ratio in ((0.1, 1.2585), (0.05, 1.9836), (0.02, 4.9098)):
        c_p, c_ls = criteria.eyring_kramers(panels(double_well(tau, 0.1), R))
        np.testing.assert_allclose(c_ls / c_p, ratio, rtol=1e-4)
    for log_density in (lambda x: -(x**2), lambda x: np.cos(3 * x), lambda x: 0 * x):
        assert np.isnan(criteria.eyring_kramers(panels(log_density, Interval(-3, 3)))).all()


def test_rigor_and_interpolation_error():
    whole = panels(lambda x: x**2 / 2, Interval(-1, 1))
    cut = panels(lambda x: -(x**2) / 2, R)
    line = whole.line
    doubtful = Panels.of(
        Line(
            line.log_density, line.index, line.low, line.high, line.cut, np.array([0.1]), line.full
        )
    )
    for side in (criteria.gaussian_transport, of_line(criteria.holley_stroock)):
        assert side(whole).rigor == "numerical"
        assert side(cut).rigor == "sharp-numerical"
        np.testing.assert_allclose(side(doubtful).value / side(whole).value, np.exp(0.1))
    for pair in (criteria.muckenhoupt, criteria.barthe_roberto):
        (low, high), (less, more) = pair(whole), pair(doubtful)
        np.testing.assert_allclose([less.value / low.value, high.value / more.value], np.exp(-0.1))
        assert pair(cut)[0].rigor == "numerical"


def test_states_are_treated_alike():
    grid = Panels.of(
        Line(
            lambda x, who: -((x**2) / 2) * np.array([1.0, 4.0, 0.5])[who][:, None],
            np.arange(3),
            np.array([-1.0, 0.0, -2.0]),
            np.array([1.0, 1.5, 1.0]),
            np.zeros((3, 2), dtype=bool),
            np.zeros(3),
            (-2.0, 1.5),
        )
    )
    for s, (k, on) in enumerate(((1.0, (-1, 1)), (4.0, (0, 1.5)), (0.5, (-2, 1)))):
        alone = panels(lambda x, k=k: -k * x**2 / 2, Interval(*on))
        for side in (
            criteria.gaussian_transport,
            of_line(criteria.bakry_emery),
            of_line(criteria.holley_stroock),
        ):
            np.testing.assert_allclose(side(grid).value[s], side(alone).value[0], rtol=1e-12)
        for pair in (criteria.muckenhoupt, criteria.barthe_roberto):
            got = [side.value[s] for side in pair(grid)]
            np.testing.assert_allclose(got, [side.value[0] for side in pair(alone)], rtol=1e-12)
