"""Paths: what they hold, and the extrapolation of values to step 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wconv as wc
from wconv.dynamics.path import romberg


def measured(values, **errors):
    return wc.Measured.of(np.asarray(values), **errors)


@given(degree=st.integers(0, 5), seed=st.integers(0, 10**6))
def test_polynomials_in_the_step_are_extrapolated_exactly(degree, seed):
    c = np.random.default_rng(seed).standard_normal((degree + 1, 3))
    steps = 0.5 ** np.arange(degree + 1)
    limit = romberg([measured(sum(c[k] * h**k for k in range(degree + 1))) for h in steps])
    assert np.abs(limit.value - c[0]).max() < 1e-12


def test_the_error_does_not_vanish_where_the_last_change_does():
    """Diagonals 2, 1, 1: |1 − 1| + |1 − 2|/4."""
    column = [2.0, 1.5, 1.25]
    limit = romberg([measured([value], evaluation=1e-9) for value in column])
    assert limit.value == pytest.approx([1.0], abs=1e-12)
    assert limit.errors["time step"] == pytest.approx([0.25], abs=1e-12)
    # The weights of the last three values are 1/3, 2 and 8/3 in size.
    assert limit.errors["evaluation"] == pytest.approx([5e-9], rel=1e-6)


def test_one_level_is_returned_as_it_is():
    only = measured([1.0, 2.0], evaluation=1e-3)
    assert romberg([only]) is only


def test_a_path_holds_its_start_times_and_quantities():
    mdp = wc.zoo.ring(resolution=32)
    start = wc.random_policy(mdp, np.random.default_rng(0))
    path = wc.evolve(wc.WPGFlow(), mdp, start, until=0.5, samples=4)
    assert path.times == pytest.approx([0.0, 0.125, 0.25, 0.375, 0.5])
    assert len(path.policies) == len(path.evaluations) == 5
    assert path.measured.value.shape == (5, 4)
    assert np.array_equal(path.policies[0].logf, start.logf)
    assert path.policies[-1].logf is path.levels[-1].logf[-1] or np.shares_memory(
        path.policies[-1].logf, path.levels[-1].logf
    )
    assert "WPGFlow" in repr(path)
    assert "5 policies to time 0.5" in repr(path)
    best = path.measure(lambda value: value.measured.sup())
    assert best.value.shape == (5,)
    assert (np.abs(best.value - path.measured.value.max(axis=1)) <= best.error).all()
    assert "time step" in best.errors


def test_extrapolated_values_are_nearer_than_those_of_the_finest_policies():
    mdp = wc.zoo.ring(resolution=32)
    path = wc.evolve(wc.WPGFlow(1e-4), mdp, wc.uniform(mdp), until=0.5, samples=2)
    exact = wc.evolve(wc.WPGFlow(1e-9), mdp, wc.uniform(mdp), until=0.5, samples=2).measured
    finest = np.array([value.V for value in path.evaluations])
    off = np.abs(path.measured.value - exact.value)
    assert (off <= path.measured.error + exact.error).all()
    assert off.max() < 0.05 * np.abs(finest - exact.value).max()
