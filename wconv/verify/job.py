"""One thing to run, and why a problem may not be one that the statement speaks of."""

from dataclasses import dataclass
from typing import Final

from wconv.mdp.model import MDP
from wconv.theory.cases import Case, Control
from wconv.theory.registry import Check

SPEAKS_OF: Final = {
    "continuum": "a continuum of actions",
    "line": "actions on a line or circle",
    "plane": "actions in two dimensions",
}


@dataclass(frozen=True, eq=False)
class Job:
    """One thing to run: a check on a case, on a user's problem, or one of its controls."""

    check: Check
    case: Case
    control: Control | None = None
    problem: MDP | None = None
    from_file: bool = False
    fitting: bool = False
    """Whether the user asked for everything that fits, rather than for this check."""


def fits(check: Check, mdp: MDP) -> bool:
    """Whether the problem has the actions that the check speaks of."""
    if check.actions == "any":
        return True
    kinds = {1: ("continuum", "line"), 2: ("continuum", "plane")}
    return not mdp.grid.is_finite_set and check.actions in kinds.get(mdp.grid.dim, ("continuum",))


def unsuited(check: Check, mdp: MDP) -> str:
    """Why a check says nothing about a problem, and what to do about it; "" when it does."""
    grid = mdp.grid
    if not fits(check, mdp):
        have = "a finite set" if grid.is_finite_set else f"a continuum of dimension {grid.dim}"
        return f"the statement speaks of {SPEAKS_OF[check.actions]}, not of {have}"
    if check.kind == "continuum" and not grid.is_finite_set and mdp.smooth is None:
        return (
            "a statement on the continuum is repeated on half the nodes, and a table has no others: "
            "make the problem by wc.tabulate(wc.SmoothMDP(...), n), on the command line as "
            "FILE.py:function"
        )
    return ""
