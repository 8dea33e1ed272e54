"""soft-maximum-below  A soft maximum never exceeds the maximum.

Setting.     Any finite MDP; q = r + γPV* for the optimal value.
Hypotheses.  (H1) q is bounded.
Claim.       TV* ≤ max q in every state.
Tight for.   Low temperatures, and rewards that know no action.
Reference.   Jensen's inequality.
"""

from collections.abc import Iterator

import wconv as wc
from wconv.theory import Bound, Item, at_most, case, check, control, finite


@Bound
def largest(top):
    """max q."""
    return top


LEVEL = case("double-well", barrier=0.0, discount=0.0)
CASES = [LEVEL, case("two-state")]
CONTROLS = [
    control("half the maximum", on=CASES[1], constants={"bound": 0.5}),
    control("operator with a longer horizon", on=CASES[1], dynamics={"discount": 1.9}),
]


@check("soft-maximum-below", cases=CASES, controls=CONTROLS)
def soft_maximum_below(run: "wc.Run") -> Iterator[Item]:
    """The optimal value against the largest q."""
    V = run.solution.measured
    q = wc.q_from_v(run.mdp, V.value)
    rounding = wc.q_rounding(run.mdp, V.value)
    yield finite("H1", q=q)
    top = wc.Measured.of(q.max(axis=1), rounding=rounding)
    yield at_most(
        "TV* <= max q",
        wc.apply_optimality(run.system, V),
        largest.given(top=top),
        over="state",
    )
