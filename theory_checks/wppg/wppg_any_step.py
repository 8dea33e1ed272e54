"""wppg-any-step  The proximal scheme converges linearly in sup norm, whatever its step size.

Setting.     π_{k+1} = argmax ∫q^{π_k}dπ − τKL(π‖μ) − W²(π, π_k)/(2η), p_k ∝ exp(q^{π_k}/τ)μ.
Hypotheses.  (H1) The actions form a continuum in which constants are sharp: a line or a circle.
             (H2) C_LS(p_k) is finite in every state. (H3) KL(π_k‖p_k) > 0 in every state but those
             at rest, and not all are.
Claim.       KL(π_{k+1}‖p_k) ≤ (1+ητ/C_LS)^{-2}KL(π_k‖p_k) in every state, hence with c = 1−(1+ητ/C_LS)^{-2}
             of the worst state E_{k+1} ≤ (1−(1−γ)c)E_k, state by state
             W_{k+1} ≤ (I − D_c(I−γP_{π*}))W_k, and at last E_{k+1}/E_k ≤ 1−c + c(γ/(1−γ))(γE_k/4τ +
             √((1−c)E_k/2τ)). At discount 0, where p_k = π*, also from π_0 = g²π*, g the log-Sobolev
             extremal of π*, where C_P cannot replace C_LS: written with C_P + share·(C_LS − C_P), share = 1.
Tight for.   Translated Gaussians at discount 0, every step size; short steps from log-Sobolev extremals. With
             discount, to .62 of it, where the optimal policy stays and the present one leaves.
Reference.   docs/theory.md, section 5.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import wconv as wc
from theory_checks.wpg import HALFWAY, gaps, moving, part
from theory_checks.wpg.gap_matrix import optimal_kernel
from theory_checks.wpg.wpg_frozen import PLANE, divergences, each_step, on_a_line
from theory_checks.wppg import LINE, LONG, SHORT, STEP, TOL, TRANSLATE, ZOO, proximal
from wconv.theory import Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wppg as bounds

STEPS = (0.05, 1.0, LONG)
"""Lengths of single steps from the start, beside those of the path."""

FAINT = 0.01
"""Where C_LS exceeds C_P by no more, its extremal is nearly constant: a step certified to TOL may rest."""

SHARP = replace(TRANSLATE, tight=0.95)
FINE_LINE = replace(LINE, parameters={"resolution": 256})
"""Atoms against cells cost h², of which gaps of late steps are a small part."""

SLOPE = case("tilted-double-well", discount=0.0, temperature=0.15, barrier=0.0, tight=0.98)
"""p ∝ e^{2a} between walls, six of its lengths apart: C_LS is well above C_P, and attained."""

CASES = [*(FINE_LINE if c is LINE else c for c in ZOO[1:]), SHARP, SLOPE, HALFWAY, PLANE]
CONTROLS = [
    control("constant a twentieth too small", on=SHARP, constants={"C_LS": 0.95}),
    control("steps a twentieth too long", on=SHARP, constants={"eta": 1.05}),
    control("a system a fifth colder", on=SHARP, dynamics={"temperature": 0.8}),
    control("discount halved", on=HALFWAY, constants={"gamma": 0.5}),
    control("nearly the Poincare constant", on=SLOPE, constants={"share": 0.1}),
]


def asked(run: "wc.Run") -> bool:
    """Whether somebody asked for a length of steps, and gets no other."""
    return bool(run.options["step_size"] != STEP["step_size"])


def extremal(run: "wc.Run") -> "wc.Policy | None":
    """g²π* with the g that attains C_LS(π*) if that exceeds C_P; not on R, where it lives in the tails."""
    best = run.true.solution.policy
    known = run.true.inequalities(best)
    found = known.log_sobolev.witness
    beats = (known.log_sobolev.lower > (1 + FAINT) * known.poincare.upper).all()
    if best.grid.truncation or not beats or found is None:
        return None
    a, each = best.grid.nodes[:, 0], zip(found.nodes, found.values, strict=True)
    square = np.stack([2 * np.interp(a, nodes, np.log(g)) for nodes, g in each])
    return wc.softmax_policy(best.logf + square, best.grid)


def from_extremal(run: "wc.Run", start: "wc.Policy") -> Item:
    """Single steps at discount 0 from where KL falls as slowly as C_LS(π*) allows."""
    known = run.true.inequalities(run.true.solution.policy)
    lengths = (run.options["step_size"],) if asked(run) else (SHORT, *STEPS[1:])
    paths = [run.measured.path(wc.WPPG(eta, tol=TOL), start, steps=1) for eta in lengths]
    steps = [divergences(run.mdp, path, 0) for path in paths]
    old, new = (wc.stack(each) for each in zip(*steps, strict=True))
    return at_most(
        "from the extremal: KL(pi_1|p) / KL(pi_0|p) <= 1-c, C_P + share (C_LS - C_P) in it",
        new / old,
        bounds.kl_factor_between.given(),
        over="step state",
        C_P=known.poincare,
        C_LS=known.log_sobolev,
        share=1.0,
        tau=run.mdp.tau,
        eta=np.reshape(lengths, (-1, 1)),
    )


@check(
    "wppg-any-step", cases=CASES, controls=CONTROLS, kind="continuum", actions="line", options=STEP
)
def wppg_any_step(run: "wc.Run") -> Iterator[Item]:
    """Six steps of the shared path, and single short and long ones from its start."""
    yield (line := on_a_line(run))
    if not line.holds:
        yield from (finite("H2", C_LS=float("nan")), finite("H3", KL=float("nan")))
        return
    path = proximal(run)
    found = run.gibbs_constants(path)
    yield finite("H2", C_LS=found.at)
    others = () if asked(run) else STEPS
    paths = [path, *(run.path(wc.WPPG(eta, tol=TOL), steps=1) for eta in others)]
    steps = [step for p in paths for step in each_step(run, p)]
    old, new, before, after = (wc.stack(each) for each in zip(*steps, strict=True))
    states = moving(old)
    least = float(old.lower[:, states].min(initial=np.inf))
    yield condition(
        "H3", len(states) > 0 and least > 0, f"KL(pi_k|p_k) >= {least:.3g} in {len(states)} states"
    )
    if not len(states):
        return
    k = [k for p in paths for k in range(len(p.times) - 1)]
    eta = np.repeat([p.method.step for p in paths], [len(p.times) - 1 for p in paths])
    problem = {"tau": run.mdp.tau, "gamma": run.mdp.gamma}
    yield at_most(
        "KL(pi_{k+1}|p_k) / KL(pi_k|p_k) <= 1-c",
        new[:, states] / old[:, states],
        bounds.kl_factor.given(),
        over="step moving",
        C_LS=part(found.at, np.ix_(np.array(k), states)),
        tau=run.mdp.tau,
        eta=eta[:, None],
    )
    yield at_most(
        "E_{k+1} / E_k <= 1-(1-gamma)c",
        after / before,
        bounds.gap_factor.given(),
        over="step",
        C_LS=part(found.worst_at, k),
        eta=eta,
        **problem,
    )
    yield at_most(
        "E_{k+1} / E_k <= 1-c + c gamma/(1-gamma) (...)",
        after / before,
        bounds.newton_factor.given(gap=before),
        over="step",
        C_LS=part(found.worst_at, k),
        eta=eta,
        **problem,
    )
    W = gaps(run, path)
    E = W[:-1].sup(keepdims=True)
    yield at_most(
        "W_{k+1} <= (I - D_c(I - gamma P*)) W_k",
        W[1:] / E,
        bounds.gaps_after_step.given(gaps=W[:-1] / E, kernel=optimal_kernel(run)),
        over="step state",
        C_LS=part(found.at, slice(-1)),
        eta=path.method.step,
        **problem,
    )
    if run.mdp.gamma == 0 and (start := extremal(run)) is not None:
        yield from_extremal(run, start)
