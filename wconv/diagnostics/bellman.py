"""Measured quantities of one policy evaluation: residual, gap, Gibbs divergence, gains.

Errors are named by where they come from: "evaluation" and "solution" are certified bounds on the
values that went in, "rounding" bounds the float64 arithmetic of the formula itself.
"""

import numpy as np

from wconv._axes import Array, StateValue
from wconv.exact.bellman import evaluation, optimality, q_from_v
from wconv.exact.evaluate import Evaluation
from wconv.exact.solve import Solution
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, gibbs
from wconv.measured import Measured, rounding
from wconv.measures.divergences import kl


def q_rounding(mdp: MDP, V: StateValue) -> float:
    """A bound on the rounding of r + γPV: a sum of S products a state-action pair."""
    size = float(np.abs(mdp.r).max()) + mdp.gamma * float(np.abs(V).max())
    return float(rounding(size, depth=mdp.n_states))


def operator_rounding(mdp: MDP, policy: Policy | None, V: StateValue) -> float:
    """A bound on the rounding of T V (policy None) or T^π V: that of Q and of one sum over actions."""
    size = float(np.abs(mdp.r).max()) + mdp.gamma * float(np.abs(V).max())
    entropy = mdp.tau * float(np.max(np.abs(mdp.grid.log_weights[mdp.grid.weights > 0])))
    if policy is not None:
        logs = np.abs(policy.logf[np.isfinite(policy.logf)])
        entropy = mdp.tau * float(logs.max(initial=0.0))
    return q_rounding(mdp, V) + float(rounding(size, entropy, depth=_depth(mdp)))


def _depth(mdp: MDP) -> int:
    """Longest chain of additions in NumPy's pairwise sum over actions, with a few operations more."""
    return 16 + int(np.log2(mdp.n_actions))


def apply_optimality(mdp: MDP, V: Measured) -> Measured:
    """T V with its rounding and the propagated error γ‖V's error‖_∞ (T is a γ-contraction)."""
    inner = mdp.gamma * float(V.error.max(initial=0.0))
    return Measured.of(
        optimality(mdp, V.value), rounding=operator_rounding(mdp, None, V.value), evaluation=inner
    )


def apply_evaluation(mdp: MDP, policy: Policy, V: Measured) -> Measured:
    """T^π V with its rounding and the propagated error γ‖V's error‖_∞."""
    inner = mdp.gamma * float(V.error.max(initial=0.0))
    return Measured.of(
        evaluation(mdp, policy, V.value),
        rounding=operator_rounding(mdp, policy, V.value),
        evaluation=inner,
    )


def bellman_residual(mdp: MDP, value: Evaluation) -> Measured:
    """R^π = T V^π − V^π ≥ 0 in every state, shape (S,) [WPG, section 2]."""
    return apply_optimality(mdp, value.measured) - value.measured


def optimality_gap(solution: Solution, value: Evaluation) -> Measured:
    """W^π = V* − V^π ≥ 0 in every state, shape (S,)."""
    return solution.measured - value.measured


def policy_gain(mdp: MDP, new: Policy, value: Evaluation) -> Measured:
    """T^{π'}V^π − V^π, shape (S,): the one-step gain of a new policy π' over π."""
    return apply_evaluation(mdp, new, value.measured) - value.measured


def gibbs_divergence(mdp: MDP, policy: Policy, V: Measured) -> Measured:
    """KL(π‖p_V) with p_V ∝ exp((r + γPV)/τ)μ, shape (S,).

    A change of V by ε changes log p_V by at most 2γε/τ, and the rounding of Q enters the same way.
    """
    Q = q_from_v(mdp, V.value)
    divergence = kl(policy, gibbs(mdp, Q))
    moved = 2.0 * mdp.gamma * float(V.error.max(initial=0.0)) / mdp.tau
    rounded = (
        2.0 * (q_rounding(mdp, V.value) + float(rounding(Q.max(), Q.min(), depth=8))) / mdp.tau
    )
    finite = np.isfinite(divergence.value)
    return divergence.with_error("evaluation", np.where(finite, moved, 0.0)).with_error(
        "rounding", np.where(finite, rounded, 0.0)
    )


def regularised_q(mdp: MDP, policy: Policy, value: Evaluation) -> Array:
    """q^π − τ log f where π > 0, and zero elsewhere, shape (S, A)."""
    supported = np.isfinite(policy.logf)
    return np.where(supported, value.Q - mdp.tau * np.where(supported, policy.logf, 0.0), 0.0)


def pairing(mdp: MDP, policy: Policy, value: Evaluation, direction: Array) -> Measured:
    """∫(q^π − τ log f) dχ for signed masses χ that vanish where π does, shape (S,)."""
    inner = regularised_q(mdp, policy, value)
    size = (np.abs(direction) * (np.abs(inner) + np.abs(value.Q))).sum(axis=-1)
    moved = (np.abs(direction).sum(axis=-1)) * (
        mdp.gamma * float(value.measured.error.max()) + q_rounding(mdp, value.V)
    )
    return Measured.of(
        (direction * inner).sum(axis=-1),
        rounding=rounding(size, depth=_depth(mdp)),
        evaluation=moved,
    )
