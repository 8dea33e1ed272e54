"""Right-hand sides about the gradient flow [docs/theory.md, section 4]."""

import numpy as np

from wconv._axes import Array
from wconv.theory.claims import Bound


@Bound
def horizon(*, horizon: float) -> Array:
    """1/(1−γ) itself."""
    return np.asarray(horizon)


@Bound
def value_range(*, R_max: float, K_0: Array, gamma: float, tau: float) -> Array:
    """(2R_max + τK_0)/(1−γ), from the lowest value of the start to the highest of all."""
    return np.asarray((2.0 * R_max + tau * K_0) / (1.0 - gamma))


def _largest_q(R_max: float, K_0: Array, gamma: float, tau: float) -> Array:
    """R_max + γV_max with V_max = (R_max + τK_0)/(1−γ), above |q|."""
    return np.asarray(R_max + gamma * (R_max + tau * K_0) / (1.0 - gamma))


largest_q = Bound(_largest_q)


@Bound
def widest_q(*, R_max: float, K_0: Array, gamma: float, tau: float) -> Array:
    """2R_max + γ(2R_max + τK_0)/(1−γ), above osc q."""
    return np.asarray(2.0 * R_max + gamma * (2.0 * R_max + tau * K_0) / (1.0 - gamma))


@Bound
def log_perturbed(oscillation: Array, *, tau: float) -> Array:
    """osc(q)/τ, by which log C_LS(p) and log C_LS(μ) differ at most (Holley–Stroock)."""
    return np.asarray(oscillation / tau)


@Bound
def log_by_gap(gap: Array, *, gamma: float, tau: float) -> Array:
    """γE/τ, by which log C_LS changes at most while values rise by E (Holley–Stroock)."""
    return np.asarray(gamma * gap / tau)


def _log_uniform(R_max: float, K_0: Array, gamma: float, tau: float) -> Array:
    """2(R_max + γV_max)/τ, the same for every policy of a flow."""
    return 2.0 * _largest_q(R_max, K_0, gamma, tau) / tau


log_uniform = Bound(_log_uniform)


@Bound
def rate(*, C_LS: Array, tau: float) -> Array:
    """2τ/C_LS."""
    return np.asarray(2.0 * tau / C_LS)


@Bound
def worst_rate(*, C_LS: Array, gamma: float, tau: float) -> Array:
    """2τ(1−γ)/C_LS."""
    return np.asarray(2.0 * tau * (1.0 - gamma) / C_LS)


@Bound
def mean_rate(*, C_LS: Array, mismatch: Array, tau: float) -> Array:
    """2τ/(C_LS·mismatch), mismatch = 1/κ = max d^{π*}/d^π."""
    return np.asarray(2.0 * tau / (C_LS * mismatch))


@Bound
def quotient(*, nearly: float) -> Array:
    """The quotient of two sides that are equal, and what is allowed for their measurement."""
    return np.asarray(nearly)


@Bound
def decayed(durations: Array, *, C_LS: Array, gamma: float, tau: float) -> Array:
    """exp(−2τ(1−γ)ΣΔt_j/C_j) at the end of every interval."""
    return np.asarray(np.exp(-2.0 * tau * (1.0 - gamma) * np.cumsum(durations / C_LS)))


@Bound
def decayed_uniformly(
    times: Array,
    *,
    R_max: float,
    K_0: Array,
    C_mu: float,
    gamma: float,
    tau: float,
) -> Array:
    """exp(−2τ(1−γ)t/C), C = C_LS(μ)e^{2(R_max+γV_max)/τ}; 1/C does not overflow.

    Loose: 1−γ is attained only where E ≫ τ/(1−γ), and there C is e^{2E/τ} too large; K_0 bounds how
    deep values start, but p depends on their differences alone.
    """
    rate = np.exp(-_log_uniform(R_max, K_0, gamma, tau)) / C_mu
    return np.asarray(np.exp(-2.0 * tau * (1.0 - gamma) * rate * times))
