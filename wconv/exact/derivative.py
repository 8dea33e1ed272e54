"""The derivative of the objective along a direction of policies, by a complex step.

J(π) = ρᵀV^π is analytic in the masses π, so Im J(π + iεχ)/ε is the derivative up to O(ε²), with no
cancellation: exact to rounding at ε = 1e-30. The occupancy formula of the policy gradient, which
this is made to verify, is not used.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateValue
from wconv.exact.resolvent import PolicySystem, extended_kernel, policy_system, refine
from wconv.mdp.model import MDP, numbers
from wconv.mdp.policy import Policy
from wconv.measured import EPS, EXTENDED, Measured, unit_roundoff
from wconv.measures.densities import MASS_TOL

_SMALLEST_STEP = 1e-270
_REACH = 1e-12


def objective_derivative(mdp: MDP, policy: Policy, direction: ActionValue) -> Measured:
    """d/dε J(π + εχ) at ε = 0 for signed masses χ, shape (S, A): a number with its error.

    The mean of ``value_derivative`` under the initial distribution ρ, before it is rounded; raises the
    same errors.
    """
    slopes, error = _slopes(mdp, policy, direction)
    slope = (mdp.rho * slopes).sum()
    value = float(slope)
    mean = unit_roundoff(EXTENDED) * (mdp.n_states + 4) * float(np.abs(slopes).max())
    total = float(mdp.rho.sum()) * (error + mean) + abs(float(slope - value))
    return Measured.of(value, "complex step", evaluation=total * (1.0 + 4.0 * EPS))


def value_derivative(mdp: MDP, policy: Policy, direction: ActionValue) -> Measured:
    """d/dε V^{π+εχ}(s) at ε = 0 for signed masses χ, shape (S, A): a number a state, shape (S,).

    Im V/ε for the solution of (I − γP_{π+iεχ})V = Σ(π + iεχ)(r − τ log((π + iεχ)/m)), refined by
    residuals in extended precision. With r₁ + iεr₂ the final residual, roundings included, the
    error is (‖r₂‖ + γ‖P_|χ|‖·‖r₁‖/(1−γ))/(1−γ).

    Raises:
        InputError: when χ has another shape, is not finite, does not sum to zero in a state (to
            1e-12·A relative), lives where π = 0 or exceeds π there by 1e258 or more; and see
            ``policy_system``.

    """
    slopes, error = _slopes(mdp, policy, direction)
    values = slopes.astype(float)
    total = error + np.abs(slopes - values).astype(float)
    return Measured.of(values, "complex step", evaluation=total * (1.0 + 4.0 * EPS))


def _slopes(mdp: MDP, policy: Policy, direction: ActionValue) -> tuple[StateValue, float]:
    """Im V/ε in extended precision, and a bound on its error in every state."""
    system = policy_system(mdp, policy)
    chi = _direction(mdp, system.pi.astype(float), direction)
    step = _step(system.pi.astype(float), chi)
    tilted = _tilt(system, policy, chi, step)
    V, _ = refine(
        system.correct(system.reward).astype(tilted.reward.dtype),  # V^π, so that every step halves
        residual=tilted.residual,
        correct=lambda r: system.correct(r.real) + 1j * step * system.correct(r.imag / step),
        size=tilted.size,
        floor=0.0,
    )
    return np.asarray(V.imag / step), _error_bound(tilted, V)


@dataclass(frozen=True, eq=False)
class _Tilted:
    """The linear system at π + iεχ."""

    system: PolicySystem
    chi: ActionValue
    step: float
    reward: StateValue
    kernel: Any

    def residual(self, V: StateValue) -> StateValue:
        """Reward + γ·kernel·V − V, complex."""
        return np.asarray(self.reward + self.system.mdp.gamma * (self.kernel @ V) - V)

    @property
    def reach(self) -> float:
        """The largest Σ|χ| in a state."""
        return float(np.abs(self.chi).sum(axis=-1).max())

    def size(self, residual: StateValue) -> float:
        """‖r₂‖ + max Σ|χ|·‖r₁‖ of a residual r₁ + iεr₂: how they enter the error."""
        first, second = sizes(residual, self.step)
        return second + self.reach * first


def sizes(V: StateValue, step: float) -> tuple[float, float]:
    """(‖a‖, ‖b‖) of a + iεb."""
    return float(np.abs(V.real).max()), float(np.abs(V.imag).max() / step)


def _tilt(system: PolicySystem, policy: Policy, chi: ActionValue, step: float) -> _Tilted:
    mdp = system.mdp
    pi = system.pi + 1j * step * chi.astype(EXTENDED)
    live = pi.real > 0
    density = np.where(live, pi / np.where(live, policy.grid.weights, 1.0), 1.0)
    reward = (pi * (mdp.r - mdp.tau * np.log(density))).sum(axis=-1)
    return _Tilted(system, chi, step, np.asarray(reward), extended_kernel(mdp, pi))


def _error_bound(tilted: _Tilted, V: StateValue) -> float:
    """A bound on the error of every Im V/ε: residuals and their rounding through the resolvent."""
    system, mdp = tilted.system, tilted.system.mdp
    (first, second), (value, slope) = sizes(tilted.residual(V), tilted.step), sizes(V, tilted.step)
    logs, moved, reach = np.abs(system.logs), np.abs(tilted.chi), tilted.reach
    unit = system.u * system.depth
    # An entry of log f is rounded at the size 1 + |log f|, hence the additional τ.
    first += unit * (system.size + mdp.tau + 2.0 * value)
    work = float((moved * (np.abs(mdp.r) + mdp.tau * (2.0 + logs))).sum(axis=-1).max())
    second += unit * (work + reach * value + 2.0 * slope)
    return (second + mdp.contraction * reach * first / system.gap) / system.gap


def _direction(mdp: MDP, pi: Array, direction: ActionValue) -> ActionValue:
    chi = numbers("direction", direction)
    require.shape("direction", chi, mdp.r.shape, "(states, actions)")
    require.finite("direction", chi)
    if (chi[pi == 0] != 0).any():
        require.fail("direction", "vanish where the policy does", "mass there", "set it to zero")
    total, size = np.abs(chi.sum(axis=-1)), np.abs(chi).sum(axis=-1)
    if (total > MASS_TOL * mdp.n_actions * size).any():
        worst = int((total - MASS_TOL * mdp.n_actions * size).argmax())
        require.fail(
            "direction",
            "have zero mass in every state",
            f"{chi[worst].sum()!r} in state {worst}",
            "subtract the policy times its mass",
        )
    return chi


def _step(pi: Array, chi: ActionValue) -> float:
    """ε ≤ 1e-30, and so small that |εχ| ≤ 1e-12 π: what O(ε²) leaves is below all rounding."""
    moved = chi != 0
    with np.errstate(over="ignore"):
        ratio = float((pi[moved] / np.abs(chi[moved])).min(initial=np.inf))
    step = min(1e-30, _REACH * ratio)
    if step < _SMALLEST_STEP:
        require.fail(
            "direction",
            "stay below 1e258 times the policy",
            f"a ratio policy/direction of {ratio:.1e}",
            "set it to zero where the policy has next to no mass",
        )
    return step
