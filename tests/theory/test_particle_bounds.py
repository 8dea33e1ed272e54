"""Right-hand sides about policies of N particles against laws on atoms, enumerated, and particles coupled.

Where the noise is so small that K equally likely centres never overlap, φ_c/π is K on its own atom and 0
elsewhere: π̂ is a table of frequencies, and all means are sums over K^N draws.
"""

from itertools import product
from math import comb

import numpy as np
import pytest

from wconv.theory.bounds import particles, wpg_langevin

DRAWS = [(2, 2), (2, 7), (3, 2), (3, 5), (5, 4)]
"""Atoms and particles."""


def frequencies(laws):
    """The table of frequencies of independent centres with the given laws, and the chance of each."""
    atoms = range(len(laws[0]))
    for drawn in product(atoms, repeat=len(laws)):
        yield (
            np.bincount(drawn, minlength=len(atoms)) / len(laws),
            np.prod([law[c] for law, c in zip(laws, drawn, strict=True)]),
        )


def divergence(p, q):
    """KL of two tables."""
    return float(sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0))


@pytest.mark.parametrize(("K", "N"), DRAWS)
def test_the_deficit_of_atoms_lies_between_its_bounds(K, N):
    """Moments of φ/π about one by hand: C = K − 1, κ and m of K with the chance 1/K, s = C²."""
    even = np.full(K, 1 / K)
    true = sum(chance * divergence(p, even) for p, chance in frequencies([even] * N))
    C, third, fourth = (((K - 1) ** k + (K - 1) * (-1) ** k) / K for k in (2, 3, 4))
    least = particles.deficit_least(third=third, C=C, N=N)
    most = particles.deficit_most(third=third, fourth=fourth, square=C**2, C=C, N=N)
    assert least <= true <= most
    assert true <= particles.deficit(C=C, N=N)
    # Both sides differ by a third of the exact fourth moment of π̂/π.
    Y_4 = sum(chance * np.mean((K * p - 1) ** 4) for p, chance in frequencies([even] * N))
    assert most - least == pytest.approx(Y_4 / 3, rel=1e-12)
    assert least == pytest.approx(
        sum(
            chance * np.mean((K * p - 1) ** 2 / 2 - (K * p - 1) ** 3 / 6)
            for p, chance in frequencies([even] * N)
        ),
        rel=1e-12,
    )


def test_half_of_chi_square_is_what_remains_of_many_particles():
    """Two atoms, a thousand particles, binomial chances; and 2N·deficit/C → 1 from both sides."""
    N = np.array([1e3, 1e5])
    least = particles.deficit_least(third=0.0, C=1.0, N=N)
    most = particles.deficit_most(third=0.0, fourth=1.0, square=1.0, C=1.0, N=N)
    true = sum(
        comb(1000, k) / 2**1000 * divergence((k / 1000, 1 - k / 1000), (0.5, 0.5))
        for k in range(1001)
    )
    assert least[0] <= true <= most[0]
    assert 2 * N * least == pytest.approx(1.0, rel=1e-12)
    assert 2 * N * most == pytest.approx(1.0, rel=3e-3)


def test_strata_are_held_to_the_variance_within_them():
    """Centres with laws of their own: C_w by hand, and no more than C."""
    laws = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.0, 1.0, 0.0]])
    mean = laws.mean(axis=0)
    true = sum(chance * divergence(p, mean) for p, chance in frequencies(laws))
    within = np.mean([(law * (1 - law) / mean).sum() for law in laws])
    bound = particles.deficit(C=within, N=4)
    assert true <= bound == pytest.approx(np.log(1 + within / 4), rel=1e-13)
    assert within < len(mean) - 1


@pytest.mark.parametrize(("K", "N"), [(2, 6), (3, 5)])
def test_without_its_own_centre_an_action_costs_more(K, N):
    """With overlap: atoms that are blurred by a stochastic matrix, else the mean is infinite."""
    blur = np.full((K, K), 0.4 / (K - 1)) + (0.6 - 0.4 / (K - 1)) * np.eye(K)
    even = np.full(K, 1 / K)
    true = sum(chance * divergence(even, p @ blur) for p, chance in frequencies([even] * (N - 1)))
    C, third = (np.mean((K * blur - 1) ** k) for k in (2, 3))
    least = particles.left_out_least(third=third, C=C, N=N)
    assert 0.5 * true <= least <= true
    assert particles.left_out_least(third=1e3, C=C, N=N) == 0.0


