"""wppg-one-step  One proximal step against the optimal policy, whatever the step size and the actions.

Setting.     Exact steps; π* optimal, ν* the stationary law of P_{π*}, Δ_k = E_{ν*}[V*−V^k],
             D_k = E_{ν*}W²(π*, π_k), W² in the sense of the grid.
Hypotheses.  (H1) The actions form a line, a circle or a finite set: there W² of any two policies is known.
             (H2) π* has one stationary law, and the divergences from it are finite.
Claim.       Δ_{k+1} + E_{ν*}[τKL(π*‖π_{k+1}) + W²(π_{k+1}, π_k)/(2η)] ≤ γΔ_k + D_k/(2η); on a set of
             diameter D, Δ_k ≤ γ^kΔ_0 + D²/(2η(1−γ)).
Tight for.   Translated Gaussians at discount 0 and long steps.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Theorem 4.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

import wconv as wc
from theory_checks.wppg import (
    EVERYWHERE,
    LONG,
    SHORT,
    TRANSLATE,
    diameter,
    distances_known,
    one_law,
    proximal,
)
from wconv.theory import Item, at_most, check, control, finite
from wconv.theory.bounds import wppg as bounds

SHIFT = replace(TRANSLATE, tight=0.1)
CASES = [SHIFT, *EVERYWHERE[1:]]
CONTROLS = [
    control("steps a fifth shorter", on=SHIFT, constants={"eta": 1.25}),
    control("a system a fifth colder", on=SHIFT, dynamics={"temperature": 0.8}),
]


class Averages(NamedTuple):
    """Over ν*: Δ_k and D_k of every policy, (K+1,), W²(π_{k+1}, π_k) and KL(π*‖π_{k+1}), (K,)."""

    gap: "wc.Measured"
    far: "wc.Measured"
    moved: "wc.Measured"
    kl: "wc.Measured"


def averages(
    run: "wc.Run",
    path: "wc.Path",
    distance: "Callable[[wc.Policy, wc.Policy], wc.Measured]",
) -> Averages:
    """Averages over the stationary law of the optimal policy; gaps with the certificates of the steps."""
    best, nu = run.solution, run.solution.nu[np.newaxis]
    moves = wc.proximal_steps(path)
    lost = float(moves.gap.value.max()) / (1.0 - run.system.contraction)
    gap = wc.optimality_gap(best, path).with_error("optimality", lost)
    far = wc.stack([distance(best.policy, policy) for policy in path.policies])
    kl = wc.stack([wc.kl(best.policy, policy) for policy in path.policies[1:]])
    return Averages(*((each * nu).total() for each in (gap, far, moves.moved, kl)))


@check("wppg-one-step", cases=CASES, controls=CONTROLS)
def wppg_one_step(run: "wc.Run") -> Iterator[Item]:
    """Six short and six long steps."""
    mdp = run.mdp
    yield (known := distances_known(run))
    if not known.holds:
        yield finite("H2", KL=float("nan"))
        return
    yield (law := one_law(run))
    if not law.holds:
        return
    for name, eta in (("short", SHORT), ("long", LONG)):
        path = proximal(run, eta)
        found = averages(run, path, wc.step_distance)
        yield finite("H2", gap=found.gap, KL=found.kl)
        yield at_most(
            f"{name} steps: next gap <= gamma gap + (D - E W^2)/2eta - tau E KL",
            found.gap[1:],
            bounds.one_step.given(
                gap=found.gap[:-1], far=found.far[:-1], moved=found.moved, kl=found.kl
            ),
            over="step",
            gamma=mdp.gamma,
            tau=mdp.tau,
            eta=eta,
        )
        if np.isfinite(D := diameter(mdp)):
            yield at_most(
                f"{name} steps: gap_k <= gamma^k gap_0 + D^2 / 2 eta (1-gamma)",
                found.gap,
                bounds.penalised.given(start=found.gap[0], count=np.arange(len(path.times))),
                over="step",
                gamma=mdp.gamma,
                eta=eta,
                diameter=D,
            )
