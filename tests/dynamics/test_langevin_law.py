"""The law of the Langevin update against finer quadrature, the Gaussian recursion and particles."""

import numpy as np
import pytest

import wconv as wc

CENTRES, TAU, GAMMA = np.array([-0.4, 0.3]), 0.4, 0.7


def reward(s, a):
    return a.__array_namespace__().cos(2 * np.pi * a[..., 0] / 3.0 - entry(CENTRES, s, a))


def transition(s, a):
    xp = a.__array_namespace__()
    up = 0.5 + 0.3 * xp.sin(2 * np.pi * a[..., 0] / 3.0 + entry(CENTRES, s, a))
    return xp.stack([up, 1.0 - up], axis=-1)


def entry(table, s, a):
    """The entries of a table at states, with the shape of the batch."""
    xp = a.__array_namespace__()
    return xp.asarray(table)[s + xp.zeros(a.shape[:-1], dtype=int)]


def smooth(space, r=reward, P=transition, gamma=GAMMA):
    return wc.SmoothMDP(r, P, 2, gamma, TAU, space)


def start_log(a, scale):
    """A smooth log-density with respect to μ (not normalised), (2, nodes)."""
    return 0.5 * np.cos(2 * np.pi * a / scale + np.array([[0.3], [1.0]]))


def fine_law(space, eta, targets, n):
    """Density after one update at ``targets`` (k,), all integrals by n midpoints: the definition, (2, k)."""
    low, length = (-1.0, 3.0) if isinstance(space, wc.Interval) else (0.0, 3.0)
    if isinstance(space, wc.GaussianLine):
        low, length = -10 * space.scale, 20 * space.scale
    a = low + length / n * (np.arange(n) + 0.5)
    log_mu = -0.5 * (a / space.scale) ** 2 if isinstance(space, wc.GaussianLine) else 0 * a
    mu = np.exp(log_mu) / np.exp(log_mu).sum()
    f = np.exp(start_log(a, 3.0))
    f /= (f * mu).sum(axis=1, keepdims=True)
    turn = 2 * np.pi / 3.0
    angle = turn * a - CENTRES[:, None]
    up = 0.5 + 0.3 * np.sin(turn * a + CENTRES[:, None])
    kernel = np.stack([(f * mu * up).sum(axis=1), (f * mu * (1 - up)).sum(axis=1)], axis=1)
    r = (f * mu * (np.cos(angle) - TAU * np.log(f))).sum(axis=1)
    V = np.linalg.solve(np.eye(2) - GAMMA * kernel, r)
    slope_up = 0.3 * turn * np.cos(turn * a + CENTRES[:, None])
    drift = -turn * np.sin(angle) + GAMMA * slope_up * (V[0] - V[1])
    if isinstance(space, wc.GaussianLine):
        drift = drift - TAU / space.scale**2 * a
    mean, s = a + eta * drift, np.sqrt(2 * TAU * eta)
    out = 0.0
    for k in range(-12, 13):
        if isinstance(space, wc.GaussianLine):
            images = [targets] if k == 0 else []
        elif isinstance(space, wc.Torus):
            images = [targets + k * length]
        else:
            images = [targets + 2 * k * length, 2 * low - targets + 2 * k * length]
        for y in images:
            bell = np.exp(-0.5 * ((y[:, None] - mean[:, None, :]) / s) ** 2) / (
                s * (2 * np.pi) ** 0.5
            )
            out = out + np.einsum("sa,sya->sy", f * mu, bell)
    return out


def one_step(space, n, eta):
    mdp = wc.tabulate(smooth(space), n)
    start = wc.softmax_policy(start_log(mdp.grid.nodes[:, 0], 3.0), mdp.grid)
    path = wc.evolve(wc.WPGD(eta), mdp, start, steps=1)
    assert path.mass_defect <= 1e-14
    return mdp.grid, path.policies[1].pi / mdp.grid.cell


CIRCLE, LINE = wc.Torus(3.0), wc.GaussianLine(0.6, 10.0)


@pytest.mark.parametrize(
    ("space", "eta"),
    [(CIRCLE, 0.05), (CIRCLE, 0.4), (CIRCLE, 3.0), (LINE, 0.05), (LINE, 0.6)],
    ids=["circle", "not injective", "many turns", "line", "line, not injective"],
)
def test_one_update_against_twenty_times_finer_quadrature(space, eta):
    grid, law = one_step(space, 80, eta)
    exact = fine_law(space, eta, grid.nodes[:, 0], 1600)
    # A law is normalised on its nodes: the mass it has beyond them, and the rule's aliasing.
    assert np.abs(law - exact).max() <= 1e-9


