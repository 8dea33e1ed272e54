"""Right-hand sides about the Langevin discretisation of WPG [docs/theory.md, section 4]."""

from typing import Any

import numpy as np

from wconv._axes import Array
from wconv.theory.bounds.constants import grown
from wconv.theory.claims import Bound


@Bound
def drift_lipschitz(v: Array, *, beta: float, L_r: Array, L_p: Array, gamma: float) -> Array:
    """L_b = β + L_r + γL_p v, v half the oscillation of the values."""
    return np.asarray(beta + _with_value(v, L_r, L_p, gamma))


@Bound
def drift_slope(v: Array, *, G_r: Array, G_p: Array, gamma: float) -> Array:
    """G = G_r + γG_p v."""
    return _with_value(v, G_r, G_p, gamma)


@Bound
def dissipation(v: Array, *, beta: float, G_r: Array, G_p: Array, gamma: float) -> Array:
    """G²/(2β), which bounds ⟨a, b⟩ + (β/2)|a|²."""
    return np.asarray(_with_value(v, G_r, G_p, gamma) ** 2 / (2.0 * beta))


@Bound
def drift_growth(v: Array, *, G_r: Array, G_p: Array, gamma: float) -> Array:
    """2G², which bounds |b|² − 2β²|a|²."""
    return np.asarray(2.0 * _with_value(v, G_r, G_p, gamma) ** 2)


def _with_value(v: Array, of_r: Array, of_p: Array, gamma: float) -> Array:
    """x_r + γx_p v, where an infinite x_p (a jump of P) does not matter if values do not."""
    coupled = np.asarray(gamma * v)
    with np.errstate(invalid="ignore"):  # 0·inf, which is not taken
        return np.asarray(of_r + np.where(coupled > 0, coupled * of_p, 0.0))


@Bound
def one_step(
    divergence: Array,
    moment: Array,
    *,
    C_LS: Array,
    L_b: Array,
    tau: float,
    eta: float,
    dim: int,
) -> Array:
    """e^{−τη/C_LS}KL(π_k‖p_k) + δ, δ = L_b²(B²η³/(6τ) + dη²/2), from KL and B² = E|b_k|²."""
    return np.asarray(
        np.exp(-tau * eta / C_LS) * divergence + first_order_error(moment, L_b, tau, eta, dim)
    )


def first_order_error(moment: Array, L_b: Array, tau: float, eta: Array | float, dim: int) -> Array:
    """δ = L_b²(B²η³/(6τ) + dη²/2)."""
    return np.asarray(L_b**2 * (moment * eta**3 / (6.0 * tau) + dim * eta**2 / 2.0))


@Bound
def one_step_two(
    divergence: Array,
    moment: Array,
    fourth: Array,
    *,
    C_LS: Array,
    L_b: Array,
    L_2: Array,
    tau: float,
    eta: float,
    dim: int,
) -> Array:
    """e^{−τη/C_LS}KL(π_k‖p_k) + δ_3, from KL, B² = E|b_k|² and B_4 = E|b_k|⁴."""
    delta = second_order_error(moment, fourth, L_b, L_2, tau, eta, dim)
    return np.asarray(np.exp(-tau * eta / C_LS) * divergence + delta)


def second_order_error(
    moment: Array,
    fourth: Array,
    L_b: Array,
    L_2: Array,
    tau: float,
    eta: Array | float,
    dim: int,
) -> Array:
    """δ_3 = (13/12)²[(4dL_b³ + 2L_2²τd(d+2))η³/3 + L_2²(d+2)B²η⁴/2 + L_2²B_4η⁵/(10τ)]."""
    third = (4.0 * dim * L_b**3 + 2.0 * L_2**2 * tau * dim * (dim + 2)) * eta**3 / 3.0
    rest = (dim + 2) * moment * eta**4 / 2.0 + fourth * eta**5 / (10.0 * tau)
    return np.asarray((13.0 / 12.0) ** 2 * (third + L_2**2 * rest))


@Bound
def gap_step(
    gap: Array,
    moment: Array,
    *,
    C_LS: Array,
    L_b: Array,
    tau: float,
    gamma: float,
    eta: float,
    dim: int,
) -> Array:
    """(1 − (1−γ)c)E_k + τδ/(1−γ), c = 1 − e^{−τη/C_LS}, from E_k and B²."""
    delta = first_order_error(moment, L_b, tau, eta, dim)
    return np.asarray(_ratio(C_LS, tau, gamma, eta) * gap + tau * delta / (1.0 - gamma))


@Bound
def gaps_step(
    gaps: Array,
    kernel: Array,
    moment: Array,
    *,
    C_LS: Array,
    L_b: Array,
    tau: float,
    gamma: float,
    eta: float,
    dim: int,
) -> Array:
    """(I − D_c(I − γP_{π*}))W_k + τ max δ/(1−γ), c_s = 1 − e^{−τη/C_LS(s)}, all of shape (..., S)."""
    kept = np.exp(-tau * eta / C_LS)
    delta = first_order_error(moment, L_b, tau, eta, dim).max(axis=-1, keepdims=True)
    ahead = gamma * (gaps @ kernel.T)
    return np.asarray(kept * gaps + (1.0 - kept) * ahead + tau * delta / (1.0 - gamma))


