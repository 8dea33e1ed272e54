"""Measured quantities of one policy evaluation: residual, gap, Gibbs divergence, gains.

Errors are named by where they come from: "evaluation" and "solution" are certified bounds on the
values that went in, "rounding" bounds the arithmetic of the formula itself. Operators are applied
in extended precision, so that small residuals keep their digits.
"""

from typing import Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateValue
from wconv.exact.bellman import evaluation, optimality, q_from_v
from wconv.exact.certificate import operator_rounding, row_length
from wconv.exact.evaluate import Evaluation
from wconv.exact.solve import Solution
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, gibbs
from wconv.measured import EPS, EXTENDED, Measured, rounding, unit_roundoff
from wconv.measures.densities import extended_density
from wconv.measures.divergences import kl


def q_value(mdp: MDP, V: StateValue) -> ActionValue:
    """Q = r + γPV summed in extended precision and rounded once, shape (S, A)."""
    return q_from_v(mdp, V.astype(EXTENDED)).astype(float)


def q_rounding(mdp: MDP, V: StateValue) -> float:
    """A bound on the rounding of ``q_value``: one rounding to float64, and the extended sum."""
    size = _size(mdp, V)
    return float(rounding(size, depth=1)) + unit_roundoff(EXTENDED) * (row_length(mdp) + 4) * size


def _size(mdp: MDP, V: StateValue) -> float:
    """max|r| + γ max|V|."""
    return float(np.abs(mdp.r).max()) + mdp.contraction * float(np.abs(V).max())


def apply_optimality(mdp: MDP, V: Measured) -> Measured:
    """T V with its rounding and the propagated error γ‖V's error‖_∞ (T is a γ-contraction)."""
    extended = V.value.astype(EXTENDED)
    TV = optimality(mdp, extended)
    return Measured.of(
        TV.astype(float),
        rounding=operator_rounding(mdp, extended) + EPS * np.abs(TV),
        evaluation=mdp.contraction * V.error.max(initial=0.0),
    )


def apply_evaluation(mdp: MDP, policy: Policy, V: Measured) -> Measured:
    """T^π V with its rounding and the propagated error γ‖V's error‖_∞."""
    extended = V.value.astype(EXTENDED)
    TV = evaluation(mdp, policy, extended)
    logs = np.where(np.isfinite(policy.logf), np.abs(policy.logf), 0.0)
    entropy = mdp.tau * float((policy.pi * (1.0 + logs)).sum(axis=-1).max())
    depth = row_length(mdp) + 2 * mdp.n_actions + 16
    return Measured.of(
        TV.astype(float),
        rounding=unit_roundoff(EXTENDED) * depth * (_size(mdp, V.value) + entropy)
        + EPS * np.abs(TV),
        evaluation=mdp.contraction * V.error.max(initial=0.0),
    )


def bellman_residual(mdp: MDP, value: Evaluation) -> Measured:
    """R^π = T V^π − V^π ≥ 0 in every state, shape (S,) [WPG, section 2]."""
    return apply_optimality(mdp, value.measured) - value.measured


class Valued(Protocol):
    """What has values in a problem: an ``Evaluation`` (S,), or a ``Path`` (times, S)."""

    @property
    def mdp(self) -> MDP:
        """The problem."""
        ...

    @property
    def measured(self) -> Measured:
        """The values, the states on the last axis."""
        ...


def optimality_gap(solution: Solution, value: Valued) -> Measured:
    """W^π = V* − V^π ≥ 0 in every state, shape (S,), or (times, S) along a path.

    InputError when the two are of two problems.
    """
    if solution.mdp is not value.mdp:
        names = (solution.mdp.name, value.mdp.name)
        require.fail(
            "solution and value", "belong to one problem", names, "use the same MDP record"
        )
    return solution.measured - value.measured


def policy_gain(mdp: MDP, new: Policy, value: Evaluation) -> Measured:
    """T^{π'}V^π − V^π, shape (S,): the one-step gain of a new policy π' over π."""
    return apply_evaluation(mdp, new, value.measured) - value.measured


def gibbs_divergence(mdp: MDP, policy: Policy, V: Measured) -> Measured:
    """KL(π‖p_V) with p_V ∝ exp((r + γPV)/τ)μ, shape (S,).

    When log p_V changes by at most δ, KL(π‖p_V) changes by |E_p − E_π| of the change up to second
    order: at most δ·min(2, √(2KL)) + 2δ² (Pinsker; the second order is a variance).
    """
    Q = q_value(mdp, V.value)
    divergence = kl(policy, gibbs(mdp, Q))
    finite = np.isfinite(divergence.value)
    # Q/τ, the shift by its maximum and the logarithm of the total round once each.
    rounded = q_rounding(mdp, V.value) + float(rounding(np.abs(Q).max(), mdp.tau, depth=2))
    moved = mdp.contraction * float(V.error.max(initial=0.0))
    delta = (moved + rounded) / mdp.tau
    known = np.where(finite, np.maximum(divergence.upper, 0.0), 0.0)
    reach = np.minimum(2.0, np.sqrt(2.0 * known) + 2.0 * delta) + 2.0 * delta
    for name, part in (("evaluation", moved), ("rounding", rounded)):
        divergence = divergence.with_error(name, np.where(finite, part / mdp.tau * reach, 0.0))
    return divergence


def pairing(mdp: MDP, policy: Policy, value: Evaluation, direction: Array) -> Measured:
    """∫(q^π − τ log f) dχ for signed masses χ (S, A) that vanish where π does, shape (S,).

    The statements are about ∫dχ = 0; "mass" is τ|∫dχ|, which they leave out.
    """
    _, logs = extended_density(policy)
    chi = direction.astype(EXTENDED)
    total = _integral(mdp, value, -mdp.tau * logs, chi)
    return total.with_error("mass", mdp.tau * np.abs(chi.sum(axis=-1)))


def advantage(mdp: MDP, new: Policy, value: Evaluation) -> Measured:
    """∫(q^π − τ log f)(π' − π), shape (S,), for the policy π of the value and a new one π'."""
    pi, logs = extended_density(value.policy)
    return _integral(mdp, value, -mdp.tau * logs, extended_density(new)[0] - pi)


def q_difference(mdp: MDP, new: Policy, value: Evaluation) -> Measured:
    """∫q^π(π' − π), shape (S,), for the policy π of the value and a new one π'."""
    pi, _ = extended_density(value.policy)
    return _integral(mdp, value, np.zeros_like(pi), extended_density(new)[0] - pi)


def _integral(mdp: MDP, value: Evaluation, extra: Array, chi: Array) -> Measured:
    """∫(q^π + extra) dχ in extended precision, with the error of V^π in it and its rounding."""
    Q = q_from_v(mdp, value.V.astype(EXTENDED))
    total = (chi * (Q + extra)).sum(axis=-1)
    mass = np.abs(chi).sum(axis=-1)
    size = (np.abs(Q) + np.abs(extra)).max(axis=-1)
    unit = unit_roundoff(EXTENDED) * (row_length(mdp) + mdp.n_actions + 16)
    # χ may be a difference of probabilities, whose own roundings are relative to a total of two.
    return Measured.of(
        total.astype(float),
        rounding=unit * (mass + 2.0) * size + EPS * np.abs(total),
        evaluation=mass * mdp.contraction * float(value.error.max()),
    )


def average(laws: Measured, per_state: Measured) -> Measured:
    """Σ_s ν(s)x(s) for every law ν (rows of ``laws``), shape (laws,)."""
    return (laws * per_state[np.newaxis]).total()
