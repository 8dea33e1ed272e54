"""The zoo: named problems with documented formulas, each chosen for something it shows.

zoo.double_well(temperature=0.2)             # a recipe is a function of words
zoo.make("double-well", tau=0.2, n=256)      # or a name with parameters
zoo.parameters_of("double-well")             # its parameters and their defaults
"""

from wconv.mdp.zoo_broken import finite_actions, heavy_tails, jump
from wconv.mdp.zoo_continuous import (
    additive_noise,
    circle_pendulum,
    hill,
    lq_1d,
    lq_2d,
    navigation,
    torque_pendulum,
)
from wconv.mdp.zoo_finite import frozen_lake, garnet, slow_chain, two_state
from wconv.mdp.zoo_gaussian import quadratic_line
from wconv.mdp.zoo_registry import ALIASES, RECIPES, Recipe, make, parameters_of, recipe, resolve
from wconv.mdp.zoo_rising import rising_barrier
from wconv.mdp.zoo_smooth import (
    box_2d,
    double_well,
    gaussian_line,
    heavy,
    product_2d,
    quadratic_bandit,
    ring,
    tilted_double_well,
)
from wconv.mdp.zoo_stay import stay_or_leave

__all__ = [
    "ALIASES",
    "RECIPES",
    "Recipe",
    "additive_noise",
    "box_2d",
    "circle_pendulum",
    "double_well",
    "finite_actions",
    "frozen_lake",
    "garnet",
    "gaussian_line",
    "heavy",
    "heavy_tails",
    "hill",
    "jump",
    "lq_1d",
    "lq_2d",
    "make",
    "navigation",
    "parameters_of",
    "product_2d",
    "quadratic_bandit",
    "quadratic_line",
    "recipe",
    "resolve",
    "ring",
    "rising_barrier",
    "slow_chain",
    "stay_or_leave",
    "tilted_double_well",
    "torque_pendulum",
    "two_state",
]
