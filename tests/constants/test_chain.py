"""C_h of reversible chains: exact cases, convergence to C_LS, witnesses, theorems."""

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from wconv._require import InputError
from wconv.constants.ascent import ascend, log_sobolev_form, modified_form
from wconv.constants.chain import modified_log_sobolev
from wconv.constants.graph import Graph, slow_modes
from wconv.mdp.policy import Policy, from_masses, softmax_policy
from wconv.measures.divergences import kl
from wconv.measures.fisher import fisher_dirichlet
from wconv.measures.spaces import Box, FiniteSet, Interval, Torus
from wconv.outcomes import SolverError


def policy(grid, *logits):
    return softmax_policy(np.stack([f(grid.nodes) for f in logits]), grid)


def flat(a):
    return np.zeros(len(a))


@pytest.mark.parametrize(
    ("space", "n", "exact"),
    [
        (Interval(0.0, np.pi), 2, (np.pi / 4) ** 2 / np.sin(np.pi / 4) ** 2),
        (Interval(0.0, np.pi), 33, (np.pi / 66) ** 2 / np.sin(np.pi / 66) ** 2),
        (Torus(), 2, (np.pi / 2) ** 2 / np.sin(np.pi / 4) ** 2),
        (Torus(), 32, (np.pi / 32) ** 2 / np.sin(np.pi / 32) ** 2),
        (Box((0.0, 0.0), (1.0, np.pi)), 12, (np.pi / 24) ** 2 / np.sin(np.pi / 24) ** 2),
    ],
)
def test_equal_masses(space, n, exact):
    """h²/(4 sin²(π/2n)) on a path, h²/(4 sin²(π/n)) on an even cycle, from both sides."""
    found = modified_log_sobolev(policy(space.grid(n), flat))
    assert found.lower[0] == pytest.approx(exact, rel=1e-10)
    assert found.upper[0] == pytest.approx(exact, rel=1e-10)


def test_converges_to_the_log_sobolev_constant_with_order_two():
    def tilted_wells(a):
        return -((a[:, 0] ** 2 - 1) ** 2 / 4 + 0.1 * a[:, 0]) / 0.3

    sizes = (64, 128, 256)
    found = [
        modified_log_sobolev(policy(Interval(-2.6, 2.6).grid(n), tilted_wells, flat)).lower
        for n in sizes
    ]
    for values, exact in zip(np.transpose(found), (1.253974019, (5.2 / np.pi) ** 2), strict=True):
        errors = exact - values
        np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 2.0, atol=0.05)
        assert (4 * values[2] - values[1]) / 3 == pytest.approx(exact, rel=2e-6)


@pytest.mark.parametrize("rare", [0.5, 0.1, 1e-3, 1e-9])
def test_two_actions(rare):
    """The laws on two actions are a one-parameter family: the supremum by itself."""
    grid = FiniteSet(np.array([[0.0], [2.0]]), weights=np.array([rare, 1 - rare])).grid()
    found = modified_log_sobolev(Policy(np.zeros((1, 2)), grid))

    def minus_quotient(v):
        # π = (p e^v, q)/Z, so that log u_1 − log u_2 = v.
        Z = rare * np.exp(v) + 1 - rare
        entropy = rare * np.exp(v) / Z * v - np.log(Z)
        information = np.sqrt(rare * (1 - rare)) / 4 * (np.exp(v) - 1) / Z * v
        return -2 * entropy / information

    high = np.log(1 / rare) + 10
    best = minimize_scalar(minus_quotient, bounds=(1e-3, high), options={"xatol": 1e-9})
    assert found.lower[0] == pytest.approx(-best.fun, rel=1e-6)
    assert found.lower[0] <= found.upper[0]


