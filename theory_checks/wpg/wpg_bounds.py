"""wpg-bounds  Bounded rewards bound values and soft Q along the whole flow.

Setting.     A problem with a continuum of actions and the flow from a policy π_0; K_0 = sup_s KL(π_0‖μ),
             R_max = max|r|, V_max = (R_max+τK_0)/(1−γ).
Hypotheses.  (H1) The actions form a continuum.  (H2) r is bounded (on the line |r| does not double from the
             reach of the nodes to 16 times that), and K_0 is finite.
Claim.       −(R_max+τK_0)/(1−γ) ≤ V_0 ≤ V_t ≤ R_max/(1−γ), V_t rises in every state, |q_t| ≤ R_max+γV_max and
             osc q_t ≤ 2R_max + γ(2R_max+τK_0)/(1−γ).
Tight for.   No reward and a translated Gaussian (below); discount 0 and a wave (|q|, osc q).
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Lemma 3.5.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from theory_checks.wpg import COLD, HEAVY, LINE, RING, TRANSLATE, WELL, flow
from wconv.theory import Hypothesis, Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import bellman
from wconv.theory.bounds import wpg_flow as bounds

FAR: Final = 16.0
"""How far, in reaches of the line, a reward is looked at to see whether it grows."""

FLAT = case("gaussian-line", amplitude=0.001, start="pushed")
CASES = [
    TRANSLATE,
    WELL,
    FLAT,
    RING,
    LINE,
    COLD,
    HEAVY,
    case("quadratic-line", tier="all", expect="INAPPLICABLE", fails="H2"),
]
CONTROLS = [
    control("largest reward understated", on=TRANSLATE, constants={"R_max": 0.9}),
    control("divergence of the start understated", on=FLAT, constants={"K_0": 0.9}),
    control("values at a higher temperature", on=FLAT, dynamics={"temperature": 1.25}),
]


def largest_reward(mdp: "wc.MDP") -> float:
    """max|r| over the nodes."""
    return float(np.abs(mdp.r).max())


def start_divergence(run: "wc.Run") -> "wc.Measured":
    """K_0 = sup_s KL(π_0‖μ), a number."""
    return wc.kl(run.start, wc.uniform(run.mdp)).sup()


def bounded(run: "wc.Run", name: str) -> Hypothesis:
    """The hypothesis that r is bounded, also beyond the nodes of the line, and K_0 finite."""
    mdp, space = run.mdp, run.mdp.grid.space
    near, K_0 = largest_reward(mdp), start_divergence(run).upper
    far, where = near, "on the nodes"
    if isinstance(space, wc.GaussianLine | wc.TailedLine) and mdp.smooth is not None:
        wide = replace(mdp.smooth, space=space.widened(FAR))
        far = max(near, largest_reward(wc.tabulate(wide, mdp.n_actions)))
        where = f"within the reach, {far:.3g} within {FAR:g} reaches"
    detail = f"|r| <= {near:.3g} {where}; K_0 = {float(K_0):.3g}"
    return condition(name, bool(far <= 2 * near and np.isfinite(K_0)), detail)


def soft_q(run: "wc.Run", V: "wc.Measured") -> "wc.Measured":
    """q at the nodes for values V (K, S) with errors, shape (K, S, A)."""
    system, moved = run.system, V.error.max(axis=-1) * run.system.contraction
    rows = [
        wc.Measured.of(
            wc.q_from_v(system, now), evaluation=off, rounding=wc.q_rounding(system, now)
        )
        for now, off in zip(V.value, moved, strict=True)
    ]
    return wc.stack(rows)


def bounds_along(run: "wc.Run", path_of: "Callable[[wc.Run], wc.Path]") -> Iterator[Item]:
    """Values and soft Q along a path on which values rise."""
    yield (continuum := on_a_continuum(run))
    yield bounded(run, "H2")
    if not continuum.holds:
        return
    R_max, K_0, gamma = largest_reward(run.mdp), start_divergence(run), run.mdp.gamma
    all_of: dict[str, Any] = {"R_max": R_max, "K_0": K_0, "gamma": gamma, "tau": run.mdp.tau}
    V = path_of(run).measured
    q = soft_q(run, V)
    # Distances from the bounds, as values of either sign have no ratio.
    above = V + (R_max + run.mdp.tau * K_0) * (1 / (1 - gamma))
    below = R_max / (1 - gamma) - V[0]
    width = bounds.value_range.given()
    yield at_most("V_0 >= -(R + tau K_0) / (1-gamma)", below, width, over="state", **all_of)
    yield at_most("V <= R / (1-gamma)", above, width, over="time state", **all_of)
    yield at_least("V rises", above[1:], bellman.itself.given(value=above[:-1]), over="time state")
    yield at_most(
        "|q| <= R + gamma V_max",
        abs(q).sup(),
        bounds.largest_q.given(),
        over="time state",
        **all_of,
    )
    yield at_most(
        "osc q <= 2R + gamma (2R + tau K_0) / (1-gamma)",
        q.sup() + (-q).sup(),
        bounds.widest_q.given(),
        over="time state",
        **all_of,
    )


@check("wpg-bounds", cases=CASES, controls=CONTROLS, actions="continuum")
def wpg_bounds(run: "wc.Run") -> Iterator[Item]:
    """Values and soft Q along the flow against the bounds by the reward alone."""
    yield from bounds_along(run, flow)
