"""Drifts, moments and step constants against closed forms; the errors of one step against the proof."""

import numpy as np
import pytest

from wconv._require import InputError
from wconv.constants.langevin import (
    action_moment,
    drift,
    half_oscillation,
    step_constants,
)
from wconv.dynamics.problem import drift_tables
from wconv.mdp import zoo
from wconv.mdp.policy import softmax_policy, uniform
from wconv.measured import Measured
from wconv.theory.bounds import wpg_langevin as bounds

FLAT = Measured.of(np.zeros((1, 4)))


def on_the_line(**parameters):
    mdp = zoo.make("gaussian-line", **parameters)
    return mdp, drift_tables(mdp)


def test_moments_of_a_linear_drift_under_a_translated_gaussian():
    """b = −βa under N(m, s²): E b² = β²(m² + s²), E b⁴ = β⁴(m⁴ + 6m²s² + 3s⁴)."""
    mdp, tables = on_the_line(amplitude=0.0, temperature=0.7, confinement=2.0)
    s2, shift = 0.35, np.linspace(-0.4, 0.6, 4)
    policy = softmax_policy(shift[:, None] * mdp.grid.nodes[:, 0] / s2, mdp.grid)
    b = drift(mdp, tables, FLAT)
    truths = {
        2: 4.0 * (shift**2 + s2),
        4: 16.0 * (shift**4 + 6 * shift**2 * s2 + 3 * s2**2),
    }
    for power, truth in truths.items():
        found = b.moment([policy], power)
        assert (np.abs(found.value - truth) <= 1e-9 * truth).all()
        assert (found.error <= 1e-9 * truth).all()
    assert np.abs(action_moment([policy]).value - (shift**2 + s2)).max() <= 1e-9
    assert np.abs(b.quotient().value - 2.0).max() <= b.quotient().error.max() <= 1e-9
    assert (np.abs(b.bend().value) <= b.bend().error).all()


def test_suprema_of_a_cosine_at_nodes():
    """∇q = −A sin(a − c), c = 3u/2: L_b = β + A, L_2 = A, ⟨a, b⟩ + β|a|²/2 ≤ A²/(2β), all nearly attained."""
    mdp, tables = on_the_line(amplitude=0.3, discount=0.0, resolution=512)
    b, a = drift(mdp, tables, FLAT), mdp.grid.nodes[:, 0]
    slope = -0.3 * np.sin(a - np.linspace(-1.5, 1.5, 4)[:, None])
    assert np.abs(b.slope[0, :, :, 0] - slope).max() <= 1e-15
    for found, truth in (
        (b.steepest(), np.abs(slope).max(axis=1)),
        (b.outward(), (a * slope - a**2 / 2).max(axis=1)),
        (b.growth(), ((slope - a) ** 2 - 2 * a**2).max(axis=1)),
    ):
        assert np.abs(found.value[0] - truth).max() <= 1e-14
    constants = step_constants(mdp, tables, [uniform(mdp)], FLAT)
    for bracket, truth in ((constants.L_b, 1.3), (constants.L_2, 0.3)):
        assert (bracket.lower <= truth).all()
        assert (truth <= bracket.upper).all()
        assert (bracket.upper - bracket.lower <= 2e-3 * truth).all()


def test_drift_is_the_derivative_of_q_whatever_constant_is_in_V():
    mdp = zoo.make("ring", resolution=512)
    V = np.array([[0.3, -0.2, 0.5, 0.1], [7.3, 6.8, 7.5, 7.1]])
    values = Measured.of(V, evaluation=1e-13)
    b = drift(mdp, drift_tables(mdp), values)
    q = mdp.r + mdp.gamma * np.einsum("sat,kt->ksa", mdp.P, V)
    h = mdp.grid.spacing[0]
    near, far = (np.roll(q, -k, axis=-1) - np.roll(q, k, axis=-1) for k in (1, 2))
    assert np.abs(b.slope[..., 0] - (8 * near - far) / (12 * h)).max() <= 1e-5
    assert b.error.max() <= 1e-11
    assert np.abs(half_oscillation(values).value[:, 0] - 0.35).max() <= 1e-15
    constants = step_constants(mdp, drift_tables(mdp), [uniform(mdp)] * 2, values)
    again = np.diff(b.slope[..., 0], axis=-1) / h
    assert (np.abs(again).max(axis=-1) <= constants.L_b.upper).all()
    assert (np.abs(np.diff(again, axis=-1)).max(axis=-1) / h <= constants.L_2.upper * 1.001).all()
    # The kernel's share is what the triangle inequality over s' costs.
    assert (constants.L_b.upper <= 2 * constants.L_b.lower).all()


