"""Confinement → 0: a-priori constants and the rate, with and without a reward that confines."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, points, proved, under
from wconv.gallery.rates import columns, fall, pushed, watched
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.report.style import DASH, DOTS, GREEN, GREY, MEASURED, ORANGE, PAGE, PROVED

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

LINE, QUADRATIC = "gaussian-line", "quadratic-line"
STEP = 0.25
WEAK: dict[str, Any] = {"amplitude": 0.02, "discount": 0.5, "resolution": 512}
WAVES: dict[str, Any] = {"resolution": 512}
BOWL: dict[str, Any] = {"curvature": 0.1, "resolution": 256}
SWEEPS = {
    "a-priori": Asked(
        "a-priori",
        ("confinement=0.004:1:log:8",),
        LINE,
        fixed=WEAK | {"step_size": STEP},
        halvings=4,
        start="pushed",
    ),
    "waves": Asked("wpg-exp", ("confinement=0.004:1:log:8",), LINE, WAVES, 4, "pushed"),
    "bowl": Asked("wpg-exp", ("confinement=0.004:1:log:8",), QUADRATIC, BOWL, 4, "pushed"),
}
TITLES = {
    "waves": r"(c) rates, $r=\cos/2$, $\gamma=0.8$",
    "bowl": r"(d) rates, $r=-\kappa_s(a-c_s)^2/2$",
}
PUSH = 0.5
"""Of the optimal policy, in standard deviations of the reference."""


def _constants(beta: float) -> dict[str, float]:
    """η_0 and, at half of it at most, the a-priori constants beside those of the optimal policy."""
    mdp = wc.zoo.gaussian_line(confinement=beta, **WEAK)
    star = wc.solve(mdp, tol=None).policy
    data = wc.assumptions_of(mdp)
    end = wc.largest_step(data).value
    known, C_LS = wc.a_priori(data, min(STEP, end) / 2), wc.log_sobolev(star)
    moment = (star.pi * mdp.grid.nodes[:, 0] ** 2).sum(axis=-1).max()
    return {
        "beta": beta,
        "end": end,
        "M": known.M or np.nan,
        "C": float(np.exp(known.log_C_LS)),
        "moment": float(moment),
        "C_LS": float(C_LS.upper.max()),
    }


def _rates(mdp: wc.MDP, beta: float, far: bool) -> dict[str, float]:
    """The last rate from the pushed optimum, and the mean rate to time 4 from the reference (if ``far``)."""
    star = wc.solve(mdp, tol=None)
    C_LS = wc.log_sobolev(star.policy)
    near = watched(star, pushed(star, PUSH), 6.0 * float(C_LS.lower.max()), samples=6)
    wide = fall(watched(star, wc.uniform(mdp), 4.0)) if far else (np.nan, np.nan)
    return {
        "beta": beta,
        "C_LS": float(C_LS.upper.max()),
        "C_LS_low": float(C_LS.lower.max()),
        "near": float(near["rate"][-1]),
        "near_error": float(near["rate_error"][-1]),
        "far": wide[0],
        "far_error": wide[1],
    }


def _waves(beta: float) -> dict[str, float]:
    """On the line with a bounded reward; errors include what half the nodes change."""
    fine, coarse = (
        _rates(wc.zoo.gaussian_line(confinement=beta, resolution=n), beta, True) for n in (512, 256)
    )
    for name in ("near", "far"):
        fine[f"{name}_error"] += abs(fine[name] - coarse[name])
    return fine


def _compute() -> Data:
    weak = np.geomspace(0.004, 1.0, 10)
    bowls = np.geomspace(0.01, 1.0, 7)
    parts = {name: numbers(one.run()) for name, one in SWEEPS.items()}
    parts["constants"] = columns([_constants(float(beta)) for beta in weak])
    parts["rates waves"] = columns([_waves(float(b)) for b in np.geomspace(0.004, 1.0, 8)])
    parts["rates bowl"] = columns(
        [
            _rates(wc.zoo.quadratic_line(confinement=float(b), **BOWL), float(b), False)
            for b in bowls
        ]
    )
    return flat(parts)


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 5.2)
    panels = figure.subplots(2, 2, sharex=True)
    _draw_constants(panels[0, 0], panels[0, 1], under(data, "constants"))
    ribbon(panels[0, 1], under(data, "a-priori"))
    for axes, (name, title) in zip(panels[1], TITLES.items(), strict=True):
        _draw_rates(axes, under(data, f"rates {name}"))
        ribbon(axes, under(data, name))
        axes.set(xlabel=r"confinement $\beta$", title=title, ylim=(1e-4, 10))
    panels[1, 0].set(xscale="log", xlim=(0.0035, 1.15))
    panels[1, 0].legend(loc="lower right")
    ribbon_legend(
        figure, *(under(data, name) for name in SWEEPS), loc="outside lower center", ncols=3
    )
    return figure


def _draw_constants(left: Any, right: Any, found: Data) -> None:
    beta = found["beta"]
    proved(left, beta, found["M"], r"$M$ a priori")
    left.plot(
        beta,
        found["moment"],
        "o",
        color=MEASURED,
        markersize=3,
        label=r"$\mathbf{E}|a|^2$, $\pi^*$",
    )
    proved(left, beta, found["C"], r"$C_\mathrm{LS}$ a priori", color=ORANGE, linestyle=DOTS)
    left.plot(beta, found["C_LS"], color=GREEN, label=r"$C_\mathrm{LS}(\pi^*)$")
    left.set(yscale="log", title="(a) constants, weak waves")
    left.legend(loc="upper right")
    right.plot(beta, found["end"], color=PROVED, linestyle=DASH, label=r"longest step $\eta_0$")
    right.axhline(STEP, color=GREY, label=r"step $\eta$ of the check")
    right.set(yscale="log", title="(b) feasible steps, weak waves", ylim=(0.08, 3.0))
    right.legend(loc="upper right")


def _draw_rates(axes: Any, found: Data) -> None:
    beta, style = found["beta"], {"linestyle": "none", "markersize": 3}
    rate, sharp = 1.0 / found["C_LS"], 1.0 / found["C_LS_low"]
    proved(axes, beta, rate, r"$2\tau/C_\mathrm{LS}$", sharp, color=ORANGE)
    proved(axes, beta, 0.2 * rate, r"$(1-\gamma)2\tau/C_\mathrm{LS}$", 0.2 * sharp, linestyle=DOTS)
    points(axes, beta, (found["near"], found["near_error"]), "observed, pushed", **style)
    if np.isfinite(found["far"]).any():
        far = (found["far"], found["far_error"])
        points(axes, beta, far, r"observed, from $\mu$", color=GREEN, marker="s", **style)
    axes.set(yscale="log")


PROBE = Ready(
    name="no-confinement",
    question="What is left of constants and rate as the confinement vanishes?",
    sweeps=tuple(SWEEPS.values()),
    figure=Figure(
        name="probe_no_confinement",
        title="vanishing confinement: a-priori constants, feasible steps, and rates of the flow",
        marks="(a) The a-priori constants and those of the optimal policy on weak waves; (b) the longest "
        "step for which they close; (c, d) the rate of E_t from the pushed optimum (dots) and from "
        "the reference (squares) against 2τ/C_LS (dashed) and (1−γ) of it (dotted), for waves and "
        "for a reward that confines. Ribbons say of premise and conclusion of `a-priori` (b) and "
        "`wpg-exp` (c, d).",
        seen="With a bounded reward C_LS and the rate follow the confinement; a reward that confines "
        "keeps both.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("wpg-exp", LINE, confinement=0.01, resolution=512, start="pushed"),
            shown("wpg-exp", QUADRATIC, confinement=0.01, start="pushed", **BOWL),
        ),
    ),
)
FIGURES = (PROBE.figure,)
