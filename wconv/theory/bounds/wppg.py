"""Right-hand sides of the proximal scheme, WPPG [docs/theory.md, section 5].

A step of length η maximises F_k(π) − W²(π, π_k)/(2η), F_k(π) = ∫q^{π_k}dπ − τKL(π‖μ).
"""

import numpy as np

from wconv._axes import Array
from wconv.measured import Measured, rounding
from wconv.theory.bounds.wpg_flow import widest_q
from wconv.theory.bounds.wpg_steps import contracted, newton_kept
from wconv.theory.claims import Bound


@Bound
def gain(moved: Array, kl: Array, *, tau: float, eta: float) -> Array:
    """W²(π_{k+1}, π_k)/(2η) + τKL(π‖π_{k+1}), with the first as ``moved``."""
    return np.asarray(moved / (2.0 * eta) + tau * kl)


@Bound
def one_step(
    gap: Array, far: Array, moved: Array, kl: Array, *, gamma: float, tau: float, eta: float
) -> Array:
    """γΔ_k + [D_k − E W²(π_{k+1}, π_k)]/(2η) − τE KL(π*‖π_{k+1}), which Δ_{k+1} is at most."""
    return np.asarray(gamma * gap + (far - moved) / (2.0 * eta) - tau * kl)


@Bound
def lyapunov(
    gap: Array, far: Array, next_far: Array, *, C_T: Array, tau: float, gamma: float
) -> Array:
    """γΔ_k + (τ/2C_T)(γD_k − D_{k+1}), which Δ_{k+1} is at most: Φ_{k+1} ≤ γΦ_k, Φ = Δ + (τ/2C_T)D."""
    return np.asarray(gamma * gap + tau / (2.0 * C_T) * (gamma * far - next_far))


def _critic_error(eta: float, noise: float, bias: float) -> float:
    """ε = ησ²/2 + 2ζ."""
    return eta * noise**2 / 2.0 + 2.0 * bias


@Bound
def lyapunov_inexact(
    gap: Array,
    far: Array,
    next_far: Array,
    *,
    C_T: Array,
    tau: float,
    gamma: float,
    eta: float,
    noise: float,
    bias: float,
) -> Array:
    """``lyapunov`` + ε/(1−γ), ε = ησ²/2 + 2ζ: E Φ_{k+1} ≤ γE Φ_k + ε/(1−γ)."""
    exact = lyapunov(gap=gap, far=far, next_far=next_far, C_T=C_T, tau=tau, gamma=gamma)
    return np.asarray(exact + _critic_error(eta, noise, bias) / (1.0 - gamma))


@Bound
def lyapunov_after(
    start: Array,
    start_far: Array,
    far: Array,
    count: Array,
    *,
    C_T: Array,
    tau: float,
    gamma: float,
    eta: float,
    noise: float,
    bias: float,
) -> Array:
    """γ^kΦ_0 − (τ/2C_T)D_k + ε/(1−γ)², which E Δ_k is at most, D_k as ``far``: E Φ_k ≤ γ^kΦ_0 + ε/(1−γ)²."""
    weight = tau / (2.0 * C_T)
    floor = _critic_error(eta, noise, bias) / (1.0 - gamma) ** 2
    return np.asarray(gamma**count * (start + weight * start_far) - weight * far + floor)


@Bound
def lyapunov_below(
    gap: Array,
    far: Array,
    next_far: Array,
    *,
    C_T: Array,
    tau: float,
    gamma: float,
    eta: float,
) -> Array:
    """ρΔ_k + w(ρD_k − D_{k+1}): Φ'_{k+1} ≤ ρΦ'_k with Φ' = Δ + wD, w = (τ/4C_T)(1+1/κ).

    ρ = max(γ, 4/(1+κ)²), κ = ητ/C_T.
    """
    kappa = eta * tau / C_T
    rate = np.maximum(gamma, 4.0 / (1.0 + kappa) ** 2)
    weight = tau / (4.0 * C_T) * (1.0 + 1.0 / kappa)
    return np.asarray(rate * gap + weight * (rate * far - next_far))


@Bound
def penalised(start: Array, count: Array, *, gamma: float, eta: float, diameter: float) -> Array:
    """γ^kΔ_0 + D²/(2η(1−γ)) on a set of diameter D, whatever the constants."""
    return np.asarray(gamma**count * start + diameter**2 / (2.0 * eta * (1.0 - gamma)))


def _kept(C_LS: Array, tau: float, eta: Array | float) -> Array:
    """1 − c = (1 + ητ/C_LS)^{-2}."""
    return np.asarray((1.0 + eta * tau / C_LS) ** -2.0)


@Bound
def kl_factor(*, C_LS: Array, tau: float, eta: Array) -> Array:
    """1−c, which bounds KL(π_{k+1}‖p_k)/KL(π_k‖p_k)."""
    return _kept(C_LS, tau, eta)


@Bound
def kl_factor_between(*, C_P: Array, C_LS: Array, share: float, tau: float, eta: Array) -> Array:
    """1−c with C_P + share·(C_LS − C_P) in place of C_LS, which it is at ``share`` = 1."""
    return _kept(C_P + share * (C_LS - C_P), tau, eta)


@Bound
def gap_factor(*, C_LS: Array, tau: float, gamma: float, eta: Array) -> Array:
    """1 − (1−γ)c, which bounds E_{k+1}/E_k."""
    return np.asarray(1.0 - (1.0 - gamma) * (1.0 - _kept(C_LS, tau, eta)))


