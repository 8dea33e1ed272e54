"""Bellman structure: identities that hold to rounding on every finite MDP."""

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
