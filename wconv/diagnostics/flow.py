"""Measured quantities of the gradient flow at one policy: its velocity, V̇, and the dissipation.

The flow ∂_tπ = Kᵀπ of the reversible chain of p^π is followed for an instant: V̇ is the derivative of
policy evaluation along Kᵀπ, by a complex step. That it is a resolvent of Fisher information is what
`wpg-resolvent` says, and it is not used here.
"""

import numpy as np

from wconv._axes import ActionValue, Array
from wconv.diagnostics.bellman import q_rounding, q_value
from wconv.exact.derivative import value_derivative
from wconv.exact.evaluate import Evaluation
from wconv.mdp.policy import gibbs
from wconv.measured import EPS, Measured
from wconv.measures.fisher import fisher_dirichlet


def flow_velocity(value: Evaluation) -> ActionValue:
    """Kᵀπ for the Gibbs policy p ∝ e^{q^π/τ}μ of the policy itself: signed masses, shape (S, A).

    The flow from i to j is (τ/ℓ²)√(p_ip_j)(u_i − u_j), u = π/p; nothing is gained or lost.
    Source: docs/theory.md, section 1.
    """
    flows, _ = _flows(value)
    return _gather(value, flows)


def value_velocity(value: Evaluation) -> Measured:
    """V̇ in every state when the policy starts to follow the flow, shape (S,).

    Error "evaluation": of the derivative, and of what q owes to the error of V; "rounding": of Kᵀπ,
    which the resolvent multiplies by at most 1/(1−γ).
    """
    mdp = value.mdp
    flows, lost = _flows(value)
    slope = value_derivative(mdp, value.policy, _gather(value, flows))
    i, j = mdp.grid.edges.T
    height = value.Q - mdp.tau * np.where(np.isfinite(value.policy.logf), value.policy.logf, 0.0)
    work = (lost * np.abs(height[:, i] - height[:, j])).sum(axis=-1).max()
    return slope.with_error("rounding", work / (1.0 - mdp.contraction))


def dissipation(value: Evaluation) -> Measured:
    """τ²I_h(π‖p^π) in every state, shape (S,): the chain's Fisher information times τ².

    Error "evaluation" and "rounding" of p^π: log u moves by at most δ at every node, so each term
    √(π_iπ_j)·x·2sinh(x/2) by less than 2δ times its derivative at |x| + 2δ.
    """
    mdp = value.mdp
    p = gibbs(mdp, q_value(mdp, value.V))
    information = fisher_dirichlet(value.policy, p)
    i, j = mdp.grid.edges.T
    logs = np.where(np.isfinite(value.policy.logf), value.policy.logf, 0.0) - p.logf
    delta = _log_error(value)
    x = np.abs(logs[:, i] - logs[:, j]) + 2 * delta
    with np.errstate(over="ignore"):
        slope = 2 * np.sinh(x / 2) + x * np.cosh(x / 2)
    root = np.sqrt(value.policy.pi[:, i] * value.policy.pi[:, j])
    moved = (root * slope * 2 * delta / mdp.grid.lengths**2).sum(axis=-1)
    finite = np.isfinite(information.value)
    return (information * mdp.tau**2).with_error(
        "evaluation", np.where(finite, mdp.tau**2 * moved, 0.0)
    )


def _flows(value: Evaluation) -> tuple[Array, Array]:
    """The flow along every edge (S, E), and a bound on its error."""
    mdp, policy = value.mdp, value.policy
    grid = mdp.grid
    i, j = grid.edges.T
    p = gibbs(mdp, q_value(mdp, value.V))
    pi = policy.pi
    both = (pi[:, i] > 0) & (pi[:, j] > 0)
    log_u = np.where(pi > 0, policy.logf, 0.0) - p.logf
    x = log_u[:, i] - log_u[:, j]
    root = np.sqrt(pi[:, i] * pi[:, j])
    rate = mdp.tau / grid.lengths**2
    step = (p.logf[:, j] - p.logf[:, i] + grid.log_weights[j] - grid.log_weights[i]) / 2
    one_way = pi[:, i] * np.exp(step) - pi[:, j] * np.exp(-step)  # where one of the two is empty
    flows = rate * np.where(both, root * 2 * np.sinh(x / 2), one_way)
    slack = 2 * _log_error(value) + 4 * EPS * (np.abs(log_u[:, i]) + np.abs(log_u[:, j]) + 4)
    lost = rate * np.where(both, root * np.cosh(x / 2), np.abs(one_way)) * slack
    return np.asarray(flows), np.asarray(lost)


def _log_error(value: Evaluation) -> float:
    """How far log p^π may be off at a node, up to a constant a state."""
    mdp = value.mdp
    off = mdp.contraction * float(value.error.max()) + q_rounding(mdp, value.V)
    return off / mdp.tau + 4 * EPS * float(np.abs(value.Q).max()) / mdp.tau


def _gather(value: Evaluation, flows: Array) -> ActionValue:
    """What flows along the edges bring to every node, (S, A)."""
    i, j = value.mdp.grid.edges.T
    out = np.zeros(value.mdp.r.shape)
    for state, row in enumerate(flows):
        out[state] += np.bincount(j, row, value.mdp.n_actions)
        out[state] -= np.bincount(i, row, value.mdp.n_actions)
    return out
