"""C_P in the plane against closed forms, and the theorems beside it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import jnp_zeros

from wconv._require import InputError
from wconv.constants.disc import Disc
from wconv.constants.plane import plane_of_function, plane_of_policy
from wconv.constants.plane_criteria import convex_reference, curvature, oscillation_factor
from wconv.constants.poincare_plane import poincare_plane
from wconv.mdp.policy import Policy, softmax_policy
from wconv.measures.spaces import Box, FiniteSet, Interval, Torus
from wconv.outcomes import SolverError

SQUARE = Box((-1.0, -1.0), (1.0, 1.0))


def flat(a):
    return np.zeros(a.shape[:-1])


def truncated_normal(a):
    """N(0, 1) on [0, 3] and on [−√8, √8], both scaled to [−1, 1]."""
    return -((1.5 * (a[..., 0] + 1)) ** 2) / 2 - 4 * a[..., 1] ** 2


def two_wells(a):
    """No product, two wells of unequal mass."""
    x, y = a[..., 0], a[..., 1]
    return -(4 * (x**2 - 0.36) ** 2 + 0.6 * (y - 0.5 * x**2) ** 2 + 0.5 * x * y + 0.05 * x) / 0.15


def poincare_of(log_density, on):
    return poincare_plane(plane_of_function(log_density, on))


ORACLES = {
    "box": (flat, Box((0.0, 0.0), (1.0, 3.0)), (3 / np.pi) ** 2),
    "torus": (flat, Torus(3.0, dim=2), (3 / (2 * np.pi)) ** 2),
    "disc": (flat, Disc(1.5), (1.5 / jnp_zeros(1, 1)[0]) ** 2),
    "product": (truncated_normal, SQUARE, 0.457770018733 / 2.25),
    # e^{-3y} on a length of 2: 1/C_P = 9/4 + π²/4.
    "slope": (
        lambda a: -3 * a[..., 1],
        Box((0.0, -1.0), (0.5, 1.0)),
        1 / (9 / 4 + np.pi**2 / 4),
    ),
}


@pytest.mark.parametrize("name", ORACLES)
def test_closed_forms(name):
    log_density, on, exact = ORACLES[name]
    found = poincare_of(log_density, on)
    assert found.lower[0] <= exact * (1 + 1e-11) <= found.upper[0] * (1 + 2e-11)
    assert found.lower[0] >= exact * (1 - 1e-6)
    assert found.upper[0] <= exact * (1 + 1e-5)
    # The chain alone is of second order, and its extrapolation good to 1e-4 by far.
    assert abs(found.diagnostics["order"][0] - 2) < 0.05
    assert abs(found.diagnostics["richardson"][0] / exact - 1) < 1e-5
    assert found.conservative.lower[0] == found.lower[0]


def test_two_wells_that_are_no_product():
    found = poincare_of(two_wells, SQUARE)
    assert found.lower[0] == pytest.approx(2.3562958, rel=2e-7)
    assert found.upper[0] == pytest.approx(2.3562958, rel=1e-5)
    # The theorems know the height of the barrier, not e^{osc V} ~ 1e9.
    assert found.conservative.upper[0] < 100


def test_deep_wells_keep_their_digits():
    """C_P of the product of a symmetric and a steep direction: 292.121396597 in one dimension."""
    found = poincare_of(
        lambda a: -((a[..., 0] ** 2 - 1) ** 2) / 0.12 - 3 * a[..., 1] ** 2,
        Box((-2.0, -1.0), (2.0, 1.0)),
    )
    assert found.lower[0] == pytest.approx(292.121396597, rel=1e-7)
    assert found.upper[0] == pytest.approx(292.121396597, rel=2e-5)


def test_disc_does_not_see_rotations():
    def turned(angle):
        axis = np.array([np.cos(angle), np.sin(angle)])
        return poincare_of(lambda a: 2 * a @ axis - 3 * (a @ axis) ** 2, Disc(1.2)).lower[0]

    assert turned(0.7) == pytest.approx(turned(0.0), rel=1e-7)


def test_scaling():
    """C(λX) = λ²C(X)."""
    one = poincare_of(two_wells, SQUARE).lower[0]
    wide = poincare_of(lambda a: two_wells(a / 3), Box((-3.0, -3.0), (3.0, 3.0))).lower[0]
    assert wide == pytest.approx(9 * one, rel=1e-10)


def test_bakry_emery_is_sharp_for_gaussians():
    def correlated(a):
        return -(a[..., 0] ** 2 + 1.2 * a[..., 0] * a[..., 1] + a[..., 1] ** 2) * 25

    for on in (SQUARE, Disc(1.0)):
        found = poincare_of(correlated, on)
        bound = found.upper_sides[2]
        # The Hessian has the eigenvalues 50 ± 30.
        assert bound.method == "Bakry–Émery"
        assert bound.value[0] == pytest.approx(1 / 20, rel=1e-3)
        assert found.upper[0] <= bound.value[0]


def test_holley_stroock_takes_the_oscillation_of_the_whole_set():
    found = poincare_of(lambda a: a[..., 0], Disc(1.0)).upper_sides[1]
    assert found.method == "Holley–Stroock"
    exact = np.exp(2) / jnp_zeros(1, 1)[0] ** 2
    assert exact <= found.value[0] <= exact * 1.003


@pytest.mark.parametrize("periodic", [(False, False), (True, False), (True, True)])
def test_oscillation_between_the_points_of_a_mesh(periodic):
    """The peaks and valleys of four waves lie half-way between forty samples."""
    wave = np.sin(2 * np.pi * 4 * np.arange(40) / 40)
    flat_wave = np.zeros(40)
    for potential, oscillation in (
        (wave[:, None] + flat_wave, 2.0),
        (flat_wave[:, None] + 3 * wave, 6.0),
        (wave[:, None] + wave, 4.0),
    ):
        assert np.ptp(potential) < 0.96 * oscillation
        found = np.log(oscillation_factor(potential, periodic))
        assert oscillation <= found <= 1.3 * oscillation


def test_convex_reference_of_a_convex_potential_is_its_curvature():
    """The Gaussian of variance 2⁻¹⁰·32² = 1 on ±16 attains C_LS ≤ 1/k."""
    x = np.linspace(-16.0, 16.0, 65)
    found = convex_reference((x[:, None] ** 2 + x**2) / 2, x, x)
    assert 1.0 <= found <= 1.0 + 1e-9


@pytest.mark.parametrize("kappa", [-2.0, -0.5, 0.1, 0.8])
@pytest.mark.parametrize("polar", [False, True])
def test_curvature_of_little_or_negative_convexity(kappa, polar):
    """min over k ≥ 0 of e^{ks}/(κ + k) for V = κ|a|²/2, by a search of its own."""
    u = np.linspace(0.0, 1.5, 129)
    v = np.linspace(0.0, 2 * np.pi, 129)[:-1] if polar else np.linspace(-1.0, 1.0, 129)
    squares = u[:, None] ** 2 + 0.0 * v if polar else u[:, None] ** 2 + v**2
    spread = 1.5**2 / 2 if polar else (0.75**2 + 1.0**2) / 2
    best = minimize_scalar(
        lambda k: k * spread - np.log(kappa + k), bounds=(max(-kappa, 0.0), 50.0), method="bounded"
    )
    found = curvature(kappa * squares / 2, u, v, polar=polar)
    assert found == pytest.approx(np.exp(best.fun), rel=1e-6)
    assert found >= np.exp(best.fun) * (1 - 1e-9)


@pytest.mark.parametrize("on", [SQUARE, Torus(dim=2), Disc(1.0)], ids=["box", "torus", "disc"])
def test_every_side_widens_by_the_error_of_the_density(on):
    """A density known up to e^w has a constant known up to e^w."""

    def waves(a):
        x, y = a[..., 0], a[..., 1]
        return np.cos(x) + 0.5 * np.cos(x - y) + 0.3 * np.sin(y)

    sharp = plane_of_function(waves, on)
    known, blurred = (poincare_plane(p) for p in (sharp, replace(sharp, wobble=np.array([0.05]))))
    for sign, which in ((-1, "lower_sides"), (1, "upper_sides")):
        for one, two in zip(getattr(known, which), getattr(blurred, which), strict=True):
            assert one.method == two.method
            assert np.log(two.value / one.value) == pytest.approx(sign * 0.05, rel=1e-9), one.method


def test_policies_are_functions_known_at_nodes():
    grid = SQUARE.grid(40)
    two = np.stack([two_wells(grid.nodes), truncated_normal(grid.nodes)])
    found = poincare_plane(plane_of_policy(softmax_policy(two, grid)))
    want = [poincare_of(f, SQUARE).lower[0] for f in (two_wells, truncated_normal)]
    np.testing.assert_allclose(found.lower, want, rtol=1e-6)
    assert found.witness.nodes.shape == (2, 64 * 64, 2)
    torus = Torus(dim=2).grid(32)

    def wave(a):
        return np.cos(a[..., 0]) + np.sin(a[..., 0] + a[..., 1])

    found = poincare_plane(plane_of_policy(softmax_policy(wave(torus.nodes)[None], torus)))
    assert found.lower[0] == pytest.approx(poincare_of(wave, Torus(dim=2)).lower[0], rel=1e-6)


def test_witness_attains_the_constant():
    """Var/∫|∇f|² of the witness by sums over its mesh, a rough quadrature of its own."""
    found = poincare_of(two_wells, SQUARE)
    f = found.witness.values[0].reshape(64, 64)
    mass = np.exp(two_wells(found.witness.nodes[0])).reshape(64, 64)
    slopes = np.gradient(f, 2 / 64, edge_order=2)
    variance = np.cov(f.ravel(), aweights=mass.ravel(), bias=True)
    energy = (mass * (slopes[0] ** 2 + slopes[1] ** 2)).sum() / mass.sum()
    assert variance / energy == pytest.approx(found.lower[0], rel=1e-2)


def hole(a):
    with np.errstate(divide="ignore"):
        return np.log(np.abs(a[..., 0]) > 0.5)


@pytest.mark.parametrize(
    ("log_density", "on", "message"),
    [
        (lambda a: -(a[0] ** 2), SQUARE, "log-density must return one value a point"),
        (
            lambda a: np.log(a[..., 0]),
            SQUARE,
            "density must be a number or -inf everywhere, got nan",
        ),
        (hole, SQUARE, "density must be positive inside, got 0.0 at"),
        (lambda a: -1e4 * a[..., 0] ** 2, SQUARE, "density must stay above e.-1300 of its peak"),
        (flat, Box((-np.inf, 0.0), (0.0, 1.0)), "box end must be finite"),
        (flat, Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), "on must be a line or lie in the plane"),
        (flat, Disc(-1.0), "disc radius must be positive"),
        (flat, Torus(0.0, dim=2), "torus length must be positive"),
    ],
)
def test_bad_functions(log_density, on, message):
    with pytest.raises(InputError, match=message):
        poincare_of(log_density, on)


def test_bad_policies_and_unresolved_ones():
    coarse = Box((0.0, 0.0), (1.0, 1.0)).grid(8)
    line = Interval(0.0, 1.0).grid(16)
    grid = SQUARE.grid(16)
    zero = np.where(np.arange(grid.n) == 5, -np.inf, 0.0)[None]
    for policy, message in (
        (Policy(np.zeros((1, 64)), coarse), "grid must have at least 16 nodes an axis, got 8"),
        (Policy(np.zeros((1, 16)), line), "policy must have actions in the plane"),
        (Policy(zero, grid), "policy must be positive for a functional inequality"),
        (Policy(np.zeros((1, 2)), FiniteSet(np.eye(2)).grid()), "modified_log_sobolev"),
    ):
        with pytest.raises(InputError, match=message):
            plane_of_policy(policy)
    sharp = softmax_policy(3 * np.cos(8 * grid.nodes.sum(axis=-1))[None], grid)
    with pytest.raises(SolverError, match=r"16 nodes leave an error of .* are needed"):
        plane_of_policy(sharp)
    with pytest.raises(SolverError, match=r"C_P in state 0 is known to .* at 256 cells"):
        poincare_of(lambda a: 5 * np.cos(90 * a[..., 0]), SQUARE)
    with pytest.raises(InputError, match="space must have a grid of equal cells"):
        Disc(1.0).grid(8)