def test_complete_graph_attains_the_bound_by_the_gap():
    """w_ij = p_i p_j: gap one, log-Sobolev constant log(1/p_* − 1)/(2(1 − 2p_*)) [Diaconis–Saloff-Coste]."""
    for masses in ([0.25] * 4, [0.05, 0.25, 0.7], [0.2, 0.35, 0.45], [1e-4, 0.3, 0.3, 0.3999]):
        p = np.array(masses)
        edges = np.stack(np.triu_indices(len(p), 1), axis=-1)
        graph = Graph(np.log(p), edges, np.sqrt(p[edges].prod(axis=-1)))
        values, modes = slow_modes(graph, 2)
        np.testing.assert_allclose(values, 1.0, rtol=1e-12)
        top = ascend(graph, log_sobolev_form, [*modes, *np.eye(len(p))])
        want = np.log(1 / p.min() - 1) / (2 * (1 - 2 * p.min()))
        assert top.quotient == pytest.approx(want, rel=1e-9)
        # Ent(u) ≤ Cov(u, log u), so that the modified constant is at most twice the gap's.
        assert ascend(graph, modified_form, [*modes, *np.eye(len(p))]).quotient <= 2.0
    # Four actions at distance one: rates one, gap four.
    four = FiniteSet(np.eye(4), metric=1.0 - np.eye(4)).grid()
    found = modified_log_sobolev(Policy(np.zeros((1, 4)), four))
    assert found.upper[0] == pytest.approx(np.log(3) / 4, rel=1e-9)
    assert found.lower[0] == pytest.approx(0.261860612, rel=1e-7)


def test_slow_modes_of_a_random_graph_and_of_a_deep_barrier():
    rng = np.random.default_rng(3)
    edges = np.stack(np.triu_indices(80, 1), axis=-1)
    edges = edges[rng.random(len(edges)) < 0.1]
    log_mass = rng.standard_normal(80)
    log_mass -= np.log(np.exp(log_mass).sum())
    graph = Graph(log_mass, edges, rng.random(len(edges)) + 0.1)
    K = np.zeros((80, 80))
    for (i, j), rate in zip(edges, graph.rate, strict=True):
        K[i, j], K[j, i] = (
            rate * np.exp((log_mass[b] - log_mass[a]) / 2) for a, b in ((i, j), (j, i))
        )
    K -= np.diag(K.sum(axis=1))
    values, modes = slow_modes(graph, 3)
    np.testing.assert_allclose(values, np.sort(np.linalg.eigvals(-K).real)[1:4], rtol=1e-10)
    np.testing.assert_allclose(modes @ K.T, -values[:, None] * modes, atol=1e-9)
    # Two nodes behind one of mass e^-60: f = (1, 0, −1) has eigenvalue e^-30 exactly.
    barrier = np.array([0.0, -60.0, 0.0]) - np.log(2 + np.exp(-60.0))
    found, _ = slow_modes(Graph(barrier, np.array([[0, 1], [1, 2]]), np.ones(2)), 1)
    assert found[0] == pytest.approx(np.exp(-30.0), rel=1e-12)


def test_witness_and_random_policies():
    rng = np.random.default_rng(1)
    grid = FiniteSet(rng.standard_normal((12, 2))).grid()
    p = softmax_policy(2 * rng.standard_normal((3, 12)), grid)
    found = modified_log_sobolev(p)
    pi = Policy(p.logf + np.log(found.witness.values), grid)
    quotient = 2 * kl(pi, p).value / fisher_dirichlet(pi, p).value
    np.testing.assert_allclose(quotient, found.lower, rtol=1e-12)
    assert (found.lower > 1.01 * found.diagnostics["C_P(h)"]).all()
    for scale in (0.1, 1.0, 3.0, 8.0):
        for _ in range(50):
            other = softmax_policy(p.logf + scale * rng.standard_normal((3, 12)), grid)
            assert (2 * kl(other, p).value <= found.lower * fisher_dirichlet(other, p).value).all()


