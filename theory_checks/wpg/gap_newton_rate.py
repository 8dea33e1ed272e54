"""gap-newton-rate  The factor 1−γ is not in the asymptotic rate of the flow and its steps.

Setting.     Frozen steps, implicit steps and the flow from near the optimum; E = max W, W = V* − V.
Hypotheses.  (H1) The actions form a line or a circle.  (H2) C_LS(p) is finite in every state.
             (H3) E > 0: the inequalities are taken in units of E.
Claim.       E_{k+1} ≤ [1−c + (cγ/(1−γ))(γE_k/4τ + √((1−c)E_k/2τ))]E_k with 1−c = (1+2τη/(mC_LS))^{-m} of the
             worst state, and along the flow V̇ ≥ λ[W − (γ/(1−γ))(γE/4τ + √(E/2τ))E] in every state,
             λ = 2τ/C_LS (written with W/E alone on one side): the asymptotic rates are 1−c and 2τ/C_LS.
Tight for.   Translated Gaussians at discount 0; with discount as E → 0. Where E ≫ τ/(1−γ) what is taken off
             is needed, and many times too large.
Reference.   docs/theory.md, section 4.
"""

from collections.abc import Iterator
from dataclasses import replace

import wconv as wc
from theory_checks.wpg import LEAVING, TRANSLATE, flow, frozen, gaps, implicit, part
from theory_checks.wpg.wpg_frozen import PLANE, on_a_line
from wconv.theory import Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wpg_steps as bounds

SHIFT = replace(TRANSLATE, tight=0.95)
GENTLE = case("gaussian-line", discount=0.5, amplitude=0.02, start="pushed")
CASES = [
    SHIFT,
    GENTLE,
    LEAVING,
    case("gaussian-line", discount=0.5, start="pushed", tier="all"),
    case("ring", discount=0.5, start="pushed", tier="all"),
    case("tilted-double-well", discount=0.5, start="pushed", tier="all"),
    case("heavy", temperature=1.0, start="pushed", tier="all"),
    PLANE,
]
CONTROLS = [
    control("constants a fifth too small", on=SHIFT, constants={"C_LS": 0.8}),
    control("steps a fifth too long", on=SHIFT, constants={"eta": 1.2}),
    control("a system a fifth colder", on=SHIFT, dynamics={"temperature": 0.8}),
]


@check("gap-newton-rate", cases=CASES, controls=CONTROLS, kind="continuum", actions="line")
def gap_newton_rate(run: "wc.Run") -> Iterator[Item]:
    """Ratios of gaps a step, and the velocity of the flow in units of the gap."""
    yield on_a_line(run)
    if run.mdp.grid.is_finite_set:
        yield from (finite("H2", C_LS=float("nan")), finite("H3", E=float("nan")))
        return
    paths = {"frozen": frozen(run), "implicit": implicit(run), "flow": flow(run)}
    found = {name: run.gibbs_constants(path) for name, path in paths.items()}
    E = {name: gaps(run, path).sup(keepdims=True) for name, path in paths.items()}
    yield finite("H2", **{name: C.at for name, C in found.items()})
    least = min(float(gap.lower.min()) for gap in E.values())
    yield condition("H3", least > 0, f"E >= {least:.3g}")
    problem = {"tau": run.mdp.tau, "gamma": run.mdp.gamma}
    for name in ("frozen", "implicit"):
        gap, method = E[name][:, 0], paths[name].method
        yield at_most(
            f"{name}: E_{{k+1}} / E_k <= 1-c + c gamma/(1-gamma) (...)",
            gap[1:] / gap[:-1],
            bounds.newton_factor.given(gap=gap[:-1]),
            over="time",
            C_LS=part(found[name].worst_at, slice(-1)),
            eta=method.step,
            resolvents=method.substeps,
            **problem,
        )
    share = gaps(run, paths["flow"]) / E["flow"]
    worst = found["flow"].worst_at
    speed = paths["flow"].measure(wc.value_velocity) / E["flow"]
    yield at_most(
        "flow: W/E <= V'/(lambda E) + gamma/(1-gamma) (...)",
        share,
        bounds.newton_share.given(speed=speed, gap=E["flow"]),
        over="time state",
        C_LS=wc.Bracket(
            worst.lower[:, None], worst.upper[:, None], worst.how_lower, worst.how_upper
        ),
        **problem,
    )
