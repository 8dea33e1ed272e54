"""wppg-lin  Above a threshold of the step, the proximal scheme converges at the rate of the discount.

Setting.     Exact steps; π* optimal, ν* the stationary law of P_{π*}, Δ_k = E_{ν*}[V*−V^k],
             D_k = E_{ν*}W²(π*, π_k).
Hypotheses.  (H1) The actions form a line or a circle: on a finite set no T2 constant is finite, and steps too
             short for any mass to move leave the policy where it is.
             (H2) Every π_{k+1} has a T2 constant of at most C_T, and η ≥ C_T/(γτ).
Claim.       Φ_{k+1} ≤ γΦ_k with Φ_k = Δ_k + (τ/2C_T)D_k, hence Δ_k ≤ γ^kΦ_0.
Tight for.   Nothing: T2 and the discount are not equalities at one time. A sixth of the right side is used
             by translated Gaussians a little above the threshold.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Theorems 1 and 4.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.wpg.wpg_frozen import on_a_line
from theory_checks.wppg import TOL
from theory_checks.wppg.wppg_one_step import averages
from wconv.theory import Hypothesis, Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wppg as bounds

SHIFT = case("gaussian-line", discount=0.9, amplitude=0.05, start="pushed", tight=0.1)
WELL = case("tilted-double-well")
FROZEN = case("garnet", expect="INAPPLICABLE", fails="H1")
CASES = [
    SHIFT,
    WELL,
    case("ring", tier="all"),
    case("heavy", tier="all", discount=0.9),
    FROZEN,
    case("tilted-double-well", tier="all", temperature=0.05, expect="INAPPLICABLE", fails="H2"),
]
CONTROLS = [
    control("a quarter of the discount", on=SHIFT, constants={"gamma": 0.15}),
    control("a tenth of the right side", on=SHIFT, constants={"bound": 0.1}),
]
CHOSEN = {"step_size": None}
"""None is a step a little above the threshold."""

LONGEST = 50.0
"""Steps are taken no longer than this."""


def step_for(run: "wc.Run", kappa: float) -> float:
    """A power of 2^{1/4}, the first from κ·C_LS(π*)/τ on: the same on every grid, but for bad luck.

    Its κ for the policies on the way is measured afterwards.
    """
    C = run.true.inequalities(run.true.solution.policy).log_sobolev.upper.max()
    return min(float(2.0 ** (np.ceil(4 * np.log2(kappa * C / run.mdp.tau)) / 4)), LONGEST)


def transport_constant(run: "wc.Run", path: "wc.Path") -> "wc.Bracket":
    """The largest C_T of any state of π_1, π_2, …, between C_P and C_LS."""
    found = [run.inequalities(policy) for policy in path.policies[1:]]
    return wc.Bracket(
        np.max([c.poincare.lower.max() for c in found]),
        np.max([c.log_sobolev.upper.max() for c in found]),
        "C_P",
        "C_LS",
    )


def continuum(run: "wc.Run") -> "Hypothesis":
    """H1, and on a finite set the longest step that leaves some state where it is, of all policies."""
    line = on_a_line(run)
    if not run.mdp.grid.is_finite_set:
        return line
    # The optimal policy rests at every step, up to what its rounding makes of it.
    others = {name: policy for name, policy in run.policies.items() if name != "optimal"}
    longest = {n: wc.longest_frozen_step(run.evaluate(p)).max() for n, p in others.items()}
    name = max(longest, key=longest.__getitem__)
    frozen = f"steps up to {longest[name]:.3g} leave a state of the {name} policy where it is"
    return condition("H1", False, f"the actions are a finite set: {frozen}")


@check("wppg-lin", cases=CASES, controls=CONTROLS, kind="continuum", actions="line", options=CHOSEN)
def wppg_lin(run: "wc.Run") -> Iterator[Item]:
    """Three steps of a length a little above the threshold."""
    yield (line := continuum(run))
    if not line.holds:
        yield finite("H2", C_T=float("nan"))
        return
    mdp = run.mdp
    if mdp.gamma == 0:
        yield condition("H2", False, "at discount 0 no step is long enough")
        return
    given = run.options["step_size"]
    eta = step_for(run, 1.2 / mdp.gamma) if given is None else given
    path = run.path(wc.WPPG(eta, tol=TOL), steps=3)
    C_T, found = transport_constant(run, path), averages(run, path, wc.w2_squared)
    least = float(C_T.upper / (mdp.gamma * mdp.tau))
    yield condition("H2", least <= eta, f"eta = {eta:g}, C_T/(gamma tau) <= {least:.3g}")
    yield at_most(
        "Phi_{k+1} <= gamma Phi_k",
        found.gap[1:],
        bounds.lyapunov.given(gap=found.gap[:-1], far=found.far[:-1], next_far=found.far[1:]),
        over="step",
        C_T=C_T,
        tau=mdp.tau,
        gamma=mdp.gamma,
    )
