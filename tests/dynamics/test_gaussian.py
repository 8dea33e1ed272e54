"""Closed Gaussian dynamics against forty digits, matrix exponentials, each other, and the Gaussian twin."""

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from scipy.linalg import expm, solve_discrete_lyapunov
from scipy.stats import norm

from wconv._require import InputError
from wconv.dynamics.gaussian import (
    gaussian_flow,
    gaussian_frozen,
    gaussian_langevin,
    langevin_bias,
    langevin_limit,
)
from wconv.exact.lq import LinearGaussian, evaluate_lq, make_lq
from wconv.exact.riccati import solve_lq
from wconv.exact.solve import solve
from wconv.mdp import zoo

TAU, GAMMA = 0.4, 0.9
A = np.array([[1.02, 0.3], [-0.1, 0.9]])
B = np.array([[0.5, 0.1], [0.0, 0.7]])
M = np.array([[1.0, 0.2], [0.2, 0.4]])
N = np.array([[1.2, 0.3], [0.3, 0.7]])
K0, SIGMA0 = np.array([[-0.2, 0.1], [0.1, -0.3]]), np.array([[0.5, -0.1], [-0.1, 0.2]])
LQ = make_lq(A, B, M, N, discount=GAMMA, temperature=TAU, noise=0.1 * np.eye(2))
START = LinearGaussian(K0, SIGMA0)
POINTS = np.array([[0.0, 0.0], [1.0, -1.0], [0.5, 2.0]])


def pull(K):
    """H and F of a gain."""
    Pi = solve_discrete_lyapunov(np.sqrt(GAMMA) * (A + B @ K).T, M + K.T @ N @ K)
    return N + GAMMA * B.T @ Pi @ B, GAMMA * B.T @ Pi @ A


def scalar(*, discount=0.9, temperature=0.4):
    return make_lq(1.05, 0.8, 1.0, 0.6, discount=discount, temperature=temperature, noise=0.2)


def in_digits(K):
    """H and F of the scalar problem in 40 digits."""
    a, b, q, n, g = (mp.mpf(x) for x in (1.05, 0.8, 1.0, 0.6, 0.9))
    Pi = (q + n * K**2) / (1 - g * (a + b * K) ** 2)
    return n + g * b**2 * Pi, g * b * Pi * a


def check_within(measured, exact):
    off = [abs(mp.mpf(v) - e) for v, e in zip(measured.value.ravel(), exact, strict=True)]
    assert all(o <= e for o, e in zip(off, measured.error.ravel(), strict=True)), off


def test_the_scalar_flow_to_forty_digits():
    times = [0.0, 0.2, 0.7, 1.5]
    path = gaussian_flow(scalar(), LinearGaussian(-0.1, 2.0), times)

    def velocity(_, y):
        H, F = in_digits(y[0])
        return [-(H * y[0] + F), -2 * H * y[1] + 2 * mp.mpf(0.4)]

    with mp.workdps(20):
        solution = mp.odefun(velocity, 0, [mp.mpf(-0.1), mp.mpf(2)], tol=mp.mpf(10) ** -16)
        exact = [solution(mp.mpf(t)) for t in times]
        check_within(path.K, [y[0] for y in exact])
        check_within(path.Sigma, [y[1] for y in exact])
    assert max(path.K.error.max(), path.Sigma.error.max()) <= 1e-11


def test_the_langevin_recursion_to_forty_digits():
    path = gaussian_langevin(scalar(), LinearGaussian(-0.1, 2.0), 0.2, 60)
    with mp.workdps(40):
        K, Sigma, eta, rows = mp.mpf(-0.1), mp.mpf(2), mp.mpf(0.2), []
        for _ in range(61):
            rows.append((K, Sigma))
            H, F = in_digits(K)
            K, Sigma = (
                K - eta * (H * K + F),
                (1 - eta * H) ** 2 * Sigma + 2 * mp.mpf(0.4) * eta,
            )
        check_within(path.K, [row[0] for row in rows])
        check_within(path.Sigma, [row[1] for row in rows])
    assert max(path.K.error.max(), path.Sigma.error.max()) <= 1e-13
    assert np.allclose(path.times, 0.2 * np.arange(61), rtol=1e-15)


