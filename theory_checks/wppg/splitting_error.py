"""splitting-error  The split scheme misses the proximal step by O(η²), and the Gibbs policy by O(η).

Setting.     From a policy ν an exact proximal step and a split one: drift map G, explicit or proximal, then
             noise that is kept; W the distance that the exact step moves, m that of G in square mean, g that
             of q'; waves ψ of frequency k without slope at walls; split schemes at rest.
Hypotheses.  (H1) The drift is Lipschitz, with the constant L_b.
Claim.       |∫ψ d(proximal) − ∫ψ d(split)| ≤ ½(τηk²)²|∫(ψ + ηψ'q')dν| + ηW(kL_b + k²g) + ½k²(W² + m²),
             and + ηmkL_b for the proximal map, + ηmk²g on an interval: of second order, as W, m are of first.
             At rest, without walls and measured at two steps, W from the optimal policy vanishes faster than
             η^{1/2} and slower than η^{3/2} (observed: like η), and the gap faster than η^{3/2} (observed:
             like η²).
Tight for.   Nothing; orders are compared with the next half-integers.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, section 3.1.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import wconv as wc
from theory_checks.wpg.one_step_kl import lipschitz
from theory_checks.wppg import TRANSLATE, WELL
from theory_checks.wppg.drift_map import curvature
from theory_checks.wppg.heat_step import coarser, to_the_continuum, waves
from wconv.theory import Item, at_least, at_most, case, check, control
from wconv.theory.bounds import split as bounds

if TYPE_CHECKING:
    from wconv.dynamics.split import Transport

TRANSPORTS: "tuple[Transport, ...]" = ("explicit", "prox")

LONGEST = 0.1
"""η of one step, or nine tenths of the longest for which the explicit map is injective."""

RESTING = 0.2
"""η at which the policy at rest is measured, and half of it; or half the longest such, and a quarter."""

LONG = 16.0
"""A time by which the scheme is at rest, from the optimal policy."""

CASES = [
    TRANSLATE,
    WELL,
    case("ring", tier="all", start="pushed"),
    case("gaussian-line", tier="all", start="pushed"),
    case("ring", tier="all", start="pushed", temperature=1.0, discount=0.9),
]
CONTROLS = [
    control("one order more at rest", on=TRANSLATE, constants={"least": 5 / 3}),
    control("one order less at rest", on=TRANSLATE, constants={"most": 0.5}),
    control("one step within a seventh of the bound", on=TRANSLATE, constants={"bound": 1 / 7}),
]


@check("splitting-error", cases=CASES, controls=CONTROLS, actions="line")
def splitting_error(run: "wc.Run") -> Iterator[Item]:
    """One step by both drift maps, and where both come to rest."""
    yield (smooth := lipschitz(run))
    if not smooth.holds:
        return
    L_b = curvature(run, wc.landscape(run.evaluate(run.start)))
    eta = min(LONGEST, 0.9 / float(L_b.upper.max()))
    walls = float(isinstance(run.mdp.grid.space, wc.Interval))
    half = run.true.coarser
    grids = [coarser(half), half, run.mdp]
    exact, far = map(to_the_continuum, *(proximal(mdp, run.which_start, eta) for mdp in grids))
    for transport in TRANSPORTS:
        found = Moved(
            *(
                wc.Measured.of(a, refinement=a - b)
                for a, b in zip(
                    *(moved(mdp, run.which_start, transport, eta) for mdp in (run.mdp, half)),
                    strict=True,
                )
            )
        )
        yield at_most(
            f"{transport} map, one step: waves differ from those of the proximal step",
            abs(exact - found.after),
            bounds.step_defect.given(
                wave=abs(found.wave),
                far=far[:, None],
                moved=found.moved[:, None],
                slope=found.slope[:, None],
                square=waves(run.mdp.grid).square,
            ),
            over="state wave",
            L_b=wc.Bracket(L_b.lower[:, None], L_b.upper[:, None]),
            tau=run.mdp.tau,
            eta=eta,
            implicit=float(transport == "prox"),
            walls=walls,
        )
        if not walls:
            yield from rest(run.mdp, half, transport, min(RESTING, 0.45 / float(L_b.upper.max())))


def proximal(mdp: "wc.MDP", start: str, eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Waves (state, wave) after the exact step from a smooth policy, and how far it moves (state,)."""
    from wconv.verify.instance import Instance  # it imports JAX

    nu = Instance(mdp, 0).smooth_policies[start]
    exact = wc.evolve(wc.WPPG(eta), mdp, nu, steps=1).policies[1]
    return exact.pi @ waves(mdp.grid).table.T, np.sqrt(wc.w2_squared(exact, nu).value)


