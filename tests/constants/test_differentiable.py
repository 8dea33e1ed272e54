"""Derivatives of C_P and C_LS in the density against finite differences of independent eigenvalues."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import wconv as wc

STEP = 1e-5


def gap(log_p, h, periodic):
    """The second eigenvalue of the stiffness matrix against the masses."""
    p, n = np.exp(log_p), len(log_p)
    stiff = np.zeros((n, n))
    for i in range(n if periodic else n - 1):
        j = (i + 1) % n
        rate = np.sqrt(p[i] * p[j]) / h**2
        for a, b, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            stiff[a, b] += sign * rate
    return scipy.linalg.eigh(stiff, np.diag(p), eigvals_only=True)[1]


@pytest.mark.parametrize("periodic", [True, False])
def test_the_gap_and_its_gradient_are_those_of_the_pencil(periodic):
    rng = np.random.default_rng(1)
    log_p, moved = rng.standard_normal((2, 24))

    def found(log_p, h):
        return wc.spectral_gap(log_p, h, periodic=periodic)

    with jax.enable_x64(True):
        value, (along_p, along_h) = jax.jit(jax.value_and_grad(found, argnums=(0, 1)))(log_p, 0.2)
    ahead, behind = (gap(log_p + e * moved, 0.2, periodic) for e in (STEP, -STEP))
    assert float(value) == pytest.approx(gap(log_p, 0.2, periodic), rel=1e-11)
    assert np.asarray(along_p) @ moved == pytest.approx((ahead - behind) / (2 * STEP), rel=1e-6)
    assert float(along_h) == pytest.approx(-2 * float(value) / 0.2, rel=1e-12)


def test_on_the_uniform_circle_the_gap_is_known_and_on_an_interval_it_nears_the_constant():
    def gaps(h):
        flat = jnp.zeros(32)
        return [wc.spectral_gap(flat, h, periodic=wrap) for wrap in (True, False)]

    h = np.pi / 32
    with jax.enable_x64(True):
        circle, interval = (float(x) for x in jax.jit(gaps)(h))
    assert circle == pytest.approx((2 - 2 * np.cos(2 * np.pi / 32)) / h**2, rel=1e-12)
    assert interval == pytest.approx((2 - 2 * np.cos(np.pi / 32)) / h**2, rel=1e-12)
    assert 1 / interval == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("space", [wc.Interval(0.0, 5.0), wc.Torus(length=2 * np.pi, dim=1)])
def test_the_envelope_of_the_log_sobolev_constant_is_its_finite_difference(space):
    grid = space.grid(64)
    a = grid.nodes[:, 0]
    moved = np.cos(a - 1.0) + 0.3 * np.sin(2 * a)
    logs = -1.5 * a if not grid.periodic else 1.2 * np.cos(a) + 0.9 * np.sin(2 * a)
    rows = np.stack([logs, logs + 1e-3 * moved, logs - 1e-3 * moved])
    C = wc.log_sobolev(wc.softmax_policy(rows, grid))
    policy = wc.softmax_policy(rows[:1], grid)
    found = wc.log_sobolev_gradient(policy, C[:1])
    difference = np.log(C.estimate[1] / C.estimate[2]) / 2e-3
    assert found.shape == (1, 64)
    # Quadrature on the nodes costs h² of the terms, which nearly cancel.
    assert found[0] @ moved == pytest.approx(difference, abs=5e-4 * np.abs(found[0] * moved).sum())


def test_a_constant_without_extremal_of_its_own_is_refused():
    policy = wc.softmax_policy(np.zeros((1, 32)), wc.Interval(0.0, 1.0).grid(32))
    with pytest.raises(wc.InputError, match="be C_LS with a witness, got C_P"):
        wc.log_sobolev_gradient(policy, wc.poincare(policy))
    plane = wc.softmax_policy(np.zeros((1, 16)), wc.Box((0.0, 0.0), (1.0, 1.0)).grid(4))
    with pytest.raises(wc.InputError, match="actions on a line or circle"):
        wc.log_sobolev_gradient(plane, wc.poincare(policy))
