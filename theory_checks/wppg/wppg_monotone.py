"""wppg-monotone  Every proximal step raises the value of every state, by more than what it moved.

Setting.     Exact steps π_{k+1} = argmax F_k(π) − W²(π, π_k)/(2η), W² in the sense of the grid.
Hypotheses.  (H1) The certified gap of every step is finite.
Claim.       V^{k+1} ≥ V^k + W²(π_{k+1}, π_k)/(2η) + τKL(π_k‖π_{k+1}) in every state.
Tight for.   Long steps at discount 0 (the relative entropy); half of it in short steps, where the flow
             gains W²/η.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Lemmas 5 and 6.
"""

from collections.abc import Iterator
from dataclasses import replace

import wconv as wc
from theory_checks.wppg import EVERYWHERE, LONG, PLANE, SHORT, TRANSLATE, proximal
from wconv.theory import Item, at_least, case, check, control, finite
from wconv.theory.bounds import wppg as bounds

TIGHT = replace(TRANSLATE, tight=0.4)
CASES = [TIGHT, *EVERYWHERE[1:], PLANE, case("finite-actions", tier="all")]
CONTROLS = [
    control("steps a fifth of their length", on=TIGHT, constants={"eta": 0.2}),
    control("temperature overstated", on=TIGHT, constants={"tau": 4.0}),
    control("a system half as hot", on=TIGHT, dynamics={"temperature": 0.5}),
]


@check("wppg-monotone", cases=CASES, controls=CONTROLS)
def wppg_monotone(run: "wc.Run") -> Iterator[Item]:
    """Six short and six long steps."""
    for name, eta in (("short", SHORT), ("long", LONG)):
        path = proximal(run, eta)
        moves = wc.proximal_steps(path)
        yield finite("H1", gap=moves.gap)
        V = path.measured
        horizon = 1.0 / (1.0 - run.system.contraction)
        rise = (V[1:] - V[:-1]).with_error("optimality", horizon * moves.gap.value.max())
        pairs = zip(path.policies[:-1], path.policies[1:], strict=True)
        yield at_least(
            f"{name} steps: V^{{k+1}} - V^k",
            rise,
            bounds.gain.given(
                moved=moves.moved, kl=wc.stack([wc.kl(old, new) for old, new in pairs])
            ),
            over="step state",
            # Steps that stall on a finite set gain and move nothing: nothing beside what is still to gain.
            scale=float(wc.optimality_gap(run.solution, path).value.max()),
            tau=run.mdp.tau,
            eta=eta,
        )
