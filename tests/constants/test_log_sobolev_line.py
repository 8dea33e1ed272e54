from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from wconv import log_sobolev, solve, zoo
from wconv.constants import log_sobolev_line as module
from wconv.constants import monotone
from wconv.constants.line import Line
from wconv.constants.log_sobolev_line import log_sobolev_line
from wconv.constants.poincare_line import poincare_line
from wconv.constants.shooting import Chain, Shots, half_cells
from wconv.constants.sources import line_of_function, line_of_policy
from wconv.mdp.policy import softmax_policy
from wconv.measures.spaces import GaussianLine, Interval


def line(*logs, low, high):
    states = len(logs)
    with np.errstate(divide="ignore"):
        return Line(
            log_density=lambda x, who: np.stack(
                [logs[s](row) for s, row in zip(who, x, strict=True)]
            ),
            index=np.arange(states),
            low=np.full(states, float(low)),
            high=np.full(states, float(high)),
            cut=np.zeros((states, 2), dtype=bool),
            wobble=np.zeros(states),
            full=(float(low), float(high)),
        )


def solved(density):
    poincare = poincare_line(density)
    return poincare, log_sobolev_line(density, poincare)


def well(tau, tilt=0.0):
    return lambda x: -((x * x - 1) ** 2 / 4 + tilt * x) / tau


def mixture(share, apart):
    def log_density(x):
        left, right = np.log(share), np.log1p(-share)
        return np.logaddexp(left - (x + apart) ** 2 / 2, right - (x - apart) ** 2 / 2)

    return log_density


def parabola(x):
    return -(x**2) / 2


def powers(left, right):
    def log_density(x):
        with np.errstate(divide="ignore"):
            return (left * np.log(x) if left else 0.0 * x) + (
                right * np.log1p(-x) if right else 0.0 * x
            )

    return log_density


# Where C_LS > C_P the extremal equation solved with SciPy (order 8, tolerance 2e-13): 11 or 12 digits.
BEATEN = {
    "normal on [0, 3]": (parabola, 0, 3, 0.576347591002),
    "exponential on [0, 5]": (lambda x: -x, 0, 5, 2.332925386963),
    "tilted wells, 1": (well(1.0, 0.1), -6, 6, 1.261918933),
    "tilted wells, 0.3": (well(0.3, 0.1), -4, 4, 1.253974019),
    "tilted wells, 0.1": (well(0.1, 0.1), -3, 3, 2.78417289727),
    "unequal normals": (mixture(0.9, 2), -11, 11, 7.813464140934),
    "x² on [0, 1]": (powers(2, 0), 0, 1, 0.0578134522803),
    # log g² = −2κ cos x + const solves the extremal equation with C = 1, whatever κ is.
    "cosine on [0, π], κ = 1/2": (lambda x: 0.5 * np.cos(x), 0, np.pi, 1.0),
    "cosine on [0, π], κ = 3": (lambda x: 3 * np.cos(x), 0, np.pi, 1.0),
    "cosine on [0, π], κ = −8": (lambda x: -8 * np.cos(x), 0, np.pi, 1.0),
    # Jumps and kinks: SciPy from piece to piece.
    "step": (lambda x: np.where(x < 0.4, 0.0, 1.5), 0, 1, 0.09760864964720317),
    "kink": (lambda x: np.where(x < 0.3, x, 0.9 - 2 * x), -1, 1, 0.27398632367962444),
    "steps and kinks": (
        *(lambda x: np.where(x < -0.5, 0.0, np.where(x < 0.2, 2 * x, 1.6 - x)), -1, 1),
        0.6422907976250297,
    ),
    "jump beside an end": (lambda x: np.where(x < 1e-4, 0.0, 1.0001 - x), 0, 1, 0.10093619347353),
}
EQUAL = {
    "uniform": (lambda x: 0.0 * x, 0, np.pi, 1.0),
    "normal on [−1, 1]": (parabola, -1, 1, 1 / 3),
    "convex on [−1, 1]": (lambda x: x**2 / 2, -1, 1, 0.5),
    "quartic": (lambda x: -(x**4), -4, 4, 0.365338837043),
    "wells, 1": (well(1.0), -6, 6, 1.26248530649),
    "wells, 0.1": (well(0.1), -3, 3, 2.98104467199),
    "wells, 0.03": (well(0.03), -3, 3, 292.121396597),
    "equal normals": (mixture(0.5, 2), -11, 11, 8.39879885823),
    "x(1 − x)": (powers(1, 1), 0, 1, 0.0540881814886),
}


