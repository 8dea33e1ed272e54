import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from wconv._require import InputError
from wconv.mdp.policy import Policy, softmax_policy
from wconv.measures import gaussians, transport
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus
from wconv.measures.transport import (
    transport_cost,
    w2_squared,
    w2_squared_atoms,
    w2_squared_circle_atoms,
    w2_squared_piecewise_constant,
)
from wconv.outcomes import SolverError

seeds = st.integers(0, 10**6)


def cloud(rng, n, *, states=2, zeros=False):
    """Atoms in [0, 1) in no order and masses, some of them zero."""
    masses = rng.dirichlet(np.full(n, 0.5), size=states)
    if zeros:
        masses[:, rng.random(n) < 0.3] = 0.0
        masses[:, 0] += 1 - masses.sum(axis=1)
    return rng.random(n), masses


def linear_program(p, q, cost):
    """The transport problem by another library's simplex (HiGHS), tolerance 1e-10 on masses."""
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    found = linprog(
        cost.ravel(),
        A_eq=np.concatenate([rows, columns[:-1]]),
        b_eq=np.concatenate([p, q[:-1]]),
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.success
    # Defects of 1e-10 a constraint move the optimum by at most their dual, the largest cost.
    return found.fun, 1e-10 * (n + m) * cost.max()


@given(seed=seeds, n=st.integers(1, 9), m=st.integers(1, 9), zeros=st.booleans())
def test_line_circle_and_simplex_agree_with_linear_programming(seed, n, m, zeros):
    rng = np.random.default_rng(seed)
    (x, p), (y, q) = cloud(rng, n, zeros=zeros), cloud(rng, m, zeros=zeros)
    distance = np.abs(x[:, None] - y)
    geodesic = np.minimum(distance, 1 - distance)
    cases = [
        (w2_squared_atoms(x, p, y, q), distance**2),
        (w2_squared_circle_atoms(x, p, y, q, 1.0), geodesic**2),
        (transport_cost(p, q, distance**2), distance**2),
        (transport_cost(p, q, geodesic), geodesic),
    ]
    for got, cost in cases:
        for s in range(2):
            want, slack = linear_program(p[s], q[s], cost)
            assert abs(got.value[s] - want) <= got.error[s] + slack
            assert got.error[s] <= 1e-12


@given(seed=seeds, shift=st.floats(-5, 5), n=st.integers(1, 40))
def test_translations_and_scalings_are_exact(seed, shift, n):
    rng = np.random.default_rng(seed)
    _, p = cloud(rng, n, zeros=True)
    edges = np.cumsum(rng.uniform(0.1, 1.0, n + 1))
    moved = w2_squared_piecewise_constant(edges, p, edges + shift, p)
    assert (np.abs(moved.value - shift**2) <= moved.error).all()
    assert (moved.error <= 1e-12 * (n + abs(shift)) ** 2).all()
    # The map x → 2x is monotone: W² = ∫x² dp, on cells (b³−a³)/3(b−a).
    scaled = w2_squared_piecewise_constant(edges, p, 2 * edges, p)
    want = p @ ((edges[1:] ** 3 - edges[:-1] ** 3) / (3 * np.diff(edges)))
    assert (np.abs(scaled.value - want) <= scaled.error).all()


def test_far_from_the_origin_positions_are_rounded():
    rng = np.random.default_rng(1)
    edges = 2.0**30 + np.arange(41) / 8  # exact, and so is the shift; points inside cells are not
    p = rng.dirichlet(np.ones(40))
    q = rng.dirichlet(np.ones(40))
    got = w2_squared_piecewise_constant(edges, p, edges + 2.5, q)
    near = w2_squared_piecewise_constant(edges - 2.0**30, p, edges - 2.0**30 + 2.5, q)
    assert abs(got.value - near.value) <= got.error + near.error <= 1e-4


@given(seed=seeds, turn=st.floats(-0.5, 0.5))
def test_rotations_of_the_circle(seed, turn):
    """A measure on an arc of a quarter turn moves by the rotation itself; rotating both is free."""
    rng = np.random.default_rng(seed)
    x, p = cloud(rng, 12)
    y, q = cloud(rng, 9)
    arc = x / 4
    moved = w2_squared_circle_atoms(arc, p, np.mod(arc + turn, 1.0), p, 1.0)
    if abs(turn) <= 0.25:  # no displacement can gain from going round
        # Wrapping rounds a position by an ulp, so the displacement by 1e-15.
        assert (np.abs(moved.value - turn**2) <= moved.error + 1e-15).all()
    before = w2_squared_circle_atoms(x, p, y, q, 1.0)
    both = w2_squared_circle_atoms(np.mod(x + turn, 1.0), p, np.mod(y + turn, 1.0), q, 1.0)
    assert (np.abs(before.value - both.value) <= before.error + both.error + 1e-15).all()


SPACES = {
    "interval": (Interval(-1, 2).grid(20), 3.0),
    "line": (GaussianLine(1.0, 4.0).grid(20), 8.0),
    "circle": (Torus(3.0).grid(20), 1.5),
    "box": (Box((0.0, 0.0), (3.0, 4.0)).grid(4), 5.0),
    "torus": (Torus(2.0, dim=2).grid(4), np.sqrt(2.0)),
    "finite set": (
        FiniteSet(np.zeros((3, 1)), metric=np.array([[0, 1, 2.0], [1, 0, 2], [2, 2, 0]])).grid(),
        2.0,
    ),
}


def test_all_mass_on_one_node_moves_by_the_distance():
    """First node to last: across an interval, but next door on circles and tori."""
    step = {"interval": 3 * 19 / 20, "line": 8 * 19 / 20, "circle": 3 / 20}
    step |= {"box": 5 * 3 / 4, "torus": np.sqrt(2) * 2 / 4, "finite set": 2.0}
    for name, (grid, diameter) in SPACES.items():
        ends = np.full((2, 1, grid.n), -np.inf)
        ends[0, 0, 0], ends[1, 0, -1] = -grid.log_weights[[0, -1]]
        got = w2_squared(*(Policy(logf, grid) for logf in ends))
        slack = got.error[0] - got.errors.get("quantisation", np.zeros(1))[0]
        assert abs(got.value[0] - step[name] ** 2) <= slack + 4e-16 * diameter**2, name


def test_mass_defects_are_in_the_error():
    """Masses that miss one by 1.5e-12 stand for their normalised ones, 7.5e-13 of mass away."""
    x, p, q = np.array([0.0, 1.0]), np.array([0.5, 0.5]), np.array([0.5 - 1.5e-12, 0.5])
    for got in (
        w2_squared_atoms(x, p, x, q),
        w2_squared_circle_atoms(x / 2, p[None], x / 2, q[None], 1.0)[0] * 4.0,
    ):
        want = 0.5 - q[0] / q.sum()
        # The circle allows for displacements of two and a half turns: a factor 6.25, times 4.
        assert abs(got.value - want) <= got.error <= 25 * 1.6e-12


@pytest.mark.parametrize("name", SPACES)
def test_metric_laws_in_every_space(name):
    grid, diameter = SPACES[name]
    rng = np.random.default_rng(11)
    p, q, r = (softmax_policy(2 * rng.standard_normal((3, grid.n)), grid) for _ in range(3))
    pq, qp, qr, pr = w2_squared(p, q), w2_squared(q, p), w2_squared(q, r), w2_squared(p, r)

    def exact(x):
        return x.error - x.errors.get("quantisation", 0.0)  # the law of the node masses

    assert (np.abs(pq.value - qp.value) <= exact(pq) + exact(qp)).all()
    assert (w2_squared(p, p).value <= exact(w2_squared(p, p))).all()
    detour = np.sqrt(pq.value + exact(pq)) + np.sqrt(qr.value + exact(qr))
    assert (np.sqrt(pr.value - exact(pr)) <= detour).all()
    variation = np.abs(p.pi - q.pi).sum(axis=1) / 2
    assert (pq.value <= diameter**2 * variation + exact(pq)).all()
    assert (pq.value > 1e-3 * diameter**2).all()
    assert (exact(pq) <= 1e-11 * diameter**2).all()


@pytest.mark.parametrize("space", [Interval(0, 1), Torus(1.0)], ids=["interval", "circle"])
def test_masses_below_the_smallest_float(space):
    """exp(−1500·distance) underflows through the subnormal numbers to zero on most of the grid."""
    grid = space.grid(100)
    a = grid.nodes.T
    p, q = (softmax_policy(-1500 * np.abs(a - grid.nodes[k, 0]), grid) for k in (50, 62))
    got = w2_squared(p, q)
    # Peaks on nodes twelve cells apart; what the ends cut off weighs e^{−555}.
    assert abs(got.value[0] - 0.12**2) <= got.error[0] + 100 * 2.3e-16


def on_line(grid, mean, std):
    a = grid.nodes[:, 0]
    return softmax_policy((-((a - mean) ** 2) / (2 * std**2) + a**2 / 2)[None], grid)


def test_quantised_gaussians_are_of_second_order():
    want = gaussians.w2_squared(gaussians.Gaussian(0.7, 0.25), gaussians.Gaussian(-0.4, 1.0))
    errors = []
    for n in (64, 128, 256):
        grid = GaussianLine().grid(n)
        errors.append(
            abs(w2_squared(on_line(grid, 0.7, 0.5), on_line(grid, -0.4, 1.0)).value[0] - want)
        )
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 2.0, atol=0.1)


