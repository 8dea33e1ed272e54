"""Right-hand sides of the chapter on policy gradient against sums, recursions and matrices of their own.

Some factors no problem can show, as their worst cases exclude each other: here they are computed anew.
"""

import mpmath as mp
import numpy as np
import pytest
from scipy.linalg import expm

from wconv.theory.bounds import constants, wpg_flow, wpg_langevin, wpg_steps

TAU, GAMMA, ETA = 0.4, 0.7, 0.05
RNG = np.random.default_rng(7)
KERNEL = RNG.dirichlet(np.ones(4), size=4)
GAPS = RNG.uniform(0.1, 2.0, (3, 4))
C_LS = RNG.uniform(0.2, 3.0, (3, 4))
COUPLED = np.eye(4) - GAMMA * KERNEL
LANGEVIN = {"L_b": 1.7, "tau": TAU, "gamma": GAMMA, "eta": ETA, "dim": 3}
MOMENT, FOURTH, WORST = 2.1, 7.9, 0.6
FIRST = 1.7**2 * (MOMENT * ETA**3 / (6 * TAU) + 3 * ETA**2 / 2)
"""δ of these; its integrals are tested beside the constants of a step."""


def geometric(first, ratio):
    """first·(1 + ratio + ratio² + …)."""
    return mp.nsum(lambda k: first * mp.mpf(ratio) ** int(k), [0, mp.inf])


def test_the_a_priori_rate_is_that_of_discounted_sums():
    """V_max and osc q as sums over time; E falls at 2τ(1−γ)/C, C = C_LS(μ)e^{2(R + γV_max)/τ}."""
    R, K, C_mu, times = 0.11, 0.3, 1.4, np.array([0.2, 3.0, 50.0])
    V_max = geometric(R + TAU * K, GAMMA)
    span = geometric(2 * R + TAU * K, GAMMA)  # from the lowest V_0 to the highest of all
    log_rate = mp.log(2 * TAU / C_mu) - mp.log(geometric(1, GAMMA)) - 2 * (R + GAMMA * V_max) / TAU
    known = {"R_max": R, "K_0": K, "gamma": GAMMA, "tau": TAU}
    expected = [float(mp.exp(-mp.exp(log_rate) * t)) for t in times]
    found = wpg_flow.decayed_uniformly(times=times, C_mu=C_mu, **known)
    assert found == pytest.approx(expected, rel=1e-13)
    assert wpg_flow.log_uniform(**known) == pytest.approx(float(2 * (R + GAMMA * V_max) / TAU))
    assert wpg_flow.largest_q(**known) == pytest.approx(float(R + GAMMA * V_max))
    assert wpg_flow.value_range(**known) == pytest.approx(float(span))
    assert wpg_flow.widest_q(**known) == pytest.approx(float(2 * R + GAMMA * span))
    assert wpg_flow.log_perturbed(oscillation=1.3, tau=TAU) == pytest.approx(1.3 / 0.4)


def test_a_ceiling_beyond_doubles_is_infinite():
    """C_LS(μ)e^{2(R + γv)/τ} at the exponents 2·(.2 + .7v)/.4 = 1 + 3.5v, and e^{osc}."""
    known = {"reference": 3.0, "R_max": 0.2, "gamma": GAMMA, "tau": TAU}
    found = wpg_langevin.a_priori_log_sobolev(v=np.array([0.0, 2.0, 1e3]), **known)
    assert found == pytest.approx([3 * np.e, 3 * np.exp(8.0), np.inf], rel=1e-13)
    ceiling = constants.holley_stroock(C_0=np.array([2.0, 0.5]), osc=np.array([1.0, 1e3]))
    assert ceiling == pytest.approx([2 * np.e, np.inf], rel=1e-13)


def test_steps_and_flows_of_vectors_are_products_of_matrices():
    """W ↦ (I − D_c(I−γP))W, and exp(−tD_λ(I−γP)) one after the other."""
    time = np.array([[0.1], [0.7], [2.0]])
    steps = {"tau": TAU, "gamma": GAMMA}
    kept = (1 + 2 * TAU * ETA / (5 * C_LS)) ** -5
    expected = [w - (1 - k) * (COUPLED @ w) for w, k in zip(GAPS, kept, strict=True)]
    found = wpg_steps.gaps_after_step(
        gaps=GAPS, kernel=KERNEL, C_LS=C_LS, eta=ETA, resolvents=5, **steps
    )
    assert found == pytest.approx(np.array(expected), rel=1e-13)
    flows = [expm(-t * (2 * TAU / c)[:, None] * COUPLED) for t, c in zip(time, C_LS, strict=True)]
    after = wpg_steps.gaps_after_flow(gaps=GAPS, kernel=KERNEL, C_LS=C_LS, time=time, **steps)
    once = np.array([flow @ w for flow, w in zip(flows, GAPS, strict=True)])
    along = wpg_steps.gaps_along_flow(gaps=GAPS[0], kernel=KERNEL, C_LS=C_LS, time=time, **steps)
    first, second = flows[0] @ GAPS[0], flows[1] @ flows[0] @ GAPS[0]
    chained = np.array([first, second, flows[2] @ second])
    for measured, exact in ((after, once), (along, chained)):
        assert (np.abs(measured.value - exact) <= measured.error + 1e-13 * exact).all()
        assert measured.error.max() <= 1e-12


