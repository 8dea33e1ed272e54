"""Right-hand sides of the Bellman-structure theorems (docs/theory.md, section 2)."""

import numpy as np

from wconv._axes import Array
from wconv.measured import Measured, rounding
from wconv.theory.claims import Bound


@Bound
def discounted(shift: Array, *, gamma: float) -> Array:
    """γ·shift: how far T or T^π moves when V moves by a shift."""
    return np.asarray(gamma * shift)


@Bound
def a_posteriori(residual: Array, *, horizon: float) -> Array:
    """‖TV − V‖_∞·horizon with horizon = 1/(1−γ)."""
    return np.asarray(horizon * residual)


@Bound
def scaled_kl(kl: Array, *, tau: float) -> Array:
    """τ·KL."""
    return np.asarray(tau * kl)


@Bound
def itself(value: Array) -> Array:
    """The datum as it is, for claims without constants."""
    return np.asarray(value)


@Bound
def residual_floor(gap: Array, largest_gap: Array, *, gamma: float) -> Array:
    """W(s) − γ‖W‖_∞ ≤ R(s)."""
    return np.asarray(gap - gamma * largest_gap)


@Bound
def kl_gain(kl_old: Array, kl_new: Array, *, tau: float) -> Array:
    """g = τ[KL(π‖p^π) − KL(π'‖p^π)]."""
    return np.asarray(tau * (kl_old - kl_new))


@Bound
def advantage_gain(advantage: Array, kl_step: Array, *, tau: float) -> Array:
    """g = ∫(q^π − τ log f)(π' − π) − τ KL(π'‖π)."""
    return np.asarray(advantage - tau * kl_step)


def _resolvent(gain: Array, kernel: Array, gamma: float) -> Measured:
    """(I − γP)^{-1} g over leading batch axes, with its a-posteriori error.

    The error is (residual of the solve + its rounding)/(1 − γ), which bounds the inverse in sup norm.
    """
    states = gain.shape[-1]
    value = np.linalg.solve(np.eye(states) - gamma * kernel, gain[..., None])[..., 0]
    pushed = (kernel @ value[..., None])[..., 0]
    size = (np.abs(kernel) @ np.abs(value)[..., None])[..., 0]
    defect = np.abs(gain - value + gamma * pushed)
    defect = defect + rounding(gain, value, gamma * size, depth=states)
    return Measured.of(value, solve=defect.max(axis=-1, keepdims=True) / (1.0 - gamma))


@Bound
def resolvent(gain: Array, kernel: Array, *, gamma: float) -> Measured:
    """(I − γP_{π'})^{-1} g."""
    return _resolvent(gain, kernel, gamma)


@Bound
def resolvent_of_kl_gain(
    kl_old: Array, kl_new: Array, kernel: Array, *, gamma: float, tau: float
) -> Measured:
    """(I − γP_{k+1})^{-1} τ[KL(π_k‖p_k) − KL(π_{k+1}‖p_k)]."""
    return _resolvent(tau * (kl_old - kl_new), kernel, gamma)


@Bound
def stationary_gap(mean_gap: Array, *, gamma: float) -> Array:
    """(1 − γ) E_{ν*}[V* − V^π]."""
    return np.asarray((1.0 - gamma) * mean_gap)


@Bound
def occupancy_pairing(weighted: Array, *, horizon: float) -> Array:
    """horizon·Σ_s d^π(s) ∫χ_s (q^π − τ log f) da, from the summands; horizon = 1/(1−γ)."""
    return np.asarray(horizon * weighted.sum(axis=-1))
