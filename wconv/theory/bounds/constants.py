"""Right-hand sides about functional-inequality constants [docs/theory.md, sections 0 and 4]."""

import numpy as np

from wconv._axes import Array
from wconv.theory.claims import Bound


def grown(exponent: Array) -> Array:
    """e^exponent, infinite beyond doubles: such a bound says nothing."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(exponent))


@Bound
def constant(*, C: Array) -> Array:
    """C itself."""
    return C


@Bound
def log_sobolev(*, C_LS: Array) -> Array:
    """C_LS itself."""
    return C_LS


@Bound
def talagrand(*, C_T: Array) -> Array:
    """C_T itself."""
    return C_T


@Bound
def log_sobolev_inequality(information: Array, *, C_LS: Array) -> Array:
    """(C_LS/2)·I(ν‖p), which bounds KL(ν‖p)."""
    return np.asarray(0.5 * C_LS * information)


@Bound
def talagrand_inequality(divergence: Array, *, C_LS: Array) -> Array:
    """2·C_LS·KL(ν‖p), which bounds W_2²(ν, p) (Otto–Villani)."""
    return np.asarray(2.0 * C_LS * divergence)


@Bound
def transport_information(information: Array, *, C_LS: Array) -> Array:
    """C_LS²·I(ν‖p), which bounds W_2²(ν, p)."""
    return np.asarray(C_LS**2 * information)


@Bound
def holley_stroock(*, C_0: Array, osc: Array) -> Array:
    """e^{osc ψ}·C(p_0) for p ∝ e^ψ p_0."""
    return np.asarray(grown(osc) * C_0)


@Bound
def perturbed_talagrand(*, C_0: Array, osc: Array, factor: float) -> Array:
    """factor·e^{osc ψ}·C_T(p_0), factor 8 (Gozlan–Roberto–Samson)."""
    return np.asarray(factor * grown(osc) * C_0)


@Bound
def bakry_emery(*, m: Array) -> Array:
    """1/m where −log p is m-strongly convex on a convex set."""
    return np.asarray(1.0 / m)


@Bound
def scaled(constant: Array, *, stretch: float) -> Array:
    """λ²·C(X), the constant of λX."""
    return np.asarray(stretch**2 * constant)


@Bound
def half_diameter(*, diameter: float) -> float:
    """D²/2, the oscillation of a Kantorovich potential for the cost |x − y|²/2."""
    return 0.5 * diameter**2


@Bound
def interval(*, length: float) -> float:
    """(L/π)², all three constants of the uniform law on an interval or a cube of side L."""
    return (length / np.pi) ** 2


@Bound
def circle(*, length: float) -> float:
    """(L/2π)², all three constants of the uniform law on a circle of length L."""
    return (length / (2 * np.pi)) ** 2


@Bound
def ball(*, radius: float, dim: int) -> float:
    """R²/(d+1), a bound on C_LS of the uniform law on a ball.

    The ball is the image of the sphere R·S^{d+1} under a 1-Lipschitz projection, C_LS(S^n) = 1/n.
    """
    return radius**2 / (dim + 1)


@Bound
def disc_poincare(*, radius: float) -> float:
    """R²/p², C_P of the uniform law on a disc; p = 1.8411837813406593 is the first zero of J_1'."""
    return (radius / 1.8411837813406593) ** 2


@Bound
def at_most_falling(previous: Array, ratio: Array, *, prefactor: float) -> Array:
    """c·(1 + e√r): an error e, after the temperature fell to the share r."""
    return np.asarray(prefactor * (1.0 + previous * np.sqrt(ratio)))


@Bound
def at_least_falling(previous: Array, ratio: Array, *, prefactor: float) -> Array:
    """c·(1 − e√r): an error e, after the temperature fell to the share r."""
    return np.asarray(prefactor * (1.0 - previous * np.sqrt(ratio)))
