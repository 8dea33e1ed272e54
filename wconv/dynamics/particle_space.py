"""Where particles live, how many fit, and where they start: what a run of particles needs beforehand."""

import os
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.smooth import SmoothMDP
from wconv.measures.spaces import Box, GaussianLine, GaussianSpace, Interval, TailedLine, Torus

HELD: Final = 4
"""Arrays of the size of all particles that last: old and new ones, and their centres."""

MOVED: Final = 6
"""Arrays of that size while particles move: gradients, noise, and turned copies."""

POWERS: Final = 22
"""Arrays of that size in a gridded mixture: up to eleven powers of the offsets, twice."""

TILES: Final = 8 * 512**2
"""Numbers of a tile of pairs, for each state, where all pairs are looked at."""

SHARE: Final = 0.5
"""Share of the machine's memory a run may take unless told."""


@dataclass(frozen=True)
class Geometry:
    """A space of actions for particles: the dimension, what its ends do, and where they are.

    ``boundary`` is "none", "fold" (reflecting) or "wrap" (periodic); ``scale`` is the deviation of a
    Gaussian reference (∞ without one), ``low`` and ``length`` have one number an axis.
    """

    boundary: str
    low: tuple[float, ...]
    length: tuple[float, ...]
    scale: float = inf

    @property
    def dim(self) -> int:
        """d."""
        return len(self.low)

    @property
    def reach(self) -> float:
        """A distance at which particles count as lost: a million sides or deviations beyond the ends."""
        side = max(self.length) if self.scale == inf else self.scale
        return 1e6 * side + max(abs(end) for end in self.low)

    def holds(self, actions: Array) -> Array:
        """Which coordinates of actions (..., d) lie between the ends, shape (..., d)."""
        low = np.array(self.low)
        inside = (low <= actions) & (actions <= low + np.array(self.length))
        return np.asarray(inside | (self.boundary == "none"))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Independent draws (*shape, d) from the reference."""
        if self.scale < inf:
            return np.asarray(self.scale * rng.standard_normal((*shape, self.dim)))
        return np.asarray(
            np.array(self.low) + np.array(self.length) * rng.random((*shape, self.dim))
        )


def geometry(space: Any) -> Geometry:
    """The geometry of a space of actions.

    Raises:
        InputError: for a finite set, and for a reference with heavy tails.

    """
    if isinstance(space, GaussianLine | GaussianSpace):
        dim = space.dim if isinstance(space, GaussianSpace) else 1
        return Geometry("none", (0.0,) * dim, (inf,) * dim, space.scale)
    if isinstance(space, Torus):
        return Geometry("wrap", (0.0,) * space.dim, (space.length,) * space.dim)
    if isinstance(space, TailedLine):
        remedy = "the drift of particles needs a confinement (beta/2)|a|^2: use GaussianLine"
        require.fail("actions", "have a uniform or a Gaussian reference", space, remedy)
    if not isinstance(space, Interval | Box):
        require.fail("actions", "form a continuum", space, "particles move along gradients")
    ends = np.atleast_1d(space.low), np.atleast_1d(space.high)
    low, high = (tuple(float(x) for x in end) for end in ends)
    return Geometry("fold", low, tuple(b - a for a, b in zip(low, high, strict=True)))


def bytes_needed(
    smooth: SmoothMDP, n: int, replications: int, kept: int, itemsize: int, *, averaged: bool
) -> float:
    """Bytes of a run: what lasts, the larger of moving and finding V, and the kept samples twice.

    V is found on nodes by a gridded mixture (summing is smaller), or ``averaged``: from pairs of particles
    and the nearest images of one, with a next state's row for every particle, as always in three dimensions.
    """
    space, states = geometry(smooth.space), smooth.n_states
    each = float(states) * replications * itemsize
    particles = n * space.dim * each
    moved, valued = MOVED * particles, 0.0
    if smooth.discount > 0:
        moved += 4.0 * n * each
        images = 1 if space.boundary == "none" else 3**space.dim
        valued = POWERS * particles
        if averaged or space.dim > 2:
            valued = (2.0 * images * space.dim + states) * n * each + TILES * each
    return (HELD + 2.0 * kept) * particles + max(moved, valued)


def require_memory(needed: float, allowed: float | None, n: int) -> None:
    """Refuse a run that does not fit.

    Raises:
        InputError: naming n, with the number of particles that would fit.

    """
    limit = (
        SHARE * _machine() if allowed is None else require.positive("memory", allowed, "give bytes")
    )
    if needed > limit:
        fits = int(n * limit / needed)
        need = f"fit into {limit / 1e9:.3g} GB"
        fewer = f"n <= {fits}, fewer samples" if fits else "fewer samples, seeds or dimensions"
        remedy = f"take {fewer}, float32, or raise memory"
        require.fail("n", need, f"{n}, which takes {needed / 1e9:.3g} GB", remedy)


def _machine() -> float:
    """Bytes of memory of this machine."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
