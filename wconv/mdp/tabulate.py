"""Users' functions as arrays; from functions of a continuous action to a finite MDP on a grid."""

import sys

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.continuous import ContinuousMDP
from wconv.mdp.model import MDP, make_mdp
from wconv.mdp.smooth import SmoothMDP, StateActionFunction


def tabulate(smooth: SmoothMDP, n: int) -> MDP:
    """The problem on n nodes an axis: r[s, i] = r(s, a_i), P[s, i, s'] = P(s'|s, a_i), in float64.

    Functions that compute with JAX are evaluated inside a 64-bit scope; no JAX setting changes.

    Args:
        smooth: the functions, of S states.
        n: nodes an axis of ``smooth.space``; A = n^d.

    Returns:
        The validated MDP, which keeps ``smooth``.

    Raises:
        InputError: naming reward or transition when its shape is not (S, A) or (S, A, S) or it is
            not computed in float64, and whatever ``make_mdp`` and ``space.grid`` refuse.

    """
    states = require.count("n_states", smooth.n_states, 1)
    grid = smooth.space.grid(n)
    s, a = np.arange(states)[:, None], grid.nodes[None]
    return make_mdp(
        evaluated("reward", smooth.reward, s, a),
        evaluated("transition", smooth.transition, s, a, (states, "next states")),
        discount=smooth.discount,
        temperature=smooth.temperature,
        grid=grid,
        name="smooth",
        smooth=smooth,
    )


def evaluated(
    symbol: str,
    function: StateActionFunction,
    s: Array,
    a: Array,
    last: tuple[int, str] | None = None,
) -> Array:
    """A user's function at states s (S, 1, ...) and actions a (1, A, d), of shape (S, A) in float64.

    ``last`` is the length of a third axis and what it counts. The function gets read-only arrays.

    Raises:
        InputError: naming the symbol for values that are no array, of another shape or narrower.

    """
    # They are views of nodes that others use: x[..., 0] -= 1 would move the grid.
    s, a = _read_only(s), _read_only(a)
    values = function(s, a)
    if _is_jax(values):
        values = _in_64_bit(function, s, a)
    if not isinstance(values, np.ndarray):
        require.fail(
            symbol,
            "return a NumPy or JAX array",
            type(values).__name__,
            "compute with array functions",
        )
    of = "" if last is None else last[1]
    axes = f"(states, actions, {of})" if of else "(states, actions)"
    shape = (s.shape[0], a.shape[1]) if last is None else (s.shape[0], a.shape[1], last[0])
    if values.shape != shape:
        remedy = _remedy(values.shape, shape, of)
        require.fail(symbol, f"have shape {axes} = {shape}", values.shape, remedy)
    if values.dtype != np.float64:
        require.fail(
            symbol, "be computed in float64", values.dtype, "drop casts and narrow constants"
        )
    return values


def continuous_tables(problem: ContinuousMDP, x: Array, a: Array) -> tuple[Array, Array]:
    """r(x, a), (n, A), and f(x, a), (n, A, k), of states x (n, 1, k) and actions a (1 or n, A, d).

    Raises:
        InputError: as ``evaluated``; numbers that are not finite, and means f that leave an interval.

    """
    r = evaluated("reward", problem.reward, x, a)
    f = evaluated("dynamics", problem.dynamics, x, a, (len(problem.axes), "coordinates"))
    require.finite("reward", r)
    return r, problem.inside("dynamics", f)


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _remedy(got: tuple[int, ...], shape: tuple[int, ...], of: str) -> str:
    """What to do about values of another shape: it is called with s of (S, 1) and a of (1, A, d)."""
    last = f", with {of} on the last axis" if of else ""
    if len(got) == len(shape) and all(n in (1, m) for n, m in zip(got, shape, strict=True)):
        term = "(0.0 * s + 0.0 * a[..., 0])" + ("[..., None]" if last else "")
        return f"every function must depend on s and on a, if only formally: add {term}"
    if len(got) == len(shape) + 1 and not last:
        return "a has a last axis of coordinates: use a[..., 0] for the first"
    return f"s and a[..., 0] broadcast to (states, actions): return one number for each{last}"


def _is_jax(values: object) -> bool:
    # A JAX array can only exist when JAX is loaded already: nothing is imported here.
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(values, jax.Array)


def _in_64_bit(function: StateActionFunction, s: Array, a: Array) -> Array:
    import jax

    with jax.enable_x64(True):
        return np.asarray(function(s, a))
