"""The split scheme against the exact proximal step: the error of one step, and where it comes to rest."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.constants.langevin import step_constants
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, proved, slope, under
from wconv.report.style import BLUE, DASH, GREEN, PAGE
from wconv.theory.bounds import split as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ETA = 0.2 * 0.5 ** np.arange(4)[::-1]
LONG = 16.0
"""A time by which the scheme is at rest, from the optimal policy."""

MAPS = {"prox": ("proximal map", BLUE), "explicit": ("explicit map", GREEN)}


def _pushed(mdp: wc.MDP) -> wc.Policy:
    from wconv.verify.instance import Instance  # it imports JAX

    return Instance(mdp, 0).smooth_policies["pushed"]


def _cosine(mdp: wc.MDP) -> tuple[Array, Array]:
    """cos a and its slope on the nodes of a circle of length 2π: a wave of frequency one."""
    a = mdp.grid.nodes[:, 0]
    return np.cos(a), -np.sin(a)


def _defects(mdp: wc.MDP, eta: float) -> dict[str, Array]:
    """∫ψ d(exact) − ∫ψ d(split) of one step for both maps in every state, and W of the exact one."""
    nu, (wave, _) = _pushed(mdp), _cosine(mdp)
    exact = wc.evolve(wc.WPPG(eta), mdp, nu, steps=1).policies[1]
    found = {"far": np.sqrt(wc.w2_squared(exact, nu).value)}
    for name in MAPS:
        split = wc.evolve(_scheme(eta, name), mdp, nu, steps=1).policies[1]
        found[name] = (exact.pi - split.pi) @ wave
    return found


def _scheme(eta: float, transport: Any) -> wc.SplitWPPG:
    return wc.SplitWPPG(eta, transport)


def _one_step(eta: float) -> dict[str, float]:
    """The defect in the first state, extrapolated in the nodes (of order h²), and the bound."""
    fine, coarse = (_defects(wc.zoo.ring(resolution=n), eta) for n in (256, 128))
    row = {"eta": eta}
    for name in MAPS:
        limit = (4 * fine[name] - coarse[name])[0] / 3
        row |= {name: abs(limit), f"{name} error": abs(limit - fine[name][0])}
        row[f"{name} bound"] = _bound(eta, name, float(fine["far"][0]))
    return row


def _bound(eta: float, transport: str, far: float) -> float:
    """The right side of `splitting-error` in the first state at the proved side of L_b."""
    mdp = wc.zoo.ring()
    nu, (wave, steep) = _pushed(mdp), _cosine(mdp)
    value = wc.evaluate(mdp, nu)
    L_b = step_constants(mdp, wc.drift_tables(mdp), [nu], wc.stack([value.measured])).L_b.upper
    q, x = wc.landscape(value), np.broadcast_to(mdp.grid.nodes[:, 0], mdp.r.shape)
    G = wc.explicit_map(q, x, eta) if transport == "explicit" else wc.prox_map(q, x, eta).low
    slopes = [float(np.sqrt((nu.pi * q.at(at)[1] ** 2).sum(axis=1))[0]) for at in (x, G)]
    pushed = (wave + eta * steep * q.at(x)[1]) * nu.pi
    given = {
        "wave": abs(pushed[0].sum()),
        "far": far,
        "moved": np.sqrt((nu.pi * (G - x) ** 2).sum(axis=1))[0],
        "slope": max(slopes),
        "square": 1.0,
    }
    rest = {"tau": mdp.tau, "eta": eta, "implicit": float(transport == "prox"), "walls": 0.0}
    return float(bounds.step_defect(L_b=L_b[0, 0], **given, **rest))


def _at_rest(mdp: wc.MDP, eta: float, transport: str) -> wc.Measured:
    """W from the optimal policy and the gap, the worst states; error: their change in the second half."""
    star = wc.solve(mdp, tol=None)
    path = wc.evolve(_scheme(eta, transport), mdp, star.policy, until=LONG, samples=2)
    far = [np.sqrt(wc.w2_squared(law, star.policy).value).max() for law in path.policies[1:]]
    gap = wc.optimality_gap(star, path).value.max(axis=-1)[1:]
    (half, last) = np.stack([far, gap], axis=-1)
    return wc.Measured.of(last, stationarity=last - half)


def _resting(transport: str) -> dict[str, Array]:
    fine, coarse = (wc.zoo.ring(resolution=n) for n in (128, 64))
    rows = []
    for eta in ETA:
        last = _at_rest(fine, float(eta), transport)
        moved = last.value - _at_rest(coarse, float(eta), transport).value
        rows.append(last.with_error("refinement", moved))
    both = wc.stack(rows)
    names = {"W": 0, "gap": 1}
    values = {name: both.value[:, k] for name, k in names.items()}
    return values | {f"{name} error": both.error[:, k] for name, k in names.items()}


def _compute() -> Data:
    rows = [_one_step(float(eta)) for eta in ETA]
    once = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return flat({"once": once} | {name: _resting(name) for name in MAPS})


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.1)
    left, right = figure.subplots(1, 2)
    once = under(data, "once")
    eta = once["eta"]
    for name, (label, colour) in MAPS.items():
        style = {"color": colour, "marker": "o"}
        measured(left, eta, once[name], once[f"{name} error"], label, **style)
        proved(left, eta, once[f"{name} bound"], "_", color=colour)
        rest = under(data, name)
        measured(right, eta, rest["W"], rest["W error"], "_", **style)
        measured(right, eta, rest["gap"], rest["gap error"], "_", **style | {"marker": "s"})
    slope(left, eta, 0.5 * min(once["prox"][0], once["explicit"][0]), 2.0, "slope 2")
    rest = under(data, "prox")
    slope(right, eta, 0.6 * rest["W"][0], 1.0, "slope 1")
    slope(right, eta, 0.5 * rest["gap"][0], 2.0, "slope 2")
    left.set(title=r"(a) one step, ring: $|\int\cos d(\pi^{\rm exact}-\pi^{\rm split})|$")
    right.set(title=r"(b) at rest: $W(\pi,\pi^*)$ (dots), gap (squares)")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel=r"step $\eta$", xlim=(None, 1.8 * eta[-1]))
        axes.set_xticks(eta, [f"{one:g}" for one in eta])
        axes.set_xticks([], minor=True)
    left.plot([], [], color="0.4", linestyle=DASH, label="splitting-error")
    left.legend(loc="upper left")
    return figure


FIGURES = (
    Figure(
        name="wppg_splitting_orders",
        title="the split scheme: error of second order in a step, of first order at rest",
        marks="How far one split step (transport, then heat) is from the exact proximal step in the "
        "mean of cos a (solid, band = error) with the bound of `splitting-error` (dashed), for "
        "both drift maps; at rest the distance to the optimal policy (dots) and the gap "
        "(squares); dotted: orders.",
        seen="One step errs by η², the policy at rest by η, and the gap, being quadratic in it, by η².",
        compute=_compute,
        draw=_draw,
        claims=(shown("splitting-error", "ring", start="pushed"),),
    ),
)
