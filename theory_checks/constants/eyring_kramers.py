"""eyring-kramers  Between two wells constants grow like e^{ΔV/τ}, with a known prefactor.

Setting.     Contexts whose reward has two wells, V = −r; the Gibbs policy at falling temperatures τ.
             P, Q are the masses of the wells, R = ∫ da/ρ between their bottoms, Λ = (P−Q)/(log P − log Q)
             their logarithmic mean, ΔV the barrier seen from the shallower well.
Hypotheses.  (H1) The reward has exactly two wells in every state.  (H2) The barrier is at least 4τ (an
             asymptotic statement says nothing above).
Claim.       C_P/(PQR) → 1;  C_LS/C_P → 1/(2Λ);  Δ log C_P/Δ(1/τ) → ΔV: each error falls at least like √τ
             from one temperature to the next.
Tight for.   —
Reference.   docs/theory.md, section 3; Menz, Schlichting (Ann. Probab. 42, 2014).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from wconv.theory import Item, at_least, at_most, case, check, condition, control
from wconv.theory.bounds import constants as bounds

FALL = np.array([1.0, 0.75, 0.55, 0.4])
"""Temperatures as shares of the first."""

TILTED = case("tilted-double-well", discount=0.0, temperature=0.2, tilt=0.1)
CASES = [
    TILTED,
    case("double-well", discount=0.0, temperature=0.2),
    case("quadratic-bandit", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("prefactor a tenth too small", on=TILTED, constants={"prefactor": 0.9}),
    control("measured at a lower temperature", on=TILTED, dynamics={"temperature": 0.9}),
]


class Wells(NamedTuple):
    """Of two wells, in every state: capacity p·q·R, 1/(2Λ) and the barrier ΔV, each (S,)."""

    capacity: np.ndarray
    log_mean: np.ndarray
    barrier: np.ndarray


def bottoms(r: np.ndarray) -> np.ndarray:
    """The nodes of the interior maxima of a reward (A,)."""
    return 1 + np.flatnonzero((r[1:-1] > r[:-2]) & (r[1:-1] >= r[2:]))


def top(r: np.ndarray, node: int) -> float:
    """The extreme value of the parabola through a node and its neighbours."""
    left, middle, right = r[node - 1 : node + 2]
    return float(middle - (right - left) ** 2 / (8 * (right - 2 * middle + left)))


def wells(mdp: "wc.MDP") -> Wells:
    """Masses, capacity and barrier of the Gibbs law of r, by sums over nodes."""
    density = wc.gibbs(mdp, mdp.r).lebesgue
    rows = []
    for r, rho in zip(mdp.r, density, strict=True):
        one, two = bottoms(r)
        saddle = one + int(r[one:two].argmin())
        p = float(rho[:saddle].sum() * mdp.grid.cell)
        q = float(rho[saddle:].sum() * mdp.grid.cell)
        resistance = float((1 / rho[one : two + 1]).sum() * mdp.grid.cell)
        gap = np.log(p / q) / (p - q) / 2 if abs(p - q) > 1e-6 else 1.0
        shallow = min(top(r, one), top(r, two))
        rows.append((p * q * resistance, gap, shallow - top(r, saddle)))
    return Wells(*np.array(rows).T)


@check("eyring-kramers", cases=CASES, controls=CONTROLS, kind="continuum", actions="line")
def eyring_kramers(run: "wc.Run") -> Iterator[Item]:
    """Ratios to the asymptotic forms at four temperatures, against those at the one before."""
    line = bool(on_a_continuum(run).holds) and run.mdp.grid.dim == 1
    counts = {len(bottoms(r)) for r in run.mdp.r} if line else {0}
    yield condition("H1", counts == {2}, f"wells in a state: {sorted(counts)}")
    if counts != {2}:
        yield condition("H2", True, "not measured")
        return
    lowest = float(wells(run.mdp).barrier.min() / run.mdp.tau)
    yield condition("H2", lowest >= 4.0, f"the lowest barrier is {lowest:.3g} tau")
    if lowest < 4.0:
        return
    measured = [run.system.replace(temperature=run.system.tau * f) for f in FALL]
    found = [wc.inequalities(wc.gibbs(mdp, mdp.r)) for mdp in measured]
    predicted = [wells(run.mdp.replace(temperature=run.mdp.tau * f)) for f in FALL]
    capacity, log_mean, barrier = (np.stack(x) for x in zip(*predicted, strict=True))
    poincare = wc.stack([x.poincare.measured for x in found])
    log_sobolev = wc.stack([x.log_sobolev.measured for x in found])
    logs = np.log(poincare.value)
    cold = 1.0 / (run.mdp.tau * FALL)[:, None]
    slope = wc.Measured.of(
        np.diff(logs, axis=0) / np.diff(cold, axis=0) / barrier[1:],
        bracket=(poincare.error / poincare.value)[1:] * 2 / np.diff(cold, axis=0),
    )
    asymmetric = bool((np.abs(log_mean - 1.0) > 1e-3).all())
    for name, ratio in (
        ("C_P / PQR", poincare / capacity),
        *([("C_LS / C_P", log_sobolev / poincare / log_mean)] if asymmetric else []),
        ("slope / barrier", slope),
    ):
        share = (FALL[1:] / FALL[:-1])[-len(ratio.value) + 1 :, None]
        given = {"previous": abs(ratio[:-1] - 1.0), "ratio": share}
        for words, sense, bound in (
            ("<= 1 + falling", at_most, bounds.at_most_falling),
            (">= 1 - falling", at_least, bounds.at_least_falling),
        ):
            yield sense(
                f"{name} {words}",
                ratio[1:],
                bound.given(**given),
                over="temperature state",
                prefactor=1.0,
            )
