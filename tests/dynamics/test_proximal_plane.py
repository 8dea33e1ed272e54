"""The proximal step in the plane: products of lines, finer transport, its inequality, no freezing."""

import numpy as np
import pytest
from scipy.optimize import root
from scipy.special import logsumexp

import wconv as wc
from wconv.dynamics import proximal_plane
from wconv.dynamics.proximal_finite import freezing_step
from wconv.dynamics.proximal_plane import (
    gibbs_form,
    plane_distance_squared,
    plane_gap,
    plane_step,
)

BOX, TORUS = wc.Box((-1.0, 0.0), (1.0, 1.4)), wc.Torus(2.0, dim=2)


def problem(space, n, *, seed=0, spread=1.0):
    """Q, ν, the grid and log w of one state."""
    rng = np.random.default_rng(seed)
    grid = space.grid(n)
    a = np.pi * grid.nodes
    waves = np.stack([np.cos(a @ k + f) for k, f in zip(WAVES, 6 * rng.random(4), strict=True)])
    Q, log_nu = spread * rng.standard_normal((2, 4)) @ waves
    nu = np.exp(log_nu - logsumexp(log_nu))
    return Q[None], nu[None], grid, grid.log_weights


WAVES = np.array([[1, 0], [0, 1], [1, 1], [2, -1]])


def solved(data, tau, eta, tol=1e-6):
    """Potentials, masses and certified gaps."""
    Q, nu, grid, log_w = data
    phi, _ = plane_step(Q, nu, grid, tau, eta, log_w, tol)
    return phi, gibbs_form(phi, Q, tau, log_w), plane_gap(phi, Q, nu, grid, tau, eta, log_w)


def line_step(Q, nu, h, tau, eta):
    """The semi-discrete step on a line of cells h from its optimality: mass p_i lies in [y_i, y_i+1]."""
    edges = h * np.arange(len(nu) + 1)
    cdf = np.append(0.0, np.cumsum(nu))

    def masses(rises):
        phi = np.append(0.0, np.cumsum(rises))
        return np.exp((Q - phi) / tau - logsumexp((Q - phi) / tau))

    def defect(rises):
        borders = edges[1:-1] - eta / h * rises
        return (np.cumsum(masses(rises))[:-1] - np.interp(borders, edges, cdf)) / tau

    found = root(defect, np.zeros(len(nu) - 1), tol=1e-14)
    assert np.abs(defect(found.x)).max() <= 1e-11
    return masses(found.x)


def refined(rival, nu, grid, m):
    """Bounds of W²(π, ν) less its value at π = ν, by transport to m×m atoms a cell (POT)."""
    from wconv.measures.transport import transport_cost

    h = np.asarray(grid.spacing)
    inside = (np.stack(np.meshgrid(*[np.arange(m)] * 2), axis=-1).reshape(-1, 2) + 0.5) / m - 0.5
    atoms = (grid.nodes[:, None] + inside * h).reshape(-1, 2)
    step = np.abs(grid.nodes[:, None] - atoms[None])
    if grid.periodic:
        step = np.minimum(step, grid.space.length - step)
    masses = np.repeat(nu / m**2, m**2, axis=1)
    found = transport_cost(rival, masses, (step**2).sum(axis=-1)).value[0]
    whole, part = (h**2).sum() / 12, (h**2).sum() / 12 / m**2
    # Spreading the atoms adds their second moment at most; shrinking the cells to atoms changes W by √part.
    return max(np.sqrt(found) - np.sqrt(part), 0.0) ** 2 - whole, found + part - whole


def free(p, Q, tau, log_w):
    return (p * Q).sum() - tau * (p * (np.log(np.where(p > 0, p, 1.0)) - log_w)).sum()


@pytest.mark.parametrize(("tau", "eta"), [(0.3, 0.02), (0.3, 1.0)])
def test_products_fall_into_two_lines(tau, eta):
    rng = np.random.default_rng(5)
    n, grid = 7, BOX.grid(7)
    Q, nu = rng.standard_normal((2, n)), rng.dirichlet(np.full(n, 4.0), size=2)
    lines = [line_step(q, x, h, tau, eta) for q, x, h in zip(Q, nu, grid.spacing, strict=True)]
    data = (np.add.outer(*Q).reshape(1, -1), np.outer(*nu).reshape(1, -1), grid, grid.log_weights)
    _, p, gap = solved(data, tau, eta, 1e-11)
    assert gap[0] <= 1e-9
    assert np.abs(p - np.outer(*lines).ravel()).sum() <= 1e-7


