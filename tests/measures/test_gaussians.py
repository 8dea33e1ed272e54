import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import sqrtm
from scipy.stats import multivariate_normal, norm

from wconv._require import InputError
from wconv.measures import gaussians as ga
from wconv.measures.gaussians import Gaussian

NU, P = Gaussian(0.5, 0.64), Gaussian(-0.3, 1.21)


def pair(d, seed=0):
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((2, d, d))
    covs = [r @ r.T + 0.3 * np.eye(d) for r in roots]
    return [Gaussian(rng.standard_normal(d), (c + c.T) / 2) for c in covs]


def test_one_dimension_against_quadrature():
    nu, p = norm(0.5, 0.8), norm(-0.3, 1.1)

    def score(a):
        return -(a - 0.5) / 0.64 + (a + 0.3) / 1.21

    cases = {
        ga.kl(NU, P): lambda a: nu.pdf(a) * (nu.logpdf(a) - p.logpdf(a)),
        ga.fisher(NU, P): lambda a: nu.pdf(a) * score(a) ** 2,
        ga.entropy(NU): lambda a: -nu.pdf(a) * nu.logpdf(a),
    }
    for got, integrand in cases.items():
        # Ten standard deviations on either side: the tails weigh less than 1e-20.
        want, error = quad(integrand, -9, 9, epsabs=1e-13, epsrel=1e-13)
        assert abs(got - want) <= error

    def quantiles(u):
        return (nu.ppf(u) - p.ppf(u)) ** 2

    want, error = quad(quantiles, 0, 1, epsabs=1e-11, limit=200)
    assert abs(ga.w2_squared(NU, P) - want) <= error


@pytest.mark.parametrize("d", [2, 3])
def test_higher_dimensions_against_textbook_formulas(d):
    nu, p = pair(d)
    shift, inverse = nu.mean - p.mean, np.linalg.inv(p.cov)
    logs = np.linalg.slogdet(p.cov)[1] - np.linalg.slogdet(nu.cov)[1]
    want = 0.5 * (np.trace(inverse @ nu.cov) - d + shift @ inverse @ shift + logs)
    # Inverses lose a factor of the condition number: tolerances are eps·cond·size.
    tol = 2.3e-16 * 50 * np.linalg.cond(p.cov) * np.linalg.cond(nu.cov)
    assert ga.kl(nu, p) == pytest.approx(want, rel=tol)
    difference = inverse - np.linalg.inv(nu.cov)
    want = np.sum((inverse @ shift) ** 2) + np.trace(difference @ nu.cov @ difference)
    assert ga.fisher(nu, p) == pytest.approx(want, rel=tol)
    assert ga.entropy(nu) == pytest.approx(multivariate_normal(nu.mean, nu.cov).entropy(), rel=tol)
    root = sqrtm(nu.cov)
    want = shift @ shift + np.trace(nu.cov + p.cov - 2 * sqrtm(root @ p.cov @ root))
    assert ga.w2_squared(nu, p) == pytest.approx(want, rel=tol)


@pytest.mark.parametrize("d", [1, 3])
def test_affine_laws(d):
    nu, p = pair(d, seed=1)
    rng = np.random.default_rng(2)
    B, c = rng.standard_normal((d, d)) + 2 * np.eye(d), rng.standard_normal(d)
    rotation, _ = np.linalg.qr(B)

    def image(x, M):
        cov = M @ x.cov @ M.T
        return Gaussian(M @ x.mean + c, (cov + cov.T) / 2)

    tol = 2.3e-16 * 100 * np.linalg.cond(B) ** 2 * np.linalg.cond(p.cov) * np.linalg.cond(nu.cov)
    assert ga.kl(image(nu, B), image(p, B)) == pytest.approx(ga.kl(nu, p), rel=tol)
    log_volume = np.linalg.slogdet(B)[1]
    assert ga.entropy(image(nu, B)) - ga.entropy(nu) == pytest.approx(log_volume, rel=tol)
    turned = image(nu, 2 * rotation), image(p, 2 * rotation)
    assert ga.w2_squared(*turned) == pytest.approx(4 * ga.w2_squared(nu, p), rel=tol)
    assert ga.fisher(*turned) == pytest.approx(ga.fisher(nu, p) / 4, rel=tol)


def test_close_gaussians_keep_their_relative_accuracy():
    """N(0, (1+ε)²) against N(0, 1): KL = ε² − ε³/3 + …, W² = ε², I = 4ε² − 4ε³ + …"""
    eps = 2.0**-20
    nu, p = Gaussian(0.0, (1 + eps) ** 2), Gaussian(0.0, 1.0)
    # (1+ε)² is exact in 53 bits; what remains is a relative error of eps_machine/ε in ε itself.
    tol = 8 * 2.3e-16 / eps
    assert ga.w2_squared(nu, p) == pytest.approx(eps**2, rel=tol)
    assert ga.kl(nu, p) == pytest.approx(eps**2 - eps**3 / 3, rel=tol)
    assert ga.fisher(nu, p) == pytest.approx(4 * eps**2 - 4 * eps**3, rel=tol + 9 * eps**2)


def test_laws_of_chain_of_inequalities():
    """2KL ≤ C_LS·I, W² ≤ 2·C_T·KL with C = the largest eigenvalue of Σ_p; equality for shifts."""
    nu, p = pair(3, seed=4)
    worst = float(np.linalg.eigvalsh(p.cov)[-1])
    assert 2 * ga.kl(nu, p) <= worst * ga.fisher(nu, p)
    assert ga.w2_squared(nu, p) <= 2 * worst * ga.kl(nu, p)
    unit, moved = Gaussian(np.zeros(3), np.eye(3)), Gaussian(np.ones(3), np.eye(3))
    assert 2 * ga.kl(moved, unit) == ga.fisher(moved, unit) == ga.w2_squared(moved, unit) == 3.0


@pytest.mark.parametrize(
    ("mean", "cov", "symbol"),
    [
        (np.zeros((2, 2)), np.eye(2), "mean"),
        ([0.0, np.nan], np.eye(2), "mean"),
        ([0.0, 1.0], np.eye(3), "cov"),
        (0.0, np.inf, "cov"),
        ([0.0, 1.0], [[1.0, 0.5], [0.4, 1.0]], "cov must be symmetric"),
        ([0.0, 1.0], [[1.0, 2.0], [2.0, 1.0]], "cov must be positive definite"),
        (0.0, 0.0, "cov must be positive definite"),
    ],
)
def test_bad_input(mean, cov, symbol):
    with pytest.raises(InputError, match=symbol):
        Gaussian(mean, cov)


@pytest.mark.parametrize("function", [ga.kl, ga.fisher, ga.w2_squared])
def test_bad_dimensions(function):
    with pytest.raises(InputError, match="dimension"):
        function(NU, Gaussian(np.zeros(2), np.eye(2)))
