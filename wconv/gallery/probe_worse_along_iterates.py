"""C_LS of the Gibbs policies gets worse along the flow: by how much, and beside what is proved of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery import worst_circles
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, points, proved, under
from wconv.gallery.ready import Asked, Ready, numbers, ribbon, ribbon_legend
from wconv.probe.attack_search import Candidate
from wconv.probe.attack_targets import FLOW_TOL, UNTIL, target
from wconv.probe.smooth_family import CircleProblem
from wconv.report.style import BLUE, DASH, GREEN, GREY, PAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FILE = Path(worst_circles.__file__)
SWEEPS = (
    Asked(
        "wpg-uniform-lsi",
        ("temperature=0.25:2:log:4",),
        f"{FILE}:along",
        halvings=1,
        start="reference",
    ),
)
PROBLEMS: dict[str, Callable[[float], CircleProblem]] = {
    "along": worst_circles.along_problem,
    "between": worst_circles.between_problem,
}
TEMPERATURES = np.geomspace(0.25, 2.0, 4)
LONG, EVERY = 32.0, 0.125
SHOWN = np.array([0, 1, 2, 3, 5, 8, 16, 32, 64, 256])
"""To which time the flow is drawn, how often it is sampled, and which samples have their C_LS certified."""

SEARCHED = np.array([[1, 2, 4, 8], [1.679, 6.66, 168.7, 2.9e4], [0.004, 0.03, 0.7, 0.2e4]])
"""R/τ, and what searches for each of them have found with its error: docs/attack.md."""


def _compute() -> Data:
    (sweep,) = SWEEPS
    return flat(
        {"sweep": numbers(sweep.run())}
        | {"searched": {"x": SEARCHED[0], "ratio": SEARCHED[1:]}}
        | {f"flow {name}": _flow(make(0.5)) for name, make in PROBLEMS.items()}
        | {name: _largest(make) for name, make in PROBLEMS.items()}
    )


def _values(mdp: wc.MDP, until: float) -> Array:
    """V along the flow and, last, V*."""
    flow, samples = wc.WPGFlow(tol=FLOW_TOL), round(until / EVERY)
    path = wc.evolve(flow, mdp, wc.uniform(mdp), until=until, samples=samples)
    return np.concatenate([path.measured.value, wc.solve(mdp).V[None]])


def _flow(problem: CircleProblem) -> dict[str, Array]:
    """Brackets of C_LS(p_t)/C_LS(p_0) of the worst state, at last of p*, and Holley–Stroock's ceiling."""
    mdp = problem.mdp
    V = _values(mdp, LONG)[[*SHOWN, -1]]
    C = wc.log_sobolev(wc.Policy(np.stack([_worst_policy(mdp, row) for row in V]), mdp.grid))
    from_start = np.exp([_moved(mdp, row - V[0]) for row in V])
    from_best = np.exp([_moved(mdp, V[-1] - row) for row in V]) * C.upper[-1] / C.lower[0]
    return {
        "t": EVERY * SHOWN,
        "lower": C.lower / C.upper[0],
        "upper": C.upper / C.lower[0],
        "ceiling": np.minimum(from_start, from_best),
    }


def _worst_policy(mdp: wc.MDP, V: Array) -> Array:
    """The log-density of the Gibbs policy with the least gap of its chain, (A,)."""
    import jax

    from wconv.constants.differentiable import spectral_gap

    logs = wc.gibbs(mdp, wc.q_from_v(mdp, V)).logf
    with jax.enable_x64(True):
        gaps = [spectral_gap(row, spacing=mdp.grid.spacing[0], periodic=True) for row in logs]
    return np.asarray(logs[int(np.argmin(gaps))])


def _moved(mdp: wc.MDP, change: Array) -> float:
    """osc log of one Gibbs policy over another whose values differ by ``change``, in the worst state."""
    return float(mdp.gamma / mdp.tau * np.ptp(mdp.next_value(change), axis=-1).max())