class Moved(NamedTuple):
    """Waves after the split step and ∫(ψ + ηψ'q')dν (state, wave), m and g (state,)."""

    after: Any
    wave: Any
    moved: Any
    slope: Any


def moved(mdp: "wc.MDP", start: str, transport: "Transport", eta: float) -> Moved:
    """The split step from a smooth policy."""
    from wconv.verify.instance import Instance  # it imports JAX

    nu = Instance(mdp, 0).smooth_policies[start]
    split = wc.evolve(wc.SplitWPPG(eta, transport), mdp, nu, steps=1).policies[1]
    k, q = waves(mdp.grid), wc.landscape(wc.evaluate(mdp, nu))
    x = np.broadcast_to(mdp.grid.nodes[:, 0], mdp.r.shape)
    G = wc.explicit_map(q, x, eta) if transport == "explicit" else wc.prox_map(q, x, eta).low
    slopes = [(nu.pi * q.at(at)[1] ** 2).sum(axis=1) for at in (x, G)]
    pushed = k.table[None] + eta * k.slope[None] * q.at(x)[1][:, None]
    return Moved(
        split.pi @ k.table.T,
        (pushed * nu.pi[:, None]).sum(axis=-1),
        np.sqrt((nu.pi * (G - x) ** 2).sum(axis=1)),
        np.sqrt(np.maximum(*slopes)),
    )


def rest(mdp: "wc.MDP", coarser: "wc.MDP", transport: "Transport", eta: float) -> Iterator[Item]:
    """Orders at rest, on the nodes and on half of them."""
    fine, coarse = at_rest(mdp, transport, eta), at_rest(coarser, transport, eta)
    far, gap = (
        order(a).with_error("refinement", order(a).value - order(b).value)
        for a, b in zip(fine, coarse, strict=True)
    )
    yield from between(f"{transport} map at rest", far, 0.5, 1.5)
    yield at_least(
        f"{transport} map at rest: the gap vanishes faster than eta^1.5",
        gap,
        bounds.order.given(),
        over="state",
        least=1.5,
    )


def between(what: str, found: "wc.Measured", low: float, high: float) -> Iterator[Item]:
    """Both sides of an order."""
    name = f"{what}: W vanishes"
    rhs = bounds.order.given()
    yield at_least(f"{name} faster than eta^{low:g}", found, rhs, over="state", least=low)
    slower = bounds.order_most.given()
    yield at_most(f"{name} slower than eta^{high:g}", found, slower, over="state", most=high)


def at_rest(
    mdp: "wc.MDP", transport: "Transport", eta: float
) -> tuple["wc.Measured", "wc.Measured"]:
    """W² from the optimal policy, and the squared gap, at rest with steps η and η/2, (steps, state)."""
    far, gap, solution = [], [], wc.solve(mdp, tol=None)
    best, V = solution.policy, solution.measured
    count = 2 * int(np.ceil(LONG / eta / 2))
    for share in (1, 2):
        method = wc.SplitWPPG(eta / share, transport)
        path = wc.evolve(method, mdp, best, steps=share * count, samples=2)
        half, last = (wc.w2_squared(policy, best) for policy in path.policies[1:])
        far.append(last.with_error("stationarity", last.value - half.value))
        W = V - path.measured[2]
        lost = W.with_error("stationarity", path.measured[2].value - path.measured[1].value)
        gap.append(lost * lost)
    return wc.stack(far), wc.stack(gap)


def order(squares: "wc.Measured") -> "wc.Measured":
    """Half the logarithm of the ratio of squares over that of the steps, two, with the interval of errors."""
    known = squares.value > squares.error
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(known, np.log(squares.value), 0.0)
        off = np.where(known, -np.log1p(-squares.error / squares.value), np.inf)
    twice = 2.0 * np.log(2.0)
    return wc.Measured.of((logs[0] - logs[1]) / twice, distances=(off[0] + off[1]) / twice)