def test_circle_of_narrow_gaussians_across_the_seam():
    """Mass around 0 on both sides of the seam: the circle must not notice it."""
    grid = Torus(1.0).grid(200)
    a = grid.nodes[:, 0]

    def wrapped(m):
        return -(((np.mod(a - m + 0.5, 1.0) - 0.5) / 0.03) ** 2) / 2

    p, q = softmax_policy(wrapped(0.95)[None], grid), softmax_policy(wrapped(0.05)[None], grid)
    got = w2_squared(p, q)
    # A shift by .1 = 20 cells of the same masses; what crosses the antipode weighs e^{-(.45/.03)²/2}.
    assert abs(got.value[0] - 0.01) <= got.error[0] + 200 * 2.3e-16


def test_quantisation_term_bounds_the_distance_to_the_cells():
    """Densities that vary along one axis only: the cells' distance is that of the interval."""
    rng = np.random.default_rng(2)
    box, axis = Box((0.0, 0.0), (1.0, 1.0)).grid(8), Interval(0, 1).grid(8)
    f, g = rng.standard_normal((2, 1, 8))

    def lift(h):
        return softmax_policy(np.repeat(h, 8, axis=1), box)

    got = w2_squared(lift(f), lift(g))
    want = w2_squared(softmax_policy(f, axis), softmax_policy(g, axis))
    assert abs(got.value[0] - want.value[0]) <= got.error[0] + want.error[0]
    assert got.errors["quantisation"][0] > 0


