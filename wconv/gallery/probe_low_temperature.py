"""Temperature → 0 on wells: the premise of `wpg-exp` never fails, and its bound says less and less."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, points, proved, under
from wconv.gallery.rates import columns, fall, pushed, watched
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.outcomes import SolverError
from wconv.report.style import BLUE, COLUMN, DOTS, GREEN, GREY, ORANGE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

WELLS = "tilted-double-well"
STARTS = {"reference": "from the reference", "pushed": "from the optimum, pushed"}
SWEEPS = tuple(
    Asked("wpg-exp", ("temperature=0.0025:1:log:8",), WELLS, halvings=6, start=start)
    for start in STARTS
)
TAU = np.geomspace(0.005, 1.0, 24)
FOLDS = 6.0
"""The slowest mode of E falls by e^-FOLDS while it is watched."""

SEEN = ("exponent", "near", "far")
NEAR = 0.3
"""A push after which the slowest mode decays like that of the linearised flow."""


def _slow(star: wc.Solution, C_P: float, start: wc.Policy) -> dict[str, Array] | None:
    """The flow on the time scale of its slowest mode, in four parts; None where that is out of reach."""
    until = FOLDS * C_P / (2 * star.mdp.tau)
    try:
        return watched(star, start, until, samples=4, tol=1e-3, noise=0.05)
    except SolverError:  # a span of time scales beyond what floating point tells apart
        return None


def _rates(tau: float, nodes: int) -> dict[str, float]:
    """The exponent by time 2, and slow rates times C_P/2τ: the last near π*, the mean from the reference."""
    mdp = wc.zoo.tilted_double_well(temperature=tau, resolution=nodes)
    star = wc.solve(mdp, tol=None)
    C_P = float(wc.poincare(star.policy).upper.max())
    unit, found = C_P / (2 * tau), dict.fromkeys(SEEN, (np.nan, np.nan))
    exponent = fall(watched(star, wc.uniform(mdp), 2.0, tol=1e-5))
    found["exponent"] = exponent[0] * 2.0, exponent[1] * 2.0
    if (near := _slow(star, C_P, pushed(star, NEAR))) and np.isfinite(near["rate"]).any():
        last = np.flatnonzero(np.isfinite(near["rate"]))[-1]
        found["near"] = near["rate"][last] * unit, near["rate_error"][last] * unit
    if (far := _slow(star, C_P, wc.uniform(mdp))) and np.isfinite(far["rate"]).all():
        found["far"] = far["rate"][1:].mean() * unit, far["rate_error"][1:].mean() * unit
    return {name: value for name, (value, _) in found.items()} | {
        f"{name}_error": error for name, (_, error) in found.items()
    }


def _at(tau: float) -> dict[str, float]:
    """Constants of π* in the worst state, and rates; their errors include what half the nodes change."""
    mdp = wc.zoo.tilted_double_well(temperature=tau)
    found = wc.inequalities(wc.solve(mdp, tol=None).policy)
    C_LS = found.log_sobolev
    fine, coarse = _rates(tau, 128), _rates(tau, 64)
    for name in SEEN:
        fine[f"{name}_error"] += abs(fine[name] - coarse[name])
    return fine | {
        "tau": tau,
        "C_P": float(found.poincare.upper.max()),
        "C_LS": float(C_LS.upper.max()),
        "C_LS_low": float(C_LS.lower.max()),
        "proved": 4.0 * tau * (1.0 - mdp.gamma) / float(C_LS.upper.max()),
    }


def _compute() -> Data:
    rows = columns([_at(float(tau)) for tau in TAU])
    return flat({one.start: numbers(one.run()) for one in SWEEPS} | {"at": rows})


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 6.0)
    panels = figure.subplots(3, sharex=True)
    at = under(data, "at")
    sweeps = [under(data, start) for start in STARTS]
    _constants(panels[0], at)
    _slow_rates(panels[1], at)
    tau = at["tau"]
    measured(panels[2], tau, at["exponent"], at["exponent_error"], r"observed $\log(E_0/E_2)$")
    sharp = at["proved"] * at["C_LS"] / at["C_LS_low"]
    proved(panels[2], tau, at["proved"], r"proved $4\tau(1-\gamma)/C_\mathrm{LS}$", sharp)
    panels[2].set(yscale="log", ylim=(1e-16, 1e2), xlabel=r"temperature $\tau$")
    panels[2].set_title("(c) exponents by time 2, from the reference")
    panels[2].legend(loc="lower right", bbox_to_anchor=(1.0, 0.05))
    for axes, sweep in zip(panels[1:], sweeps[::-1], strict=True):
        ribbon(axes, sweep)
    panels[2].set(xscale="log", xlim=(0.0025, 1.0))
    ribbon_legend(figure, *sweeps, loc="outside lower center", ncols=2)
    return figure


def _constants(axes: Any, at: Data) -> None:
    tau = at["tau"]
    axes.plot(tau, at["C_P"], color=BLUE, label=r"$C_\mathrm{P}(\pi^*)$")
    axes.fill_between(tau, at["C_LS_low"], at["C_LS"], color=VERMILLION, alpha=0.25, linewidth=0)
    axes.plot(tau, at["C_LS"], color=VERMILLION, label=r"$C_\mathrm{LS}(\pi^*)$")
    axes.set(yscale="log", title="(a) constants", ylim=(0.1, 1e100))
    axes.legend(loc="upper right")


def _slow_rates(axes: Any, at: Data) -> None:
    tau, share = at["tau"], at["C_P"] / at["C_LS"]
    sharp = at["C_P"] / at["C_LS_low"]
    style: dict[str, Any] = {"linestyle": "none", "markersize": 3}
    points(axes, tau, (at["near"], at["near_error"]), r"near $\pi^*$", **style)
    points(axes, tau, (at["far"], at["far_error"]), r"from $\mu$", color=GREEN, marker="s", **style)
    proved(axes, tau, share, r"$2\tau/C_\mathrm{LS}$", sharp, color=ORANGE)
    label = r"$(1-\gamma)2\tau/C_\mathrm{LS}$"
    proved(axes, tau, 0.2 * share, label, 0.2 * sharp, linestyle=DOTS)
    axes.axhline(1.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set(yscale="log", ylim=(1e-3, 3), title=r"(b) slow rates in units of $2\tau/C_\mathrm{P}$")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.05))


PROBE = Ready(
    name="low-temperature",
    question="What is left of the flow's exponential bound as wells freeze?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_low_temperature",
        title="the flow between cooling wells: constants, slow rates, and exponents by time 2",
        marks="Constants of the optimal policy; the rate of E_t over its slowest relaxation (dots: near "
        "the optimum, squares: mean from the reference) in units of 2τ/C_P, with that of `gap-newton-rate` "
        "(dashed) and `wpg-exp` (dotted); the exponents by time 2. Bands reach to the other side of C_LS; "
        "ribbons say of premise and conclusion of `wpg-exp` from the pushed optimum (b) and the "
        "reference (c).",
        seen="C_LS stays finite and grows like e^{Δ/τ}: the bound holds, and soon says nothing.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wpg-exp", WELLS, temperature=0.01, start="reference"),
            shown("wpg-exp", WELLS, temperature=0.1, start="pushed", expect="INCONCLUSIVE"),
        ),
    ),
)
FIGURES = (PROBE.figure,)