@Bound
def gap_after(
    start: Array,
    moment: Array,
    count: Array,
    *,
    C_LS: Array,
    L_b: Array,
    tau: float,
    gamma: float,
    eta: float,
    dim: int,
) -> Array:
    """(1 − (1−γ)c)^k E_0 + τδ/((1−γ)²c) after k steps, from E_0, the largest B² and k."""
    delta = first_order_error(moment, L_b, tau, eta, dim)
    fallen = _ratio(C_LS, tau, gamma, eta) ** count * start
    return np.asarray(fallen + _remains(delta, C_LS, tau, gamma, eta))


@Bound
def plateau(
    moment: Array,
    *,
    C_LS: Array,
    L_b: Array,
    tau: float,
    gamma: float,
    eta: Array,
    dim: int,
) -> Array:
    """τδ/((1−γ)²c), what remains of the gap, from B²."""
    return _remains(first_order_error(moment, L_b, tau, eta, dim), C_LS, tau, gamma, eta)


@Bound
def plateau_two(
    moment: Array,
    fourth: Array,
    *,
    C_LS: Array,
    L_b: Array,
    L_2: Array,
    tau: float,
    gamma: float,
    eta: Array,
    dim: int,
) -> Array:
    """τδ_3/((1−γ)²c), from B² and B_4."""
    delta = second_order_error(moment, fourth, L_b, L_2, tau, eta, dim)
    return _remains(delta, C_LS, tau, gamma, eta)


@Bound
def order(*, least: float) -> float:
    """The order in η itself."""
    return least


def _ratio(C_LS: Array, tau: float, gamma: float, eta: Array | float) -> Array:
    """1 − (1−γ)(1 − e^{−τη/C_LS})."""
    return np.asarray(1.0 + (1.0 - gamma) * np.expm1(-tau * eta / C_LS))


def _remains(delta: Array, C_LS: Array, tau: float, gamma: float, eta: Array | float) -> Array:
    """τδ/((1−γ)²c)."""
    return np.asarray(tau * delta / (-((1.0 - gamma) ** 2) * np.expm1(-tau * eta / C_LS)))


@Bound
def a_priori_oscillation(v: Array, *, R_max: float, gamma: float) -> Array:
    """osc q ≤ 2(R_max + γv)."""
    return np.asarray(2.0 * (R_max + gamma * v))


@Bound
def a_priori_log_sobolev(
    v: Array, *, reference: float, R_max: float, gamma: float, tau: float
) -> Array:
    """C_LS(μ)e^{osc(q)/τ}."""
    return np.asarray(reference * grown(2.0 * (R_max + gamma * v) / tau))


@Bound
def a_priori_moment(
    v: Array,
    *,
    M_0: float,
    G_r: float,
    G_p: float,
    beta: float,
    gamma: float,
    tau: float,
    eta: float,
    dim: int,
) -> Array:
    """M = max(M_0, (2/β)(G²/β + 2ηG² + 2τd)), which bounds E|a|² on R^d."""
    squared = (G_r + gamma * G_p * v) ** 2
    settled = 2.0 / beta * (squared / beta + 2.0 * eta * squared + 2.0 * tau * dim)
    return np.maximum(M_0, settled)


@Bound
def a_priori_drift_moment(
    v: Array,
    *,
    M_0: float,
    G_r: float,
    G_p: float,
    beta: float,
    gamma: float,
    tau: float,
    eta: float,
    dim: int,
) -> Array:
    """B² = 2β²M + 2G² on R^d, G² on compact spaces (β = 0)."""
    squared = np.asarray((G_r + gamma * G_p * v) ** 2)
    if beta == 0:
        return squared
    M = a_priori_moment(
        v=v, M_0=M_0, G_r=G_r, G_p=G_p, beta=beta, gamma=gamma, tau=tau, eta=eta, dim=dim
    )
    return np.asarray(2.0 * beta**2 * M + 2.0 * squared)


@Bound
def a_priori_gap(v: Array, **data: Any) -> Array:
    """max(E_0, τδ/((1−γ)²c)), which bounds E_k."""
    return grown(_log_gap(v, **data))


@Bound
def a_priori_map(v: Array, **data: Any) -> Array:
    """F(v) = R_max/(1−γ) + max(E_0, τδ/((1−γ)²c))/2 with everything evaluated at v."""
    return np.asarray(data["R_max"] / (1.0 - data["gamma"]) + a_priori_gap(v=v, **data) / 2.0)


def _log_gap(
    v: Array,
    *,
    R_max: float,
    G_r: float,
    L_r: float,
    G_p: float,
    L_p: float,
    K_0: float,
    M_0: float,
    reference: float,
    beta: float,
    gamma: float,
    tau: float,
    eta: float,
    dim: int,
) -> Array:
    """log max(E_0, τδ/((1−γ)²c)); a logarithm, as C_LS is exponential in v."""
    moment = a_priori_drift_moment(
        v=v, M_0=M_0, G_r=G_r, G_p=G_p, beta=beta, gamma=gamma, tau=tau, eta=eta, dim=dim
    )
    L_b = beta + L_r + gamma * L_p * v
    delta = first_order_error(moment, L_b, tau, eta, dim)
    log_x = np.log(tau * eta / reference) - 2.0 * (R_max + gamma * v) / tau
    x = np.exp(np.maximum(log_x, -30.0))
    log_c = np.where(log_x < -30.0, log_x, np.log(-np.expm1(-x)))
    log_plateau = np.log(tau * delta) - 2.0 * np.log1p(-gamma) - log_c
    return np.asarray(np.maximum(np.log((2.0 * R_max + tau * K_0) / (1.0 - gamma)), log_plateau))
