"""A smooth problem of the zoo in which the gap closes as slowly as the sup-norm theorems allow."""

from math import sqrt
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv.mdp.model import MDP
from wconv.mdp.smooth import SmoothMDP, of_state
from wconv.mdp.tabulate import tabulate
from wconv.mdp.zoo_registry import recipe
from wconv.measures.spaces import GaussianLine

_PULLS: Final = np.array([1.0, 5 / 6, 4 / 6, 0.0])
_ENDS: Final = np.tile(np.eye(4)[3], (4, 1))


@recipe("stay-or-leave", "three states that pay who stays, and one that pays nothing")
def stay_or_leave(
    *,
    temperature: float = 0.2,
    discount: float = 0.9,
    confinement: float = 1.0,
    pull: float = 1.0,
    width: float = 0.1,
    resolution: int = 128,
) -> MDP:
    """R with the reference N(0, τ/β), β = confinement; the last state is absorbing.

    r(s, a) = b_s·a with b = pull·(1, 5/6, 2/3, 0); from s < 3 one stays with probability
    1/(1 + e^{−(a − b_s/2β)/width}) and goes to state 3 otherwise. The reward is not bounded.

    For the factor 1−γ of the sup-norm theorems. The reference μ has the value 0 whatever the
    transition, its Gibbs policy is N(b_s/β, τ/β) with C_LS = τ/β, R = b²/(2β), and along the flow
    V̇ = b²/(1−γm), m the mean probability to stay. Cold, μ leaves at once and the optimal policy stays:
    R = (1−γ)W, and V̇/(λW) falls to 1−γ, λ = 2τ/C_LS = 2β.
    """
    tau = require.positive("temperature", temperature, "the reference needs entropy")
    beta = require.positive("confinement", confinement, "actions on R must be confined")
    pulls = require.positive("pull", pull, "staying must pay") * _PULLS
    blur = require.positive("width", width, "transitions must be smooth")

    def reward(s: Any, a: Any) -> Any:
        return of_state(pulls, s, a) * a[..., 0]

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        half = xp.tanh((a - of_state(pulls / (2 * beta), s, a)[..., None]) / (2 * blur)) / 2
        stays, leaves = of_state(np.eye(4), s, a), of_state(_ENDS, s, a)
        return (0.5 + half) * stays + (0.5 - half) * leaves

    scale = sqrt(tau / beta)
    # The Gibbs policies reach pull/β beyond what the reference does.
    space = GaussianLine(scale=scale, reach=8.0 + float(pulls[0]) / (beta * scale))
    return tabulate(SmoothMDP(reward, transition, 4, discount, tau, space), resolution)
