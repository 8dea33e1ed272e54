"""wpg-uniform-lsi  All Gibbs policies of the flow have one log-Sobolev constant.

Setting.     The flow on a continuum of actions; p_t ∝ exp(q_t/τ)μ, and C_LS(μ) in closed form: scale² of a
             Gaussian (that is τ/β), (L/π)² on an interval or box of longest side L, (L/2π)² on a circle.
Hypotheses.  (H1) The actions form a continuum.  (H2) r is bounded (as in wpg-bounds), and K_0 is finite.
             (H3) C_LS(μ) is finite: its tails are Gaussian.
Claim.       |log C_LS(p_t) − log C_LS(μ)| ≤ osc(q_t)/τ in every state, and ≤ 2(R_max+γV_max)/τ: all constants
             lie between C_LS(μ)exp(−2(R_max+γV_max)/τ) and C_LS(μ)exp(2(R_max+γV_max)/τ).
Tight for.   No reward; wells whose barriers are as high as rewards differ, cold; a ceiling otherwise.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Lemmas 3.6 and 4.10.
"""

from collections.abc import Iterator

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from theory_checks.wpg import COLD, HEAVY, LINE, RING, TRANSLATE, WELL, flow, of_reference
from theory_checks.wpg.wpg_bounds import bounded, largest_reward, start_divergence
from wconv.theory import Item, at_most, case, check, control, finite
from wconv.theory.bounds import wpg_flow as bounds

WELLS = case(
    "gaussian-line", tier="all", discount=0.0, amplitude=-1.0, confinement=0.1, temperature=0.3
)
"""Metastable: log C_LS is .62 of osc(q)/τ."""

CASES = [
    TRANSLATE,
    WELL,
    WELLS,
    RING,
    LINE,
    COLD,
    HEAVY,
    case("product-2d", tier="all", resolution=32),
    case("quadratic-line", tier="all", expect="INAPPLICABLE", fails="H2"),
    case("heavy-tails", tier="all", expect="INAPPLICABLE", fails="H3"),
]
CONTROLS = [
    control("largest reward understated", on=TRANSLATE, constants={"R_max": 0.125}),
    control("temperature overstated", on=TRANSLATE, constants={"tau": 8.0}),
    control("flow at a low temperature", on=WELL, dynamics={"temperature": 0.2}),
]


def reward_supremum(mdp: "wc.MDP") -> "wc.Bracket":
    """sup|r| within the grid's reach: the largest on a finer mesh, ends of the space included.

    Between its points r exceeds them by at most an eighth of the second differences.
    """
    grid, finer = mdp.grid, 16 if mdp.grid.dim == 1 else 4
    if mdp.smooth is None:
        return wc.Bracket.exact(largest_reward(mdp))
    half = np.asarray(grid.spacing) / 2
    low, high = grid.nodes.min(axis=0) - half, grid.nodes.max(axis=0) + half
    axes = [np.linspace(a, b, finer * n + 1) for a, b, n in zip(low, high, grid.shape, strict=True)]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    states = np.arange(mdp.n_states).reshape(-1, *(1,) * grid.dim)
    r = np.asarray(mdp.smooth.reward(states, mesh[None]), dtype=float)
    bend = sum(float(np.abs(np.diff(r, n=2, axis=k)).max()) for k in range(1, r.ndim))
    top = float(np.abs(r).max())
    return wc.Bracket(np.asarray(top), np.asarray(top + bend / 8))


@check("wpg-uniform-lsi", cases=CASES, controls=CONTROLS, kind="continuum", actions="continuum")
def wpg_uniform_lsi(run: "wc.Run") -> Iterator[Item]:
    """Measured constants along the flow against Holley–Stroock and the a-priori bound."""
    yield (continuum := on_a_continuum(run))
    yield bounded(run, "H2")
    yield (gaussian := finite("H3", C_LS=of_reference(run.mdp) if continuum.holds else np.nan))
    if not (continuum.holds and gaussian.holds):
        return
    mdp, path = run.mdp, flow(run)
    C = run.measured.gibbs_constants(path).at
    change = wc.Bracket(np.log(C.lower), np.log(C.upper)).measured - np.log(of_reference(mdp))
    V = path.measured
    spread = wc.stack([wc.q_oscillation(mdp, V[k]) for k in range(len(path.times))])
    yield at_most(
        "|log C_LS(p_t) / C_LS(mu)| <= osc(q_t) / tau",
        abs(change),
        bounds.log_perturbed.given(oscillation=spread),
        over="time state",
        tau=mdp.tau,
    )
    sup = reward_supremum(mdp)
    everywhere = np.ones_like(change.value)
    yield at_most(
        "|log C_LS(p_t) / C_LS(mu)| <= 2 (R + gamma V_max) / tau",
        abs(change),
        bounds.log_uniform.given(),
        over="time state",
        R_max=wc.Bracket(sup.lower * everywhere, sup.upper * everywhere),
        K_0=start_divergence(run),
        gamma=mdp.gamma,
        tau=mdp.tau,
    )
