"""sup − inf from nodes: closed forms on every kind of space, with honest errors."""

import numpy as np
import pytest

from wconv.measures.oscillation import oscillation
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus


@pytest.mark.parametrize("n", [16, 33, 128])
@pytest.mark.parametrize(
    ("space", "function", "exact"),
    [
        (Interval(-1.0, 2.0), lambda a: 3 * a[:, 0], 9.0),
        (Interval(0.0, 3.0), lambda a: np.sin(a[:, 0]), 1.0),
        (Interval(-1.5, 1.5), lambda a: (a[:, 0] ** 2 - 1) ** 2, 1.25**2),
        (Torus(2.0), lambda a: np.cos(np.pi * a[:, 0] + 0.3), 2.0),
        (Box((-1.0, 0.0), (1.0, 1.0)), lambda a: a[:, 0] - 2 * a[:, 1], 4.0),
        (Box((-1.0, 0.0), (1.0, 1.0)), lambda a: np.exp(a[:, 0] + a[:, 1]), np.e**2 - 1 / np.e),
        (GaussianLine(0.5, reach=8.0), lambda a: np.tanh(a[:, 0] / 2), 2 * np.tanh(2.0)),
    ],
)
def test_closed_forms_lie_within_the_error(space, function, exact, n):
    grid = space.grid(n)
    found = oscillation(function(grid.nodes)[None], grid)
    assert found.value.shape == (1,)
    assert abs(found.value[0] - exact) <= found.error[0] + 1e-13


def test_the_error_falls_like_the_square_of_the_mesh_and_is_small():
    errors = []
    for n in (32, 64, 128):
        grid = Interval(0.0, 3.0).grid(n)
        errors.append(oscillation(np.cos(grid.nodes[:, 0]), grid).error)
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert ((orders > 1.9) & (orders < 3.5)).all()
    assert errors[-1] < 1e-6


def test_finite_sets_are_exact():
    grid = FiniteSet(points=np.array([[0.0], [1.0], [5.0]])).grid()
    found = oscillation(np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]]), grid)
    assert found.value.tolist() == [3.0, 0.0]
    assert not found.error.any()
