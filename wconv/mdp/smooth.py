"""Problems with a continuous action, as plain functions, and their tabulation on a grid.

A smooth problem is written once, in the array namespace of the action::

    def reward(s, a):
        xp = a.__array_namespace__()
        return -of_state(STIFFNESS, s, a) * xp.square(a[..., 0])

so NumPy tabulates it (without importing JAX) and JAX differentiates and vectorises the same
function. Functions written with ``jax.numpy`` are welcome too.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.model import MDP, make_mdp
from wconv.measures.spaces import Space

StateActionFunction = Callable[[Any, Any], Any]
"""(s, a) -> values: integer s of shape (...), actions a of shape (..., d), broadcast together."""


@dataclass(frozen=True, eq=False)
class SmoothMDP:
    """A finite-state problem whose action varies continuously in ``space``.

    ``reward(s, a)`` returns r(s, a) of shape (...), ``transition(s, a)`` returns P(·|s, a) of shape
    (..., S), for integer s of shape (...) and a of shape (..., d) that broadcast together. Both are
    pure functions in the namespace of a, traceable by JAX. Everything is validated when it is
    tabulated.
    """

    reward: StateActionFunction
    transition: StateActionFunction
    n_states: int
    discount: float
    temperature: float
    space: Space


def tabulate(smooth: SmoothMDP, n: int) -> MDP:
    """The problem on n nodes an axis: r[s, i] = r(s, a_i), P[s, i, s'] = P(s'|s, a_i), in float64.

    Functions that compute with JAX are evaluated inside a 64-bit scope; no JAX setting changes.

    Args:
        smooth: the functions, of S states.
        n: nodes an axis of ``smooth.space``; A = n^d.

    Returns:
        The validated MDP, which keeps ``smooth``.

    Raises:
        InputError: naming reward or transition when its shape is not (S, A) or (S, A, S) or it is
            not computed in float64, and whatever ``make_mdp`` and ``space.grid`` refuse.

    """
    states = require.count("n_states", smooth.n_states, 1)
    grid = smooth.space.grid(n)
    return make_mdp(
        _table("reward", smooth.reward, grid.nodes, states, (), "(states, actions)"),
        _table(
            "transition",
            smooth.transition,
            grid.nodes,
            states,
            (states,),
            "(states, actions, next states)",
        ),
        discount=smooth.discount,
        temperature=smooth.temperature,
        grid=grid,
        name="smooth",
        smooth=smooth,
    )


def of_state(table: Any, s: Any, a: Any) -> Any:
    """The rows ``table[s]`` in the namespace of a, shape (...) + table.shape[1:].

    The result has the full batch shape of s and a, so that functions stay shaped when they ignore
    one of them, and ranks agree under JAX's strict rank promotion.
    """
    xp = a.__array_namespace__()
    return xp.asarray(table)[s + xp.zeros(a.shape[:-1], dtype=int)]


def softmax(logits: Any) -> Any:
    """e^{l_j} / Σ_k e^{l_k} over the last axis, in the namespace of ``logits``."""
    xp = logits.__array_namespace__()
    powers = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def _table(
    symbol: str,
    function: StateActionFunction,
    nodes: Array,
    states: int,
    tail: tuple[int, ...],
    axes: str,
) -> Array:
    s, a = np.arange(states)[:, None], nodes[None]
    values = function(s, a)
    if _is_jax(values):
        values = _in_64_bit(function, s, a)
    if not isinstance(values, np.ndarray):
        require.fail(
            symbol,
            "return a NumPy or JAX array",
            type(values).__name__,
            "compute with array functions",
        )
    require.shape(symbol, values, (states, len(nodes), *tail), axes)
    if values.dtype != np.float64:
        require.fail(
            symbol, "be computed in float64", values.dtype, "drop casts and narrow constants"
        )
    return values


def _is_jax(values: object) -> bool:
    # A JAX array can only exist when JAX is loaded already: nothing is imported here.
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(values, jax.Array)


def _in_64_bit(function: StateActionFunction, s: Array, a: Array) -> Array:
    import jax

    with jax.enable_x64(True):
        return np.asarray(function(s, a))
