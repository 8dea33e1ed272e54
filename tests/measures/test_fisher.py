import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import iv

from wconv._require import InputError
from wconv.mdp.policy import Policy, softmax_policy
from wconv.measures import gaussians
from wconv.measures.fisher import fisher_continuum, fisher_dirichlet
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus

GRIDS = {
    "interval": Interval(-1, 2).grid(24),
    "box": Box((0.0, 0.0), (1.0, 3.0)).grid(5),
    "circle": Torus(3.0).grid(16),
    "torus": Torus(2.0, dim=2).grid(4),
    "line": GaussianLine(0.8, 5.0).grid(24),
    "finite set": FiniteSet(np.array([[0.0], [0.3], [1.1], [4.0]])).grid(),
}


def policy(grid, *logits):
    return softmax_policy(np.stack([f(grid.nodes) for f in logits]), grid)


@pytest.mark.parametrize("name", GRIDS)
def test_dissipation_identity_along_the_chain(name):
    """dKL/dt = Σ π̇_i log(π_i/p_i) = −τ I_h along π̇ = Kᵀπ, K_ij = (τ/ℓ²)(p_j/p_i)^½ written out."""
    grid, tau = GRIDS[name], 0.37
    rng = np.random.default_rng(5)
    nu = softmax_policy(rng.standard_normal((3, grid.n)), grid)
    p = softmax_policy(2 * rng.standard_normal((3, grid.n)), grid)
    got = fisher_dirichlet(nu, p)
    for s in range(3):
        K = np.zeros((grid.n, grid.n))
        for (i, j), length in zip(grid.edges, grid.lengths, strict=True):
            K[i, j] = tau / length**2 * np.sqrt(p.pi[s, j] / p.pi[s, i])
            K[j, i] = tau / length**2 * np.sqrt(p.pi[s, i] / p.pi[s, j])
        K -= np.diag(K.sum(axis=1))
        log_u = nu.logf[s] - p.logf[s]
        slope = (K.T @ nu.pi[s]) @ log_u
        size = (np.abs(K).T @ nu.pi[s]) @ np.abs(log_u)
        # A mass is rounded by at most eps(2 + its logarithms), which are below 30 here.
        assert abs(slope + tau * got.value[s]) <= tau * got.error[s] + 2.3e-16 * 2 * 40 * size
        assert got.error[s] <= 1e-11 * size


@example(seed=13479, size=1e4, offset=0.0)  # every term below the smallest float
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1e-8, 1.0, 50.0, 1e3, 1e4]),
    offset=st.sampled_from([0.0, 1e4]),
)
def test_error_bounds_the_distance_to_sixty_digits(seed, size, offset):
    rng = np.random.default_rng(seed)
    grid = Interval(0, 1).grid(40)
    log_nu = -np.abs(rng.standard_normal((1, 40)))
    # A constant in log u has no effect but on its rounding.
    log_p = log_nu + offset + min(size, 300.0) * rng.uniform(-1, 1, (1, 40))
    if size > 300:
        log_nu = log_nu - size * np.abs(rng.standard_normal((1, 40)))
    got = fisher_dirichlet(Policy(log_nu, grid), Policy(log_p, grid))
    with mp.workdps(60):
        total = mp.mpf(0)
        m = mp.mpf(float(grid.weights[0]))
        for (i, j), length in zip(grid.edges, grid.lengths, strict=True):
            u = [mp.exp(mp.mpf(log_nu[0, k]) - mp.mpf(log_p[0, k])) for k in (i, j)]
            weight = m * mp.exp((mp.mpf(log_p[0, i]) + mp.mpf(log_p[0, j])) / 2)
            total += weight * (u[0] - u[1]) * mp.log(u[0] / u[1]) / mp.mpf(float(length)) ** 2
        miss = abs(mp.mpf(float(got.value[0])) - total)
        assert miss <= got.error[0]
        # Some eps times the logarithms, of the sum and of the rates n² that amplify a difference.
        assert got.error[0] <= 1e-14 * (50 + size + offset) * (float(total) + grid.n**2)


