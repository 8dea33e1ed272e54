"""The constants of wells: against temperature with their asymptotics, and beside what is proved a priori."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, proved, under
from wconv.report.style import BLUE, COLUMN, DASH, DOTS, GREEN, ORANGE, VERMILLION
from wconv.theory.bounds import constants as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COLD = np.geomspace(0.07, 1.0, 12)
"""Temperatures of the wells; the barrier is about one."""

WARM = np.geomspace(0.3, 20.0, 16)
NARROW = 1.02
"""A wider bracket has no middle to speak of."""

NAMES = {
    "C_P": (r"$C_\mathrm{P}$", BLUE),
    "C_T": (r"$C_\mathrm{T}$", GREEN),
    "C_LS": (r"$C_\mathrm{LS}$", VERMILLION),
}


def _brackets(law: wc.Policy) -> dict[str, float]:
    """Both sides of the three constants in the first state."""
    found = wc.inequalities(law)
    sides: dict[str, float] = {}
    for name, c in (
        ("C_P", found.poincare),
        ("C_T", found.talagrand),
        ("C_LS", found.log_sobolev),
    ):
        sides |= {f"{name} low": float(c.lower[0]), f"{name} high": float(c.upper[0])}
    return sides


def _eyring_kramers(mdp: wc.MDP, law: wc.Policy) -> dict[str, float]:
    """PQR and 1/(2Λ) of two wells in the first state: masses P, Q, R = ∫ da/ρ between their bottoms."""
    r, rho, cell = mdp.r[0], law.lebesgue[0], mdp.grid.cell
    bottoms = 1 + np.flatnonzero((r[1:-1] > r[:-2]) & (r[1:-1] >= r[2:]))
    one, two = (int(node) for node in bottoms)
    saddle = one + int(r[one:two].argmin())
    P, Q = float(rho[:saddle].sum() * cell), float(rho[saddle:].sum() * cell)
    R = float((1 / rho[one : two + 1]).sum() * cell)
    return {"PQR": P * Q * R, "inverse_mean": (np.log(P) - np.log(Q)) / (P - Q) / 2}


def _at(tau: float) -> dict[str, float]:
    mdp = wc.zoo.tilted_double_well(temperature=tau, discount=0.0, tilt=0.1)
    law = wc.gibbs(mdp, mdp.r)
    return {"tau": tau} | _brackets(law) | _eyring_kramers(mdp, law)


def _columns(rows: list[dict[str, float]]) -> dict[str, Array]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _against_temperature() -> Data:
    return _columns([_at(float(tau)) for tau in COLD])


def _bracket(axes: Any, x: Array, data: Data, name: str, label: str, by: Any = 1.0) -> None:
    """A band from side to side, and its middle as a curve where it is narrow."""
    colour = NAMES[name][1]
    low, high = data[f"{name} low"] / by, data[f"{name} high"] / by
    narrow = bool((high < NARROW * low).all())
    axes.fill_between(x, low, high, color=colour, alpha=0.25, lw=0, label=None if narrow else label)
    if narrow:
        axes.plot(x, np.sqrt(low * high), color=colour, label=label)


def _draw_temperature(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 4.6)
    top, bottom = figure.subplots(2)
    x = 1 / data["tau"]
    for name, (label, _) in NAMES.items():
        _bracket(top, x, data, name, label)
    proved(top, x, data["PQR"], r"$PQR$", color="0.2")
    ends = data["PQR"] * data["inverse_mean"]
    proved(top, x, ends, r"$PQR/2\Lambda$", color="0.2", linestyle=DOTS)
    top.set(yscale="log", title=r"(a) one tilted double well, cooled", ylabel="constants")
    top.legend(loc="upper left", ncols=2)
    middle = np.sqrt(data["C_P low"] * data["C_P high"])
    colour = {"color": BLUE, "marker": "o", "markersize": 3}
    bottom.plot(x, middle / data["PQR"], label=r"$C_\mathrm{P}/PQR$", **colour)
    for name in ("C_T", "C_LS"):
        _bracket(bottom, x, data, name, NAMES[name][0] + r"$/C_\mathrm{P}$", middle)
    bottom.plot(x, data["inverse_mean"], color="0.2", linestyle=DOTS, label=r"$1/2\Lambda$")
    bottom.axhline(1.0, color="0.8", linewidth=0.6, zorder=0)
    bottom.set(xlabel=r"inverse temperature $1/\tau$", title="(b) ratios")
    bottom.legend(loc="upper left", ncols=2)
    for axes in (top, bottom):
        axes.set_xlim(x.min(), x.max())
    return figure


def _upper(build: Callable[..., wc.MDP], tau: float) -> dict[str, float]:
    """C_LS of the optimal policy in the first state, with both theorems' bounds (1/m NaN for m ≤ 0)."""
    mdp = build(temperature=tau)
    law = wc.solve(mdp).policy
    reference = wc.log_sobolev(wc.uniform(mdp)).upper[0]
    osc, m = wc.oscillation(law.logf, mdp.grid), wc.convexity(law).lower[0]
    found = wc.log_sobolev(law)
    return {
        "tau": tau,
        "C_LS low": float(found.lower[0]),
        "C_LS high": float(found.upper[0]),
        "holley_stroock": float(bounds.holley_stroock(C_0=reference, osc=osc.upper[0])),
        "bakry_emery": float(bounds.bakry_emery(m=m)) if m > 0 else np.nan,
    }


