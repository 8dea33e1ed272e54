"""C_LS in the plane: products, rotations of products, discs, and witnesses."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from wconv.constants.disc import Disc
from wconv.constants.plane import plane_of_function, plane_of_policy
from wconv.constants.plane_log_sobolev import log_sobolev_plane
from wconv.constants.poincare_plane import poincare_plane
from wconv.mdp.policy import softmax_policy
from wconv.measures.spaces import Box, Torus

SQUARE = Box((-1.0, -1.0), (1.0, 1.0))


def constants_of(log_density, on):
    plane = plane_of_function(log_density, on)
    poincare = poincare_plane(plane)
    return poincare, log_sobolev_plane(plane, poincare)


def two_wells(a):
    """No product, two wells of unequal mass."""
    x, y = a[..., 0], a[..., 1]
    return -(4 * (x**2 - 0.36) ** 2 + 0.6 * (y - 0.5 * x**2) ** 2 + 0.5 * x * y + 0.05 * x) / 0.15


def tilted_well(x, temperature):
    return -((x * x - 1) ** 2 / 4 + 0.1 * x) / temperature


def test_larger_factor_of_a_product():
    """N(0, 1) on [0, 3], scaled by 2/3: 0.57634759100 in one dimension."""
    poincare, found = constants_of(
        lambda a: -((1.5 * (a[..., 0] + 1)) ** 2) / 2 - 4 * a[..., 1] ** 2, SQUARE
    )
    exact = 0.57634759100 / 2.25
    assert exact * (1 - 1e-6) <= found.lower[0] <= exact * (1 + 1e-10)
    assert found.lower[0] > 1.2 * poincare.upper[0]
    assert found.conservative.lower[0] == found.lower[0]
    # Bakry–Émery: −(log p)'' ≥ 2.25 in the first coordinate.
    assert found.upper[0] == pytest.approx(1 / 2.25, rel=1e-6)


def test_two_wells_that_are_no_product():
    _, found = constants_of(two_wells, SQUARE)
    # The finite volumes extrapolate to 2.55522; the splines' quotients converge faster.
    assert found.lower[0] == pytest.approx(2.5552234, rel=1e-6)
    assert found.diagnostics["chain"][0] == pytest.approx(2.55522, rel=1e-3)
    assert found.diagnostics["entropy"][0] == pytest.approx(0.4729, rel=1e-3)


def test_turned_wells_in_a_disc():
    """A product turned by half a radian, on a disc that cuts nothing: 2.78417289727 in one dimension."""

    def turned(a):
        x = np.cos(0.5) * a[..., 0] + np.sin(0.5) * a[..., 1]
        y = np.cos(0.5) * a[..., 1] - np.sin(0.5) * a[..., 0]
        return tilted_well(x, 0.1) - y**2 / 0.2

    poincare, found = constants_of(turned, Disc(2.8))
    assert poincare.lower[0] == pytest.approx(2.22134585330, rel=2e-6)
    assert 2.78417289727 * (1 - 5e-6) <= found.lower[0] <= 2.78417289727 * (1 + 1e-9)


def test_uniform_laws_have_nothing_above_the_gap():
    for on, c_p, c_ls in (
        (SQUARE, (2 / np.pi) ** 2, (2 / np.pi) ** 2),
        (Torus(2.0, dim=2), (1 / np.pi) ** 2, (1 / np.pi) ** 2),
        # The disc is a projection of a sphere in four dimensions: C_LS ≤ R²/3.
        (Disc(2.0), 4 / 1.8411837813406593**2, 4 / 3),
    ):
        poincare, found = constants_of(lambda a: np.zeros(a.shape[:-1]), on)
        assert found.lower[0] == pytest.approx(c_p, rel=1e-6)
        assert found.lower[0] == poincare.lower[0]
        assert found.upper[0] == pytest.approx(c_ls, rel=1e-9)


def test_witness_attains_the_constant():
    """Ent(g²)/(2∫|∇g|²) of the witness alone, by another spline and plain sums on a fine mesh."""
    _, found = constants_of(two_wells, SQUARE)
    x = found.witness.nodes[0].reshape(64, 64, 2)[:, 0, 0]
    log_g = RectBivariateSpline(x, x, np.log(found.witness.values[0]).reshape(64, 64), kx=5, ky=5)
    fine = -1 + 2 / 400 * (np.arange(400) + 0.5)
    mass = np.exp(two_wells(np.stack(np.meshgrid(fine, fine, indexing="ij"), axis=-1)))
    mass = mass / mass.sum()
    g2 = np.exp(2 * log_g(fine, fine))
    g2 = g2 / (mass * g2).sum()
    slopes = [log_g(fine, fine, dx=1), log_g(fine, fine, dy=1)]
    entropy = (mass * g2 * np.log(g2)).sum()
    energy = (mass * g2 * (slopes[0] ** 2 + slopes[1] ** 2)).sum()
    assert entropy / (2 * energy) == pytest.approx(found.lower[0], rel=2e-4)


def test_metastable_wells_are_far_above_the_gap():
    """C_LS/C_P → (log p − log q)/(2(p − q)) with the masses p, q of two deep wells."""
    poincare, found = constants_of(
        lambda a: tilted_well(a[..., 0], 0.03) - 3 * a[..., 1] ** 2, Box((-2.0, -1.0), (2.0, 1.0))
    )
    assert found.lower[0] / poincare.lower[0] == pytest.approx(3.2484, rel=1e-4)


def test_policies_in_several_states():
    grid = Torus(dim=2).grid(24)
    x, y = grid.nodes.T
    logits = np.stack([2 * np.cos(x) + np.cos(x - y) + 0.5 * np.sin(2 * x), np.cos(x + 1)])
    plane = plane_of_policy(softmax_policy(logits, grid))
    found = log_sobolev_plane(plane, poincare_plane(plane))
    assert found.lower[0] == pytest.approx(1.6669938, rel=1e-5)
    assert (found.lower <= found.upper).all()
    assert found.witness.values.shape == (2, 64 * 64)
    assert (found.witness.values > 0).all()


def test_every_side_widens_by_the_error_of_the_density():
    """A density known up to e^w has a C_LS known up to e^w, from the ascent and by theorems."""
    sharp = plane_of_function(lambda a: np.cos(3 * a[..., 0] - a[..., 1]) + a[..., 1], SQUARE)
    known, blurred = (
        log_sobolev_plane(plane, poincare_plane(plane))
        for plane in (sharp, replace(sharp, wobble=np.array([0.05])))
    )
    for sign, which in ((-1, "lower_sides"), (1, "upper_sides")):
        for one, two in zip(getattr(known, which), getattr(blurred, which), strict=True):
            assert one.method == two.method
            assert np.log(two.value / one.value) == pytest.approx(sign * 0.05, rel=1e-9), one.method
    assert known.lower[0] > 1.001 * known.lower_sides[0].value[0]
