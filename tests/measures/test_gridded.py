from itertools import product
from math import erf, sqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wconv._require import InputError
from wconv.measures.gridded import density, plan
from wconv.measures.spaces import Box

LOW, LENGTH, N = (-1.3, 0.7), (2.0, 3.0), {1: (96,), 2: (24, 20)}
ENDS = ("none", "fold", "wrap")


@pytest.fixture(autouse=True)
def doubles():
    with jax.enable_x64(True):
        yield


def planned(d, boundary, sigma, tol, n=None):
    n = n or N[d]
    spacing = tuple(length / k for length, k in zip(LENGTH, n, strict=False))
    return plan(LOW[:d], spacing, n, boundary, sigma, tol)


def bells(places, axis, sigma, boundary, n):
    """exp(−x²/2σ²) from every place, images included, at the nodes, shape (n, places)."""
    low, length = LOW[axis], LENGTH[axis]
    nodes = low + length / n * (np.arange(n) + 0.5)
    trains = {"none": [], "wrap": [places], "fold": [places, 2 * low - places]}[boundary]
    if boundary == "none":
        return np.exp(-0.5 * ((nodes[:, None] - places) / sigma) ** 2)
    period = length if boundary == "wrap" else 2 * length
    reach = int(np.ceil(10 * sigma / period)) + 3
    return sum(
        np.exp(-0.5 * ((nodes[:, None] - train - k * period) / sigma) ** 2)
        for train in trains
        for k in range(-reach, reach + 1)
    )


def direct(centres, sigma, boundary, n):
    """The mixture at all nodes in units of the peak, the first axis slowest."""
    factors = [bells(centres[:, k], k, sigma, boundary, n[k]) for k in range(len(n))]
    if len(n) == 1:
        return factors[0].mean(axis=1)
    return (factors[0] @ factors[1].T / len(centres)).ravel()


def cloud(d, count=60):
    """Also outside the box, on its ends and, what is worst for expansions, all together."""
    rng = np.random.default_rng(d)
    low, length = np.array(LOW[:d]), np.array(LENGTH[:d])
    anywhere = low + length * rng.uniform(-0.9, 1.9, (count, d))
    return np.concatenate([anywhere, [low, low + length], np.tile(low + length / 3, (40, 1))])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("boundary", ENDS)
@pytest.mark.parametrize("d", [1, 2])
def test_density_is_the_direct_sum_within_its_error(d, boundary, dtype):
    centres = cloud(d).astype(dtype)
    for sigma, tol in ((0.02, 1e-4), (0.3, 1e-10), (3.0, 1e-8)):
        p = planned(d, boundary, sigma, tol)
        got = density(jnp.asarray(centres), p)
        off = np.abs(
            np.asarray(got, float) / p.peak - direct(centres.astype(float), sigma, boundary, N[d])
        )
        assert got.dtype == dtype
        assert p.truncation <= tol
        assert off.max() <= p.error(len(centres), dtype), (sigma, tol)