@pytest.mark.parametrize("name", BEATEN)
def test_an_extremal_beats_poincare(name):
    log_density, low, high, truth = BEATEN[name]
    poincare, found = solved(line(log_density, low=low, high=high))
    digits = 1e-11 if truth == 1.0 else 4e-10
    assert found.estimate[0] == pytest.approx(truth, rel=digits)
    assert found.lower[0] * (1 - digits) <= truth <= found.upper[0] * (1 + digits)
    assert found.upper[0] / found.lower[0] - 1 <= 4e-9
    assert found.lower[0] > poincare.upper[0] * (1 + 1e-3)
    assert found.diagnostics["margin"][0] == pytest.approx(
        truth / poincare.estimate[0] - 1, rel=1e-6
    )
    below, above = found.origin(0)
    assert (below.rigor, above.rigor) == ("numerical", "sharp-numerical")
    assert found.conservative.lower[0] == found.lower[0]


@pytest.mark.parametrize("name", EQUAL)
def test_no_extremal_beats_poincare(name):
    log_density, low, high, truth = EQUAL[name]
    poincare, found = solved(line(log_density, low=low, high=high))
    assert found.estimate[0] == pytest.approx(truth, rel=1e-11)
    assert found.lower[0] == poincare.lower[0]
    assert found.upper[0] <= poincare.upper[0] * (1 + 1e-12)
    assert found.diagnostics["margin"][0] < 0


def test_normal_density_on_the_line():
    """The scan is flat there, up to its end: the bound comes from elsewhere, and no peak is claimed."""
    _, found = solved(line(parabola, low=-12, high=12))
    assert found.lower[0] == pytest.approx(1.0, rel=1e-9)
    assert found.upper[0] == pytest.approx(1.0, rel=1e-9)
    scan = found.upper_sides[0]
    assert 1.0 <= scan.value[0] <= 1.002


def test_metastable_tilted_wells_follow_the_logarithmic_mean():
    """C_LS/C_P = 1/(2Λ(p, q)) up to 1e-4 at τ = 0.02 (Menz and Schlichting), p, q the masses of the wells."""
    poincare, found = solved(line(well(0.02, 0.1), low=-3, high=3))
    ratio = found.estimate[0] / poincare.estimate[0]
    assert ratio == pytest.approx(4.9098, abs=5e-5)
    x = np.linspace(-3, 3, 20001)
    p = np.exp(well(0.02, 0.1)(x) - 10.0)
    left = p[x < 0].sum() / p.sum()
    mean = (2 * left - 1) / np.log(left / (1 - left))
    assert ratio == pytest.approx(1 / (2 * mean), rel=1e-4)


def test_tails_that_matter_are_followed():
    """e^{−|x|^p} on [−R, R], p < 2: C_LS grows with R, and sits at depths R^p far beyond 26."""
    for p, reach, truth in ((1.0, 10, 8.760), (1.0, 30, 40.0), (1.5, 20, 3.640)):
        _, found = solved(line(lambda x, p=p: -(np.abs(x) ** p), low=-reach, high=reach))
        assert found.estimate[0] == pytest.approx(truth, rel=5e-4)
        assert found.upper[0] / found.lower[0] - 1 <= 1e-4


@pytest.mark.parametrize(("power", "end", "truth"), [(4, 1.8, 0.11671003), (3, 2.4, 0.15677021)])
def test_what_is_cut_off_is_added_above(power, end, truth):
    """e^{−x^p} on the half line, cut: the scan bounds the constant of the whole (SciPy), not of the part."""
    part = line(lambda x: -(x**power), low=0, high=end)
    _, found = solved(replace(part, cut=np.array([[False, True]])))
    scan = found.upper_sides[0]
    assert scan.method == "scan of monotone extremals"
    assert found.estimate[0] < truth * (1 - 1e-5) < truth <= scan.value[0] <= truth * (1 + 2e-4)


