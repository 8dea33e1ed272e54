"""Closed forms of linear-quadratic control with entropy [docs/theory.md, lq-closed-form].

``model`` is [A B] (n, n+m) and ``cost`` the block matrix diag(M, N) (n+m, n+m), N with the βI of a
Gaussian reference: x' = Ax + Ba + w and r = −½x'Mx − ½a'Na in the Lebesgue convention.
"""

from typing import Any

import numpy as np

from wconv.theory.claims import Bound

DOUBLINGS = 12
"""4096 sweeps of value iteration."""


def _split(model: Any, cost: Any) -> tuple[Any, Any, Any, Any]:
    """A, B, M, N."""
    n = len(model)
    return model[:, :n], model[:, n:], cost[:n, :n], cost[n:, n:]


def _optimum(model: Any, cost: Any, gamma: float) -> tuple[Any, Any, Any]:
    """Π, H and F after 2^12 sweeps of value iteration from 0, doubled (Anderson's recursion)."""
    A, B, M, N = _split(model, cost)
    unit = np.eye(len(A))
    step, reach, Pi = np.sqrt(gamma) * A, gamma * B @ np.linalg.solve(N, B.T), M
    for _ in range(DOUBLINGS):
        through = np.linalg.solve(unit + reach @ Pi, np.hstack([step, reach @ step.T]))
        left, right = through[:, : len(A)], through[:, len(A) :]
        Pi, reach, step = Pi + step.T @ Pi @ left, reach + step @ right, step @ left
    return Pi, N + gamma * B.T @ Pi @ B, gamma * B.T @ Pi @ A


@Bound
def riccati_gain(model: Any, cost: Any, *, gamma: float) -> Any:
    """K* = −H⁻¹F of the discounted Riccati equation, (1, m, n) for any number of routes to it."""
    _, H, F = _optimum(model, cost, gamma)
    return -np.linalg.solve(H, F)[None]


@Bound
def gibbs_covariance(model: Any, cost: Any, *, gamma: float, tau: float) -> Any:
    """Σ* = τH⁻¹ of the optimum, (1, m, m) for any number of routes to it."""
    _, H, _ = _optimum(model, cost, gamma)
    return tau * np.linalg.inv(H)[None]


@Bound
def optimal_value(
    model: Any, cost: Any, noise: Any, points: Any, *, gamma: float, tau: float
) -> Any:
    """V*(x) = −½x'Πx + [(τ/2)log det(2πτH⁻¹) − (γ/2)tr(ΠW)]/(1−γ) at points (p, n), Lebesgue."""
    Pi, H, _ = _optimum(model, cost, gamma)
    volume = 0.5 * tau * np.log(2 * np.pi * tau / np.linalg.eigvalsh(H)).sum()
    constant = (volume - 0.5 * gamma * np.trace(Pi @ noise)) / (1 - gamma)
    return constant - 0.5 * ((points @ Pi) * points).sum(axis=-1)


@Bound
def langevin_covariance(model: Any, cost: Any, *, gamma: float, tau: float, eta: float) -> Any:
    """Σ = τH⁻¹(I − ηH/2)⁻¹, the fixed point of Σ' = (I − ηH)Σ(I − ηH) + 2τηI, (m, m)."""
    _, H, _ = _optimum(model, cost, gamma)
    return tau * np.linalg.inv(H @ (np.eye(len(H)) - eta / 2 * H))


@Bound
def langevin_bias(model: Any, cost: Any, *, gamma: float, tau: float, eta: float) -> Any:
    """V* − V = τ/(2(1−γ))·Σ[y − 1 − log y], y = 1/(1 − ηh/2) over the eigenvalues h of H."""
    _, H, _ = _optimum(model, cost, gamma)
    return _excess(np.linalg.eigvalsh(H), tau, eta).sum() / (1 - gamma)


def _excess(h: Any, tau: float, eta: float) -> Any:
    """τKL between centred Gaussians of variance y·τ/h and τ/h, y = 1/(1 − ηh/2)."""
    x = eta * h / 2
    return tau / 2 * (x / (1 - x) + np.log1p(-x))


