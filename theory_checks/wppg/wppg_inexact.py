"""wppg-inexact  Noise of the critic costs its square, and does not accumulate.

Setting.     Proximal steps with q̂ = q^{π_k} + noise, one wave of the action with a new random phase in every
             step and state: of mean zero given π_k, sup|∇noise| = σ. E is over replications.
Hypotheses.  (H1) The actions form a line or a circle.  (H2) C_LS(p̂_k) ≤ Ĉ for all steps and replications: by
             Holley–Stroock from the optimal policy, Ĉ = C_LS(π*)exp((γ osc(V_k−V*) + 2 sup|noise|)/τ).
Claim.       E W_{k+1} ≤ (I − D_{c'}(I−γP_{π*}))E W_k + (ησ²/2)/(1−γ), c' = κ/(1+κ), κ = ητ/Ĉ.
Tight for.   Discount 0 and little noise, up to the exponent (1 for 2).
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Lemma 17, Theorems 2 and 5.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.wpg import gaps
from theory_checks.wpg.gap_matrix import optimal_kernel
from theory_checks.wpg.wpg_frozen import on_a_line
from theory_checks.wppg import SHORT, TRANSLATE
from wconv.theory import Item, at_most, case, check, control, finite
from wconv.theory.bounds import wppg as bounds

CONFIDENCE = 0.9999
"""Joint, one-sided, for all means of a claim."""

SEEDS, STEPS = 32, 4
OPTIONS = {"step_size": SHORT, "noise": (0.02, 0.1)}
"""Lengths of steps, gradients of the noise."""

SHARP = replace(TRANSLATE, tight=0.3)
CASES = [
    SHARP,
    case("tilted-double-well", temperature=1.0, discount=0.5),
    case("ring", tier="all", discount=0.5),
    case("garnet", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("a tenth of the constant", on=SHARP, constants={"C_LS": 0.1}),
    control("a fifth of the right side", on=SHARP, constants={"bound": 0.2}),
]


def loudest(run: "wc.Run", noise: float) -> float:
    """sup|noise| of the waves: σ over their steepness, two turns over the reach of every axis."""
    grid = run.mdp.grid
    return noise / float(np.linalg.norm(4 * np.pi / np.multiply(grid.shape, grid.spacing)))


def by_role(symbol: str, sizes: float | tuple[float, ...]) -> Iterator[tuple[str, float]]:
    """Each size with a name for claims that says which it is and not how large: a sweep would name others."""
    each = np.atleast_1d(sizes).tolist()
    for k, size in enumerate(each, 1):
        yield symbol if len(each) == 1 else f"{symbol} {k} of {len(each)}", size


@check(
    "wppg-inexact",
    cases=CASES,
    controls=CONTROLS,
    kind="statistical",
    actions="line",
    options=OPTIONS,
)
def wppg_inexact(run: "wc.Run") -> Iterator[Item]:
    """Four steps of 32 replications, with little and with much noise."""
    yield (line := on_a_line(run))
    if not line.holds:
        yield finite("H2", C_LS=float("nan"))
        return
    mdp, kernel = run.mdp, optimal_kernel(run)
    best = run.true.inequalities(run.true.solution.policy).log_sobolev
    eta = run.options["step_size"]
    for name, noise in by_role("noise", run.options["noise"]):
        W = wc.stack(
            [
                gaps(run, run.path(wc.InexactWPPG(eta, noise=noise, seed=seed), steps=STEPS))
                for seed in range(SEEDS)
            ]
        )
        swing = float((W.upper.max(axis=-1) - W.lower.min(axis=-1)).max())
        far = np.exp((mdp.gamma * swing + 2 * loudest(run, noise)) / mdp.tau)
        C = wc.Bracket(best.lower / far, best.upper * far, "Holley-Stroock", "Holley-Stroock")
        yield finite("H2", C_LS=C)
        mean = wc.replicated(W, confidence=CONFIDENCE)
        yield at_most(
            f"{name}: E W_{{k+1}} <= (I - D_c'(I - gamma P*)) E W_k + eta sigma^2/2(1-gamma)",
            mean[1:],
            bounds.gaps_with_noise.given(gaps=mean[:-1], kernel=kernel),
            over="step state",
            C_LS=C,
            tau=mdp.tau,
            gamma=mdp.gamma,
            eta=eta,
            noise=noise,
        )