def test_large_ratios_do_not_overflow():
    """log u = ±1e3 at tiny masses: every factor √(p_ip_j) u_i overflows or underflows alone."""
    grid = FiniteSet(np.arange(2.0)[:, None]).grid()
    nu, p = Policy(np.array([[0.0, -2000.0]]), grid), Policy(np.array([[-1000.0, -1000.0]]), grid)
    got = fisher_dirichlet(nu, p)
    # m (e^{1000} − e^{−1000}) e^{−1000} · 2000 with m = 1/2.
    assert abs(got.value[0] - 1000.0) <= got.error[0] <= 1e-8


def test_zeros_and_infinities():
    grid = FiniteSet(np.arange(3.0)[:, None], edges=np.array([[0, 1], [1, 2]])).grid()
    none = -np.inf
    half, uniform = np.log(1.5), [0.0, 0.0, 0.0]
    nu = Policy(np.array([[half, half, none], uniform, [half, half, none], uniform]), grid)
    p = Policy(np.array([uniform, [half, half, none], [half, half, none], uniform]), grid)
    got = fisher_dirichlet(nu, p)
    np.testing.assert_array_equal(got.value, [np.inf, np.inf, 0.0, 0.0])
    np.testing.assert_array_equal(got.error, 0.0)
    # Two neighbours e^{±1000} apart: the true value is beyond float64, and the error says so.
    huge = fisher_dirichlet(
        Policy(np.array([[0.0, 0.0, 0.0]]), grid), Policy(np.array([[0.0, -2000.0, 0.0]]), grid)
    )
    assert huge.value[0] == huge.error[0] == np.inf


def errors_of(measure, space, sizes, nu, p, want):
    out = []
    for n in sizes:
        grid = space.grid(n)
        out.append(measure(policy(grid, nu), policy(grid, p)).value[0] - want)
    return np.abs(out)


def orders(errors):
    return np.log2(errors[:-1] / errors[1:])


def exponential(a):
    return 3 * a[:, 0]


def wave(a):
    return np.sin(2 * a[:, 0])


def truncated_exponential():
    """ν ∝ e^{3a}, p ∝ e^{sin 2a} on [0, 2]."""
    mass, _ = quad(lambda a: np.exp(3 * a), 0, 2, epsrel=1e-13)
    total, _ = quad(lambda a: np.exp(3 * a) * (3 - 2 * np.cos(2 * a)) ** 2, 0, 2, epsrel=1e-13)
    return total / mass


def test_dirichlet_form_is_of_second_order():
    # von Mises: ∫ k² sin² against concentration 2, k = 1.5.
    circle = 1.5**2 * (1 - iv(2, 2) / iv(0, 2)) / 2
    cosine = [lambda a, k=k: k * np.cos(a[:, 0]) for k in (2.0, 0.5)]
    errors = errors_of(fisher_dirichlet, Torus(), (32, 64, 128), *cosine, circle)
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.02)
    nu, p = gaussians.Gaussian(1.0, 0.64), gaussians.Gaussian(-0.5, 1.21)
    line = [
        lambda a: -((a[:, 0] - 1.0) ** 2) / 1.28 + a[:, 0] ** 2 / 2,
        lambda a: -((a[:, 0] + 0.5) ** 2) / 2.42 + a[:, 0] ** 2 / 2,
    ]
    want = gaussians.fisher(nu, p)
    errors = errors_of(fisher_dirichlet, GaussianLine(), (64, 128, 256), *line, want)
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.02)


def test_dirichlet_form_on_an_interval_needs_no_flux_for_second_order():
    errors = errors_of(
        fisher_dirichlet,
        Interval(0, 2),
        (128, 256, 512),
        exponential,
        wave,
        truncated_exponential(),
    )
    # The half cells at both ends carry no edge: with ∂(ν/p) ≠ 0 there, first order.
    np.testing.assert_allclose(orders(errors), 1.0, atol=0.05)
    # Without flux, ν = e^{2cos a} on [0, π] against the uniform: half of the von Mises circle.
    want = 4 * (1 - iv(2, 2) / iv(0, 2)) / 2
    no_flux = [lambda a: 2 * np.cos(a[:, 0]), lambda a: 0 * a[:, 0]]
    errors = errors_of(fisher_dirichlet, Interval(0, np.pi), (32, 64, 128), *no_flux, want)
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.02)