def test_the_gap_is_an_upper_bound_for_any_potential():
    tau, eta, n = 0.2, 0.3, 6
    rng, ratios = np.random.default_rng(1), []
    for space in (BOX, TORUS):
        Q, nu, grid, log_w = problem(space, n)
        phi, *_ = solved((Q, nu, grid, log_w), tau, eta)
        for size in (0.003, 0.03, 0.3):
            off = phi + size * rng.standard_normal(phi.shape)
            p = gibbs_form(off, Q, tau, log_w)
            # D − J = W²/2η − ⟨φ, p⟩ − ∫φ^c dν, all but W² by the dual value of the same potential.
            below = plane_distance_squared(off, p, nu, grid, eta)[0]
            least, most = (x / (2 * eta) for x in refined(p, nu, grid, 10))
            bound = plane_gap(off, Q, nu, grid, tau, eta, log_w)[0]
            assert bound >= least - below / (2 * eta)
            ratios.append(bound / (most - below / (2 * eta)))
    # Crude but not empty: linear in |p − q|, which the gap is not, and so best far off.
    assert min(ratios) <= 25


def test_cells_that_are_not_those_of_the_potential_are_paid_for(monkeypatch):
    """The cells of another potential have the right masses, but are not the cheapest."""
    tau, eta = 0.2, 0.5
    Q, nu, grid, log_w = problem(BOX, 5)
    phi, p, _ = solved((Q, nu, grid, log_w), tau, eta, 1e-9)
    noise = 0.3 * np.random.default_rng(2).standard_normal(phi.shape)
    diagram = proximal_plane.diagram
    below = plane_distance_squared(phi + noise, p, nu, grid, eta)[0]
    monkeypatch.setattr(proximal_plane, "diagram", lambda x, _: diagram(x, 2 * eta * phi[0]))
    bound = plane_gap(phi + noise, Q + noise, nu, grid, tau, eta, log_w)[0]
    assert bound >= (refined(p, nu, grid, 12)[0] - below) / (2 * eta) > 0.01


@pytest.mark.parametrize("space", [BOX, TORUS], ids=["box", "torus"])
def test_the_dual_value_is_the_distance(space):
    tau, eta = 0.2, 0.5
    Q, nu, grid, log_w = problem(space, 5)
    phi, p, gap = solved((Q, nu, grid, log_w), tau, eta, 1e-9)
    value = plane_distance_squared(phi, p, nu, grid, eta)[0]
    assert gap[0] <= 1e-7
    widths = []
    for m in (4, 12):
        low, high = refined(p, nu, grid, m)
        assert low <= value + 2 * eta * gap[0]
        assert value <= high + 1e-12
        widths.append(high - value)
    assert widths[1] <= widths[0] / 6  # the atoms' transport tends to it with order two


@pytest.mark.parametrize("space", [BOX, TORUS], ids=["box", "torus"])
def test_the_one_step_inequality_holds_against_competitors(space):
    tau, eta, n = 0.2, 0.6, 5
    Q, nu, grid, log_w = problem(space, n)
    phi, p, gap = solved((Q, nu, grid, log_w), tau, eta)
    own = plane_distance_squared(phi, p, nu, grid, eta)[0]
    rng = np.random.default_rng(3)
    slack = []
    for size in (0.0, 0.1, 0.3, 1.0, 3.0):
        rival = p * np.exp(size * rng.standard_normal(p.shape))
        rival /= rival.sum()
        kl = tau * (rival * np.log(rival / p)).sum()
        gain = free(p, Q, tau, log_w) - free(rival, Q, tau, log_w)
        _, most = refined(rival, nu, grid, 8)
        slack.append(gain - (own - most) / (2 * eta) - kl + gap[0])
    assert min(slack) >= 0
    assert slack[0] <= 2e-3  # at p itself it is an equality but for the atoms
    # Against ν itself the distance is zero exactly: monotone improvement.
    rise = free(p, Q, tau, log_w) - free(nu, Q, tau, log_w)
    kl = tau * (nu * np.log(nu / p)).sum()
    assert rise >= own / (2 * eta) + kl - gap[0]