def exact_quotient(p, s, u):
    """2 KL(π‖p)/I_h(π‖p) for dπ/dp proportional to u, in forty digits."""
    grid, number = p.grid, mpmath.mpf
    weights = zip(p.logf[s], grid.log_weights, strict=True)
    mass = [mpmath.exp(number(a) + number(b)) for a, b in weights]
    mass = [m / mpmath.fsum(mass) for m in mass]
    u = [number(x) for x in u]
    mean = mpmath.fsum(m * x for m, x in zip(mass, u, strict=True))
    u = [x / mean for x in u]
    entropy = mpmath.fsum(m * x * mpmath.log(x) for m, x in zip(mass, u, strict=True))
    information = mpmath.fsum(
        mpmath.sqrt(mass[i] * mass[j]) * (u[i] - u[j]) * mpmath.log(u[i] / u[j]) / number(h) ** 2
        for (i, j), h in zip(grid.edges.tolist(), grid.lengths, strict=True)
    )
    return 2 * entropy / information


def test_lower_side_allows_for_the_errors_of_its_quotient():
    """Lower sides are below the quotients of their witnesses, and by rounding alone.

    Where p is nearly flat on a path the best π is close to p, and its small entropy least certain.
    """
    rng = np.random.default_rng(5)
    logits = np.repeat([0.01, 0.03, 3.0], 8)[:, None] * rng.standard_normal((24, 8))
    for grid in (FiniteSet(rng.standard_normal((8, 2))).grid(), Interval(0.0, 1.0).grid(8)):
        p = softmax_policy(logits, grid)
        found = modified_log_sobolev(p)
        attained = found.lower_sides[1].value
        with mpmath.workdps(40):
            for s, u in enumerate(found.witness.values):
                quotient = exact_quotient(p, s, u)
                assert quotient * (1 - mpmath.mpf("1e-9")) <= attained[s] <= quotient, s


def test_products_have_the_larger_constant():
    def first(a):
        return -((1.5 * (a[:, 0] + 1)) ** 2) / 2

    axis = modified_log_sobolev(policy(Interval(-1.0, 1.0).grid(20), first)).lower[0]
    square = Box((-1.0, -1.0), (1.0, 1.0)).grid(20)
    both = modified_log_sobolev(policy(square, lambda a: first(a) - 4 * a[:, 1] ** 2)).lower[0]
    assert both == pytest.approx(axis, rel=1e-9)


def test_bad_input():
    grid = Interval(0.0, 1.0).grid(4)
    apart = FiniteSet(np.arange(4.0)[:, None], edges=np.array([[0, 1], [2, 3]])).grid()
    for bad, message in (
        (from_masses([[0.5, 0.0, 0.25, 0.25]], grid), "policy must be positive at every action"),
        (Policy(np.zeros((1, 4)), apart), "edges must connect all actions, got 2 parts"),
        (Policy(np.zeros((1, 1)), FiniteSet(np.zeros((1, 1))).grid()), "policy must have a choice"),
        (Policy(np.full((1, 4), np.nan), grid), "policy must be positive at every action"),
        (Policy(np.ones((1, 4)), grid), "density must sum to 1"),
        (
            softmax_policy(np.array([[0.0, -1400.0, 0.0, 0.0]]), grid),
            "density must stay above e.-1300 of its peak",
        ),
    ):
        with pytest.raises(InputError, match=message):
            modified_log_sobolev(bad)


def test_what_floating_point_cannot_resolve():
    grid = Interval(0.0, 1.0).grid(64)
    barrier = softmax_policy(30 * np.cos(4 * np.pi * grid.nodes.T), grid)
    with pytest.raises(SolverError, match=r"the slowest mode takes over 1e\+14 jumps"):
        modified_log_sobolev(barrier)
    pair = FiniteSet(np.arange(5.0)[:, None]).grid()
    with pytest.raises(SolverError, match=r"masses down to e\^-\d+ are too far apart"):
        modified_log_sobolev(
            softmax_policy(np.array([[0.0, -900.0, -1250.0, -400.0, -800.0]]), pair)
        )
