"""The Langevin update: what one step does to the divergence, and what the step leaves of the gap at last."""

from typing import TYPE_CHECKING

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.constants.langevin import step_constants
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, proved, slope, under
from wconv.report.style import COLUMN, GREEN, GREY
from wconv.theory.bounds import wpg_langevin as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

STEPS = 0.16 * 0.5 ** np.arange(6)[::-1]
LONG = 16.0
"""A time by which the law, started at the optimal policy, has settled; the last half is its error."""


def _bias() -> Data:
    """E of the stationary law at every step with its error, and the bounds by δ and δ_3."""
    mdp = wc.zoo.gaussian_line()
    star = wc.solve(mdp, tol=None)
    paths = [wc.evolve(wc.WPGD(eta), mdp, star.policy, until=LONG, samples=2) for eta in STEPS]
    before, V = (wc.stack([path.measured[k] for path in paths]) for k in (1, 2))
    gap, earlier = ((star.measured - values).sup() for values in (V, before))
    gap = gap.with_error("stationarity", gap.value - earlier.value)
    C = wc.gibbs_constants(mdp, V).worst_at
    found = step_constants(mdp, wc.drift_tables(mdp), [path.policies[2] for path in paths], V)
    L_b, L_2 = found.L_b.upper.max(axis=1), found.L_2.upper.max(axis=1)
    rest = {"C_LS": C.upper, "L_b": L_b, "tau": mdp.tau, "gamma": mdp.gamma, "eta": STEPS, "dim": 1}
    rest["moment"] = found.second.upper.max(axis=1)
    fourth = found.fourth.upper.max(axis=1)
    second = np.where(
        STEPS * 13 * L_b <= 1, bounds.plateau_two(fourth=fourth, L_2=L_2, **rest), np.nan
    )
    known = {"eta": STEPS, "E": gap.value, "error": gap.error}
    return known | {"delta": bounds.plateau(**rest), "delta_3": second}


def _draw_bias(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 3.2)
    axes, eta = figure.subplots(), data["eta"]
    proved(axes, eta, data["delta"], r"$\tau\delta/((1-\gamma)^2c)$, wpgd-global")
    label = r"$\tau\delta_3/((1-\gamma)^2c)$, wpgd-bias-two"
    proved(axes, eta, data["delta_3"], label, color=GREEN)
    axes.plot(eta, data["E"][0] * (eta / eta[0]) ** 2, ":", color=GREY, label=r"slope 2")
    measured(axes, eta, data["E"], data["error"], "what is left of $E_k$", marker="o")
    title = r"Gaussian line, $\tau=0.5$, $\gamma=0.8$"
    axes.set(xscale="log", yscale="log", xlabel=r"step $\eta$", ylabel="$E_\\infty$", title=title)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


PATH = shown("one-step-kl", "gaussian-line", discount=0.0, amplitude=0.05, start="pushed")
SHORT = 0.16 * 0.5 ** np.arange(6)[::-1]


def _one_step() -> Data:
    """A path towards the Gibbs policy in the farthest state; one step from π* = p*, where all is error."""
    claim = PATH.verified().evidence.claims[0]
    s = int(claim.lhs.value[0].argmax())
    path = {"KL": claim.lhs.value[:, s], "error": claim.lhs.error[:, s]}
    path |= {"bound": claim.right().value[:, s], "sharp": claim.right("sharp").value[:, s]}
    return flat({"path": path, "near": _from_the_optimum(wc.zoo.gaussian_line())})