def test_what_hides_between_scan_points_is_added_above(monkeypatch):
    """The scan's own error, where it saw no extremal: here a hundredth, whatever it was."""
    monkeypatch.setattr(
        module,
        "scan",
        lambda levels, c_p: replace(monotone.scan(levels, c_p), bound=np.array([0.01])),
    )
    poincare, found = solved(line(lambda x: 0.0 * x, low=0, high=np.pi))
    assert found.upper_sides[0].value[0] == pytest.approx(1.01 * poincare.upper[0], rel=1e-12)


@pytest.mark.parametrize("height", [1e-6, 1e-3])
def test_maxima_between_scan_points_are_found(monkeypatch, height):
    """R(u) with a hump above C_P = 1 midway between two points at which it lies below.

    ``thresholds`` is replaced by a formula for R; log N has the sign of R'(u).
    """
    grid = np.linspace(np.log(monotone.SMALLEST), np.log(monotone.LARGEST), monotone.STARTS)
    top, step = grid[19:21].mean(), grid[1] - grid[0]

    def gain(x):
        away = (x - top) / (step / 2)
        return height * (1 - 2 * away**2) * np.where(away < 0, np.exp(-(away**2) / 20), 1.0)

    def family(_chain, start, _low, _high, *, tolerance):
        assert np.all(np.asarray(tolerance) > 0)
        x = np.log(-2 * start)
        quotient = 1.0 + np.maximum(gain(x), -0.5 - 1e-3 * x)
        rise = gain(x + 1e-6) - gain(x - 1e-6)
        return quotient, Shots(np.where(rise > 0, 1.0, -1.0), quotient)

    monkeypatch.setattr(monotone, "thresholds", family)
    empty = Chain(np.zeros((8, 2)), np.zeros((8, 2)))
    found = monotone.scan([empty] * 3, np.array([1.0]))
    assert (gain(grid) < 0).all()
    np.testing.assert_array_equal(found.peaks.row, [0, 1])
    low, high = found.peaks.log_start.T
    assert ((low < top) & (top < high)).all()


