import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from wconv._require import InputError
from wconv.measures.mixture_kernel import _exp2, log_mixture, score_mixture

SIGMA = 0.3


@pytest.fixture(autouse=True)
def doubles():
    with jax.enable_x64(True):
        yield


def exponents(points, centres, sigma=SIGMA):
    apart = points[..., :, None, :] - centres[..., None, :, :]
    norm = points.shape[-1] * np.log(sigma * np.sqrt(2 * np.pi))
    return -0.5 * (apart**2).sum(-1) / sigma**2 - norm


def direct(points, centres, sigma=SIGMA, without_self=False):
    """Log-density and score from all pairs."""
    x = exponents(points, centres, sigma)
    if without_self:
        x = np.where(np.eye(x.shape[-1], dtype=bool), -np.inf, x)
    total = logsumexp(x, axis=-1)
    shares = np.exp(x - total[..., None])
    mean = np.einsum("...pn,...nd->...pd", shares, centres)
    return total - np.log(centres.shape[-2] - without_self), (mean - points) / sigma**2


@pytest.mark.parametrize(("d", "tile"), [(1, 1), (2, 512), (3, 7), (50, 7)])
def test_tiles_are_the_plain_sum_over_all_pairs(d, tile):
    rng = np.random.default_rng(d)
    centres, points = rng.standard_normal((2, 23, d)), 2 * rng.standard_normal((11, d))
    want, slope = direct(points, centres)
    got = log_mixture(points, centres, SIGMA, tile=tile)
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(
        score_mixture(points, centres, SIGMA, tile=tile), slope, rtol=1e-11, atol=1e-11
    )
    own, uphill = direct(centres, centres, without_self=True)
    alone = {"tile": tile, "without_self": True}
    np.testing.assert_allclose(log_mixture(centres, centres, SIGMA, **alone), own, rtol=1e-12)
    np.testing.assert_allclose(
        score_mixture(centres, centres, SIGMA, **alone), uphill, rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("without_self", [False, True])
def test_score_is_the_difference_quotient_of_the_log_density(without_self):
    rng = np.random.default_rng(0)
    centres, step = rng.standard_normal((9, 2)), 1e-5
    got = np.asarray(score_mixture(centres, centres, SIGMA, tile=4, without_self=without_self))
    for k in range(2):
        shift = step * np.eye(2)[k]
        up, down = (
            log_mixture(centres + s, centres, SIGMA, tile=4, without_self=without_self)
            for s in (shift, -shift)
        )
        np.testing.assert_allclose(got[:, k], (up - down) / (2 * step), rtol=1e-6, atol=1e-6)
    summed = jax.grad(
        lambda a: log_mixture(a, centres, SIGMA, tile=4, without_self=without_self).sum()
    )
    np.testing.assert_allclose(summed(jnp.asarray(centres)), got, rtol=1e-11, atol=1e-11)


def test_far_points_and_one_centre_do_not_underflow():
    far = log_mixture(jnp.array([[300.0], [-1e5]]), jnp.array([[0.0]]), SIGMA)
    want = -0.5 * (np.array([300, 1e5]) / SIGMA) ** 2 - np.log(SIGMA * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(far, want, rtol=1e-14)
    slope = score_mixture(jnp.array([[300.0]]), jnp.array([[0.0]]), SIGMA)
    np.testing.assert_allclose(slope, [[-300 / SIGMA**2]], rtol=1e-14)
    beyond = jnp.array([[1e200]])
    assert log_mixture(beyond, jnp.zeros((3, 1)), SIGMA) == -np.inf
    assert np.isnan(score_mixture(beyond, jnp.zeros((3, 1)), SIGMA))


def test_single_precision_is_as_good_as_its_places_wherever_the_cloud_lies():
    rng = np.random.default_rng(1)
    centres = (1000 + rng.standard_normal((700, 3))).astype(np.float32)
    got = log_mixture(centres, centres, np.float32(SIGMA), tile=64, without_self=True)
    want, _ = direct(centres.astype(float), centres.astype(float), without_self=True)
    unit = 2.0**-24
    allowed = 8 * unit * np.abs(want) + unit * (64 + 11 + 4) + 8 * unit * (1 + np.log(700))
    assert got.dtype == np.float32
    assert (np.abs(np.asarray(got, float) - want) <= allowed).all()


@pytest.mark.parametrize(("dtype", "least"), [(np.float64, -1022), (np.float32, -126)])
def test_powers_of_two_down_to_the_least_normal_number(dtype, least):
    y = np.concatenate([np.linspace(least, 0, 99_991), np.arange(2 * least, 1) / 2]).astype(dtype)
    off = np.asarray(_exp2(jnp.asarray(y)), np.longdouble) / np.exp2(np.longdouble(y)) - 1
    assert np.abs(off).max() <= np.finfo(dtype).eps
    beyond = _exp2(jnp.asarray([least - 0.01, -3e38, -np.inf, np.nan], dtype))
    np.testing.assert_array_equal(beyond, [0, 0, 0, np.nan])


def test_memory_is_that_of_tiles():
    count = 20_000
    cloud = jnp.zeros((count, 2))
    for kernel in (log_mixture, score_mixture):
        compiled = kernel.lower(cloud, cloud, SIGMA, tile=128, without_self=True).compile()
        used = compiled.memory_analysis().temp_size_in_bytes
        assert used < 8 * (40 * count + 10 * 128**2), "all pairs are 3.2 GB"


def test_inside_a_scan_over_a_batch_of_states():
    rng = np.random.default_rng(2)
    start = rng.standard_normal((3, 6, 2))

    def blob(cloud, _):
        moved = cloud - 0.01 * score_mixture(cloud, cloud, SIGMA, tile=4)
        return moved, log_mixture(moved, cloud[0], SIGMA, tile=4)

    _, logs = jax.jit(lambda c: jax.lax.scan(blob, c, None, length=2))(jnp.asarray(start))
    cloud = start
    for got in logs:
        moved = cloud - 0.01 * direct(cloud, cloud)[1]
        np.testing.assert_allclose(got, direct(moved, cloud[0])[0], rtol=1e-11)
        cloud = moved


@pytest.mark.parametrize(
    ("points", "centres", "more", "message"),
    [
        ((4, 2), (4, 3), {}, "points and centres must have shapes"),
        ((4,), (4, 1), {}, "points and centres must have shapes"),
        ((4, 1), (0, 1), {}, "number of centres must be an integer >= 1"),
        ((0, 1), (4, 1), {}, "number of points must be an integer >= 1"),
        ((1, 1), (1, 1), {"without_self": True}, "number of centres must be an integer >= 2"),
        ((3, 1), (4, 1), {"without_self": True}, "points must be as many as centres"),
        ((4, 1), (4, 1), {"tile": 0}, "tile must be an integer >= 1"),
    ],
)
def test_bad_shapes_are_refused(points, centres, more, message):
    with pytest.raises(InputError, match=message):
        log_mixture(jnp.zeros(points), jnp.zeros(centres), SIGMA, **more)
