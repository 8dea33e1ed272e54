"""Wasserstein policy gradient: the flow, its frozen and implicit steps, and the Langevin discretisation.

Paths are the same in every check of the chapter, so that each is computed once an instance.
"""

from dataclasses import replace
from typing import Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.theory import Case, Hypothesis, case, condition
from wconv.theory.judge import RESOLUTION

TRANSLATE = case("gaussian-line", discount=0.0, amplitude=0.05, start="pushed")
"""Nearly a translated Gaussian bandit, where most bounds of the chapter are nearly equalities."""

WELL = case("tilted-double-well")
"""A bad and a good well in four states: from the reference across a barrier."""

LEAVING = case("stay-or-leave", confinement=0.0025, pull=0.05, width=4.0)
"""Discounted, and E ≫ τ/(1−γ): the gap closes at nearly 1−γ times the rate of the residual.

The default problem four hundred times slower, so that paths end where constants have hardly changed.
"""

HALFWAY = replace(LEAVING, start="tempered")
"""The same from between the reference, whose Gibbs policies are its translates, and these."""

RING = case("ring", tier="all")
LINE = case("gaussian-line", tier="all")
COLD = case("tilted-double-well", tier="all", temperature=0.2)
HEAVY = case("heavy", tier="all", discount=0.9)

ZOO: tuple[Case, ...] = (TRANSLATE, WELL, RING, LINE, COLD, HEAVY)
"""One-dimensional continua; the first two are the quick tier."""


def of_reference(mdp: "wc.MDP") -> float:
    """C_LS(μ) in closed form; infinite for tails heavier than Gaussian."""
    grid, space = mdp.grid, mdp.grid.space
    if isinstance(space, wc.TailedLine):
        return float("inf")
    if isinstance(space, wc.GaussianLine):
        return space.scale**2
    side = float(np.multiply(grid.shape, grid.spacing).max())
    return (side / (2 * np.pi if grid.periodic else np.pi)) ** 2


def duration(mdp: "wc.MDP") -> float:
    """How long flows are followed: 2, or four times of relaxation of the reference, 2C_LS(μ)/τ, if less.

    On short intervals all is over long before time 2, and gaps are rounding errors by then.
    """
    return 2.0 if mdp.grid.is_finite_set else min(2.0, 2.0 * of_reference(mdp) / mdp.tau)


def flow(run: "wc.Run") -> "wc.Path":
    """The gradient flow at eight times."""
    return run.path(wc.WPGFlow(tol=1e-6), until=duration(run.mdp), samples=8)


LANGEVIN = {"step_size": 0.02}
"""Option of the checks of the Langevin update."""

FROZEN = {"step_size": 0.25}
"""Option of the checks of frozen and implicit steps."""


def frozen(run: "wc.Run") -> "wc.Path":
    """Eight steps (of length 0.25 by default) of the frozen flow, nearly exact (32 resolvents a step)."""
    return run.path(wc.FrozenWPG(run.option("step_size", FROZEN), substeps=32), steps=8)


def implicit(run: "wc.Run") -> "wc.Path":
    """Eight steps (of length 0.25 by default) of the implicit scheme."""
    return run.path(wc.FrozenWPG(run.option("step_size", FROZEN)), steps=8)


def langevin(run: "wc.Run") -> "wc.Path":
    """The law of the Langevin update (its step 0.02 by default) at every tenth of eighty steps."""
    return run.path(wc.WPGD(run.option("step_size", LANGEVIN)), steps=80, samples=8)


def confined(run: "wc.Run", name: str) -> Hypothesis:
    """The hypothesis that the penalty on actions is (β/2)|a|², or that there is none: no heavier tails."""
    space = run.mdp.grid.space
    if isinstance(space, wc.TailedLine):
        return condition(name, False, f"the penalty grows like |a|^{space.power:g} only")
    return condition(name, True, "a quadratic penalty, or none")


def gaps(run: "wc.Run", path: "wc.Path") -> "wc.Measured":
    """W_k = V* − V_k in every state, (time, state)."""
    return wc.optimality_gap(run.solution, path)


def part(bracket: "wc.Bracket", which: Any) -> "wc.Bracket":
    """Some entries of a bracket, by an index of NumPy."""
    low, high = bracket.lower[which], bracket.upper[which]
    return wc.Bracket(low, high, bracket.how_lower, bracket.how_upper)


def moving(distance: "wc.Measured") -> Array:
    """The states (their indices) that are not at rest, from distances (time, state) that vanish at rest.

    At rest: zero to within errors below 1e-8 of the largest, at all times, as in an absorbing state.
    """
    exact = distance.error <= RESOLUTION * np.abs(distance.value).max()
    return np.flatnonzero(~((np.abs(distance.value) <= distance.error) & exact).all(axis=0))
