from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

import wconv as wc
from wconv.constants import circle as module
from wconv.constants import turns
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


def relaxation(log_density, n):
    """C_P by power iteration with the inverse of f ↦ −(p f')'/p on n cells, accurate where p is tiny."""
    h = TURN / n
    p, between = (np.exp(log_density((np.arange(n) + shift) * h)) for shift in (0.5, 1.0))
    f, c_p = np.sin(np.arange(n) * h), 0.0
    for _ in range(100):
        f = f - p @ f / p.sum()
        flux = np.cumsum(p * f) * h
        rise = ((flux / between).sum() / (1 / between).sum() - flux) / between * h
        f, before = np.concatenate([[0.0], np.cumsum(rise[:-1])]), np.sqrt(p @ f**2)
        c_p, last = np.sqrt(p @ (f - p @ f / p.sum()) ** 2) / before, c_p
        if abs(c_p / last - 1 if last else 1) < 1e-13:
            break
        f = f / np.abs(f).max()
    return c_p


def deep(depth, shift, third):
    return lambda x: depth * (np.cos(2 * x) + 0.3 * np.cos(x + shift) + third * np.cos(3 * x + 1))


@pytest.mark.parametrize("third", [0.0, 0.2])
def test_deep_wells_are_enclosed_or_refused(third):
    """C_P grows to 10²⁰; from some depth on rounding hides it from polynomials, which they must say."""
    refused = []
    for depth in (4.0, 12.0, 15.0, 16.5, 18.0, 20.0, 22.0, 24.0, 30.0):
        for shift in (0.4, 2.0):
            log_density = deep(depth, shift, third)
            coarse, fine = (relaxation(log_density, n) for n in (1000, 2000))
            exact, error = (4 * fine - coarse) / 3, abs(fine - coarse)
            try:
                found = poincare_circle(circle(log_density))
            except SolverError:
                refused.append(depth)
                continue
            assert found.lower[0] <= exact + error, (depth, shift)
            assert found.upper[0] >= exact - error, (depth, shift)
            assert found.upper[0] / found.lower[0] - 1 <= 2e-3
    assert refused
    assert min(refused) > 15.0


def test_gibbs_policies_of_a_cold_ring():
    """Wells of e^38: the scan and the ascents must do without the digits that such densities leave."""
    mdp = wc.zoo.ring(temperature=0.02)
    line = line_of_policy(wc.gibbs(mdp, mdp.r))
    poincare, found = solved(line)
    exact = relaxation(lambda x: line.logs(np.tile(x, (4, 1)))[3], 4000)
    assert exact == pytest.approx(1.859065691e11, rel=1e-6)
    assert poincare.lower[3] <= exact * (1 + 1e-6)
    assert poincare.upper[3] >= exact * (1 - 1e-6)
    assert poincare.upper[3] / poincare.lower[3] - 1 <= 1e-4
    assert (found.upper / found.lower <= 1.1).all()
    assert (found.lower[:3] > np.array([12.0, 17.0, 16.0]) * poincare.upper[:3]).all()
    # With masses p, q in two deep wells C_LS/C_P → (log p − log q)/(2(p − q)).
    x = np.linspace(0.0, TURN, 4001)[:-1]
    p = np.exp(line.logs(np.tile(x, (4, 1)))[3])
    side = np.interp(x, found.witness.nodes[3], found.witness.values[3]) > 1.0
    one, two = p[side].sum() / p.sum(), p[~side].sum() / p.sum()
    ratio = (np.log(one) - np.log(two)) / (2 * (one - two))
    assert found.lower[3] <= ratio * exact <= found.upper[3]


def edge(x, width):
    return 0.8 * np.cos(x) + np.tanh(np.sin(x) / width)


def test_a_density_that_turns_steeply_is_resolved_or_refused_as_such():
    """A turn between two actions 1/50 apart; a jump, which no quadrature on equal points places."""
    truth = differences(lambda x: edge(x, 0.01), 1600)
    found = poincare_circle(circle(lambda x: edge(x, 0.01)))
    assert found.diagnostics["nodes"] == [513]
    assert found.estimate[0] == pytest.approx(truth, rel=1e-4)
    assert found.upper[0] / found.lower[0] - 1 <= 1e-6
    with pytest.raises(SolverError, match=r"at 513 nodes: log p varies too fast, as at a jump"):
        poincare_circle(circle(lambda x: np.sign(np.sin(x - 0.01)) + np.cos(x)))


