"""Policies: masses, densities, normalisation also where mass is extreme or absent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp

from wconv._require import InputError
from wconv.mdp import zoo
from wconv.mdp.policy import (
    from_masses,
    gibbs,
    make_policy,
    random_policy,
    softmax_policy,
    sparse_policy,
    uniform,
)
from wconv.measures.spaces import FiniteSet, GaussianLine, Interval

EPS = np.finfo(float).eps
GRID = Interval(0, 2).grid(6)
HOLED = FiniteSet(np.arange(3.0)[:, None], weights=np.array([0.5, 0.0, 0.5])).grid()


@given(arrays(float, (2, 16), elements=st.floats(-1e3, 1e3)))
def test_softmax_is_logits_minus_logsumexp(logits):
    grid = GaussianLine(1.0).grid(16)
    policy = softmax_policy(logits, grid)
    expected = logits - logsumexp(logits + grid.log_weights, axis=-1, keepdims=True)
    # One subtraction of numbers up to 2e3 + 40 on either side, and a sum of 16 terms.
    assert np.abs(policy.logf - expected).max() <= 4 * EPS * (2e3 + 40 + 16)
    # The exponent log f + log m is rounded at the size of its terms.
    assert np.abs(policy.pi.sum(axis=-1) - 1).max() <= 4 * EPS * (2e3 + 40 + 16)


def test_softmax_is_not_led_astray_by_an_action_without_mass():
    policy = softmax_policy([[0.0, 5000.0, 0.0]], HOLED)
    assert np.array_equal(policy.pi, [[0.5, 0.0, 0.5]])
    assert np.array_equal(softmax_policy([[0.0, 1.0, -np.inf]], HOLED).pi, [[1.0, 0.0, 0.0]])


def test_masses_and_densities_are_two_views_of_one_law():
    masses = np.array([[0.25, 0.0, 0.5, 0.25, 0.0, 0.0]])
    policy = from_masses(masses, GRID)
    assert np.abs(policy.pi - masses).max() <= 8 * EPS
    assert np.abs(policy.f - 6 * masses).max() <= 48 * EPS
    # μ has Lebesgue density 1/2 on an interval of length two.
    assert np.abs(policy.lebesgue - 3 * masses).max() <= 24 * EPS


def test_named_policies():
    mdp = zoo.garnet()
    rng = np.random.default_rng(0)
    assert np.array_equal(uniform(mdp).f, np.ones_like(mdp.r))
    weights = np.exp(mdp.r / mdp.tau)
    expected = weights / weights.sum(axis=-1, keepdims=True)
    assert np.abs(gibbs(mdp, mdp.r).pi - expected).max() <= 16 * EPS
    assert random_policy(mdp, rng).pi.min() > 0
    thin = sparse_policy(mdp, rng).pi
    assert (thin == 0).any()
    assert (thin.max(axis=-1) > 0).all()


BAD = [
    (lambda: make_policy(np.zeros(6), GRID), "logf must have shape"),
    (lambda: make_policy([["x"]], GRID), "logf must be an array"),
    (lambda: make_policy(np.full((1, 6), np.nan), GRID), "logf must be a log-density"),
    (lambda: make_policy(np.full((1, 6), np.inf), GRID), "logf must be a log-density"),
    (lambda: make_policy(np.ones((1, 6)), GRID), "policy must sum to 1"),
    (lambda: from_masses(np.full(6, 1 / 6), GRID), "policy must have shape"),
    (lambda: from_masses(np.full((1, 5), 0.2), GRID), "policy must have shape"),
    (lambda: from_masses(np.full((1, 6), 0.2), GRID), "policy must sum to 1"),
    (lambda: from_masses([[1.5, -0.5, 0, 0, 0, 0]], GRID), "policy must be non-negative"),
    (lambda: from_masses([[0.5, 0.5, 0.0]], HOLED), "policy must be absolutely continuous"),
    (lambda: softmax_policy(np.zeros(6), GRID), "logits must have shape"),
    (lambda: softmax_policy(np.full((1, 6), -np.inf), GRID), "logits must have a finite maximum"),
    (lambda: softmax_policy(np.full((1, 6), np.nan), GRID), "logits must have a finite maximum"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