@pytest.mark.parametrize("eta", [0.05, 3.0])
def test_on_an_interval_the_midpoint_rule_has_order_two(eta):
    space = wc.Interval(-1.0, 2.0)
    errors = []
    for n in (32, 64, 128):
        grid, law = one_step(space, n, eta)
        exact = fine_law(space, eta, grid.nodes[:, 0], 16 * n)
        errors.append(np.abs(law - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 1e-3
    assert np.abs(orders - 2.0).max() < 0.1


@pytest.mark.parametrize("eta", [0.02, 0.5, 0.75])
def test_quadratic_rewards_on_the_line_follow_the_gaussian_recursion(eta):
    """m' = m + η(κ(c−m) − βm), v' = (1−η(κ+β))²v + 2τη; at η = .75 the update turns space round."""
    kappa, scale = 1.0, 0.8
    beta = TAU / scale**2

    def quadratic(s, a):
        return -0.5 * kappa * (a[..., 0] - entry(CENTRES, s, a)) ** 2

    def nowhere(s, a):
        return entry(np.full((2, 2), 0.5), s, a)

    mdp = wc.tabulate(smooth(wc.GaussianLine(scale), quadratic, nowhere), 160)
    path = wc.evolve(wc.WPGD(eta), mdp, wc.uniform(mdp), steps=12)
    a, mean, variance = mdp.grid.nodes[:, 0], np.zeros(2), np.full(2, scale**2)
    for policy in path.policies[1:]:
        mean = mean + eta * (kappa * (CENTRES - mean) - beta * mean)
        variance = (1 - eta * (kappa + beta)) ** 2 * variance + 2 * TAU * eta
        found = policy.pi @ a
        assert np.abs(found - mean).max() < 1e-10
        assert np.abs(policy.pi @ a**2 - found**2 - variance).max() < 1e-10
        exact = np.exp(-((a - mean[:, None]) ** 2) / (2 * variance[:, None]))
        exact /= exact.sum(axis=1, keepdims=True)
        assert np.abs(policy.pi - exact).max() < 1e-13  # what lies beyond the nodes: 1e-15


def wrapped(a, low, high):
    return low + np.mod(a - low, high - low)


def folded(a, low, high):
    while ((a < low) | (a > high)).any():
        a = np.where(a < low, 2 * low - a, np.where(a > high, 2 * high - a, a))
    return a


def saddle(s, a):
    """The wave of ``reward`` and, in two dimensions, a term that couples the coordinates."""
    return reward(s, a) + (0.4 * a[..., 0] * a[..., 1] if a.shape[-1] == 2 else 0.0)


def pull(a):
    """Its gradient in state 0, (particles, d)."""
    first = -2 * np.pi / 3 * np.sin(2 * np.pi * a[:, 0] / 3 - CENTRES[0])
    if a.shape[1] == 1:
        return first[:, None]
    return np.stack([first + 0.4 * a[:, 1], 0.4 * a[:, 0]], axis=1)


def moments(a):
    """Bounded functions that a torus and a box can both see, (particles, 4)."""
    waves = [np.cos, np.sin, lambda x: np.cos(2 * x)]
    shared = [wave(2 * np.pi * a[:, 0] / 3) for wave in waves]
    return np.stack([*shared, shared[0] * np.cos(2 * np.pi * a[:, -1] / 3)], axis=-1)


@pytest.mark.parametrize("eta", [0.1, 1.5])
@pytest.mark.parametrize(
    ("space", "n", "back"),
    [
        (wc.Torus(3.0), 128, wrapped),
        (wc.Interval(-1.0, 2.0), 256, folded),
        (wc.Box((-1.0, -1.0), (1.0, 1.0)), 40, folded),
    ],
    ids=["circle", "interval", "box"],
)
def test_a_million_particles(space, n, back, eta):
    """Three updates without discounting, so that particles need no values."""
    found = []
    for nodes in (n, n // 2):
        mdp = wc.tabulate(smooth(space, saddle, gamma=0.0), nodes)
        path = wc.evolve(wc.WPGD(eta), mdp, wc.uniform(mdp), steps=3, samples=1)
        found.append(path.policies[1].pi[0] @ moments(mdp.grid.nodes))
    rng = np.random.default_rng(7)
    low, high = (0.0, 3.0) if back is wrapped else (-1.0, 2.0 - (mdp.grid.dim - 1))
    a = rng.uniform(low, high, (10**6, mdp.grid.dim))
    for _ in range(3):
        a = back(
            a + eta * pull(a) + np.sqrt(2 * TAU * eta) * rng.standard_normal(a.shape), low, high
        )
    seen = moments(a)
    noise = seen.std(axis=0) / 1000
    assert (noise < 1e-3).all()
    grid_error = np.abs(found[0] - found[1])
    assert (np.abs(seen.mean(axis=0) - found[0]) <= 5 * noise + grid_error).all()


def test_a_law_that_the_grid_cannot_carry_is_refused():
    """Narrow wells and long steps: neighbouring nodes land far apart, and a finer grid agrees."""
    coarse, fine = (wc.zoo.heavy(temperature=0.1, resolution=n) for n in (64, 512))
    with pytest.raises(wc.SolverError, match=r"aliasing .*: refine the grid or shorten the step"):
        wc.evolve(wc.WPGD(0.2), coarse, wc.gibbs(coarse, coarse.r), steps=1)
    path = wc.evolve(wc.WPGD(0.2), fine, wc.gibbs(fine, fine.r), steps=1)
    assert path.mass_defect < 1e-13