def test_the_excess_of_enumerated_particles_is_below_its_bound():
    """I(s) = KL(π̂‖p) − KL(π‖p) for all K^N draws, in one state and the largest of several."""
    rng, N = np.random.default_rng(3), 4
    for states in (1, 3, 6):
        pi, p = rng.dirichlet(np.ones(3), size=(2, states))
        draws = [list(frequencies([law] * N)) for law in pi]
        excess = np.array(
            [
                [divergence(f, b) - divergence(a, b) for f, _ in each]
                for each, a, b in zip(draws, pi, p, strict=True)
            ]
        )
        chances = np.array([[chance for _, chance in each] for each in draws])
        true = mean_of_largest(np.maximum(excess, 0.0), chances)
        logs = np.log(pi / p)
        variance = (pi * logs**2).sum(axis=1) - (pi * logs).sum(axis=1) ** 2
        # φ_c/π is 1/π_c on its atom: C is the number of the others.
        found = particles.mean_excess(variance=variance, C=np.full(states, 2.0), N=N)
        assert true <= found
        apart = found - states * np.log(1.5)
        sums = np.sqrt(variance.sum() / N), np.sqrt(variance / N).sum() / 2
        assert apart == pytest.approx(min(sums), rel=1e-12)
        if states == 1:  # the mean of the linear part alone: half of its mean modulus
            linear = draws_of_mean(draws[0], logs[0] - pi[0] @ logs[0])
            assert np.maximum(linear, 0.0) @ chances[0] <= apart


def mean_of_largest(values, chances):
    """E max_s of independent values, (state, outcome), by their distribution functions."""
    levels = np.unique(values)
    below = np.prod(
        [
            [chance[value <= level].sum() for level in levels]
            for value, chance in zip(values, chances, strict=True)
        ],
        axis=0,
    )
    return levels @ np.diff(below, prepend=0.0)


def draws_of_mean(draws, values):
    """The mean of values over the particles of every draw."""
    return np.array([f @ values for f, _ in draws])


def test_steps_of_gaps_are_the_langevin_ones_and_what_the_particles_add():
    """τδ by hand; E of a discounted path, and W of a bandit in the mean."""
    known = {"C_LS": 0.7, "L_b": 1.3, "tau": 0.4, "eta": 0.05, "dim": 2}
    delta = 1.3**2 * (2.1 * 0.05**3 / (6 * 0.4) + 2 * 0.05**2 / 2)
    kept = np.exp(-0.4 * 0.05 / 0.7)
    found = particles.gap_step_particles(gap=1.7, moment=2.1, excess=0.03, gamma=0.9, **known)
    expected = 1.7 - 0.1 * (1 - kept) * 1.7 + 0.4 * (delta + 0.03) / 0.1
    assert found == pytest.approx(expected, rel=1e-13)
    without = particles.gap_step_particles(gap=1.7, moment=2.1, excess=0.0, gamma=0.9, **known)
    langevin = wpg_langevin.gap_step(gap=1.7, moment=2.1, gamma=0.9, **known)
    assert without == pytest.approx(langevin, rel=1e-15)
    W = np.array([1.7, 0.2])
    mean = particles.bandit_gap_particles(gap=W, moment=2.1, C=12.0, N=64.0, **known)
    assert mean == pytest.approx(kept * W + 0.4 * (delta + np.log(76 / 64)), rel=1e-13)
    assert particles.part(whole=W, share=0.9) == pytest.approx(W - W / 10, rel=1e-13)


def test_coupled_particles_stay_as_near_as_the_bound_says():
    """Two actions' worth of drift on the line, P(1|a) = logistic: the same noise, other values."""
    rng, gamma, eta, pull = np.random.default_rng(4), 0.9, 0.3, 2.0
    V, other = np.array([0.5, -1.0]), np.array([1.7, -0.4])

    def drift(a, values):
        slope = pull / (4 * np.cosh(pull * a / 2) ** 2)  # of the logistic function of pull·a
        return -0.3 * a + gamma * slope * (values[1] - values[0])

    # |∇P(0)| + |∇P(1)| = 2·pull/4 at most; |P''| is at most pull²/(6√3).
    known = {"G_p": pull / 2, "gamma": gamma, "eta": eta}
    L_b = 0.3 + gamma * pull**2 / (6 * np.sqrt(3)) * abs(V[1] - V[0])
    half = np.ptp(other - V) / 2
    a = rng.normal(size=2000)
    twin = a + rng.normal(size=2000) * 0.01
    for _ in range(5):
        noise = rng.normal(size=2000)
        before = np.abs(a - twin)
        a, twin = a + eta * drift(a, other) + noise, twin + eta * drift(twin, V) + noise
        for each in (np.mean, np.max):
            bound = particles.coupled_step(distance=each(before), value=half, L_b=L_b, **known)
            assert each(np.abs(a - twin)) <= bound
    # One common place at rest, where the slope is steepest: the second term alone, attained.
    moved = abs(drift(0.0, other) - drift(0.0, V)) * eta
    assert particles.coupled_step(distance=0.0, value=half, L_b=L_b, **known) == pytest.approx(
        moved, rel=1e-13
    )
