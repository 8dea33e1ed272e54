"""Linear-quadratic control against forty digits, the Bellman equation by quadrature, and limits."""

import mpmath as mp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from wconv._require import InputError
from wconv.exact.lq import LinearGaussian, evaluate_lq, make_lq
from wconv.exact.riccati import solve_lq
from wconv.measures.gaussians import Gaussian
from wconv.outcomes import SolverError

POINTS = np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [-0.3, 0.2, 4.0]])


def arrays(seed, growth=1.0, n=3, m=2):
    """A, B, M, N, noise, K and Σ; A may be unstable, the loop A + BK has radius ``growth``."""
    rng = np.random.default_rng(seed)
    square = lambda k: (lambda r: r @ r.T + 0.2 * np.eye(k))(rng.standard_normal((k, k)))  # noqa: E731
    B, K, loop = (rng.standard_normal(shape) for shape in ((n, m), (m, n), (n, n)))
    A = loop * growth / np.abs(np.linalg.eigvals(loop)).max() - B @ K
    return A, B, *((x + x.T) / 2 for x in (square(n), square(m), square(n))), K, square(m)


def forty_digits(A, B, M, N, noise, K, Sigma, gamma, tau, beta):
    """Π by doubling the loop, and c, of a policy in the Gaussian (β > 0) or Lebesgue convention."""
    A, B, M, N, noise, K, Sigma = (mp.matrix(x.tolist()) for x in (A, B, M, N, noise, K, Sigma))
    gamma, tau, beta = mp.mpf(gamma), mp.mpf(tau), mp.mpf(beta)
    m = K.rows
    N = N + beta * mp.eye(m)
    step, Pi = mp.sqrt(gamma) * (A + B * K), M + K.T * N * K
    for _ in range(30):
        Pi, step = Pi + step.T * Pi * step, step * step
    trace = lambda X: mp.fsum(X[i, i] for i in range(X.rows))  # noqa: E731
    per_step = -trace(N * Sigma) / 2 - gamma / 2 * trace(Pi * (noise + B * Sigma * B.T))
    per_step += tau / 2 * (m * mp.log(2 * mp.pi * mp.e) + mp.log(mp.det(Sigma)))
    if beta > 0:
        per_step -= tau * m / 2 * mp.log(2 * mp.pi * tau / beta)
    return Pi, per_step / (1 - gamma)


def in_digits(Pi, c, x):
    x = mp.matrix(x.tolist())
    return -(x.T * Pi * x)[0] / 2 + c


def missed(measured, exact):
    """|value − exact| in 40 digits."""
    return np.array([float(abs(mp.mpf(v) - e)) for v, e in zip(measured.value, exact, strict=True)])


@pytest.mark.parametrize(
    ("growth", "gamma", "beta"), [(0.7, 0.9, 0.0), (1.04, 0.9, 0.7), (1.0, 0.999, 0.0), (0.5, 0, 1)]
)
def test_values_to_forty_digits(growth, gamma, beta):
    A, B, M, N, noise, K, Sigma = arrays(1, growth)
    lq = make_lq(A, B, M, N, discount=gamma, temperature=0.3, noise=noise, confinement=beta)
    value = evaluate_lq(lq, LinearGaussian(K, Sigma))
    with mp.workdps(40):
        Pi, c = forty_digits(A, B, M, N, noise, K, Sigma, gamma, 0.3, beta)
        exact = [in_digits(Pi, c, x) for x in POINTS]
        found = value.V.at(POINTS)
        assert (missed(found, exact) <= found.error).all()
        off = mp.mnorm(mp.matrix(value.Pi.tolist()) - Pi, "f")
    assert float(off) <= value.V.matrix_error * np.sqrt(3)
    size = np.abs(found.value).max() / (1 - gamma) * value.loop.amplification
    assert found.error.max() <= 1e-13 * size


def test_the_bellman_equation_and_the_residual_by_quadrature():
    """V = T^πV and R = TV − V by the rule of Gauss and Hermite, exact for these polynomials."""
    A, B, M, N, noise, K, Sigma = arrays(2, 1.02)
    gamma, tau, beta = 0.85, 0.4, 0.6
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    grid = np.stack(np.meshgrid(*[nodes] * 5, indexing="ij"), axis=-1).reshape(-1, 5)
    mass = np.prod(np.meshgrid(*[weights] * 5, indexing="ij"), axis=0).ravel()
    mass /= mass.sum()

    def backup(policy, V, x, confinement):
        """E[r − τ log(π/reference) + γV(x')] and the size of its terms."""
        a = policy.K @ x + grid[:, :2] @ np.linalg.cholesky(policy.Sigma).T
        ahead = V.at((A @ x) + a @ B.T + grid[:, 2:] @ np.linalg.cholesky(noise).T).value
        cost = 0.5 * (x @ M @ x + np.einsum("ki,ij,kj->k", a, N, a))
        logs = multivariate_normal(policy.K @ x, policy.Sigma).logpdf(a)
        if confinement:
            logs -= multivariate_normal(np.zeros(2), tau / beta * np.eye(2)).logpdf(a)
        return mass @ (-cost - tau * logs + gamma * ahead), np.abs(cost).max() + np.abs(ahead).max()

    for confinement in (0.0, beta):
        lq = make_lq(
            A, B, M, N, discount=gamma, temperature=tau, noise=noise, confinement=confinement
        )
        value = evaluate_lq(lq, LinearGaussian(K, Sigma))
        for x in POINTS:
            own, size = backup(value.policy, value.V, x, confinement)
            best, more = backup(value.gibbs, value.V, x, confinement)
            assert abs(value.V.at(x).value - own) <= 1e-14 * size
            residual = value.residual.at(x)
            assert abs(residual.value - (best - own)) <= residual.error + 1e-14 * (size + more)
            assert residual.value > 1e-3
            assert residual.error <= 1e-9 * residual.value


