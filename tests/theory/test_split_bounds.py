"""Right-hand sides of the split scheme against parabolas, Gaussians, recursions and sums of their own."""

import numpy as np
import pytest

from wconv.theory.bounds import split

TAU, ETA = 0.4, 0.3
STEP = {"tau": TAU, "eta": ETA}
STIFF = np.array([0.5, 1.0, 2.0])
"""Curvatures h: maps multiply by 1 − ηh = .85, .7, .4, or by 1/(1 + ηh) = 1/1.15, 1/1.3, 1/1.6."""

EXPLICIT, PROXIMAL = np.array([0.85, 0.7, 0.4]), 1 / np.array([1.15, 1.3, 1.6])


def test_of_a_parabola_the_envelope_is_attained_by_its_map():
    """q = −ha²/2: G = x/(1+ηh) among places around it, M the most of q(a) − |a−x|²/2η."""
    x, best = 1.7, 1.7 * PROXIMAL
    places = best[:, None] + np.linspace(-1.0, 1.0, 41)
    envelope = (-STIFF[:, None] * places**2 / 2 - (places - x) ** 2 / 0.6).max(axis=1)
    gain = -STIFF * best**2 / 2
    found = split.transported(gain=gain, moved=(best - x) ** 2, eta=ETA)
    assert found == pytest.approx(envelope, rel=1e-13)
    closed = -STIFF * x**2 / (2 * (1 + 0.3 * STIFF))
    assert found == pytest.approx(closed, rel=1e-13)
    found = split.supported(envelope=closed, moved=(best - x) ** 2, eta=ETA)
    assert found == pytest.approx(gain, rel=1e-13)


def test_of_a_parabola_the_explicit_map_is_as_far_off_as_it_can_be():
    """|E − G| = |1 − ηh − 1/(1+ηh)||x| is both bounds, L_b = h."""
    x = 1.7
    off = np.abs(EXPLICIT - PROXIMAL) * x
    moved, slope = np.abs(PROXIMAL - 1) * x, STIFF * PROXIMAL * x
    assert split.first_order(moved=moved, L_b=STIFF, eta=ETA) == pytest.approx(off, rel=1e-12)
    found = split.first_order_slope(slope=slope, L_b=STIFF, eta=ETA)
    assert found == pytest.approx(off, rel=1e-12)


def test_noise_damps_waves_and_the_chain_damps_them_less():
    """E cos(k(a + √(2τη)ξ)) by Gauss-Hermite; the rate (4/h²)sin²(kh/2) falls short of k² by k⁴h²/12."""
    xi, weight = np.polynomial.hermite_e.hermegauss(60)
    for k, a in ((0.7, 0.3), (2.0, 1.1)):
        noisy = weight @ np.cos(k * (a + np.sqrt(0.24) * xi)) / weight.sum()
        found = split.decayed(wave=np.cos(k * a), square=k**2, **STEP)
        assert found == pytest.approx(noisy, rel=1e-12)
        h, wave = 0.01 / k, -0.6
        short = 0.12 * (k**2 - 4 / h**2 * np.sin(k * h / 2) ** 2) * abs(wave)
        found = split.chain_defect(wave=wave, square=k**2, spacing=h, **STEP)
        assert found == pytest.approx(short, rel=1e-5)
        assert found >= short


def test_the_proximal_step_of_the_entropy_keeps_less_of_a_gaussian():
    """N(0, s²) ends at ((s + √(s²+4τη))/2)², short of s² + 2τη by (τη)² over itself, its 1/I."""
    s = np.array([0.2, 1.0, 3.0])
    after = ((s + np.sqrt(s**2 + 0.48)) / 2) ** 2
    found = split.spread_defect(fisher=1 / after, **STEP)
    assert found == pytest.approx(s**2 + 0.24 - after, rel=1e-12)


