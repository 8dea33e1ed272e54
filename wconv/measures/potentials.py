"""Kantorovich potentials for the cost |x − y|²/2, and how much they oscillate.

On the line and the circle, of densities constant on cells: φ' = x − T with T the monotone map, whose
graph is a polyline through the cumulative masses of both, so that φ is piecewise quadratic and
nothing is approximated. In higher dimension and on finite sets φ is a dual of the network simplex.
"""

import warnings
from typing import Final, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import Measured, rounding
from wconv.measures.densities import Density, same_grid
from wconv.measures.spaces import FiniteSet, Grid, Torus
from wconv.measures.transport import GAP_TOL, PIVOTS
from wconv.outcomes import Outcome, SolverError

BISECTIONS: Final = 60
"""Halvings of the cut of a circle: to the last bit."""


def potential(p: Density, q: Density) -> Measured:
    """A c-concave potential φ with ∫φ dp_s + ∫φ^c dq_s = W_2²(p_s, q_s)/2, φ^c(y) = inf_x |x−y|²/2 − φ(x).

    On the line and the circle at the cell ends, shape (S, n+1), zero at the first; where p has no mass T
    is continued monotonically. Otherwise at the nodes, shape (S, n), zero at the first; one of many.
    Error "rounding" from the cumulative masses.

    Raises:
        InputError: p and q on different nodes or with other numbers of states, zeros on a circle.
        SolverError: see ``transport_cost``.

    """
    return _potential(p, q).at


def potential_oscillation(p: Density, q: Density) -> Measured:
    """sup φ − inf φ over the space in every state, shape (S,), for the φ of ``potential``.

    At most D²/2 on a set of diameter D [`kantorovich-osc`]. On the line and the circle exact: of the
    piecewise quadratic, extremes inside cells included; otherwise over the nodes. Errors as there.
    """
    found = _potential(p, q)
    return Measured.of(found.high - found.low, rounding=found.error)


class _Potential(NamedTuple):
    """φ at its points (S, n), its extremes and a bound on the error of its differences, all (S,)."""

    at: Measured
    high: Array
    low: Array
    error: Array


def _potential(p: Density, q: Density) -> _Potential:
    same_grid(p, q)
    masses, others = (np.exp(x.logf + x.grid.log_weights) for x in (p, q))
    if masses.shape != others.shape:
        shapes = (masses.shape, others.shape)
        require.fail("policy", "have the same states on both sides", shapes, "match the states")
    grid = p.grid
    if grid.is_finite_set or grid.dim > 1:
        return _on_nodes(masses, others, _cost(grid))
    h = grid.spacing[0]
    edges = grid.nodes[0, 0] - h / 2 + h * np.arange(grid.n + 1)
    if isinstance(grid.space, Torus):
        if not ((masses > 0) & (others > 0)).all():
            remedy = "where both vanish the potential is not determined"
            require.fail("policy", "be positive on a circle", "zero mass in a cell", remedy)
        return _on_circle(edges, masses, others, grid.space.length)
    return _on_line(edges, masses, others)


def _on_line(edges: Array, p: Array, q: Array) -> _Potential:
    """From both ends to the median, so that masses in either tail keep their relative accuracy."""
    n = len(edges) - 1
    middle = np.abs(_levels(p) - 0.5).argmin(axis=-1)
    left = _half(edges, p, q, edges[middle])
    right = _half(-edges[::-1], p[:, ::-1], q[:, ::-1], -edges[middle])
    # Both halves are zero at the median.
    phi = np.where(np.arange(n + 1) <= middle[:, None], left.phi, right.phi[:, ::-1])
    error = left.error + right.error
    at = Measured.of(phi - phi[:, :1], rounding=error[:, None])
    return _Potential(at, np.maximum(left.high, right.high), np.minimum(left.low, right.low), error)


class _Half(NamedTuple):
    """φ − φ(cut) at the cell ends (S, n+1), constant past the cut; its extremes and error (S,)."""

    phi: Array
    high: Array
    low: Array
    error: Array


def _half(edges: Array, p: Array, q: Array, cut: Array) -> _Half:
    """φ from the low end to the cut (S,)."""
    first, second = _levels(p), _levels(q)

    def graph(scale: float) -> tuple[Array, Array, Array]:
        x, y, own = _graph(edges, first, edges, second * scale)
        return np.minimum(x, cut[:, None]), y, own

    x, y, own = graph(1.0)
    phi = _primitive(x, x - y)
    high, low = _extremes(x, x - y, phi)
    end = phi[:, -1]
    # Cumulative masses are relatively accurate: the true map lies between two scaled ones.
    relative = float(rounding(1.0, depth=len(edges) + 64))
    above, below = (_primitive(*graph(1.0 + sign * relative)[:2])[:, -1] for sign in (-1, 1))
    error = above - below + _summation(edges, x.shape[-1])
    at_ends = phi[own].reshape(first.shape)
    return _Half(at_ends - end[:, None], high - end, low - end, error)


