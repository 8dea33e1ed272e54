"""Discount → 1: which bounds become empty, and what the methods really do."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.constants.a_priori import a_priori_log
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, note, points, proved, under
from wconv.gallery.rates import columns, pushed, watched
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import DASH, DOTS, GREEN, GREY, MEASURED, ORANGE, PAGE, PROVED

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas
    from xarray import Dataset

RING, LINE = "ring", "gaussian-line"
GAMMA = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
FAR = "discount=" + ",".join(map(str, GAMMA))
WEAK: dict[str, Any] = {"amplitude": 0.02}
SWEEPS = {
    "a-priori": Asked("a-priori", ("discount=0.2:0.95:8",), LINE, WEAK, 5, "pushed"),
    "newton": Asked("gap-newton-rate", (FAR,), RING, start="pushed"),
    "plateau": Asked("wpgd-global", (FAR,), RING, {"resolution": 96}, start="pushed"),
    "flow": Asked("wpg-exp", (FAR,), RING, start="pushed"),
}
PLATEAU = "stationary E <= tau delta / ((1-gamma)^2 c)"


def _rate(star: wc.Solution, C_LS: float) -> tuple[float, float]:
    """The rate of E_t after five of the times C_LS/2τ from the pushed optimum, and its error."""
    until = 6.0 * C_LS / (2 * star.mdp.tau)
    seen = watched(star, pushed(star, 0.5), until, samples=6, tol=1e-5)
    return float(seen["rate"][-1]), float(seen["rate_error"][-1])


def _last(gamma: float) -> dict[str, float]:
    """The last rate of the flow beside 2τ/C_LS(π*), the gap below which `gap-newton-rate` says something."""
    star, coarse = (
        wc.solve(wc.zoo.ring(discount=gamma, resolution=n), tol=None) for n in (128, 64)
    )
    mdp, C_LS = star.mdp, float(wc.log_sobolev(star.policy).upper.max())
    rate, error = _rate(star, C_LS)
    from_mu = wc.optimality_gap(star, wc.evaluate(mdp, wc.uniform(mdp))).sup()
    return {
        "away": 1.0 - gamma,
        "rate": rate,
        "rate_error": error + abs(rate - _rate(coarse, C_LS)[0]),
        "proved": 2 * mdp.tau / C_LS,
        "E_0": float(from_mu.value),
        "floor": float(from_mu.error),
        "newton": _newton_reach(gamma, mdp.tau),
    }


def _newton_reach(gamma: float, tau: float) -> float:
    """The gap E at which (γ/(1−γ))(γE/4τ + √(E/2τ)) = 1: a square in √(E/τ)."""
    half = np.sqrt(0.5) / gamma
    root = (np.sqrt(half**2 + (1 - gamma) / gamma**2) - half) * 2
    return float(tau * root**2)


def _a_priori(gamma: float) -> dict[str, float]:
    """log_10 of the longest feasible step and of C_LS a priori below it, and C_LS of the optimal policy."""
    mdp = wc.zoo.gaussian_line(discount=gamma, **WEAK)
    data = wc.assumptions_of(mdp)
    end = wc.largest_step(data)
    known = a_priori_log(data, end.log_lower - 1.0)
    C_LS = wc.log_sobolev(wc.solve(mdp, tol=None).policy).upper.max()
    tens = np.log(10.0)
    return {
        "away": 1.0 - gamma,
        "end": end.log_lower / tens,
        "C_LS": known.log_C_LS / tens,
        "measured": float(np.log10(C_LS)),
    }


def _ratios(found: "Dataset") -> Array:
    """Measured/proved of the stationary gap at the step and at twice the step, (γ,)."""
    return np.asarray(found["claim_tightness"].sel(claim=PLATEAU).values, dtype=float)


def _compute() -> Data:
    found = {name: one.run() for name, one in SWEEPS.items()}
    parts: dict[str, dict[str, Array]] = {name: numbers(one) for name, one in found.items()}
    parts["plateau"]["stationary"] = _ratios(found["plateau"])
    parts["last"] = columns([_last(gamma) for gamma in GAMMA])
    parts["constants"] = columns([_a_priori(gamma) for gamma in GAMMA])
    return flat(parts)


def _mirrored(found: Data) -> dict[str, Array]:
    """The strips of a ribbon over 1 − γ."""
    left, right = 1.0 - found["right"], 1.0 - found["left"]
    return dict(found) | {"left": np.maximum(left, 1e-9), "right": right}


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 5.2)
    panels = figure.subplots(2, 2, sharex=True)
    last = under(data, "last")
    _rates(panels[0, 0], last)
    _levels(panels[0, 1], last)
    plateau = under(data, "plateau")
    ratio = plateau["stationary"]
    panels[1, 0].plot(1 - plateau["x"], ratio, "o-", color=MEASURED, markersize=3)
    panels[1, 0].set(yscale="log", ylim=(5e-8, 1e-3), ylabel="measured / proved")
    panels[1, 0].set_title("(c) stationary gap, Langevin")
    _constants(panels[1, 1], under(data, "constants"))
    shown_here = {"flow": (0, 0), "newton": (0, 1), "plateau": (1, 0), "a-priori": (1, 1)}
    for name, place in shown_here.items():
        ribbon(panels[place], _mirrored(under(data, name)))
    for axes in panels[1]:
        axes.set_xlabel(r"$1-\gamma$")
    panels[0, 0].set(xscale="log", xlim=(0.85, 7e-4))
    ribbon_legend(
        figure, *(under(data, name) for name in SWEEPS), loc="outside lower center", ncols=3
    )
    return figure


def _rates(axes: Any, last: Data) -> None:
    away = last["away"]
    seen = last["rate"], last["rate_error"]
    points(axes, away, seen, "observed", linestyle="none", markersize=3)
    label = r"$2\tau/C_\mathrm{LS}(\pi^*)$, gap-newton-rate"
    proved(axes, away, last["proved"], label, color=ORANGE)
    label = r"$(1-\gamma)2\tau/C_\mathrm{LS}(\pi^*)$, wpg-exp"
    proved(axes, away, away * last["proved"], label, linestyle=DOTS)
    axes.set(yscale="log", ylim=(1e-4, 10), title="(a) last rate of the flow, ring")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.06))


def _levels(axes: Any, last: Data) -> None:
    away = last["away"]
    axes.plot(away, last["E_0"], color=MEASURED)
    axes.plot(away, last["newton"], color=ORANGE, linestyle=DASH)
    axes.plot(away, last["floor"], color=GREY)
    note(axes, away[-1], last["E_0"][-1], "gap of the reference", MEASURED)
    below = r"below: a rate without $1-\gamma$ is proved"
    note(axes, away[-1], last["newton"][-1], below, ORANGE, "below")
    note(axes, away[-1], last["floor"][-1], "error of a gap", GREY)
    axes.set(yscale="log", ylim=(1e-19, 1e5), title="(b) gaps, ring")


def _constants(axes: Any, found: Data) -> None:
    away = found["away"]
    proved(axes, away, found["C_LS"], r"$C_\mathrm{LS}$ a priori", color=PROVED)
    axes.plot(away, found["measured"], color=GREEN, label=r"$C_\mathrm{LS}(\pi^*)$")
    proved(axes, away, found["end"], r"longest step $\eta_0$", color=GREY, linestyle=DOTS)
    axes.set(title="(d) constants from the data, weak waves")
    axes.set_yscale("symlog", linthresh=1.0)
    tens = (-100, -10, -1, 0, 1, 10, 100)
    axes.set_yticks(tens, [rf"$10^{{{k}}}$" for k in tens])
    axes.set_ylim(-400, 400)
    axes.legend(loc="upper left")


PROBE = Ready(
    name="long-horizon",
    question="Which bounds become empty as the discount tends to one, and does the method care?",
    sweeps=tuple(SWEEPS.values()),
    figure=Figure(
        name="probe_long_horizon",
        title="long horizons: last rates, gaps, the Langevin plateau and constants from the data",
        marks="(a) The last rate of the flow (dots) against 2τ/C_LS (dashed) and (1−γ) of it (dotted); "
        "(b) the gap of the reference (blue), the one below which `gap-newton-rate` says something "
        "(dashed), and the error to which a gap is known (grey); (c) the stationary gap of the "
        "Langevin update over its bound; (d) C_LS and the longest step from the data alone. Ribbons: "
        "`wpg-exp`, `gap-newton-rate`, `wpgd-global`, `a-priori`.",
        seen="The last rate does not see 1−γ; every bound that carries it empties.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wpg-exp", RING, discount=0.99, start="pushed"),
            shown("gap-newton-rate", RING, discount=0.99, start="pushed"),
            shown(
                "a-priori",
                LINE,
                discount=0.8,
                amplitude=0.02,
                start="pushed",
                expect="INAPPLICABLE",
            ),
        ),
    ),
)
FIGURES = (PROBE.figure,)
