"""Right-hand sides of the frozen and implicit steps of Wasserstein policy gradient, and of vectors of gaps.

A step of length η in m resolvents contracts relative entropies by (1 + 2τη/(mC_LS))^{-m} = 1 − c
[docs/theory.md, section 4].
"""

import numpy as np

from wconv._axes import Array
from wconv.measured import EPS, Measured, rounding, stack
from wconv.theory.bounds.bellman import resolvent
from wconv.theory.claims import Bound


def _kept(C_LS: Array, tau: float, eta: Array, resolvents: int) -> Array:
    """1 − c = (1 + 2τη/(mC_LS))^{-m}."""
    return np.asarray((1.0 + 2.0 * tau * eta / (resolvents * C_LS)) ** -resolvents)


@Bound
def kl_factor(*, C_LS: Array, tau: float, eta: Array, resolvents: int) -> Array:
    """1−c, which bounds KL(π_{k+1}‖p_k)/KL(π_k‖p_k)."""
    return _kept(C_LS, tau, eta, resolvents)


@Bound
def gap_factor(*, C_LS: Array, tau: float, gamma: float, eta: Array, resolvents: int) -> Array:
    """1 − (1−γ)c, which bounds E_{k+1}/E_k."""
    return np.asarray(1.0 - (1.0 - gamma) * (1.0 - _kept(C_LS, tau, eta, resolvents)))


@Bound
def gaps_after_step(
    gaps: Array,
    kernel: Array,
    *,
    C_LS: Array,
    tau: float,
    gamma: float,
    eta: Array,
    resolvents: int,
) -> Array:
    """(I − D_c(I − γP_{π*}))W_k = (1−c)W_k + cγP_{π*}W_k, for gaps W_k of shape (..., S)."""
    return contracted(gaps, kernel, _kept(C_LS, tau, eta, resolvents), gamma)


def contracted(gaps: Array, kernel: Array, kept: Array, gamma: float) -> Array:
    """(1−c)W + cγPW in every state, 1−c = ``kept``, W of shape (..., S)."""
    return np.asarray(kept * gaps + (1.0 - kept) * gamma * (gaps @ kernel.T))


@Bound
def gaps_after_flow(
    gaps: Array, kernel: Array, *, C_LS: Array, tau: float, gamma: float, time: Array
) -> Measured:
    """exp(−t D_λ(I − γP_{π*}))W with λ = 2τ/C_LS, for gaps W of shape (..., S); error "series"."""
    return _propagated(gaps, kernel, 2.0 * tau * time / C_LS, gamma)


@Bound
def gaps_along_flow(
    gaps: Array, kernel: Array, *, C_LS: Array, tau: float, gamma: float, time: Array
) -> Measured:
    """The ordered product over intervals of the exponentials of ``gaps_after_flow``, on W_0 (S,).

    C_LS (K, S) and time (K, 1) of the intervals; the product up to each of them, (K, S).
    """
    now = Measured.of(gaps)
    rows = []
    for shares in 2.0 * tau * time / C_LS:
        step = _propagated(now.value, kernel, shares, gamma)
        # The exponentials are non-negative with row sums at most one: errors do not grow.
        now = step.with_error("series", now.error.max())
        rows.append(now)
    return stack(rows)


def _propagated(gaps: Array, kernel: Array, shares: Array, gamma: float) -> Measured:
    """exp(−D(I − γP))W, D the diagonal of ``shares`` (..., S), by uniformisation.

    With a = max D, aI − D(I − γP) = N ≥ 0 has row sums at most a: e^{−a}ΣN^jW/j! has non-negative
    terms, and what is cut off is at most e^{−a}Σ_{j>J}a^j/j!·‖W‖.
    """
    a = shares.max(axis=-1, keepdims=True)
    term = total = np.exp(-a) * gaps
    left = np.exp(-a) * np.abs(gaps).max(axis=-1, keepdims=True)
    size, j = np.abs(gaps).max(axis=-1, keepdims=True), 0
    # From there on terms fall by a/(j+2) < 1/4 each.
    while j < 4 * a.max() or (left * a / (j + 1) > EPS / 8 * size).any():
        j += 1
        term = ((a - shares) * term + shares * gamma * (term @ kernel.T)) / j
        total, left = total + term, left * a / j
    cut = left * a / (j + 1) / 0.75
    return Measured.of(total, series=cut, rounding=rounding(total, depth=j + 1))


