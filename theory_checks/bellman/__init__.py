"""Bellman structure: identities that hold to rounding on every finite MDP."""

import wconv as wc
from wconv.theory import Case, case

ZOO: tuple[Case, ...] = (
    case("double-well", temperature=0.3),
    case("garnet"),
    case("gaussian-line"),
    case("frozen-lake"),
    case("two-state", tier="all"),
    case("quadratic-bandit", tier="all"),
    case("tilted-double-well", tier="all", temperature=0.05),
    case("ring", tier="all"),
    case("box-2d", tier="all"),
    case("heavy", tier="all", discount=0.99),
    case("slow-chain", tier="all"),
    case("garnet", tier="all", sparse=True, temperature=0.01),
)
"""The problems every Bellman check runs on; the first four are the quick tier:
an interval, a table, unequal reference masses, and a far from uniform start with many recurrent classes."""


def pair_divergences(run: "wc.Run") -> "tuple[wc.Measured, wc.Measured]":
    """KL(π‖p^π) and KL(π'‖p^π) of every pair (π, π'), both from the Gibbs policy of the old value."""

    def old_to_gibbs(old: "wc.Policy", _: "wc.Policy") -> "wc.Measured":
        return wc.gibbs_divergence(run.mdp, old, run.evaluate(old).measured)

    def new_to_gibbs(old: "wc.Policy", new: "wc.Policy") -> "wc.Measured":
        return wc.gibbs_divergence(run.mdp, new, run.evaluate(old).measured)

    return run.each_pair(old_to_gibbs), run.each_pair(new_to_gibbs)


def new_kernels(run: "wc.Run") -> "wc.Measured":
    """P_{π'} of every pair (π, π')."""
    return run.each_pair(lambda _, new: wc.Measured.of(run.evaluate(new).P_pi))
