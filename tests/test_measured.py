"""Errors carried by arithmetic are bounds, not estimates."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wconv.measured import EPS, Measured, as_bracket, as_measured, rounding, stack

numbers = st.floats(-1e3, 1e3)
errors = st.floats(0, 10)
signs = st.floats(-1, 1)


@given(numbers, numbers, errors, errors, signs, signs)
def test_arithmetic_bounds_the_true_result(a, b, ea, eb, s, t):
    x, y = Measured.of(a, a=ea), Measured.of(b, b=eb)
    true_a, true_b = a + s * ea, b + t * eb
    for out, truth in (
        (x + y, true_a + true_b),
        (x - y, true_a - true_b),
        (x * y, true_a * true_b),
        (2.0 - x, 2.0 - true_a),
        (abs(x), abs(true_a)),
    ):
        # The comparison itself rounds: a few eps of the largest number in play.
        room = 8 * EPS * (abs(a) + ea + 2) * (abs(b) + eb + 2)
        assert abs(float(out.value) - truth) <= float(out.error) + room


@given(numbers, st.floats(1, 100), errors, st.floats(0, 0.5), signs, signs)
def test_division_bounds_the_true_result(a, b, ea, eb, s, t):
    out = Measured.of(a, a=ea) / Measured.of(b, b=eb)
    truth = (a + s * ea) / (b + t * eb)
    assert abs(float(out.value) - truth) <= float(out.error) * (1 + 8 * EPS) + 8 * EPS * abs(truth)


def test_division_by_something_that_may_be_zero_is_not_a_number():
    out = Measured.of(1.0) / Measured.of(0.1, e=0.2)
    assert np.isnan(out.error)


def test_numpy_arrays_on_the_left_defer():
    out = np.array([1.0, 2.0]) * Measured.of([3.0, 4.0], e=0.5)
    assert isinstance(out, Measured)
    assert out.errors["e"].tolist() == [0.5, 1.0]


def test_terms_add_up_by_name():
    out = Measured.of([1.0], a=0.1).with_error("a", 0.2).with_error("b", 0.3)
    assert abs(out.errors["a"][0] - 0.3) < 1e-16
    assert abs(out.error[0] - 0.6) < 1e-15


def test_sup_total_and_stack():
    both = stack([Measured.of([1.0, 5.0], a=[0.1, 0.2]), Measured.of([2.0, 3.0], b=0.5)])
    assert both.value.shape == (2, 2)
    assert both.sup().value.tolist() == [5.0, 3.0]
    assert both.sup().error.tolist() == [0.2, 0.5]
    assert both.sup(keepdims=True).value.shape == (2, 1)
    assert both.total().value.tolist() == [6.0, 5.0]
    assert (both.total().error >= np.array([0.3, 1.0])).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_rounding_bounds_a_naive_sum(values):
    total = 0.0
    for value in values:
        total += value
    exact = float(np.sum(np.array(values, dtype=np.longdouble)))
    assert abs(total - exact) <= rounding(np.abs(values).sum(), depth=len(values))


def test_brackets():
    bracket = as_bracket(Measured.of(2.0, e=0.5))
    assert (float(bracket.lower), float(bracket.upper)) == (1.5, 2.5)
    assert "1.5" in repr(bracket)
    exact = as_bracket(9.0)
    assert float(exact.lower) == float(exact.upper) == 9.0
    assert as_bracket(exact) is exact


def test_representations_show_the_error():
    assert repr(as_measured(1.5)).startswith("1.5 ± 0")
    assert "±" in repr(Measured.of([1.0, 2.0], e=0.1))
