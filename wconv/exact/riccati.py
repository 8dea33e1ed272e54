"""The optimum of linear-quadratic control with entropy, by the discounted Riccati equation, certified."""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, solve_discrete_are

from wconv.exact.lq import (
    LQ,
    LinearGaussian,
    LQValue,
    action_quadratic,
    evaluate_lq,
    greedy,
    running_cost,
)
from wconv.exact.lyapunov import U, norm, symmetric
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

ROUNDS: Final = 20
"""Attempts to certify the optimum, the margin growing fourfold."""


@dataclass(frozen=True, eq=False)
class LQSolution:
    """The optimum: its value V* (``value.V``), and the policy N(K*x, Σ*) to errors in operator norm.

    The gap of a policy is ``value.V - evaluate_lq(lq, policy).V``, and J_ρ's gap its ``mean(law)``.
    """

    value: LQValue
    K_error: float
    Sigma_error: float

    @property
    def policy(self) -> LinearGaussian:
        """N(K*x, Σ*), K* = −H⁻¹F, Σ* = τH⁻¹."""
        return self.value.policy


def solve_lq(lq: LQ) -> LQSolution:
    """The optimum by the discounted Riccati equation Π = M + γA'ΠA − F'H⁻¹F, K* = −H⁻¹F, Σ* = τH⁻¹.

    SciPy's Schur solver starts, a Newton step (the greedy policy of an evaluation) refines. Certificate:
    Π* ≤ Π^K for every stabilising K, and Π* ≥ Π° for every Π° below its own Riccati map. The optimum is
    that over policies with γ^t E|x_t|² → 0; with M positive definite no other has a finite value.

    Raises:
        SolverError: UNRESOLVED when no gain stabilises √γ·(A, B), or none that can be certified.

    """
    root = np.sqrt(lq.gamma)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not certified
            Pi = symmetric(solve_discrete_are(root * lq.A, root * lq.B, lq.M, lq.cost()))
            value = evaluate_lq(lq, evaluate_lq(lq, greedy(lq, Pi)).gibbs)
    except (LinAlgError, ValueError) as error:
        detail = "sqrt(discount)·(A, B) has no stabilising gain, or barely: lower the discount"
        raise SolverError(Outcome.UNRESOLVED, f"{detail}; {error}") from error
    return _certified(value)


def _certified(value: LQValue) -> LQSolution:
    """The greedy policy's value with what it may lose to the optimum added to its errors.

    V* − V^K is the resolvent of τKL(Σ‖Σ*) ≤ (τ/2)‖H*Σ/τ − I‖², and ½x'(Π^K − Π*)x. For the gain,
    H*(K − K*) = ρ + γB'(Π* − Π)(A + BK), ρ = HK + F; for the covariance, Σ − Σ* = (ΣH*/τ − I)Σ*.
    """
    lq, Sigma = value.lq, value.policy.Sigma
    bounds = _lower_bound(value)
    push = lq.gamma * norm(lq.B)
    H_error = value.H_error + push * norm(lq.B) * bounds.loss
    H_error += 4 * len(Sigma) * EPS * norm(value.H)
    bend = norm(value.H @ Sigma / lq.tau - np.eye(len(Sigma))) + H_error * norm(Sigma) / lq.tau
    if not bend <= 0.5:  # x − log(1 + x) ≤ x² needs it
        raise SolverError(
            Outcome.UNRESOLVED, f"the covariance of the optimum of {lq!r} is not known"
        )
    spread = float(np.trace(lq.noise) + np.trace(lq.B @ Sigma @ lq.B.T))
    lost = 0.5 * (lq.tau * bend**2 + lq.gamma * bounds.loss * spread) / (1.0 - lq.gamma)
    V = replace(
        value.V,
        matrix_error=value.V.matrix_error + bounds.loss,
        constant_error=value.V.constant_error + lost,
    )
    return LQSolution(
        replace(value, V=V),
        K_error=(bounds.slope + push * norm(value.loop.L) * bounds.loss) / bounds.floor,
        Sigma_error=bend * lq.tau / bounds.floor,
    )


class _Bounds(NamedTuple):
    """Π* ≥ Π^K − loss·I;  H* ≥ floor·I;  ‖HK + F‖ ≤ slope."""

    loss: float
    floor: float
    slope: float


def _lower_bound(value: LQValue) -> _Bounds:
    """A matrix Π° = Π − εS below its own Riccati map, hence below Π*.

    T^K exceeds that map by at most ‖HK + F‖²/λ_min(H), and T^KΠ° − Π° ≥ ε/2 − ‖T^KΠ − Π‖, as S gains one
    a step: enough once ε/2 exceeds both.
    """
    lq, loop, K = value.lq, value.loop, value.policy.K
    Q, size = running_cost(lq, K)
    Pi, Pi_error = loop.total(Q, size)
    H, F = action_quadratic(lq, Pi)
    push = lq.gamma * norm(lq.B)
    terms = norm(H) * norm(K) + push * norm(Pi) * norm(lq.A)
    slope = norm(H @ K + F) + U * (2 * len(lq.A) + len(lq.N) + 8) * terms
    defect = norm(Q + loop.backward(Pi) - Pi) + loop.rounding(Pi, size)
    least = float(np.linalg.eigvalsh(value.H)[0]) - value.H_error - 4 * EPS * norm(value.H)
    epsilon = 4.0 * (defect + slope**2 / max(least, EPS))
    for _ in range(ROUNDS):
        floor = least - epsilon * push * norm(loop.S) * norm(lq.B)
        moved = slope + epsilon * push * norm(loop.S) * norm(loop.L)
        if floor > 0 and epsilon / 2 >= defect + moved**2 / floor:
            return _Bounds(epsilon * loop.amplification + Pi_error, floor, slope)
        epsilon *= 4.0
    raise SolverError(Outcome.UNRESOLVED, f"the optimum of {lq!r} is not certified")
