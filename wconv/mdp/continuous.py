"""Problems with continuous states: x' = f(x, a) + σξ on a product of intervals and circles.

problem = wc.ContinuousMDP(dynamics, reward, states=(wc.Torus(2*pi), wc.Interval(-8, 8)),
                           actions=wc.Interval(-2, 2), noise=(0.05, 0.3), discount=0.95, temperature=0.1)
mdp = wc.discretise(problem, states=(41, 41), actions=64)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measures.spaces import Interval, Space, Torus

StateSpace = Interval | Torus

LEAVES: Final = 1e-12
"""Rounding allowed to points on the boundary of the states, in units of its length."""


@dataclass(frozen=True, eq=False)
class ContinuousMDP:
    """A problem on continuous states and actions.

    ``dynamics(x, a)`` is the mean f of the next state, shape (..., k), and ``reward(x, a)`` is r, shape
    (...), for states x (..., k) and actions a (..., d) that broadcast together: pure functions in the
    namespace of a, traceable by JAX. ``states`` is an interval, a circle (``Torus`` of dimension 1) or a
    sequence of them; f must stay inside intervals (clip it where the system does), noise of deviation
    ``noise`` (one number an axis, zero where there is none) is reflected at their ends.
    """

    dynamics: Callable[[Any, Any], Any]
    reward: Callable[[Any, Any], Any]
    states: StateSpace | Sequence[StateSpace]
    actions: Space
    noise: float | Sequence[float]
    discount: float
    temperature: float

    @property
    def axes(self) -> tuple[StateSpace, ...]:
        """The spaces of the coordinates of the state.

        Raises:
            InputError: for what is no interval or circle of finite length, and none at all.

        """
        spaces = tuple(self.states) if isinstance(self.states, Sequence) else (self.states,)
        if not spaces:
            require.fail("states", "have one axis or more", spaces, "one for each coordinate of x")
        for space in spaces:
            _require_axis(space)
        return spaces

    @property
    def deviations(self) -> tuple[float, ...]:
        """σ, one an axis.

        Raises:
            InputError: for negative ones, or another number of them than of axes.

        """
        axes = len(self.axes)
        given = [self.noise] * axes if np.ndim(self.noise) == 0 else list(self.noise)  # type: ignore[arg-type]
        if len(given) != axes:
            require.fail(
                "noise", f"have one deviation for each of {axes} axes", given, "match states"
            )
        found = tuple(require.real("noise", sigma) for sigma in given)
        if min(found) < 0:
            require.fail("noise", "be non-negative", min(found), "give standard deviations")
        return found

    def inside(self, symbol: str, x: Array) -> Array:
        """The points x (..., k), all inside the intervals; see ``inside``."""
        walls = [(s.low, s.high) if isinstance(s, Interval) else None for s in self.axes]
        return inside(symbol, x, walls)


def _require_axis(space: object) -> None:
    """An interval or a circle of a positive finite length."""
    if isinstance(space, Interval):
        for end in (space.low, space.high):
            require.real("end of states", end)
        if not space.low < space.high:
            require.fail("states", "have low < high", space, "swap them")
    elif isinstance(space, Torus) and space.dim == 1:
        require.positive("circumference of states", space.length, "give the length of the circle")
    else:
        require.fail("states", "be intervals and circles", space, "one for each coordinate of x")


def continuous(problem: object) -> ContinuousMDP:
    """The problem, which must be given by dynamics and not by tables.

    Raises:
        InputError: for anything else, a discretised problem among them.

    """
    if not isinstance(problem, ContinuousMDP):
        remedy = "what wc.discretise made of one keeps it as mdp.smooth.continuous"
        require.fail("problem", "be a ContinuousMDP", type(problem).__name__, remedy)
    return problem


def inside(symbol: str, x: Array, walls: Sequence[tuple[float, float] | None]) -> Array:
    """The points x (..., k), which must lie between the walls of each axis (None: a circle) up to rounding.

    Raises:
        InputError: naming ``symbol`` and the axis; another number of coordinates; NaN.

    """
    if x.ndim < 1 or x.shape[-1] != len(walls):
        need = f"have {len(walls)} coordinates on its last axis"
        require.fail(symbol, need, x.shape, "one for each axis of the states")
    require.finite(symbol, x)
    for k, ends in enumerate(walls):
        if ends is None:
            continue
        low, high = ends
        off = np.maximum(low - x[..., k], x[..., k] - high)
        if off.max(initial=0.0) > LEAVES * (high - low):
            where = tuple(int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
            worst = f"{x[(*where, k)]:.6g} ({off.max():.1e} beyond) at {symbol}{list(where)}"
            need = f"stay in [{low:g}, {high:g}] on axis {k}"
            require.fail(
                symbol, need, worst, "widen the states, or clip f where the system has a stop"
            )
    return x