@pytest.mark.parametrize(("d", "boundary"), [(1, "none"), (1, "fold"), (1, "wrap"), (2, "fold")])
def test_error_bound_is_not_absurd_at_the_worst_places(d, boundary):
    for sigma, tol in ((0.2, 1e-4), (0.2, 1e-10), (3.0, 1e-6)):
        p = planned(d, boundary, sigma, tol)
        # A corner of a box, as far from its middle as can be, near the nodes.
        corner = [a.low + a.width * (max(a.n * a.split // a.merged // 2, 1) - 1e-9) for a in p.axes]
        centres = np.array([corner])
        off = np.abs(
            density(jnp.asarray(centres), p) / p.peak - direct(centres, sigma, boundary, N[d])
        )
        assert p.error(1) / 1000 <= off.max() <= p.error(1), (sigma, tol)


@pytest.mark.parametrize("n", [97, 96, 3, 1])
def test_any_number_of_nodes_will_do(n):
    centres = cloud(1)
    for boundary in ENDS:
        p = planned(1, boundary, 0.4, 1e-12, (n,))
        off = density(jnp.asarray(centres), p) / p.peak - direct(centres, 0.4, boundary, (n,))
        assert np.abs(off).max() <= p.error(len(centres)) < 2e-12


def test_mass_is_one_or_what_lies_on_the_nodes():
    centres = cloud(1)
    for boundary in ("fold", "wrap"):
        p = planned(1, boundary, 0.1, 1e-12)
        mass = float(density(jnp.asarray(centres), p).sum()) * p.cell
        assert abs(mass - 1) <= LENGTH[0] * p.peak * p.error(len(centres))
    p = planned(1, "none", 0.1, 1e-12)
    kept = float(density(jnp.array([[LOW[0] + 1.9]]), p).sum()) * p.cell
    # The rest is beyond an end, one σ away; the sum at midpoints is of second order.
    assert kept == pytest.approx(0.5 + 0.5 * erf(1 / sqrt(2)), abs=(p.cell / 0.1) ** 2 / 24)
    assert float(density(jnp.array([[1e30], [-1e30]]), p).sum()) == 0


def test_nodes_are_in_the_order_of_a_box():
    grid = Box((0.0, 0.0), (1.0, 2.0)).grid(8)
    p = plan((0.0, 0.0), grid.spacing, grid.shape, "fold", 0.05, 1e-8)
    values = np.asarray(density(jnp.array([[0.7, 0.4]]), p))
    nearest = np.abs(grid.nodes - [0.7, 0.4]).sum(axis=1).argmin()
    assert values.argmax() == nearest


def test_states_in_a_scan_with_the_memory_of_one_pass():
    p = planned(1, "fold", 0.3, 1e-10)
    clouds = jnp.stack([jnp.asarray(cloud(1)), jnp.asarray(cloud(1)) * 0.5])
    every = jax.vmap(lambda c: density(c, p))
    _, values = jax.jit(
        lambda c: jax.lax.scan(lambda x, _: (x + 0.1, every(x)), c, None, length=2)
    )(clouds)
    for step, state in product(range(2), range(2)):
        want = direct(np.asarray(clouds[state]) + 0.1 * step, 0.3, "fold", N[1])
        assert np.abs(values[step, state] / p.peak - want).max() <= p.error(clouds.shape[1])
    compiled = density.lower(jnp.zeros((100_000, 1)), p).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 8 * 30 * 100_000  # of 96 times as many


def test_a_missing_place_is_not_passed_over():
    for boundary in ENDS:
        p = planned(1, boundary, 0.3, 1e-6)
        assert np.isnan(density(jnp.array([[0.0], [np.nan]]), p)).any(), boundary


@pytest.mark.parametrize("sigma", [0.05, 3.0])
def test_entropy_error_covers_floored_and_missing_densities(sigma):
    p, centres = planned(1, "fold", sigma, 1e-3), cloud(1)
    f = p.peak * direct(centres, sigma, "fold", N[1])
    gap, allowed = p.peak * p.error(len(centres)), p.entropy_error(len(centres))
    worst = [f + gap, np.maximum(f - gap, 0.0), np.where(f < gap, gap, f)]
    for g in (*worst, np.maximum(density(jnp.asarray(centres), p), gap)):
        there = np.where(g > 0, g, 1.0)
        assert p.cell * np.abs(f * np.log(f + 1e-300) - there * np.log(there)).sum() <= allowed
    assert (
        allowed <= 100 * p.cell * np.abs(f * np.log(f + 1e-300) - worst[0] * np.log(worst[0])).sum()
    )


GOOD = {"low": (0.0,), "spacing": (0.1,), "n": (10,), "boundary": "fold", "sigma": 0.3, "tol": 1e-8}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boundary": "periodic"}, "boundary must be a known name"),
        ({"n": (10, 10)}, "low, spacing and n must have one or two axes alike"),
        ({"low": (0.0,) * 3, "spacing": (0.1,) * 3, "n": (4,) * 3}, "one or two axes"),
        ({"sigma": 0.0}, "sigma must be positive"),
        ({"tol": 1e-16}, "tol must lie in"),
        ({"low": (np.nan,)}, "low must be finite"),
        ({"spacing": (-0.1,)}, "spacing must be positive"),
        ({"n": (0,)}, "n must be an integer >= 1"),
        ({"sigma": 1e-9}, "sigma must need at most 8388608 boxes"),
    ],
)
def test_bad_plans_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        plan(**{**GOOD, **change})


@pytest.mark.parametrize("shape", [(4,), (4, 2), (0, 1), (2, 4, 1)])
def test_centres_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match=r"centres must have shape \(centres, 1\)"):
        density(jnp.zeros(shape), plan(**GOOD))
