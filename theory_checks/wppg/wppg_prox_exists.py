"""wppg-prox-exists  A proximal step has one positive maximiser, the Gibbs form of a Kantorovich potential.

Setting.     Exact steps on a line; φ = q^{π_k} − τ log(dπ_{k+1}/dμ), φ^c(b) = min |a−b|²/(2η) − φ(a) over the
             nodes; W² in the sense of the grid.
Hypotheses.  (H1) The actions form a line.  (H2) log(dπ_{k+1}/dμ) is finite.
Claim.       ∫φdπ_{k+1} + ∫φ^c dπ_k = W²(π_{k+1}, π_k)/(2η): φ is a Kantorovich potential, which makes π_{k+1}
             the only maximiser.
Tight for.   An identity.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Lemma 9.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.wppg import COLD, HEAVY, LINE, LONG, SHORT, TRANSLATE, WELL, proximal
from wconv.theory import Item, case, check, condition, control, equal, finite
from wconv.theory.bounds import wppg as bounds

CASES = [
    TRANSLATE,
    WELL,
    LINE,
    COLD,
    HEAVY,
    case("ring", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("potentials at the wrong temperature", on=TRANSLATE, constants={"tau": 1.001}),
    control("a step of another length", on=TRANSLATE, constants={"eta": 0.999}),
    control("a system a thousandth colder", on=TRANSLATE, dynamics={"temperature": 0.999}),
]


@check("wppg-prox-exists", cases=CASES, controls=CONTROLS, actions="line")
def wppg_prox_exists(run: "wc.Run") -> Iterator[Item]:
    """Six short and six long steps."""
    grid = run.mdp.grid
    line = not (grid.is_finite_set or grid.periodic or grid.dim > 1)
    yield condition("H1", line, "nodes on a line" if line else "a circle, a plane or a finite set")
    if not line:
        yield finite("H2", log=float("nan"))
        return
    for name, eta in (("short", SHORT), ("long", LONG)):
        path = proximal(run, eta)
        yield finite("H2", log=np.abs(np.stack([p.logf for p in path.policies[1:]])))
        moves = wc.proximal_steps(path)
        Q = np.stack([value.Q for value in path.evaluations[:-1]])
        new = np.stack([policy.logf for policy in path.policies[1:]])
        old = np.stack([policy.pi for policy in path.policies[:-1]])
        yield equal(
            f"{name} steps: int phi dpi' + int phi^c dpi",
            (moves.moved * (1 / (2 * eta))).with_error("gap", moves.gap.value),
            bounds.kantorovich.given(
                Q=Q,
                log_density=new,
                masses=np.stack([policy.pi for policy in path.policies[1:]]),
                old=old,
                nodes=grid.nodes[:, 0],
            ),
            over="step state",
            tau=run.mdp.tau,
            eta=eta,
        )
