"""The noise of particles: Box and Muller's formula on the generator's words, and its law."""

import jax
import numpy as np
import pytest
from scipy.stats import kstest

from wconv.dynamics.particle_noise import folded, gaussian, seeded

TYPES = [np.float64, np.float32]
compiled = jax.jit(gaussian, static_argnums=(1, 2))


def drawn(seed, shape, dtype):
    with jax.enable_x64(dtype == np.float64):
        return np.asarray(compiled(seeded([seed])[0], shape, dtype))


def test_keys_are_those_of_jax():
    seeds, numbers = [0, 7, 2**32 - 1], [0, 3, 2**31 - 1]
    keys = [jax.random.key(np.uint32(seed)) for seed in seeds]
    np.testing.assert_array_equal(seeded(seeds), [jax.random.key_data(key) for key in keys])
    for key, number in zip(keys, numbers, strict=True):
        expected = jax.random.key_data(jax.random.fold_in(key, number))
        np.testing.assert_array_equal(folded(jax.random.key_data(key), number), expected)


@pytest.mark.parametrize("dtype", TYPES)
def test_it_is_the_formula_on_the_words(dtype):
    """√(−2 log u)·(cos, sin)(2πv − π/4), u and v of one word each in float32, of two in float64."""
    parts, half = np.dtype(dtype).itemsize // 4, 500
    with jax.enable_x64(dtype == np.float64):
        keys = jax.random.split(jax.random.key(5), (parts, 3, half))
        u, v = (
            sum(w * 2.0 ** (-32 * (k + 1)) for k, w in enumerate(words))
            for words in np.moveaxis(np.asarray(jax.random.key_data(keys), float), -1, 0)
        )
    radius, turn = np.sqrt(-2 * np.log(u)), 2 * np.pi * (v - 0.125)
    expected = np.concatenate([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    found = drawn(5, (3, 2 * half), dtype)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=20 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(drawn(5, (3, 2 * half - 1), dtype), found[:, :-1])


@pytest.mark.parametrize("dtype", TYPES)
def test_it_is_gaussian_and_its_halves_are_independent(dtype):
    z = drawn(7, (2, 200_000), dtype).astype(float)
    assert kstest(z.ravel(), "norm").pvalue > 1e-3
    for power in (1, 2):  # the two of a pair share a radius, and must not share a size
        a, b = (part.ravel() ** power for part in np.split(z, 2, axis=1))
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(a.size)
        assert abs(np.corrcoef(*(row**power for row in z))[0, 1]) < 4 / np.sqrt(z.shape[1])
    for order, moment in ((2, 1.0), (4, 3.0), (6, 15.0)):
        powers = np.abs(z.ravel()) ** order
        assert abs(powers.mean() - moment) < 4 * powers.std() / np.sqrt(z.size)
