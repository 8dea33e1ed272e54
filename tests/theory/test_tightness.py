"""Where two sides are nearest, and how well that is known."""

import numpy as np
import pytest

from wconv import Measured
from wconv.theory import Bound, at_least, at_most, equal
from wconv.theory.tightness import nearest

ITSELF = Bound(lambda right: right)


@pytest.mark.parametrize(
    ("maker", "left", "right", "ratio"),
    [
        (at_most, [0.5, 0.9], [1.0, 1.0], 0.9),
        (at_least, [2.0, 1.25], [1.0, 1.0], 0.8),
        (equal, [1.0, -2.0], [1.0, -1.6], 0.8),
    ],
)
def test_the_error_covers_what_both_sides_may_be_off(maker, left, right, ratio):
    off = 1e-3
    claim = maker(
        "x",
        Measured.of(left, guess=off),
        ITSELF.given(right=Measured.of(right, guess=off)),
        over="point",
    )
    count, best, error = nearest(claim, claim.right())
    assert (count, best) == (2, pytest.approx(ratio))
    moves = np.array([(a, b) for a in (-off, off) for b in (-off, off)])
    for a, b in moves:
        sides = np.array(left) + a, np.array(right) + b
        small = sides if maker is not at_least else sides[::-1]
        ratios = np.abs(small[0] / small[1])
        moved = ratios.max() if maker is not equal else np.minimum(ratios, 1 / ratios).min()
        assert abs(moved - ratio) <= error * (1 + 1e-9)
    assert error < 3e-3


def test_exact_sides_have_a_ratio_without_error():
    claim = at_most("x", np.array([0.5]), ITSELF.given(right=np.array([1.0])), over="point")
    assert nearest(claim, Measured.of([1.0])) == (1, 0.5, 0.0)
