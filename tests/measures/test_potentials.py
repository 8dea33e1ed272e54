"""Kantorovich potentials: closed forms, duality with W_2², the D²/2 bound, tails and circles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wconv._require import InputError
from wconv.mdp.policy import Policy, from_masses, softmax_policy
from wconv.measures.potentials import potential, potential_oscillation
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus
from wconv.measures.transport import w2_squared

seeds = st.integers(0, 10**6)


def spread(grid, *rows):
    masses = np.array(rows, dtype=float)
    return from_masses(masses / masses.sum(axis=-1, keepdims=True), grid)


def edges_of(grid):
    h = grid.spacing[0]
    return grid.nodes[0, 0] - h / 2 + h * np.arange(grid.n + 1)


def test_squeezing_translating_and_nothing():
    """U[0,1] → U[0,½]: T = x/2, φ = x²/4. U[0,½] → U[½,1]: φ' = −½, then x − 1. T = id: φ = 0.

    The last one turns around: U[0,1] → the middle half, T = ¼ + x/2, φ' = x/2 − ¼, zero at x = ½.
    """
    grid = Interval(0, 1).grid(4)
    p = spread(grid, [1, 1, 1, 1], [1, 1, 0, 0], [1, 2, 3, 4], [1, 1, 1, 1])
    q = spread(grid, [1, 1, 0, 0], [0, 0, 1, 1], [1, 2, 3, 4], [0, 1, 1, 0])
    got = potential_oscillation(p, q)
    truth = np.array([1 / 4, 1 / 4 + 1 / 8, 0.0, 1 / 16])
    assert np.abs(got.value - truth).max() <= 1e-14
    assert (np.abs(got.value - truth) <= got.error).all()
    assert got.error.max() <= 1e-12
    at = potential(p, q)
    x = edges_of(grid)
    assert np.abs(at.value[0] - x**2 / 4).max() <= 1e-14
    assert np.abs(at.value[3] - (x**2 - x) / 4).max() <= 1e-14


def test_extremes_inside_a_cell_are_found():
    """U[0,1] → U[⅓,⅔]: T = ⅓ + x/3, φ = (x² − x)/3, lowest at ½, inside the second of three cells."""
    grid = Interval(0, 1).grid(3)
    p, q = spread(grid, [1, 1, 1]), spread(grid, [0, 1, 0])
    assert potential_oscillation(p, q).value == pytest.approx(1 / 12, rel=1e-14)
    assert np.ptp(potential(p, q).value) == pytest.approx(2 / 27, rel=1e-14)


def test_a_density_with_a_step():
    """U[0,1] → masses (¼, ¾): T = 2x up to ¼, then ½ + ⅔(x−¼): φ falls by 1/32 and by 3/32."""
    grid = Interval(0, 1).grid(2)
    p, q = spread(grid, [1, 1]), spread(grid, [1, 3])
    assert potential_oscillation(p, q).value == pytest.approx(1 / 32 + 3 / 32, rel=1e-14)
    assert potential_oscillation(q, p).value == pytest.approx(1 / 16 + 1 / 16, rel=1e-14)


@given(seed=seeds, n=st.integers(1, 6), zeros=st.booleans(), circle=st.booleans())
def test_duality_and_the_bound_by_the_diameter(seed, n, zeros, circle):
    """∫φdp + ∫ψdq = W²/2 with ψ = inf_x |x − y|²/2 − φ(x); osc φ ≤ D²/2, here D = 3 or 3/2."""
    rng = np.random.default_rng(seed)
    masses = rng.dirichlet(np.full(n, 0.4), size=(2, 2)) + 1e-3
    if zeros and n > 1 and not circle:
        masses[:, :, rng.integers(n)] = 0.0
    fine = 240
    masses = np.repeat(masses, fine, axis=-1)
    space = Torus(3.0) if circle else Interval(-1.0, 2.0)
    grid = space.grid(n * fine)
    p, q = (spread(grid, *rows) for rows in masses)
    phi, osc = potential(p, q), potential_oscillation(p, q)
    x = edges_of(grid)
    distance = np.abs(x[:, None] - x)
    if circle:
        assert (np.abs(phi.value[:, -1]) <= phi.error[:, -1]).all()
        distance = np.minimum(distance, 3.0 - distance)
    psi = (distance**2 / 2 - phi.value[:, :, None]).min(axis=1)
    dual = sum(
        (mass * (f[:, 1:] + f[:, :-1]) / 2).sum(axis=-1)
        for mass, f in ((p.pi, phi.value), (q.pi, psi))
    )
    h = grid.spacing[0]
    assert np.abs(dual - w2_squared(p, q).value / 2).max() <= 2 * h**2
    assert (osc.lower <= (1.5 if circle else 3.0) ** 2 / 2).all()
    assert (osc.value >= np.ptp(phi.value, axis=-1) - 1e-13).all()
    assert (osc.value <= np.ptp(phi.value, axis=-1) + 3.0 * h).all()
    assert (phi.error <= 1e-8).all()


def test_gaussians_keep_their_tails():
    """N(m, s²) → N(0, 1): φ' = x − (x−m)/s; both tails to a percent of a thousandth, not only the left."""
    grid = GaussianLine(1.0, 8.0).grid(4000)
    x = grid.nodes[:, 0]
    m, s = np.array([[0.0], [0.4], [-0.4]]), np.array([[0.5], [0.5], [0.5]])
    p = softmax_policy(-0.5 * ((x - m) / s) ** 2 + 0.5 * x**2, grid)
    q = Policy(np.zeros_like(p.logf), grid)
    found = potential(p, q)
    inside = np.abs(edges_of(grid)) <= 2.5
    t = edges_of(grid)[inside]
    truth = t**2 / 2 - (t - m) ** 2 / (2 * s)
    got = found.value[:, inside]
    centre = np.abs(t).argmin()
    gap = (got - got[:, [centre]]) - (truth - truth[:, [centre]])
    # Densities constant on cells: T is off by O(h²) times its derivatives.
    assert np.abs(gap).max() <= 1e-4
    assert found.error.max() <= 1e-6


