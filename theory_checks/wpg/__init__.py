"""Wasserstein policy gradient: the flow, its frozen and implicit steps, and the Langevin discretisation.

Paths are the same in every check of the chapter, so that each is computed once an instance.
"""

import wconv as wc
from wconv.theory import Case, case

TRANSLATE = case("gaussian-line", discount=0.0, amplitude=0.05, start="pushed")
"""Nearly a translated Gaussian bandit, where most bounds of the chapter are nearly equalities."""

WELL = case("tilted-double-well")
"""A bad and a good well in four states: from the reference across a barrier."""

RING = case("ring", tier="all")
LINE = case("gaussian-line", tier="all")
COLD = case("tilted-double-well", tier="all", temperature=0.2)
HEAVY = case("heavy", tier="all", discount=0.9)

ZOO: tuple[Case, ...] = (TRANSLATE, WELL, RING, LINE, COLD, HEAVY)
"""One-dimensional continua; the first two are the quick tier."""


def flow(run: "wc.Run") -> "wc.Path":
    """The gradient flow to time 2."""
    return run.path(wc.WPGFlow(tol=1e-6), until=2.0, samples=8)


def frozen(run: "wc.Run") -> "wc.Path":
    """Eight steps of length 0.25 of the frozen flow, nearly exact (32 resolvents a step)."""
    return run.path(wc.FrozenWPG(0.25, substeps=32), steps=8)


def implicit(run: "wc.Run") -> "wc.Path":
    """Eight steps of length 0.25 of the implicit scheme."""
    return run.path(wc.FrozenWPG(0.25), steps=8)


def langevin(run: "wc.Run") -> "wc.Path":
    """The law of the Langevin update with step 0.02 at every tenth of eighty steps."""
    return run.path(wc.WPGD(0.02), steps=80, samples=8)


def gaps(run: "wc.Run", path: "wc.Path") -> "wc.Measured":
    """W_k = V* − V_k in every state, (time, state)."""
    return wc.optimality_gap(run.solution, path)
