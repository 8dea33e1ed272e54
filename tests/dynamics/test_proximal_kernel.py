"""The proximal step: certified for every problem, and the one that an independent solver finds."""

import jax
import numpy as np
import pytest
from scipy.optimize import minimize

from wconv.dynamics.proximal_kernel import solve, solve_ring
from wconv.measures.semirelaxed import proximal_gap, semidiscrete_w2
from wconv.measures.spaces import GaussianLine, Interval, Torus

LENGTH, STATES, N = 2.0, 10, 24  # one shape: the solver is compiled once a shape
SPACES = {
    "interval": Interval(-1.0, 1.0),
    "circle": Torus(LENGTH),
    "gaussian line": GaussianLine(0.3, 30.0),
}


def step(q, nu, tau, eta, grid, tol=1e-10):
    """Potentials, policies and certified gaps."""
    numbers = np.array([tau, eta, grid.spacing[0], grid.periodic, tol], dtype=float)
    tau, eta, h, wrap, tol = numbers  # floats of one type are compiled for once
    with jax.enable_x64(True):
        phi, _ = solve(q, nu, tau, eta, grid.log_lebesgue, h, wrap, tol)
    phi = np.asarray(phi)
    p = softmax((q - phi) / tau + grid.log_lebesgue)
    return phi, p, proximal_gap(phi, p, nu, eta, grid).upper


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def values(q, tau, w, p):
    return (p * (q - tau * np.log(np.where(p > 0, p / w, 1.0)))).sum(axis=-1)


def rewards(rng, x, states=STATES):
    """Waves of all sizes, steep ones among them."""
    waves = np.cos(np.pi * np.arange(1, 5)[:, None] * x + rng.uniform(0, 6, (states, 4, 1)))
    return 10 ** rng.uniform(-1, 0.7, (states, 1)) * (
        waves * rng.standard_normal((states, 4, 1))
    ).sum(1)


def policies(rng, n, states=STATES):
    """Starts: uniform, falling by e^{-700}, Gibbs, with zeros, and with one or two cells."""
    x = np.linspace(-1, 1, n)
    out = np.zeros((states, n))
    for s in range(states):
        kind = s % 5
        logits = -(10 ** rng.uniform(0, 2.85)) * np.abs(x - rng.uniform(-1, 1))
        if kind == 3:
            logits = np.where(rng.random(n) < 0.6, -np.inf, rng.standard_normal(n))
            logits[rng.integers(n)] = 0.0
        if kind == 4:
            logits = np.full(n, -np.inf)
            logits[rng.integers(n, size=2)] = rng.standard_normal(2)
        out[s] = softmax(0 * logits if kind == 0 else logits)
    return out


def optimum(q, tau, eta, w, nu, edges, x, *, wrap):
    """Largest ∫qp − τKL(p‖w) − W²(p, ν)/(2η) over softmax p and cuts of the circle, by BFGS."""
    length, turns = edges[-1] - edges[0], np.arange(-2, 3)
    levels = np.append(0.0, np.cumsum(nu))
    marks = np.append((turns[:, None] + levels[:-1]).ravel(), turns[-1] + 1.0)
    places = np.append((turns[:, None] * length + edges[:-1]).ravel(), (turns[-1] + 1) * length)
    places[-1] += edges[0]

    def loss(parameters):
        p = softmax(np.append(parameters[1:], 0.0))
        ends = parameters[0] * wrap + np.append(0.0, np.cumsum(p))
        u = np.sort(np.concatenate([ends, marks[(marks > ends[0]) & (marks < ends[-1])]]))
        atom = x[np.minimum(np.searchsorted(ends, (u[1:] + u[:-1]) / 2) - 1, len(x) - 1)]
        a, b = (np.interp(v, marks, places) - atom for v in (u[:-1], u[1:]))
        cost = (np.diff(u) * (a * a + a * b + b * b)).sum() / 3
        return cost / (2 * eta) - values(q, tau, w, p)

    start = np.append(0.0, np.log(w[:-1] / w[-1]))
    found = minimize(loss, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 1000})
    return -found.fun, softmax(np.append(found.x[1:], 0.0))


