"""Drift maps of a landscape against exhaustive search and closed forms; what replaces the heat step."""

import numpy as np
import pytest

import wconv as wc
from wconv.dynamics.heat import heat, noisy_law
from wconv.dynamics.implicit import (
    explicit_map,
    landscape,
    latents,
    moment_step,
    prox_map,
    score_step,
    shared_latent_step,
    sorted_step,
)


def smooth(reward, space, n=96):
    """One state, no future: q is the reward."""

    def transition(s, a):
        xp = a.__array_namespace__()
        return xp.ones((*(s + xp.zeros(a.shape[:-1], dtype=int)).shape, 1))

    def shaped(s, a):
        return reward(a[..., 0]) + 0.0 * s

    mdp = wc.tabulate(wc.SmoothMDP(shaped, transition, 1, 0.0, 0.5, space), n)
    return landscape(wc.evaluate(mdp, wc.uniform(mdp)))


def wells(x):
    return -((x**2 - 1.0) ** 2) + 0.3 * x


def waves(x):
    return x.__array_namespace__().cos(2.0 * x - 0.4) + 0.5 * x.__array_namespace__().sin(x)


@pytest.mark.parametrize("eta", [0.05, 0.4, 3.0])
@pytest.mark.parametrize(
    ("q", "space", "low", "high"),
    [
        (wells, wc.Interval(-1.5, 1.5), -1.5, 1.5),
        (lambda x: 4.0 * x + wells(x), wc.Interval(-1.5, 1.2), -1.5, 1.2),
        (waves, wc.Torus(2 * np.pi), -np.pi, 3 * np.pi),
    ],
    ids=["wells", "towards a wall", "circle"],
)
def test_the_proximal_map_is_the_best_of_all_actions(q, space, low, high, eta):
    """On a circle the best of all turns, by the geodesic distance."""
    found = smooth(q, space)
    x = np.linspace(*found.span, 37)[None]
    G = prox_map(found, x, eta)
    mesh, width = np.linspace(low, high, 20001, retstep=True)
    height = q(mesh) - (mesh - x[0][:, None]) ** 2 / (2 * eta)
    best = height.max(axis=1)
    coarse = width**2 / 8 * (1 / eta + 5) + 1e-7  # what a mesh misses of a maximum
    assert np.abs(G.envelope[0] - best).max() < coarse
    assert (q(G.low) - (G.low - x) ** 2 / (2 * eta) > best - 1e-7).all()
    assert (np.diff(G.high[0]) >= -1e-12).all()  # optimal maps on the line ascend
    alone = (height > best[:, None] - 1e-4).sum(
        axis=1
    ) * width < 0.2  # no other maximum nearly ties
    assert alone.sum() > 20
    assert np.abs(G.low[0] - mesh[height.argmax(axis=1)])[alone].max() < 2e-3
    moved = np.clip(x + eta * found.at(G.low)[1], low, high)
    assert np.abs(moved - G.low).max() < 1e-9  # G = P(x + ηq'(G))


def test_where_two_maxima_tie_both_are_told():
    found = smooth(lambda x: -((x**2 - 1.0) ** 2), wc.Interval(-1.5, 1.5))
    G = prox_map(found, np.array([[-0.7, 0.0, 0.7]]), 2.0)
    side = np.sqrt(1 - 1 / 8)  # 4a(1 − a²) = a/η
    assert G.low[0, 1] == pytest.approx(-side, abs=1e-9)
    assert G.high[0, 1] == pytest.approx(side, abs=1e-9)
    assert G.envelope[0, 1] == pytest.approx(-((side**2 - 1) ** 2) - side**2 / 4, abs=1e-12)
    assert (G.low[0, [0, 2]] == G.high[0, [0, 2]]).all()


def test_a_parabola_has_the_closed_forms():
    h, c, eta = 2.0, 0.3, 0.4
    found = smooth(lambda x: -0.5 * h * (x - c) ** 2, wc.Interval(-2.0, 2.0), 24)
    x = np.linspace(-2.0, 2.0, 9)[None]
    G = prox_map(found, x, eta)
    assert np.abs(G.low - (x + eta * h * c) / (1 + eta * h)).max() < 1e-14
    assert np.abs(G.envelope + 0.5 * h * (x - c) ** 2 / (1 + eta * h)).max() < 1e-14
    assert np.abs(explicit_map(found, x, eta) - (x - eta * h * (x - c))).max() < 1e-13
    assert np.abs(explicit_map(found, x, 4.0)).max() == 2.0  # projected on the walls


@pytest.mark.parametrize(("space", "order"), [("line", 6), ("circle", 6)])
def test_the_landscape_is_of_order_six_and_its_slope_of_order_five(space, order):
    space = wc.Interval(-1.0, 2.0) if space == "line" else wc.Torus(2 * np.pi)
    errors = []
    for n in (12, 24, 48):
        found = smooth(waves, space, n)
        x = np.linspace(*found.span, 400)[None]
        q, slope, bend = found.at(x)
        exact = -2 * np.sin(2 * x - 0.4) + 0.5 * np.cos(x)
        far = -4 * np.cos(2 * x - 0.4) - 0.5 * np.sin(x)
        errors.append(
            [np.abs(q - waves(x)).max(), np.abs(slope - exact).max(), np.abs(bend - far).max()]
        )
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (orders > np.array([order, order - 1, order - 2]) - 0.4).all()
    assert errors[-1][0] < 1e-7


