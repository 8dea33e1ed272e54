"""Worst cases of ``wconv attack``, as problem files: ``--on wconv/gallery/worst_circles.py:along``.

Those of docs/worst-cases, their coefficients in tenths (rounded to tenths where the search kept more digits).
"""

import numpy as np

from wconv.mdp.model import MDP
from wconv.probe.smooth_family import CircleProblem, Family

BOUND = 2.0
"""R, which no reward exceeds."""

# fmt: off
ALONG = [
    [
        [-20, 0, 0, 0, 0, 0, 0],
        [20, 3, 3, 2, 0, 1, 0],
        [-20, 2, 2, 2, 0, 0, 0],
        [-20, 2, 3, 2, 0, 0, 0],
    ],
    [
        [16, 10, 20, -17, 12, 14, 12],
        [-7, -10, -18, 20, -20, -20, -20],
        [-20, 11, 18, -2, 11, 5, 10],
        [20, 14, 18, -20, 20, 20, 20],
    ],
    [
        [-20, 17, -20, -4, -20, -20, -16],
        [20, -20, 20, 4, 20, 20, 14],
        [-20, 20, -20, -3, -20, -20, -19],
        [-20, 16, -11, -3, -20, 1, 15],
    ],
]
BETWEEN = [
    [
        [-20, 0, 0, 0, 0, 0, 0],
        [20, 0, 0, 0, 0, 0, 0],
        [-20, 0, 0, 0, 0, 0, 0],
        [-20, 0, 0, 0, 0, 0, 0],
    ],
    [
        [0, 11, 0, -20, 20, 0, 20],
        [-20, -20, 17, 18, -20, -16, 20],
        [20, 0, 0, -20, 20, 0, 20],
        [-14, 20, -20, 20, -20, 0, -20],
    ],
    [
        [-20, 7, -4, 4, -15, -8, -16],
        [20, -11, 0, 0, 0, 7, 16],
        [-20, -14, 0, 0, 20, 14, 20],
        [-19, 14, -9, 15, -20, -13, -20],
    ],
]
# fmt: on


def along_problem(temperature: float = 0.5, resolution: int = 128) -> CircleProblem:
    """lsi-along-iterates: C_LS grows as far as the optimum. γ = 1/2."""
    return _circle(ALONG, temperature, resolution)


def between_problem(temperature: float = 0.5, resolution: int = 128) -> CircleProblem:
    """lsi-between-ends: C_LS is larger on the way than at both ends. γ = 1/2."""
    return _circle(BETWEEN, temperature, resolution)


def along(temperature: float = 0.5, resolution: int = 128) -> MDP:
    """The table of ``along_problem``."""
    return along_problem(temperature, resolution).mdp


def _circle(tenths: list[list[list[int]]], temperature: float, resolution: int) -> CircleProblem:
    family = Family(bound=BOUND, discount=0.5, temperature=temperature, resolution=resolution)
    return family.problem(np.array(tenths) / 10)