def _largest(make: Callable[[float], CircleProblem]) -> dict[str, Array]:
    """max_t C_LS(p_t)/C_LS(p_0) with its error and ceiling at every temperature, against R/τ."""
    goal, found, ceilings = target("lsi-along-iterates"), [], []
    for temperature in TEMPERATURES:
        problem = make(float(temperature))
        scored = goal.scored(Candidate(problem, "reference"))
        found.append((scored.ratio, scored.error))
        V = _values(problem.mdp, UNTIL)
        ceilings.append(np.exp(max(_moved(problem.mdp, row - V[0]) for row in V)))
    x = worst_circles.BOUND / TEMPERATURES
    return {"x": x, "ratio": np.array(found).T, "ceiling": np.array(ceilings)}


COLOURS = {"along": BLUE, "between": GREEN}
WORDS = {"along": "worst at the optimum", "between": "worst on the way"}


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 3.6)
    left, right = figure.subplots(1, 2)
    best, strips = under(data, "searched"), _in_rewards(under(data, "sweep"))
    for name, colour in COLOURS.items():
        flow, ratio = under(data, f"flow {name}"), under(data, name)
        _along_the_flow(left, flow, colour, WORDS[name])
        points(right, ratio["x"], ratio["ratio"], "_", color=colour)
        proved(right, ratio["x"], ratio["ceiling"], "_", color=colour)
    left.plot([], [], color="0.3", ls=DASH, label="Holley–Stroock, from $p_0$ and $p^*$")
    words = "the best of searches at each $R/\\tau$"
    points(right, best["x"], best["ratio"], words, color="0.2", marker="D", linestyle="")
    x = np.geomspace(1.0, 8.0, 40)
    proved(right, x, np.exp(2 * x), r"a priori, $e^{2\gamma R/(\tau(1-\gamma))}$", color=GREY)
    left.set(xscale="log", yscale="log", ylabel=r"$C_\mathrm{LS}(p_t)/C_\mathrm{LS}(p_0)$")
    left.set(title=r"(a) worst state along the flow, $R/\tau=4$", xlabel="time $t$")
    left.set(ylim=(0.8, 1500), xlim=(0.08, None))
    left.legend(loc="upper left")
    right.set(xscale="log", yscale="log", xlabel=r"$R/\tau$", title="(b) the largest ratio")
    right.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    right.set_xticks([], minor=True)
    right.set(ylim=(0.3, 5e7), xlim=(0.9, 9.0))
    ribbon(right, strips)
    right.legend(loc="upper left")
    ribbon_legend(figure, strips, loc="outside lower center", ncols=3)
    return figure


def _along_the_flow(axes: Any, flow: Data, colour: str, words: str) -> None:
    """A problem's bracket, its ceiling, and the optimum at the right end."""
    low, high, ceiling = (flow[name] for name in ("lower", "upper", "ceiling"))
    t = np.append(flow["t"], 2 * LONG)
    axes.fill_between(t[1:], low[1:], high[1:], color=colour, alpha=0.35, linewidth=0)
    axes.plot(t[1:], np.sqrt(low * high)[1:], color=colour, marker="o", label=words)
    proved(axes, t[1:], ceiling[1:], "_", color=colour)


def _in_rewards(sweep: dict[str, Array]) -> dict[str, Array]:
    """Strips over temperatures as strips over R/τ."""
    ends = {"left": worst_circles.BOUND / sweep["right"]}
    return sweep | ends | {"right": worst_circles.BOUND / sweep["left"]}


PROBE = Ready(
    name="worse-along-iterates",
    question="Does the log-Sobolev constant get worse along the iterates?",
    sweeps=SWEEPS,
    figure=Figure(
        name="probe_worse_along_iterates",
        title="C_LS of the Gibbs policies along the flow in the worst cases found",
        marks="C_LS of the worst state along the flow from μ over that at the start (bands: certified "
        "brackets; rightmost: the optimum) in two worst cases of `wconv attack`, under Holley–Stroock's "
        "ceiling by the oscillation of V_t − V_0 or V* − V_t (dashed); the largest ratio at several "
        "temperatures, with that ceiling, the one from data alone (grey) and what searches found at "
        "each R/τ (diamonds). The ribbon says of `wpg-uniform-lsi` on the first of the problems.",
        seen="It gets worse by orders of magnitude, nearly by all that Holley–Stroock allows, in one "
        "problem only on the way; the a-priori constant covers it.",
        compute=_compute,
        draw=_draw,
        claims=(shown("wpg-uniform-lsi", "heavy", temperature=0.2, start="reference"),),
    ),
)
FIGURES = (PROBE.figure,)
