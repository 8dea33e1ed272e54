"""Laguerre cells: masses and moments against counted points, coarser averages, finer cells."""

import numpy as np
import pytest

import wconv as wc
from wconv.measures.laguerre import Plane, coarsened, diagram, refined, semidiscrete_integral

SPACES = [wc.Box((-1.0, 0.0), (1.0, 1.4)), wc.Torus(2.0, dim=2)]


def counted(grid, weights, density, m):
    """Masses and ∫ min_i(|x_i − y|² − w_i) dν by the midpoints of m×m parts of every cell."""
    low, h = grid.nodes[0] - np.asarray(grid.spacing) / 2, np.asarray(grid.spacing)
    axes = [
        a + s / m * (np.arange(n * m) + 0.5) for a, s, n in zip(low, h, grid.shape, strict=True)
    ]
    y = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    step = np.abs(y - grid.nodes)
    if grid.periodic:
        step = np.minimum(step, h * grid.shape - step)
    powers = (step**2).sum(axis=-1) - weights
    mass = np.kron(density, np.ones((m, m))).ravel() * h.prod() / m**2
    masses = np.bincount(powers.argmin(axis=1), mass, grid.n)
    second = ((y[:, 0] - low - h * grid.shape / 2) ** 2).sum(axis=-1)
    return masses, mass @ (powers.min(axis=1) - second)


@pytest.mark.parametrize("space", SPACES, ids=["box", "torus"])
def test_masses_and_the_dual_integral_are_those_of_counted_points(space):
    rng, grid = np.random.default_rng(0), space.grid(5)
    weights, density = 0.1 * rng.random(grid.n), rng.random((5, 5))
    density /= density.sum() * grid.cell
    plane = Plane.of(grid)
    cells = diagram(plane, weights)
    exact = plane.fold(cells.masses(density))
    for m in (10, 40):
        masses, whole = counted(grid, weights, density, m)
        assert np.abs(masses - exact).sum() <= 0.6 / m  # the parts that edges cross
        assert abs(whole - semidiscrete_integral(plane, weights, density)) <= 0.04 / m**2
    assert abs(exact.sum() - 1.0) <= cells.rounding(density) <= 1e-12
    assert exact.max() >= 10 * exact.min()


def test_coarser_averages_are_those_of_the_common_refinement():
    values = np.random.default_rng(1).random((7, 7))
    parts = np.kron(values, np.ones((4, 4)))
    expected = parts.reshape(4, 7, 4, 7).mean(axis=(1, 3))
    np.testing.assert_allclose(coarsened(values, 4), expected, rtol=1e-14)
    np.testing.assert_allclose(coarsened(values, 7), values, rtol=1e-14)


@pytest.mark.parametrize("space", SPACES, ids=["box", "torus"])
def test_finer_weights_give_every_node_its_share_of_the_coarse_cell(space):
    coarse, plane = Plane.of(space.grid(8)), Plane.of(space.grid(16))
    x = np.pi * coarse.grid.nodes
    weights = 0.16 * (np.cos(x[:, 0] + 1) + np.cos(x[:, 1] + 2))
    cells = diagram(coarse, weights)
    finer = diagram(plane, refined(cells, weights, plane))
    few, many = (np.full(p.grid.shape, 1 / (p.grid.n * p.grid.cell)) for p in (coarse, plane))
    rough = coarse.fold(cells.masses(few)).reshape(8, 8)
    fine = plane.fold(finer.masses(many)).reshape(16, 16)
    together = fine.reshape(8, 2, 8, 2).sum(axis=(1, 3))
    assert rough.max() >= 40 * rough.min()
    assert fine.min() >= 0.05 * rough.min()
    assert np.abs(together - rough).sum() <= 0.15
