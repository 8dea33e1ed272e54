"""References with heavy tails: C_LS is infinite, C_P is not, and the gap closes at last at 2τ/C_P."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, points, under
from wconv.gallery.rates import columns, watched
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import BLUE, COLUMN, GREEN, GREY, ORANGE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

TAILS = "heavy-tails"
FINE = {"resolution": 256}
SWEEP = Asked("wpg-exp", ("power=1.1:2:10",), TAILS, FINE, halvings=6, start="reference")
POWERS = (1.25, 1.5, 1.75, 2.0)
AWAY = {0.0: BLUE, 2.0: GREEN, 4.0: ORANGE, 8.0: VERMILLION}
"""Where policies start: Gaussians so many lengths √τ from 0, to the right."""

WIDE = {1.25: 1.6, 1.5: 1.5, 1.75: 1.7, 2.0: 2.0}
"""How many times farther than usual the nodes reach, so that those starts fit."""

SLOW = 1.5
"""The power whose rates are followed in time."""

FOLDS = 8.0
"""How many of the times C_P/2τ policies are followed."""


def _problem(power: float, nodes: int) -> wc.MDP:
    """With more nodes, farther out."""
    known = wc.zoo.heavy_tails(power=power, resolution=nodes).smooth
    assert known is not None
    space: Any = known.space
    return wc.tabulate(replace(known, space=space.widened(WIDE[power])), nodes)


def _from(star: wc.Solution, unit: float, away: float) -> dict[str, Array]:
    """The gap from N(away·√τ, τ), its rate and time in units of C_P/2τ."""
    mdp = star.mdp
    a = mdp.grid.nodes[:, 0]
    log_start = -((a - away * np.sqrt(mdp.tau)) ** 2) / (2 * mdp.tau) - mdp.grid.log_weights
    start = wc.softmax_policy(np.tile(log_start, (mdp.n_states, 1)), mdp.grid)
    seen = watched(star, start, FOLDS * unit, samples=16, tol=3e-4, noise=0.02)
    return {
        "t": seen["t"] / unit,
        "rate": seen["rate"] * unit,
        "error": seen["rate_error"] * unit,
    }


def _all(power: float) -> dict[float, dict[str, Array]]:
    """From every start, with what half the nodes change among the errors."""
    star, coarse = (wc.solve(_problem(power, nodes), tol=None) for nodes in (512, 256))
    unit = float(wc.poincare(star.policy).upper.max()) / (2 * star.mdp.tau)
    found = {}
    for away in AWAY:
        fine, other = _from(star, unit, away), _from(coarse, unit, away)
        found[away] = fine | {"error": fine["error"] + np.abs(fine["rate"] - other["rate"])}
    return found


def _least(power: float, seen: dict[str, Array]) -> dict[str, float]:
    """The smallest rate on the way."""
    k = int(np.nanargmin(seen["rate"]))
    return {"power": power, "rate": seen["rate"][k], "error": seen["error"][k]}


def _poincare() -> dict[str, Array]:
    """C_P of the optimal policy in the worst state over powers."""
    rows = []
    for power in np.linspace(1.1, 2.0, 10):
        star = wc.solve(wc.zoo.heavy_tails(power=float(power)), tol=None)
        C_P = wc.poincare(star.policy)
        low, high = (float(side.max()) for side in (C_P.lower, C_P.upper))
        rows.append({"power": float(power), "low": low, "high": high})
    return columns(rows)


def _compute() -> Data:
    parts = {"sweep": numbers(SWEEP.run()), "C_P": _poincare()}
    seen = {power: _all(power) for power in POWERS}
    for away in AWAY:
        parts[f"along {away:g}"] = seen[SLOW][away]
        parts[f"least {away:g}"] = columns([_least(p, seen[p][away]) for p in POWERS])
    return flat(parts)


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 6.2)
    top, middle, bottom = figure.subplots(3)
    for away, colour in AWAY.items():
        along, least = under(data, f"along {away:g}"), under(data, f"least {away:g}")
        label = rf"${away:g}\sqrt{{\tau}}$"
        t = (along["t"][1:] + along["t"][:-1]) / 2
        measured(top, t, along["rate"], along["error"], label, color=colour)
        seen = least["rate"], least["error"]
        points(middle, least["power"], seen, label, color=colour, markersize=3)
    for axes in (top, middle):
        axes.axhline(1.0, color=GREY, linewidth=0.6, zorder=0)
        axes.set_ylabel(r"rate $\times\,C_\mathrm{P}/2\tau$")
    top.set(xlim=(0, FOLDS), ylim=(0, 1.6), xlabel=r"time in units of $C_\mathrm{P}/2\tau$")
    top.set_title(rf"(a) along the flow, $p={SLOW:g}$, by start")
    top.legend(loc="lower right", ncols=2)
    middle.set(ylim=(0, 1.6), xlabel="power $p$ of the tails", title="(b) smallest rate on the way")
    found = under(data, "C_P")
    bottom.fill_between(found["power"], found["low"], found["high"], color=BLUE, alpha=0.25, lw=0)
    bottom.plot(found["power"], found["high"], color=BLUE, label=r"$C_\mathrm{P}(\pi^*)$")
    bottom.set(ylim=(0, None), xlabel="power $p$ of the tails", ylabel="constant")
    bottom.set_title(r"(c) $C_\mathrm{P}$; $C_\mathrm{LS}=\infty$ below 2")
    ribbon(bottom, under(data, "sweep"))
    for axes in (middle, bottom):
        axes.set_xlim(1.07, 2.03)
    ribbon_legend(figure, under(data, "sweep"), loc="outside lower center", ncols=1)
    return figure


PROBE = Ready(
    name="heavy-tails",
    question="Does the gap still close exponentially when the reference has heavier tails than a Gaussian?",
    sweeps=(SWEEP,),
    figure=Figure(
        name="probe_heavy_tails",
        title="the rate of the flow under tails e^{−|a|^p}, by how far away it starts",
        marks="The rate of E_t in units of 2τ/C_P along the flow from Gaussians at four distances, and "
        "the smallest rate on the way against the power of the tails (bands and bars: errors); C_P "
        "(band: bracket) with the ribbon of premise and conclusion of `wpg-exp`.",
        seen="C_LS is infinite and the bound says E_t ≤ E_0; the flow waits the longer the farther it "
        "starts, and ends at 2τ/C_P.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wpg-exp", TAILS, power=1.5, start="reference", expect="INAPPLICABLE"),
            shown("wpg-exp", TAILS, power=2.0, start="reference"),
        ),
    ),
)
FIGURES = (PROBE.figure,)
