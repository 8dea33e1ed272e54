import numpy as np
import pytest
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq

from wconv.constants.criteria import eyring_kramers
from wconv.constants.line import Line
from wconv.constants.panels import Panels
from wconv.constants.poincare_line import poincare_line
from wconv.constants.sources import line_of_function, line_of_policy
from wconv.mdp.policy import softmax_policy
from wconv.measures.spaces import Interval
from wconv.outcomes import SolverError

R = Interval(-np.inf, np.inf)


def poincare(log_density, on):
    return poincare_line(line_of_function(log_density, on))[0]


def double_well(tau, tilt=0.0):
    return lambda x: -((x * x - 1) ** 2 / 4 + tilt * x) / tau


def mixture(p, a, b):
    return lambda x: np.logaddexp(np.log(p) - (x - a) ** 2 / 2, np.log1p(-p) - (x - b) ** 2 / 2)


def gaussian(x):
    return -(x**2) / 2


CLOSED_FORMS = {
    "uniform": (lambda x: 0 * x, Interval(0, np.pi), 1.0),
    "Hermite 3": (gaussian, Interval(-1, 1), 1 / 3),
    "Hermite 4": (gaussian, Interval(0, 3**0.5), 1 / 4),
    "inverted": (lambda x: x**2 / 2, Interval(-1, 1), 1 / 2),
    "exponential": (lambda x: -x, Interval(0, 5), 1 / (1 / 4 + np.pi**2 / 25)),
    # tan k = k: the density vanishes like a square at one end.
    "beta(3, 1)": (
        lambda x: 2 * np.log(x),
        Interval(0, 1),
        brentq(lambda k: np.sin(k) - k * np.cos(k), 4, 5, xtol=1e-15) ** -2,
    ),
    "far and narrow": (
        lambda x: -(((x - 1e3) * 1e3) ** 2) / 2,
        Interval(1e3 - 1e-3, 1e3 + 1e-3),
        1e-6 / 3,
    ),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_forms_to_twelve_digits(name):
    log_density, on, want = CLOSED_FORMS[name]
    with np.errstate(divide="ignore"):
        got = poincare(log_density, on)
    digits = 1e-8 if name == "far and narrow" else 1e-12  # positions near 1e3 are rounded
    assert abs(got.estimate / want - 1) <= digits
    assert got.upper <= got.lower * (1 + digits)
    if digits == 1e-12:
        assert got.lower <= want <= got.upper
        assert {s.rigor for s in got.origin()} == {"numerical"}


# Values of a prototype with other quadrature, or 1 exactly.
ON_THE_LINE = {
    "gaussian": (gaussian, 1.0),
    "quartic": (lambda x: -(x**4), 0.365338837043),
    "wells 1": (double_well(1.0), 1.26248530649),
    "wells .3": (double_well(0.3), 1.26038542677),
    "wells .1": (double_well(0.1), 2.98104467199),
    "wells .03": (double_well(0.03), 292.121396597),
    "tilted 1": (double_well(1.0, 0.1), 1.25859291185),
    "tilted .3": (double_well(0.3, 0.1), 1.22220551014),
    "tilted .1": (double_well(0.1, 0.1), 2.22134585330),
    "mixture 1": (mixture(0.5, -1, 1), 2.0615666877),
    "mixture 2": (mixture(0.5, -2, 2), 8.39879885823),
    "mixture .9": (mixture(0.9, -2, 2), 5.62821040127),
}


@pytest.mark.parametrize("name", ON_THE_LINE)
def test_densities_on_the_line(name):
    log_density, want = ON_THE_LINE[name]
    got = poincare(log_density, R)
    assert abs(got.estimate / want - 1) <= 5e-11
    assert got.lower * (1 - 1e-11) <= want <= got.upper * (1 + 1e-11)
    assert got.upper <= got.lower * (1 + 2e-9)
    below, above = got.origin()
    assert (below.rigor, above.rigor) == ("numerical", "sharp-numerical")
    assert got.conservative.upper == np.inf  # nothing proves what the tails do
    assert abs(got.diagnostics["gap"]) <= 1e-13


def three_wells(x):
    """Two light wells on both sides of a heavy one: an odd and an even mode of nearly equal rates."""
    wells = [
        np.log(p) - (x - a) ** 2 / 0.08 for p, a in ((0.98, 0.0), (0.0101, 2.0), (0.0099, -2.0))
    ]
    return np.logaddexp.reduce(wells)


@pytest.mark.parametrize(
    ("log_density", "on"),
    [(three_wells, Interval(-2.5, 2.5)), (lambda x: np.sin(3 * x) + x**3, Interval(-1, 1.5))],
)
def test_against_finite_volumes(log_density, on):
    got = poincare(log_density, on)
    assert got.upper <= got.lower * (1 + 1e-11)
    values = []
    for n in (1000, 2000):
        h = (on.high - on.low) / n
        x = on.low + h * (np.arange(n) + 0.5)
        m = np.exp(log_density(x))
        flux = np.exp(log_density(x[:-1] + h / 2)) / h**2
        diagonal = (np.append(flux, 0) + np.append(0, flux)) / m
        off = -flux / np.sqrt(m[1:] * m[:-1])
        gap = eigh_tridiagonal(diagonal, off, eigvals_only=True, select="i", select_range=(1, 1))
        values.append(1 / gap[0])
    assert abs(got.estimate / (values[1] + (values[1] - values[0]) / 3) - 1) <= 1e-6


def test_eigenfunction():
    got = poincare(gaussian, Interval(-1, 1))
    x, f = got.witness.nodes, got.witness.values
    want = 3 * x - x**3
    np.testing.assert_allclose(f * (want @ want) / (f @ want), want, atol=1e-11)


def test_exponential_tails_contribute_at_all_depths():
    laplace = poincare(lambda x: -np.abs(x), R)
    assert 3.98 <= laplace.lower <= 4 <= laplace.upper <= 4 + 1e-5
    # The true value is below 4/V'² = 4 by little, and cuts at any depth lose more than they seem to.
    spike = poincare(lambda x: -1e5 * np.abs(x - 0.1234), Interval(0, 1))
    assert 3.98e-10 <= spike.lower <= 4e-10 <= spike.upper <= (4 + 1e-5) * 1e-10
    assert laplace.origin()[1].rigor == "sharp-numerical"


def test_light_wells_below_the_cut_count():
    """At τ = .005 and .003 the upper well weighs e^-40 and e^-67 and decides C_P, by Eyring–Kramers."""
    for tau in (0.005, 0.003):
        line = line_of_function(double_well(tau, 0.1), R)
        got = poincare_line(line)
        capacity = eyring_kramers(Panels.of(line.truncated(26.0)))[0]
        np.testing.assert_allclose(got.estimate, capacity, rtol=1e-6)
        assert got.estimate > 1e12
        assert got.upper <= got.lower * (1 + 1e-10)


def test_too_heavy_tails():
    got = poincare(lambda x: -np.sqrt(np.abs(x)), R)
    assert got.lower == got.upper == got.estimate == np.inf
    assert "exp(-|x|^0.5)" in got.reasons[0]


def test_jumps_and_kinks_lie_within_the_error():
    """ρ = 1 up to .4, e³ beyond: tan(.4k) = −e³ tan(.6k), C_P = k^-2."""
    k = brentq(
        lambda k: np.sin(0.4 * k) * np.cos(0.6 * k) + np.e**3 * np.sin(0.6 * k) * np.cos(0.4 * k),
        1.0,
        5.2,
    )
    got = poincare(lambda x: np.where(x < 0.4, 0.0, 3.0), Interval(0, 1))
    assert got.lower <= k**-2 <= got.upper <= got.lower * (1 + 1e-3)
    fine = poincare(lambda x: np.where(x < 0.4, 0.0, 3.0), Interval(0.3999, 0.4001))
    assert fine.upper <= 2e-4**2  # resolves both pieces
    # Zero beyond ±5: an end like any other, found to rounding.
    compact = poincare(lambda x: np.where(np.abs(x) < 5, 0.0, -np.inf), R)
    assert abs(compact.estimate * np.pi**2 / 100 - 1) <= 1e-12
    assert compact.origin()[1].rigor == "numerical"


def test_affine_maps():
    line = [0.3, -0.8, 1.1, 0.4]
    base = poincare(lambda x: np.polyval(line, x), Interval(-1, 1))
    for scale, shift in ((-1.0, 0.0), (1e-6, 0.0), (3.0, 7.0)):
        on = Interval(*sorted((shift - scale, shift + scale)))
        got = poincare(lambda x, a=scale, b=shift: np.polyval(line, (x - b) / a), on)
        assert abs(got.estimate / (scale**2 * base.estimate) - 1) <= 1e-12


def test_policies_in_one_batch_and_interpolation_error():
    grid = Interval(-1.5, 1.5).grid(200)
    logits = np.stack([double_well(t, 0.1)(grid.nodes[:, 0]) for t in (1.0, 0.3, 0.1)])
    line = line_of_policy(softmax_policy(logits, grid))
    together = poincare_line(line)
    for s, tau in enumerate((1.0, 0.3, 0.1)):
        alone = poincare(double_well(tau, 0.1), Interval(-1.5, 1.5))
        assert abs(together.estimate[s] / alone.estimate - 1) <= 1e-11
    doubtful = Line(
        line.log_density, line.index, line.low, line.high, line.cut, np.full(3, 0.01), line.full
    )
    wide = poincare_line(doubtful)
    np.testing.assert_allclose(wide.upper / together.upper, np.exp(0.01), rtol=1e-11)
    np.testing.assert_allclose(wide.lower / together.lower, np.exp(-0.01), rtol=1e-11)


def test_unresolved():
    with pytest.raises(SolverError, match="log p varies too fast"):
        poincare(lambda x: 3 * np.sin(1e5 * x), Interval(0, 1))


@pytest.mark.parametrize("tau", [0.004, 0.001])
def test_a_barrier_beyond_double_precision_is_refused_in_words(tau):
    deep = line_of_function(lambda a: -((a**2 - 1) ** 2) / tau, Interval(-2, 2))
    with pytest.raises(SolverError, match="the barrier between wells is too high"):
        poincare_line(deep)


@pytest.mark.parametrize(
    ("log_density", "ends", "truth"),
    [
        (lambda a: np.maximum(-3 * a * a, -27.0), (-3.0, 60.0), 1319.4),
        (lambda a: np.logaddexp(-a * a / 2, np.log(1e-12) - (a - 8) ** 2 / 2), (-7, 13), 1.644),
        (lambda a: np.logaddexp(-a * a / 0.08 - np.log(0.2), np.log(4.2e-13)), (-3, 3), None),
    ],
    ids=["shelf", "light well", "floor"],
)
def test_what_lies_far_below_the_peak_may_decide(log_density, ends, truth):
    """Nearly no mass, and still the slowest mode: nothing but a steadily falling tail is cut."""
    found = poincare_line(line_of_function(log_density, Interval(*ends)))
    if truth is None:
        assert found.lower[0] > 0.5
    else:
        assert found.lower[0] == pytest.approx(truth, rel=1e-3)
    assert found.upper[0] <= found.lower[0] * (1 + 1e-3)
