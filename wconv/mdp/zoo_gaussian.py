"""The Gaussian twin of the zoo's smooth problems: every Gibbs policy is a Gaussian in closed form."""

from math import sqrt
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv.mdp.model import MDP
from wconv.mdp.smooth import SmoothMDP, of_state
from wconv.mdp.tabulate import tabulate
from wconv.mdp.zoo_registry import recipe
from wconv.measures.spaces import GaussianLine

_STATES: Final = 4


@recipe("quadratic-line", "contexts with quadratic rewards on R: Gaussian policies in closed form")
def quadratic_line(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    confinement: float = 1.0,
    curvature: float = 1.0,
    spread: float = 0.5,
    resolution: int = 128,
) -> MDP:
    """Contexts redrawn uniformly whatever the action, on R with the reference N(0, τ/β).

    r(s, a) = −κ_s (a − c_s)²/2 with κ_s = curvature·(1 + s/3), c_s = spread·u_s, u = (−1, −1/3, 1/3, 1);
    P(s'|s, a) = 1/4; β = confinement. The reward has no lower bound.

    For closed forms of whole dynamics: Q differs from r by a constant whatever the policy, so that every
    Gibbs policy is N(κ_sc_s/h_s, τ/h_s) with h_s = κ_s + β and C_P = C_T = C_LS = τ/h_s, and the flow, its
    frozen steps and the Langevin law keep Gaussians Gaussian. V*_s = v_s + γ/(1−γ)·mean(v) with
    v_s = −κ_sβc_s²/(2h_s) + (τ/2)log(β/h_s).
    """
    tau = require.positive("temperature", temperature, "the reference needs entropy")
    beta = require.positive("confinement", confinement, "actions on R must be confined")
    stiffness = require.positive("curvature", curvature, "rewards must be concave") * (
        1.0 + np.arange(_STATES) / (_STATES - 1)
    )
    centres = require.real("spread", spread) * np.linspace(-1.0, 1.0, _STATES)

    def reward(s: Any, a: Any) -> Any:
        off = a[..., 0] - of_state(centres, s, a)
        return -0.5 * of_state(stiffness, s, a) * off * off

    def transition(s: Any, a: Any) -> Any:
        return of_state(np.full((_STATES, _STATES), 1.0 / _STATES), s, a)

    space = GaussianLine(scale=sqrt(tau / beta))
    return tabulate(SmoothMDP(reward, transition, _STATES, discount, tau, space), resolution)
