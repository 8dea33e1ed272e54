"""The entropy of an implicit policy between its two plug-in estimates, against the number of centres."""

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

import wconv as wc
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, points, proved
from wconv.report.style import BLUE, COLUMN, DOTS, GREEN, ORANGE
from wconv.theory.bounds import entropy as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COUNTS: Final = (8, 16, 32, 64, 128, 256, 512)
REPLICATIONS: Final = 64
CONFIDENCE: Final = 0.99
"""Joint and one-sided, of the means of an estimate."""

SHARE, PER_SIGMA = 8.0, 8
"""Standard deviations of the policy to one of the noise; nodes to one of those."""


def _compute() -> Data:
    """Means over 64 seeded replications; the same centres are pooled into more and more."""
    policy = wc.solve(wc.zoo.tilted_double_well(temperature=5.0)).policy
    masses, places = policy.pi[0], policy.grid.nodes[:, 0]
    sigma = float(np.sqrt(masses @ (places - masses @ places) ** 2)) / SHARE
    law = wc.Mixtures(policy.grid.nodes, sigma, masses)
    J, C = wc.cross_entropy(law, law) - law.floor, wc.chi_square_information(law)
    line = wc.LineSum.covering(law, per_sigma=PER_SIGMA)
    log_law, rng = law.log_density(line.nodes), np.random.default_rng(0)
    centres = law.latents(rng, REPLICATIONS * COUNTS[-1]).reshape(-1, COUNTS[0], law.dim)
    logs = wc.Mixtures(centres, sigma).log_density(line.nodes)
    reused, fresh = [], []
    for former, count in pairwise((COUNTS[0], *COUNTS)):
        logs = wc.pooled(logs, count // former)
        reused.append(_mean(line.surprise(logs, logs, count) - law.floor))
        fresh.append(_mean(line.surprise(log_law, logs, count) - law.floor))
    M = np.array(COUNTS, float)
    low = bounds.biased(J=J.value, C=C.value + C.error, M=M)
    found = {"M": M, "J": J.value, "J error": J.error, "low": low, "names": bounds.names(M=M)}
    return found | {"reused": np.array(reused).T, "fresh": np.array(fresh).T}


def _mean(each: wc.Measured) -> tuple[float, float]:
    """The mean over all mixtures of a count with its error."""
    mean = wc.replicated(each, confidence=CONFIDENCE ** (1 / len(COUNTS)), axis=-1)
    return float(mean.value), float(mean.error)


def _draw(data: Data) -> "Canvas":
    figure = canvas(COLUMN, 5.2)
    (top, bottom), M = figure.subplots(2, sharex=True), data["M"]
    J, error = float(data["J"]), float(data["J error"])
    (fresh, reused) = data["fresh"], data["reused"]
    points(top, M, fresh, "fresh latents", color=GREEN)
    top.axhline(J, color="0.2", linewidth=0.9, label="$J$")
    points(top, M, reused, "centres reused", color=BLUE)
    proved(top, M, data["low"], r"$J-\log(1+C/M)$")
    proved(top, M, data["names"], r"$\log M$", color=ORANGE, linestyle=DOTS)
    top.set(ylabel=r"mean estimate", title=r"(a) tilted wells at $\tau=5$")
    points(bottom, M, [fresh[0] - J, fresh[1] + error], "_", color=GREEN)
    points(bottom, M, [J - reused[0], reused[1] + error], "_", color=BLUE)
    proved(bottom, M, J - data["low"], "_")
    bottom.set(xscale="log", yscale="log", xlabel="centres $M$", ylabel="distance to $J$")
    bottom.set_xticks(M, [f"{m:g}" for m in M])
    bottom.minorticks_off()
    bottom.set_title("(b) bias above and below, bound of the latter")
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


FIGURES = (
    Figure(
        name="plugin_entropy",
        title="the entropy of an implicit policy between two plug-in estimates, against the centres",
        marks="Mean plug-in estimates of the entropy of an implicit policy (bars: one-sided 99 %) from "
        "M centres, with the actions of the same centres and of fresh latents; J the truth "
        "(line), J − log(1+C/M) (dashed) and log M (dotted) the bounds of `plugin-entropy`.",
        seen="The two estimates close in on the truth from below and above like 1/M; the bound on the "
        "bias has the right order once M exceeds C.",
        compute=_compute,
        draw=_draw,
        claims=(shown("plugin-entropy", "tilted-double-well", temperature=5.0),),
    ),
)