@pytest.mark.parametrize("name", SPACES)
def test_no_other_solver_finds_better(name):
    space = GaussianLine(0.5, 3.0) if name == "gaussian line" else SPACES[name]
    grid, rng = space.grid(6), np.random.default_rng(5)
    x, h, w, wrap = grid.nodes[:, 0], grid.spacing[0], grid.weights, grid.periodic
    edges = x[0] - h / 2 + h * np.arange(7)
    q, nu = rng.standard_normal((3, 6)), rng.dirichlet(np.ones(6), 3)
    for tau, eta in ((0.2, 0.3), (1.0, 0.05), (0.5, 3.0)):
        _, p, gap = step(q, nu, tau, eta, grid)
        cost = semidiscrete_w2(p, nu, grid).value + h**2 / 12
        reached = values(q, tau, w, p) - cost / (2 * eta)
        best = [
            optimum(*(a, tau, eta, w, b), edges, x, wrap=wrap) for a, b in zip(q, nu, strict=True)
        ]
        best, other = (np.array(side) for side in zip(*best, strict=True))
        # BFGS with differences ends up to 1e-6 below the largest value.
        assert (reached >= best - gap - 1e-13).all()
        assert np.abs(reached - best).max() <= 1e-6
        assert np.abs(p - other).max() <= 1e-2
        assert gap.max() <= 1e-10


@pytest.mark.parametrize("space", [*SPACES.values(), GaussianLine(0.3, 60.0)], ids=str)
def test_every_step_is_certified(space):
    """Whatever the start, with zeros, far tails and points, and where the reference underflows."""
    grid, rng = space.grid(N), np.random.default_rng(0)
    length = N * grid.spacing[0]
    for _ in range(25):
        q, nu = rewards(rng, grid.nodes[:, 0]), policies(rng, N)
        tau, eta = 10 ** rng.uniform(-2, 0), 10 ** rng.uniform(-3, 2)
        floor = np.finfo(float).eps * (length**2 / eta + np.ptp(q + tau * grid.log_lebesgue))
        tol = 1e-10 * tau + 64 * floor
        assert (step(q, nu, tau, eta, grid, tol / 2)[2] <= tol).all()


@pytest.mark.parametrize("name", SPACES)
def test_no_competitor_beats_the_one_step_inequality(name):
    grid, rng = SPACES[name].grid(N), np.random.default_rng(1)
    tau, eta, w = 0.1, 0.3, grid.weights
    q, nu = rewards(rng, grid.nodes[:, 0]), policies(rng, N)
    _, p, gap = step(q, nu, tau, eta, grid)
    moved = semidiscrete_w2(p, nu, grid).value
    for k in range(40):
        noisy = p * np.exp(10.0 ** -(k % 5) * rng.standard_normal(p.shape))
        other = (policies(rng, N), nu, noisy / noisy.sum(axis=1, keepdims=True))[k % 3]
        gain = values(q, tau, w, p) - values(q, tau, w, other)
        farther = (moved - semidiscrete_w2(other, nu, grid).value) / (2 * eta)
        kl = -values(0.0, 1.0, p, other)
        assert (gain + gap >= farther + tau * kl - 1e-12 * (1 + np.abs(q).max())).all()


def test_twelve_steps_rise_by_what_they_move():
    grid, rng = SPACES["interval"].grid(N), np.random.default_rng(2)
    q, p, tau, eta = rewards(rng, grid.nodes[:, 0]), policies(rng, N), 0.5, 20.0
    reached = values(q, tau, grid.weights, p)
    for _ in range(12):
        before, start = reached, p
        _, p, gap = step(q, start, tau, eta, grid)
        reached = values(q, tau, grid.weights, p)
        rise = semidiscrete_w2(p, start, grid).value / (2 * eta)
        assert (reached - before >= rise - gap - 1e-13 * np.ptp(q)).all()
        assert gap.max() <= 1e-10
    best = values(q, tau, grid.weights, softmax(q / tau + grid.log_lebesgue))
    assert (reached <= best + 1e-13 * np.ptp(q)).all()
    assert (reached >= best - 0.01).all()