@Bound
def gibbs_log_sobolev(model: Any, cost: Any, *, gamma: float, tau: float) -> Any:
    """C_LS = τ/λ_min(H) of the optimal policy."""
    _, H, _ = _optimum(model, cost, gamma)
    return tau / np.linalg.eigvalsh(H)[0]


def _discounted(Q: Any, L: Any, gamma: float) -> Any:
    """G = Q + γL'GL by one linear system."""
    n = len(L)
    system = np.eye(n * n) - gamma * np.kron(L.T, L.T)
    return np.linalg.solve(system, Q.ravel()).reshape(n, n)


def _value_velocity(
    K: Any, Sigma: Any, model: Any, cost: Any, noise: Any, points: Any, tau: float, gamma: float
) -> Any:
    """V̇ = (I − γP)⁻¹τ²I(π‖p) at points (p, n): τ²I = |(HK+F)x|² + tr((H−τΣ⁻¹)Σ(H−τΣ⁻¹))."""
    A, B, M, N = _split(model, cost)
    L = A + B @ K
    Pi = _discounted(M + K.T @ N @ K, L, gamma)
    H, F = N + gamma * B.T @ Pi @ B, gamma * B.T @ Pi @ A
    slope, bend = H @ K + F, H - tau * np.linalg.inv(Sigma)
    G = _discounted(2 * slope.T @ slope, L, gamma)
    rest = np.trace(bend @ Sigma @ bend) + gamma / 2 * np.trace(G @ (noise + B @ Sigma @ B.T))
    return 0.5 * ((points @ G) * points).sum(axis=-1) + rest / (1 - gamma)


@Bound
def flow_rise(
    K: Any,
    Sigma: Any,
    model: Any,
    cost: Any,
    noise: Any,
    points: Any,
    *,
    tau: float,
    gamma: float,
    span: float,
) -> Any:
    """∫(I − γP)⁻¹τ²I dt over ``span`` from policies K (q, m, n), Sigma (q, m, m) at Gauss's q times."""
    weights = np.polynomial.legendre.leggauss(len(K))[1]
    rates = [
        _value_velocity(k, s, model, cost, noise, points, tau, gamma)
        for k, s in zip(K, Sigma, strict=True)
    ]
    return span / 2 * np.tensordot(weights, rates, axes=1)


@Bound
def residual_rise(residual: Any, *, tau: float, C_LS: Any) -> Any:
    """(2τ/C_LS)∫R dt, what a value must at least gain while its Bellman residual is R."""
    return 2 * tau / C_LS * residual


@Bound
def reference_shift(*, tau: float, beta: float, gamma: float, dim: int) -> float:
    """V_Leb − V = (m/2)τ log(2πτ/β)/(1−γ), the same for every policy."""
    return float(dim / 2 * tau * np.log(2 * np.pi * tau / beta) / (1 - gamma))


@Bound
def context_mean(stiffness: Any, centre: Any, *, beta: float) -> Any:
    """κc/(κ+β), the mean of the Gibbs policy of −κ(a−c)²/2 with the reference N(0, τ/β)."""
    return stiffness * centre / (stiffness + beta)


@Bound
def context_variance(stiffness: Any, *, beta: float, tau: float) -> Any:
    """τ/(κ+β), its variance and its three constants."""
    return tau / (stiffness + beta)


@Bound
def context_value(
    stiffness: Any, centre: Any, law: Any, *, tau: float, beta: float, gamma: float
) -> Any:
    """V*_s = v_s + γ/(1−γ)·Σp_s'v_s', v = −κβc²/(2h) + (τ/2)log(β/h), h = κ+β, contexts drawn by p."""
    h = stiffness + beta
    v = -stiffness * beta * centre**2 / (2 * h) + tau / 2 * np.log(beta / h)
    return v + gamma / (1 - gamma) * (law @ v)


@Bound
def context_bias(
    stiffness: Any, law: Any, *, tau: float, beta: float, gamma: float, eta: float
) -> Any:
    """b_s + γ/(1−γ)·Σp_s'b_s', b = (τ/2)(y − 1 − log y), y = 1/(1 − ηh/2), of the Langevin limit."""
    b = _excess(stiffness + beta, tau, eta)
    return b + gamma / (1 - gamma) * (law @ b)
