"""Where particles live, how many fit, and where they start: what a run of particles needs beforehand."""

import os
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.smooth import SmoothMDP
from wconv.measures.spaces import Box, GaussianLine, GaussianSpace, Interval, Torus

COPIES: Final = 10
"""Arrays of the size of all particles that a step holds at once: old and new ones, gradients, noise."""

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
        """A distance at which particles count as lost: a million sides or deviations."""
        return 1e6 * (max(self.length) if self.scale == inf else self.scale)

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
        InputError: for a finite set.

    """
    if isinstance(space, GaussianLine | GaussianSpace):
        dim = space.dim if isinstance(space, GaussianSpace) else 1
        return Geometry("none", (0.0,) * dim, (inf,) * dim, space.scale)
    if isinstance(space, Torus):
        return Geometry("wrap", (0.0,) * space.dim, (space.length,) * space.dim)
    if not isinstance(space, Interval | Box):
        require.fail("actions", "form a continuum", space, "particles move along gradients")
    ends = np.atleast_1d(space.low), np.atleast_1d(space.high)
    low, high = (tuple(float(x) for x in end) for end in ends)
    return Geometry("fold", low, tuple(b - a for a, b in zip(low, high, strict=True)))


def bytes_needed(smooth: SmoothMDP, n: int, replications: int, kept: int, itemsize: int) -> float:
    """Bytes of a run: the copies of a step, next-state tables of one state, and the kept samples twice."""
    dim = geometry(smooth.space).dim
    particles = float(n) * smooth.n_states * dim * replications * itemsize
    tables = 0.0 if smooth.discount == 0 else 4.0 * n * smooth.n_states * itemsize * replications
    return COPIES * particles + tables + 2.0 * kept * particles


def require_memory(needed: float, allowed: float | None, n: int) -> None:
    """Refuse a run that does not fit.

    Raises:
        InputError: naming n, with the number of particles that would fit.

    """
    limit = SHARE * _machine() if allowed is None else require.positive("memory", allowed, "bytes")
    if needed > limit:
        fits = int(n * limit / needed)
        need = f"fit into {limit / 1e9:.3g} GB"
        remedy = f"take n <= {fits}, fewer samples, float32, or raise memory"
        require.fail("n", need, f"{n}, which takes {needed / 1e9:.3g} GB", remedy)


def _machine() -> float:
    """Bytes of memory of this machine."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
