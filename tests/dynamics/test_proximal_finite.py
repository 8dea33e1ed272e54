"""The proximal step on finite sets: an independent convex solver, its inequality, its freezing."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import logsumexp

from wconv.dynamics.proximal_finite import finite_gap, finite_step, freezing_step
from wconv.dynamics.proximal_plane import gibbs_form


def problem(n=6, states=6, *, seed=0, tau=0.3, eta=0.5, spread=1.0):
    """Q, ν, C, τ, η, log w of points in the plane."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2))
    cost = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    nu = rng.dirichlet(np.ones(n), size=states)
    Q = spread * rng.standard_normal((states, n))
    return Q, nu, cost, tau, eta, np.log(rng.dirichlet(np.full(n, 5.0)))


def transport(p, nu, cost):
    """Squared distance by a linear program."""
    n, m = cost.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    found = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([p, nu]))
    assert found.success
    return found.fun


def free(p, Q, tau, log_w):
    """F(p) = ⟨Q, p⟩ − τKL(p‖w)."""
    return Q @ p - tau * np.sum(p * (np.log(np.where(p > 0, p, 1.0)) - np.where(p > 0, log_w, 0.0)))


def objective(p, Q, nu, cost, tau, eta, log_w):
    return free(p, Q, tau, log_w) - transport(p, nu, cost) / (2 * eta)


def dual(phi, Q, nu, cost, tau, eta, log_w):
    conjugate = (cost / (2 * eta) - phi[:, None]).min(axis=0)
    return tau * logsumexp((Q - phi) / tau + log_w) - conjugate @ nu


def each(data):
    """The data of every state."""
    Q, nu, *rest = data
    return [(q, x, *rest) for q, x in zip(Q, nu, strict=True)]


@pytest.mark.parametrize(("tau", "eta"), [(0.3, 0.5), (0.05, 5.0), (1.0, 0.05)])
def test_it_is_the_solution_of_the_convex_program(tau, eta):
    cp = pytest.importorskip("cvxpy")
    data = problem(tau=tau, eta=eta)
    phi, _ = finite_step(*data)
    p = gibbs_form(phi, data[0], tau, data[-1])
    for s, (Q, nu, cost, _, _, log_w) in enumerate(each(data)):
        plan = cp.Variable(cost.shape, nonneg=True)
        q = cp.sum(plan, axis=1)
        value = (
            Q @ q
            - tau * cp.sum(cp.kl_div(q, np.exp(log_w)))
            - cp.sum(cp.multiply(cost, plan)) / (2 * eta)
        )
        cp.Problem(cp.Maximize(value), [cp.sum(plan, axis=0) == nu]).solve(solver="CLARABEL")
        # The program is solved to about 1e-8 in value, to its square root in the masses.
        assert np.abs(q.value - p[s]).sum() <= 2e-4
        assert objective(p[s], *each(data)[s]) >= value.value - 1e-7


def test_the_gap_is_an_upper_bound_for_any_potential():
    data = problem(eta=0.2)
    phi, _ = finite_step(*data)
    rng = np.random.default_rng(1)
    sizes = np.array([0.0, 1e-4, 1e-2, 0.1, 1.0, 10.0])
    phi = phi + sizes[:, None] * rng.standard_normal(phi.shape)
    bound = finite_gap(phi, *data)
    p = gibbs_form(phi, data[0], data[3], data[-1])
    exact = [dual(f, *d) - objective(x, *d) for f, x, d in zip(phi, p, each(data), strict=True)]
    assert bound[0] <= 1e-10
    # The network simplex solves the transport, so that the bound is the gap itself.
    np.testing.assert_allclose(bound, exact, rtol=1e-9, atol=1e-9)
    assert (bound >= np.array(exact) - 1e-9).all()


def test_an_unfinished_plan_is_paid_for(monkeypatch):
    import ot

    data = problem(eta=0.2)
    phi, _ = finite_step(*data)
    phi = phi + np.random.default_rng(1).standard_normal(phi.shape)
    right, solve = finite_gap(phi, *data), ot.emd
    monkeypatch.setattr(ot, "emd", lambda *a, **k: 0.5 * solve(*a, **k))
    assert (finite_gap(phi, *data) > right).all()


