"""heat-step-practice  Which readings of the heat step end at the Gibbs policy, and which do not.

Setting.     Contexts r(s, a) = −κ_s(a − c_s)²/2 with the penalty (β/2)a², h_s = κ_s + β: q has curvature −h
             whatever the policy, the Gibbs policy is N(κc/h, τ/h). Steps η of a drift map, explicit
             (ρ = 1 − ηh) or proximal (ρ = 1/(1 + ηh)), and what is done about the noise √(2τη)ξ.
Hypotheses.  (H1) The case is a problem of such contexts on the Gaussian line.  (H2) ηh < 1.
Claim.       The variance of the policy ends at 2τη/(1 − ρ²) = (τ/h)(1 + O(η)) when the noise is kept, that is
             τ/(h(1 − ηh/2)) or (τ/h)(1 + ηh)²/(1 + ηh/2), and likewise of a generator that is fitted to the
             noisy law by moments, or by sorting; at τ/h (explicit) or (τ/h)(1 + ηh) with the score for it;
             at 2τη, whatever h, when the noise is added at sampling time only; and of a generator that is
             regressed on noisy targets with its own latent it falls by ρ² a step, to 0.
Tight for.   Identities.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, section 3.2.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

import wconv as wc
from theory_checks.wpg.lq_closed_form import contexts
from wconv.theory import Item, case, check, condition, control, equal
from wconv.theory.bounds import split as bounds

STEP: Final = 0.15
"""η: long enough for noise alone, of variance 2τη, not to underflow at the ends of the line."""

STEPS: Final = 120
"""By then nothing is left of the start: ρ^120 < 1e-10 in the half of them."""

REFITS: Final = 60
"""Steps of a generator before it is looked at; sorting goes on from where moments ended."""

SHARED: Final = 10
"""Steps of a generator that loses its variance."""

PLAIN = case("quadratic-line")
CASES = [
    PLAIN,
    case("quadratic-line", discount=0.95, temperature=0.25),
    case("quadratic-line", tier="all", confinement=0.5, spread=1.0),
    case("quadratic-line", curvature=6.0, expect="INAPPLICABLE", fails="H2"),
    case("gaussian-line", tier="all", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("closed forms a thousandth too hot", on=PLAIN, constants={"tau": 1.001}),
    control("closed forms of a shorter step", on=PLAIN, constants={"eta": 0.99}),
    control("measured at a lower temperature", on=PLAIN, dynamics={"temperature": 0.9}),
]


@check("heat-step-practice", cases=CASES, controls=CONTROLS, actions="line")
def heat_step_practice(run: "wc.Run") -> Iterator[Item]:
    """Stationary variances of laws on the grid, and of generators."""
    found = contexts(run.mdp)
    yield condition("H1", found is not None, "parabolas on R" if found else "other rewards")
    steepest = STEP * float((found.stiffness.value + found.beta).max()) if found else 0.0
    yield condition("H2", steepest < 1, f"eta*h = {steepest:.6g}" if found else "not measured")
    if found is None or steepest >= 1:
        return
    h = found.stiffness + found.beta
    for name, scheme, bound in (
        ("explicit map, noise kept", wc.SplitWPPG(STEP, "explicit"), bounds.kept_explicit),
        ("proximal map, noise kept", wc.SplitWPPG(STEP), bounds.kept_prox),
        (
            "explicit map, noise at sampling",
            wc.SplitWPPG(STEP, "explicit", "sampled"),
            bounds.sampled,
        ),
        ("proximal map, noise at sampling", wc.SplitWPPG(STEP, "prox", "sampled"), bounds.sampled),
    ):
        yield equal(
            f"{name}: variance at last",
            settled(run, scheme),
            bound.given(stiffness=h),
            over="state",
            tau=run.mdp.tau,
            eta=STEP,
        )
    yield from generators(run, h)


def settled(run: "wc.Run", scheme: Any) -> "wc.Measured":
    """The variance after many steps, error "stationarity": its change in the second half."""
    path = run.path(scheme, steps=STEPS, samples=2)
    a = path.mdp.grid.nodes[:, 0]
    half, last = (policy.pi @ a**2 - (policy.pi @ a) ** 2 for policy in path.policies[1:])
    return wc.Measured.of(last, stationarity=last - half, rounding=1e-13 * (a**2).max())


def generators(run: "wc.Run", h: "wc.Measured") -> Iterator[Item]:
    """Implicit policies moved by the landscape of the system, and refitted."""
    z, weight = wc.latents(64)
    q, noise = wc.landscape(wc.evaluate(run.system, run.start)), 2 * run.system.tau * STEP
    constants = {"tau": run.mdp.tau, "eta": STEP}
    for proximal, name, kept in (
        (0.0, "explicit", bounds.kept_explicit),
        (1.0, "proximal", bounds.kept_prox),
    ):
        move = drift(q, proximal)
        start = np.repeat(z[None], run.mdp.n_states, axis=0)

        def fitted(g: np.ndarray, move: Drift = move) -> np.ndarray:
            return wc.moment_step(move(g), z, weight, noise)

        def scored(g: np.ndarray, move: Drift = move) -> np.ndarray:
            return wc.score_step(move(g), g, z, weight, noise)

        def by_order(g: np.ndarray, move: Drift = move) -> np.ndarray:
            return wc.sorted_step(move(g), z, weight, noise)

        moments, score = (repeated(step, start, REFITS) for step in (fitted, scored))
        ordered = repeated(by_order, moments[-1], 2)
        for how, found, rhs in (
            ("moments", moments, kept.given(stiffness=h)),
            ("sorting", ordered, kept.given(stiffness=h)),
            ("score", score, bounds.scored.given(stiffness=h, proximal=proximal)),
        ):
            title = f"{name} map, generator refitted by {how}: variance at last"
            yield equal(title, at_rest(found, weight, h.value), rhs, over="state", **constants)
    alone = repeated(drift(q, 0.0), start, SHARED)
    yield equal(
        "explicit map, noise averaged over its latent: variance after ten steps",
        spread(alone[-1], weight),
        bounds.averaged.given(stiffness=h, start=spread(start, weight)),
        over="state",
        eta=STEP,
        steps=float(SHARED),
    )


Drift = Callable[[np.ndarray], np.ndarray]


def drift(q: "wc.Landscape", proximal: float) -> Drift:
    """The drift map of a generator (S, k)."""
    if proximal:
        return lambda g: wc.prox_map(q, g, STEP).low
    return lambda g: wc.explicit_map(q, g, STEP)


def repeated(step: Drift, start: np.ndarray, count: int) -> list[np.ndarray]:
    """The last two generators of a recursion."""
    last = [start, start]
    for _ in range(count):
        last = [last[1], step(last[1])]
    return last


def spread(g: np.ndarray, weight: np.ndarray) -> "wc.Measured":
    """The variance of a generator, (S,)."""
    mean = (g * weight).sum(axis=-1, keepdims=True)
    off = wc.Measured.of(np.square(g - mean), rounding=1e-13 * np.square(g).max())
    return (off * weight).total()


def at_rest(last: list[np.ndarray], weight: np.ndarray, h: np.ndarray) -> "wc.Measured":
    """Its variance, and as error what is left when a step keeps at most (1 + ηh)⁻² of it."""
    before, now = (spread(g, weight) for g in last)
    left = (now.value - before.value) / ((1.0 + STEP * h) ** 2 - 1.0)
    return now.with_error("stationarity", left)