def test_an_implicit_policy_is_the_mixture_of_its_latents():
    grid = wc.Interval(-1.0, 1.0).grid(64)
    g, mass = (
        np.array([[-0.9, 0.2, 0.5], [0.0, 0.99, 1.0]]),
        np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]),
    )
    a, v = grid.nodes[:, 0], 0.02
    exact = 0.0
    for k in range(-2, 3):
        for image in (4.0 * k + g, 4.0 * k - 2.0 - g):
            bell = np.exp(-((a[:, None] - image[:, None, :]) ** 2) / (2 * v))
            exact = exact + (bell * mass[:, None]).sum(axis=-1) / np.sqrt(2 * np.pi * v)
    found = noisy_law(grid, g, mass, v)
    assert np.abs(found.pi / grid.cell - exact).max() < 1e-12
    nodes = np.broadcast_to(a, (2, 64))
    assert np.abs(heat(found, 0.1).pi - noisy_law(grid, nodes, found.pi, 0.1).pi).max() < 1e-15


H, TAU, ETA = np.array([[1.0], [3.0]]), 0.1, 0.1
NOISE = 2 * TAU * ETA


def variance(g, weight):
    return (g**2 * weight).sum(axis=1) - (g * weight).sum(axis=1) ** 2


@pytest.mark.parametrize("rho", [1 - ETA * H, 1 / (1 + ETA * H)], ids=["explicit", "proximal"])
def test_each_way_ends_at_the_variance_of_its_closed_form(rho):
    """The table: kept .1053 and .1152, score .1 (explicit), sampling .02 (h = 1)."""
    z, weight = latents()
    start = 0.2 * z + np.zeros((2, 1)) + 0.7
    kept = (NOISE / (1 - rho**2))[:, 0]
    g = s = start
    for _ in range(200):
        g = moment_step(rho * g, z, weight, NOISE)
        s = score_step(rho * s, s, z, weight, NOISE)
    assert variance(g, weight) == pytest.approx(kept, rel=1e-10)
    assert variance(s, weight) == pytest.approx((NOISE / 2 / (1 - rho))[:, 0], rel=1e-10)
    assert variance(sorted_step(rho * g, z, weight, NOISE), weight) == pytest.approx(kept, rel=1e-7)
    if rho[0, 0] == 1 - ETA:
        assert kept[0] == pytest.approx(0.10526, abs=1e-5)
        assert variance(s, weight) == pytest.approx(TAU / H[:, 0], rel=1e-10)
    else:
        assert kept[0] == pytest.approx(0.11524, abs=1e-5)


def test_sorting_gives_the_quantiles_of_the_noisy_law_of_any_generator():
    """Against a mixture of two bells far apart, whose quantiles a sample confirms."""
    z, weight = latents(200)
    targets = np.tanh(8.0 * z)[None] + 0.05 * z
    found = sorted_step(targets, z, weight, 0.04)
    rng = np.random.default_rng(3)
    u = rng.standard_normal(400_000)
    sample = np.sort(np.tanh(8.0 * u) + 0.05 * u + 0.2 * rng.standard_normal(u.size))
    assert (np.diff(found) > 0).all()
    middle = np.abs(z) < 2
    places = np.searchsorted(sample, found[0, middle]) / u.size
    from scipy.special import ndtr

    assert np.abs(places - ndtr(z[middle])).max() < 5 * 0.5 / np.sqrt(u.size)


def test_noise_that_shares_the_latent_is_averaged_out():
    """Stationary variance (2τη/draws)/(1 − ρ²): that of the Gibbs policy only in name."""
    z, weight = np.zeros(4000), np.full(4000, 1 / 4000)
    rng, rho = np.random.default_rng(0), 1 - ETA * H
    for draws in (1, 50):
        g = 0.3 + z + np.zeros((2, 1))
        for _ in range(60):
            g = shared_latent_step(rho * g, NOISE, draws, rng)
        exact = (NOISE / draws / (1 - rho**2))[:, 0]
        assert np.abs(variance(g, weight) / exact - 1).max() < 5 * np.sqrt(2 / z.size)


def test_what_makes_no_sense_is_refused():
    found = smooth(wells, wc.Interval(-1.5, 1.5))
    with pytest.raises(wc.InputError, match=r"x must lie in \[-1.5, 1.5\].*project it"):
        prox_map(found, np.array([[1.6]]), 0.1)
    with pytest.raises(wc.InputError, match=r"x must have shape \(states, latents\)"):
        explicit_map(found, np.zeros(3), 0.1)
    with pytest.raises(wc.InputError, match="eta must be positive"):
        prox_map(found, np.zeros((1, 1)), 0.0)
    with pytest.raises(wc.InputError, match="actions must form an interval"):
        landscape(wc.evaluate(wc.zoo.garnet(), wc.uniform(wc.zoo.garnet())))
    ripples = smooth(lambda x: 1e-3 * x.__array_namespace__().cos(40.0 * x), wc.Torus(2 * np.pi))
    with pytest.raises(wc.SolverError, match=r"maxima of q\(a\) .* nearly tie: refine the grid"):
        prox_map(ripples, np.zeros((1, 1)), 1e3)