@pytest.mark.parametrize("space", [BOX, TORUS], ids=["box", "torus"])
def test_the_gibbs_policy_stays_for_every_step(space):
    tau = 0.3
    Q, _, grid, log_w = problem(space, 8)
    gibbs = gibbs_form(np.zeros_like(Q), Q, tau, log_w)
    for eta in (1e-3, 0.3, 1e2):
        phi, p, gap = solved((Q, gibbs, grid, log_w), tau, eta)
        assert np.abs(p - gibbs).sum() <= 1e-9
        assert gap[0] <= 1e-8
        assert abs(plane_distance_squared(phi, p, gibbs, grid, eta)[0]) <= 1e-9


def test_short_steps_move_where_transport_between_nodes_is_frozen():
    tau, n = 0.3, 12
    Q, nu, grid, log_w = problem(BOX, n)
    cost = ((grid.nodes[:, None] - grid.nodes[None]) ** 2).sum(axis=-1)
    frozen = freezing_step(Q, nu, cost, tau, log_w)[0]
    found = []
    for eta in (frozen / 10, frozen / 20):
        phi, p, gap = solved((Q, nu, grid, log_w), tau, eta, 1e-10)
        assert gap[0] <= 1e-7
        speed = plane_distance_squared(phi, p, nu, grid, eta)[0] / eta**2
        found.append([np.abs(p - nu).sum() / eta, speed])
    # Twice the step moves twice as far: the distance over the step tends to the speed of the flow.
    np.testing.assert_allclose(found[0], found[1], rtol=0.05)
    assert found[1][0] > 0.1


def test_translations_of_a_torus_commute():
    tau, eta, n = 0.2, 0.8, 8
    Q, nu, grid, log_w = problem(TORUS, n)

    def shifted(x):
        return np.roll(x.reshape(n, n), (3, 5), axis=(0, 1)).reshape(1, -1)

    _, p, gap = solved((Q, nu, grid, log_w), tau, eta, 1e-10)
    _, moved, _ = solved((shifted(Q), shifted(nu), grid, log_w), tau, eta, 1e-10)
    assert gap[0] <= 1e-8
    assert np.abs(shifted(p) - moved).sum() <= 1e-7
    assert np.abs(p - shifted(p)).sum() > 0.1


@pytest.mark.parametrize(
    ("start", "reached"), [("zeros", 1.1e-6), ("atom", 1e-5), ("tails", 1.1e-6)]
)
@pytest.mark.parametrize(("tau", "eta"), [(0.02, 0.1), (0.3, 1.0)])
def test_hard_starts_are_certified(start, reached, tau, eta):
    """One atom may end above the tolerance of 1e-6, and says so."""
    Q, _, grid, log_w = problem(BOX, 8)
    rng = np.random.default_rng(6)
    nu = {
        "zeros": rng.random(64) * (rng.random(64) < 0.3),
        "atom": np.eye(64)[9],
        "tails": np.exp(-200 * rng.random(64)),
    }[start]
    _, p, gap = solved((Q, nu[None] / nu.sum(), grid, log_w), tau, eta)
    assert gap[0] <= reached
    assert abs(p.sum() - 1.0) <= 1e-14


@pytest.mark.parametrize("space", [BOX, TORUS], ids=["box", "torus"])
def test_a_start_from_a_coarser_grid_saves_iterations_and_changes_nothing(space, monkeypatch):
    tau, eta = 0.1, 10.0
    data = problem(space, 12, seed=1)
    found, steps = [], []
    for far in (0.0, np.inf):
        monkeypatch.setattr(proximal_plane, "FAR", far)
        _, p, gap = solved(data, tau, eta, 1e-10)
        assert gap[0] <= 1e-9
        found.append(p)
        Q, nu, grid, log_w = data
        steps.append(plane_step(Q, nu, grid, tau, eta, log_w, 3e-5)[1][0])
    assert np.abs(found[0] - found[1]).sum() <= 1e-6
    assert steps[0] < 0.7 * steps[1]
