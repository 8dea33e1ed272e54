from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq

from wconv import solve, zoo
from wconv._require import InputError
from wconv.constants.criteria import eyring_kramers
from wconv.constants.line import Line
from wconv.constants.panels import Mesh, Panels
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
    assert got.lower <= want <= got.upper <= got.lower * (1 + digits)
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
    values = [
        finite_volumes(log_density, np.linspace(on.low, on.high, n + 1)) for n in (1000, 2000)
    ]
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


def pieces(edges, slopes, jumps):
    """log p, linear on pieces, and its C_P: f'' + s f' + λf = 0 on each, f and p f' continuous."""
    edges, slopes = np.asarray(edges), np.asarray(slopes)
    lengths = np.diff(edges)
    starts = np.append(0.0, np.cumsum(slopes[:-1] * lengths[:-1] + jumps))

    def log_density(x):
        i = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(slopes) - 1)
        return starts[i] + slopes[i] * (x - edges[i])

    def end_slope(rate):
        f, g = 1.0, 0.0
        for i, (s, length) in enumerate(zip(slopes, lengths, strict=True)):
            g *= np.exp(-jumps[i - 1]) if i else 1.0
            root = np.sqrt(complex(s * s / 4 - rate))
            c, d = np.cosh(root * length).real, (np.sinh(root * length) / root).real
            f, g = f * (c + s / 2 * d) + g * d, g * (c - s / 2 * d) - rate * f * d
            f, g = f / np.hypot(f, g), g / np.hypot(f, g)
        return g

    steps = np.linspace(0.01, 1.0, 100) * np.pi**2 * 30 / lengths.sum() ** 2
    signs = np.sign([end_slope(rate) for rate in steps])
    first = int((signs != signs[0]).argmax())
    rate = brentq(end_slope, steps[first - 1], steps[first], xtol=1e-15, rtol=1e-15)
    return log_density, 1 / rate


def one_break(place, jump, bend=0.0):
    return [-1.0, place, 1.0], [1.0, 1.0 - bend], [jump]


# Beside an edge of equal panels a jump or a kink changes no quadrature, however fine.
BREAKS = {
    "reported": one_break(0.4962441385832911, 3.0),
    **{f"jump at {x:g}": one_break(x, -3.0) for x in (1e-12, 1e-6, 1e-5, 1e-4, 0.999, 0.9999999)},
    **{f"kink at {x:g}": one_break(x, 0.0, 10.0) for x in (1e-6, 1e-5, 1e-4, 0.99999)},
    "small": one_break(0.3, 1e-6),
    "large": one_break(0.3, 10.0),
    "heavy end": one_break(0.9999999, 20.0),
    "bump": ([-1.0, 0.37, 0.371, 1.0], [0.0, 0.0, 0.0], [6.0, -6.0]),
}


@pytest.mark.parametrize("name", BREAKS)
def test_jumps_and_kinks(name):
    log_density, want = pieces(*BREAKS[name])
    got = poincare(log_density, Interval(-1, 1))
    assert got.lower <= want <= got.upper <= got.lower * (1 + 2e-10)
    assert {s.rigor for s in got.origin()} == {"numerical"}


def test_random_steps_and_kinks():
    """Equal panels missed one step in six, by up to 4e-5, with an error bar that did not show it."""
    rng = np.random.default_rng(7)
    for case in range(36):
        cuts = np.sort(rng.uniform(-1, 1, 1 + case % 3))
        slopes = rng.normal(0, 3, cuts.size + 1) * (case % 2)
        jumps = rng.normal(0, 2, cuts.size) * (case % 4 < 3)
        log_density, want = pieces([-1, *cuts, 1], slopes, jumps)
        got = poincare(log_density, Interval(-1, 1))
        assert got.lower <= want <= got.upper <= got.lower * (1 + 1e-10)


def test_noise_is_charged():
    """Log p that is smooth on no panel may be anything within its noise, 2e-6 in all."""
    line = line_of_function(lambda x: 1e-6 * np.sin(1e9 * x), Interval(-1, 1))
    panels = Panels.of(line, Mesh.of(line, 48))
    off = panels.unresolved(panels.mass)
    assert 2e-6 <= off <= 2e-4
    smooth = Panels.of(line_of_function(np.sin, Interval(-1, 1)))
    assert smooth.unresolved(smooth.mass) == 0


def test_zero_beyond_an_end():
    """An end like any other, found to rounding."""
    compact = poincare(lambda x: np.where(np.abs(x) < 5, 0.0, -np.inf), R)
    assert abs(compact.estimate * np.pi**2 / 100 - 1) <= 1e-12
    assert compact.origin()[1].rigor == "numerical"


def finite_volumes(log_density, edges):
    """C_P of a chain on cells of any lengths, of order two."""
    x, h = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    m = np.exp(log_density(x)) * h
    flux = np.exp(log_density(edges[1:-1])) / np.diff(x)
    diagonal = (np.append(flux, 0) + np.append(0, flux)) / m
    off = -flux / np.sqrt(m[1:] * m[:-1])
    gap = eigh_tridiagonal(diagonal, off, eigvals_only=True, select="i", select_range=(1, 1))
    return 1 / gap[0]


@pytest.mark.parametrize("sign", [1, -1])
def test_spikes_between_the_nodes_are_seen(sign):
    """Five thousandths of a percent wide: 96 equal panels do not see it, and C_P changes by a tenth."""

    def log_density(x):
        return sign * np.logaddexp(0, 7 - ((x - 0.37) / 1e-4) ** 2 / 2)

    ends = np.arcsinh(np.array([-1.37, 0.63]) / 1e-3)
    values = [
        finite_volumes(log_density, 0.37 + 1e-3 * np.sinh(np.linspace(*ends, n + 1)))
        for n in (400, 800)
    ]
    got = poincare(log_density, Interval(-1, 1))
    assert abs(got.estimate / (values[1] + (values[1] - values[0]) / 3) - 1) <= 3e-6
    assert got.upper <= got.lower * (1 + 1e-11)


