"""gap-matrix  The vector of gaps contracts state by state, by a matrix of the optimal policy.

Setting.     W_k = V* − V^k along frozen steps, implicit steps and the flow; P_{π*} the optimal kernel.
Hypotheses.  (H1) The actions form a line or a circle.  (H2) C_LS(p) is finite in every state.
             (H3) E_k = max W_k > 0: the inequalities are taken in units of E_k.
Claim.       W_{k+1} ≤ (I − D_c(I−γP_{π*}))W_k in every state, 1−c_s = (1+2τη/(mC_LS(s)))^{-m} with m
             resolvents a step; along the flow W(t') ≤ exp(−(t'−t)D_λ(I−γP_{π*}))W(t) with λ_s = 2τ/C_LS(s),
             the largest constant on the way, and W(t) is at most the ordered product on W(0).
Tight for.   Translated Gaussians at discount 0. With discount where the optimal policy stays and the
             present one leaves.
Reference.   docs/theory.md, section 4.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import wconv as wc
from theory_checks.wpg import LEAVING, TRANSLATE, ZOO, flow, frozen, gaps, implicit, part
from theory_checks.wpg.wpg_frozen import PLANE, on_a_line
from wconv.measured import EPS
from wconv.theory import Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wpg_steps as bounds

SHIFT = replace(TRANSLATE, tight=0.95)
STAY = case("stay-or-leave", tier="all")
CASES = [SHIFT, *ZOO[1:], LEAVING, STAY, PLANE]
CONTROLS = [
    control("constants a fifth too small", on=SHIFT, constants={"C_LS": 0.8}),
    control("steps a fifth too long", on=SHIFT, constants={"eta": 1.2}),
    control("a system a fifth colder", on=SHIFT, dynamics={"temperature": 0.8}),
    control("what comes of other states less a tenth", on=LEAVING, constants={"gamma": 0.9}),
]


def optimal_error(run: "wc.Run") -> float:
    """How far log π* of the true problem may be off at a node, up to a constant a state."""
    best, mdp = run.true.solution, run.mdp
    off = 2 * mdp.contraction * best.error.max() + 8 * EPS * (np.abs(best.Q).max() + mdp.tau)
    return float(off / mdp.tau)


def optimal_kernel(run: "wc.Run") -> "wc.Measured":
    """P_{π*} of the true problem, (S, S)."""
    kernel = run.true.solution.P_pi
    return wc.Measured.of(kernel, solution=np.expm1(optimal_error(run)) * kernel)


@check("gap-matrix", cases=CASES, controls=CONTROLS, kind="continuum", actions="line")
def gap_matrix(run: "wc.Run") -> Iterator[Item]:
    """Steps and intervals one by one, each in units of its first gap, and the flow from its start."""
    yield on_a_line(run)
    if run.mdp.grid.is_finite_set:
        yield from (finite("H2", C_LS=float("nan")), finite("H3", E=float("nan")))
        return
    paths = {"frozen": frozen(run), "implicit": implicit(run), "flow": flow(run)}
    found = {name: run.gibbs_constants(path) for name, path in paths.items()}
    W = {name: gaps(run, path) for name, path in paths.items()}
    yield finite("H2", **{name: C.at for name, C in found.items()}, over=found["flow"].over)
    least = min(float(w.sup().lower.min()) for w in W.values())
    yield condition("H3", least > 0, f"E_k >= {least:.3g}")
    before = {name: w[:-1] / w[:-1].sup(keepdims=True) for name, w in W.items()}
    after = {name: w[1:] / w[:-1].sup(keepdims=True) for name, w in W.items()}
    problem = {"tau": run.mdp.tau, "gamma": run.mdp.gamma}
    kernel = optimal_kernel(run)
    for name in ("frozen", "implicit"):
        yield at_most(
            f"{name}: W_{{k+1}} <= (I - D_c(I - gamma P*)) W_k",
            after[name],
            bounds.gaps_after_step.given(gaps=before[name], kernel=kernel),
            over="time state",
            C_LS=part(found[name].at, slice(-1)),
            eta=paths[name].method.step,
            resolvents=paths[name].method.substeps,
            **problem,
        )
    intervals: dict[str, Any] = {
        "C_LS": found["flow"].over,
        "time": np.diff(paths["flow"].times)[:, None],
    }
    yield at_most(
        "flow: W(t') <= exp(-(t'-t) D(I - gamma P*)) W(t)",
        after["flow"],
        bounds.gaps_after_flow.given(gaps=before["flow"], kernel=kernel),
        over="time state",
        **intervals,
        **problem,
    )
    first = W["flow"][0].sup()
    yield at_most(
        "flow: W(t) <= the product of exponentials W(0)",
        W["flow"][1:] / first,
        bounds.gaps_along_flow.given(gaps=W["flow"][0] / first, kernel=kernel),
        over="time state",
        **intervals,
        **problem,
    )
