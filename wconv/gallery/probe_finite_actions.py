"""The proximal scheme on finitely many actions: the steps that move nothing, and where longer ones stall."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, points, proved, under
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import GREEN, GREY, MEASURED, ORANGE, PAGE, PROVED, PURPLE, SKY
from wconv.theory.bounds import wppg as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SET = "finite-actions"
SWEEPS = (
    Asked("wppg-one-step", ("actions=2,3,4,6,8,12,16,24,32",), SET),
    Asked("wppg-any-step", ("step_size=0.001:10:log:9",), SET, {"actions": 16}),
)
COUNTS = np.array([4, 6, 8, 12, 16, 24, 32, 48, 64])
CURVES = {8: ORANGE, 16: SKY, 32: GREEN, 64: PURPLE}
"""Numbers of actions whose first step is drawn, with their colours."""

STEPS = np.geomspace(1e-3, 10.0, 33)
HALVINGS, TOL = 8, 1e-10
STALLS, LONG = np.geomspace(0.1, 10.0, 7), 64
"""Steps of the runs that are watched until they stall, and how many of them are taken."""

WATCHED = (8, 16, 32)
LENGTH = 3.0
"""Of the interval on which the actions lie."""


def _compute() -> Data:
    wells = wc.zoo.tilted_double_well()
    line = _FirstStep(wells)
    sets = {int(k): _FirstStep(wc.zoo.finite_actions(actions=int(k))) for k in COUNTS}
    C = wc.gibbs_constants(wells, wc.stack([line.value.measured])).at.upper[0]
    first = {str(k): sets[k].factors(STEPS) for k in CURVES}
    first |= {"line": line.factors(STEPS), "eta": STEPS}
    first["bound"] = bounds.kl_factor(C_LS=C.max(), tau=wells.tau, eta=STEPS)
    slope = np.abs(np.diff(line.value.Q, axis=-1)).max() / wells.grid.spacing[0]
    thresholds = {
        "k": COUNTS,
        "frozen": np.array([one.frozen for one in sets.values()]),
        "fails": np.array([one.fails(C) for one in sets.values()]).T,
        "limit": LENGTH / (COUNTS - 1) / (2 * slope),
    }
    stalls = {str(k): _stalled(sets[k].mdp) for k in WATCHED}
    theirs = {"eta": STALLS, "C": C.max(), "tau": wells.tau, "gamma": wells.gamma}
    swept = {one.id: numbers(one.run()) for one in SWEEPS}
    return flat(swept | {"first": first, "threshold": thresholds, "stall": stalls | theirs})


class _FirstStep:
    """One proximal step from the reference."""

    def __init__(self, mdp: wc.MDP) -> None:
        self.mdp, self.start = mdp, wc.uniform(mdp)
        self.value = wc.evaluate(mdp, self.start)

    @property
    def frozen(self) -> float:
        """The longest step that moves nothing in any state."""
        return float(wc.longest_frozen_step(self.value).min())

    def each(self, eta: float) -> Array:
        """KL(π_1‖p_0)/KL(π_0‖p_0) in every state, (S,)."""
        new = wc.evolve(wc.WPPG(eta, tol=TOL), self.mdp, self.start, steps=1).policies[1]
        V = self.value.measured
        after, before = (wc.gibbs_divergence(self.mdp, one, V) for one in (new, self.start))
        return (after / before).value

    def factors(self, steps: Array) -> Array:
        """The largest of them at every step."""
        return np.array([self.each(float(eta)).max() for eta in steps])

    def fails(self, C_LS: Array) -> tuple[float, float]:
        """Between which steps the factor (1+ητ/C_LS)^{-2} of the continuum is first kept in all states.

        The lower one is the last of a mesh, or of the halvings that follow, at which it is not.
        """

        def kept(eta: float) -> bool:
            bound = bounds.kl_factor(C_LS=C_LS, tau=self.mdp.tau, eta=eta)
            return bool((self.each(eta) <= bound).all())

        mesh = self.frozen * np.geomspace(1.0, 4.0, 9)
        last = max(k for k, eta in enumerate(mesh) if not kept(float(eta)))
        low, high = mesh[last : last + 2]
        for _ in range(HALVINGS):
            middle = float(np.sqrt(low * high))
            low, high = (low, middle) if kept(middle) else (middle, high)
        return float(low), float(high)


def _stalled(mdp: wc.MDP) -> Array:
    """Δ after many steps, and what the last half of them changed, (2, step)."""
    star, start = wc.solve(mdp, tol=None), wc.uniform(mdp)
    found = []
    for eta in STALLS:
        method = wc.WPPG(float(eta), tol=TOL)
        path = wc.evolve(method, mdp, start, steps=LONG, samples=2)
        gap = (wc.optimality_gap(star, path) * star.nu[np.newaxis]).total()
        found.append((gap.value[2], abs(gap.value[2] - gap.value[1]) + gap.error[2]))
    return np.array(found).T


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.5)
    left, middle, right = figure.subplots(1, 3)
    parts = [under(data, one.id) for one in SWEEPS]
    _draw_first(left, under(data, "first"))
    ribbon(left, parts[1])
    found = under(data, "threshold")
    k = found["k"]
    middle.plot(k, found["frozen"], color=MEASURED, marker="o", label="moves nothing up to")
    middle.plot(k, found["fails"].mean(axis=0), "+", ms=9, color=PROVED, label="factor fails up to")
    middle.plot(k, found["limit"], ":", color=GREY, label=r"$h/(2\sup|\partial_a q|)$")
    middle.set(xscale="log", yscale="log", xlabel="actions $k$", ylabel=r"step $\eta$")
    middle.set(title=r"(b) the longest such step", ylim=(0.7 * found["limit"][-1], None))
    middle.set_xticks([4, 8, 16, 32, 64], ["4", "8", "16", "32", "64"])
    middle.set_xticks([], minor=True)
    middle.legend(loc="upper right")
    ribbon(middle, parts[0])
    middle.set_xlim(3.6, 72)
    _draw_stalls(right, under(data, "stall"))
    ribbon_legend(figure, *parts, loc="outside lower center", ncols=2)
    return figure


def _draw_first(axes: Any, first: Data) -> None:
    """KL factors of the first step on sets and on the interval."""
    eta = first["eta"]
    for k, colour in CURVES.items():
        axes.plot(eta, first[str(k)], color=colour, label=f"$k={k}$")
    axes.plot(eta, first["line"], color="0.2", lw=0.9, label="interval")
    proved(axes, eta, first["bound"], r"$(1+\eta\tau/C_\mathrm{LS})^{-2}$")
    axes.set(
        xscale="log",
        xlabel=r"step $\eta$",
        ylabel=r"$\mathrm{KL}(\pi_1\|p_0)/\mathrm{KL}(\pi_0\|p_0)$",
    )
    axes.set(title="(a) first step", ylim=(-0.08, 1.05), xlim=(eta[0], eta[-1]))
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.06))


def _draw_stalls(axes: Any, stall: Data) -> None:
    """What is left of the gap where the scheme stalls, and what slopes below the frozen one allow."""
    eta = stall["eta"]
    for k in WATCHED:
        points(axes, eta, stall[str(k)], f"$k={k}$", color=CURVES[k])
        h = LENGTH / (k - 1)
        guide = stall["C"] * h**2 / (8 * stall["tau"] * eta**2 * (1 - stall["gamma"]))
        axes.plot(eta, guide, ":", color=CURVES[k])
    axes.set(xscale="log", yscale="log", xlabel=r"step $\eta$", ylabel=r"$\Delta_\infty$")
    axes.set(title="(c) where it stalls")
    axes.set_ylim(top=30.0)
    axes.legend(loc="upper right")


PROBE = Ready(
    name="finite-actions",
    question="What is left of the proximal scheme on finitely many actions?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_finite_actions",
        title="the proximal scheme on finitely many actions: steps that move nothing, and stalls",
        marks="KL(π_1‖p_0)/KL(π_0‖p_0) of the first step from μ in the worst state, on k actions and on "
        "the interval, beside the factor of `wppg-any-step` with C_LS of the interval (dashed); "
        "the longest step that moves nothing (circles) and the longest at which that factor fails "
        "(crosses), with the slope of q for k → ∞ (dotted); Δ where the scheme "
        "has stalled, with C_LS h²/(8τη²(1−γ)) (dotted). Ribbons: `wppg-any-step` (a), "
        "`wppg-one-step` (b).",
        seen="Short steps move nothing, the others stall at a gap of order (h/η)²; what holds on every "
        "set, monotonicity and the one-step inequality, holds all the same.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wppg-one-step", SET),
            shown("wppg-monotone", SET, start="reference"),
            shown("wppg-any-step", SET, start="reference", expect="INAPPLICABLE"),
        ),
    ),
)
FIGURES = (PROBE.figure,)
