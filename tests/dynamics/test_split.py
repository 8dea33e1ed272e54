"""Split WPPG against brute force: maps by exhaustive search, laws by fine quadrature."""

import numpy as np
import pytest

import wconv as wc
from wconv.dynamics.heat import heat
from wconv.dynamics.split import SplitWPPG

TAU, GAMMA, TURN = 0.4, 0.7, 2 * np.pi / 3
SHIFT = np.array([[-0.4], [0.3]])


def pick(table, s, a):
    xp = a.__array_namespace__()
    return xp.asarray(table)[s + xp.zeros(a.shape[:-1], dtype=int)]


def reward(s, a):
    """Two wells a turn, of different depth in the two states."""
    xp = a.__array_namespace__()
    angle = TURN * a[..., 0]
    return xp.cos(2 * angle - pick(SHIFT[:, 0], s, a)) + 0.3 * xp.cos(angle)


def transition(s, a):
    xp = a.__array_namespace__()
    up = 0.5 + 0.3 * xp.sin(TURN * a[..., 0] + pick(SHIFT[:, 0], s, a))
    return xp.stack([up, 1.0 - up], axis=-1)


def problem(space, n):
    return wc.tabulate(wc.SmoothMDP(reward, transition, 2, GAMMA, TAU, space), n)


def start_log(a):
    return 0.5 * np.cos(TURN * a + np.array([[0.3], [1.0]]))


def landscape(a, V, beta):
    """q − βa²/2 and its slope, (2, k)."""
    up_slope = 0.3 * TURN * np.cos(TURN * a + SHIFT)
    q = np.cos(2 * TURN * a - SHIFT) + 0.3 * np.cos(TURN * a)
    q = q + GAMMA * ((0.5 + 0.3 * np.sin(TURN * a + SHIFT)) * (V[0] - V[1]) + V[1])
    slope = -2 * TURN * np.sin(2 * TURN * a - SHIFT) - 0.3 * TURN * np.sin(TURN * a)
    return q - beta * a**2 / 2, slope + GAMMA * up_slope * (V[0] - V[1]) - beta * a


def value(a, mu):
    """V of the start by quadrature."""
    f = np.exp(start_log(a))
    pi = f * mu / (f * mu).sum(axis=1, keepdims=True)
    up = 0.5 + 0.3 * np.sin(TURN * a + SHIFT)
    kernel = np.stack([(pi * up).sum(axis=1), (pi * (1 - up)).sum(axis=1)], axis=1)
    r = np.cos(2 * TURN * a - SHIFT) + 0.3 * np.cos(TURN * a)
    V = np.linalg.solve(np.eye(2) - GAMMA * kernel, (pi * (r - TAU * np.log(pi / mu))).sum(axis=1))
    return pi, V


def brute_map(a, V, beta, eta, kind, ends, length):
    """The drift map at a, (2, k): by search over all actions, and Newton from the best inner one."""
    if kind == "explicit":
        moved = a + eta * landscape(a, V, beta)[1]
        return np.clip(moved, *ends) if ends else moved
    low, high = ends or (a.min() - length / 2, a.max() + length / 2)
    targets, width = np.linspace(low, high, 8001, retstep=True)
    q = landscape(targets, V, beta)[0]
    best = np.stack([(row - (targets - a[:, None]) ** 2 / (2 * eta)).argmax(axis=1) for row in q])
    found, d = targets[best], 1e-4
    for _ in range(3):
        up = landscape(found, V, beta)[1] - (found - a) / eta
        ahead, behind = (landscape(found + e, V, beta)[1] for e in (d, -d))
        step = up / ((ahead - behind) / (2 * d) - 1 / eta)
        found = np.where((best % 8000 == 0) | (np.abs(step) > width), found, found - step)
    return found


def fine_step(kind, space, eta, y, n):
    """Density at y (k,) after a step, by n midpoints and exhaustive search, (2, k)."""
    if isinstance(space, wc.GaussianLine):
        low, length, beta, ends = -10 * space.scale, 20 * space.scale, TAU / space.scale**2, None
    else:
        box = isinstance(space, wc.Interval)
        low, length, beta = (-1.0 if box else 0.0), 3.0, 0.0
        ends = (low, low + length) if box else None
    a = low + length / n * (np.arange(n) + 0.5)
    mu = np.exp(-0.5 * beta / TAU * a**2)
    pi, V = value(a, mu / mu.sum())
    mean, s = brute_map(a, V, beta, eta, kind, ends, length), np.sqrt(2 * TAU * eta)
    out = 0.0
    for k in range(-3, 4):
        images = [y + k * length]
        if ends:
            images = [y + 2 * k * length, 2 * low - y + 2 * k * length]
        if beta:
            images = [y] if k == 0 else []
        for z in images:
            bell = np.exp(-0.5 * ((z[:, None] - mean[:, None, :]) / s) ** 2)
            out = out + np.einsum("sa,sya->sy", pi, bell) / (s * np.sqrt(2 * np.pi))
    return out


def law(scheme, space, n):
    mdp = problem(space, n)
    start = wc.softmax_policy(start_log(mdp.grid.nodes[:, 0]), mdp.grid)
    path = wc.evolve(scheme, mdp, start, steps=1)
    assert path.mass_defect <= 1e-14
    return mdp.grid.nodes[:, 0], path.policies[1].pi / mdp.grid.cell


CIRCLE, LINE, BOX = wc.Torus(3.0), wc.GaussianLine(0.6, 10.0), wc.Interval(-1.0, 2.0)


