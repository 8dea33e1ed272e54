"""Problems of the zoo with continuous states, made by ``discretise``: ``states`` nodes an axis."""

from math import pi
from typing import Any

from wconv import _require as require
from wconv.mdp.continuous import ContinuousMDP
from wconv.mdp.discretise import discretise
from wconv.mdp.model import MDP
from wconv.mdp.zoo_registry import recipe
from wconv.measures.spaces import Box, Interval, Torus


@recipe("lq-1d", "scalar linear-quadratic control: values in closed form")
def lq_1d(
    *,
    temperature: float = 0.5,
    discount: float = 0.9,
    drift: float = 0.5,
    gain: float = 0.5,
    noise: float = 0.4,
    states: int = 25,
    resolution: int = 128,
) -> MDP:
    """x' = drift·x + gain·a + noise·ξ on [−3, 3], actions in [−3, 3]; r = −(x² + a²/2)/2.

    For closed forms: V* = −Πx²/2 + c and policies N(Kx, τ/H) of ``wc.solve_lq`` up to what the walls
    cost (paths rarely meet them), with the uniform reference: c − τ log 6/(1−γ) for its c. Neither drift
    nor gain leaves the states while drift + gain ≤ 1.
    """
    slope, push = require.real("drift", drift), require.real("gain", gain)

    def dynamics(x: Any, a: Any) -> Any:
        return slope * x + push * a

    def reward(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return -0.5 * (xp.square(x[..., 0]) + 0.5 * xp.square(a[..., 0]))

    problem = ContinuousMDP(
        dynamics, reward, Interval(-3.0, 3.0), Interval(-3.0, 3.0), noise, discount, temperature
    )
    return discretise(problem, states=states, actions=resolution)


@recipe("lq-2d", "a mass on a spring pushed by a force: values in closed form")
def lq_2d(
    *,
    temperature: float = 0.5,
    discount: float = 0.9,
    step: float = 0.5,
    noise: float = 0.45,
    states: int = 11,
    resolution: int = 96,
) -> MDP:
    """Position and velocity on [−2.5, 2.5]², force a in [−3, 3], time step h = ``step``.

    x_1' = (1 − h/4)x_1 + (h/4)x_2, x_2' = −(h/4)x_1 + (1 − h)x_2 + (h/4)a, both + noise·ξ;
    r = −(x_1² + x_2²/2 + a²/2)/2. Means of next states stay inside while h ≤ 1.

    For closed forms with more than one state variable: see ``lq-1d``.
    """
    h = require.within("step", step, 0.0, 1.0 + 1e-12, "longer ones leave the states")

    def dynamics(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        place, speed, force = x[..., 0], x[..., 1], a[..., 0]
        ahead = (1 - h / 4) * place + (h / 4) * speed + 0.0 * force
        faster = -(h / 4) * place + (1 - h) * speed + (h / 4) * force
        return xp.stack([ahead, faster], axis=-1)

    def reward(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        cost = xp.square(x[..., 0]) + 0.5 * xp.square(x[..., 1]) + 0.5 * xp.square(a[..., 0])
        return -0.5 * cost

    side = Interval(-2.5, 2.5)
    problem = ContinuousMDP(
        dynamics, reward, (side, side), Interval(-3.0, 3.0), noise, discount, temperature
    )
    return discretise(problem, states=states, actions=resolution)


@recipe("circle-pendulum", "an overdamped pendulum with a torque, states on a circle")
def circle_pendulum(
    *,
    temperature: float = 0.5,
    discount: float = 0.9,
    gravity: float = 0.3,
    gain: float = 0.5,
    noise: float = 0.4,
    states: int = 24,
    resolution: int = 128,
) -> MDP:
    """θ' = θ + gravity·sin θ + gain·a + noise·ξ, torque a in [−2, 2]; r = −(1 − cos θ) − a²/10.

    θ = 0 is upright. For states without walls and a value that is no polynomial: at θ = π the better
    way round changes sides.
    """
    fall, push = require.real("gravity", gravity), require.real("gain", gain)

    def dynamics(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return x + fall * xp.sin(x) + push * a

    def reward(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return xp.cos(x[..., 0]) - 1.0 - 0.1 * xp.square(a[..., 0])

    problem = ContinuousMDP(
        dynamics, reward, Torus(2 * pi), Interval(-2.0, 2.0), noise, discount, temperature
    )
    return discretise(problem, states=states, actions=resolution)


@recipe("torque-pendulum", "gymnasium's Pendulum with noise: swing-up with too little torque")
def torque_pendulum(
    *,
    temperature: float = 1.0,
    discount: float = 0.95,
    angle_noise: float = 0.35,
    speed_noise: float = 0.95,
    states: int = 15,
    resolution: int = 160,
) -> MDP:
    """Angle θ on the circle, velocity in [−8, 8], torque a in [−2, 2]: the mechanics of Pendulum-v1.

    ω' = clip(ω + (15 sin θ + 3a)/20, −8, 8), θ' = θ + ω'/20, both + noise; r = −(θ² + ω²/10 + a²/1000)
    of the angle in [−π, π) before the step. With noise 0 it is gymnasium's (g = 10, m = l = 1, time step
    1/20); the noise is reflected at ±8.

    For a real control problem: the torque cannot lift the pendulum at once.
    """

    def dynamics(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        angle, speed, torque = x[..., 0], x[..., 1], a[..., 0]
        faster = xp.clip(speed + 0.75 * xp.sin(angle) + 0.15 * torque, -8.0, 8.0)
        return xp.stack([angle + 0.05 * faster, faster], axis=-1)

    def reward(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        angle = (x[..., 0] + pi) % (2 * pi) - pi
        return -(angle**2 + 0.1 * xp.square(x[..., 1]) + 1e-3 * xp.square(a[..., 0]))

    problem = ContinuousMDP(
        dynamics,
        reward,
        (Torus(2 * pi), Interval(-8.0, 8.0)),
        Interval(-2.0, 2.0),
        (angle_noise, speed_noise),
        discount,
        temperature,
    )
    return discretise(problem, states=states, actions=resolution)


@recipe("hill", "two valleys in the state with a hill between them, the far one better")
def hill(
    *,
    temperature: float = 0.2,
    discount: float = 0.95,
    step: float = 0.2,
    noise: float = 0.15,
    states: int = 33,
    resolution: int = 96,
) -> MDP:
    """x' = x + step·(x − x³ + a) + noise·ξ on [−2, 2], push a in [−1, 1]; r = tanh(2x) − a²/4.

    For delayed rewards, as in the mountain car: the valley at −1 is left only by pushing for long, at a
    cost, and the reward is on the other side.
    """
    h = require.within("step", step, 0.0, 0.33, "longer ones leave the states")

    def dynamics(x: Any, a: Any) -> Any:
        return x + h * (x - x**3 + a)

    def reward(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return xp.tanh(2.0 * x[..., 0]) - 0.25 * xp.square(a[..., 0])

    problem = ContinuousMDP(
        dynamics, reward, Interval(-2.0, 2.0), Interval(-1.0, 1.0), noise, discount, temperature
    )
    return discretise(problem, states=states, actions=resolution)


@recipe("navigation", "a box with smooth obstacles, actions in two dimensions")
def navigation(
    *,
    temperature: float = 0.2,
    discount: float = 0.9,
    step: float = 0.3,
    noise: float = 0.08,
    obstacle: float = 2.0,
    states: int = 13,
    resolution: int = 12,
) -> MDP:
    """x' = x + step·(a − x) + noise·ξ on [0, 1]², way points a in [0, 1]².

    r(x, a) = −2|x − g|² − |a − x|²/2 − obstacle·Σ_c e^{−|x−c|²/(2·0.12²)}, goal g = (0.85, 0.85), obstacles
    at (0.5, 0.5) and (0.55, 0.8).

    For states and actions in two dimensions and rewards that are not concave.
    """
    share = require.within("step", step, 0.0, 1.0, "way points are reached at 1")
    height = require.real("obstacle", obstacle)

    def dynamics(x: Any, a: Any) -> Any:
        return (1 - share) * x + share * a

    def reward(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()

        def off(point: Any, centre: tuple[float, float]) -> Any:
            return xp.sum(xp.square(point - xp.asarray(centre)), axis=-1)

        bumps = sum(xp.exp(-off(x, c) / (2 * 0.12**2)) for c in ((0.5, 0.5), (0.55, 0.8)))
        effort = 0.5 * xp.sum(xp.square(a - x), axis=-1)
        return -2.0 * off(x, (0.85, 0.85)) - height * bumps - effort

    square = Box((0.0, 0.0), (1.0, 1.0))
    side = Interval(0.0, 1.0)
    problem = ContinuousMDP(dynamics, reward, (side, side), square, noise, discount, temperature)
    return discretise(problem, states=states, actions=resolution)


@recipe("additive-noise", "bounded smooth drift and reward on circles: all constants of the paper")
def additive_noise(
    *,
    temperature: float = 0.5,
    discount: float = 0.8,
    amplitude: float = 0.4,
    gain: float = 0.5,
    noise: float = 0.5,
    states: int = 16,
    resolution: int = 128,
) -> MDP:
    """x' = x + gain·sin(a − x) + noise·ξ on circles; r = amplitude·cos(a − 2x)·(1 + cos x)/2.

    The model with additive noise in which Lipschitz constants of reward and transition are explicit:
    |∂_a r| ≤ amplitude and ∫|∂_a p(x'|x, a)|dx' ≤ gain·√(2/π)/noise.
    ``wc.regularity`` bounds them on the nodes.
    """
    height, push = require.real("amplitude", amplitude), require.real("gain", gain)

    def dynamics(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return x + push * xp.sin(a - x)

    def reward(x: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return (
            height
            * xp.cos(a[..., 0] - 2.0 * x[..., 0])
            * (1.0 + xp.cos(x[..., 0] + 0.0 * a[..., 0]))
            / 2
        )

    problem = ContinuousMDP(
        dynamics, reward, Torus(2 * pi), Torus(2 * pi), noise, discount, temperature
    )
    return discretise(problem, states=states, actions=resolution)