@pytest.mark.parametrize("step", [1e-3, 0.3, 30.0])
def test_a_frozen_step_is_the_matrix_exponential(step):
    path = gaussian_frozen(LQ, START, step, 2)
    K, Sigma = K0, SIGMA0
    for k in (1, 2):
        H, F = pull(K)
        decay, gibbs = expm(-step * H), LinearGaussian(-np.linalg.solve(H, F), np.eye(2))
        K = gibbs.K + decay @ (K - gibbs.K)
        Sigma = TAU * np.linalg.inv(H) + decay @ (Sigma - TAU * np.linalg.inv(H)) @ decay
        # The oracle is good to eps·cond(H)·cond(Lyapunov).
        assert np.abs(path.K.value[k] - K).max() <= path.K.error.max() + 1e-13
        assert np.abs(path.Sigma.value[k] - Sigma).max() <= path.Sigma.error.max() + 1e-13
    assert max(path.K.error.max(), path.Sigma.error.max()) <= 1e-13


def test_long_frozen_steps_are_soft_policy_iteration():
    policy = START
    for found in gaussian_frozen(LQ, START, 1e6, 5).policies[1:]:
        policy = evaluate_lq(LQ, policy).gibbs
        assert np.abs(found.K - policy.K).max() <= 1e-13
        assert np.abs(found.Sigma - policy.Sigma).max() <= 1e-13


@pytest.mark.parametrize("advance", [gaussian_frozen, gaussian_langevin])
def test_both_discretisations_converge_to_the_flow_with_order_one(advance):
    end = gaussian_flow(LQ, START, [0.8])
    errors = []
    for steps in (40, 80, 160):
        path = advance(LQ, START, 0.8 / steps, steps)
        off_K = np.abs(path.K.value[-1] - end.K.value[-1]).max()
        errors.append((off_K, np.abs(path.Sigma.value[-1] - end.Sigma.value[-1]).max()))
    for a, b in pairwise(errors):
        assert all(1.9 < coarse / fine < 2.15 for coarse, fine in zip(a, b, strict=True))


def test_values_rise_and_the_flow_ends_at_the_optimum():
    best = solve_lq(LQ)
    least = np.linalg.eigvalsh(best.value.H)[0]
    flow = gaussian_flow(LQ, START, np.array([0.0, 0.3, 1.0, 3.0, 33.0 / least]))
    frozen = gaussian_frozen(LQ, START, 0.3, 10)
    for path in (flow, frozen):
        for before, after in pairwise(path.evaluations):
            assert ((after.V - before.V).at(POINTS).upper >= 0).all()
    # Under the Langevin law only the quadratic part must rise.
    for before, after in pairwise(gaussian_langevin(LQ, START, 0.3, 10).evaluations):
        assert np.linalg.eigvalsh(before.Pi - after.Pi)[0] >= -before.V.matrix_error
    K, Sigma = (x[-1] for x in (flow.K, flow.Sigma))
    assert (np.abs(K.value - best.policy.K) <= K.error + best.K_error + 1e-14).all()
    assert (np.abs(Sigma.value - best.policy.Sigma) <= Sigma.error + best.Sigma_error).all()


def test_the_langevin_limit_its_bias_and_where_it_ceases_to_exist():
    best = solve_lq(LQ)
    h = np.linalg.eigvalsh(best.value.H)
    for step in (1.9 / h[-1], 0.2, 0.01):
        limit = langevin_limit(best, step)
        stay = gaussian_langevin(LQ, limit, step, 1)
        assert np.abs(stay.K.value[1] - limit.K).max() <= 1e-14
        assert np.abs(stay.Sigma.value[1] - limit.Sigma).max() <= 1e-13
        y = 1 / (1 - step * h / 2)
        bias, want = (
            langevin_bias(best, step).at(POINTS),
            TAU / 2 / (1 - GAMMA) * (y - 1 - np.log(y)).sum(),
        )
        assert (np.abs(bias.value - want) <= bias.error).all()
    # KL = η²h²/16 + η³h³/24 + …
    small = 1e-3
    first = TAU / (1 - GAMMA) * (small**2 * (h**2).sum() / 16 + small**3 * (h**3).sum() / 24)
    assert langevin_bias(best, small).at(POINTS[0]).value == pytest.approx(first, rel=1e-4)
    message = r"step must keep eta·lambda_max\(H\) below 2.*lower it below"
    with pytest.raises(InputError, match=message):
        langevin_limit(best, 2.001 / h[-1])
    with pytest.raises(InputError, match=message):
        gaussian_langevin(LQ, START, 2.001 / h[-1], 1)


