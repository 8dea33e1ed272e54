"""one-step-kl  One Langevin step contracts the divergence from the Gibbs policy, up to δ.

Setting.     Consecutive policies of the Langevin update a ← a + ηb_k + √(2τη)ξ on R^d or a torus;
             p_k ∝ e^{q_k/τ}μ, b_k = τ∇log p_k, C_LS of p_k, B² = E|b_k|² under π_k, dimension d.
Hypotheses.  (H1) b_k is L_b-Lipschitz, L_b = β + L_r + γL_p osc(V_k)/2 (`drift-regularity`).  (H2) No
             boundary: the update is not reflected.
Claim.       KL(π_{k+1}‖p_k) ≤ e^{−τη/C_LS}KL(π_k‖p_k) + δ, δ = L_b²(B²η³/(6τ) + dη²/2), in every state,
             whatever the step: those of the path, and (at most KL(π_k‖p_k) + δ) a long one.
Tight for.   Far from p_k and η → 0, where both sides are KL(π_k‖p_k).
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Lemma 4.12.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

import wconv as wc
from theory_checks.wpg import LANGEVIN, LINE, RING, TRANSLATE, confined, langevin, part
from wconv.constants.langevin import StepConstants, step_constants
from wconv.theory import Hypothesis, Item, at_most, case, check, condition, control, finite
from wconv.theory.bounds import wpg_langevin as bounds

MILD = case("gaussian-line", discount=0.5, amplitude=0.02, start="pushed")
"""A future, and still weak enough for the a-priori constants to close at the step of the path."""

SETTLED = case("quadratic-line", discount=0.995, curvature=0.4, start="optimal")
"""From p_k itself, where all that is left of the bound is its bias. Linear drifts: L_2 = 0, p_k stays."""

ROOM = 7.0
"""Standard deviations of the noise of the long step between the middle and the last node."""

CASES = [
    TRANSLATE,
    SETTLED,
    replace(MILD, tier="all"),
    case("ring", tier="all", discount=0.0),
    LINE,
    RING,
    case("gaussian-line", tier="all", start="pushed", temperature=0.25, discount=0.9),
    case("ring", tier="all", start="pushed", temperature=0.25, coupling=4.0),
    case("tilted-double-well", tier="all", expect="INAPPLICABLE", fails="H2"),
]
CONTROLS = [
    control("constant too small", on=TRANSLATE, constants={"C_LS": 0.4}),
    control("step too long", on=TRANSLATE, constants={"eta": 3.0}),
    control("bound a twentieth too small", on=TRANSLATE, constants={"bound": 0.95}),
    control("drift less than half as steep", on=SETTLED, constants={"L_b": 0.4}),
]


@dataclass(frozen=True, eq=False)
class Steps:
    """Every step of a path: KL(π_k‖p_k), KL(π_{k+1}‖p_k) and constants, (step, state)."""

    old: "wc.Measured"
    new: "wc.Measured"
    constants: StepConstants


def every_step(run: "wc.Run") -> "wc.Path":
    """The path of ``langevin`` with all of its policies."""
    return run.path(langevin(run).method, steps=80)


def steps(run: "wc.Run", path: "wc.Path") -> Steps:
    """Consecutive policies of the measured system; constants of the true problem."""
    mdp, V, count = run.mdp, path.measured, len(path.times) - 1
    pairs = list(pairwise(path.policies))
    old, new = (
        wc.stack([wc.gibbs_divergence(mdp, pair[side], V[k]) for k, pair in enumerate(pairs)])
        for side in (0, 1)
    )
    constants = step_constants(mdp, wc.drift_tables(mdp), path.policies[:count], V[:count])
    return Steps(old, new, constants)


def long_step(run: "wc.Run") -> "wc.Path":
    """One step from e^{2q*/τ}μ of length 1.5/L_b; on the line, as far as its noise stays on the nodes.

    Beyond 1/L_b the noise overshoots from a policy narrower than p: there dη²/2 is needed.
    """
    best, grid = run.true.solution, run.mdp.grid
    L_b = step_constants(
        run.mdp, wc.drift_tables(run.mdp), [best.policy], wc.stack([best.measured])
    ).L_b
    wide = np.inf if grid.periodic else grid.shape[0] * grid.spacing[0] / 2
    eta = min(1.5 / L_b.upper.max(), (wide / ROOM) ** 2 / (2.0 * run.mdp.tau))
    narrow = wc.gibbs(run.mdp, 2.0 * best.Q)
    return run.measured.path(wc.WPGD(float(eta)), narrow, steps=1)


def at_steps(run: "wc.Run", path: "wc.Path") -> "wc.Bracket":
    """C_LS of p_k at the start of every step, (step, state)."""
    return part(run.gibbs_constants(path).at, slice(-1))


def lipschitz(run: "wc.Run", name: str = "H1") -> Hypothesis:
    """The hypothesis that the drift is Lipschitz, from the regularity of the problem's functions."""
    if run.mdp.smooth is None:
        return condition(name, False, "tables have no drift")
    if not (penalty := confined(run, name)).holds:
        return penalty
    known = wc.regularity(run.mdp)
    return finite(name, L_r=known.L_r, L_p=known.L_p)


def unreflected(run: "wc.Run", name: str = "H2") -> Hypothesis:
    """The hypothesis that actions have no boundary."""
    space = run.mdp.grid.space
    free = isinstance(space, wc.GaussianLine | wc.TailedLine | wc.Torus)
    return condition(name, free, f"actions on a {type(space).__name__}")


@check(
    "one-step-kl",
    cases=CASES,
    controls=CONTROLS,
    kind="continuum",
    actions="continuum",
    options=LANGEVIN,
)
def one_step_kl(run: "wc.Run") -> Iterator[Item]:
    """Divergences from p_k before and after every step of a path."""
    yield (smooth := lipschitz(run))
    yield unreflected(run)
    if not smooth.holds:
        return
    path, once = every_step(run), long_step(run)
    for name, taken, C_LS in (
        (
            "KL(pi_{k+1} | p_k) <= exp(-tau eta / C_LS) KL(pi_k | p_k) + delta",
            path,
            at_steps(run, path),
        ),
        ("a long step: KL(pi' | p) <= KL(pi | p) + delta", once, np.inf),
    ):
        found = steps(run, taken)
        yield at_most(
            name,
            found.new,
            bounds.one_step.given(divergence=found.old, moment=found.constants.second),
            over="step state",
            C_LS=C_LS,
            L_b=found.constants.L_b,
            tau=run.mdp.tau,
            eta=taken.method.step,
            dim=run.mdp.grid.dim,
        )
