"""Problems with a continuous action, as plain functions of states and actions.

A smooth problem is written once, in the array namespace of the action::

    def reward(s, a):
        xp = a.__array_namespace__()
        return -of_state(STIFFNESS, s, a) * xp.square(a[..., 0])

so NumPy tabulates it (without importing JAX) and JAX differentiates and vectorises the same
function. Functions written with ``jax.numpy`` are welcome too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wconv.mdp.continuous import ContinuousMDP
from wconv.mdp.state_grid import StateGrid
from wconv.measures.spaces import Space

StateActionFunction = Callable[[Any, Any], Any]
"""(s, a) -> values: integer s of shape (...), actions a of shape (..., d), broadcast together."""


@dataclass(frozen=True, eq=False)
class SmoothMDP:
    """A finite-state problem whose action varies continuously in ``space``.

    ``reward(s, a)`` returns r(s, a) of shape (...), ``transition(s, a)`` returns P(·|s, a) of shape
    (..., S), for integer s of shape (...) and a of shape (..., d) that broadcast together. Both are
    pure functions in the namespace of a, traceable by JAX. Everything is validated when it is
    tabulated. Where the states are nodes of a continuum, ``states`` is their grid and ``continuous``
    the problem that was discretised.
    """

    reward: StateActionFunction
    transition: StateActionFunction
    n_states: int
    discount: float
    temperature: float
    space: Space
    states: StateGrid | None = None
    continuous: ContinuousMDP | None = None


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
