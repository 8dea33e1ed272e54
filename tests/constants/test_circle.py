import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from wconv.constants.circle import log_sobolev_circle, poincare_circle
from wconv.constants.line import Line
from wconv.constants.log_sobolev_line import log_sobolev_line
from wconv.constants.poincare_line import poincare_line
from wconv.constants.sources import line_of_policy
from wconv.mdp.policy import softmax_policy
from wconv.measures.spaces import Torus
from wconv.outcomes import SolverError

TURN = 2 * np.pi


def circle(*logs, turn=TURN):
    states = len(logs)
    return Line(
        log_density=lambda x, who: np.stack([logs[s](row) for s, row in zip(who, x, strict=True)]),
        index=np.arange(states),
        low=np.zeros(states),
        high=np.full(states, turn),
        cut=np.zeros((states, 2), dtype=bool),
        wobble=np.zeros(states),
        full=(0.0, turn),
        periodic=True,
    )


def skewed(x):
    return 2 * np.cos(x) + 1.5 * np.sin(2 * x) + 0.7 * np.cos(3 * x + 1)


def solved(density):
    poincare = poincare_circle(density)
    return poincare, log_sobolev_circle(density, poincare)


def differences(log_density, n):
    """C_P of the reversible chain on n equal cells: an error of order n^-2."""
    h = TURN / n
    p = np.exp(log_density((np.arange(n) + 0.5) * h))
    between = np.exp(log_density(np.arange(1, n + 1) * h))
    flow = between / h**2
    energy = np.diag(flow + np.roll(flow, 1))
    for i in range(n):
        energy[i, (i + 1) % n] -= flow[i]
        energy[(i + 1) % n, i] -= flow[i]
    root = np.sqrt(p)
    return 1 / np.linalg.eigvalsh(energy / root[:, None] / root)[1]


def test_uniform_circle_exactly():
    for turn in (TURN, 3.0):
        truth = (turn / TURN) ** 2
        for found in solved(circle(lambda x: 0.0 * x + 5.0, turn=turn)):
            assert found.estimate[0] == pytest.approx(truth, rel=1e-12)
            for bracket in (found, found.conservative):
                assert truth * (1 - 1e-12) <= bracket.lower[0] <= truth * (1 + 1e-13)
                assert truth * (1 - 1e-13) <= bracket.upper[0] <= truth * (1 + 1e-12)


def test_poincare_against_differences():
    for log_density in (np.cos, skewed, lambda x: 2 * np.sin(2 * x) + 0.1 * np.cos(x)):
        coarse, fine = (differences(log_density, n) for n in (200, 400))
        found = poincare_circle(circle(log_density))
        assert found.estimate[0] == pytest.approx((4 * fine - coarse) / 3, rel=2e-7)
        assert found.upper[0] / found.lower[0] - 1 <= 1e-11
        assert (found.conservative.upper >= found.estimate).all()
        assert found.conservative.lower[0] == found.lower[0]


def test_log_sobolev_of_cosines_is_one():
    """log g² = −2κ cos x solves C((log g²)'' + …) + log g² = 0 with C = 1 and ∫g² dp = 1 for every κ."""
    kappas = (0.01, 0.3, 1.0, 4.0, 12.0)
    density = circle(*(lambda x, k=k: k * np.cos(x) for k in kappas))
    poincare, found = solved(density)
    assert found.estimate == pytest.approx(np.ones(5), rel=1e-11)
    assert (found.lower <= 1 + 1e-12).all()
    assert (found.upper >= 1 - 1e-12).all()
    assert (found.upper / found.lower - 1 <= 1e-10).all()
    assert (poincare.upper < found.lower).all()
    # The witness is that function.
    for s, k in enumerate(kappas):
        x, g = found.witness.nodes[s], found.witness.values[s]
        assert 2 * np.log(g) == pytest.approx(-2 * k * np.cos(x), abs=2e-5)


def test_skewed_densities_scale_and_turn():
    """C(λX) = λ²C(X); turning a density, which moves it against the grid of the scan, changes nothing."""
    _, found = solved(circle(skewed, lambda x: skewed(x + 0.7351), lambda x: skewed(-x)))
    assert found.estimate == pytest.approx(np.full(3, found.estimate[0]), rel=1e-11)
    assert (found.upper / found.lower - 1 <= 1e-10).all()
    assert found.diagnostics["margin"][0] == pytest.approx(0.3633, abs=1e-4)
    _, wide = solved(circle(lambda x: skewed(x * TURN / 5.0), turn=5.0))
    assert wide.estimate[0] == pytest.approx(found.estimate[0] * (5.0 / TURN) ** 2, rel=1e-11)


def test_lower_side_is_the_quotient_of_the_witness():
    _, found = solved(circle(skewed))
    x, g = found.witness.nodes[0], found.witness.values[0]
    curve = CubicSpline(np.append(x, TURN), np.append(g, g[0]), bc_type="periodic")
    fine = np.arange(4000) * TURN / 4000
    p = np.exp(skewed(fine))
    p /= p.sum()
    square = curve(fine) ** 2
    norm = p @ square
    quotient = p @ (square * np.log(square / norm)) / (2 * p @ curve(fine, 1) ** 2)
    assert quotient == pytest.approx(found.lower[0], rel=1e-5)
    assert found.origin(0)[0].rigor == "numerical"


def test_circle_is_below_every_interval_it_is_cut_to():
    """Functions on the circle are functions on the interval."""
    _, found = solved(circle(skewed))
    for start in (0.0, 1.3, 3.0):
        interval = Line(
            log_density=lambda x, _: skewed(x),
            index=np.zeros(1, dtype=int),
            low=np.array([start]),
            high=np.array([start + TURN]),
            cut=np.zeros((1, 2), dtype=bool),
            wobble=np.zeros(1),
            full=(start, start + TURN),
        )
        opened = log_sobolev_line(interval, poincare_line(interval))
        assert found.upper[0] <= opened.upper[0] * (1 + 1e-9)
        assert opened.lower[0] > found.upper[0]


def test_symmetric_wells_leave_the_poincare_constant():
    """Half a turn maps cos 2x to itself: the eigenfunction is odd under it, and no extremal beats it."""
    poincare, found = solved(circle(lambda x: np.sin(2 * x)))
    assert found.lower[0] == poincare.lower[0]
    assert found.estimate[0] == poincare.estimate[0]
    assert found.upper[0] / found.lower[0] - 1 <= 1e-4
    assert found.diagnostics["margin"][0] < 0


def test_policies_on_a_torus():
    grid = Torus().grid(48)
    x = grid.nodes[:, 0]
    policy = softmax_policy(np.stack([0.0 * x, 2.0 * np.sin(x + 0.4)]), grid)
    poincare, found = solved(line_of_policy(policy))
    assert found.lower == pytest.approx([1.0, 1.0], rel=1e-7)
    assert found.upper == pytest.approx([1.0, 1.0], rel=1e-7)
    assert (found.lower <= 1.0).all()
    assert (found.upper >= 1.0).all()
    assert poincare.estimate[1] == pytest.approx(
        differences(lambda x: 2 * np.cos(x), 400), rel=1e-4
    )
    assert "C_LS of 2 densities" in repr(found)


def test_too_deep_wells_are_refused():
    with pytest.raises(SolverError, match=r"C_P in state 0 still changes by .* at 257 nodes"):
        poincare_circle(circle(lambda x: 20 * np.sin(2 * x) + 0.5 * np.cos(x)))