@pytest.mark.parametrize(("seed", "gamma", "beta"), [(3, 0.9, 0.0), (4, 0.99, 0.5), (5, 0.0, 0.0)])
def test_the_optimum_to_forty_digits(seed, gamma, beta):
    A, B, M, N, noise, *_ = arrays(seed, 1.1)
    lq = make_lq(A, B, M, N, discount=gamma, temperature=0.3, noise=noise, confinement=beta)
    best = solve_lq(lq)
    with mp.workdps(40):
        a, b, Q, R = (mp.matrix(x.tolist()) for x in (A, B, M, N))
        R, discount, Pi = R + mp.mpf(beta) * mp.eye(2), mp.mpf(gamma), Q
        for _ in range(200):  # value iteration; asymmetry would grow with the unstable A
            H, F = R + discount * b.T * Pi * b, discount * b.T * Pi * a
            Pi = Q + discount * a.T * Pi * a - F.T * mp.inverse(H) * F
            Pi = (Pi + Pi.T) / 2
        K, Sigma = -mp.inverse(H) * F, mp.mpf(0.3) * mp.inverse(H)
        off_K = mp.mnorm(mp.matrix(best.policy.K.tolist()) - K, "f")
        off_Sigma = mp.mnorm(mp.matrix(best.policy.Sigma.tolist()) - Sigma, "f")
        wide = [np.array(x.tolist(), dtype=object) for x in (K, Sigma)]
        Pi_of, c = forty_digits(A, B, M, N, noise, *wide, gamma, 0.3, beta)
        assert mp.mnorm(Pi_of - Pi, "f") < mp.mpf(10) ** -25  # value iteration has converged
        found = best.value.V.at(POINTS)
        assert (missed(found, [in_digits(Pi, c, x) for x in POINTS]) <= found.error).all()
    assert float(off_K) <= best.K_error * np.sqrt(2)
    assert float(off_Sigma) <= best.Sigma_error * np.sqrt(2)
    # Terms of size (|A| + |B||K|)²|Π| up to 1e6 cancel, and cond(H) is up to 553.
    assert max(best.K_error, best.Sigma_error) <= 1e-11
    least = min(mp.eigsy(H, eigvals_only=True))
    bracket = best.value.log_sobolev
    assert float(bracket.lower) <= 0.3 / float(least) <= float(bracket.upper)
    width = float((bracket.upper - bracket.lower) / bracket.upper)
    assert width <= 1e-13 * np.linalg.cond(best.value.H)


def test_no_policy_beats_the_optimum_and_conventions_share_gaps():
    A, B, M, N, noise, K, Sigma = arrays(6, 1.0)
    common = {"discount": 0.9, "temperature": 0.3, "noise": noise}
    gaussian = make_lq(A, B, M, N, confinement=0.8, **common)
    lebesgue = make_lq(A, B, M, N + 0.8 * np.eye(2), **common)
    law = Gaussian(np.ones(3), 2 * np.eye(3))
    gaps = []
    for lq in (gaussian, lebesgue):
        best = solve_lq(lq)
        policy = LinearGaussian(K, Sigma)
        gaps.append((best.value.V - evaluate_lq(lq, policy).V).mean(law))
        for _ in range(6):  # soft policy iteration: up at every x, to the optimum
            value = evaluate_lq(lq, policy)
            policy = value.gibbs
            rise = (evaluate_lq(lq, policy).V - value.V).at(POINTS)
            assert (rise.upper >= 0).all()
        left = (best.value.V - evaluate_lq(lq, policy).V).at(POINTS)
        assert (np.abs(left.value) <= left.error).all()
    assert gaps[0].value > 1
    assert abs(gaps[0].value - gaps[1].value) <= gaps[0].error + gaps[1].error
    shift = 0.3 * np.log(2 * np.pi * 0.3 / 0.8) / (1 - 0.9)  # (m/2)τ log(2πτ/β)/(1−γ), m = 2
    values = [evaluate_lq(lq, LinearGaussian(K, Sigma)).V for lq in (gaussian, lebesgue)]
    found = (values[1] - values[0]).at(POINTS)
    assert (np.abs(found.value - shift) <= found.error).all()
    assert gaussian.reference_shift == pytest.approx(shift, rel=1e-15)


