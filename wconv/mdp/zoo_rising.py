"""A problem of the zoo in which log-Sobolev constants get worse as the policy gets better, in closed form."""

from math import pi
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv.mdp.model import MDP
from wconv.mdp.smooth import SmoothMDP, of_state
from wconv.mdp.tabulate import tabulate
from wconv.mdp.zoo_registry import recipe
from wconv.measures.spaces import Interval

_FIRST, _PAYS = np.eye(4)[:2]
_TO_SCHOOL: Final = np.tile(_PAYS, (4, 1))
_HOME: Final = np.vstack([[0.0, 0.0, 0.5, 0.5], np.eye(4)[1:]])
"""Where one goes otherwise: from the first state to an idle one; the others stay."""


@recipe(
    "rising-barrier",
    "wells appear along the flow between actions that lead to what is being learnt",
)
def rising_barrier(
    *,
    temperature: float = 0.25,
    discount: float = 0.5,
    reward: float = 1.0,
    resolution: int = 128,
) -> MDP:
    """Actions in [0, π]; state 0 leads to the learner 1 by cos²a, else to the idle 2 or 3.

    r = reward·cos a in state 1 and 0 elsewhere; the others are absorbing.

    For the log-Sobolev constant along the iterates. The reference has value 0 everywhere, so that the first
    Gibbs policy of state 0 is uniform, C_LS = 1. The learner's V_t rises to V* = τ log I_0(reward/τ)/(1−γ),
    which is E_0, and along any scheme p_t ∝ e^{γV_t(1)cos²(a)/τ} in state 0: two wells, at the ends, whose
    depth γV_t(1)/τ rises to γE_0/τ. The exponent of C_LS(p_t) ≤ C_LS(p_0)e^{γE_0/τ} is attained as τ → 0.
    """
    require.positive("temperature", temperature, "the learner needs entropy")
    pay = require.positive("reward", reward, "there must be something to learn") * _PAYS

    def rewards(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return of_state(pay, s, a) * xp.cos(a[..., 0])

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        chance = xp.square(xp.cos(a)) * of_state(_FIRST, s, a)[..., None]
        return chance * of_state(_TO_SCHOOL, s, a) + (1.0 - chance) * of_state(_HOME, s, a)

    space = Interval(0.0, pi)
    return tabulate(SmoothMDP(rewards, transition, 4, discount, temperature, space), resolution)
