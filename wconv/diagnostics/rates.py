"""Along a path: the local rate of a falling quantity, and how well rising values match dissipation."""

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.diagnostics.flow import value_velocity
from wconv.dynamics.path import Path
from wconv.exact.evaluate import Evaluation, evaluate
from wconv.mdp.model import MDP
from wconv.measured import EPS, Measured


def local_rate(times: Array, falling: Measured) -> Measured:
    """λ_k = log(E_k/E_{k+1})/(t_{k+1} − t_k) between the K times, shape (K−1, …).

    The error is the interval that the errors of E_k and E_{k+1} leave. Where one of them is not known to
    be positive the rate is NaN with an infinite error: below the noise there is none.

    Raises:
        InputError: other than K values on the first axis, or times that do not increase.

    """
    t = np.asarray(times, dtype=float)
    require.shape("times", t, falling.value.shape[:1], "one a value")
    if len(t) < 2 or (np.diff(t) <= 0).any():
        require.fail("times", "increase", t[:3], "give the times of a path")
    dt = np.diff(t).reshape(-1, *(1,) * (falling.value.ndim - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(falling.value)
        spread = np.where(falling.lower > 0, -np.log1p(-falling.error / falling.value), np.inf)
    known = np.isfinite(spread[1:]) & np.isfinite(spread[:-1])
    value = np.where(known, (logs[:-1] - logs[1:]) / dt, np.nan)
    round_off = 4 * EPS * (np.abs(logs[:-1]) + np.abs(logs[1:])) / dt
    return Measured.of(
        value,
        noise=np.where(known, (spread[:-1] + spread[1:]) / dt, np.inf),
        rounding=np.where(known, round_off, 0.0),
    )


def energy_defect(path: Path, mdp: MDP | None = None) -> Measured:
    """V_T − V_0 − ∫V̇ dt in every state along the flow, shape (S,): zero up to the errors.

    V and V̇ are those of ``mdp``, by default the problem of the path: the defect is not zero when policies
    follow another flow than that of ``mdp``. V̇ of every stored policy is the derivative of policy
    evaluation along the flow (``value_velocity``); the integral is Simpson's. Error "quadrature": its
    change from twice the spacing, over √2 − 1, which is what remains of it when V̇ starts like t^{-1/2},
    as it does where π_0 has a flux at a wall.

    Raises:
        InputError: a number of intervals that 4 does not divide.

    """
    intervals = len(path.times) - 1
    if intervals < 4 or intervals % 4:
        require.fail("samples", "be a multiple of 4", intervals, "evolve with samples=4k")
    problem = path.mdp if mdp is None else mdp

    def here(value: Evaluation) -> Evaluation:
        return value if value.mdp is problem else evaluate(problem, value.policy)

    V = path.measure(lambda value: here(value).measured)
    found = path.measure(lambda value: value_velocity(here(value)))
    h = float(path.times[1] - path.times[0])
    velocity = Measured(found.value.T, {name: e.T for name, e in found.errors.items()})
    fine = (velocity * _simpson(intervals, h)).total()
    coarse = (velocity[:, ::2] * _simpson(intervals // 2, 2 * h)).total()
    rest = (fine.value - coarse.value) / (np.sqrt(2.0) - 1.0)
    return (V[-1] - V[0] - fine).with_error("quadrature", rest)


def _simpson(intervals: int, h: float) -> Array:
    """Simpson's weights for an even number of intervals of length h."""
    weights = np.tile([2.0, 4.0], intervals // 2 + 1)[: intervals + 1]
    weights[[0, -1]] = 1.0
    return weights * h / 3
