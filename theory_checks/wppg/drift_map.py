"""drift-map  The transport half step is a drift map of the generator: one maximisation for every latent.

Setting.     q^π of a policy (with −(β/2)a² on the Gaussian line), ν = g_#(law of z) the atoms of an implicit
             policy, G(x) ∈ argmax_{a∈A} q(a) − |a − x|²/(2η), M(x) the maximum (the Moreau envelope);
             E(x) the projection of x + ηq'(x) on A.
Hypotheses.  (H1) Actions form a line or a circle, and r and P are smooth functions of them: L_b is finite.
Claim.       max_π ∫q dπ − W²(π, ν)/(2η) = E_z M(g(z)), attained by π = (G∘g)_#: there it is an equality, and
             for every π, ∫q dπ ≤ E_z M(g(z)) + W²(π, ν)/(2η). With L_b the Lipschitz constant of q':
             |E(x) − G(x)| ≤ ηL_b|G(x) − x| ≤ η²L_b|q'(G(x))|, the explicit map is of second order.
Tight for.   Identities. Competitors near the drift map; nearly quadratic q.
Reference.   docs/theory.md, section 5; Wasserstein proximal policy gradient, Proposition 1.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

import wconv as wc
from theory_checks.wpg import confined
from theory_checks.wppg import COLD, HEAVY, LINE, RING, TRANSLATE, WELL
from wconv.measured import EPS
from wconv.theory import Item, at_most, check, condition, control, equal, finite
from wconv.theory.bounds import split as bounds

LENGTHS: Final = {"short": 0.05, "long": 1.0}
"""Steps: below and above 1/sup q'' of a double well, where the map begins to jump."""

ASIDE: Final = 0.01
"""A competitor moves every parcel so much farther, as a share of the whole length."""

CASES = [TRANSLATE, WELL, RING, LINE, COLD, HEAVY]
CONTROLS = [
    control("a step a thousandth longer", on=TRANSLATE, constants={"eta": 1.001}),
    control("Lipschitz constant a tenth too small", on=TRANSLATE, constants={"L_b": 0.9}),
    control("moved at a higher temperature", on=TRANSLATE, dynamics={"temperature": 1.25}),
]


class Moved(NamedTuple):
    """∫q dπ and W²(π, ν) of every policy in every state, (policy, state)."""

    gain: "wc.Measured"
    cost: "wc.Measured"


@check("drift-map", cases=CASES, controls=CONTROLS, actions="line")
def drift_map(run: "wc.Run") -> Iterator[Item]:
    """The policies of the problem as ν, moved by q of the one that paths start from."""
    yield (smooth := regular(run))
    if not smooth.holds:
        return
    q = wc.landscape(run.evaluate(run.start))
    x = np.broadcast_to(run.mdp.grid.nodes[:, 0], run.mdp.r.shape)
    masses = np.stack([policy.pi for policy in run.policies.values()])
    for name, eta in LENGTHS.items():
        G = wc.prox_map(q, x, eta)
        explicit = wc.explicit_map(q, x, eta)
        envelope = average(q, masses, G.envelope)
        best = moved(q, x, G.low, masses)
        yield equal(
            f"{name}: E M(g(z)) = value of the drift map",
            envelope,
            bounds.transported.given(gain=best.gain, moved=best.cost),
            over="law state",
            eta=eta,
        )
        low, high = q.span
        aside = G.low + ASIDE * (high - low)
        # Any map competes, this one as far as the nodes of a line reach.
        ahead = explicit if q.ends == "wrap" else np.clip(explicit, low, high)
        maps = {"explicit map": ahead, "too far": np.clip(aside, low, high), "at rest": x}
        for competitor, places in maps.items():
            other = moved(q, x, places, masses)
            yield at_most(
                f"{name}, {competitor}: int q dpi <= E M(g(z)) + W^2/2eta",
                other.gain,
                bounds.supported.given(envelope=envelope, moved=other.cost),
                over="law state",
                eta=eta,
            )
        yield from explicit_error(run, q, x, (name, eta), G.low, explicit)


def regular(run: "wc.Run") -> Any:
    """The hypothesis that q is smooth in the action."""
    if run.mdp.smooth is None:
        return condition("H1", False, "tables have no drift")
    if not (penalty := confined(run, "H1")).holds:
        return penalty
    known = wc.regularity(run.mdp)
    return finite("H1", L_r=known.L_r, L_p=known.L_p)


def average(q: "wc.Landscape", masses: np.ndarray, values: np.ndarray) -> "wc.Measured":
    """Σ over latents, (policy, state), values known to the rounding of q."""
    size = np.abs(q.coefficients[..., 0]).max() + np.abs(values).max()
    return (wc.Measured.of(values, rounding=32 * EPS * size) * masses).total()


def moved(q: "wc.Landscape", x: np.ndarray, to: np.ndarray, masses: np.ndarray) -> Moved:
    """∫q dπ and W²(π, ν) by optimal transport of atoms, ν at x and π at ``to``, (S, n) each."""
    length = q.span[1] - q.span[0]
    costs = []
    for s, places in enumerate(to):
        mass = masses[:, s]
        if q.ends == "wrap":
            around = np.mod(places, length)
            around = np.where(around < length, around, 0.0)
            costs.append(wc.w2_squared_circle_atoms(x[s], mass, around, mass, length))
        else:
            costs.append(wc.w2_squared_atoms(x[s], mass, places, mass))
    cost = wc.stack(costs)
    by_policy = wc.Measured(cost.value.T, {name: e.T for name, e in cost.errors.items()})
    return Moved(average(q, masses, q.at(to)[0]), by_policy)


def curvature(run: "wc.Run", q: "wc.Landscape") -> "wc.Bracket":
    """L_b = sup|q''| (with β) of the policy that paths start from, (S,): between nodes, and everywhere."""
    known, value = wc.regularity(run.mdp), run.evaluate(run.start)
    from wconv.constants.langevin import half_oscillation  # it imports JAX

    v = half_oscillation(wc.stack([value.measured]))[0]
    upper = known.beta + known.L_r.upper + run.mdp.gamma * known.L_p.upper * v.upper
    nodes = np.broadcast_to(run.mdp.grid.nodes[:, 0], run.mdp.r.shape)
    lower = np.minimum(np.abs(q.at(nodes)[2]).max(axis=1), upper)
    return wc.Bracket(lower, upper, "at nodes", "regularity")


def explicit_error(
    run: "wc.Run",
    q: "wc.Landscape",
    x: np.ndarray,
    step: tuple[str, float],
    best: np.ndarray,
    explicit: np.ndarray,
) -> Iterator[Item]:
    """The distance of the explicit map to the proximal one, in every state at every node."""
    name, eta = step
    sup = curvature(run, q)
    L_b = wc.Bracket(sup.lower[:, None], sup.upper[:, None], sup.how_lower, sup.how_upper)
    where = 64 * EPS * np.abs(np.array(q.span)).max()
    off = wc.Measured.of(np.abs(explicit - best), rounding=where)
    far = wc.Measured.of(np.abs(best - x), rounding=where)
    slope = wc.Measured.of(np.abs(q.at(best)[1]), rounding=where * L_b.upper)
    yield at_most(
        f"{name}: |explicit - G| <= eta L_b |G - x|",
        off,
        bounds.first_order.given(moved=far),
        over="state latent",
        L_b=L_b,
        eta=eta,
    )
    yield at_most(
        f"{name}: |explicit - G| <= eta^2 L_b |q'(G)|",
        off,
        bounds.first_order_slope.given(slope=slope),
        over="state latent",
        L_b=L_b,
        eta=eta,
    )
