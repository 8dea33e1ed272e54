"""Product densities are recognised, and their factors are the right lines."""

import numpy as np
import pytest

from wconv.constants.disc import Disc
from wconv.constants.plane import plane_of_function, plane_of_policy
from wconv.constants.poincare_line import poincare_line
from wconv.constants.product import factors
from wconv.mdp.policy import softmax_policy
from wconv.measures.spaces import Box, Torus

BOX = Box((0.0, -1.0), (3.0, 1.0))


def product(a):
    return -(a[..., 0] ** 2) / 2 + 2 * a[..., 1] ** 2


def test_factors_of_a_function():
    """N(0, 1) on [0, 3] and e^{2y²} on [−1, 1]."""
    lines = factors(plane_of_function(product, BOX))
    found = [poincare_line(line).estimate[0] for line in lines]
    np.testing.assert_allclose(found, [0.457770018733, 1.02883672646], rtol=1e-9)


def test_factors_of_policies():
    grid = BOX.grid(32)
    x, y = grid.nodes.T
    logits = np.stack([product(grid.nodes), np.sin(x) - 3 * y, 40 * np.cos(x) + y])
    lines = factors(plane_of_policy(softmax_policy(logits, grid)))
    found = np.stack([poincare_line(line).estimate for line in lines])
    np.testing.assert_allclose(found[:, 0], [0.457770018733, 1.02883672646], rtol=1e-6)
    # e^{-3y} on a length of 2.
    np.testing.assert_allclose(found[1, 1], 1 / (9 / 4 + np.pi**2 / 4), rtol=1e-9)


def test_circles():
    lines = factors(
        plane_of_function(lambda a: np.cos(a[..., 0]) + np.sin(a[..., 1]), Torus(dim=2))
    )
    assert [line.periodic for line in lines] == [True, True]
    x = np.linspace(0, 6, 7)[None]
    logs = lines[1].logs(x)
    np.testing.assert_allclose(logs - logs[:, :1], np.sin(x), atol=1e-14)


def test_what_is_no_product():
    for log_density, on in (
        (lambda a: product(a) + 1e-9 * a[..., 0] * a[..., 1], BOX),
        (lambda a: np.cos(a[..., 0] - a[..., 1]), Torus(dim=2)),
        (product, Disc(1.0)),
    ):
        assert factors(plane_of_function(log_density, on)) is None
    # One state that is no product spoils them all.
    grid = BOX.grid(16)
    x, y = grid.nodes.T
    both = softmax_policy(np.stack([x + y, x * y]), grid)
    assert factors(plane_of_policy(both)) is None


@pytest.mark.parametrize("cells", [32, 64, 128, 192])
def test_waves_that_a_lattice_does_not_see(cells):
    """sin(nπx) sin(nπy) vanishes at all (j/n, k/n), cos(nπx) cos(nπy) at all ((j + ½)/n, (k + ½)/n)."""
    square = Box((0.0, 0.0), (1.0, 1.0))
    for wave, shift in ((np.sin, 0.0), (np.cos, 0.5)):

        def hidden(a, wave=wave):
            return product(a) + 0.5 * wave(cells * np.pi * a).prod(axis=-1)

        x = (np.arange(cells) + shift) / cells
        lattice = np.stack(np.meshgrid(x, x), axis=-1)
        np.testing.assert_allclose(hidden(lattice), product(lattice), atol=1e-12)
        assert factors(plane_of_function(hidden, square)) is None


def test_an_additive_constant_hides_no_coupling():
    import wconv as wc

    def coupled(a, offset=0.0):
        return offset - (a**2).sum(-1) / 2 - 0.2 * a[..., 0] * a[..., 1]

    box = wc.Box((-2.0, -2.0), (2.0, 2.0))
    plain = wc.poincare(coupled, on=box)
    shifted = wc.poincare(lambda a: coupled(a, 1e8), on=box)
    assert plain.lower == pytest.approx(0.945458, rel=1e-5)
    assert shifted.lower == pytest.approx(float(plain.lower), rel=1e-5)
