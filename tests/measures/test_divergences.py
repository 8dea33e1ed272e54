import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wconv._require import InputError
from wconv.mdp.policy import Policy, softmax_policy
from wconv.measures import gaussians
from wconv.measures.divergences import kl
from wconv.measures.spaces import FiniteSet, GaussianLine, Interval


def exact_kl(log_p, log_q, weights):
    """KL of the two laws of mass one, in 60 digits, with the weights themselves (not their logs)."""

    def log_mass(logs):
        live = [(m, x) for m, x in zip(weights, logs, strict=True) if m > 0 and x > -np.inf]
        return mp.log(mp.fsum(mp.mpf(float(m)) * mp.exp(mp.mpf(float(x))) for m, x in live))

    with mp.workdps(60):
        shift = log_mass(log_q) - log_mass(log_p)
        total = mp.exp(log_mass(log_p))
        terms = [
            mp.mpf(float(m))
            * mp.exp(mp.mpf(float(a)))
            * (mp.mpf(float(a)) - mp.mpf(float(b)) + shift)
            for a, b, m in zip(log_p, log_q, weights, strict=True)
            if m > 0 and a > -np.inf
        ]
        return mp.fsum(terms) / total


@given(
    seed=st.integers(0, 10**6),
    n=st.sampled_from([2, 7, 130, 300]),
    size=st.sampled_from([1e-9, 1.0, 30.0, 1e4]),
    distance=st.sampled_from([1e-12, 1e-3, 1.0, 1e4]),
    zeros=st.booleans(),
)
def test_error_bounds_the_distance_to_sixty_digits(seed, n, size, distance, zeros):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(n))
    logits = -size * np.abs(rng.standard_normal(n))
    others = logits + distance * rng.standard_normal(n)
    if zeros:
        logits[1:][rng.random(n - 1) < 0.4] = -np.inf
    grid = FiniteSet(np.arange(float(n))[:, None], weights=weights).grid()
    p, q = softmax_policy(logits[None], grid), softmax_policy(others[None], grid)
    got = kl(p, q)
    with mp.workdps(60):
        miss = float(abs(mp.mpf(float(got.value[0])) - exact_kl(p.logf[0], q.logf[0], weights)))
    assert miss <= got.error[0]
    # One rounding of the result, and the depth of the sum in extended precision.
    deep = 1e-19 * 4 * (n + 16) * (4 + 40 * (size + distance))
    assert got.error[0] <= 3e-16 * abs(got.value[0]) + deep


def test_zeros_and_absolute_continuity_are_exact():
    grid = FiniteSet(np.arange(3.0)[:, None], weights=np.array([0.5, 0.5, 0.0])).grid()
    none = -np.inf
    p = Policy(np.array([[np.log(2), none, 0.0], [0.0, 0.0, 5.0], [none, np.log(2), none]]), grid)
    q = Policy(np.array([[0.0, 0.0, none], [np.log(2), none, none], [none, np.log(2), 1.0]]), grid)
    got = kl(p, q)
    assert got.value[0] == pytest.approx(np.log(2), abs=float(got.error[0]))
    assert got.value[1] == np.inf
    assert got.error[1] == 0.0
    assert got.value[2] == 0.0
    assert got.error[2] <= 4 * np.finfo(float).eps


def test_gaussians_on_the_line_agree_with_the_closed_form():
    grid = GaussianLine(scale=1.0, reach=10.0).grid(128)
    a = grid.nodes[:, 0]
    p = softmax_policy((-((a - 0.5) ** 2) / (2 * 0.64) + a**2 / 2)[None], grid)
    q = softmax_policy((-((a + 0.3) ** 2) / (2 * 1.21) + a**2 / 2)[None], grid)
    want = gaussians.kl(gaussians.Gaussian(0.5, 0.64), gaussians.Gaussian(-0.3, 1.21))
    # Trapezoidal sums of Gaussians of width .8 at step .16 err by e^{-2π²·25}: rounding is all.
    # The normalisation inside softmax_policy is a sum of 128 terms, rounded too.
    assert abs(kl(p, q).value[0] - want) <= kl(p, q).error[0] + 128 * 2.3e-16


def test_a_wrong_normalisation_is_not_hidden():
    grid = Interval(0, 1).grid(50)
    p = softmax_policy(np.sin(3 * grid.nodes.T), grid)
    off = Policy(p.logf - 1e-6, grid)
    with pytest.raises(InputError, match=r"density must sum to 1 .* 0\.999999"):
        kl(p, off)


def test_bad_input():
    p = softmax_policy(np.zeros((1, 4)), Interval(0, 1).grid(4))
    with pytest.raises(InputError, match="grid must be the same"):
        kl(p, softmax_policy(np.zeros((1, 4)), Interval(0, 2).grid(4)))
