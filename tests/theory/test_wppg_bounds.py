"""Right-hand sides of the proximal chapter against recursions, matrices and exact steps of their own."""

import numpy as np
import pytest

from wconv.theory.bounds import wppg

TAU, GAMMA, ETA, C = 0.4, 0.7, 1.5, 0.6
CRITIC = {"eta": ETA, "noise": 0.3, "bias": 0.02}
ERROR = 1.5 * 0.09 / 2 + 0.04
WEIGHT = 0.4 / 1.2
PROBLEM = {"C_T": C, "tau": TAU, "gamma": GAMMA}

STEP = {"tau": TAU, "eta": ETA}
C_LS = np.array([0.6, 0.3, 1.2])
KAPPA = np.array([1.0, 2.0, 0.5])
"""ητ/C_LS, so that 1−c is 1/4, 1/9 and 4/9."""

KERNEL = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.25, 0.35, 0.4]])
GAPS = np.array([[1.0, 3.0, 0.4], [0.2, 0.7, 2.5]])


def shrunk(constants, kept):
    """(I − D_c(I − γP))W of every W, the matrix written out, 1−c = ``kept`` of the constants."""
    matrix = np.eye(3) - np.diag([1 - kept(c) for c in constants]) @ (np.eye(3) - 0.7 * KERNEL)
    return np.array([matrix @ w for w in GAPS])


def geometric(first):
    """first·(1 + γ + γ² + …)."""
    return sum(first * 0.7**k for k in range(200))


def test_phi_falls_to_a_floor_and_errors_do_not_add_up():
    """Φ' = γΦ + ε/(1−γ), iterated: a step of it, and below the closed form by γ^k of the floor."""
    gap, far = 0.9, 0.5
    phi, moved = gap + WEIGHT * far, []
    for k in range(60):
        next_far = far * 0.8
        step = wppg.lyapunov_inexact(gap=gap, far=far, next_far=next_far, **PROBLEM, **CRITIC)
        phi = GAMMA * phi + ERROR / (1 - GAMMA)
        gap, far = float(step), next_far
        assert gap + WEIGHT * far == pytest.approx(phi, rel=1e-13)
        after = wppg.lyapunov_after(
            start=0.9, start_far=0.5, far=far, count=k + 1.0, **PROBLEM, **CRITIC
        )
        moved.append(float(after) - gap)
    share = GAMMA ** np.arange(1.0, 61.0)
    assert moved == pytest.approx(share * ERROR / (1 - GAMMA) ** 2, rel=1e-10, abs=1e-15)


def test_a_step_under_the_optimal_law_is_the_average_of_states():
    """γP_{π*}W + (W²(π*, π) − W²(π', π))/2η − τKL over ν*: the kernel leaves ν*, as its law stays."""
    kernel, law = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0.75, 0.25])
    W, far, moved, kl = ([1.0, 3.0], [0.8, 0.2], [0.5, 0.1], [0.3, 0.05])
    states = [0.7 * (kernel[s] @ W) + (far[s] - moved[s]) / 3.0 - 0.4 * kl[s] for s in range(2)]
    mean = {n: law @ x for n, x in {"gap": W, "far": far, "moved": moved, "kl": kl}.items()}
    assert wppg.one_step(gamma=GAMMA, **STEP, **mean) == pytest.approx(law @ states, rel=1e-13)
    assert wppg.gain(moved=np.array(moved), kl=np.array(kl), **STEP) == pytest.approx(
        [0.5 / 3 + 0.12, 0.1 / 3 + 0.02], rel=1e-13
    )


def test_without_distances_a_floor_is_left():
    """Δ' = γΔ + D²/2η, iterated: k steps are below the closed form by γ^k of the floor."""
    floor, gap, over = geometric(1.3**2 / 3.0), 0.9, []
    for k in range(1, 30):
        gap = 0.7 * gap + 1.3**2 / 3.0
        found = wppg.penalised(start=0.9, count=float(k), gamma=GAMMA, eta=ETA, diameter=1.3)
        over.append(float(found) - gap)
    assert over == pytest.approx([0.7**k * floor for k in range(1, 30)], rel=1e-9, abs=1e-13)


