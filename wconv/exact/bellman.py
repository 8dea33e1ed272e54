"""The soft Bellman operators, in float64 or extended precision (that of V).

T is a shifted log-sum-exp and T^π a plain mean; neither calls the code that builds Gibbs policies,
so that identities between operators, policies and divergences compare two computations.
"""

from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateValue
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.measures.densities import extended_density

_SHORT_ROW: Final = 16


def q_from_v(mdp: MDP, V: StateValue) -> ActionValue:
    """Q = r + γPV, shape (S, A), for V of shape (S,), in the precision of V.

    Raises InputError when V has another shape. Source: docs/theory.md, section 0.
    """
    V = _state_value(mdp, V)
    return np.asarray(mdp.r + mdp.gamma * mdp.next_value(V))


def soft_maximum(mdp: MDP, Q: ActionValue) -> StateValue:
    """τ log Σ_i m_i exp(Q_i/τ) in every state, shape (S,), shifted so that nothing overflows.

    Nodes of no mass (log m = −inf) do not count. Source: docs/theory.md, section 0.
    """
    with np.errstate(divide="ignore"):
        log_m = np.log(mdp.grid.weights.astype(Q.dtype))
    # Short rows are reduced a column at a time: NumPy pays for the start of every row.
    tilted = np.asarray(Q + mdp.tau * log_m, order="F" if mdp.n_actions < _SHORT_ROW else "C")
    peak = tilted.max(axis=-1, keepdims=True)
    tilted -= peak
    tilted /= mdp.tau
    total = np.exp(tilted, out=tilted).sum(axis=-1)
    return np.asarray(peak[:, 0] + mdp.tau * np.log(total))


def optimality(mdp: MDP, V: StateValue) -> StateValue:
    """T V = τ log Σ_i m_i exp((r + γPV)_i/τ), shape (S,), in the precision of V.

    Raises InputError when V has another shape. Source: docs/theory.md, section 0.
    """
    return soft_maximum(mdp, q_from_v(mdp, V))


def evaluation(mdp: MDP, policy: Policy, V: StateValue) -> StateValue:
    """T^πV = Σ_i π_i (r + γPV − τ log f)_i with 0·log 0 = 0, shape (S,), in the precision of V.

    Raises InputError when V or the policy has another shape. Source: docs/theory.md, section 0.
    """
    require.shape("policy", policy.logf, mdp.r.shape, "(states, actions)")
    Q = q_from_v(mdp, V)
    if Q.dtype == np.float64:
        pi, logs = policy.pi, np.where(policy.logf > -np.inf, policy.logf, 0.0)
    else:
        pi, logs = extended_density(policy)
    return np.asarray((pi * (Q - mdp.tau * logs)).sum(axis=-1))


def _state_value(mdp: MDP, V: Array) -> StateValue:
    array = np.asarray(V)
    require.shape("V", array, (mdp.n_states,), "(states,)")
    return array if array.dtype == np.longdouble else array.astype(float, copy=False)