def test_too_deep_wells_are_refused():
    with pytest.raises(
        SolverError, match=r"C_P in state 0 is known to .* nodes: wells are deep: raise the"
    ):
        poincare_circle(circle(lambda x: 20 * np.sin(2 * x) + 0.5 * np.cos(x)))
    coldest = wc.zoo.ring(temperature=1e-4)
    with pytest.raises(SolverError, match=r"falls to 0e\+00 of its peak, .* raise the temperature"):
        wc.log_sobolev(wc.gibbs(coldest, coldest.r))


def test_every_side_widens_by_the_error_of_the_density():
    """A density known up to e^w has constants known up to e^w: of every bound, where the ascent finds
    a maximum and where it does not.
    """
    wobble = np.array([0.05, 0.03])
    sharp = circle(skewed, lambda x: np.sin(2 * x))
    for known, blurred in zip(solved(sharp), solved(replace(sharp, wobble=wobble)), strict=True):
        for sign, which in ((-1, "lower_sides"), (1, "upper_sides")):
            for one, two in zip(getattr(known, which), getattr(blurred, which), strict=True):
                assert one.method == two.method
                grown = np.log(two.value / one.value)
                assert grown == pytest.approx(sign * wobble, rel=1e-9), one.method


def test_coarse_policies_hold_what_they_sample():
    """Sixteen nodes leave an error of .05 in log p and of .004 in the constants."""

    def waves(x):
        return 1.5 * np.cos(2 * x) + 0.5 * np.cos(x) + 0.2 * np.sin(x) + 0.4 * np.cos(6 * x)

    grid = Torus().grid(16)
    line = line_of_policy(softmax_policy(waves(grid.nodes.T), grid))
    assert 0.04 <= line.wobble[0] <= 0.05
    for coarse, fine in zip(solved(line), solved(circle(waves)), strict=True):
        assert coarse.lower[0] <= fine.lower[0]
        assert coarse.estimate[0] * 1.002 <= fine.lower[0] <= fine.upper[0] <= coarse.upper[0]
        assert coarse.upper[0] / coarse.lower[0] <= np.exp(2.5 * line.wobble[0])


def test_what_an_ascent_does_not_find_stays_in_the_bracket(monkeypatch):
    """C_LS = 1 for cosines, even where the ascents stop early or do not converge."""
    density = circle(lambda x: 0.3 * np.cos(x), lambda x: 4 * np.cos(x))

    def early(_, g):
        return np.sqrt(g)

    def unsteady(_, g):
        return np.sqrt(g) if g.shape[-1] == module.NODES[1] else g

    for broken in (early, unsteady):
        monkeypatch.setattr(module, "ascended", broken)
        poincare, found = solved(density)
        assert (found.lower <= 1.0).all()
        assert (found.upper >= 1.0).all()
        assert (found.upper <= 2.0).all()
    assert (found.lower == poincare.lower).any()


def test_the_bracket_is_no_narrower_than_the_scan_allows(monkeypatch):
    """A scan known to two percent may hide another maximum, a percent above the one that it shows."""
    scan = turns.turns

    def vague(line, c_p):
        seen = scan(line, c_p)
        return replace(seen, error=0.02 * seen.best)

    monkeypatch.setattr(turns, "turns", vague)
    _, found = solved(circle(skewed))
    assert found.upper[0] >= 1.01 * found.estimate[0]


def test_scan_knows_its_error():
    """C_LS = 1 for cosines, between the u and the places that the scan has looked at."""
    density = circle(*(lambda x, k=k: k * np.cos(x) for k in (0.01, 0.3, 1.0, 4.0, 12.0)))
    seen = turns.turns(density, poincare_circle(density).estimate)
    assert (np.abs(seen.best - 1.0) <= seen.error).all()
    assert (seen.error <= 3e-3).all()