def test_where_talagrand_is_an_equality_phi_falls_by_gamma():
    """τKL(π*‖π') = (τ/2C)W² and η = C/γτ, or shorter where x', x* and x share a line: nothing is lost."""
    gap, far, next_far = np.array([0.9, 0.0]), np.array([0.5, 2.0]), np.array([0.3, 0.1])
    found = wppg.lyapunov(gap=gap, far=far, next_far=next_far, **PROBLEM)
    eta = 0.6 / (0.7 * 0.4)
    assert found == pytest.approx(
        0.7 * gap + far / (2 * eta) - 0.4 * next_far / (2 * 0.6), rel=1e-13
    )
    # Young's inequality for x' − x* = s(x − x') is an equality at s = 2/(κ−1).
    for kappa, gap in ((1.2, 0.0), (1.35, 0.0), (2 / 0.7**0.5 - 1, 0.9)):
        eta, s = kappa * 0.6 / 0.4, 2 / (kappa - 1)
        far, moved, next_far = (s + 1) ** 2, 1.0, s**2
        exact = 0.7 * gap + (far - moved) / (2 * eta) - 0.4 * next_far / (2 * 0.6)
        found = wppg.lyapunov_below(gap=gap, far=far, next_far=next_far, eta=eta, **PROBLEM)
        assert found == pytest.approx(exact, rel=1e-11)


def test_below_the_threshold_phi_falls_by_the_slower_of_two_rates():
    """Φ' = Δ + (1+κ)/4η·D falls by max(γ, 4/(1+κ)²): from steps just long enough to very long ones."""
    for kappa, rate in ((1.1, 4 / 2.1**2), (1.3, 4 / 2.3**2), (1.5, 0.7), (9.0, 0.7)):
        eta = kappa * 0.6 / 0.4
        weight = (1 + kappa) / (4 * eta)
        found = wppg.lyapunov_below(gap=0.9, far=0.5, next_far=0.2, eta=eta, **PROBLEM)
        assert found + weight * 0.2 == pytest.approx(rate * (0.9 + weight * 0.5), rel=1e-13)


def test_a_step_shrinks_the_divergence_of_a_translate_by_exactly_its_factor():
    """N(m, s²) to N(0, s²), C_LS = s²: the step moves m to where τm'/s² + (m' − m)/η = 0."""
    variances = np.array([0.6, 0.3, 1.2])
    coefficients = 0.4 / variances + 1 / 1.5
    mean = (2.0 / 1.5) / coefficients
    ratio = (mean**2 / (2 * variances)) / (2.0**2 / (2 * variances))
    found = wppg.kl_factor(C_LS=variances, **STEP)
    assert found == pytest.approx(ratio, rel=1e-13)
    assert found == pytest.approx([1 / 4, 1 / 9, 4 / 9], rel=1e-13)


def test_between_the_two_constants_of_a_density():
    """(1 + ητ/C)^{-2} with C from C_P to C_LS as the share goes from 0 to 1, and on the way."""
    known = {"C_P": 0.5, "C_LS": 2.0, "tau": TAU, "eta": np.array([0.1, 4.0])}
    for share, constant in ((0.0, 0.5), (1.0, 2.0), (0.5, 1.25)):
        expected = (1 + np.array([0.04, 1.6]) / constant) ** -2
        found = wppg.kl_factor_between(share=share, **known)
        assert found == pytest.approx(expected, rel=1e-14)


def test_steps_of_vectors_are_products_of_matrices():
    """(I − D_c(I − γP))W state by state, and its norm 1 − (1−γ)c where c is the same in all."""
    exact = {0.6: 1 / 4, 0.3: 1 / 9, 1.2: 4 / 9}
    found = wppg.gaps_after_step(gaps=GAPS, kernel=KERNEL, C_LS=C_LS, gamma=GAMMA, **STEP)
    assert found == pytest.approx(shrunk(C_LS, exact.get), rel=1e-13)
    for constant, kept in exact.items():
        matrix = np.eye(3) - (1 - kept) * (np.eye(3) - 0.7 * KERNEL)
        factor = wppg.gap_factor(C_LS=constant, gamma=GAMMA, **STEP)
        assert factor == pytest.approx(np.linalg.norm(matrix, np.inf), rel=1e-13)


def test_newton_factors_are_two_total_variations_through_the_horizon():
    """1−c + c Σ_{k≥1}γ^k[γE/4τ + √((1−c)E/2τ)], at gaps from small to large."""
    E = np.array([0.01, 1.0, 30.0])
    for constant, kept in ((0.6, 1 / 4), (0.3, 1 / 9)):
        moved = 0.7 * E / 1.6 + np.sqrt(kept * E / 0.8)
        expected = kept + (1 - kept) * 0.7 * geometric(moved)
        found = wppg.newton_factor(gap=E, C_LS=constant, gamma=GAMMA, **STEP)
        assert found == pytest.approx(expected, rel=1e-13)


