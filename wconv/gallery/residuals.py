"""The residual pins the gap from both sides: along soft value iteration, policy iteration and the flow."""

from typing import TYPE_CHECKING, Any

import numpy as np

import wconv as wc
from wconv._axes import Array
from wconv.gallery.figure import Data, Figure, shown
from wconv.gallery.panels import canvas, flat, measured, proved, under
from wconv.report.style import DOTS, GREEN, PAGE
from wconv.theory.bounds import bellman as bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PANELS = {
    "value": ("(a) soft value iteration, slow chain", "iteration $k$"),
    "policy": ("(b) soft policy iteration, slow chain", "iteration $k$"),
    "flow": ("(c) gradient flow, tilted wells", "time $t$"),
}
RESOLVED = 1e-11
"""Gaps below it are rounding."""

ITERATIONS = 200


def _sides(mdp: wc.MDP, at: Array, policies: list[wc.Policy]) -> dict[str, Array]:
    """‖W‖, ‖R‖ and ‖R‖/(1−γ) of policies, while the gap is resolved."""
    star = wc.solve(mdp, tol=None)
    values = [wc.evaluate(mdp, policy) for policy in policies]
    W = wc.stack([wc.optimality_gap(star, value).sup() for value in values])
    R = wc.stack([wc.bellman_residual(mdp, value).sup() for value in values])
    kept = W.value > RESOLVED
    found = {"at": at, "W": W.value, "error": W.error, "R": R.value}
    found["above"] = bounds.a_posteriori(residual=R.value, horizon=1 / (1 - mdp.gamma))
    return {name: array[kept] for name, array in found.items()}


def _value_iterates(mdp: wc.MDP, count: int) -> list[wc.Policy]:
    """Gibbs policies of V_k, V_{k+1} = T V_k, from V^μ: those of q^μ first."""
    V, policies = wc.evaluate(mdp, wc.uniform(mdp)).V, []
    for _ in range(count):
        policies.append(wc.gibbs(mdp, wc.q_from_v(mdp, V)))
        V = wc.optimality(mdp, V)
    return policies


def _compute() -> Data:
    chain, wells = wc.zoo.slow_chain(), wc.zoo.tilted_double_well()
    steps = wc.evolve(wc.SoftPolicyIteration(), chain, wc.uniform(chain), steps=20)
    flow = wc.evolve(wc.WPGFlow(1e-7), wells, wc.uniform(wells), until=8.0, samples=32)
    iterates = _value_iterates(chain, ITERATIONS)
    found = {
        "value": _sides(chain, np.arange(1.0, ITERATIONS + 1), iterates),
        "policy": _sides(chain, steps.times, list(steps.policies)),
        "flow": _sides(wells, flow.times, list(flow.policies)),
    }
    return flat(found)


def _draw(data: Data) -> "Canvas":
    figure = canvas(PAGE, 2.8)
    for axes, (name, (title, label)) in zip(figure.subplots(1, 3), PANELS.items(), strict=True):
        _panel(axes, under(data, name))
        axes.set(yscale="log", xlabel=label, title=title)
    figure.axes[1].locator_params(axis="x", integer=True)
    figure.axes[0].set_ylabel("sup norms")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _panel(axes: Any, found: Data) -> None:
    x, R = found["at"], found["R"]
    proved(axes, x, found["above"], r"$\|R^\pi\|/(1-\gamma)$")
    dots = {"marker": "o", "markersize": 3} if len(x) < 10 else {}
    measured(axes, x, found["W"], found["error"], r"gap $\|V^*-V^\pi\|$", **dots)
    proved(axes, x, R, r"$\|R^\pi\|$", color=GREEN, linestyle=DOTS)


FIGURES = (
    Figure(
        name="bellman_sandwich",
        title="the gap between residual and residual/(1−γ), along three methods",
        marks="The gap ‖V* − V^π‖ (solid, band = error) between ‖R^π‖ (dotted) and ‖R^π‖/(1−γ) (dashed) "
        "of `bellman-sandwich`, along soft value iteration (Gibbs policies of V_k), soft policy "
        "iteration and the gradient flow from the reference.",
        seen="The gap keeps within a factor of about two of the upper side: the horizon 1/(1−γ) is "
        "felt, whatever the method.",
        compute=_compute,
        draw=_draw,
        claims=(
            shown("bellman-sandwich", "slow-chain"),
            shown("bellman-sandwich", "tilted-double-well"),
        ),
    ),
)
