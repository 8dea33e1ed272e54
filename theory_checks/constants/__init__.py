"""Functional inequalities: what their constants obey, measured on the policies of the zoo."""

from collections.abc import Callable

import numpy as np

import wconv as wc
from wconv.theory import Hypothesis, condition


def on_a_continuum(run: "wc.Run", name: str = "H1") -> Hypothesis:
    """The hypothesis that actions form a continuum (a finite set has no gradients)."""
    grid = run.mdp.grid
    kind = "a finite set" if grid.is_finite_set else f"{grid.n} nodes of a continuum"
    return condition(name, not grid.is_finite_set, f"the actions are {kind}")


def known_finite(*constants: "wc.Constant") -> bool:
    """Whether no constant is infinite; where one is, as under heavy tails, comparisons say nothing."""
    return all(bool(np.isfinite(each.lower).all()) for each in constants)


def of_each_policy(
    run: "wc.Run", which: "Callable[[wc.Inequalities], wc.Constant]"
) -> "wc.Bracket":
    """A constant of every policy in every state, a bracket (policy, state)."""
    return wc.Bracket.stack([which(run.inequalities(p)) for p in run.policies.values()])
