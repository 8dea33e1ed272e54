"""Problems on a circle of actions with few Fourier coefficients and bounded rewards: what a search moves in.

With the basis e(a) = (1, cos a, sin a, …, cos Ma, sin Ma) on the circle of length 2π,

    r(s, a) = R·tanh⟨c_s, e(a)⟩,    P(s'|s, a) = softmax over s' of ⟨d_{s s'}, e(a)⟩,

so that |r| < R whatever the coefficients, and every problem is smooth. Temperature and discount are given.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.model import MDP
from wconv.mdp.smooth import SmoothMDP, of_state, softmax
from wconv.mdp.tabulate import tabulate
from wconv.measures.spaces import Torus

TURN: Final = 2 * np.pi

LARGEST: Final = 2.0
"""Coefficients lie in [−2, 2]: beyond, tanh and softmax make steps that nodes do not resolve."""

LEAST_NODES: Final = 32
"""Constants need 16 nodes, and a continuum check repeats itself on half of them."""

MOST_STATES, MOST_NODES = 64, 4096
"""Of what is searched: to certify along a path takes minutes with ten states already."""

TYPICAL: Final = 1.0
"""Standard deviation of random coefficients of mode one; mode k has that over k."""


@dataclass(frozen=True)
class Family:
    """What the problems of one search share: S states, M modes, the bound R, γ, τ and the nodes."""

    states: int = 3
    modes: int = 3
    bound: float = 1.0
    temperature: float = 0.5
    discount: float = 0.8
    resolution: int = 64

    def __post_init__(self) -> None:
        """InputError for counts below one, a bound or temperature not positive, a discount not in [0, 1)."""
        require.count("states", self.states, 1)
        require.count("modes", self.modes, 1)
        require.positive("bound", self.bound, "rewards lie within it, e.g. 1")
        require.positive("temperature", self.temperature, "e.g. 0.5")
        require.within("discount", self.discount, 0.0, 1.0, "e.g. 0.8")
        require.count("resolution", self.resolution, max(LEAST_NODES, 8 * self.modes))

    def affordable(self) -> None:
        """InputError for more states or nodes than a search allows."""
        for symbol, value, most in (
            ("states", self.states, MOST_STATES),
            ("resolution", self.resolution, MOST_NODES),
        ):
            if value > most:
                require.fail(symbol, f"be at most {most}", value, "take fewer")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(S, 1 + S, 1 + 2M): a row of the reward and one a next state, for every state."""
        return self.states, 1 + self.states, 1 + 2 * self.modes

    @property
    def size(self) -> int:
        """The number of coefficients."""
        return int(np.prod(self.shape))

    def drawn(self, rng: np.random.Generator) -> Array:
        """Random coefficients, of shape ``shape``, within ``LARGEST``; overall size log-uniform."""
        k = np.maximum((np.arange(self.shape[2]) + 1) // 2, 1)
        size = np.exp(rng.uniform(np.log(0.3), np.log(3.0), (self.states, 2, 1)))
        rows = np.repeat(size, [1, self.states], axis=1)
        found = TYPICAL * rng.standard_normal(self.shape) * rows / k
        return inside(found)

    def problem(self, coefficients: Array) -> "CircleProblem":
        """The problem of some coefficients."""
        return CircleProblem(self, np.asarray(coefficients, dtype=float))


@dataclass(frozen=True, eq=False)
class CircleProblem:
    """One problem of a family: ``coefficients[s, 0]`` are c_s, ``coefficients[s, 1 + s']`` are d_{s s'}."""

    family: Family
    coefficients: Array

    def __post_init__(self) -> None:
        """InputError for coefficients of another shape, not finite or beyond ``LARGEST``."""
        require.shape("coefficients", self.coefficients, self.family.shape, "(s, 1 + s', 1 + 2M)")
        require.finite("coefficients", self.coefficients)
        worst = float(np.abs(self.coefficients).max())
        if worst > LARGEST:
            require.fail("coefficients", f"lie within ±{LARGEST:g}", worst, "scale them down")

    @property
    def smooth(self) -> SmoothMDP:
        """Its functions."""
        rows, bound, states = self.coefficients, self.family.bound, self.family.states

        def reward(s: Any, a: Any) -> Any:
            return tables(of_state(rows, s, a), a, bound)[0]

        def transition(s: Any, a: Any) -> Any:
            return tables(of_state(rows, s, a), a, bound)[1]

        space = Torus(length=TURN, dim=1)
        family = self.family
        return SmoothMDP(reward, transition, states, family.discount, family.temperature, space)

    @cached_property
    def mdp(self) -> MDP:
        """Its table on the family's nodes."""
        return replace(tabulate(self.smooth, self.family.resolution), name="circle")


def inside(coefficients: Array) -> Array:
    """The nearest coefficients of the box ±``LARGEST``."""
    return np.clip(coefficients, -LARGEST, LARGEST)


def tables(rows: Any, a: Any, bound: Any) -> tuple[Any, Any]:
    """r (...) and P (..., S) of coefficients (..., 1 + S, 1 + 2M) at actions (..., 1)."""
    series = _fourier(rows, a)
    return bound * a.__array_namespace__().tanh(series[..., 0]), softmax(series[..., 1:])


def _fourier(rows: Any, a: Any) -> Any:
    """⟨row, e(a)⟩ for rows (..., n, 1 + 2M) and actions (..., 1) in the namespace of a, (..., n)."""
    xp = a.__array_namespace__()
    modes = rows.shape[-1] // 2
    k = xp.arange(1, modes + 1, dtype=a.dtype)
    phases = (a * k.reshape((1,) * (a.ndim - 1) + (modes,)))[..., None, :]
    waves = rows[..., 1::2] * xp.cos(phases) + rows[..., 2::2] * xp.sin(phases)
    return rows[..., 0] + waves.sum(axis=-1)
