"""Bellman structure: identities that hold to rounding on every finite MDP."""

from wconv.theory import Case, case

ZOO: tuple[Case, ...] = (
    case("double-well", temperature=0.3),
    case("garnet"),
    case("two-state", tier="all"),
    case("quadratic-bandit", tier="all"),
    case("gaussian-line", tier="all"),
    case("tilted-double-well", tier="all", temperature=0.05),
    case("ring", tier="all"),
    case("box-2d", tier="all"),
    case("heavy", tier="all", discount=0.99),
    case("slow-chain", tier="all"),
    case("garnet", tier="all", sparse=True, temperature=0.01),
    case("frozen-lake", tier="all"),
)
"""The problems every Bellman check runs on; the first two are the quick tier."""
