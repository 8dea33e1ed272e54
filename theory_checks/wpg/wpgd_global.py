"""wpgd-global  The Langevin update converges linearly up to a bias of order η.

Setting.     Policies π_k of the Langevin update with step η on R^d or a torus, E_k = max_s (V* − V_k); C_LS,
             L_b, B² of `one-step-kl`, the worst of all states (and of all steps, if k varies), δ of these.
Hypotheses.  (H1) The drift is Lipschitz.  (H2) No boundary: the update is not reflected.
Claim.       With c = 1 − e^{−τη/C_LS}: E_{k+1} ≤ (1−(1−γ)c)E_k + τδ/(1−γ), hence
             E_k ≤ (1−(1−γ)c)^k E_0 + τδ/((1−γ)²c), and E ≤ τδ/((1−γ)²c) for the stationary policy;
             in every state W_{k+1} ≤ (I−D_c(I−γP_{π*}))W_k + τδ/(1−γ) (`gap-matrix`). What is left of the
             stationary gap vanishes at least like η (observed: like η², see `wpgd-bias-two`): asked of
             short steps, from η to 2η ≤ 1/L_b (a + ηb is one-to-one), and of any where L_b is infinite.
Tight for.   The one step is where `one-step-kl` is; the plateau nowhere, where 1/(1−γ)² is not visible either
             (it is in `wpgd-bias-two`).
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Theorem 4.15.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

import wconv as wc
from theory_checks.wpg import LANGEVIN, LINE, RING, TRANSLATE, confined, gaps, part
from theory_checks.wpg.gap_matrix import optimal_kernel
from theory_checks.wpg.one_step_kl import (
    MILD,
    SETTLED,
    at_steps,
    every_step,
    lipschitz,
    steps,
    unreflected,
)
from wconv.constants.langevin import StepConstants, step_constants
from wconv.theory import Item, at_least, at_most, case, check, control
from wconv.theory.bounds import wpg_langevin as bounds

LONG = 24.0
"""A time by which the update has become stationary, from the optimal policy."""

CASES = [
    TRANSLATE,
    SETTLED,
    replace(MILD, tier="all"),
    case("ring", tier="all", discount=0.0),
    case("ring", tier="all", options={"step_size": 2.0}),
    LINE,
    RING,
    case("gaussian-line", tier="all", start="pushed", amplitude=0.2, discount=0.95),
    case("ring", tier="all", start="pushed", temperature=1.0, discount=0.9),
    case("tilted-double-well", tier="all", expect="INAPPLICABLE", fails="H2"),
]
CONTROLS = [
    control("constant too small", on=TRANSLATE, constants={"C_LS": 0.4}),
    control("step too long", on=TRANSLATE, constants={"eta": 3.0}),
    control("an order of two and a half", on=TRANSLATE, constants={"least": 2.5}),
]


def lengths(run: "wc.Run") -> tuple[float, float]:
    """Steps at which the stationary policy is measured: that of the path, and twice that."""
    eta = run.option("step_size", LANGEVIN)
    return eta, 2 * eta


@dataclass(frozen=True, eq=False)
class Stationary:
    """The stationary policy at every step size: its gap E (steps,), constants and C_LS (steps, state)."""

    gap: "wc.Measured"
    constants: StepConstants
    C_LS: "wc.Bracket"

    @property
    def order(self) -> "wc.Measured":
        """log_2 of the ratios of gaps at steps that double, with the interval that errors leave."""
        known = self.gap.value > self.gap.error
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(known, np.log2(self.gap.value), 0.0)
            off = np.where(known, -np.log2(1.0 - self.gap.error / self.gap.value), np.inf)
        return wc.Measured.of(np.diff(logs), gap=off[1:] + off[:-1])


def stationary(run: "wc.Run", etas: Sequence[float]) -> Stationary:
    """Policies a long time after the optimal one; error "stationarity": the change of the second half."""
    start, mdp = run.true.smooth_policies["optimal"], run.mdp
    half = [int(np.ceil(LONG / (2 * eta) - 1e-9)) for eta in etas]
    paths = [
        run.measured.path(wc.WPGD(eta), start, steps=2 * count, samples=2)
        for eta, count in zip(etas, half, strict=True)
    ]
    before, V = (wc.stack([path.measured[k] for path in paths]) for k in (1, 2))
    earlier, found = (
        step_constants(mdp, wc.drift_tables(mdp), [path.policies[k] for path in paths], values)
        for k, values in ((1, before), (2, V))
    )

    def settled(now: "wc.Measured", then: "wc.Measured") -> "wc.Measured":
        return now.with_error("stationarity", now.value - then.value)

    best = run.solution.measured
    return Stationary(
        settled((best - V).sup(), (best - before).sup()),
        replace(
            found,
            second=settled(found.second, earlier.second),
            fourth=settled(found.fourth, earlier.fourth),
        ),
        wc.Bracket.stack([part(run.gibbs_constants(path).at, 2) for path in paths]),
    )


def worst(bracket: "wc.Bracket", axis: int | None = -1) -> "wc.Bracket":
    """The largest of all states, or (None) of all steps and states."""
    low, high = (np.asarray(x.max(axis=axis)) for x in (bracket.lower, bracket.upper))
    return wc.Bracket(low, high, bracket.how_lower, bracket.how_upper)


@check(
    "wpgd-global",
    cases=CASES,
    controls=CONTROLS,
    kind="continuum",
    actions="continuum",
    options=LANGEVIN,
)
def wpgd_global(run: "wc.Run") -> Iterator[Item]:
    """Gaps along a path and at stationarity, against constants measured there."""
    yield (smooth := lipschitz(run))
    yield unreflected(run)
    if not smooth.holds:
        if run.mdp.smooth is not None and confined(run, "H1").holds:
            yield vanishing(stationary(run, lengths(run)))
        return
    path = every_step(run)
    found, C_LS, W = steps(run, path), at_steps(run, path), gaps(run, path)
    E, moment = W.sup(), found.constants.second.sup()
    rest = {"tau": run.mdp.tau, "gamma": run.mdp.gamma, "dim": run.mdp.grid.dim}
    eta = path.method.step
    yield at_most(
        "E_{k+1} <= (1 - (1-gamma)c) E_k + tau delta / (1-gamma)",
        E[1:],
        bounds.gap_step.given(gap=E[:-1], moment=moment),
        over="step",
        C_LS=worst(C_LS),
        L_b=worst(found.constants.L_b),
        eta=eta,
        **rest,
    )
    yield at_most(
        "W_{k+1} <= (I - D_c(I - gamma P*)) W_k + tau delta / (1-gamma)",
        W[1:],
        bounds.gaps_step.given(
            gaps=W[:-1], kernel=optimal_kernel(run), moment=found.constants.second
        ),
        over="step state",
        C_LS=C_LS,
        L_b=found.constants.L_b,
        eta=eta,
        **rest,
    )
    yield at_most(
        "E_k <= (1 - (1-gamma)c)^k E_0 + tau delta / ((1-gamma)^2 c)",
        E[1:],
        bounds.gap_after.given(
            start=E[0], moment=moment.sup(), count=np.arange(1.0, len(path.times))
        ),
        over="step",
        C_LS=worst(C_LS, None),
        L_b=worst(found.constants.L_b, None),
        eta=eta,
        **rest,
    )
    settled = stationary(run, lengths(run))
    yield at_most(
        "stationary E <= tau delta / ((1-gamma)^2 c)",
        settled.gap,
        bounds.plateau.given(moment=settled.constants.second.sup()),
        over="eta",
        C_LS=worst(settled.C_LS),
        L_b=worst(settled.constants.L_b),
        eta=np.array(lengths(run)),
        **rest,
    )
    if max(lengths(run)) * float(settled.constants.L_b.upper.max()) <= 1.0:
        yield vanishing(settled)


def vanishing(settled: Stationary) -> Item:
    """The order of what is left at rest: the one claim with a meaning where L_b is infinite.

    An order says nothing of long steps: on a circle the gap saturates.
    """
    return at_least(
        "stationary E vanishes like eta or faster",
        settled.order,
        bounds.order.given(),
        over="doubling",
        least=1.0,
    )
