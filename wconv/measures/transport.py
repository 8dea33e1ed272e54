"""Squared Wasserstein distances W_2², state by state, with certified errors.

On the line and the circle the distance is exact, of densities that are constant on cells; in higher
dimension and on finite sets it is a network simplex solution (POT) between the nodes, certified by
its own dual.
"""

import warnings
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import Measured, rounding, stack
from wconv.measures.densities import Density
from wconv.measures.quantiles import Pieces, atoms, cells, circle_cost, line_cost
from wconv.measures.spaces import FiniteSet, Grid, Torus
from wconv.outcomes import Outcome, SolverError

PIVOTS: Final = 10_000_000
"""Most pivots of the network simplex; it needs a few per node in practice."""

GAP_TOL: Final = 1e-9
"""Largest duality gap accepted from the network simplex, relative to the largest cost."""


def w2_squared(p: Density, q: Density) -> Measured:
    """W_2²(p_s, q_s) in every state, shape (S,), in the metric of the space.

    On an interval and the Gaussian line of the densities constant on the cells (which differ from
    smooth ones by O(h²)), on a circle likewise for the geodesic distance, on a finite set of the
    masses with its metric, on boxes and two-dimensional tori of the masses at the nodes. There
    "quantisation" = 4δW_2 + 4δ², δ² = Σh²/12, bounds the difference to densities constant on cells.
    The grids of p and q may differ, but not their spaces (finite sets: not their points).

    Raises:
        InputError: naming space or policy when these or the numbers of states differ.
        SolverError: when the network simplex stops early or its duality gap is too large.

    """
    space = p.grid.space
    same = space is q.grid.space or (not p.grid.is_finite_set and space == q.grid.space)
    if not same:
        require.fail("space", "be the same for both", q.grid.space, "use one space for both")
    masses, others = _masses(p), _masses(q)
    if len(masses) != len(others):
        states = (len(masses), len(others))
        require.fail("policy", "have the same states on both sides", states, "match the states")
    if isinstance(space, FiniteSet):
        return transport_cost(masses, others, space.distances() ** 2)
    if p.grid.dim == 1:
        first, second = _cells(p.grid, masses), _cells(q.grid, others)
        if isinstance(space, Torus):
            return circle_cost(first, second, space.length)
        return line_cost(first, second)
    cost = _product_cost(p.grid, q.grid)
    distance = transport_cost(masses, others, cost)
    cell = sum(np.sqrt(sum(h**2 for h in g.spacing) / 12) for g in (p.grid, q.grid))
    root = np.sqrt(distance.upper)
    return distance.with_error("quantisation", cell * (2 * root + cell))


def w2_squared_atoms(x: Array, p: Array, y: Array, q: Array) -> Measured:
    """W_2² on the line of Σp_iδ_{x_i} and Σq_jδ_{y_j}, exactly: ∫_0^1 (F⁻¹ − G⁻¹)² du.

    Positions (n,) and (m,) in any order, masses (..., n) and (..., m); shape (...). InputError
    naming p or q unless masses are probabilities (to 1e-12·n) and shapes match.
    """
    return line_cost(atoms("p", x, p), atoms("q", y, q))


def w2_squared_piecewise_constant(edges: Array, p: Array, edges2: Array, q: Array) -> Measured:
    """W_2² on the line of masses p (..., n) and q (..., m) spread evenly over cells, exactly.

    Edges (n+1,) and (m+1,) ascend; shape (...). InputError as for ``w2_squared_atoms``.
    """
    return line_cost(cells("p", edges, p), cells("q", edges2, q))


def w2_squared_circle_atoms(x: Array, p: Array, y: Array, q: Array, length: float) -> Measured:
    """Geodesic W_2² of Σp_iδ_{x_i} and Σq_jδ_{y_j} on a circle, with a certified best cut.

    Positions in [0, length), masses (S, n) and (S, m); shape (S,). InputError as for
    ``w2_squared_atoms``, or naming positions outside.
    """
    require.positive("length", length, "give the circumference")
    first, second = atoms("p", x, p), atoms("q", y, q)
    for symbol, side in (("p", first), ("q", second)):
        if side.left[0] < 0 or side.left[-1] >= length:
            ends = (float(side.left[0]), float(side.left[-1]))
            require.fail(f"{symbol} positions", f"lie in [0, {length:g})", ends, "wrap them")
    return circle_cost(first, second, length)


def transport_cost(p: Array, q: Array, cost: Array) -> Measured:
    """min over couplings Γ of p_s and q_s of Σ Γ_ij c_ij, shape (S,), for any cost (n, m) ≥ 0.

    Network simplex (POT, Bonneel et al. 2011), certified: the plan's own marginals give an upper
    bound, its dual made feasible (v_j = min_i c_ij − u_i) a lower one. Error terms: "optimality",
    the duality gap; "rounding", with the marginal defects times max c.

    Raises:
        InputError: naming p, q or cost on wrong shapes, negative or non-finite entries.
        SolverError: when it stops at the pivot limit, or the gap exceeds 1e-9·max c.

    """
    p, q, c = (np.asarray(x, dtype=float) for x in (p, q, cost))
    for symbol, masses in (("p", p), ("q", q)):
        if masses.ndim != 2 or len(masses) != len(p):
            shape = masses.shape
            require.fail(symbol, "have shape (states, nodes)", shape, "one row a state of both")
        require.probabilities(symbol, masses, "nodes", 1e-12 * masses.shape[1])
    require.shape("cost", c, (p.shape[1], q.shape[1]), "(nodes of p, nodes of q)")
    require.finite("cost", c)
    if (c < 0).any():
        require.fail("cost", "be non-negative", float(c.min()), "add a constant")
    return stack([_simplex(a, b, c) for a, b in zip(p, q, strict=True)])


def _simplex(p: Array, q: Array, cost: Array) -> Measured:
    rows, columns = p > 0, q > 0
    p, q, c = p[rows], q[columns], np.ascontiguousarray(cost[np.ix_(rows, columns)])
    with warnings.catch_warnings():
        # POT warns of its own syntax when imported, and of the result code that is checked below.
        warnings.simplefilter("ignore")
        from ot import emd

        plan, log = emd(p, q, c, numItermax=PIVOTS, log=True)
    largest = float(c.max())
    primal = float((plan * c).sum())
    u = log["u"]
    dual = float(p @ u + q @ (c - u[:, None]).min(axis=0))
    if log["warning"] is not None or not primal - dual <= GAP_TOL * largest:
        raise SolverError(Outcome.MAX_STEPS, f"network simplex: duality gap {primal - dual:.1e}")
    defect = np.abs(plan.sum(axis=1) - p).sum() + np.abs(plan.sum(axis=0) - q).sum()
    sums = rounding(largest + np.abs(u).max(), depth=p.size + q.size)
    return Measured.of(primal, optimality=max(primal - dual, 0.0), rounding=defect * largest + sums)


def _masses(density: Density) -> Array:
    return np.asarray(np.exp(density.logf + density.grid.log_weights))


def _cells(grid: Grid, masses: Array) -> Pieces:
    h = grid.spacing[0]
    low = grid.nodes[0, 0] - h / 2
    return cells("policy", low + h * np.arange(grid.n + 1), masses)


def _product_cost(first: Grid, second: Grid) -> Array:
    """|a − b|² between all nodes, the geodesic one on a torus."""
    step = np.abs(first.nodes[:, None] - second.nodes[None])
    if isinstance(first.space, Torus):
        step = np.minimum(step, first.space.length - step)
    return np.asarray((step**2).sum(axis=-1))