def test_extremal_solves_its_equation():
    """SciPy integrates 2C(ρg')' + ρ g log g² = 0 from the end and value that the diagnostics name."""
    _, found = solved(line(lambda x: x**2 / 2 - 2 * x, low=0, high=2))
    total = np.exp(parabola(np.linspace(0, 2, 20001)) * -1 - 2 * np.linspace(0, 2, 20001))
    total = np.trapezoid(total, dx=1e-4)
    end, c = int(found.diagnostics["end"][0]), found.estimate[0]

    def slopes(t, y):
        x = t if end == 0 else 2 - t
        rho = np.exp(x**2 / 2 - 2 * x) / total
        g, p, _ = y
        return [p / rho, -rho * g * np.log(g**2) / (2 * c), rho * g**2]

    first = [np.exp(found.diagnostics["u0"][0] / 2), 0.0, 0.0]
    g, p, norm = solve_ivp(slopes, (0, 2), first, method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
    assert g > 1
    assert abs(p) <= 1e-7
    assert norm == pytest.approx(1.0, abs=1e-6)
    values = found.witness.values[0]
    assert values[[-1, 0][end]] == pytest.approx(g, rel=1e-5)


def test_witness_attains_the_lower_side():
    density = line(well(0.3, 0.1), mixture(0.9, 2), low=-9, high=9)
    _, found = solved(density)
    for s in range(2):
        x, g = found.witness.nodes[s], found.witness.values[s]
        rho = np.exp(density.logs(x[None].repeat(2, 0))[s])
        rho /= np.trapezoid(rho, x)
        norm = np.trapezoid(rho * g**2, x)
        entropy = np.trapezoid(rho * g**2 * np.log(g**2 / norm), x)
        energy = np.trapezoid(rho * CubicSpline(x, g)(x, 1) ** 2, x)
        assert entropy / (2 * energy) == pytest.approx(found.lower[s], rel=1e-4)


def test_scaling_reflection_and_batches():
    """C_LS(λX) = λ² C_LS(X), and a batch gives what its states give alone."""
    base, low, high, truth = BEATEN["tilted wells, 0.3"]
    logs = [lambda x, k=k: base(x * k) for k in (1.0, -1.0, 4.0, -0.5)] + [parabola]
    density = line(*logs, low=3 * low, high=3 * high)
    _, found = solved(density)
    assert found.estimate[:4] == pytest.approx(truth / np.array([1, 1, 16, 0.25]), rel=1e-9)
    assert found.diagnostics["end"][:4].tolist() == [0, 1, 0, 1]
    alone = solved(density.states(np.array([2])))[1]
    assert alone.estimate[0] == pytest.approx(found.estimate[2], rel=1e-12)
    assert repr(found[4]).startswith("C_LS in [")


def test_policies_carry_their_interpolation_error():
    grid = GaussianLine(1.0).grid(96)
    x = grid.nodes[:, 0]
    policy = softmax_policy(np.stack([0.0 * x, np.sin(2 * x)]), grid)
    density = line_of_policy(policy)
    poincare, found = solved(density)
    assert found.estimate[0] == pytest.approx(1.0, rel=1e-9)
    exact = line(lambda x: parabola(x) + np.sin(2 * x), low=-8, high=8)
    truth = solved(exact)[1].estimate[0]
    assert found.lower[1] <= truth <= found.upper[1]
    wide = replace(density, wobble=np.array([0.0, 1e-3]))
    wider = log_sobolev_line(wide, poincare)
    assert wider.lower[1] == pytest.approx(found.estimate[1] * np.exp(-1e-3), rel=1e-4)
    assert wider.upper[1] == pytest.approx(found.estimate[1] * np.exp(1e-3), rel=1e-4)


def test_infinite_and_unresolved():
    heavy = line_of_function(lambda x: -(np.abs(x) ** 1.5), Interval(-np.inf, np.inf))
    _, found = solved(heavy)
    assert np.isinf(found.lower[0])
    assert "more slowly than a Gaussian" in found.reasons[0]
    assert found.lower_sides[0].value[0] == pytest.approx(0.774913, rel=1e-4)


@pytest.mark.parametrize(
    ("p", "reach", "why"),
    [
        (1.8, 20, "no sharp value: the quotient of state 0 still rises at log g² = -500"),
        (1.0, 90, "no sharp value: C_LS in state 0 still changes by"),
    ],
)
def test_a_scan_that_fails_leaves_the_true_bounds_and_says_why(p, reach, why):
    poincare, found = solved(line(lambda x: -(np.abs(x) ** p), low=-reach, high=reach))
    assert found.lower[0] >= poincare.lower[0]
    assert found.reasons[0].startswith(why)
    assert {side.rigor for side in found.upper_sides} == {"numerical"}


def test_one_state_without_a_scan_does_not_cost_the_others():
    steep = [lambda x: -(x**2) / 2, lambda x: -(np.abs(x) ** 1.8)]
    both = replace(
        line(steep[0], low=-20, high=20),
        log_density=lambda x, who: np.stack([steep[k](row) for k, row in zip(who, x, strict=True)]),
        index=np.arange(2),
        **{name: np.repeat(np.array([v]), 2) for name, v in (("low", -20.0), ("high", 20.0))},
        cut=np.zeros((2, 2), dtype=bool),
        wobble=np.zeros(2),
    )
    _, found = solved(both)
    assert found.reasons[0] == ""
    assert found.reasons[1].startswith("no sharp value")
    assert found.lower[0] == pytest.approx(1.0, rel=1e-9)
    assert found.upper[0] == pytest.approx(1.0, rel=1e-8)


@pytest.mark.parametrize(("sign", "poincare"), [(1, 0.4367697), (-1, 0.4913074)])
def test_no_side_misses_a_spike(sign, poincare):
    """A spike or a dip of width 1e-4 on [-1, 1]: no upper side may lie below C_P, as without it all do."""

    def log_density(x):
        return sign * np.logaddexp(0, 7 - ((x - 0.37) / 1e-4) ** 2 / 2)

    _, found = solved(line(log_density, low=-1, high=1))
    assert found.lower[0] == pytest.approx(poincare, rel=1e-6)
    assert all(side.value[0] > poincare for side in found.upper_sides)


def test_cells_beside_a_jump_have_exact_masses_and_resistances():
    """ρ = 1 up to .4, e^1.5 beyond, over halves of 64 cells: ∫ρ dx and ∫dx/ρ by hand."""
    mass, resistance = half_cells(line(lambda x: np.where(x < 0.4, 0.0, 1.5), low=0, high=1), 64)
    ends = np.sin(np.pi * np.linspace(0, 1, 129) / 2) ** 2
    low, high, rise = np.minimum(ends, 0.4), np.maximum(ends, 0.4), np.exp(1.5)
    total = 0.4 + 0.6 * rise
    np.testing.assert_allclose(mass[0], np.diff(low + rise * high) / total, rtol=1e-10)
    np.testing.assert_allclose(resistance[0], np.diff(low + high / rise) * total, rtol=1e-10)


def test_more_breaks_than_the_scan_takes():
    steps = line(lambda x: np.floor(x) % 2, low=0.0, high=70.3)
    poincare, found = solved(steps)
    assert found.reasons == ("no sharp value: log p has 70 jumps or kinks, more than 64",)
    assert poincare.lower[0] <= found.lower[0] < found.upper[0]


@pytest.mark.parametrize("tilt", [9.0, 12.0, 40.0])
def test_policies_that_pile_up_at_the_end_of_their_grid(tilt):
    """N(0, σ²) times e^{tilt x/σ}, cut at 8σ where it is largest: C_LS ≤ σ², whatever is cut."""
    grid = GaussianLine(0.05).grid(128)
    policy = softmax_policy((tilt * grid.nodes[:, 0] / 0.05)[None], grid)
    poincare, found = solved(line_of_policy(policy))
    assert 0 < poincare.lower[0] <= found.lower[0] <= found.upper[0]
    assert found.upper[0] == pytest.approx(0.05**2, rel=1e-6)
    assert poincare.upper[0] == pytest.approx(0.05**2, rel=1e-6)


def test_wells_too_deep_for_the_scan_say_so():
    """At τ = .003 quotients of the smallest extremals under- or overflow."""
    _, found = solved(line_of_function(well(0.003, 0.1), Interval(-np.inf, np.inf)))
    assert found.reasons[0].startswith("no sharp value")
    assert found.lower[0] > 1e18


def test_constants_that_no_double_holds_are_left_to_the_criteria():
    """Wells e^{200} apart: some extremals have thresholds beyond e^{709}, which is said, not warned of."""
    mdp = zoo.double_well(temperature=0.005)
    found = log_sobolev(solve(mdp).policy)
    assert "no sharp value: C_LS is larger than doubles are" in found.reasons
    assert (found.lower > 1e75).all()
    assert (found.upper < 1e90).all()


INFINITE = (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("log_density", "ends", "attained"),
    [
        # translates N(m, 1), restricted: 2KL/I = 1 − 2 log 2/m² on the half line
        (lambda x: -(x**2) / 2, (0, np.inf), 0.9889),
        (lambda x: -(x**2) / 2, (0, 30), 0.9889),
        (lambda x: np.where(x < 0, -1.5 * x**2, -(x**2) / 2), INFINITE, 0.995),
        (lambda x: -(x**2) / 2 - np.abs(x), INFINITE, 0.4999),
        (lambda x: -(x**2) / 2 - np.sqrt(1 + x**2), INFINITE, 0.6126),
        (lambda x: -(x**2) / 2 - np.logaddexp(x, -x), INFINITE, 0.5947),
    ],
    ids=["half", "long", "two-sided", "kink", "sqrt", "cosh"],
)
def test_gaussian_tails_reach_one_in_the_limit(log_density, ends, attained):
    """The best constant is one, approached by translates ever further out: no truncation may exclude it."""
    _, found = solved(line_of_function(log_density, Interval(*ends)))
    assert attained <= found.lower[0] <= 1.0 + 1e-9
    assert found.upper[0] >= 1.0 - 1e-9
    assert found.upper[0] <= 1.001