def _upper_bounds() -> Data:
    problems: dict[str, Callable[..., wc.MDP]] = {
        "wells": wc.zoo.tilted_double_well,
        "bandit": wc.zoo.quadratic_bandit,
    }
    return flat(
        {
            name: _columns([_upper(build, float(tau)) for tau in WARM])
            for name, build in problems.items()
        }
    )


def _draw_upper(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 4.6)
    titles = {"wells": "(a) tilted double well", "bandit": "(b) quadratic bandit"}
    for axes, (name, title) in zip(figure.subplots(2, sharex=True), titles.items(), strict=True):
        found = under(data, name)
        tau = found["tau"]
        proved(axes, tau, found["holley_stroock"], r"$e^{\mathrm{osc}\,\psi}C_\mathrm{LS}(\mu)$")
        if np.isfinite(found["bakry_emery"]).any():
            proved(axes, tau, found["bakry_emery"], r"$1/m$", color=ORANGE, linestyle=DASH)
        low, high = found["C_LS low"], found["C_LS high"]
        axes.fill_between(tau, low, high, color=BLUE, alpha=0.25, linewidth=0)
        axes.plot(tau, np.sqrt(low * high), color=BLUE, label=r"$C_\mathrm{LS}(\pi^*)$")
        axes.set(xscale="log", yscale="log", title=title, ylabel=r"$C_\mathrm{LS}$")
        axes.set_xlim(tau[0], tau[-1])
        axes.legend(loc="best")
    figure.axes[1].set_xlabel(r"temperature $\tau$")
    return figure


FIGURES = (
    Figure(
        name="constants_vs_temperature",
        title="C_P ≤ C_T ≤ C_LS of a cooling double well, with their Eyring–Kramers asymptotics",
        marks="Brackets of C_P, C_T and C_LS (bands) of the Gibbs law of a tilted double well against "
        "1/τ, with PQR (dashed; P, Q the masses of the wells, R = ∫ da/ρ between their bottoms) "
        "and PQR/2Λ (dotted; Λ the logarithmic mean of P and Q); below their ratios.",
        seen="The constants rise like e^{ΔV/τ}; C_P/PQR tends to 1 and C_LS/C_P to 1/(2Λ), which grows "
        "as one well empties.",
        compute=_against_temperature,
        draw=_draw_temperature,
        claims=(
            shown("eyring-kramers", "tilted-double-well", discount=0.0, temperature=0.2, tilt=0.1),
            shown("constants-chain", "tilted-double-well", discount=0.0, temperature=0.2, tilt=0.1),
        ),
    ),
    Figure(
        name="constants_upper_bounds",
        title="C_LS of optimal policies beside the bounds of Holley and Stroock and of Bakry and Émery",
        marks="The bracket of C_LS of the optimal policy in one state (solid) against temperature, "
        "under e^{osc ψ}C_LS(μ) (`holley-stroock`, dashed) and, where −log p is convex, 1/m "
        "(`bakry-emery`, dashed, orange).",
        seen="The perturbation bound leaves the truth exponentially as the problem cools; convexity "
        "follows it, where there is any.",
        compute=_upper_bounds,
        draw=_draw_upper,
        claims=(
            shown("holley-stroock", "tilted-double-well"),
            shown("bakry-emery", "quadratic-bandit"),
        ),
    ),
)
