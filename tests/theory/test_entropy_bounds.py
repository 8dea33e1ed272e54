"""Right-hand sides about plug-in entropies against laws on atoms that share nothing, counted by hand.

Noise so small that K equally likely centres never overlap: φ_c/π is K on its own atom, 0 elsewhere,
J = log K and C = K − 1.
"""

from itertools import product

import numpy as np
import pytest

from wconv.theory.bounds import entropy

ATOMS = np.array([1.0, 2.0, 5.0])


def test_centres_apart_carry_the_logarithm_of_their_number():
    """J = −ΣK⁻¹ log K⁻¹ is what the names say, and what is compared with as it is."""
    names = np.array([-sum(np.log(1 / K) / K for _ in range(int(K))) for K in ATOMS])
    assert entropy.names(M=ATOMS) == pytest.approx(names, rel=1e-13)
    assert entropy.information(J=names) == pytest.approx(names, rel=1e-15)
    assert entropy.pooled(information=names) == pytest.approx(names, rel=1e-15)


def test_the_bias_of_one_centre_is_attained_and_that_of_more_averaged_first():
    """KL(π̂‖π) = log K at M = 1; at any M log of the mean of φ_c/(Mπ) + 1 − 1/M, below it the truth."""
    J = np.log(ATOMS)
    once = entropy.biased(J=J, C=ATOMS - 1, M=1.0)
    assert once == pytest.approx(J - np.log(ATOMS), abs=1e-14)
    for K, M in ((2, 3), (3, 2), (3, 4)):
        drawn = [np.bincount(c, minlength=K) / M for c in product(range(K), repeat=M)]
        true = np.mean([-(p[p > 0] @ np.log(p[p > 0])) for p in drawn])
        ratio = np.mean([K * p @ p for p in drawn])  # E_{a~π̂} π̂/π, exchangeable in the centres
        found = entropy.biased(J=np.log(K), C=K - 1.0, M=float(M))
        assert found == pytest.approx(np.log(K) - np.log(ratio), rel=1e-12)
        assert found < true


def test_the_variance_is_that_of_the_noise_and_of_the_names_in_square_mean():
    """Var(|ξ|²/2) in d dimensions, E ξ⁴ = 3, and log² of M + e − 1: of one centre, few and many."""
    counts = np.array([1.0, 7.0, 128.0])
    for dim in (1, 3):
        squares = [dim * (3 - 1) / 4, np.log(counts + np.exp(1) - 1) ** 2]
        expected = squares[0] + squares[1] + 2 * np.sqrt(squares[0] * squares[1])
        found = entropy.varentropy(M=counts, dim=dim)
        assert found == pytest.approx(expected, rel=1e-13)
