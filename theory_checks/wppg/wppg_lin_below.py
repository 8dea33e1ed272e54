"""wppg-lin-below  Below the threshold of wppg-lin the proximal scheme still converges linearly.

Setting.     As for wppg-lin, κ = ητ/C_T.
Hypotheses.  (H1) The actions form a line or a circle.  (H2) Every π_{k+1} has a T2 constant of at most C_T,
             and κ > 1.
Claim.       Φ'_{k+1} ≤ max(γ, 4/(1+κ)²)Φ'_k with Φ' = Δ + (τ/4C_T)(1+1/κ)D: the rate γ of wppg-lin already
             from κ ≥ 2/√γ − 1, which is less than 1/γ.
Tight for.   Nothing, as for wppg-lin.
Reference.   docs/theory.md, section 5.
"""

from collections.abc import Iterator

import wconv as wc
from theory_checks.wpg.wpg_frozen import on_a_line
from theory_checks.wppg import TOL
from theory_checks.wppg.wppg_lin import step_for, transport_constant
from theory_checks.wppg.wppg_one_step import averages
from wconv.theory import Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wppg as bounds

KAPPA = 1.5
"""Of the steps: between 1 and the threshold 1/γ = 2 of wppg-lin on the cases."""

WELL = case("tilted-double-well", discount=0.5, tight=0.1)
CASES = [
    WELL,
    case("double-well", discount=0.5),
    case("ring", tier="all", discount=0.5),
    case("garnet", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("a tenth of the right side", on=WELL, constants={"bound": 0.1}),
    control("an eighth of the right side", on=WELL, constants={"bound": 0.125}),
]


@check("wppg-lin-below", cases=CASES, controls=CONTROLS, kind="continuum", actions="line")
def wppg_lin_below(run: "wc.Run") -> Iterator[Item]:
    """Three steps at κ = 1.6 times what the optimal policy asks for."""
    yield (line := on_a_line(run))
    if not line.holds:
        yield finite("H2", C_T=float("nan"))
        return
    mdp, eta = run.mdp, step_for(run, KAPPA)
    path = run.path(wc.WPPG(eta, tol=TOL), steps=3)
    C_T, found = transport_constant(run, path), averages(run, path, wc.w2_squared)
    kappa = float(eta * mdp.tau / C_T.upper)
    yield condition("H2", kappa > 1, f"kappa >= {kappa:.3g}")
    if kappa == 0:
        return
    yield at_most(
        "Phi'_{k+1} <= max(gamma, 4/(1+kappa)^2) Phi'_k",
        found.gap[1:],
        bounds.lyapunov_below.given(gap=found.gap[:-1], far=found.far[:-1], next_far=found.far[1:]),
        over="step",
        C_T=C_T,
        tau=mdp.tau,
        gamma=mdp.gamma,
        eta=eta,
    )