@Bound
def gaps_after_step(
    gaps: Array, kernel: Array, *, C_LS: Array, tau: float, gamma: float, eta: float
) -> Array:
    """(I − D_c(I − γP_{π*}))W_k for gaps W_k of shape (..., S)."""
    return contracted(gaps, kernel, _kept(C_LS, tau, eta), gamma)


@Bound
def newton_factor(gap: Array, *, C_LS: Array, tau: float, gamma: float, eta: Array) -> Array:
    """1−c + c(γ/(1−γ))(γE_k/4τ + √((1−c)E_k/2τ)), which bounds E_{k+1}/E_k."""
    return newton_kept(gap, _kept(C_LS, tau, eta), tau, gamma)


@Bound
def gaps_with_bias(
    gaps: Array,
    kernel: Array,
    *,
    C_LS: Array,
    tau: float,
    gamma: float,
    eta: float,
    bias: float,
) -> Array:
    """(I − D_c(I − γP_{π*}))W_k + 2ζ/(1−γ), with C_LS e^{2ζ/τ} ≥ C_LS(p̂_k) for a bias of at most ζ."""
    # A step as much shorter: e^{−2ζ/τ} may vanish where e^{2ζ/τ} is no double.
    kept = _kept(C_LS, tau, eta * np.exp(-2.0 * bias / tau))
    return contracted(gaps, kernel, kept, gamma) + 2.0 * bias / (1.0 - gamma)


@Bound
def gaps_with_noise(
    gaps: Array,
    kernel: Array,
    *,
    C_LS: Array,
    tau: float,
    gamma: float,
    eta: float,
    noise: float,
) -> Array:
    """(I − D_{c'}(I − γP_{π*}))E W_k + (ησ²/2)/(1−γ), c' = κ/(1+κ), κ = ητ/C_LS."""
    kept = 1.0 / (1.0 + eta * tau / C_LS)
    return contracted(gaps, kernel, kept, gamma) + _critic_error(eta, noise, 0.0) / (1.0 - gamma)


@Bound
def log_density(oscillation: Array, *, tau: float, eta: float, diameter: float) -> Array:
    """[osc q + D²/(2η)]/τ, which bounds osc log(dπ_{k+1}/dμ)."""
    return np.asarray((oscillation + diameter**2 / (2.0 * eta)) / tau)


@Bound
def log_uniform(
    *, R_max: Array, K_0: Array, tau: float, gamma: float, eta: float, diameter: float
) -> Array:
    """[2R_max + γ(2R_max + τK_0)/(1−γ) + D²/(2η)]/τ, which bounds log C_T(π_{k+1})/C_LS(μ)."""
    widest = widest_q(R_max=R_max, K_0=K_0, gamma=gamma, tau=tau)
    return np.asarray((widest + diameter**2 / (2.0 * eta)) / tau)


@Bound
def supported(distance: Array, pairing: Array, *, twice: float) -> Array:
    """W²(μ_0, ν) + 2∫φ d(μ_1 − μ_0), φ a potential of (μ_0, ν) for the cost ½|x−y|²; ``twice`` = 2."""
    return np.asarray(distance + twice * pairing)


@Bound
def kantorovich(
    Q: Array,
    log_density: Array,
    masses: Array,
    old: Array,
    nodes: Array,
    *,
    tau: float,
    eta: float,
) -> Measured:
    """∫φdπ' + ∫φ^c dπ − h²/(24η) with φ = Q − τ log(dπ'/dμ), atoms π' at equal nodes, π constant on cells.

    φ^c is the parabola of node i, |a_i−b|²/(2η) − φ_i, for b between y_{i−1} and y_i, where neighbouring
    parabolas meet: y_i = e_i − (η/h)(φ_{i+1}−φ_i). Arrays (..., A), nodes (A,).
    """
    phi = Q - tau * log_density
    h = nodes[1] - nodes[0]
    low, high = nodes[0] - h / 2, nodes[-1] + h / 2
    meet = (nodes[1:] + nodes[:-1]) / 2 - eta / h * np.diff(phi, axis=-1)
    ends = np.full((*phi.shape[:-1], 1), low), np.full((*phi.shape[:-1], 1), high)
    cut = np.clip(np.concatenate([ends[0], meet, ends[1]], axis=-1), low, high)
    cell = np.clip(((cut - low) / h).astype(int), 0, len(nodes) - 1)
    centre, spread = nodes, nodes**2 + h**2 / 12
    parts = []
    for power, moment in enumerate((np.ones_like(nodes), centre, spread)):
        whole = np.cumsum(old * moment, axis=-1)
        before = np.take_along_axis(whole - old * moment, cell, axis=-1)
        start = low + h * cell
        inside = (cut ** (power + 1) - start ** (power + 1)) / (power + 1) / h
        parts.append(np.diff(before + np.take_along_axis(old, cell, axis=-1) * inside, axis=-1))
    mass, first, second = parts
    costs = nodes**2 * mass / (2 * eta), nodes * first / eta, second / (2 * eta), phi * mass
    value = (phi * masses + costs[0] - costs[1] + costs[2] - costs[3]).sum(axis=-1)
    sizes = [np.abs(x).sum(axis=-1) for x in (phi * masses, *costs)]
    return Measured.of(value - h**2 / (24 * eta), rounding=rounding(*sizes, depth=len(nodes)))
