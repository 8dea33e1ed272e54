"""What an attack climbs by gradients: quantities of a check, or of a goal, as JAX sees them on few nodes.

A proxy takes a problem's arrays and a start and returns one number, large where lhs/rhs of the claim is
large. C_P stands in for C_LS and implicit steps of growing length for the flow: nothing is certified here,
and nothing that is reported comes from here.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from wconv._axes import Array
from wconv.constants.differentiable import spectral_gap
from wconv.exact.differentiable import (
    SoftProblem,
    bellman,
    log_gibbs,
    optimal_value,
    policy_value,
)
from wconv.probe.smooth_family import LARGEST, TURN, Family, tables

NODES: Final = 48
STEPS: Final = 24
FIRST, GROWTH = 0.02, 1.25
"""Length of the first implicit step, and of a step over the one before: to time 17 in 24."""

SAMPLED: Final = 3
"""Every third policy of the path is looked at."""

RESOLVED: Final = 0.02
"""Oscillations of log p well above this make a quotient of numbers, not of discretisation errors."""

DEEPEST: Final = 16.0
"""Oscillation of log p beyond which constants on a circle are hardly certified."""

LEG: Final = 20
"""Steps of gradient ascent between two looks at what it has reached."""

RATE: Final = 0.1
MOMENTA: Final = (0.9, 0.99)

SPACING: Final = TURN / NODES

Proxy = Callable[[SoftProblem, Any], Any]
"""(problem, log-density of the start (S, A)) → a number."""


def ascended(proxy: Proxy, start: str, family: Family, coefficients: Array) -> tuple[Array, Array]:
    """One leg of Adam from N problems (N, ...) at once: where each was highest, and how high, (N,).

    Coefficients stay in their box by projection.
    """
    with jax.enable_x64(True):
        bound, gamma, tau = family.bound, family.discount, family.temperature
        scalars = (jnp.float64(bound), jnp.float64(gamma), jnp.float64(tau))
        found = _leg(proxy, start, jnp.asarray(coefficients), *scalars)
        return np.asarray(found[0]), np.asarray(found[1])


@partial(jax.jit, static_argnums=(0, 1))
def _leg(proxy: Proxy, start: str, theta: Any, bound: Any, gamma: Any, tau: Any) -> Any:
    def height(at: Any) -> Any:
        problem = _problem(at, bound, gamma, tau)
        return proxy(problem, _start(problem, start))

    climb = jax.vmap(jax.value_and_grad(height))

    def wide(which: Any) -> Any:
        return which.reshape(which.shape + (1,) * (theta.ndim - 1))

    def step(carry: Any, k: Any) -> Any:
        x, first, second, best, top = carry
        value, gradient = climb(x)
        # Where the proxy is not finite the ascent of this problem rests.
        good = jnp.isfinite(value) & jnp.isfinite(gradient).all(axis=tuple(range(1, x.ndim)))
        higher = good & (value > top)
        best, top = jnp.where(wide(higher), x, best), jnp.where(higher, value, top)
        g = jnp.where(wide(good), gradient, 0.0)
        first = MOMENTA[0] * first + (1 - MOMENTA[0]) * g
        second = MOMENTA[1] * second + (1 - MOMENTA[1]) * g**2
        move = first / (1 - MOMENTA[0] ** (k + 1))
        size = jnp.sqrt(second / (1 - MOMENTA[1] ** (k + 1))) + 1e-8
        x = jnp.clip(x + RATE * move / size, -LARGEST, LARGEST)
        return (x, first, second, best, top), None

    zero = jnp.zeros_like(theta)
    carry = (theta, zero, zero, theta, jnp.full(theta.shape[0], -jnp.inf))
    (*_, best, top), _ = jax.lax.scan(step, carry, jnp.arange(LEG))
    return best, top


def _problem(theta: Any, bound: Any, gamma: Any, tau: Any) -> SoftProblem:
    a = SPACING * (jnp.arange(NODES) + 0.5)
    r, P = tables(theta[:, None], a[None, :, None], bound)
    return SoftProblem(r, P, jnp.full(NODES, -jnp.log(float(NODES))), gamma, tau)


def _start(problem: SoftProblem, start: str) -> Any:
    """log dπ_0/dμ of the starts of a run of checks."""
    if start == "reference":
        return jnp.zeros_like(problem.r)
    if start == "tempered":
        return _normalised(problem.r / (2 * problem.tau))
    best = log_gibbs(problem, optimal_value(problem))
    if start == "optimal":
        return best
    share = (jnp.arange(NODES) + 0.5) / NODES - 0.5
    return _normalised(best + jnp.sin(TURN * share + 1.0)[None] / 2)


def _normalised(logits: Any) -> Any:
    total = jax.nn.logsumexp(logits, axis=-1, keepdims=True)
    return logits - total + jnp.log(float(NODES))


def _path(problem: SoftProblem, logf: Any, steps: Any) -> Any:
    """V after every implicit step of lengths ``steps`` (K,), the start first, (K + 1, S)."""
    reach, eye = problem.tau / SPACING**2, jnp.eye(NODES)

    def step(logf: Any, h: Any) -> Any:
        V = policy_value(problem, logf)
        log_p = log_gibbs(problem, V)
        half = (jnp.roll(log_p, -1, axis=-1) - log_p) / 2
        up, down = h * reach * jnp.exp(half), h * reach * jnp.exp(-half)
        out = 1.0 + up + jnp.roll(down, 1, axis=-1)
        after = jnp.roll(eye, 1, axis=0)[None]  # one at (i + 1, i)
        matrix = eye[None] * out[:, None, :] - after * up[:, None, :]
        matrix = matrix - jnp.swapaxes(after, 1, 2) * jnp.roll(down, 1, axis=-1)[:, None, :]
        pi = jnp.exp(logf) / NODES
        new = jnp.linalg.solve(matrix, pi[..., None])[..., 0]
        return jnp.log(jnp.maximum(new, 1e-300) * NODES), V

    last, values = jax.lax.scan(step, logf, steps)
    return jnp.concatenate([values, policy_value(problem, last)[None]])


def _log_constants(problem: SoftProblem, values: Any) -> Any:
    """log C_P of the Gibbs policies of values (K, S), (K, S)."""
    one = partial(spectral_gap, spacing=SPACING, periodic=True)
    each = jax.vmap(lambda V: jax.vmap(one)(log_gibbs(problem, V)))
    return -jnp.log(each(values))


def _growing() -> Any:
    return FIRST * GROWTH ** jnp.arange(STEPS)


def _worst_along(problem: SoftProblem, logf: Any) -> tuple[Any, Any]:
    """The largest log C_P of any state at every third time and at the optimum, (K,), and a penalty.

    The penalty is by how much densities fall below what the certified solver resolves.
    """
    values = _path(problem, logf, _growing())[::SAMPLED]
    values = jnp.concatenate([values, optimal_value(problem)[None]])
    logs = jax.vmap(lambda V: log_gibbs(problem, V))(values)
    depth = (logs.max(axis=-1) - logs.min(axis=-1)).max()
    return _log_constants(problem, values).max(axis=-1), jnp.maximum(depth - DEEPEST, 0.0)


def along_iterates(problem: SoftProblem, logf: Any) -> Any:
    """By how much log C grows along the flow, from its start."""
    worst, penalty = _worst_along(problem, logf)
    return worst[1:].max() - worst[0] - penalty


def between_ends(problem: SoftProblem, logf: Any) -> Any:
    """By how much log C exceeds both ends on the way."""
    worst, penalty = _worst_along(problem, logf)
    return worst[1:-1].max() - jnp.maximum(worst[0], worst[-1]) - penalty


def sandwich(problem: SoftProblem, logf: Any) -> Any:
    """The largest R/W of any state."""
    V = policy_value(problem, logf)
    residual, gap = bellman(problem, V) - V, optimal_value(problem) - V
    return (residual / gap).max()


def uniform_lsi(problem: SoftProblem, logf: Any) -> Any:
    """The largest |log C| over osc(q)/τ of any state at the start and at the optimum."""
    values = jnp.stack([policy_value(problem, logf), optimal_value(problem)])
    logs = jax.vmap(lambda V: log_gibbs(problem, V))(values)
    spread = logs.max(axis=-1) - logs.min(axis=-1)
    flat = -jnp.log(spectral_gap(jnp.zeros(NODES), SPACING, periodic=True))
    return (jnp.abs(_log_constants(problem, values) - flat) / (spread + RESOLVED)).max()


def exponential(problem: SoftProblem, logf: Any) -> Any:
    """The largest log(E_t/E_0) + 2τ(1−γ)∫du/C to times up to a half."""
    steps = jnp.full(8, 0.0625)
    values = _path(problem, logf, steps)
    rates = jnp.exp(-_log_constants(problem, values[::4]).max(axis=-1))
    gaps = (optimal_value(problem)[None] - values).max(axis=-1)[::4]
    passed = jnp.cumsum(0.25 * (rates[1:] + rates[:-1]) / 2)
    decay = 2 * problem.tau * (1 - problem.gamma) * passed
    return (jnp.log(gaps[1:] / gaps[0]) + decay).max()


PROXIES: Final[dict[str, Proxy]] = {
    "lsi-along-iterates": along_iterates,
    "lsi-between-ends": between_ends,
    "bellman-sandwich": sandwich,
    "wpg-uniform-lsi": uniform_lsi,
    "wpg-exp": exponential,
}
"""By the name of the check (its first claim) or goal."""
