"""wppg-any-step-inexact  With a biased critic the vector of gaps contracts up to a floor.

Setting.     Proximal steps with q̂ = q^{π_k} + bias, sup|bias| ≤ ζ, the same wave of the action in every step.
Hypotheses.  (H1) The actions form a line or a circle.  (H2) C_LS(p_k) is finite in every state.
Claim.       W_{k+1} ≤ (I − D_c(I−γP_{π*}))W_k + 2ζ/(1−γ) in every state, c = 1−(1+κ)^{-2}, κ = ητ/Ĉ with
             Ĉ = e^{2ζ/τ}C_LS(p_k) ≥ C_LS(p̂_k), p̂_k ∝ e^{q̂/τ}μ (Holley–Stroock).
Tight for.   A small bias: then wppg-any-step.
Reference.   docs/theory.md, section 5.
"""

from collections.abc import Iterator
from dataclasses import replace

import wconv as wc
from theory_checks.wpg import gaps, part
from theory_checks.wpg.gap_matrix import optimal_kernel
from theory_checks.wpg.wpg_frozen import on_a_line
from theory_checks.wppg import SHORT, TRANSLATE, ZOO
from theory_checks.wppg.wppg_any_step import FINE_LINE
from theory_checks.wppg.wppg_inexact import by_role
from wconv.theory import Item, at_most, case, check, control, finite
from wconv.theory.bounds import wppg as bounds

OPTIONS = {"step_size": SHORT, "bias": (1e-4, 0.02)}
STEPS = 4

SHARP = replace(TRANSLATE, tight=0.4)
CASES = [
    SHARP,
    *ZOO[1:3],
    FINE_LINE,
    case("garnet", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("constants too small by two fifths", on=SHARP, constants={"C_LS": 0.6}),
    control("a system at three fifths of the temperature", on=SHARP, dynamics={"temperature": 0.6}),
]


@check(
    "wppg-any-step-inexact",
    cases=CASES,
    controls=CONTROLS,
    kind="continuum",
    actions="line",
    options=OPTIONS,
)
def wppg_any_step_inexact(run: "wc.Run") -> Iterator[Item]:
    """Four steps with a small and with a large bias."""
    yield (line := on_a_line(run))
    if not line.holds:
        yield finite("H2", C_LS=float("nan"))
        return
    kernel = optimal_kernel(run)
    eta = run.options["step_size"]
    for name, bias in by_role("bias", run.options["bias"]):
        path = run.path(wc.InexactWPPG(eta, bias=bias, tol=1e-12), steps=STEPS)
        found = run.gibbs_constants(path)
        yield finite("H2", C_LS=found.at)
        W = gaps(run, path)
        yield at_most(
            f"{name}: W_{{k+1}} <= (I - D_c(I - gamma P*)) W_k + 2 zeta/(1-gamma)",
            W[1:],
            bounds.gaps_with_bias.given(gaps=W[:-1], kernel=kernel),
            over="step state",
            C_LS=part(found.at, slice(-1)),
            tau=run.mdp.tau,
            gamma=run.mdp.gamma,
            eta=eta,
            bias=bias,
        )
