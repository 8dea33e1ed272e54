"""The density of the mixture (1/N) Σ_i N(c_i, σ²I) on the nodes of a grid, in time O(N + nodes).

A fast Gauss transform: every axis is cut into boxes a small part of σ wide; a centre enters through the
scaled moments u^k/k!, k < K, of its offset uσ from the middle of its box, and a node sums the boxes within
reach, Σ_k He_k(t)e^{−t²/2}·moment_k with t the distance to the middle in σ (Taylor's formula). Images at a
reflecting end are the boxes in reverse, with the sign (−1)^k. Boxes are a whole number of cells wide, or a
cell is a whole number of boxes, so that blocks of nodes share one table and the sums are matrix products;
nothing is spread over the grid by a Fourier transform, and errors stay near the particles.

In units of the peak (2πσ²)^{−d/2} of one Gaussian the error is below the sum of

* expansion  κρ^K/√K!·Πθ_2, ρσ half the diagonal of a box: Taylor's remainder is |u|^K/K! times a K-th
  derivative along u, and |He_K(t)|e^{−t²/2} ≤ κ√K!·e^{−t²/4} (Cramér, κ = 1.0865);
* reach      Σ_axis tail·Π_others θ_1: boxes left out are farther than Rσ. On the line tail = e^{−R²/2};
  with c trains of images of period p (circle: c = 1, p = L; reflecting interval: c = 2, p = 2L) it is
  2c(e^{−R²/2} + (σ/p)√(π/2)·erfc(R/√2)); c trains of the bell e^{−x²/2v}, each at its largest within ρσ, sum
  to at most θ_v = c(1 + (2ρ + √(2πv))σ/p), and θ_v = 1 on the line;
* rounding   κΠθ_2·u·[(Σ_k ρ^k/√k!)(C + N/C + Σ_axis(W + K) + 4K + 10) + Σ_axis(|low| + 12 span)/σ] to first
  order in the unit roundoff u: moments are summed in chunks of C centres, a node sums W boxes of an axis,
  then K orders; places are known to u times the ends and the span of the boxes, for centres at most a length
  beyond the ends (others: in proportion). It is for the worst signs, and usually a hundred times the truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from math import ceil, erfc, exp, factorial, log, pi, prod, sqrt
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from wconv import _require as require
from wconv._axes import Array

CRAMER: Final = 1.0865
"""|He_k(t)| ≤ κ√k!·e^{t²/4} for all k and t (Abramowitz and Stegun, 22.14.17)."""

RADIUS: Final = {1: 0.125, 2: 0.25}
"""Largest half diagonal of a box in σ: more moments in fewer boxes where boxes are many."""

MOST: Final = 2**23
"""Most moments of one order, and entries of a table."""


@dataclass(frozen=True)
class Axis:
    """n cells of width ``spacing`` from ``low``, in boxes: of ``merged`` cells, or 1/``split`` of a cell.

    A block of ``cells`` is served by its own boxes and ``margin`` more at each end, all in all ``window``.
    ``boxes`` is their number in the interval or circle, on the line with those beyond the ends.
    """

    low: float
    spacing: float
    n: int
    boundary: str
    merged: int
    split: int
    margin: int

    @property
    def width(self) -> float:
        """Width of a box."""
        return self.spacing * self.merged / self.split

    @property
    def length(self) -> float:
        """Width of all cells."""
        return self.spacing * self.n

    @property
    def cells(self) -> int:
        """Cells of a block: about as wide as a margin, which is where work and memory balance."""
        most = ceil(self.n / self.merged)
        return self.merged * min(most, ceil(self.margin / self.split))

    @property
    def window(self) -> int:
        """Boxes that a block sees."""
        return self.cells * self.split // self.merged + 2 * self.margin

    @property
    def blocks(self) -> int:
        """Blocks that cover the cells."""
        return ceil(self.n / self.cells)

    @property
    def boxes(self) -> int:
        """Boxes that hold moments."""
        if self.boundary == "none":
            return self.blocks * (self.window - 2 * self.margin) + 2 * self.margin
        return self.n * self.split // self.merged

    @property
    def trains(self) -> int:
        """Trains of images: 0 on the line, 1 on the circle, 2 between reflecting ends."""
        return ("none", "wrap", "fold").index(self.boundary)

    @property
    def period(self) -> float:
        """Distance of the images of a train."""
        return self.length * max(self.trains, 1)


@dataclass(frozen=True)
class Plan:
    """How to evaluate a mixture of width σ on a grid; hashable, made by ``plan``.

    ``order`` is K and ``reach`` is R in the module's formulas.
    """

    axes: tuple[Axis, ...]
    sigma: float
    order: int
    reach: float

    @property
    def peak(self) -> float:
        """(2πσ²)^{−d/2}."""
        return (self.sigma * sqrt(2 * pi)) ** -len(self.axes)

    @property
    def cell(self) -> float:
        """Volume of a cell: Σ density·cell is the mass on the nodes."""
        return prod(axis.spacing for axis in self.axes)

    @property
    def truncation(self) -> float:
        """Bound on the error without rounding, in units of the peak: "expansion" and "reach"."""
        left_out = _tail(self.axes, self.sigma, self.reach)
        return _expansion(self.axes, self.sigma, self.order) + left_out

    def error(self, count: int, dtype: Any = np.float64) -> float:
        """Bound on |f̂ − f| at every node for ``count`` centres of a type, in units of the peak.

        The sum of the module's three terms. Where f is below it, f̂ may be negative and has no logarithm.
        """
        size, terms = _radius(self.axes, self.sigma), range(self.order)
        series = sum(size**k / sqrt(factorial(k)) for k in terms)
        depth = _chunk(count, self) + count / _chunk(count, self) + 4 * self.order + 10
        depth += sum(axis.window + self.order for axis in self.axes)
        places = sum(abs(a.low) + 12 * max(a.boxes * a.width, a.length) for a in self.axes)
        images = CRAMER * _trains(self.axes, self.sigma, 2)
        unit = float(np.finfo(dtype).eps) / 2
        return self.truncation + images * unit * (series * depth + places / self.sigma)

    def entropy_error(self, count: int, dtype: Any = np.float64) -> float:
        """Bound on Σ_nodes cell·|f log f − g log g| for g = max(f̂, t), any 0 ≤ t ≤ the error (0 log 0 = 0).

        x ↦ (x + e)log(x + e) − x log x increases in x, so on [0, M] it is between e log e and e(1 + log M):
        the bound is Π(n h)·max(|e log e|, e(1 + log M)), e the error, M the largest possible density.
        """
        gap = self.peak * self.error(count, dtype)
        most = self.peak * _trains(self.axes, self.sigma, 1) + gap
        worst = max(abs(gap * log(gap)), gap * (1 + log(most)))
        return prod(axis.length for axis in self.axes) * worst


def plan(
    low: tuple[float, ...],
    spacing: tuple[float, ...],
    n: tuple[int, ...],
    boundary: str,
    sigma: float,
    tol: float,
) -> Plan:
    """The plan whose truncation is below ``tol`` peaks, for n_k cells of width h_k from low_k, k = 1 (, 2).

    ``boundary`` is "none" (the line: mass beyond the nodes is lost), "fold" (reflecting ends) or "wrap".

    Raises:
        InputError: for other numbers of axes, ends or types, a tol outside [1e-15, 0.1), and a sigma so small
            (or in cells so large, where n has no divisors) that boxes or tables are above 2^23.

    """
    require.choice("boundary", boundary, ("none", "fold", "wrap"))
    if len(n) not in RADIUS or not len(low) == len(spacing) == len(n):
        got = (len(low), len(spacing), len(n))
        require.fail("low, spacing and n", "have one or two axes alike", got, "sum up directly")
    sigma = require.positive("sigma", sigma, "without noise there is no density")
    tol = require.within("tol", tol, 1e-15, 0.1, "it is relative to the peak of one Gaussian")
    widest = 2 * RADIUS[len(n)] * sigma / sqrt(len(n))
    bare = []
    for start, h, cells in zip(low, spacing, n, strict=True):
        require.real("low", start)
        require.positive("spacing", h, "give the width of a cell")
        require.count("n", cells, 1)
        merged, split = _cut(cells, widest / h, boundary)
        axis = Axis(float(start), float(h), int(cells), boundary, merged, split, 0)
        bare.append(axis)
    reach, order = sqrt(2 * log(2 / tol)), 1
    while _tail(bare, sigma, reach) > tol / 2:
        reach += 0.01
    while _expansion(bare, sigma, order) > tol / 2:
        order += 1
    axes = tuple(
        Axis(a.low, a.spacing, a.n, boundary, a.merged, a.split, ceil(reach * sigma / a.width))
        for a in bare
    )
    tables = max(a.cells * a.window * order for a in axes)
    if max(tables, prod(a.boxes for a in axes)) > MOST:
        cells_wide = f"{sigma / max(spacing):.3g} cells"
        remedy = "change the number of nodes to one of the order of length/sigma with many divisors"
        require.fail(
            "sigma", f"need at most {MOST} boxes and entries of tables", cells_wide, remedy
        )
    return Plan(axes, sigma, order, reach)


def _cut(n: int, most: float, boundary: str) -> tuple[int, int]:
    """Cells in a box of at most ``most`` cells, and boxes in a cell; with images boxes fill the length."""
    if most < 1:
        return 1, ceil(1 / most)
    whole = min(int(most), n) if most < n else n
    if boundary != "none":
        whole = next(k for k in range(whole, 0, -1) if n % k == 0)
    return whole, 1


def _radius(axes: Any, sigma: float) -> float:
    """ρ."""
    return sqrt(sum(axis.width**2 for axis in axes)) / (2 * sigma)


def _trains(axes: Any, sigma: float, v: int, without: Any = None) -> float:
    """Πθ_v over the axes, one of them perhaps left out."""
    wide = (2 * _radius(axes, sigma) + sqrt(2 * pi * v)) * sigma
    kept = [axis for axis in axes if axis is not without and axis.trains]
    return float(prod(axis.trains * (1 + wide / axis.period) for axis in kept))


def _expansion(axes: Any, sigma: float, order: int) -> float:
    """The term "expansion"."""
    size = _radius(axes, sigma) ** order / sqrt(factorial(order))
    return CRAMER * size * _trains(axes, sigma, 2)


def _tail(axes: Any, sigma: float, reach: float) -> float:
    """The term "reach"."""
    edge, beyond, total = exp(-(reach**2) / 2), sqrt(pi / 2) * erfc(reach / sqrt(2)), 0.0
    for axis in axes:
        tail = 2 * axis.trains * (edge + beyond * sigma / axis.period) if axis.trains else edge
        total += tail * _trains(axes, sigma, 1, without=axis)
    return total


def _chunk(count: int, plan: Plan) -> int:
    """Centres whose moments are summed together: √N keeps sums short, fewer than boxes would waste time."""
    return min(count, max(ceil(sqrt(count)), prod(axis.boxes for axis in plan.axes)))


@partial(jax.jit, static_argnames=("plan",))
def density(centres: Any, plan: Plan) -> Any:
    """(1/N) Σ_i N(·; c_i, σ²I), with images, at the nodes, shape (n_1·…·n_d,) in the order of ``Grid.nodes``.

    ``centres`` (N, d) may lie anywhere, in float32 or float64. The values are within ``plan.error`` peaks
    and, below that, may be negative; nothing is clipped. On the line 1 − Σ density·cell is the mass beyond
    the nodes; a NaN among the centres makes the densities around some node NaN.

    Raises:
        InputError: for centres of another shape.

    """
    if centres.ndim != 2 or centres.shape[1] != len(plan.axes) or not len(centres):
        requirement = f"have shape (centres, {len(plan.axes)})"
        require.fail("centres", requirement, centres.shape, "use vmap for several clouds")
    first, *others = plan.axes
    index, powers = _binned(centres[:, 0], first, plan)
    table, odd = _table(first, plan.sigma, plan.order), np.arange(plan.order) % 2
    if not others:
        sums = _moments(index, powers, plan, first.boxes)[:, None]
        return _at_nodes(sums, first, table, odd)[:, 0] * (plan.peak / len(centres))
    second = others[0]
    column, factors = _binned(centres[:, 1], second, plan)
    inside = (index < first.boxes) & (column < second.boxes)
    boxes = first.boxes * second.boxes
    both = jnp.where(inside, index * second.boxes + column, boxes)

    # One order of the second axis at a time: all moments at once are a hundred numbers a box.
    def of_order(total: Any, item: Any) -> tuple[Any, None]:
        factor, column_table, parity, kept = item
        sums = _moments(both, powers * kept[:, None] * factor[None], plan, boxes)
        partly = _at_nodes(sums.reshape(first.boxes, second.boxes, -1), first, table, odd)
        parts = _at_nodes(partly.T[..., None], second, column_table[..., None], parity[None])
        return total + parts.T, None

    kept = np.add.outer(np.arange(plan.order), np.arange(plan.order)) < plan.order
    tables = np.moveaxis(_table(second, plan.sigma, plan.order), -1, 0)
    start = jnp.zeros((first.n, second.n), centres.dtype)
    orders = factors, tables.astype(centres.dtype), odd, kept.astype(centres.dtype)
    total, _ = jax.lax.scan(of_order, start, orders)
    return total.reshape(first.n * second.n) * (plan.peak / len(centres))


def _binned(places: Any, axis: Axis, plan: Plan) -> tuple[Any, Any]:
    """The boxes of places (N,), one too many for none; and u^k/k! (K, N) of their offsets uσ."""
    x = places - axis.low
    if axis.boundary == "none":
        x = x + axis.margin * axis.width
    else:
        x = jnp.mod(x, axis.period)
    if axis.boundary == "fold":
        x = jnp.minimum(x, axis.period - x)
    box = jnp.floor(x / axis.width)
    if axis.boundary == "none":
        beyond = (box < 0) | (box >= axis.boxes)
    else:
        # Rounding may bring a place to the very end.
        box, beyond = jnp.clip(box, 0, axis.boxes - 1), jnp.zeros(x.shape, bool)
    u = (x - (box + 0.5) * axis.width) / plan.sigma
    # Those beyond are dropped later; their powers must not overflow before.
    u = jnp.where(beyond, 0.0, u)
    powers = [jnp.ones_like(u)]
    for k in range(1, plan.order):
        powers.append(powers[-1] * u / k)
    return jnp.where(beyond, axis.boxes, box).astype(jnp.int32), jnp.stack(powers)


def _moments(index: Any, rows: Any, plan: Plan, boxes: int) -> Any:
    """Sums of rows (K, N) over the centres of every box, shape (boxes, K); index ``boxes`` is dropped."""
    count = len(index)
    chunk = _chunk(count, plan)
    spare = -count % chunk
    into = jnp.pad(index, (0, spare), constant_values=boxes).reshape(-1, chunk)
    parts = jnp.pad(rows, ((0, 0), (0, spare))).reshape(len(rows), -1, chunk).transpose(1, 2, 0)
    zero = jnp.zeros((boxes, len(rows)), rows.dtype)

    def step(total: Any, item: Any) -> tuple[Any, None]:
        where, part = item
        return total + zero.at[where].add(part, mode="drop"), None

    return jax.lax.scan(step, zero, (into, parts))[0]


def _at_nodes(sums: Any, axis: Axis, table: Any, odd: Any) -> Any:
    """Σ over boxes and orders of sums (boxes, x, orders) times their table, shape (n, x).

    ``table`` is He_k(t)e^{−t²/2}, shape (cells, window, orders), and ``odd`` (orders,) is k mod 2.
    """
    box, mirrored = _windows(axis)
    seen = sums[box]
    if axis.boundary == "fold":
        signs = 1 - 2 * mirrored[..., None] * odd[None, None]
        seen = seen * signs[:, :, None].astype(sums.dtype)
    # One sum over boxes an order: shorter sums round less than one over boxes and orders.
    parts = jnp.einsum("bwxk,cwk->kbcx", seen, table.astype(sums.dtype), precision="highest")
    return parts.sum(axis=0).reshape(axis.blocks * axis.cells, -1)[: axis.n]


def _windows(axis: Axis) -> tuple[Array, Array]:
    """Indices (blocks, window) of the boxes that blocks see, and whether they are mirror images."""
    own = axis.window - 2 * axis.margin
    seen = own * np.arange(axis.blocks)[:, None] + np.arange(axis.window)
    if axis.boundary == "none":
        return seen, np.zeros(seen.shape, bool)
    place = (seen - axis.margin) % (axis.trains * axis.boxes)
    mirrored = place >= axis.boxes
    return np.where(mirrored, 2 * axis.boxes - 1 - place, place), mirrored


@lru_cache(maxsize=16)
def _table(axis: Axis, sigma: float, order: int) -> Array:
    """He_k(t)e^{−t²/2} for the nodes of a block, the boxes it sees and k < K, shape (cells, window, K)."""
    nodes = axis.spacing * (np.arange(axis.cells) + 0.5)
    middles = axis.width * (np.arange(axis.window) - axis.margin + 0.5)
    t = (nodes[:, None] - middles) / sigma
    return np.stack(list(_hermite(t, order)), axis=-1)


def _hermite(t: Array, order: int) -> Iterator[Array]:
    """He_k(t)e^{−t²/2} for k < order, by He_{k+1} = t He_k − k He_{k−1}."""
    before, now = np.zeros_like(t), np.exp(-0.5 * t * t)
    for k in range(order):
        yield now
        before, now = now, t * now - k * before
