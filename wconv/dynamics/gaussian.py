"""Closed dynamics of Gaussian policies N(Kx, Σ) in linear-quadratic control: oracles for all others.

With H = N_β + γB'ΠB, F = γB'ΠA and Π of the current policy, b(x, a) = −Ha − Fx is linear in the action, so
that these maps keep policies Gaussian:
    flow        K̇ = −(HK + F),  Σ̇ = −HΣ − ΣH + 2τI
    frozen      the same with H and F held for a time η: matrix exponentials
    Langevin    K' = K − η(HK + F),  Σ' = (I − ηH)Σ(I − ηH) + 2τηI
The implicit step (I − ηK)^{-T} does not: it is the law of the frozen flow at an exponential time, a
mixture of Gaussians, and there is no closed form of it here.
Π never grows along any of them (HK + F shrinks in the norm of H⁻¹ before H does), so that a start with a
finite value is enough. Source: docs/theory.md, lq-closed-form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy.integrate import solve_ivp

from wconv import _require as require
from wconv._axes import Array
from wconv.exact.lq import (
    LQ,
    LinearGaussian,
    LQValue,
    Quadratic,
    action_quadratic,
    evaluate_lq,
    running_cost,
)
from wconv.exact.lyapunov import U, doubled, symmetric
from wconv.exact.riccati import LQSolution
from wconv.measured import EPS, EXTENDED, Measured
from wconv.outcomes import Outcome, SolverError

TOLERANCES: Final = (1e-12, 3e-14)
"""Relative tolerances of the two runs of the flow; their difference is the error told."""

Step = Callable[[Array, Array], tuple[Array, Array]]
"""(K, Σ) → (K', Σ') in the precision of its arguments."""


@dataclass(frozen=True, eq=False)
class GaussianPath:
    """Policies N(K_tx, Σ_t) at ``times`` (t,): K (t, m, n) and Sigma (t, m, m) with their errors."""

    lq: LQ
    times: Array
    K: Measured
    Sigma: Measured

    @cached_property
    def policies(self) -> Sequence[LinearGaussian]:
        """The policies at all times."""
        pairs = zip(self.K.value, self.Sigma.value, strict=True)
        return tuple(LinearGaussian(K, symmetric(Sigma)) for K, Sigma in pairs)

    @cached_property
    def evaluations(self) -> Sequence[LQValue]:
        """Their certified values."""
        return tuple(evaluate_lq(self.lq, policy) for policy in self.policies)

    def __repr__(self) -> str:
        return f"GaussianPath({self.lq!r}, {len(self.times)} policies to time {self.times[-1]:g})"


def gaussian_flow(lq: LQ, start: LinearGaussian, times: Any) -> GaussianPath:
    """The gradient flow K̇ = −(HK + F), Σ̇ = −HΣ − ΣH + 2τI at ``times`` (t,), increasing from ≥ 0.

    DOP853 at two tolerances; the error "time step" is their difference, that of the coarser one.

    Raises:
        InputError: a start without a finite value, times that do not increase.
        SolverError: NOT_FINITE, when the integrator gives up (H too stiff).

    """
    stops = np.atleast_1d(np.asarray(times, dtype=float))
    require.finite("times", stops)
    if stops.ndim != 1 or stops[0] < 0 or (np.diff(stops) <= 0).any():
        require.fail("times", "increase from 0 or later", stops.tolist(), "sort them, without ties")
    begun = evaluate_lq(lq, start)
    (m, n), cut = start.K.shape, start.K.size

    def velocity(_: float, y: Array) -> Array:
        K, Sigma = y[:cut].reshape(m, n), y[cut:].reshape(m, m)
        try:
            H, F = _pull(lq, K)
        except SolverError:  # a trial step too long to stabilise: NaN makes DOP853 reject it
            return np.full(y.shape, np.nan)
        drift = H @ Sigma
        spread = 2 * lq.tau * np.eye(m) - drift - drift.T
        return np.concatenate([-(H @ K + F).ravel(), spread.ravel()])

    y0 = np.concatenate([start.K.ravel(), start.Sigma.ravel()])
    goal = np.concatenate([begun.gibbs.K.ravel(), begun.gibbs.Sigma.ravel()])
    scale = float(np.maximum(np.abs(y0), np.abs(goal)).max())
    coarse, fine = (_integrated(velocity, y0, stops, tol, tol * scale) for tol in TOLERANCES)
    rounding = 16 * EPS * begun.loop.amplification * scale
    parts = (slice(0, cut), (m, n)), (slice(cut, None), (m, m))
    K, Sigma = (
        Measured.of(
            fine[part].T.reshape(-1, *shape),
            "closed Gaussian flow",
            **{"time step": (fine - coarse)[part].T.reshape(-1, *shape), "rounding": rounding},
        )
        for part, shape in parts
    )
    return GaussianPath(lq, stops, K, Sigma)


def _integrated(velocity: Any, y0: Array, times: Array, rtol: float, atol: float) -> Array:
    """y at the times, (variables, t)."""
    span = (0.0, float(times[-1]))
    if span[1] == 0.0:
        return y0[:, None]
    done = solve_ivp(velocity, span, y0, method="DOP853", t_eval=times, rtol=rtol, atol=atol)
    if not done.success:
        raise SolverError(Outcome.NOT_FINITE, f"the flow of K and Sigma stops: {done.message}")
    return np.asarray(done.y)


def _pull(lq: LQ, K: Array) -> tuple[Array, Array]:
    """H and F of the gain, in its precision."""
    root = np.sqrt(K.dtype.type(lq.gamma))
    cost = running_cost(lq, K)[0].astype(K.dtype)
    return action_quadratic(lq, doubled(root * (lq.A + lq.B @ K), cost))


def gaussian_frozen(lq: LQ, start: LinearGaussian, step: float, steps: int) -> GaussianPath:
    """Steps of length η of the flow with q frozen, exactly: the closed form of `wpg-frozen`.

    K' = e^{−ηH}K − ∫_0^η e^{−uH}du F,  Σ' = e^{−ηH}Σe^{−ηH} + 2τ∫_0^η e^{−2uH}du; ``steps`` + 1 policies.

    Raises:
        InputError: a step that is not positive, no step, a start without a finite value.

    """
    eta = require.positive("step", step, "give eta")

    def advance(K: Array, Sigma: Array) -> tuple[Array, Array]:
        H, F = _pull(lq, K)
        decay, gain = _relaxation(H, eta)
        return decay @ K - gain @ F, decay @ Sigma @ decay + 2 * lq.tau * _relaxation(2 * H, eta)[1]

    return _iterated(lq, start, eta, steps, advance)


def _relaxation(H: Array, time: float) -> tuple[Array, Array]:
    """e^{−tH} and ∫_0^t e^{−uH}du by Taylor series for t/2^k and doubling, in the precision of H.

    Doubling adds and multiplies, so that nothing cancels and no inverse of H is needed.
    """
    doublings = max(0, int(np.ceil(np.log2(max(time * float(np.abs(H).sum()), 1e-30)))) + 4)
    short = H.dtype.type(time) / 2**doublings
    unit = np.eye(len(H), dtype=H.dtype)
    term, decay, gain = unit, unit, unit
    for k in range(1, 16):  # |short·H| ≤ 1/16: the rest is below 16^{-16}/16!
        term = term @ (-short * H) / k
        decay, gain = decay + term, gain + term / (k + 1)
    gain = short * gain
    for _ in range(doublings):
        gain, decay = gain + decay @ gain, decay @ decay
    return symmetric(decay), symmetric(gain)


def gaussian_langevin(lq: LQ, start: LinearGaussian, step: float, steps: int) -> GaussianPath:
    """The law of a ← a + ηb(x, a) + √(2τη)ξ: K' = K − η(HK + F), Σ' = (I − ηH)Σ(I − ηH) + 2τηI.

    ``steps`` + 1 policies. H falls along the way, so that ηλ_max(H) < 2 is a condition on the start.

    Raises:
        InputError: ηλ_max(H) ≥ 2 at the start, no step, a start without a finite value.

    """
    eta = _stable_step(step, evaluate_lq(lq, start).H)

    def advance(K: Array, Sigma: Array) -> tuple[Array, Array]:
        H, F = _pull(lq, K)
        unit = np.eye(len(H), dtype=H.dtype)
        shrink = unit - eta * H
        # Products of two numbers would be rounded to float64 in the extended run.
        return K - eta * (H @ K + F), shrink @ Sigma @ shrink + 2 * lq.tau * (eta * unit)

    return _iterated(lq, start, eta, steps, advance)


def _stable_step(step: float, H: Array) -> float:
    """Require 0 < η < 2/λ_max(H)."""
    eta = require.positive("step", step, "give eta")
    most = 2.0 / float(np.linalg.eigvalsh(H)[-1])
    if eta >= most:
        remedy = f"lower it below {most:.6g}, or the variance explodes"
        require.fail("step", "keep eta·lambda_max(H) below 2", eta, remedy)
    return eta


def _iterated(
    lq: LQ, start: LinearGaussian, step: float, steps: int, advance: Step
) -> GaussianPath:
    """The policies of a recursion, run in float64 and in extended precision.

    The error "rounding" is the difference of the two runs, plus what the second one loses a step.
    """
    count = require.count("steps", steps, 1)
    evaluate_lq(lq, start)  # refuses a start that does not stabilise
    narrow, wide = (_run(start, count, advance, dtype) for dtype in (np.dtype(float), EXTENDED))
    times = step * np.arange(count + 1)
    lost = U * 8 * sum(lq.B.shape) * np.arange(1, count + 2)[:, None, None]
    K, Sigma = (
        Measured.of(
            a,
            "closed Gaussian recursion",
            rounding=np.abs(a - b).astype(float) + lost * np.abs(a).max(),
        )
        for a, b in zip(narrow, wide, strict=True)
    )
    return GaussianPath(lq, times, K, Sigma)


def _run(
    start: LinearGaussian, steps: int, advance: Step, dtype: np.dtype[Any]
) -> tuple[Array, Array]:
    """K (t, m, n) and Σ (t, m, m) at all steps in one precision."""
    path = [(start.K.astype(dtype), start.Sigma.astype(dtype))]
    for _ in range(steps):
        path.append(advance(*path[-1]))
    return np.stack([K for K, _ in path]), np.stack([Sigma for _, Sigma in path])


def langevin_limit(solution: LQSolution, step: float) -> LinearGaussian:
    """Where the Langevin recursion ends: K*, and Σ = τH⁻¹(I − ηH/2)⁻¹ with H of the optimum.

    Raises:
        InputError: ηλ_max(H) ≥ 2, when there is no limit.

    """
    H = solution.value.H
    eta = _stable_step(step, H)
    curvature = symmetric(H - eta / 2 * (H @ H))
    return LinearGaussian(
        solution.policy.K, symmetric(solution.value.lq.tau * np.linalg.inv(curvature))
    )


def langevin_bias(solution: LQSolution, step: float) -> Quadratic:
    """V* − V of that limit, the same number τKL(Σ‖Σ*)/(1−γ) in every x, as a difference of values.

    Raises:
        InputError: ηλ_max(H) ≥ 2.

    """
    limit = evaluate_lq(solution.value.lq, langevin_limit(solution, step))
    return solution.value.V - limit.V
