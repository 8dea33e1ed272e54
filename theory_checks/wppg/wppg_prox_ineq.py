"""wppg-prox-ineq  A proximal step beats every competitor, by a relative entropy more than it must.

Setting.     π_{k+1} maximises F_k(π) − W²(π, π_k)/(2η), F_k(π) = ∫q^{π_k}dπ − τKL(π‖μ); W² in the sense of
             the grid (docs/theory.md, section 5), in which the inequality is exact.
Hypotheses.  (H1) The actions form a line, a circle or a finite set: there W² of any two policies is known.
             (H2) The certified gap of every step is finite.
Claim.       F_k(π_{k+1}) − F_k(π) + W²(π, π_k)/(2η) ≥ W²(π_{k+1}, π_k)/(2η) + τKL(π‖π_{k+1}) for every π: the
             policies of the problem, the optimal one, π_k, and mixtures of π_{k+1} with these.
Tight for.   Mixtures with little else than π_{k+1}; long steps.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Lemma 15.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.wppg import (
    COLD,
    HEAVY,
    LINE,
    LONG,
    SHORT,
    TRANSLATE,
    WELL,
    distances_known,
    proximal,
)
from wconv.theory import Item, at_least, case, check, control, finite
from wconv.theory.bounds import wppg as bounds

SHARE = 0.05
"""Of a competitor, in a mixture with π_{k+1}."""

CASES = [
    TRANSLATE,
    WELL,
    case("ring"),
    case("garnet"),
    LINE,
    COLD,
    HEAVY,
    case("box-2d", tier="all", resolution=8, expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("temperature overstated", on=TRANSLATE, constants={"tau": 1.25}),
    control("step understated", on=TRANSLATE, constants={"eta": 0.8}),
    control("a system a fifth colder", on=TRANSLATE, dynamics={"temperature": 0.8}),
]


def competitors(run: "wc.Run", path: "wc.Path", k: int) -> "list[wc.Policy]":
    """Policies far from π_{k+1}, and mixtures near it."""
    old, new = path.policies[k : k + 2]
    far = [*run.policies.values(), run.solution.policy, old]
    near = [wc.from_masses((1 - SHARE) * new.pi + SHARE * p.pi, new.grid) for p in far]
    return [*far, *near]


@check("wppg-prox-ineq", cases=CASES, controls=CONTROLS)
def wppg_prox_ineq(run: "wc.Run") -> Iterator[Item]:
    """The first three steps of a short and a long path, against all competitors."""
    yield (known := distances_known(run))
    if not known.holds:
        yield finite("H2", gap=float("nan"))
        return
    for name, eta in (("short", SHORT), ("long", LONG)):
        path = proximal(run, eta)
        moves = wc.proximal_steps(path)
        yield finite("H2", gap=moves.gap)
        gained, least = [], []
        for k in range(3):
            value, new = path.evaluations[k], path.policies[k + 1]
            top = wc.policy_gain(run.system, new, value).with_error(
                "optimality", moves.gap.value[k]
            )
            some = competitors(run, path, k)
            far = [wc.step_distance(p, value.policy) * (1 / (2 * eta)) for p in some]
            gained.append(
                wc.stack(
                    [
                        top - wc.policy_gain(run.system, p, value) + d
                        for p, d in zip(some, far, strict=True)
                    ]
                )
            )
            least.append(
                bounds.gain.given(
                    moved=moves.moved[k][np.newaxis], kl=wc.stack([wc.kl(p, new) for p in some])
                )
            )
        for k in range(3):
            yield at_least(
                f"{name}, step {k}: F(next) - F(pi) + W^2(pi, now)/2eta",
                gained[k],
                least[k],
                over="competitor state",
                tau=run.mdp.tau,
                eta=eta,
            )
