"""V* and V^π as differentiable functions of rewards, transitions, temperature and discount, in JAX.

V* solves V = T(V; θ), so that dV* = (I − γP_{π*})^{-1} ∂_θT dθ: what is differentiated is the equation, not
the iteration that solved it. The functions take and return JAX arrays, may be vmapped and jitted, and want
float64 (``jax.enable_x64(True)``); ``certified_value`` and ``value_gradient`` are for NumPy.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateValue
from wconv.exact.bellman import optimality
from wconv.exact.certificate import macqueen
from wconv.mdp.model import MDP
from wconv.measured import Measured

STEPS = 100
"""Limit on Newton steps; the worst problems of the zoo take ten."""

CLOSE = 16.0
"""Newton stops at a residual of so many eps of the largest number in it."""


class SoftProblem(NamedTuple):
    """The arrays of an MDP: r (S, A), P (S, A, S'), log m (A,), γ and τ, numbers."""

    r: Any
    P: Any
    log_m: Any
    gamma: Any
    tau: Any


class ValueGradient(NamedTuple):
    """The derivatives of ΣwV* with respect to r (S, A), P (S, A, S'), γ and τ."""

    r: ActionValue
    P: Array
    gamma: float
    tau: float


def soft_problem(mdp: MDP) -> SoftProblem:
    """The arrays of a problem; nodes without mass are refused, for log m has no derivative there."""
    if not (mdp.grid.weights > 0).all():
        require.fail("reference", "be positive on every node", "a mass 0", "drop the node")
    dense = mdp.P if isinstance(mdp.P, np.ndarray) else mdp.P.toarray()
    P = np.asarray(dense).reshape(*mdp.r.shape, mdp.n_states)
    tau, gamma = np.float64(mdp.tau), np.float64(mdp.gamma)
    return SoftProblem(np.asarray(mdp.r), P, np.asarray(mdp.grid.log_weights), gamma, tau)


def soft_q(problem: SoftProblem, V: Any) -> Any:
    """Q = r + γPV, (S, A), of V (S,)."""
    return problem.r + problem.gamma * jnp.einsum("sat,t->sa", problem.P, V)


def log_gibbs(problem: SoftProblem, V: Any) -> Any:
    """log dp_V/dμ of the Gibbs policy p_V ∝ e^{Q/τ}μ, (S, A), of V (S,)."""
    scaled = soft_q(problem, V) / problem.tau
    total = jax.nn.logsumexp(scaled + problem.log_m[None], axis=-1, keepdims=True)
    return scaled - total


def bellman(problem: SoftProblem, V: Any) -> Any:
    """T V = τ log Σ m e^{(r+γPV)/τ}, (S,), of V (S,)."""
    scaled = soft_q(problem, V) / problem.tau
    return problem.tau * jax.nn.logsumexp(scaled + problem.log_m[None], axis=-1)


def policy_value(problem: SoftProblem, logf: Any) -> Any:
    """V^π = (I − γP_π)^{-1} Σ π(r − τ log f), (S,), of log-densities log f = log dπ/dμ (S, A)."""
    pi = jnp.exp(logf + problem.log_m[None])
    reward = jnp.sum(pi * (problem.r - problem.tau * logf), axis=-1)
    return _resolved(problem, pi, reward)


def optimal_value(problem: SoftProblem) -> Any:
    """V*, the solution of V = T V, (S,), by Newton's method (soft policy iteration).

    Newton stops at a residual of rounding or after ``STEPS`` steps; how good the result is,
    ``certified_value`` tells. Derivatives of every order follow from dV* = (I − γP_{π*})^{-1} ∂_θT dθ.
    """
    return _optimal_value(problem)


def _newton(problem: SoftProblem) -> Any:
    eps = jnp.finfo(problem.r.dtype).eps

    def unsettled(carry: Any) -> Any:
        V, residual, steps = carry
        size = jnp.max(jnp.abs(problem.r)) + jnp.max(jnp.abs(V)) + problem.tau
        return (jnp.max(jnp.abs(residual)) > CLOSE * eps * size) & (steps < STEPS)

    def step(carry: Any) -> Any:
        V, residual, steps = carry
        pi = jnp.exp(log_gibbs(problem, V) + problem.log_m[None])
        V = V + _resolved(problem, pi, residual)
        return V, bellman(problem, V) - V, steps + 1

    zero = jnp.zeros_like(problem.r[:, 0])
    start = (zero, bellman(problem, zero), jnp.asarray(0))
    return jax.lax.while_loop(unsettled, step, start)[0]


def _implicit(primals: Any, tangents: Any) -> Any:
    (problem,), (moved,) = primals, tangents
    V = optimal_value(problem)
    _, change = jax.jvp(lambda at: bellman(at, V), (problem,), (moved,))
    pi = jnp.exp(log_gibbs(problem, V) + problem.log_m[None])
    return V, _resolved(problem, pi, change)


_optimal_value = jax.custom_jvp(_newton)
_optimal_value.defjvp(_implicit)


def _resolved(problem: SoftProblem, pi: Any, b: Any) -> Any:
    """(I − γP_π)^{-1}b, (S,), for masses π (S, A)."""
    kernel = jnp.einsum("sa,sat->st", pi, problem.P)
    matrix = jnp.eye(kernel.shape[0]) - problem.gamma * kernel
    return jnp.linalg.solve(matrix, b[:, None])[:, 0]


_optimal_values = jax.jit(jax.vmap(optimal_value))
_weighted = jax.jit(jax.grad(lambda problem, weights: jnp.vdot(weights, optimal_value(problem))))


def optimal_values(problems: SoftProblem) -> Array:
    """V* of N problems at once, (N, S): arrays with a first axis N, float64, one program a shape.

    Raises:
        InputError: arrays whose first axes differ.

    """
    counts = {np.shape(part)[:1] for part in problems}
    if len(counts) != 1 or counts == {()}:
        shapes = [np.shape(part) for part in problems]
        require.fail("problems", "share a first axis of instances", shapes, "stack every array")
    with jax.enable_x64(True):
        return np.asarray(_optimal_values(problems))


def value_gradient(mdp: MDP, weights: StateValue | None = None) -> ValueGradient:
    """The derivatives of Σ_s w_sV*(s), of J* with w = ρ unless given: occupancies times policies.

    d/dr(s,a) = ν(s)π*(a|s), d/dP(s'|s,a) = γν(s)π*(a|s)V*(s'), d/dτ = −Σ_s ν(s)KL(π*_s‖μ) and
    d/dγ = Σ ν P_{π*}V*, with ν = w(I − γP_{π*})^{-1}. Rows of P are moved freely, not along the simplex.

    Args:
        mdp: the problem.
        weights: w, (S,).

    Raises:
        InputError: weights of another shape, a reference that vanishes on a node.

    """
    w = mdp.rho if weights is None else np.asarray(weights, dtype=float)
    require.shape("weights", w, (mdp.n_states,), "(states,)")
    with jax.enable_x64(True):
        found = _weighted(soft_problem(mdp), w)
        return ValueGradient(
            np.asarray(found.r), np.asarray(found.P), float(found.gamma), float(found.tau)
        )


def certified_value(mdp: MDP, V: StateValue) -> Measured:
    """A proposed V* with the bound on its error that its Bellman residual gives, (S,).

    |V* − V| ≤ |middle − V| + half with MacQueen's two sides of V* from V and TV, and the rounding of TV, in
    NumPy: nothing is believed of how V was found.

    Raises:
        InputError: V of another shape or not finite.

    """
    V = np.asarray(V, dtype=float)
    require.shape("V", V, (mdp.n_states,), "(states,)")
    require.finite("V", V)
    two = macqueen(mdp, V, optimality(mdp, V))
    return Measured.of(V, "Bellman residual", residual=np.abs(two.middle - V) + two.error)