def test_the_mean_over_an_initial_law():
    A, B, M, N, noise, K, Sigma = arrays(7, 0.9)
    V = evaluate_lq(
        make_lq(A, B, M, N, discount=0.5, temperature=1.0, noise=noise), LinearGaussian(K, Sigma)
    ).V
    law = Gaussian([1.0, 0.0, -1.0], [[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.3]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(2)
    grid = np.stack(np.meshgrid(*[nodes] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    mass = np.prod(np.meshgrid(*[weights] * 3, indexing="ij"), axis=0).ravel() / weights.sum() ** 3
    values = V.at(law.mean + grid @ np.linalg.cholesky(law.cov).T)
    assert abs(V.mean(law).value - mass @ values.value) <= V.mean(law).error + mass @ values.error


def test_close_to_instability_the_error_grows_and_then_it_is_refused():
    common = {"discount": 0.81, "temperature": 1.0}
    for short in (1e-3, 1e-8):
        lq = make_lq(1 / 0.9 - short, 1.0, 1.0, 1.0, **common)
        value = evaluate_lq(lq, LinearGaussian(0.0, 1.0))
        with mp.workdps(40):
            truth = 1 / (1 - mp.mpf(0.81) * mp.mpf(lq.A[0, 0]) ** 2)
            assert float(abs(mp.mpf(value.Pi[0, 0]) - truth)) <= value.V.matrix_error
        assert value.V.matrix_error <= 1e-3 * value.Pi[0, 0]
    lq = make_lq(1 / 0.9 - 1e-16, 1.0, 1.0, 1.0, **common)
    with pytest.raises((SolverError, InputError), match="specrad"):
        evaluate_lq(lq, LinearGaussian(0.0, 1.0))


def scalar(A=1.0, B=1.0, M=1.0, N=1.0, *, discount=0.9, temperature=1.0, **more):
    return make_lq(A, B, M, N, discount=discount, temperature=temperature, **more)


BAD = {
    "A not square": (lambda: scalar(A=[[1.0, 2.0]]), "A must have shape"),
    "B of other length": (lambda: scalar(B=[[1.0], [2.0]]), "B must have shape"),
    "text": (lambda: scalar(A="x"), "A must be an array of numbers"),
    "infinite": (lambda: scalar(B=np.inf), "B must be finite"),
    "three axes": (lambda: scalar(A=np.ones((1, 1, 1))), "A must be a matrix"),
    "asymmetric": (lambda: scalar(A=np.eye(2), B=np.eye(2), M=[[1, 1], [0, 1]]), "M must be sym"),
    "M negative": (lambda: scalar(M=-1.0), "M must be positive semidefinite"),
    "noise negative": (lambda: scalar(noise=-1.0), "noise must be positive semidefinite"),
    "N zero": (lambda: scalar(N=0.0), "N must be positive definite"),
    "N too negative": (lambda: scalar(N=-1.0, confinement=0.5), r"N \+ confinement·I must"),
    "discount": (lambda: scalar(discount=1.0), "discount must lie in"),
    "temperature": (lambda: scalar(temperature=0.0), "temperature must be positive"),
    "confinement": (lambda: scalar(confinement=-1.0), "confinement must lie in"),
    "K of other shape": (
        lambda: evaluate_lq(scalar(), LinearGaussian([[0.0, 1.0]], 1.0)),
        "K must have shape",
    ),
    "K unstable": (
        lambda: evaluate_lq(scalar(), LinearGaussian(0.1, 1.0)),
        r"K must stabilise: sqrt\(discount\).*got 1.04355",
    ),
    "x of other length": (
        lambda: evaluate_lq(scalar(), LinearGaussian(-0.5, 1.0)).V.at([1.0, 2.0]),
        "x must have shape",
    ),
    "x without axis": (
        lambda: evaluate_lq(scalar(), LinearGaussian(-0.5, 1.0)).V.at(1.0),
        "x must have shape",
    ),
    "law of other dimension": (
        lambda: evaluate_lq(scalar(), LinearGaussian(-0.5, 1.0)).V.mean(
            Gaussian([0, 0], np.eye(2))
        ),
        "mean of the law must have shape",
    ),
    "Sigma singular": (lambda: LinearGaussian(1.0, 0.0), "Sigma must be positive definite"),
    "Sigma of other shape": (lambda: LinearGaussian(1.0, np.eye(2)), "Sigma must have shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("A", "B", "M"),
    [(1.5, 0.0, 1.0), (1 / np.sqrt(0.9), 1.0, 0.0), (1e200, 1.0, 1.0), (1e-200, 1e200, 1.0)],
    ids=["no control", "no cost on the unit circle", "too large", "overflow"],
)
def test_problems_without_a_certified_optimum_say_so(A, B, M):
    with pytest.raises(SolverError, match="no stabilising gain"):
        solve_lq(scalar(A, B, M, 1.0 if A > 1e-100 else 1e-300))
