"""holley-stroock  A bounded perturbation of the potential multiplies constants by at most e^osc.

Setting.     Gibbs policies p ∝ e^ψ μ, ψ = log dp/dμ, in every state.
Hypotheses.  (H1) The actions form a continuum.  (H2) osc ψ is finite.
Claim.       C(p) ≤ e^{osc ψ} C(μ) and C(μ) ≤ e^{osc ψ} C(p), for C_P and, where it is finite,
             C_LS (left: what is attained).
Tight for.   Constant ψ.
Reference.   docs/theory.md, section 3; Holley, Stroock (J. Stat. Phys. 46, 1987).
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.constants import known_finite, on_a_continuum
from wconv.theory import Item, at_most, case, check, control, finite
from wconv.theory.bounds import constants as bounds

MILD = case("double-well", temperature=200.0, discount=0.0, tight=0.98)
HEAVY = case("heavy")
CASES = [
    MILD,
    HEAVY,
    case("double-well", temperature=0.3),
    case("tilted-double-well", temperature=0.2, tier="all"),
    case("quadratic-bandit", tier="all"),
    case("ring"),
    case("gaussian-line", amplitude=0.1),
    case("box-2d", tier="all", resolution=32),
]
CONTROLS = [
    control("constant of the reference too small", on=MILD, constants={"C_0": 0.9}),
    control("a fifth of the oscillation", on=HEAVY, constants={"osc": 0.2}),
    control("constants of a colder policy", on=MILD, dynamics={"temperature": 0.1}),
]


@check("holley-stroock", cases=CASES, controls=CONTROLS, actions="continuum")
def holley_stroock(run: "wc.Run") -> Iterator[Item]:
    """The optimal policy against the reference, both ways."""
    yield (continuum := on_a_continuum(run))
    if not continuum.holds:
        yield finite("H2", osc=float("nan"))
        return
    grid = run.mdp.grid
    oscillation = wc.oscillation(run.true.solution.policy.logf, grid)
    yield finite("H2", osc=oscillation)
    perturbed = run.inequalities(run.solution.policy)
    reference = run.inequalities(wc.uniform(run.mdp))
    for name, of, of_reference in (
        ("C_P", perturbed.poincare, reference.poincare),
        ("C_LS", perturbed.log_sobolev, reference.log_sobolev),
    ):
        if not known_finite(of, of_reference):
            continue
        yield at_most(
            f"{name}(p) <= e^osc {name}(mu)",
            wc.Measured.of(of.lower),
            bounds.holley_stroock.given(),
            over="state",
            C_0=of_reference,
            osc=oscillation,
        )
        yield at_most(
            f"{name}(mu) <= e^osc {name}(p)",
            wc.Measured.of(of_reference.lower),
            bounds.holley_stroock.given(),
            over="state",
            C_0=of,
            osc=oscillation,
        )