def _on_circle(edges: Array, p: Array, q: Array, length: float) -> _Potential:
    """The cut of the circle is where φ closes up: ∮(x − T_θ)dx = 0, increasing in the shift θ."""
    first, turn = _levels(p), _levels(q)
    unrolled = np.concatenate([edges[:-1] - length, edges[:-1], edges + length])
    second = np.concatenate([turn[:, :-1] - 1.0, turn[:, :-1], turn + 1.0], axis=-1)

    def graph(shift: Array) -> tuple[Array, Array, Array]:
        return _graph(edges, first, unrolled, second + shift[:, None])

    low, high = -np.ones(len(p)), np.ones(len(p))
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        x, y, _own = graph(middle)
        late = _primitive(x, x - y)[:, -1] > 0
        low, high = np.where(late, low, middle), np.where(late, middle, high)
    x, y, own = graph(low)
    phi = _primitive(x, x - y)
    top, bottom = _extremes(x, x - y, phi)
    absolute = float(rounding(1.0, depth=len(edges) + 64))
    above, below = (_primitive(*graph(low + sign * absolute)[:2])[:, -1] for sign in (-1, 1))
    # Once for the masses, once for the cut that they move.
    error = 2 * (above - below) + np.abs(phi[:, -1]) + _summation(edges, x.shape[-1])
    at = Measured.of(phi[own].reshape(first.shape), rounding=error[:, None])
    return _Potential(at, top, bottom, error)


def _graph(x: Array, first: Array, y: Array, second: Array) -> tuple[Array, Array, Array]:
    """The graph of F_q⁻¹∘F_p: points (S, n+m) of a polyline, and which of them are ends of p's cells.

    Edges (n,) and (m,) with cumulative masses (S, n) and (S, m). Where a mass vanishes the graph is
    level or upright.
    """
    levels = np.concatenate([first, second], axis=-1)
    order = np.argsort(levels, axis=-1, kind="stable")
    u = np.take_along_axis(levels, order, axis=-1)
    own = order < first.shape[-1]
    return _along(x, first, u, own), _along(y, second, u, ~own), own


def _along(edges: Array, levels: Array, u: Array, own: Array) -> Array:
    """Positions at cumulative masses u, ascending, of which ``own`` are the levels themselves."""
    last = levels.shape[-1] - 1
    passed = np.cumsum(own, axis=-1)
    i, j = np.clip(passed - 1, 0, last), np.clip(passed, 0, last)
    start = np.take_along_axis(levels, i, axis=-1)
    extent = np.take_along_axis(levels, j, axis=-1) - start
    share = np.where(own | (extent <= 0), 0.0, (u - start) / np.where(extent > 0, extent, 1.0))
    return np.asarray(edges[i] + (edges[j] - edges[i]) * share)


def _primitive(x: Array, slope: Array) -> Array:
    """∫ of a piecewise linear function from the first point, at all points (S, k)."""
    steps = np.diff(x, axis=-1) * (slope[:, :-1] + slope[:, 1:]) / 2
    return np.concatenate([np.zeros_like(x[:, :1]), np.cumsum(steps, axis=-1)], axis=-1)


def _extremes(x: Array, slope: Array, phi: Array) -> tuple[Array, Array]:
    """sup and inf of the primitive, those between points where the slope changes sign included."""
    left, right = slope[:, :-1], slope[:, 1:]
    turns = left * right < 0
    share = np.where(turns, left / np.where(turns, left - right, 1.0), 0.0)
    inside = phi[:, :-1] + np.diff(x, axis=-1) * left * share / 2
    both = np.concatenate([phi, inside], axis=-1)
    return both.max(axis=-1), both.min(axis=-1)


def _levels(mass: Array) -> Array:
    """Cumulative masses (S, n+1) from 0 to 1."""
    total = np.cumsum(mass, axis=-1)
    return np.concatenate([np.zeros_like(total[:, :1]), total / total[:, -1:]], axis=-1)


def _summation(edges: Array, points: int) -> float:
    span, reach = edges[-1] - edges[0], np.abs(edges).max()
    return float(rounding(span**2, depth=points) + rounding(span * reach, depth=1))


def _cost(grid: Grid) -> Array:
    """|x − y|²/2 between all nodes, in the metric of the space."""
    if isinstance(grid.space, FiniteSet):
        return np.asarray(grid.space.distances() ** 2 / 2)
    step = np.abs(grid.nodes[:, None] - grid.nodes[None])
    if isinstance(grid.space, Torus):
        step = np.minimum(step, grid.space.length - step)
    return np.asarray((step**2).sum(axis=-1) / 2)


def _on_nodes(p: Array, q: Array, cost: Array) -> _Potential:
    phi = np.stack([_dual(a, b, cost) for a, b in zip(p, q, strict=True)])
    error = np.broadcast_to(rounding(cost.max() + np.abs(phi).max(axis=-1), depth=1), len(phi))
    at = Measured.of(phi - phi[:, :1], rounding=error[:, None])
    return _Potential(at, phi.max(axis=-1), phi.min(axis=-1), error)


def _dual(p: Array, q: Array, cost: Array) -> Array:
    """φ(x_i) = min_j c_ij − v_j over the nodes of q, with v the dual of the network simplex."""
    rows, columns = p > 0, q > 0
    c = np.ascontiguousarray(cost[np.ix_(rows, columns)])
    with warnings.catch_warnings():
        # POT warns of its own syntax when imported, and of the result code that is checked below.
        warnings.simplefilter("ignore")
        from ot import emd

        plan, log = emd(p[rows], q[columns], c, numItermax=PIVOTS, log=True)
    v = (c - log["u"][:, None]).min(axis=0)
    phi = (cost[:, columns] - v).min(axis=1)
    gap = float((plan * c).sum() - p @ phi - q[columns] @ v)
    if log["warning"] is not None or not gap <= GAP_TOL * float(c.max()):
        raise SolverError(Outcome.MAX_STEPS, f"network simplex: duality gap {gap:.1e}")
    return np.asarray(phi)
