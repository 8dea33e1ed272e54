"""What a user holds, as a ``Line``: the policies of a grid, or a log-density as a function.

A policy is known at nodes and means a smooth density there: its logarithm is interpolated by a
spline of degree 7, and the difference to the one of degree 5 tells how well.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.axis import Axis, spline
from wconv.constants.line import Line, require_length
from wconv.constants.tails import bounded_part, infinite_constants, infinite_for
from wconv.measures.densities import Density
from wconv.measures.spaces import Grid, Interval, TailedLine, Torus
from wconv.outcomes import Outcome, SolverError

DEGREE: Final = 7
LEAST_NODES: Final = 16
WOBBLE: Final = 0.1
"""Largest interpolation error of log p for which a constant is still given."""


def line_of_policy(policy: Density) -> Line:
    """The smooth densities (dπ/da) that a one-dimensional policy samples at its nodes.

    Under a reference with heavy tails dπ/dμ is taken to vary less than μ beyond the nodes, too: C_LS and C_T
    are infinite like those of μ.

    Raises:
        InputError: a policy that vanishes somewhere, a finite set, fewer than 16 nodes; tails that do not
            follow the reference's where those are heavy.
        SolverError: nodes too far apart for the wells of a density; says how many are needed.

    """
    grid = policy.grid
    fine, coarse, between = policy_splines(policy)
    logs = [np.stack([f(between) for f in splines]) for splines in (fine, coarse)]
    wobble = interpolation_wobble(logs[0], logs[1], grid.n)
    states = len(wobble)
    ends = (float(between[0]), float(between[-1]))
    return Line(
        log_density=lambda at, who: np.stack(
            [fine[s](row) for s, row in zip(who, at, strict=True)]
        ),
        index=np.arange(states),
        low=np.full(states, ends[0]),
        high=np.full(states, ends[1]),
        cut=np.full((states, 2), bool(grid.truncation)),
        wobble=wobble,
        full=(-np.inf, np.inf) if grid.truncation else ends,
        periodic=grid.periodic,
        infinite=_infinite_like_reference(policy),
    )


def line_of_function(log_density: Callable[[Any], Any], on: Interval | Torus) -> Line:
    """One density, log p(a) for an array a (n,), on an interval (ends may be infinite) or a circle.

    Raises:
        InputError: a function that is not vectorised, NaN, +inf, zero inside, not normalisable.

    """

    def logs(x: Array, _: Array) -> Array:
        with np.errstate(all="ignore"):  # −inf and NaN are looked at, not warned of
            logp = _real(log_density(x.ravel()))
        return logp.reshape(x.shape) if logp.shape == (x.size,) else logp

    if isinstance(on, Torus):
        ends = (0.0, require.positive("torus length", on.length, "give the circumference"))
    else:
        ends = (float(on.low), float(on.high))
    if not ends[0] < ends[1]:
        require.fail("interval", "have low < high", ends, "swap or move the ends")
    if np.isfinite(ends).all():
        require_length(np.array(ends[:1]), np.array(ends[1:]))
    low, high = ends if isinstance(on, Torus) else bounded_part(logs, ends)
    return Line(
        log_density=logs,
        index=np.zeros(1, dtype=int),
        low=np.array([low]),
        high=np.array([high]),
        cut=np.array([[low > ends[0], high < ends[1]]]),
        wobble=np.zeros(1),
        full=ends,
        periodic=isinstance(on, Torus),
        known_beyond=True,
        infinite=infinite_constants(logs, ends, (low, high)),
    )


def _real(values: Any) -> Array:
    """What a log-density returned, as floats.

    Raises:
        InputError: complex numbers, texts, dates, lists of unequal lengths.
    """
    try:
        array = np.asarray(values)
        kind = str(array.dtype)
        floats = array.astype(float) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError) as error:
        floats, kind = None, str(error)
    if floats is None:
        remedy = "one plain number a point, for example np.real of it"
        require.fail("log-density", "return real numbers", kind, remedy)
    return floats


def _infinite_like_reference(policy: Density) -> dict[str, str]:
    """What the tails of the reference make infinite; InputError where the policy does not follow them."""
    grid = policy.grid
    if not isinstance(grid.space, TailedLine):
        return {}
    half, end = grid.n // 4, grid.n - 1
    fall = grid.log_lebesgue[half] - grid.log_lebesgue[0]
    change = np.abs(policy.logf[:, [half, end - half]] - policy.logf[:, [0, end]]).max(axis=-1)
    if not (change < fall / 2).all():
        state = int(change.argmax())
        require.fail(
            "policy",
            "vary less than its reference where that has heavy tails",
            f"e^{change[state]:.3g} in state {state} over the outer half of the nodes, where the "
            f"reference falls by e^{fall:.3g}",
            "its tails are unknown beyond the nodes: bound the reward, or give a function log p(a)",
        )
    return infinite_for(grid.space.power, "the tail of the reference", doubt=0.0)


def policy_splines(policy: Density) -> tuple[list[Any], list[Any], Array]:
    """log dπ/da as splines of degree 7 and 5, one a state, and eight points a cell to compare them.

    A spline f takes (x, derivative). InputError as for ``line_of_policy``.
    """
    grid = policy.grid
    logp = log_lebesgue(policy)
    h, x = grid.spacing[0], grid.nodes[:, 0]
    axis = Axis(float(x[0] - h / 2), float(x[-1] + h / 2), grid.periodic)
    require_length(np.array([axis.low]), np.array([axis.high]))
    fine, coarse = ([spline(axis, row, k) for row in logp] for k in (DEGREE, DEGREE - 2))
    return fine, coarse, np.linspace(axis.low, axis.high, 8 * grid.n + 1)


def log_lebesgue(policy: Density) -> Array:
    """log dπ/da at the nodes, (S, A).

    Raises:
        InputError: a finite set, fewer than 16 nodes an axis, a policy that vanishes somewhere.

    """
    grid = policy.grid
    _require_continuum(grid)
    logp = policy.logf + grid.log_lebesgue
    if not np.isfinite(logp).all():
        state, node = (int(i) for i in np.argwhere(~np.isfinite(logp))[0])
        require.fail(
            "policy",
            "be positive for a functional inequality",
            f"0 in state {state} at node {node}",
            "where it vanishes inside every constant is infinite: mix in a little of the reference",
        )
    return np.asarray(logp)


def interpolation_wobble(fine: Array, coarse: Array, n: int) -> Array:
    """How much log p, interpolated in two ways, differs up to a constant, (S,); samples (S, ...).

    Raises:
        SolverError: n nodes an axis leave too much; says how many are needed.

    """
    fine, coarse = fine.reshape(len(fine), -1), coarse.reshape(len(fine), -1)
    # Where the density is negligible its error is too.
    heavy = fine > fine.max(axis=-1, keepdims=True) - 30.0
    wobble = np.ptp(np.where(heavy, fine - coarse, 0.0), axis=-1)
    _require_resolved(wobble, n)
    return np.asarray(wobble)


def _require_continuum(grid: Grid) -> None:
    if grid.is_finite_set:
        require.fail(
            "grid",
            "discretise a continuum",
            "a finite set",
            "use the constant of the chain, wc.modified_log_sobolev",
        )
    if min(grid.shape) < LEAST_NODES:
        requirement = f"have at least {LEAST_NODES} nodes an axis"
        require.fail("grid", requirement, min(grid.shape), "refine the grid")


def _require_resolved(wobble: Array, n: int) -> None:
    """The error of a spline of degree 5 falls like n^-6: so many more nodes are needed."""
    worst = float(wobble.max())
    if worst > WOBBLE:
        needed = int(np.ceil(n * (worst / WOBBLE) ** (1 / 6) / 16) * 16)
        raise SolverError(
            Outcome.UNRESOLVED,
            f"{n} nodes leave an error of {worst:.2g} in the log-density of state "
            f"{int(wobble.argmax())}; about {needed} are needed",
        )