def test_a_stiff_start_far_from_the_optimum():
    """H falls by three orders of magnitude, and trial steps of the integrator do not stabilise."""
    lq = make_lq(1.1, 30.0, 1.0, 1e-3, discount=0.95, temperature=0.5, noise=0.1)
    edge = (0.9999 / np.sqrt(0.95) - 1.1) / 30.0
    path = gaussian_flow(lq, LinearGaussian(edge, 1.0), [1e-6, 1e-3, 0.1])
    curvature = [value.H[0, 0] for value in (evaluate_lq(lq, LinearGaussian(edge, 1.0)),)]
    curvature += [value.H[0, 0] for value in path.evaluations]
    assert curvature[0] > 1e3 * curvature[-1]
    assert (np.diff(curvature) <= 0).all()
    best = solve_lq(lq)
    assert np.abs(path.K.value[-1] - best.policy.K).max() <= path.K.error[-1].max() + 1e-15


@pytest.mark.parametrize(
    "more",
    [{}, {"temperature": 0.1, "confinement": 2.0}, {"curvature": 6.0, "spread": -1.0}],
    ids=["default", "cold", "narrow"],
)
def test_quadratic_line_is_gaussian_in_closed_form(more):
    mdp = zoo.quadratic_line(**more)
    known = zoo.parameters_of("quadratic-line") | more
    tau, beta, gamma = (known[name] for name in ("temperature", "confinement", "discount"))
    kappa = known["curvature"] * np.array([1, 4 / 3, 5 / 3, 2])
    centre = known["spread"] * np.array([-1, -1 / 3, 1 / 3, 1])
    h = kappa + beta
    v = -kappa * beta * centre**2 / (2 * h) + tau / 2 * np.log(beta / h)
    star = solve(mdp, tol=None)
    # Sums over nodes are spectrally accurate: what is left is the reference's tail, 1e-15.
    value = v + gamma / (1 - gamma) * v.mean()
    assert np.abs(star.V - value).max() <= star.error.max() + 1e-13
    law = norm((kappa * centre / h)[:, None], np.sqrt(tau / h)[:, None])
    a = mdp.grid.nodes[:, 0]
    near = np.abs(a) < 4 * np.sqrt(tau / beta)
    found = star.policy.lebesgue[:, near]
    assert np.abs(found / law.pdf(a[near]) - 1).max() <= 1e-12
    assert np.array_equal(mdp.P, np.full_like(mdp.P, 0.25))


BAD = {
    "step": (lambda: gaussian_frozen(LQ, START, 0.0, 1), "step must be positive"),
    "steps": (lambda: gaussian_frozen(LQ, START, 0.1, 0), "steps must be an integer"),
    "langevin step": (lambda: gaussian_langevin(LQ, START, -1.0, 1), "step must be positive"),
    "unsorted": (lambda: gaussian_flow(LQ, START, [1.0, 0.5]), "times must increase"),
    "negative": (lambda: gaussian_flow(LQ, START, [-1.0]), "times must increase"),
    "two axes": (lambda: gaussian_flow(LQ, START, [[0.0, 1.0]]), "times must increase"),
    "infinite": (lambda: gaussian_flow(LQ, START, [np.inf]), "times must be finite"),
    "unstable start": (
        lambda: gaussian_flow(LQ, LinearGaussian(np.eye(2), np.eye(2)), [1.0]),
        "K must stabilise",
    ),
    "confinement": (lambda: zoo.quadratic_line(confinement=0.0), "confinement must be positive"),
    "temperature": (lambda: zoo.quadratic_line(temperature=0.0), "temperature must be positive"),
    "curvature": (lambda: zoo.quadratic_line(curvature=-1.0), "curvature must be positive"),
    "spread": (lambda: zoo.quadratic_line(spread="x"), "spread must be a real number"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()