@pytest.mark.parametrize(
    ("space", "kind", "eta", "n", "allowed"),
    [
        (CIRCLE, "explicit", 0.04, 96, 1e-9),
        (LINE, "explicit", 0.04, 192, 1e-9),
        (CIRCLE, "prox", 0.02, 96, 1e-9),
        (LINE, "prox", 0.02, 240, 5e-9),
        (CIRCLE, "prox", 0.5, 192, 8e-4),
        (LINE, "prox", 0.5, 192, 2e-4),
        (BOX, "explicit", 0.04, 192, 5e-5),
        (BOX, "prox", 0.04, 192, 5e-5),
        (BOX, "prox", 0.5, 192, 5e-4),
    ],
    ids=[
        *("circle, explicit", "line, explicit", "circle, prox", "line, prox"),
        *("circle, jumps", "line, jumps", "box, explicit", "box, prox", "box, jumps"),
    ],
)
def test_one_step_against_exhaustive_search(space, kind, eta, n, allowed):
    """At jumps the 1600 midpoints of the search are no better than the scheme."""
    y, found = law(SplitWPPG(eta, kind), space, n)
    exact = fine_step(kind, space, eta, y[::12], 1600)
    assert np.abs(found[:, ::12] - exact).max() <= allowed * exact.max()


@pytest.mark.parametrize(("kind", "eta"), [("explicit", 0.03), ("prox", 0.02), ("prox", 0.5)])
def test_on_an_interval_the_order_in_the_spacing_is_two(kind, eta):
    moments = []
    for n in (48, 96, 192):
        mdp = problem(BOX, n)
        start = wc.softmax_policy(start_log(mdp.grid.nodes[:, 0]), mdp.grid)
        last = wc.evolve(SplitWPPG(eta, kind), mdp, start, steps=4, samples=1).policies[1]
        moments.append(last.pi @ np.cos(mdp.grid.nodes[:, 0]))
    first, second = np.abs(np.diff(moments, axis=0)).max(axis=1)
    assert second < 2e-3
    if eta < 0.1:
        assert abs(np.log2(first / second) - 2) < 0.3
    else:  # jumps lie anywhere within cells: errors of second order, but not smooth in h
        assert second < first / 2


@pytest.mark.parametrize("eta", [0.1, 0.3])
@pytest.mark.parametrize("kind", ["explicit", "prox"])
def test_both_readings_on_parabolas_follow_the_gaussian_recursions(kind, eta):
    """Kept: v' = ρ²v + 2τη. Sampled: u' = ρ²u of the half steps and v = u + 2τη."""
    mdp = wc.zoo.quadratic_line(temperature=TAU)
    kappa = 1.0 + np.arange(4) / 3
    h, centre = kappa + 1.0, 0.5 * kappa / (kappa + 1.0) * np.linspace(-1, 1, 4)
    rho = 1 - eta * h if kind == "explicit" else 1 / (1 + eta * h)
    a = mdp.grid.nodes[:, 0]
    for reading in ("kept", "sampled"):
        path = wc.evolve(SplitWPPG(eta, kind, reading), mdp, wc.uniform(mdp), steps=6, samples=3)
        mean, half, noisy = np.zeros(4), np.full(4, TAU), np.full(4, TAU)
        for k in range(1, 7):
            mean = centre + rho * (mean - centre)
            half = rho**2 * (noisy if reading == "kept" else half)
            noisy = half + 2 * TAU * eta
            if k % 2 == 0:
                pi = path.policies[k // 2].pi
                assert np.abs(pi @ a - mean).max() < 1e-9
                assert np.abs(pi @ a**2 - (pi @ a) ** 2 - noisy).max() < 1e-9


def test_heat_is_the_convolution_reflected_or_wrapped():
    """Waves without slope at the walls are damped by e^{−vk²/2}; mass stays; two steps are one."""
    for space, k in ((BOX, 2 * np.pi / 3), (CIRCLE, 2 * TURN)):
        mdp = problem(space, 64)
        a, start = mdp.grid.nodes[:, 0], wc.random_policy(mdp, np.random.default_rng(1))
        wave = np.cos(k * (a + 1.0) if space is BOX else k * a + 0.4)
        once = heat(start, 0.3)
        assert once.pi @ wave == pytest.approx(np.exp(-0.15 * k**2) * (start.pi @ wave), abs=1e-13)
        assert np.abs(once.pi.sum(axis=1) - 1).max() < 1e-14
        assert np.abs(heat(heat(start, 0.1), 0.2).pi - once.pi).max() < 1e-14


def test_what_cannot_be_computed_is_refused():
    box = problem(BOX, 64)
    with pytest.raises(wc.InputError, match=r"step must keep .* injective: .* take a step below"):
        wc.evolve(SplitWPPG(0.2, "explicit"), box, wc.uniform(box), steps=1)
    with pytest.raises(wc.InputError, match=r"step must .*spacings: tabulate with n >= \d+ nodes"):
        SplitWPPG(1e-4).prepare(box)
    with pytest.raises(wc.InputError, match=r"actions must form an interval.*2 dimensions"):
        SplitWPPG(0.1).prepare(wc.zoo.box_2d())
    with pytest.raises(wc.InputError, match=r"actions must form an interval.*a finite set"):
        SplitWPPG(0.1).prepare(wc.zoo.garnet())
    with pytest.raises(wc.InputError, match=r"transport must be a known name.*did you mean 'prox'"):
        SplitWPPG(0.1, "proxy")
    with pytest.raises(wc.InputError, match="variance must make a noise of at least"):
        heat(wc.uniform(box), 1e-5)
    line = wc.tabulate(
        wc.SmoothMDP(reward, transition, 2, GAMMA, TAU, wc.GaussianLine(0.6, 4.0)), 64
    )
    with pytest.raises(wc.SolverError, match=r"moves a mass .* beyond the nodes"):
        heat(wc.uniform(line), 0.5)
