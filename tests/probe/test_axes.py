"""Axes from the command line."""

import numpy as np
import pytest

from wconv import InputError
from wconv.probe.axes import TAKEN, Axis, parse_axis
from wconv.probe.bisection import breaks
from wconv.probe.cell import compute
from wconv.probe.dataset import dataset
from wconv.probe.order import make_sweep

DEFAULTS = {"temperature": 0.5, "resolution": 128, "step_size": None, "sparse": False}


def test_a_logarithmic_axis_ends_exactly_where_it_was_told():
    axis = parse_axis("tau=0.02:1:log:5", DEFAULTS)
    assert (axis.name, axis.scale) == ("temperature", "log")
    assert (axis.values[0], axis.values[-1]) == (0.02, 1)
    np.testing.assert_allclose(np.diff(np.log(axis.values)), np.log(50) / 4)


def test_linear_and_listed_axes():
    assert parse_axis("step_size=0:1:3", DEFAULTS) == Axis("step_size", (0, 0.5, 1), "linear")
    assert parse_axis("sparse=True,False", DEFAULTS) == Axis("sparse", (True, False), "listed")


def test_whole_numbers_stay_whole_and_are_named_once():
    axis = parse_axis("n=1:4:log:9", DEFAULTS)
    assert axis.values == (1, 2, 3, 4)
    assert all(isinstance(value, int) for value in axis.values)


def test_whole_numbers_are_rounded_only_between_whole_ends():
    assert parse_axis("n=1:2:3", DEFAULTS).values == (1, 2)
    assert parse_axis("n=0.5:1.5:3", DEFAULTS).values == (0.5, 1.0, 1.5)


def test_numbers_are_put_in_rising_order():
    assert parse_axis("tau=0.9:0.1:3", DEFAULTS).values == (0.1, 0.5, 0.9)
    assert parse_axis("tau=3,1,2.5", DEFAULTS).values == (1, 2.5, 3)
    assert parse_axis("tau=b,a", DEFAULTS).values == ("b", "a")


def test_the_names_of_a_dataset_are_taken(known_edge):
    order = make_sweep("known-edge", ["tau=0.1,0.3", "gamma=0.5,0.9"], checks=known_edge)
    results = {p: compute(order, p) for p in order.points}
    found = dataset(order, results, breaks(order, results))
    assert set(found.variables) - {"temperature", "discount", "change_discount"} <= TAKEN
    with pytest.raises(InputError, match="name an axis of its own, got margin"):
        parse_axis("margin=0:1:2", {"margin": 0.0})


def test_the_middle_of_two_values():
    log, whole = parse_axis("tau=0.01:1:log:2", DEFAULTS), parse_axis("n=4:8:2", DEFAULTS)
    assert log.between(0.01, 1.0) == pytest.approx(0.1)
    assert (whole.between(4, 8), whole.between(4, 5)) == (6, None)
    assert parse_axis("sparse=True,False", DEFAULTS).between(True, False) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tau", "have the form name=low:high:count"),
        ("tau=1:2", "have the form"),
        ("tau=1:2:cube:3", "have the form"),
        ("tau=1:2:x", "have the form"),
        ("tua=1:2:3", "did you mean 'tau'"),
        ("tau=a:2:3", "be a real number"),
        ("tau=0:1:log:4", "be positive"),
        ("tau=1:2:1", "be an integer >= 2"),
        ("tau=.5,.5", "differ"),
        ("tau=.5,", "all numbers, all words"),
        ("tau=.5,None", "all numbers, all words"),
        ("tau=[1],[2]", "all numbers, all words"),
        ("tau=.5,1e999", "be finite"),
        ("n=1,10000000000000000000", "lie within"),
        ("tau=0:1:10000000000000", "be at most 100000"),
    ],
)
def test_bad_axes_are_told(text, message):
    with pytest.raises(InputError, match=message):
        parse_axis(text, DEFAULTS)