def test_the_one_step_inequality_holds_against_competitors():
    data = problem(tau=0.2, eta=0.7)
    Q, nu, cost, tau, eta, log_w = data
    phi, _ = finite_step(*data)
    p, gap = gibbs_form(phi, Q, tau, log_w), finite_gap(phi, *data)
    rng = np.random.default_rng(2)
    slack = []
    for s in range(6):
        near = p[s] * np.exp(0.1 * rng.standard_normal((4, 6)))
        rivals = [nu[s], *rng.dirichlet(np.ones(6), size=4), *(near.T / near.sum(axis=1)).T]
        for rival in rivals:
            moved = (transport(p[s], nu[s], cost) - transport(rival, nu[s], cost)) / (2 * eta)
            kl = tau * np.sum(rival * np.log(rival / p[s]))
            gain = free(p[s], Q[s], tau, log_w) - free(rival, Q[s], tau, log_w)
            slack.append(gain - moved - kl + gap[s])
    assert min(slack) >= -1e-9  # of the linear programs
    assert min(slack) <= 1e-3  # tight: near competitors keep the optimal potential


def test_the_gibbs_policy_stays_for_every_step():
    Q, _, cost, tau, _, log_w = problem()
    gibbs = gibbs_form(np.zeros_like(Q), Q, tau, log_w)
    for eta in (1e-3, 1.0, 1e3):
        phi, _ = finite_step(Q, gibbs, cost, tau, eta, log_w, 1e-13)
        assert np.abs(gibbs_form(phi, Q, tau, log_w) - gibbs).sum() <= 1e-5
    assert (freezing_step(Q, gibbs, cost, tau, log_w) > 1e12).all()


def test_masses_move_exactly_beyond_the_step_of_freezing():
    Q, nu, cost, tau, _, log_w = problem()
    eta = freezing_step(Q, nu, cost, tau, log_w)
    assert (eta > 0).all()
    moves = []
    for s, factor in [(s, f) for s in range(6) for f in (0.97, 1.03)]:
        one = slice(s, s + 1)
        step = factor * eta[s]
        phi, _ = finite_step(Q[one], nu[one], cost, tau, step, log_w, 1e-13)
        moves.append(np.abs(gibbs_form(phi, Q[one], tau, log_w) - nu[one]).sum())
    below, above = np.array(moves).reshape(6, 2).T
    assert below.max() <= 2e-6
    assert above.min() >= 1e-4


def test_an_empty_allowed_action_and_a_full_forbidden_one_never_freeze():
    Q, nu, cost, tau, eta, log_w = problem()
    nu[0, 2] = 0.0
    nu /= nu.sum(axis=1, keepdims=True)
    log_w[4] = -np.inf
    assert (freezing_step(Q, nu, cost, tau, log_w) == 0).all()
    phi, _ = finite_step(Q, nu, cost, tau, eta, log_w)
    p = gibbs_form(phi, Q, tau, log_w)
    assert (p[:, 4] == 0).all()
    assert np.delete(p, 4, axis=1).min() > 0
    assert finite_gap(phi, Q, nu, cost, tau, eta, log_w).max() <= 1e-10


@pytest.mark.parametrize(("tau", "eta"), [(1.0, 1e-3), (0.01, 1e-3), (0.01, 100.0), (0.1, 0.3)])
def test_hard_starts_are_certified(tau, eta):
    """Exact zeros, one atom, masses down to e^-700, potentials of hundreds of τ."""
    n, states = 20, 8
    Q, nu, cost, *_, log_w = problem(n, states, seed=3, spread=2.0)
    rng = np.random.default_rng(4)
    nu[:3] *= rng.random((3, n)) < 0.3
    nu[:3, 0] += 1e-3
    nu[3] = np.eye(n)[5]
    nu[4:6] = np.exp(-700 * rng.random((2, n)))
    nu /= nu.sum(axis=1, keepdims=True)
    phi, steps = finite_step(Q, nu, cost, tau, eta, log_w)
    assert finite_gap(phi, Q, nu, cost, tau, eta, log_w).max() <= 1e-10
    assert steps.max() <= 60
