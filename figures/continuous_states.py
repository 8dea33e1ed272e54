"""The seven problems with continuous states, solved: their values and their optimal policies."""

from pathlib import Path

from _style import save, show

import wconv as wc

STATES = {
    "lq-1d": 41,
    "circle-pendulum": 64,
    "hill": 81,
    "additive-noise": 64,
    "lq-2d": 21,
    "torque-pendulum": 41,
    "navigation": 21,
}
"""Nodes an axis: somewhat finer than by default."""


def main(out: Path) -> list[Path]:
    paths = []
    for problem, n in STATES.items():
        star = wc.solve(wc.zoo.make(problem, states=n))
        data = {
            "states": star.mdp.smooth.states.nodes,
            "actions": star.mdp.grid.nodes,
            "value": star.V,
            "error": star.error,
            "policy": star.policy.pi,
        }
        name = f"continuous_{problem.replace('-', '_')}"
        paths += save(wc.plot_solution, star, out, name, **data)
    return paths


if __name__ == "__main__":
    show(main)