@pytest.mark.parametrize("eta", [1e-5, 1e-2, 1e2, 1e6])
@pytest.mark.parametrize("name", SPACES)
def test_the_gibbs_policy_stays(name, eta):
    grid, rng = SPACES[name].grid(N), np.random.default_rng(3)
    q, tau = rewards(rng, grid.nodes[:, 0]), 0.1
    gibbs = softmax(q / tau + grid.log_lebesgue)
    assert np.abs(step(q, gibbs, tau, eta, grid)[1] - gibbs).max() <= 1e-12


def test_a_turn_of_the_circle_turns_the_step():
    grid, rng = SPACES["circle"].grid(N), np.random.default_rng(4)
    q, nu, tau, eta = rewards(rng, grid.nodes[:, 0]), policies(rng, N), 0.1, 0.5
    p = step(q, nu, tau, eta, grid, 1e-13)[1]
    turned = step(np.roll(q, 7, axis=1), np.roll(nu, 7, axis=1), tau, eta, grid, 1e-13)[1]
    # A gap of 1e-13 leaves KL below 1e-12, differences of masses below 1e-6.
    assert np.abs(np.roll(p, 7, axis=1) - turned).max() <= 1e-6


def test_the_circle_is_the_interval_when_nothing_crosses():
    rng = np.random.default_rng(6)
    line, circle = Interval(0.0, LENGTH).grid(N), SPACES["circle"].grid(N)
    x = line.nodes[:, 0] - LENGTH / 2
    inside = np.abs(x) < 0.3
    nu = np.where(inside, rng.random((STATES, N)), 0.0)
    nu /= nu.sum(axis=1, keepdims=True)
    q = -20.0 * x**2 + 0.3 * rng.standard_normal((STATES, N))
    on_line, on_circle = (step(q, nu, 0.2, 0.1, grid, 1e-13)[1] for grid in (line, circle))
    assert np.abs(on_line - on_circle).max() <= 1e-6
    assert np.abs(on_line - nu).max() > 1e-2


@pytest.mark.parametrize("eta", [1e-12, 1e12])
@pytest.mark.parametrize("name", SPACES)
def test_what_is_not_solved_is_finite_and_shown(name, eta):
    grid, rng = SPACES[name].grid(N), np.random.default_rng(8)
    q, nu = 1e6 * rewards(rng, grid.nodes[:, 0]), policies(rng, N)
    phi, p, gap = step(q, nu, 1e-3, eta, grid, 0.0)
    assert np.isfinite(phi).all()
    assert np.isfinite(p).all()
    assert (gap > 0).all()


@pytest.mark.slow
def test_order_two_in_the_grid():
    """On a circle, where no kink of the density comes from an end: steps at the nodes of 24, 72, 216."""
    errors, last = [], None
    for n in (N, 3 * N, 9 * N):
        grid = SPACES["circle"].grid(n)
        x = np.pi * grid.nodes[:, 0] + np.arange(STATES)[:, None]
        nu = softmax(np.sin(x + 1))
        p = step(np.cos(2 * x) + 0.3 * np.sin(x), nu, 0.5, 0.1, grid, 1e-13)[1] * n
        if last is not None:
            errors.append(np.abs(p[:, 1::3] - last).mean(axis=1))
        last = p
    orders = np.log(errors[0] / errors[1]) / np.log(3)
    assert np.abs(orders - 2).max() <= 0.1


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12, 13])
def test_the_ring_of_conductances(n):
    """Against a dense solution, and to all digits where the links exceed the ground by e^60."""
    rng = np.random.default_rng(n)
    ground, b = rng.random(n), rng.random(n)
    for size in (1.0, 1e26):
        link = size * rng.random(n)
        link[-1] *= n > 2  # two nodes have one link, one node none
        dense = np.diag(ground)
        for i in range(n - (n < 3)):
            j = (i + 1) % n
            dense[[i, j], [i, j]] += link[i]
            dense[[i, j], [j, i]] -= link[i]
        with jax.enable_x64(True):
            x = np.asarray(jax.jit(solve_ring)(ground, link, b))
        if size == 1.0:
            assert np.abs(dense @ x - b).max() <= 1e-14
        elif n > 1:
            assert np.abs(x / (b.sum() / ground.sum()) - 1).max() <= 1e-14
