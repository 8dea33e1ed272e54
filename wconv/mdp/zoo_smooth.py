"""Smooth problems of the zoo: continuous actions, four states, formulas in the docstrings.

Throughout, u = (−1, −1/3, 1/3, 1) is the position of the four states on a line and softmax acts
over the next state s'. The one-dimensional problems share S = 4 and 128 nodes, so that they share
compiled programs.
"""

from math import pi, sqrt
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv.mdp.model import MDP
from wconv.mdp.smooth import SmoothMDP, of_state, softmax
from wconv.mdp.tabulate import tabulate
from wconv.mdp.zoo_registry import recipe
from wconv.measures.spaces import Box, GaussianLine, Interval, Torus

_STATES: Final = 4
_LINE: Final = np.linspace(-1.0, 1.0, _STATES)
_TARGETS: Final = np.tile(_LINE, (_STATES, 1))
_NEARNESS: Final = -0.5 * np.square(np.subtract.outer(np.arange(_STATES), np.arange(_STATES)))


@recipe("quadratic-bandit", "contexts with quadratic rewards: truncated Gaussian policies")
def quadratic_bandit(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    curvature: float = 2.0,
    spread: float = 0.5,
    resolution: int = 128,
) -> MDP:
    """Contexts redrawn uniformly whatever the action, on [−2, 2].

    r(s, a) = −κ_s (a − c_s)²/2 with κ_s = curvature·(1 + s/3), c_s = spread·u_s; P(s'|s, a) = 1/4.

    For closed forms: Q differs from r by a constant, the optimal policy in state s is N(c_s, τ/κ_s)
    truncated to [−2, 2], and V*_s = v_s + γ/(1−γ)·mean(v), v_s = τ log ∫ e^{r_s/τ} dμ. It is
    strongly log-concave (C_LS ≤ τ/curvature), the easy end of the zoo.
    """
    stiffness = require.positive("curvature", curvature, "rewards must be concave") * (
        1.0 + np.arange(_STATES) / (_STATES - 1)
    )
    centres = require.real("spread", spread) * _LINE

    def reward(s: Any, a: Any) -> Any:
        off = a[..., 0] - of_state(centres, s, a)
        return -0.5 * of_state(stiffness, s, a) * off * off

    def transition(s: Any, a: Any) -> Any:
        return of_state(np.full((_STATES, _STATES), 1.0 / _STATES), s, a)

    space = Interval(-2.0, 2.0)
    return tabulate(
        SmoothMDP(reward, transition, _STATES, discount, temperature, space), resolution
    )