def test_a_mass_lost_between_wells_widens_the_error():
    """Where both cumulative masses are flat to rounding the map is not determined there."""
    grid = Interval(-2, 2).grid(400)
    x = grid.nodes[:, 0]
    wells = softmax_policy(-80.0 * ((x**2 - 1) ** 2)[None], grid)
    found = potential_oscillation(wells, wells)
    assert found.value[0] <= found.error[0]
    assert 1e-6 < found.error[0] < 2.0


def test_circle_takes_the_short_way():
    """Rotating a bump across the cut by ℓ/8: φ' = −ℓ/8 on the bump whatever the labels of the nodes."""
    grid = Torus(1.0).grid(64)
    bump = np.where(np.arange(64) < 8, 1.0, 1e-6)
    p = spread(grid, bump, np.roll(bump, -4), np.roll(bump, 30))
    q = spread(grid, *(np.roll(row, 8) for row in p.pi))
    at = potential(p, q)
    for s, start in enumerate((0, 60, 30)):
        there = at.value[s, [(start + 1) % 64, (start + 3) % 64]]
        # Rotation by 1/8 on a bump: φ falls by (1/8)·(2/64) over two cells.
        assert there[1] - there[0] == pytest.approx(-1 / 8 * 2 / 64, rel=1e-3)
    osc = potential_oscillation(p, q)
    assert np.ptp(osc.value) <= osc.error.max() <= 1e-5
    assert (osc.value <= 1 / 8).all()


def test_boxes_and_finite_sets_by_the_dual():
    grid = Box((0.0, 0.0), (1.0, 1.0)).grid(4)
    first = grid.nodes[:, 0]
    left, right = (first < 0.5).astype(float), (first > 0.5).astype(float)
    p, q = spread(grid, left, left), spread(grid, right, left)
    phi, osc = potential(p, q), potential_oscillation(p, q)
    # A translation by ½: c-concave, and the dual value is W²/2 = 1/8.
    cost = ((grid.nodes[:, None] - grid.nodes) ** 2).sum(axis=-1) / 2
    psi = (cost - phi.value[:, :, None]).min(axis=1)
    dual = (p.pi * phi.value).sum(axis=-1) + (q.pi * psi).sum(axis=-1)
    assert np.abs(dual - np.array([1 / 8, 0.0])).max() <= 1e-12
    assert (osc.value <= (2 * 0.75**2) / 2 + 1e-12).all()
    points = FiniteSet(np.array([[0.0], [1.0], [3.0]])).grid()
    a, b = spread(points, [1, 0, 0]), spread(points, [0, 0, 1])
    assert potential_oscillation(a, b).value == pytest.approx(9 / 2, rel=1e-14)
    torus = Torus(1.0, dim=2).grid(4)
    dots = np.eye(16)
    assert potential_oscillation(spread(torus, dots[0]), spread(torus, dots[10])).value <= 0.25


def test_bad_pairs_are_refused():
    a = spread(Interval(0, 1).grid(3), [1, 1, 1])
    with pytest.raises(InputError, match="grid must be the same"):
        potential(a, spread(Interval(0, 1).grid(4), [1, 1, 1, 1]))
    with pytest.raises(InputError, match="policy must have the same states"):
        potential_oscillation(a, spread(a.grid, [1, 1, 1], [1, 2, 1]))
    circle = Torus(1.0).grid(3)
    half, full = spread(circle, [1, 1, 0]), spread(circle, [1, 1, 1])
    with pytest.raises(InputError, match="policy must be positive on a circle"):
        potential(half, full)