def test_bias_widens_the_constant_and_is_paid_twice_at_every_time():
    """e^{2ζ/τ} = 2 at ζ = τ log 2/2: the step of doubled constants, and 2ζ summed over time."""
    doubled = {1.2: 4 / 9, 0.6: 1 / 4, 2.4: 16 / 25}
    found = wppg.gaps_with_bias(
        gaps=GAPS, kernel=KERNEL, C_LS=C_LS, gamma=GAMMA, bias=0.2 * np.log(2), **STEP
    )
    expected = shrunk(2 * C_LS, doubled.get) + geometric(0.4 * np.log(2))
    assert found == pytest.approx(expected, rel=1e-13)


def test_a_bias_far_above_the_temperature_leaves_the_gaps_where_they_are():
    """e^{2ζ/τ} is no double: nothing is kept from a step but 2ζ summed over time."""
    found = wppg.gaps_with_bias(
        gaps=GAPS, kernel=KERNEL, C_LS=C_LS, gamma=GAMMA, bias=400.0, **STEP
    )
    assert found == pytest.approx(GAPS + geometric(800.0), rel=1e-13)


def test_noise_raises_the_vector_of_gaps_by_its_square():
    """(I − D_{c'}(I − γP))W and ησ²/2 summed over time, 1−c' = 1/(1+κ): 1/2, 1/3 and 2/3."""
    exact = dict(zip(C_LS, 1 / (1 + KAPPA), strict=True))
    found = wppg.gaps_with_noise(
        gaps=GAPS, kernel=KERNEL, C_LS=C_LS, gamma=GAMMA, noise=0.3, **STEP
    )
    expected = shrunk(C_LS, exact.get) + geometric(1.5 * 0.3**2 / 2)
    assert found == pytest.approx(expected, rel=1e-13)


def test_densities_oscillate_as_much_as_a_parabola_and_a_tilt_against_it():
    """π_k in one end: φ = |a|²/2η rises by D²/2η, a falling q adds its own; and osc q over time."""
    a = np.linspace(0.0, 1.3, 7)
    q = -0.9 * a
    density = (q - a**2 / 3.0) / 0.4
    found = wppg.log_density(oscillation=np.ptp(q), diameter=1.3, **STEP)
    assert found == pytest.approx(np.ptp(density), rel=1e-13)
    R, K = 0.11, np.array([0.3, 2.0])
    widest = 2 * R + 0.7 * geometric(2 * R + 0.4 * K)
    found = wppg.log_uniform(R_max=R, K_0=K, gamma=GAMMA, diameter=1.3, **STEP)
    assert found == pytest.approx((widest + 1.3**2 / 3.0) / 0.4, rel=1e-13)


def test_of_single_points_a_potential_gives_the_whole_distance():
    """φ(z) = ½|z − y|² of a point y: W² of any law from it is linear in the law."""
    x, y, places, masses = 0.3, 1.1, np.array([-0.5, 0.3, 2.0]), np.array([0.2, 0.5, 0.3])
    pairing = masses @ (places - y) ** 2 / 2 - (x - y) ** 2 / 2
    found = wppg.supported(distance=(x - y) ** 2, pairing=pairing, twice=2.0)
    assert found == pytest.approx(masses @ (places - y) ** 2, rel=1e-13)


def test_the_dual_value_is_an_infimum_over_nodes_averaged_over_cells():
    """min_i |a_i − b|²/2η − φ_i at 4000 points b of every cell, for a steep and a flat φ."""
    h, n, tau, eta = 0.25, 6, 0.4, 1.5
    nodes = 0.9 + h * np.arange(n)
    rng = np.random.default_rng(3)
    Q, log_density = rng.uniform(0, 0.05, (2, n)), rng.uniform(0, 0.05, (2, n))
    Q += np.array([[0.6], [0.0]]) * nodes - 0.4 * (nodes - 1.5) ** 2
    masses, old = rng.dirichlet(np.ones(n), size=2), rng.dirichlet(np.ones(n), size=2)
    found = wppg.kantorovich(
        Q=Q, log_density=log_density, masses=masses, old=old, nodes=nodes, tau=tau, eta=eta
    )
    inside = ((np.arange(4000) + 0.5) / 4000 - 0.5) * h
    for s in range(2):
        phi = Q[s] - tau * log_density[s]
        value = masses[s] @ phi - h**2 / (24 * eta)
        for j in range(n):
            b = nodes[j] + inside
            least = ((nodes[:, None] - b) ** 2 / (2 * eta) - phi[:, None]).min(axis=0)
            value += old[s, j] * least.mean()
        assert found.value[s] == pytest.approx(value, abs=1e-8)
        assert found.error[s] <= 1e-13
