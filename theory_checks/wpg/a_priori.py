"""a-priori  Constants of the Langevin update from the data alone, by a fixed point in the values.

Setting.     |r| ≤ R_max (centred), KL(π_0‖μ) ≤ K_0, E|a_0|² ≤ M_0; G_r, L_r, G_p, L_p of `drift-regularity`;
             E_0 = (2R_max + τK_0)/(1−γ). F(v) = R_max/(1−γ) + max(E_0, τδ/((1−γ)²c))/2 where, at v,
             osc q = 2(R_max + γv), C_LS = C_LS(μ)e^{osc(q)/τ}, L_b = β + L_r + γL_p v, G = G_r + γG_p v,
             M = max(M_0, (2/β)(G²/β + 2ηG² + 2τd)), B² = 2β²M + 2G² (β = 0: G²), and δ, c from these.
Hypotheses.  (H1) The drift is Lipschitz.  (H2) No boundary: the update is not reflected.
             (H3) The step is feasible: F has a fixed point (and η ≤ 1/(4β) on R^d).
Claim.       At the least fixed point v, for all k: osc(V_k)/2 ≤ v, osc q_k ≤ osc q, C_LS(p_k) ≤ C_LS,
             E|a|² ≤ M, E|b_k|² ≤ B², |b(a)−b(a')| ≤ L_b|a−a'|, E_k ≤ max(E_0, τδ/((1−γ)²c)). The feasible
             steps are an interval (0, η_0]: F(v) ≤ v has a solution just below η_0, none just above.
Tight for.   The end η_0 of the feasible steps.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Proposition 4.14.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import wconv as wc
from theory_checks.wpg import LANGEVIN, gaps, langevin
from theory_checks.wpg.one_step_kl import MILD, lipschitz, unreflected
from wconv.constants.a_priori import LargestStep, a_priori_log
from wconv.constants.langevin import action_moment, drift, half_oscillation
from wconv.theory import Bound, Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import bellman
from wconv.theory.bounds import wpg_langevin as bounds

CASES = [
    MILD,
    replace(MILD, tier="all", start="reference"),
    case("ring", tier="all", discount=0.1, amplitude=0.1),
    case("gaussian-line", tier="all", discount=0.5, amplitude=0.1, temperature=2.0),
    case("ring", tier="all", discount=0.5, amplitude=0.02, start="pushed"),
    case("ring", tier="all", discount=0.5, amplitude=0.05, temperature=1.0, start="pushed"),
    case(
        "quadratic-bandit",
        tier="all",
        discount=0.3,
        curvature=0.02,
        expect="INAPPLICABLE",
        fails="H2",
    ),
    case("gaussian-line", expect="INAPPLICABLE", fails="H3"),
]
CONTROLS = [
    control("constant of the reference too small", on=MILD, constants={"reference": 0.6}),
    control("a step a tenth longer", on=MILD, constants={"eta": 1.1}),
    control("confinement left out in part", on=MILD, constants={"beta": 0.9}),
]
POINTS = 4000
"""Points, at equal ratios, at which F is compared with the diagonal."""

BESIDE = 1e-3, 0.05
"""How far below and above η_0, relatively, F is looked at."""


def data_of(found: "wc.Assumptions", eta: float) -> dict[str, Any]:
    """The assumptions and the step by their names in the bounds."""
    same = ("R_max", "G_r", "L_r", "G_p", "L_p", "K_0", "M_0", "beta", "dim")
    return {name: getattr(found, name) for name in same} | {
        "tau": found.temperature,
        "gamma": found.discount,
        "reference": float(np.exp(found.log_reference)),
        "eta": eta,
    }


@check(
    "a-priori",
    cases=CASES,
    controls=CONTROLS,
    kind="continuum",
    actions="continuum",
    options=LANGEVIN,
)
def a_priori(run: "wc.Run") -> Iterator[Item]:
    """What happens along a path against the calculator, and the end of the feasible steps."""
    yield (smooth := lipschitz(run))
    yield unreflected(run)
    if not smooth.holds:
        yield condition("H3", True, "not measured")
        return
    found = wc.assumptions_of(run.mdp, run.start)
    end, eta = wc.largest_step(found), langevin(run).method.step
    fits = eta <= end.value
    yield condition("H3", fits, f"step {eta:g}, {end}")
    if fits:
        yield from along_the_path(run, data_of(found, eta), wc.a_priori(found, eta).v)
        yield from feasible(found, end)


def along_the_path(run: "wc.Run", data: Mapping[str, Any], v: float) -> Iterator[Item]:
    """Quantities at every sampled policy, each against its constant."""
    path = langevin(run)
    V, policies = path.measured, path.policies
    b = drift(run.system, wc.drift_tables(run.system), V)
    oscillation = wc.stack([wc.q_oscillation(run.system, V[k]) for k in range(len(policies))])
    C_LS = wc.Measured.of(run.gibbs_constants(path).at.lower)
    moments = "M_0 G_r G_p beta gamma tau eta dim"
    claims: list[tuple[str, wc.Measured, Bound, str]] = [
        ("osc q", oscillation, bounds.a_priori_oscillation, "R_max gamma"),
        ("C_LS", C_LS, bounds.a_priori_log_sobolev, "reference R_max gamma tau"),
        ("E|b|^2", b.moment(policies, 2), bounds.a_priori_drift_moment, moments),
        ("L_b", b.quotient(), bounds.drift_lipschitz, "beta L_r L_p gamma"),
        ("V* - V", gaps(run, path), bounds.a_priori_gap, " ".join(data)),
    ]
    if data["beta"] > 0:
        claims.append(("E|a|^2", action_moment(policies), bounds.a_priori_moment, moments))
    for name, measured, bound, names in claims:
        yield at_most(
            f"{name} <= its a-priori constant",
            measured,
            bound.given(v=np.full(measured.value.shape, v)),
            over="time state",
            **{x: data[x] for x in names.split()},
        )
    half = half_oscillation(V)[:, 0]
    most = bellman.itself.given(value=np.full(half.value.shape, v))
    yield at_most("osc(V)/2 <= v", half, most, over="time")


def feasible(found: "wc.Assumptions", end: LargestStep) -> Iterator[Item]:
    """F at the fixed point just below η_0, and above the diagonal just above it."""
    if end.end != "values":
        return  # the moments end the steps first, or without a future nothing does
    below, above = end.log_lower + np.log1p(-BESIDE[0]), end.log_upper + np.log1p(BESIDE[1])
    v = a_priori_log(found, below).v
    yield at_least(
        "just below eta_0: v >= F(v)",
        v,
        bounds.a_priori_map.given(v=v),
        **data_of(found, float(np.exp(below))),
    )
    # F is at least the first point everywhere. Up to the last it has grown by e^5 beyond v through
    # C_LS alone: there it is far above the diagonal and steeper, and stays so as it is convex.
    start = found.R_max / (1 - found.discount) + found.E_0 / 2
    mesh = np.geomspace(start, v + 2.5 * found.temperature / found.discount, POINTS)
    # F increases: F(u) ≥ F(v_i) > v_{i+1} ≥ u for every u between two points.
    yield at_most(
        "just above eta_0: v < F(v)",
        mesh[1:],
        bounds.a_priori_map.given(v=mesh[:-1]),
        over="mesh",
        **data_of(found, float(np.exp(above))),
    )
