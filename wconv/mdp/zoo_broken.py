"""Problems of the zoo in which an assumption of the theorems fails, by as much as a parameter says.

u = (−1, −1/3, 1/3, 1) is the position of the four states on a line, as in the smooth problems.
"""

from dataclasses import replace
from math import pi, sqrt
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv.mdp.model import MDP, make_mdp
from wconv.mdp.smooth import SmoothMDP, of_state, softmax
from wconv.mdp.tabulate import evaluated, tabulate
from wconv.mdp.zoo_registry import recipe
from wconv.mdp.zoo_smooth import gaussian_line, tilted_double_well
from wconv.measures.spaces import FiniteSet, TailedLine, Torus

_STATES: Final = 4
_LINE: Final = np.linspace(-1.0, 1.0, _STATES)
_NEARNESS: Final = -0.5 * np.square(np.subtract.outer(np.arange(_STATES), np.arange(_STATES)))
_UP, _DOWN = (softmax(side * _LINE + _NEARNESS) for side in (2.0, -2.0))


@recipe("heavy-tails", "the gaussian-line with a reference of heavier tails")
def heavy_tails(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    power: float = 1.5,
    confinement: float = 1.0,
    amplitude: float = 0.5,
    coupling: float = 1.0,
    resolution: int = 128,
) -> MDP:
    """The rewards and transitions of ``gaussian_line`` under the penalty τU(a/scale), scale = √(τ/β).

    dμ/da ∝ e^{−U(a/scale)}, U(z) = ((1+z²)^{p/2} − 1)/p with p = ``power`` in [1, 2] and β = ``confinement``:
    (β/2)a² near 0, growing like |a|^p. Beyond the nodes lies a mass below 1e-14, see ``wc.TailedLine``. At
    p = 2 it is ``gaussian_line``.

    For a log-Sobolev inequality that fails for p < 2 (C_LS = C_T = ∞) while Poincaré's holds, and for a
    confinement that does not dissipate, ⟨a, b⟩ ≤ −(β/2)|a|² + const.
    """
    p = require.real("power", power)
    if not 1.0 <= p <= 2.0:
        require.fail("power", "lie in [1, 2]", p, "2 is the Gaussian; below 1 Poincaré fails, too")
    gaussian = gaussian_line(
        temperature=temperature,
        discount=discount,
        confinement=confinement,
        amplitude=amplitude,
        coupling=coupling,
        resolution=resolution,
    )
    if p == 2.0 or gaussian.smooth is None:
        return gaussian
    space = TailedLine(p, scale=sqrt(temperature / confinement))
    return tabulate(replace(gaussian.smooth, space=space), resolution)


@recipe("jump", "a circle of actions on which the transition jumps, or turns within a width")
def jump(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    width: float = 0.3,
    amplitude: float = 0.4,
    bonus: float = 0.0,
    resolution: int = 128,
) -> MDP:
    """Actions on the circle of length 2π; where sin a > 0 they lead up the line of states, else down.

    H(a) = 1/(1 + e^{−sin(a)/width}), at width 0 the step (1 + sign sin a)/2 between two nodes;
    P(s'|s, a) = H(a)·softmax(2u_s' − (s'−s)²/2) + (1−H(a))·softmax(−2u_s' − (s'−s)²/2);
    r(s, a) = u_s/2 + amplitude·cos(a − (3/2)u_s) + bonus·H(a).

    For kernels (and, with a bonus, rewards) that jump in a: G_p grows like 1/width, L_p like 1/width², both
    are infinite at 0. Jumps at 0 and π are ends of cells of an even number of nodes, so that integrals
    converge at second order at width 0, too.
    """
    height, step = require.real("amplitude", amplitude), require.real("bonus", bonus)
    blur = require.real("width", width)
    if blur < 0:
        require.fail("width", "be at least 0", blur, "0 is the jump itself")

    def side(a: Any) -> Any:
        xp = a.__array_namespace__()
        wave = xp.sin(a)
        return (1.0 + (xp.tanh(wave / (2.0 * blur)) if blur > 0 else xp.sign(wave))) / 2.0

    def reward(s: Any, a: Any) -> Any:
        xp, u = a.__array_namespace__(), of_state(_LINE, s, a)
        return 0.5 * u + height * xp.cos(a[..., 0] - 1.5 * u) + step * side(a)[..., 0]

    def transition(s: Any, a: Any) -> Any:
        up = side(a)
        return up * of_state(_UP, s, a) + (1.0 - up) * of_state(_DOWN, s, a)

    space = Torus(length=2 * pi, dim=1)
    return tabulate(
        SmoothMDP(reward, transition, _STATES, discount, temperature, space), resolution
    )


@recipe("finite-actions", "the tilted double well on finitely many actions, by their distances")
def finite_actions(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    barrier: float = 1.0,
    tilt: float = 0.3,
    actions: int = 16,
) -> MDP:
    """The rewards and transitions of ``tilted_double_well`` at ``actions`` equidistant points of [−3/2, 3/2].

    A finite set with distances |a − a'| and the uniform reference, not a discretised interval.

    For the proximal scheme, which moves nothing by steps below ``wc.longest_frozen_step``: two actions at
    distance d exchange mass only when their advantages differ by more than d²/(2η).
    """
    k = require.count("actions", actions, 2)
    wells = tilted_double_well(
        temperature=temperature, discount=discount, barrier=barrier, tilt=tilt, resolution=2
    ).smooth
    assert wells is not None
    points = np.linspace(-1.5, 1.5, k)[:, None]
    s, a = np.arange(_STATES)[:, None], points[None]
    return make_mdp(
        evaluated("reward", wells.reward, s, a),
        evaluated("transition", wells.transition, s, a, (_STATES, "next states")),
        discount=discount,
        temperature=temperature,
        grid=FiniteSet(points).grid(),
    )