def test_affine_maps():
    line = [0.3, -0.8, 1.1, 0.4]
    base = poincare(lambda x: np.polyval(line, x), Interval(-1, 1))
    for scale, shift in ((-1.0, 0.0), (1e-6, 0.0), (3.0, 7.0), (1e-60, 0.0), (4e59, 0.0)):
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


ABSURD = {
    "denormal": (gaussian, (0, 1e-320), "interval must be between 1e-60 and 1e.60 long.*1e-320"),
    "short": (gaussian, (0, 1e-200), "measure actions in other units"),
    "long": (gaussian, (0, 1e150), "interval must be between.*got 1e.150"),
    "longest": (gaussian, (0, 1e300), "interval must be between"),
    "endless": (gaussian, (-1.7e308, 1.7e308), "interval must be between.*got inf"),
    "pointed": (lambda x: -1e308 * np.abs(x), (-1, 1), "long where the density lives"),
    "far": (gaussian, (1, 1 + 1e-12), "interval must be longer than 1e-10 of its distance"),
    "complex": (lambda x: -(x**2) + 0j, (-1, 1), "must return real numbers, got complex128"),
    "texts": (lambda x: np.array(["x"] * x.size), (-1, 1), "must return real numbers, got <U1"),
    "objects": (lambda x: np.array([{}] * x.size), (-1, 1), "must return real numbers, got float"),
    "ragged": (lambda _: [[1], [1, 2]], (-1, 1), "must return real numbers, got setting an array"),
    "dates": (lambda x: x.astype("M8[D]"), (-1, 1), r"must return real numbers, got datetime64"),
    "one number": (lambda _: 0.0, (-1, 1), "must return one value a point"),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_sizes_and_values_are_refused_in_words(name):
    log_density, ends, words = ABSURD[name]
    with pytest.raises(InputError, match=words):
        poincare(log_density, Interval(*ends))


def test_policies_on_absurd_lengths_are_refused_in_words():
    policy = softmax_policy(np.zeros((1, 64)), Interval(0, 1e-320).grid(64))
    with pytest.raises(InputError, match="interval must be between 1e-60"):
        line_of_policy(policy)


def test_what_linear_algebra_refuses_is_said_in_words(monkeypatch):
    def fails(matrix):
        raise np.linalg.LinAlgError("Eigenvalues did not converge")

    monkeypatch.setattr(np.linalg, "eigh", fails)
    with pytest.raises(SolverError, match="raise the temperature"):
        poincare(gaussian, Interval(-1, 1))


def test_densities_cut_at_their_peak():
    """N(0, 1) on [0, 3], of which a lower end at zero is a cut: nothing but convexity bounds the rest."""
    line = line_of_function(gaussian, Interval(0, 3))
    got = poincare_line(replace(line, cut=np.array([[True, False]])))[0]
    assert got.reasons == ("p is still e^-0 of its peak where it is cut: take a longer interval",)
    assert got.upper == pytest.approx(1.0, rel=1e-9)
    assert (got.origin()[1].method, got.origin()[1].rigor) == ("Bakry–Émery", "sharp-numerical")
    assert got.diagnostics["truncation"] == np.inf


@pytest.mark.parametrize(("width", "nodes"), [(0.06, 32), (0.04, 48)])
def test_interpolation_error_covers_what_nodes_do_not_see(width, nodes):
    """A barrier whose top lies between two nodes: three quarters of the error bar are needed."""

    def barrier(x):
        return -8 * np.exp(-(x**2) / (2 * width**2))

    grid = Interval(-1, 1).grid(nodes)
    coarse = line_of_policy(softmax_policy(barrier(grid.nodes[:, 0])[None], grid))
    assert 0.04 < coarse.wobble[0] < 0.05
    got, want = poincare_line(coarse), poincare(barrier, Interval(-1, 1)).estimate
    assert got.lower[0] <= want <= got.upper[0]


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


def muckenhoupt(logs, nodes):
    """B with B ≤ C_P ≤ 4B: both tails times the resistance to the median, by sums on 10⁵ points."""
    x, h = np.linspace(nodes[0], nodes[-1], 100001, retstep=True)
    p = np.exp(CubicSpline(nodes, logs - logs.max())(x))
    mass, resistance = p * h / (p.sum() * h), h * p.sum() * h / p
    m = np.searchsorted(np.cumsum(mass), 0.5)
    right = np.cumsum(mass[::-1])[::-1][m:] * np.cumsum(resistance[m:])
    left = np.cumsum(mass[: m + 1]) * np.cumsum(resistance[: m + 1][::-1])[::-1]
    return max(right.max(), left.max())


def test_wells_so_cold_that_coarse_panels_do_not_see_them():
    """C_P from 2e14 to 2e23; on few panels, and cut, densities have none: tails are looked at anew."""
    mdp = zoo.heavy(temperature=0.02)
    policy = solve(mdp).policy
    found = poincare_line(line_of_policy(policy))
    B = np.array([muckenhoupt(row, mdp.grid.nodes[:, 0]) for row in policy.logf])
    assert (found.lower >= B * (1 - 1e-3)).all()
    assert (found.upper <= 4 * B).all()
    assert (found.upper / found.lower - 1 <= 1e-4).all()
