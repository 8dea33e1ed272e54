"""heat-step  The entropy flow for a time η is Gaussian noise; the entropy's proximal step is it up to O(η²).

Setting.     ∂_tπ = τΔπ for the time η, without flux through walls, from the policies of the problem; the
             proximal step max_π −τ∫π log π − W²(π, ·)/(2η) of the same entropy; waves of frequency k.
Hypotheses.  (H1) Actions form an interval, a circle or a line, r and P are functions of them.
Claim.       Convolution with N(0, 2τη), folded on an interval, wrapped on a circle, damps every wave by
             e^{−τηk²}: it is the flow. Of a chain on cells of width h (an independent solver, extrapolated
             to time step 0) it differs by at most τηk⁴h²/12. From ν of Fisher information I the proximal
             step and the flow agree to second order: waves to (τη)²(k²I + k⁴|⟨wave, ν⟩|)/2, and on R
             second moments to (τη)²I, that of the flow being ∫a²dν + 2τη.
Tight for.   Identities; the chain and the second moment where τη is small.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Proposition 2.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

import wconv as wc
from theory_checks.wppg import COLD, HEAVY, LINE, RING, WELL
from wconv.theory import Item, at_most, case, check, condition, control, equal
from wconv.theory.bounds import split as bounds

STEP: Final = 0.1
"""η of the flow where the first wave is damped at a rate of at most one."""

SUBSTEPS: Final = (8, 16, 32, 64, 128)
"""Resolvents of the chain in one step, extrapolated to infinitely many."""

TIME: Final = 0.1
"""τη of the proximal step where the first wave has a squared frequency of at most two."""

PARABOLA = case("quadratic-line")
CASES = [PARABOLA, WELL, RING, LINE, COLD, HEAVY]
CONTROLS = [
    control("a thousandth too hot", on=PARABOLA, constants={"tau": 1.001}),
    control("chain on cells two thirds as wide", on=WELL, constants={"spacing": 0.6}),
    control("a proximal step of half the length", on=PARABOLA, constants={"eta": 0.5}),
]


class Waves(NamedTuple):
    """Functions of the action and their slopes (waves, A), and squares of their frequencies (waves,)."""

    table: np.ndarray
    slope: np.ndarray
    square: np.ndarray


def waves(grid: "wc.Grid") -> Waves:
    """Eigenfunctions of the second derivative without flux at walls."""
    a, h = grid.nodes[:, 0], grid.spacing[0]
    if isinstance(grid.space, wc.Interval):
        k = np.pi / (grid.n * h) * np.arange(1.0, 4.0)
        phase, turned = k[:, None] * (a - a[0] + h / 2), np.zeros(3)
    else:
        unit = 2 * np.pi / (grid.n * h)
        if isinstance(grid.space, wc.GaussianLine | wc.TailedLine):
            unit = 1.0 / grid.space.scale
        k = unit * np.array([1.0, 2.0, 1.0, 2.0])
        phase, turned = k[:, None] * a, np.pi / 2 * np.array([0.0, 0.0, 1.0, 1.0])
    phase = phase - turned[:, None]
    return Waves(np.cos(phase), -k[:, None] * np.sin(phase), k**2)


def flat(mdp: "wc.MDP") -> "wc.MDP":
    """The problem whose flow is the heat flow: the reward takes back the confinement."""
    space = mdp.grid.space
    line = space if isinstance(space, wc.GaussianLine | wc.TailedLine) else None
    share = np.full((mdp.n_states, mdp.n_states), 1.0 / mdp.n_states)

    from wconv.mdp.smooth import of_state  # it imports JAX

    def reward(s: Any, a: Any) -> Any:
        nothing = of_state(np.zeros(mdp.n_states), s, a) * a[..., 0]
        return nothing if line is None else nothing - mdp.tau * line.log_density(a[..., 0])

    def transition(s: Any, a: Any) -> Any:
        return of_state(share, s, a)

    still = wc.SmoothMDP(reward, transition, mdp.n_states, 0.0, mdp.tau, space)
    return wc.tabulate(still, mdp.grid.n)


def seen(table: np.ndarray, policies: "list[wc.Policy]") -> "wc.Measured":
    """⟨wave, π⟩, (law, state, wave)."""
    masses = np.stack([policy.pi for policy in policies])
    return (wc.Measured.of(masses)[:, :, None] * table[None, None]).total()


@check("heat-step", cases=CASES, controls=CONTROLS, actions="line")
def heat_step(run: "wc.Run") -> Iterator[Item]:
    """All policies by three routes; the proximal step from a smoothed one."""
    mdp, policies = run.mdp, list(run.policies.values())
    smooth = mdp.smooth is not None
    yield condition("H1", smooth, "functions of the action" if smooth else "tables")
    if not smooth:
        return
    k = waves(mdp.grid)
    eta = STEP / max(1.0, mdp.tau * float(k.square[0]))
    before = seen(k.table, policies)
    after = seen(k.table, [wc.heat(policy, 2 * mdp.tau * eta) for policy in policies])
    yield equal(
        "waves after the noise are damped by exp(-tau eta k^2)",
        after,
        bounds.decayed.given(wave=before, square=k.square),
        over="law state wave",
        tau=mdp.tau,
        eta=eta,
    )
    still = flat(mdp)
    chain = wc.romberg(
        [
            seen(
                k.table,
                [
                    wc.evolve(wc.FrozenWPG(eta, m), still, policy, steps=1).policies[1]
                    for policy in policies
                ],
            )
            for m in SUBSTEPS
        ]
    )
    yield at_most(
        "noise and chain differ by at most tau eta k^4 h^2/12",
        abs(chain - after),
        bounds.chain_defect.given(wave=before, square=k.square),
        over="law state wave",
        tau=mdp.tau,
        eta=eta,
        spacing=mdp.grid.spacing[0],
    )
    yield from proximal_entropy(run)


def proximal_entropy(run: "wc.Run") -> Iterator[Item]:
    """The proximal step of the entropy against the flow, on grids of n, n/2 and n/4 nodes."""
    half = run.true.coarser
    levels = [proximal(mdp) for mdp in (coarser(half), half)]
    found = Entropic(*map(to_the_continuum, *levels, proximal(run.mdp)))
    k, constants = (
        waves(run.mdp.grid),
        {"tau": run.mdp.tau, "eta": heat_time(run.mdp) / run.mdp.tau},
    )
    yield at_most(
        "waves after the proximal step and after the flow differ by second order",
        abs(found.off),
        bounds.entropy_defect.given(
            wave=abs(found.wave), fisher=found.fisher[..., None], square=k.square
        ),
        over="law state wave",
        **constants,
    )
    if isinstance(run.mdp.grid.space, wc.GaussianLine | wc.TailedLine):
        yield at_most(
            "second moments: of the flow - of the proximal step <= (tau eta)^2 I",
            found.short,
            bounds.spread_defect.given(fisher=found.fisher),
            over="law state",
            **constants,
        )


class Entropic(NamedTuple):
    """Of starts: waves and I; of the proximal step: how much waves and second moments lack to the flow."""

    wave: Any
    fisher: Any
    off: Any
    short: Any


def coarser(mdp: "wc.MDP") -> "wc.MDP":
    """The problem on half the nodes."""
    from wconv.verify.instance import Instance  # it imports JAX

    return Instance(mdp, 0).coarser


def to_the_continuum(coarse: np.ndarray, half: np.ndarray, fine: np.ndarray) -> "wc.Measured":
    """The limit of values with errors in powers of h², by Romberg; error: the last correction."""
    first, second = (4.0 * half - coarse) / 3.0, (4.0 * fine - half) / 3.0
    limit = (16.0 * second - first) / 15.0
    return wc.Measured.of(limit, refinement=limit - second)


def heat_time(mdp: "wc.MDP") -> float:
    """τη of the proximal step: short beside the space."""
    return TIME / max(1.0, float(waves(mdp.grid).square[0]) / 2.0)


def proximal(mdp: "wc.MDP") -> Entropic:
    """One proximal step from two smooth policies, as arrays (law, state, wave) and (law, state)."""
    still = flat(mdp)
    k, square = waves(mdp.grid), mdp.grid.nodes[:, 0] ** 2
    starts = [wc.solve(mdp, tol=None).policy, wc.gibbs(mdp, 0.5 * mdp.r)]
    level = wc.gibbs(still, still.r)
    t = heat_time(mdp)
    flow = [wc.heat(start, 2 * t) for start in starts]
    step = [wc.evolve(wc.WPPG(t / mdp.tau), still, p, steps=1).policies[1] for p in starts]
    before, after, then = (np.stack([p.pi for p in side]) for side in (starts, flow, step))
    return Entropic(
        before @ k.table.T,
        np.stack([wc.fisher_continuum(p, level).value for p in starts]),
        (then - after) @ k.table.T,
        (after - then) @ square,
    )
