"""Right-hand sides of the split scheme of WPPG: drift maps, heat steps, and where they end.

[docs/theory.md, section 5]. A quadratic q of curvature −h is moved by the factor ρ = 1 − ηh (explicit) or
1/(1 + ηh) (proximal), and noise of variance 2τη is added.
"""

import numpy as np

from wconv._axes import Array
from wconv.theory.claims import Bound


@Bound
def transported(gain: Array, moved: Array, *, eta: float) -> Array:
    """∫q dπ − W²(π, ν)/(2η), with the first as ``gain`` and W² as ``moved``."""
    return np.asarray(gain - moved / (2.0 * eta))


@Bound
def supported(envelope: Array, moved: Array, *, eta: float) -> Array:
    """E_ν[Moreau envelope] + W²(π, ν)/(2η), which bounds ∫q dπ for every π."""
    return np.asarray(envelope + moved / (2.0 * eta))


@Bound
def first_order(moved: Array, *, L_b: Array, eta: float) -> Array:
    """ηL_b|G(x) − x|, which bounds the distance of the explicit map to the proximal map G."""
    return np.asarray(eta * L_b * moved)


@Bound
def first_order_slope(slope: Array, *, L_b: Array, eta: float) -> Array:
    """η²L_b·sup|q'|, which bounds it before G is known."""
    return np.asarray(eta**2 * L_b * slope)


@Bound
def decayed(wave: Array, square: Array, *, tau: float, eta: float) -> Array:
    """e^{−τηk²}·⟨wave, π⟩ of a wave of frequency k after heat for the time τη; k² as ``square``."""
    return np.asarray(np.exp(-tau * eta * square) * wave)


@Bound
def chain_defect(wave: Array, square: Array, *, tau: float, eta: float, spacing: float) -> Array:
    """τη·k⁴h²/12·|⟨wave, π⟩|, which bounds what the chain on cells of width h does to it otherwise."""
    return np.asarray(tau * eta * square**2 * spacing**2 / 12.0 * np.abs(wave))


@Bound
def entropy_defect(wave: Array, fisher: Array, square: Array, *, tau: float, eta: float) -> Array:
    """(τη)²(k²I + k⁴|⟨wave, ν⟩|)/2, which bounds what the proximal step of the entropy does otherwise."""
    return np.asarray((tau * eta) ** 2 * (square * fisher + square**2 * wave) / 2.0)


@Bound
def spread_defect(fisher: Array, *, tau: float, eta: float) -> Array:
    """(τη)²I, which bounds what the second moment lacks after it on the line."""
    return np.asarray((tau * eta) ** 2 * fisher)


@Bound
def step_defect(
    wave: Array,
    far: Array,
    moved: Array,
    slope: Array,
    square: Array,
    *,
    L_b: Array,
    tau: float,
    eta: float,
    implicit: float,
    walls: float,
) -> Array:
    """½(τηk²)²w + ηW(kL_b + k²g) + ½k²(W² + m²) + ηm(kL_b·``implicit`` + k²g·``walls``).

    Bounds how much waves differ between the proximal and the split step: w = |∫(ψ + ηψ'q')dν| as ``wave``,
    W as ``far`` and m = (∫|G(b) − b|²dν)^{1/2} as ``moved`` are how far they move, g bounds the square
    mean of q' under ν and G_#ν; ``implicit`` and ``walls`` are 1 for the proximal map and on an
    interval, else 0. Second order, as W and m are of first.
    """
    k = np.sqrt(square)
    first = 0.5 * (tau * eta * square) ** 2 * wave + eta * far * (k * L_b + square * slope)
    second = 0.5 * square * (far**2 + moved**2)
    return np.asarray(first + second + eta * moved * (k * L_b * implicit + square * slope * walls))


@Bound
def kept_explicit(stiffness: Array, *, tau: float, eta: float) -> Array:
    """2τη/(1 − (1 − ηh)²) = τ/(h(1 − ηh/2)), the variance at last of explicit map and noise."""
    return np.asarray(2.0 * tau * eta / (1.0 - (1.0 - eta * stiffness) ** 2))


@Bound
def kept_prox(stiffness: Array, *, tau: float, eta: float) -> Array:
    """2τη/(1 − (1 + ηh)⁻²) = (τ/h)(1 + ηh)²/(1 + ηh/2), that of proximal map and noise."""
    return np.asarray(2.0 * tau * eta / (1.0 - (1.0 + eta * stiffness) ** -2))


@Bound
def sampled(stiffness: Array, *, tau: float, eta: float) -> Array:
    """2τη, the variance at last when noise is added at sampling time only, whatever h."""
    return np.asarray(2.0 * tau * eta * np.ones_like(stiffness))


@Bound
def scored(stiffness: Array, proximal: Array, *, tau: float, eta: float) -> Array:
    """τη/(1 − ρ), with the score as velocity: τ/h (``proximal`` 0), or (τ/h)(1 + ηh) (1)."""
    return np.asarray(tau / stiffness * (1.0 + proximal * eta * stiffness))


@Bound
def averaged(stiffness: Array, start: Array, *, eta: float, steps: float) -> Array:
    """(1 − ηh)^{2k} times the variance of the start, after k steps of the explicit map alone."""
    return np.asarray((1.0 - eta * stiffness) ** (2.0 * steps) * start)


@Bound
def order(*, least: float) -> float:
    """An order of convergence."""
    return least


@Bound
def order_most(*, most: float) -> float:
    """An order of convergence that is not exceeded."""
    return most