@recipe("gaussian-line", "R with a Gaussian reference and a bounded smooth reward")
def gaussian_line(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    confinement: float = 1.0,
    amplitude: float = 0.5,
    coupling: float = 1.0,
    resolution: int = 128,
) -> MDP:
    """The whole line with the penalty (β/2)a², that is the reference N(0, τ/β), β = confinement.

    r(s, a) = amplitude·cos(a − (3/2)u_s); P(s'|s, a) = softmax(coupling·tanh(a)·u_s' − (s'−s)²/2).

    For unbounded actions: every Gibbs policy is a bounded perturbation of the Gaussian. With
    amplitude 0 all values vanish and the optimal policy is the reference itself, with
    C_P = C_T = C_LS = τ/β.
    """
    tau = require.positive("temperature", temperature, "the reference needs entropy")
    beta = require.positive("confinement", confinement, "actions on R must be confined")
    height, pull = require.real("amplitude", amplitude), require.real("coupling", coupling)

    def reward(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return height * xp.cos(a[..., 0] - of_state(1.5 * _LINE, s, a))

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return softmax(pull * xp.tanh(a) * of_state(_TARGETS, s, a) + of_state(_NEARNESS, s, a))

    space = GaussianLine(scale=sqrt(tau / beta))
    return tabulate(SmoothMDP(reward, transition, _STATES, discount, tau, space), resolution)


@recipe("double-well", "two equally good actions separated by a barrier, mirror symmetric")
def double_well(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    barrier: float = 1.0,
    resolution: int = 128,
) -> MDP:
    """Wells at a = ±1 on [−3/2, 3/2], the right one leading up the line of states.

    r(s, a) = w_s − barrier·(a² − 1)² with w = (0, 1/2, 1/2, 0);
    P(s'|s, a) = softmax(2·tanh(3a)·u_s' − (s'−s)²/2).

    For metastability: the problem is invariant under (s, a) → (3−s, −a), and C_LS grows like
    e^{barrier/τ}. In the outer states the well that leads inwards is better.
    """
    return _wells(temperature, discount, barrier, 0.0, resolution)


@recipe("tilted-double-well", "a better and a worse well separated by a barrier")
def tilted_double_well(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    barrier: float = 1.0,
    tilt: float = 0.3,
    resolution: int = 128,
) -> MDP:
    """The double well with a slope that makes the right well the better one.

    r(s, a) = w_s − barrier·(a² − 1)² + tilt·a with w = (0, 1/2, 1/2, 0);
    P(s'|s, a) = softmax(2·tanh(3a)·u_s' − (s'−s)²/2).

    For escaping a bad local maximum: a policy that starts in the left well has to cross the
    barrier, no symmetry hides an error of sign.
    """
    return _wells(temperature, discount, barrier, tilt, resolution)


def _wells(
    temperature: float, discount: float, barrier: float, tilt: float, resolution: int
) -> MDP:
    height, slope = require.real("barrier", barrier), require.real("tilt", tilt)
    bonus = np.where(np.abs(_LINE) < 0.5, 0.5, 0.0)

    def reward(s: Any, a: Any) -> Any:
        x = a[..., 0]
        return of_state(bonus, s, a) - height * (x * x - 1.0) ** 2 + slope * x

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        side = 2.0 * xp.tanh(3.0 * a)
        return softmax(side * of_state(_TARGETS, s, a) + of_state(_NEARNESS, s, a))

    space = Interval(-1.5, 1.5)
    return tabulate(
        SmoothMDP(reward, transition, _STATES, discount, temperature, space), resolution
    )


@recipe("ring", "a circle of actions with random Fourier rewards and transitions")
def ring(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    amplitude: float = 0.4,
    coupling: float = 2.0,
    seed: int = 0,
    resolution: int = 128,
) -> MDP:
    """Actions on the circle of length 2π, coefficients drawn from ``seed``.

    r(s, a) = amplitude·F_s(a); P(s'|s, a) = softmax(coupling·G_{s s'}(a)); each of F_s, G_{s s'} is
    Σ_{k=1,2} c_k cos(ka − φ_k) with uniform phases and c_1 + c_2 = 1, c_k ≥ 0, so that
    osc r(s, ·) ≤ 2·amplitude.

    For a space without boundary, in the weak-coupling regime: by default osc r(s, ·) ≤ 2τ.
    """
    height, pull = require.real("amplitude", amplitude), require.real("coupling", coupling)
    rng = np.random.default_rng(require.count("seed", seed, 0))
    # One row a state: the series of the reward, then those of the four next states.
    share = rng.random((_STATES, 1 + _STATES))
    phases = rng.uniform(0.0, 2 * pi, (_STATES, 1 + _STATES, 2))

    def series(s: Any, a: Any, part: slice) -> Any:
        xp = a.__array_namespace__()
        first, second = (of_state(phases[:, part, k], s, a) for k in (0, 1))
        c = of_state(share[:, part], s, a)
        return c * xp.cos(a - first) + (1.0 - c) * xp.cos(2.0 * a - second)

    def reward(s: Any, a: Any) -> Any:
        return height * series(s, a, slice(0, 1))[..., 0]

    def transition(s: Any, a: Any) -> Any:
        return softmax(pull * series(s, a, slice(1, None)))

    space = Torus(length=2 * pi, dim=1)
    return tabulate(
        SmoothMDP(reward, transition, _STATES, discount, temperature, space), resolution
    )


@recipe("box-2d", "two-dimensional actions, rewards and transitions that are not products")
def box_2d(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    amplitude: float = 0.4,
    coupling: float = 1.0,
    resolution: int = 16,
) -> MDP:
    """The square [−1, 1]² with waves of four directions k_s = 2·(cos(πs/4), sin(πs/4)).

    r(s, a) = amplitude·[(3/4)·cos(⟨k_s, a⟩ + s) + (1/4)·a_1 a_2];
    P(s'|s, a) = softmax(coupling·sin(⟨k_s', a⟩ + s)).

    For dimension two with coordinates that interact; osc r(s, ·) ≤ 2·amplitude, so by default
    osc r(s, ·) ≤ 2τ.
    """
    height, pull = require.real("amplitude", amplitude), require.real("coupling", coupling)
    angles = 0.25 * pi * np.arange(_STATES)
    waves = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    across, along = (np.tile(waves[:, k], (_STATES, 1)) for k in (0, 1))
    shift = np.arange(float(_STATES))

    def reward(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        x, y = a[..., 0], a[..., 1]
        phase = x * of_state(waves[:, 0], s, a) + y * of_state(waves[:, 1], s, a)
        return height * (0.75 * xp.cos(phase + of_state(shift, s, a)) + 0.25 * x * y)

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        x, y = a[..., :1], a[..., 1:]
        phase = x * of_state(across, s, a) + y * of_state(along, s, a)
        return softmax(pull * xp.sin(phase + of_state(shift[:, None], s, a)))

    space = Box((-1.0, -1.0), (1.0, 1.0))
    return tabulate(
        SmoothMDP(reward, transition, _STATES, discount, temperature, space), resolution
    )


@recipe("product-2d", "two independent action coordinates: two wells by a quadratic")
def product_2d(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    barrier: float = 1.0,
    tilt: float = 0.2,
    curvature: float = 2.0,
    resolution: int = 32,
) -> MDP:
    """Contexts redrawn uniformly whatever the action, on [−3/2, 3/2]².

    r(s, a) = −barrier·(a_1² − 1)² + tilt·u_s·a_1 − curvature·(a_2 − u_s/2)²/2; P(s'|s, a) = 1/4.

    For closed forms in two dimensions: every Gibbs policy is a product, so each of its constants is
    the larger one of two intervals.
    """
    height, slope = require.real("barrier", barrier), require.real("tilt", tilt)
    stiffness = require.real("curvature", curvature)

    def reward(s: Any, a: Any) -> Any:
        x, y, u = a[..., 0], a[..., 1], of_state(_LINE, s, a)
        return -height * (x * x - 1.0) ** 2 + slope * u * x - 0.5 * stiffness * (y - 0.5 * u) ** 2

    def transition(s: Any, a: Any) -> Any:
        return of_state(np.full((_STATES, _STATES), 1.0 / _STATES), s, a)

    space = Box((-1.5, -1.5), (1.5, 1.5))
    return tabulate(
        SmoothMDP(reward, transition, _STATES, discount, temperature, space), resolution
    )


@recipe("heavy", "state-dependent wells of different depth, width and place")
def heavy(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    depth: float = 1.0,
    coupling: float = 2.0,
    resolution: int = 128,
) -> MDP:
    """A narrow deep and a wide shallow well in every state, on [−2, 2], differently placed.

    r(s, a) = depth·[h_s e^{−(a−b_s)²/(2·0.2²)} + e^{−(a−d_s)²/(2·0.5²)}] with heights
    h = (2, 1.5, 1.2, 1.8), narrow wells b = (−1.2, 0.9, −0.5, 1.4), wide wells
    d = (0.8, −0.9, 1.1, −0.4); P(s'|s, a) = softmax(coupling·tanh(4(a − (b_s+d_s)/2))·g_{s s'}),
    g_{s s'} = u at position (s' − s) mod 4.

    For heterogeneity: constants differ between states, the wells lead to different states, and no
    state is like another, so a worst case over states is really one of them.
    """
    top, pull = require.real("depth", depth), require.real("coupling", coupling)
    heights = np.array([2.0, 1.5, 1.2, 1.8])
    narrow = np.array([-1.2, 0.9, -0.5, 1.4])
    wide = np.array([0.8, -0.9, 1.1, -0.4])
    middle = (0.5 * (narrow + wide))[:, None]
    ahead = np.stack([np.roll(_LINE, s) for s in range(_STATES)])

    def reward(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        x = a[..., 0]
        sharp = xp.exp(-0.5 * ((x - of_state(narrow, s, a)) / 0.2) ** 2)
        broad = xp.exp(-0.5 * ((x - of_state(wide, s, a)) / 0.5) ** 2)
        return top * (of_state(heights, s, a) * sharp + broad)

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        side = xp.tanh(4.0 * (a - of_state(middle, s, a)))
        return softmax(pull * side * of_state(ahead, s, a))

    space = Interval(-2.0, 2.0)
    return tabulate(
        SmoothMDP(reward, transition, _STATES, discount, temperature, space), resolution
    )
