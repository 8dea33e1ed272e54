import numpy as np
import pytest
from scipy.stats import norm

from wconv._require import InputError
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus

GRIDS = {
    "interval": (Interval(-1, 2).grid(6), 5, 3.0),
    "box": (Box((0.0, -1.0), (1.0, 3.0)).grid(4), 2 * 3 * 4, 4.0),
    "circle": (Torus(2.0).grid(6), 6, 2.0),
    "torus": (Torus(2.0, dim=2).grid(4), 2 * 16, 4.0),
    "two cells": (Torus(1.0).grid(2), 1, 1.0),
}


@pytest.mark.parametrize("name", GRIDS)
def test_uniform_grids(name):
    grid, edges, volume = GRIDS[name]
    # Masses 1/n are one rounding each, so is their sum.
    assert abs(grid.weights.sum() - 1) <= grid.n * 2.3e-16
    np.testing.assert_allclose(np.exp(grid.log_lebesgue), 1 / volume, rtol=1e-15)
    assert grid.cell * grid.n == pytest.approx(volume, rel=1e-15)
    assert len(grid.edges) == len(np.unique(np.sort(grid.edges), axis=0)) == edges
    # Every edge joins nodes at the distance it claims, round the seam on a torus.
    step = np.abs(grid.nodes[grid.edges[:, 0]] - grid.nodes[grid.edges[:, 1]])
    if grid.periodic:
        step = np.minimum(step, grid.space.length - step)
    np.testing.assert_allclose(np.linalg.norm(step, axis=1), grid.lengths, rtol=1e-12)
    assert not grid.is_finite_set
    assert grid.dim == len(grid.shape)
    assert grid.truncation == 0.0


def test_nodes_are_cell_centres():
    np.testing.assert_array_equal(Interval(0, 1).grid(4).nodes[:, 0], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_array_equal(
        Box((0.0, 0.0), (1.0, 4.0)).grid(2).nodes, [[0.25, 1], [0.25, 3], [0.75, 1], [0.75, 3]]
    )


def test_gaussian_line():
    grid = GaussianLine(scale=0.5, reach=6.0).grid(60)
    a, law = grid.nodes[:, 0], norm(0, 0.5)
    np.testing.assert_allclose(grid.log_lebesgue, law.logpdf(a), rtol=1e-14)
    assert grid.truncation == pytest.approx(2 * law.sf(3.0), rel=1e-12)
    assert len(grid.edges) == 59
    # Trapezoidal moments within reach 12 err by e^{-2π²·6.25} and tails of 1e-32: by rounding.
    wide = GaussianLine(scale=0.5, reach=12.0).grid(60)
    for power, want in ((0, 1.0), (2, 0.25), (4, 3 * 0.0625)):
        assert wide.weights @ wide.nodes[:, 0] ** power == pytest.approx(want, rel=60 * 2.3e-16)


def test_finite_sets():
    grid = FiniteSet(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]), weights=[0.5, 0.5, 0.0]).grid(
        3
    )
    assert grid.is_finite_set
    assert grid.cell == 1.0
    np.testing.assert_array_equal(grid.edges, [[0, 1], [0, 2], [1, 2]])
    np.testing.assert_allclose(grid.lengths, [5.0, 1.0, np.sqrt(18)], rtol=1e-15)
    np.testing.assert_array_equal(grid.log_weights, [np.log(0.5), np.log(0.5), -np.inf])
    path = FiniteSet(np.zeros((3, 1)), metric=1.0 - np.eye(3), edges=np.array([[0, 1], [1, 2]]))
    np.testing.assert_array_equal(path.grid().lengths, [1.0, 1.0])
    assert len(FiniteSet(np.zeros((1, 1))).grid().edges) == 0


POINTS = np.arange(3.0)[:, None]
FAR = np.array([[0, 1, 3.0], [1, 0, 1], [3, 1, 0]])


@pytest.mark.parametrize(
    ("make", "symbol"),
    [
        (lambda: Interval(1, 0).grid(4), "interval must have low < high"),
        (lambda: Interval(0, np.inf).grid(4), "interval end"),
        (lambda: Interval(0, 1).grid(1), "n "),
        (lambda: Box((0.0,), (1.0, 2.0)).grid(2), "box must have as many"),
        (lambda: Box((), ()).grid(2), "box must have as many"),
        (lambda: Box((0.0, 1.0), (1.0, 1.0)).grid(2), "box must have low < high"),
        (lambda: Torus(0.0).grid(4), "torus length"),
        (lambda: Torus(1.0, dim=3).grid(4), "torus dim"),
        (lambda: GaussianLine(scale=-1.0).grid(4), "gaussian scale"),
        (lambda: GaussianLine(reach=0.0).grid(4), "gaussian reach"),
        (lambda: FiniteSet(np.zeros(3)).grid(), "points must have shape"),
        (lambda: FiniteSet(POINTS).grid(4), "n must be the size"),
        (lambda: FiniteSet(POINTS, weights=[0.5, 0.5]).grid(), "weights must have shape"),
        (lambda: FiniteSet(POINTS, weights=[0.5, 0.5, 0.5]).grid(), "weights must sum"),
        (lambda: FiniteSet(POINTS, metric=np.zeros((2, 2))).grid(), "metric must have shape"),
        (lambda: FiniteSet(POINTS, metric=np.full((3, 3), np.nan)).grid(), "metric must be finite"),
        (lambda: FiniteSet(POINTS, metric=np.triu(FAR)).grid(), "metric must be symmetric"),
        (
            lambda: FiniteSet(np.zeros((2, 1))).grid(),
            "metric must be positive between different points",
        ),
        (lambda: FiniteSet(POINTS, metric=FAR).grid(), "metric must satisfy the triangle"),
        (lambda: FiniteSet(POINTS, edges=np.array([[1, 0]])).grid(), "edges must be pairs i < j"),
        (lambda: FiniteSet(POINTS, edges=np.array([[0, 3]])).grid(), "edges must be pairs i < j"),
        (lambda: FiniteSet(POINTS, edges=np.array([[0, 1], [0, 1]])).grid(), "edges must be diff"),
    ],
)
def test_bad_input(make, symbol):
    with pytest.raises(InputError, match=symbol):
        make()
