"""Right-hand sides of the proximal chapter with a wrong critic, against recursions of their own."""

import numpy as np
import pytest

from wconv.theory.bounds import wppg

TAU, GAMMA, ETA, C = 0.4, 0.7, 2.5, 0.6
CRITIC = {"eta": ETA, "noise": 0.3, "bias": 0.02}
ERROR = 2.5 * 0.09 / 2 + 0.04
WEIGHT = 0.4 / 1.2
PROBLEM = {"C_T": C, "tau": TAU, "gamma": GAMMA}


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


def test_between_the_two_constants_of_a_density():
    """(1 + ητ/C)^{-2} with C from C_P to C_LS as the share goes from 0 to 1, and on the way."""
    known = {"C_P": 0.5, "C_LS": 2.0, "tau": TAU, "eta": np.array([0.1, 4.0])}
    for share, constant in ((0.0, 0.5), (1.0, 2.0), (0.5, 1.25)):
        expected = (1 + np.array([0.04, 1.6]) / constant) ** -2
        found = wppg.kl_factor_between(share=share, **known)
        assert found == pytest.approx(expected, rel=1e-14)


def test_noise_raises_the_vector_of_gaps_by_its_square():
    """W − c'(W − γPW) + (ησ²/2)/(1−γ), state by state."""
    kernel = np.array([[0.2, 0.8], [0.5, 0.5]])
    W, C_LS = np.array([1.0, 3.0]), np.array([0.6, 2.0])
    found = wppg.gaps_with_noise(
        gaps=W, kernel=kernel, C_LS=C_LS, tau=TAU, gamma=GAMMA, eta=ETA, noise=0.3
    )
    share = np.array([5 / 8, 1 / 3])  # κ = 5/3 and 1/2
    expected = W - share * (W - 0.7 * np.array([2.6, 2.0])) + 0.1125 / 0.3
    assert found == pytest.approx(expected, rel=1e-13)