def test_pivot_limit_is_an_error(monkeypatch):
    rng = np.random.default_rng(0)
    (x, p), (y, q) = cloud(rng, 30, states=1), cloud(rng, 30, states=1)
    monkeypatch.setattr(transport, "PIVOTS", 1)
    with pytest.raises(SolverError, match="network simplex"):
        transport_cost(p, q, (x[:, None] - y) ** 2)


HALF = np.array([[0.5, 0.5]])
ZERO_ONE = np.array([0.0, 1.0])


@pytest.mark.parametrize(
    ("call", "symbol"),
    [
        (lambda: w2_squared_atoms(np.zeros(3), HALF, ZERO_ONE, HALF), "p must have one position"),
        (lambda: w2_squared_atoms(ZERO_ONE, HALF, ZERO_ONE, 0.9 * HALF), "q masses must sum"),
        (lambda: w2_squared_atoms(ZERO_ONE, [-0.5, 1.5], ZERO_ONE, [0.5, 0.5]), "p masses"),
        (lambda: w2_squared_atoms([0.0, np.nan], HALF, ZERO_ONE, HALF), "p positions"),
        (lambda: w2_squared_atoms(ZERO_ONE, HALF, ZERO_ONE, HALF[0]), "masses must have one batch"),
        (
            lambda: w2_squared_piecewise_constant(ZERO_ONE, HALF, ZERO_ONE, HALF),
            "p must have one edge more",
        ),
        (
            lambda: w2_squared_piecewise_constant([0.0, 2.0, 1.0], HALF, [0.0, 1.0, 2.0], HALF),
            "p edges must ascend",
        ),
        (lambda: w2_squared_circle_atoms(ZERO_ONE, HALF, ZERO_ONE, HALF, 0.0), "length"),
        (lambda: w2_squared_circle_atoms(ZERO_ONE, HALF, ZERO_ONE, HALF, 1.0), "p positions"),
        (lambda: transport_cost(HALF, HALF, np.zeros((3, 2))), "cost must have shape"),
        (lambda: transport_cost(HALF[0], HALF, np.zeros((2, 2))), "p must have shape"),
        (lambda: transport_cost(HALF, [[1.0], [1.0]], np.zeros((2, 1))), "q must have shape"),
        (lambda: transport_cost(HALF, HALF / 2, np.zeros((2, 2))), "q must sum"),
        (lambda: transport_cost(HALF, HALF, -np.eye(2)), "cost must be non-negative"),
        (lambda: transport_cost(HALF, HALF, np.full((2, 2), np.inf)), "cost must be finite"),
    ],
)
def test_bad_input(call, symbol):
    with pytest.raises(InputError, match=symbol):
        call()


def test_bad_pairs():
    def flat(grid, states=1):
        return Policy(np.zeros((states, grid.n)), grid)

    interval, points = Interval(0, 1).grid(4), np.arange(3.0)[:, None]
    with pytest.raises(InputError, match="space"):
        w2_squared(flat(interval), flat(Interval(0, 2).grid(4)))
    with pytest.raises(InputError, match="space"):
        w2_squared(flat(FiniteSet(points).grid()), flat(FiniteSet(points).grid()))
    with pytest.raises(InputError, match="policy must have the same states"):
        w2_squared(flat(interval), flat(interval, 2))