def test_shapes_are_refused_by_name():
    mdp, tables = on_the_line(resolution=16)
    with pytest.raises(InputError, match=r"values must have shape \(times, states\)"):
        drift(mdp, tables, Measured.of(np.zeros(4)))
    with pytest.raises(InputError, match=r"policies must have shape one a value = \(1,\)"):
        step_constants(mdp, tables, [uniform(mdp)] * 2, FLAT)
    pair = [uniform(mdp), uniform(zoo.make("gaussian-line", resolution=32))]
    with pytest.raises(InputError, match="grid must be the same"):
        step_constants(mdp, tables, pair, Measured.of(np.zeros((2, 4))))


def gaussian_step(h, tau, eta, m, s2):
    """KL(N(m', s'²)‖p) and KL(N(m, s²)‖p) for p = N(0, τ/h) and one Langevin step, by formula."""

    def divergence(mean, variance):
        x = variance * h / tau
        return 0.5 * (x + mean**2 * h / tau - 1 - np.log(x))

    shrink = 1 - eta * h
    return divergence(shrink * m, shrink**2 * s2 + 2 * tau * eta), divergence(m, s2)


def test_one_step_of_gaussians_obeys_both_errors():
    """b = −ha is exact for the proof's constants L_b = h, L_2 = 0, C_LS = τ/h: 4000 Gaussians."""
    rng = np.random.default_rng(0)
    h, tau, x, s2 = np.exp(rng.uniform(-2, 2, (4, 4000)))
    m, eta = rng.normal(size=4000), np.minimum(x, 1.0) / (13 * h)
    after, before = gaussian_step(h, tau, eta, m, s2)
    second = h**2 * (m**2 + s2)
    fourth = h**4 * (m**4 + 6 * m**2 * s2 + 3 * s2**2)
    same = {
        "divergence": before,
        "moment": second,
        "C_LS": tau / h,
        "L_b": h,
        "tau": tau,
        "eta": eta,
    }
    one = bounds.one_step(**same, dim=1)
    two = bounds.one_step_two(**same, fourth=fourth, L_2=0.0, dim=1)
    assert (after <= two).all()
    assert (two <= one).all()
    assert (after / two).max() >= 0.98


def test_errors_are_the_integrals_of_the_proof():
    """δ = ∫L_b²E|Δ|²/(2τ), δ_3 = (13/12)²(2/τ)∫(t²L_b²·2dτL_b + L_2²E|Δ|⁴/4), Δ = a_t − a_0, over [0, η]."""
    L_b, L_2, tau, eta, d = 1.7, 0.6, 0.3, 0.04, 3
    second, fourth = 2.1, 7.9
    node, weight = np.polynomial.legendre.leggauss(8)
    t, w = eta * (node + 1) / 2, eta * weight / 2
    square = t**2 * second + 2 * tau * t * d
    quartic = t**4 * fourth + 4 * tau * (d + 2) * t**3 * second + 4 * tau**2 * t**2 * d * (d + 2)
    delta = (w * L_b**2 * square / (2 * tau)).sum()
    curved = (13 / 12) ** 2 * 2 / tau * (t**2 * L_b**2 * 2 * d * tau * L_b + L_2**2 * quartic / 4)
    found = bounds.first_order_error(second, L_b, tau, eta, d)
    assert found == pytest.approx(delta, rel=1e-13)
    found = bounds.second_order_error(second, fourth, L_b, L_2, tau, eta, d)
    assert found == pytest.approx((w * curved).sum(), rel=1e-13)