def test_waves_after_it_miss_by_a_taylor_remainder_and_a_resolvent():
    """½k²·(τη)²I of the map, ½x²|wave| of 1/(1+x) − e^{−x}, x = τηk²: by state and wave."""
    wave, fisher = np.array([[0.3, 0.9], [0.1, 0.6]]), np.array([[2.0], [0.7]])
    squares = np.array([1.5**2, 0.8**2])
    found = split.entropy_defect(wave=wave, fisher=fisher, square=squares, **STEP)
    for s in range(2):
        for j, k in enumerate((1.5, 0.8)):
            x = 0.4 * 0.3 * k**2
            remainder = k**2 / 2 * 0.12**2 * (2.0, 0.7)[s]
            assert found[s, j] == pytest.approx(remainder + x**2 / 2 * wave[s, j], rel=1e-13)


@pytest.mark.parametrize("implicit", [0.0, 1.0])
@pytest.mark.parametrize("walls", [0.0, 1.0])
def test_a_split_step_misses_by_the_sum_of_what_its_proof_gives_away(implicit, walls):
    """Resolvent, ψ'q' along the coupling, two Taylor remainders, and q' at G and at walls."""
    wave = np.array([[0.3, 0.9, 0.2], [0.1, 0.6, 1.4]])
    W, m, g, L = np.array([[0.2, 0.5], [0.7, 0.4], [1.1, 0.6], [2.3, 1.9]])
    frequencies = (0.8, 1.5, 2.2)
    found = split.step_defect(
        wave=wave,
        far=W[:, None],
        moved=m[:, None],
        slope=g[:, None],
        square=np.square(frequencies),
        L_b=L[:, None],
        implicit=implicit,
        walls=walls,
        **STEP,
    )
    for s in range(2):
        for j, k in enumerate(frequencies):
            x = 0.12 * k**2
            terms = [
                x * x / 2 * wave[s, j],
                0.3 * k * L[s] * W[s],
                0.3 * k**2 * W[s] * g[s],
                k**2 * W[s] ** 2 / 2,
                k**2 * m[s] ** 2 / 2,
            ]
            if implicit:
                terms.append(0.3 * m[s] * k * L[s])
            if walls:
                terms.append(0.3 * m[s] * k**2 * g[s])
            assert found[s, j] == pytest.approx(sum(terms), rel=1e-13)


def repeated(step, start, count=400):
    """``count`` steps of a recursion of variances, one per curvature."""
    for _ in range(count):
        start = step(start)
    return start


def test_readings_of_the_noise_end_where_their_recursions_do():
    """u → ρ²u + 2τη, (ρ + τη/u)²u, ρ²u with noise at sampling, and ρ²u alone, from u = 3."""
    start = np.full(3, 3.0)
    kept = {"stiffness": STIFF, **STEP}
    for proximal, rho, at_last in (
        (0.0, EXPLICIT, split.kept_explicit),
        (1.0, PROXIMAL, split.kept_prox),
    ):
        noisy = repeated(lambda u, r=rho: r**2 * u + 0.24, start)
        assert at_last(**kept) == pytest.approx(noisy, rel=1e-12)
        velocity = repeated(lambda u, r=rho: (r + 0.12 / u) ** 2 * u, start)
        assert split.scored(proximal=proximal, **kept) == pytest.approx(velocity, rel=1e-12)
        quiet = repeated(lambda u, r=rho: r**2 * u, start) + 0.24
        assert split.sampled(**kept) == pytest.approx(quiet, rel=1e-12)
    alone = repeated(lambda u: EXPLICIT**2 * u, start, 7)
    found = split.averaged(stiffness=STIFF, start=start, eta=ETA, steps=7.0)
    assert found == pytest.approx(alone, rel=1e-13)


def test_orders_are_compared_as_they_are():
    """Half the logarithm of a ratio of squares, at steps η and η/2, of W = η^{3/2}."""
    exponent = np.log((0.3**1.5 / 0.15**1.5) ** 2) / (2 * np.log(2))
    assert split.order(least=1.5) == pytest.approx(exponent, rel=1e-13)
    assert split.order_most(most=1.5) == pytest.approx(exponent, rel=1e-13)