def test_continuum_on_the_interval_is_of_order_four_at_least():
    want = truncated_exponential()
    errors = errors_of(fisher_continuum, Interval(0, 2), (16, 32, 64, 128), exponential, wave, want)
    assert (orders(errors) > 5.5).all()
    for n, error in zip((16, 32, 64, 128), errors, strict=True):
        grid = Interval(0, 2).grid(n)
        assert error <= fisher_continuum(policy(grid, exponential), policy(grid, wave)).error[0]
    errors = errors_of(fisher_dirichlet, Interval(0, 2), (512,), exponential, wave, want)
    assert errors[0] > 1e-2  # what the high order is for


def test_continuum_on_the_circle_is_spectral():
    want = 1.5**2 * (1 - iv(2, 2) / iv(0, 2)) / 2
    for n in (16, 32, 64):
        grid = Torus().grid(n)
        nu, p = (policy(grid, lambda a, k=k: k * np.cos(a[:, 0])) for k in (2.0, 0.5))
        got = fisher_continuum(nu, p)
        # Even functions defeat an estimate from every second node; this one sees their aliases.
        assert abs(got.value[0] - want) <= got.error[0]
    assert got.error[0] <= 1e-10


def test_continuum_rounding_is_bounded():
    """∇log(ν/p) = 3 exactly, but for the rounding of a constant 1e8 added to log p: I = 9."""
    grid = Interval(0, 1).grid(64)
    nu = policy(grid, exponential)
    got = fisher_continuum(nu, Policy(np.full((1, 64), 1e8), grid))
    assert 1e-9 < abs(got.value[0] - 9.0) <= got.errors["rounding"][0]


def test_continuum_gaussians_and_products():
    grid = GaussianLine().grid(128)
    a = grid.nodes[:, 0]
    nu = softmax_policy((-((a - 1.0) ** 2) / 1.28 + a**2 / 2)[None], grid)
    p = softmax_policy((-((a + 0.5) ** 2) / 2.42 + a**2 / 2)[None], grid)
    want = gaussians.fisher(gaussians.Gaussian(1.0, 0.64), gaussians.Gaussian(-0.5, 1.21))
    got = fisher_continuum(nu, p)
    assert abs(got.value[0] - want) <= got.error[0] <= 1e-10
    # Fisher information of products adds up: the box against its own two axes.
    box, axis = Box((0.0, 0.0), (2.0, 2.0)).grid(16), Interval(0, 2).grid(16)
    flipped = [lambda a, f=f: f(a[:, ::-1]) for f in (exponential, wave)]
    nu, p = (
        policy(box, lambda a: exponential(a) + flipped[1](a)),
        policy(box, lambda a: wave(a) + flipped[0](a)),
    )
    parts = [
        fisher_continuum(policy(axis, exponential), policy(axis, wave)),
        fisher_continuum(policy(axis, wave), policy(axis, exponential)),
    ]
    got = fisher_continuum(nu, p)
    slack = got.errors["rounding"] + sum(x.errors["rounding"] for x in parts)
    assert abs(got.value - sum(x.value for x in parts)) <= slack
    torus = Torus(dim=2).grid(16)
    nu = policy(torus, lambda a: 2 * np.cos(a[:, 0]) + np.sin(a[:, 1]))
    p = policy(torus, lambda a: 0.5 * np.cos(a[:, 0]))
    want = 1.5**2 * (1 - iv(2, 2) / iv(0, 2)) / 2 + (1 - iv(2, 1) / iv(0, 1)) / 2
    got = fisher_continuum(nu, p)
    assert abs(got.value[0] - want) <= got.error[0]


def test_bad_input():
    def zero(grid):
        return Policy(np.zeros((1, grid.n)), grid)

    fine = Interval(0, 1).grid(16)
    for measure in (fisher_dirichlet, fisher_continuum):
        with pytest.raises(InputError, match="grid must be the same"):
            measure(zero(fine), zero(Interval(0, 2).grid(16)))
    for grid, message in (
        (GRIDS["finite set"], "grid must discretise"),
        (Interval(0, 1).grid(12), "grid must have at least 14"),
        (Torus().grid(17), "grid must have an even"),
    ):
        with pytest.raises(InputError, match=message):
            fisher_continuum(zero(grid), zero(grid))
    gone = Policy(np.where(np.arange(16) == 3, -np.inf, 0.0)[None], fine)
    with pytest.raises(InputError, match="logf must be finite"):
        fisher_continuum(gone, zero(fine))