def _from_the_optimum(mdp: wc.MDP) -> dict[str, Array]:
    """KL(π'‖p*) after one step from π* in the worst state, with δ and, where it is proved, δ_3."""
    star = wc.solve(mdp, tol=None)
    V = wc.stack([star.measured])
    found = step_constants(mdp, wc.drift_tables(mdp), [star.policy], V)
    KL = []
    for eta in SHORT:
        new = wc.evolve(wc.WPGD(float(eta)), mdp, star.policy, steps=1).policies[1]
        KL.append(wc.kl(new, star.policy))
    seen = wc.stack(KL)
    worst = int(seen.value[-1].argmax())
    L_b, L_2 = found.L_b.upper[0, worst], found.L_2.upper[0, worst]
    given = {"divergence": 0.0, "moment": found.second.upper[0, worst]}
    given |= {"C_LS": 1.0, "L_b": L_b, "tau": mdp.tau, "eta": SHORT, "dim": 1}
    second = bounds.one_step_two(fourth=found.fourth.upper[0, worst], L_2=L_2, **given)
    return {
        "eta": SHORT,
        "KL": seen.value[:, worst],
        "error": seen.error[:, worst],
        "delta": bounds.one_step(**given),
        "delta_3": np.where(SHORT * 13 * L_b <= 1, second, np.nan),
    }


def _draw_one_step(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 4.6)
    top, bottom = figure.subplots(2)
    path, near = under(data, "path"), under(data, "near")
    k = 1 + np.arange(len(path["KL"]))
    label = r"$e^{-\tau\eta/C_\mathrm{LS}}\,\mathrm{KL}(\pi_{k-1}\|p_{k-1})+\delta$"
    proved(top, k, path["bound"], label, path["sharp"])
    measured(top, k, path["KL"], path["error"], r"$\mathrm{KL}(\pi_k\|p_{k-1})$")
    top.set(yscale="log", xlim=(0, k[-1]), xlabel="step $k$", ylabel="KL")
    top.set_title(r"(a) nearly a translated Gaussian, $\gamma=0$, $\eta=0.02$")
    top.legend(loc="lower left")
    eta = near["eta"]
    proved(bottom, eta, near["delta"], r"$\delta$, one-step-kl")
    proved(bottom, eta, near["delta_3"], r"$\delta_3$, wpgd-bias-two", color=GREEN)
    dots = {"marker": "o"}
    measured(bottom, eta, near["KL"], near["error"], r"$\mathrm{KL}(\pi_1\|p^*)$", **dots)
    slope(bottom, eta, 0.2 * near["KL"][0], 4.0, "slope 4")
    bottom.set(xscale="log", yscale="log", xlabel=r"step $\eta$", ylabel="KL")
    bottom.set_title(r"(b) one step from $\pi^*=p^*$, Gaussian line")
    bottom.set_xlim(right=2.6 * eta[-1])
    bottom.set_ylim(bottom=1e-3 * near["KL"][0])
    bottom.legend(loc="lower right")
    return figure


FIGURES = (
    Figure(
        name="wpgd_bias_vs_step",
        title="what the Langevin update leaves of the gap, against its step, with both plateaus",
        marks="E of the stationary law of the Langevin update (solid, band = error) against the step, "
        "with the plateau by δ (`wpgd-global`, dashed) and by δ_3 where it is proved "
        "(`wpgd-bias-two`, dashed, green); dotted: slope 2.",
        seen="The bias is of second order; the plateau by δ is of first, the one by δ_3 has the right "
        "order and a constant factor.",
        compute=_bias,
        draw=_draw_bias,
        claims=(
            shown("wpgd-global", "gaussian-line", start="optimal"),
            shown("wpgd-bias-two", "gaussian-line", start="optimal"),
        ),
    ),
    Figure(
        name="wpgd_one_step_kl",
        title="one Langevin step: the divergence it contracts, and the error δ it makes",
        marks="KL(π_k‖p_{k−1}) after every Langevin step of a path (solid, band = error) under the "
        "bound of `one-step-kl` at the measured KL(π_{k−1}‖p_{k−1}) (dashed); below what one step "
        "from π* makes, against η, with δ and, where it is proved, δ_3 of `wpgd-bias-two` "
        "(dashed); dotted: slope 4.",
        seen="Far from the Gibbs policy both sides are nearly equal; at it one step errs by η⁴ only, "
        "where δ is of order η² and δ_3 of order η³.",
        compute=_one_step,
        draw=_draw_one_step,
        claims=(PATH, shown("wpgd-bias-two", "gaussian-line", start="optimal")),
    ),
)