def test_the_series_of_a_flow_ends_where_nothing_is_left():
    """At rates from 1e-6 to 300 on the way, against the matrix exponential; zero gaps stay zero."""
    for rate in (1e-6, 0.3, 20.0, 300.0):
        shares = {"C_LS": np.full((3, 4), 2 * TAU / rate), "time": np.ones((3, 1))}
        gaps = np.vstack([GAPS[:2], np.zeros(4)])
        found = wpg_steps.gaps_after_flow(gaps=gaps, kernel=KERNEL, tau=TAU, gamma=GAMMA, **shares)
        exact = gaps @ expm(-rate * COUPLED).T
        assert (np.abs(found.value - exact) <= found.error + 1e-12 * np.abs(exact)).all()
        assert (found.errors["series"] <= 1e-16 * gaps.max(axis=1, keepdims=True)).all()


def test_scalar_factors_are_vectors_that_are_constant():
    """1 − (1−γ)c and its Langevin form are what (I − D_c(I−γP)) does to a constant gap."""
    flat = np.full((1, 4), 1.3)
    common = {"tau": TAU, "gamma": GAMMA, "eta": ETA}
    vector = wpg_steps.gaps_after_step(gaps=flat, kernel=KERNEL, C_LS=WORST, resolvents=2, **common)
    factor = wpg_steps.gap_factor(C_LS=WORST, resolvents=2, **common)
    assert vector == pytest.approx(np.full((1, 4), 1.3 * factor), rel=1e-13)
    assert factor == pytest.approx(1 - 0.3 * (1 - (1 + TAU * ETA / WORST) ** -2), rel=1e-13)
    c = 1 - np.exp(-TAU * ETA / C_LS)
    expected = GAPS - c * (GAPS @ COUPLED.T) + TAU * FIRST / (1 - GAMMA)
    moments = np.full((3, 4), MOMENT) * [1.0, 0.3, 0.9, 0.2]  # the worst state's counts
    found = wpg_langevin.gaps_step(gaps=GAPS, kernel=KERNEL, moment=moments, C_LS=C_LS, **LANGEVIN)
    assert found == pytest.approx(expected, rel=1e-13)


def test_the_plateau_is_where_the_step_stands_still():
    """E' = E − (1−γ)cE + τδ/(1−γ), iterated: k steps of it, and its fixed point."""
    c = 1 - np.exp(-TAU * ETA / WORST)
    gap, trail = 0.9, []
    for _ in range(4000):
        gap += TAU * FIRST / (1 - GAMMA) - (1 - GAMMA) * c * gap
        trail.append(gap)
    step = wpg_langevin.gap_step(gap=0.9, moment=MOMENT, C_LS=WORST, **LANGEVIN)
    assert step == pytest.approx(trail[0], rel=1e-13)
    after = wpg_langevin.gap_after(
        start=0.9, moment=MOMENT, count=np.array([4000.0]), C_LS=WORST, **LANGEVIN
    )
    plateau = wpg_langevin.plateau(moment=MOMENT, C_LS=WORST, **LANGEVIN)
    assert after == pytest.approx(np.array([gap]), rel=1e-11)
    assert plateau == pytest.approx(gap, rel=1e-11)
    early = wpg_langevin.gap_after(
        start=0.9, moment=MOMENT, count=np.array([1.0, 10.0]), C_LS=WORST, **LANGEVIN
    )
    assert (early >= np.array([trail[0], trail[9]])).all()
    start = wpg_langevin.gap_after(
        start=0.9, moment=MOMENT, count=np.array([0.0]), C_LS=WORST, **LANGEVIN
    )
    assert start == pytest.approx(np.array([0.9 + gap]), rel=1e-11)
    two = wpg_langevin.plateau_two(moment=MOMENT, fourth=FOURTH, L_2=0.0, C_LS=WORST, **LANGEVIN)
    third = (13 / 12) ** 2 * 4 * 3 * 1.7**3 * ETA**3 / 3
    assert two == pytest.approx(gap * third / FIRST, rel=1e-11)


def test_newton_factors_are_the_three_inequalities_multiplied_out():
    """TV(π*,p_k)·osc W ≤ (γE/4τ)E and TV(p_k,π_{k+1}) ≤ √(KL/2) by Pinsker, through γ/(1−γ)."""
    E, C = np.array([0.01, 1.0, 30.0]), 1.1
    kept = (1 + 2 * TAU * 0.3 / (4 * C)) ** -4
    for share_kept in (kept, 1.0, 0.0):
        moved = GAMMA * E / (4 * TAU) + np.sqrt((share_kept * E / TAU) / 2)
        lost = sum(GAMMA**k for k in range(1, 200)) * moved
        factor = share_kept + (1 - share_kept) * lost
        found = wpg_steps.newton_gap(gap=E, kept=share_kept, tau=TAU, gamma=GAMMA)
        assert found == pytest.approx(factor * E, rel=1e-13)
        if share_kept == kept:
            known = {"C_LS": C, "tau": TAU, "gamma": GAMMA, "eta": 0.3, "resolvents": 4}
            assert wpg_steps.newton_factor(gap=E, **known) == pytest.approx(factor, rel=1e-13)
        if share_kept == 1.0:
            known = {"C_LS": C, "tau": TAU, "gamma": GAMMA}
            speed = 2 * TAU / C * (0.8 - lost)
            found = wpg_steps.newton_velocity(share=0.8, gap=E, **known)
            assert found == pytest.approx(speed, rel=1e-12)
            # The same inequality with W/E alone on one side.
            share = wpg_steps.newton_share(speed=speed, gap=E, **known)
            assert share == pytest.approx(np.full(3, 0.8), rel=1e-11)
