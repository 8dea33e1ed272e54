"""The problems with continuous states, solved: their values and their optimal policies."""

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import wconv as wc
from wconv.gallery.figure import Data, Figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PROBLEMS: Final = {
    "lq-1d": (41, "The value is a parabola, the policy a Gaussian along a line."),
    "circle-pendulum": (64, "At the bottom the torque is torn between the two ways up."),
    "hill": (81, "Left of the hill the policy pushes to the better valley, beyond it only holds."),
    "additive-noise": (
        64,
        "Where the policy is nearly flat it has no direction, and none is drawn.",
    ),
    "lq-2d": (21, "The force is linear in position and speed, but for the walls."),
    "torque-pendulum": (41, "The torque is too weak to lift: good states wind round the bottom."),
    "navigation": (21, "The mean move leads round the obstacle to the goal."),
}
"""Nodes an axis, somewhat more than by default, and what is seen."""


def _compute(problem: str, n: int) -> Data:
    star = wc.solve(wc.zoo.make(problem, states=n))
    smooth: Any = star.mdp.smooth
    states, grid = smooth.states, star.mdp.grid
    found = {
        "value": star.V,
        "error": star.error,
        "policy": star.policy.pi,
        "temperature, discount": np.array([star.mdp.tau, star.mdp.gamma]),
        "actions": grid.nodes,
        "weights": grid.weights,
        "log_lebesgue": grid.log_lebesgue,
        "shape": np.array(grid.shape),
        "spacing": np.array(grid.spacing),
        "circle": np.array(grid.periodic),
        "ends": np.array([(a.low, a.length, float(a.periodic)) for a in states.axes]),
    }
    found |= {f"states {k}": axis.nodes for k, axis in enumerate(states.axes)}
    if grid.dim == 2:
        dynamics = smooth.continuous.dynamics
        found["next"] = np.asarray(dynamics(states.nodes[:, None], grid.nodes[None]))
    return found


def _draw(data: Data, problem: str) -> "Canvas":
    return wc.plot_solution(_solution(data, problem))


def _solution(data: Data, problem: str) -> SimpleNamespace:
    """What ``plot_solution`` looks at, from the numbers alone."""
    axes = tuple(
        SimpleNamespace(low=low, length=length, periodic=bool(closed), nodes=data[f"states {k}"])
        for k, (low, length, closed) in enumerate(data["ends"])
    )
    mesh = np.meshgrid(*(axis.nodes for axis in axes), indexing="ij")
    nodes = np.stack(mesh, axis=-1).reshape(-1, len(axes))
    states = SimpleNamespace(axes=axes, shape=mesh[0].shape, nodes=nodes)
    actions = SimpleNamespace(
        nodes=data["actions"],
        weights=data["weights"],
        shape=tuple(map(int, data["shape"])),
        spacing=tuple(map(float, data["spacing"])),
        periodic=bool(data["circle"]),
        is_finite_set=False,
        n=len(data["actions"]),
        dim=data["actions"].shape[1],
    )
    tau, gamma = data["temperature, discount"]
    continuous = SimpleNamespace(dynamics=lambda *_: data["next"])
    smooth = SimpleNamespace(states=states, continuous=continuous)
    mdp = SimpleNamespace(name=problem, tau=tau, gamma=gamma, grid=actions, smooth=smooth)
    density = data["policy"] / data["weights"] * np.exp(data["log_lebesgue"])
    policy = SimpleNamespace(pi=data["policy"], lebesgue=density)
    return SimpleNamespace(mdp=mdp, V=data["value"], error=data["error"], policy=policy)


def _figure(problem: str, n: int, seen: str) -> Figure:
    return Figure(
        name=f"continuous_{problem.replace('-', '_')}",
        title=f"value and optimal policy of {problem}",
        marks="V* on the nodes with its certified error, and the density of the action under the "
        "optimal policy (one state variable: with mean, 5 and 95 % quantiles; two: at the best, "
        "the median and the worst node by value).",
        seen=seen,
        compute=partial(_compute, problem, n),
        draw=partial(_draw, problem=problem),
        claims=(shown("bellman-sandwich", problem),),
    )


FIGURES = tuple(_figure(problem, n, seen) for problem, (n, seen) in PROBLEMS.items())