@Bound
def rise_of_step(kl_old: Array, kl_new: Array, *, tau: float) -> Array:
    """c_sR_k(s) = τ[KL(π_k‖p_k) − KL(π_{k+1}‖p_k)], which V^{k+1} − V^k is at least."""
    return np.asarray(tau * (kl_old - kl_new))


@Bound
def rise_with_defect(kl_old: Array, kl_new: Array, *, tau: float, horizon: float) -> Array:
    """cR_k − τδ·horizon with the largest c ≥ 0 a state and the least δ; horizon = 1/(1−γ)."""
    fall = kl_old - kl_new
    delta = np.maximum(-fall, 0.0).max(axis=-1, keepdims=True)
    return np.asarray(tau * (np.maximum(fall, 0.0) - horizon * delta))


@Bound
def residual_of_gaps(
    gaps: Array, next_gaps: Array, kernel: Array, kl: Array, *, tau: float, gamma: float
) -> Array:
    """(I − γP_{π*})W + τKL(π*‖p^π) = R^π, for gaps (..., S) given twice as they enter both ways."""
    return np.asarray(gaps - gamma * (next_gaps @ kernel.T) + tau * kl)


@Bound
def fall_of_gaps(
    gaps: Array,
    next_gaps: Array,
    kernel: Array,
    kl: Array,
    kl_new: Array,
    new_kernel: Array,
    *,
    tau: float,
    gamma: float,
) -> Measured:
    """(I − γP_{k+1})^{-1}[(I − γP_{π*})W_k + τKL(π*‖p_k) − τKL(π_{k+1}‖p_k)] = W_k − W_{k+1}."""
    gain = gaps - gamma * (next_gaps @ kernel.T) + tau * (kl - kl_new)
    fall: Measured = resolvent(gain=gain, kernel=new_kernel, gamma=gamma)
    return fall


def _excess(gap: Array, kept: Array | float, tau: float, gamma: float) -> Array:
    """(γ/(1−γ))·(γE/4τ + √(kept·E/2τ)), which bounds γ(I−γP_π)^{-1}(P_{π*}−P_π)W in units of E.

    Loose: three worst cases that exclude each other (all of W's range moved, by the whole total
    variation, from a state that is never left). Needed where E ≫ τ/(1−γ), but not this much of it.
    """
    gap = np.maximum(gap, 0.0)  # E ≥ 0: the lower end of its error may lie below
    far = gamma * gap / (4.0 * tau) + np.sqrt(kept * gap / (2.0 * tau))
    return np.asarray(gamma / (1.0 - gamma) * far)


@Bound
def newton_gap(gap: Array, *, kept: Array, tau: float, gamma: float) -> Array:
    """[1−c + c(γ/(1−γ))(γE_k/4τ + √((1−c)E_k/2τ))]E_k with 1−c = ``kept``."""
    return newton_kept(gap, kept, tau, gamma) * gap


@Bound
def newton_factor(
    gap: Array, *, C_LS: Array, tau: float, gamma: float, eta: Array, resolvents: int
) -> Array:
    """1−c + c(γ/(1−γ))(γE_k/4τ + √((1−c)E_k/2τ)), which bounds E_{k+1}/E_k."""
    return newton_kept(gap, _kept(C_LS, tau, eta, resolvents), tau, gamma)


def newton_kept(gap: Array, kept: Array, tau: float, gamma: float) -> Array:
    """1−c + c(γ/(1−γ))(γE/4τ + √((1−c)E/2τ)) with 1−c = ``kept``."""
    return np.asarray(kept + (1.0 - kept) * _excess(gap, kept, tau, gamma))


@Bound
def newton_velocity(share: Array, gap: Array, *, C_LS: Array, tau: float, gamma: float) -> Array:
    """(2τ/C_LS)[W/E − (γ/(1−γ))(γE/4τ + √(E/2τ))], which V̇/E is at least; ``share`` is W/E."""
    return np.asarray(2.0 * tau / C_LS * (share - _excess(gap, 1.0, tau, gamma)))


@Bound
def newton_share(speed: Array, gap: Array, *, C_LS: Array, tau: float, gamma: float) -> Array:
    """(C_LS/2τ)V̇/E + (γ/(1−γ))(γE/4τ + √(E/2τ)), which W/E is at most; ``speed`` is V̇/E."""
    return np.asarray(C_LS / (2.0 * tau) * speed + _excess(gap, 1.0, tau, gamma))
