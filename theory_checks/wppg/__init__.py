"""The proximal scheme WPPG: its exact step, and what follows from it.

Paths are the same in every check of the chapter, so that each is computed once an instance.
"""

import numpy as np

import wconv as wc
from wconv.theory import Case, Hypothesis, case, condition

TRANSLATE = case("gaussian-line", discount=0.0, amplitude=0.05, start="pushed")
"""Nearly a translated Gaussian bandit, where most bounds of the chapter are nearly equalities."""

WELL = case("tilted-double-well")
"""A bad and a good well in four states: from the reference across a barrier."""

RING = case("ring", tier="all")
LINE = case("gaussian-line", tier="all")
COLD = case("tilted-double-well", tier="all", temperature=0.2)
HEAVY = case("heavy", tier="all", discount=0.9)
TABLE = case("garnet", tier="all")
PLANE = case("box-2d", tier="all", resolution=16)

ZOO: tuple[Case, ...] = (TRANSLATE, WELL, RING, LINE, COLD, HEAVY)
"""One-dimensional continua; the first two are the quick tier."""

EVERYWHERE: tuple[Case, ...] = (*ZOO, TABLE)
"""A finite set too."""

SHORT, LONG = 0.25, 10.0
"""Steps: short beside the lengths of the landscape, and nearly soft policy iteration."""


TOL = 1e-12
"""Relative gap of a step: ratios of relative entropies are taken when these have become small."""


def distances_known(run: "wc.Run") -> Hypothesis:
    """The hypothesis that W² between any two policies is known in the sense of a step."""
    grid = run.mdp.grid
    known = grid.is_finite_set or grid.dim == 1
    return condition("H1", known, "W^2 is exact" if known else "the actions form a plane")


def one_law(run: "wc.Run") -> Hypothesis:
    """The hypothesis that averages over ν* make sense: the optimal policy has one stationary law."""
    try:
        run.solution.nu  # noqa: B018 - a cached property that is solved for when it is first read
    except wc.InputError as error:
        return condition("H2", False, str(error))
    return condition("H2", True, "one stationary law")


STEP = {"step_size": SHORT}
"""Option of the checks of the proximal step."""


def proximal(run: "wc.Run", step: float | None = None) -> "wc.Path":
    """Six exact proximal steps, of the length given, else of that of the run."""
    return run.path(wc.WPPG(step or run.option("step_size", STEP), tol=TOL), steps=6)


def diameter(mdp: "wc.MDP") -> float:
    """The diameter of the action set: infinite on the line, half the length of a circle."""
    grid, space = mdp.grid, mdp.grid.space
    if isinstance(space, wc.FiniteSet):
        return float(space.distances().max())
    if isinstance(space, wc.GaussianLine | wc.TailedLine):
        return float("inf")
    sides = np.multiply(grid.shape, grid.spacing) / (2.0 if grid.periodic else 1.0)
    return float(np.linalg.norm(sides))
