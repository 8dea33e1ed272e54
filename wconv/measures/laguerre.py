"""Laguerre cells of the nodes of a grid in the plane, and the masses of a density on its cells.

For weights w the plane falls into the cells where |x_i − y|² − w_i is smallest. They are the dual of a
convex hull (Aurenhammer 1987); integrals over them of a density that is constant on the cells of the
grid are exact sums along their edges. On a torus every node has copies.
"""

from dataclasses import dataclass

import numpy as np

from wconv._axes import Array
from wconv.measured import EPS
from wconv.measures.spaces import Grid


@dataclass(frozen=True, eq=False)
class Plane:
    """Sites (k, 2) about the centre of the grid and their nodes (k + 4,), the last four −1: none."""

    grid: Grid
    sites: Array
    node: Array

    @classmethod
    def of(cls, grid: Grid) -> "Plane":
        """The nodes, on a torus with all copies at most half a turn outside."""
        h, shape = np.asarray(grid.spacing), np.asarray(grid.shape)
        index = np.indices(grid.shape).reshape(2, -1).T
        if grid.periodic:
            span = [np.arange(-(k // 2) - 1, k + k // 2 + 1) for k in shape]
            index = np.stack(np.meshgrid(*span, indexing="ij"), axis=-1).reshape(-1, 2)
        node = np.ravel_multi_index(tuple((index % shape).T), grid.shape)
        return cls(grid, (index + 0.5) * h - 0.5 * h * shape, np.append(node, np.full(4, -1)))

    @property
    def half(self) -> Array:
        """Half the sides."""
        return np.asarray(np.multiply(self.grid.spacing, self.grid.shape) / 2)

    @property
    def corners(self) -> Array:
        """The corners (4, 2)."""
        return np.asarray([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * self.half

    @property
    def span(self) -> float:
        """The squared diagonal of the box: between nodes all with mass, weights differ by no more."""
        return float(4 * (self.half**2).sum())

    def fold(self, values: Array) -> Array:
        """Sums over the sites of every node, (sites,) to (n,)."""
        return np.asarray(np.bincount(self.node[:-4], values, self.grid.n))

    def contains(self, points: Array) -> Array:
        """Whether points (k, 2) lie in the box, up to rounding."""
        return np.asarray((np.abs(points) <= self.half * (1 + 1e-12)).all(axis=-1))

    def powers(self, points: Array, weights: Array) -> Array:
        """|x − y|² − w of all points y and sites x, (points, k)."""
        step = points[:, None] - self.sites[None]
        return np.asarray((step**2).sum(axis=-1) - weights[self.node[:-4]])


@dataclass(frozen=True, eq=False)
class Diagram:
    """Laguerre cells as pieces of their edges, each within one cell (row, column) of the grid.

    A piece from ``start`` to ``stop`` has the site ``left`` on its right hand and the site ``right``,
    around which it runs counterclockwise, on its left. Rows end one beyond the grid.
    """

    plane: Plane
    left: Array
    right: Array
    start: Array
    stop: Array
    row: Array
    column: Array

    def masses(self, density: Array) -> Array:
        """ν(L_i), shape (sites,), of a density on the cells of the grid (rows, columns)."""
        return self._around(self._inner(density, self._middle))

    def rounding(self, density: Array) -> float:
        """Bound on the sum of the rounding errors of all masses: those of every term, eight each."""
        flow = self._inner(density, self._middle) * (self.stop[:, 1] - self.start[:, 1])
        return float(8 * EPS * (1.0 + 2 * np.abs(flow).sum()))

    def moments(self, density: Array) -> Array:
        """∫_{L_i} y dν, shape (sites, 2), by Simpson's rule, exact for these quadratics."""
        first, second = np.zeros((2, len(self.row)))
        for point, share in ((self.start, 1 / 6), (self._middle, 4 / 6), (self.stop, 1 / 6)):
            first += share * self._inner(density, point, first=True)
            second += share * point[:, 1] * self._inner(density, point)
        return np.stack([self._around(first), self._around(second)], axis=-1)

    def laplacian(self, density: Array) -> tuple[Array, Array, Array]:
        """Pairs of nodes and ∫ν dl/|x_i − x_j| over the pieces of their edges inside the grid."""
        i, j = (self.plane.node[x] for x in (self.left, self.right))
        kept = (i >= 0) & (j >= 0) & (i != j) & (self.row < len(density))
        sites = self.plane.sites
        apart = np.linalg.norm(sites[self.left[kept]] - sites[self.right[kept]], axis=1)
        length = np.linalg.norm(self.stop - self.start, axis=1)[kept]
        return i[kept], j[kept], density[self.row[kept], self.column[kept]] * length / apart

    def corner_slack(self, weights: Array) -> Array:
        """Largest |x_i − y|² − w_i − min_j over the corners y of the computed cells in the box, (n,).

        Rounding, if these are the cells of the weights (n,).
        """
        plane = self.plane
        largest = np.zeros(plane.grid.n + 1)
        ends = np.concatenate([self.start, self.stop])
        pairs = np.tile(np.stack([self.left, self.right], axis=-1), (2, 1))
        within = np.flatnonzero(plane.contains(ends))
        for chosen in np.array_split(within, len(within) // 512 + 1):
            powers = plane.powers(ends[chosen], weights)
            powers -= powers.min(axis=1, keepdims=True)
            for site in pairs[chosen].T:
                real = np.flatnonzero(site < len(plane.sites))
                np.maximum.at(largest, plane.node[site[real]], powers[real, site[real]])
        return largest[:-1]

    @property
    def _middle(self) -> Array:
        return np.asarray((self.start + self.stop) / 2)

    def _inner(self, density: Array, point: Array, *, first: bool = False) -> Array:
        """∫ν dy_1, or ∫y_1ν dy_1, from the low side of the grid to points of the pieces."""
        h, side = self.plane.grid.spacing[0], self.plane.half[0]
        lines = h * np.arange(len(density) + 1) - side
        power = 2 if first else 1
        whole = np.cumsum(density * np.diff(lines**power / power)[:, None], axis=0)
        before = np.pad(whole, ((1, 0), (0, 0)))[self.row, self.column]
        inside = np.pad(density, ((0, 1), (0, 0)))[self.row, self.column]
        part = (point[:, 0] ** power - lines[self.row] ** power) / power
        return np.asarray(before + inside * part)

    def _around(self, inner: Array) -> Array:
        """∮ inner dy_2 around the cells of all sites."""
        flow = inner * (self.stop[:, 1] - self.start[:, 1])
        k = len(self.plane.node)
        around = np.bincount(self.right, flow, k) - np.bincount(self.left, flow, k)
        return np.asarray(around[:-4])


def diagram(plane: Plane, weights: Array) -> Diagram:
    """The Laguerre cells of weights (n,) at the nodes: y belongs to the least |x_i − y|² − w_i.

    The edges of the lower hull of the points (x_i, |x_i|² − w_i) are the pairs of neighbours, the slopes
    of its faces twice the corners of the cells.
    """
    from scipy.spatial import ConvexHull

    # Four sites so far out that their cells do not meet the grid make all other cells bounded.
    far = 3.0 * plane.corners
    sites = np.vstack([plane.sites, far])
    lowest = weights.max() - 4 * (plane.half**2).sum()
    lift = (sites**2).sum(axis=1) - np.append(weights[plane.node[:-4]], np.full(4, lowest))
    hull = ConvexHull(np.column_stack([sites, lift]))
    lower = hull.equations[:, 2] < 0
    corners = -0.5 * hull.equations[:, :2] / hull.equations[:, 2:3]
    u, v = (sites[hull.simplices[:, k]] - sites[hull.simplices[:, 0]] for k in (1, 2))
    clockwise = (u[:, 0] * v[:, 1] < u[:, 1] * v[:, 0])[:, None]
    faces, ahead = (np.where(clockwise, x[:, ::-1], x) for x in (hull.simplices, hull.neighbors))
    # A face is on the left of its counterclockwise side ij, so that its corner comes later around i.
    face, k = np.nonzero(lower[:, None] & lower[ahead] & (np.arange(len(faces))[:, None] < ahead))
    i, j = faces[face, (k + 1) % 3], faces[face, (k + 2) % 3]
    return _pieces(plane, i, j, corners[face], corners[ahead[face, k]])


def _pieces(plane: Plane, left: Array, right: Array, a: Array, b: Array) -> Diagram:
    """Edges from a to b cut at the lines of the grid; what misses every column carries no mass."""
    h = np.asarray(plane.grid.spacing)
    edges, times = [np.arange(len(a))] * 2, [np.zeros(len(a)), np.ones(len(a))]
    for axis, n in enumerate(plane.grid.shape):
        p, q = ((x[:, axis] + plane.half[axis]) / h[axis] for x in (a, b))
        first = np.clip(np.floor(np.minimum(p, q)) + 1, 0, n + 1).astype(int)
        count = np.clip(np.ceil(np.maximum(p, q)), first, n + 1).astype(int) - first
        edge = np.repeat(np.arange(len(a)), count)
        line = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        edges.append(edge)
        times.append((line - p[edge]) / (q - p)[edge])
    edge, time = np.concatenate(edges), np.concatenate(times)
    order = np.lexsort((time, edge))
    edge, time = edge[order], time[order]
    point = a[edge] + time[:, None] * (b - a)[edge]
    whole = edge[1:] == edge[:-1]
    edge, start, stop = edge[1:][whole], point[:-1][whole], point[1:][whole]
    cell = np.floor(((start + stop) / 2 + plane.half) / h)
    row, column = np.clip(cell, -1, plane.grid.shape).astype(int).T
    kept = (row >= 0) & (column >= 0) & (column < plane.grid.shape[1])
    edge = edge[kept]
    return Diagram(plane, left[edge], right[edge], start[kept], stop[kept], row[kept], column[kept])


def semidiscrete_integral(plane: Plane, weights: Array, density: Array) -> float:
    """∫ min_i(|x_i − y|² − w_i) − |y|² dν, for weights (n,) and a density (rows, columns)."""
    cells, x = diagram(plane, weights), plane.sites
    constant = (x**2).sum(axis=1) - weights[plane.node[:-4]]
    return float(cells.masses(density) @ constant - 2 * (x * cells.moments(density)).sum())


def coarsened(values: Array, m: int) -> Array:
    """Averages of values (rows, columns) on the cells of a grid over m×m equal cells of the same box."""
    low, high = (np.arange(m) / m)[:, None], (np.arange(1, m + 1) / m)[:, None]
    shares = []
    for n in values.shape:
        ends = np.arange(n + 1) / n
        overlap = np.minimum(high, ends[1:]) - np.maximum(low, ends[:-1])
        shares.append(m * np.maximum(overlap, 0.0))
    return np.asarray(shares[0] @ values @ shares[1].T)


def refined(cells: Diagram, weights: Array, plane: Plane) -> Array:
    """Weights (n,) on a finer grid of the same box, whose diagram has nearly the cells given.

    The weights w(x) = min_y |x − y|² − min_i(|x_i − y|² − w_i) leave the cells as they are, empty at all
    new nodes; |x|² − w is convex. Averaging w with the neighbours keeps it convex and bends it between
    the nodes given, so that every node has a cell.
    """
    ends = np.concatenate([cells.start, cells.stop, plane.corners])
    ends = np.unique(ends[plane.contains(ends)], axis=0)
    blocks = np.array_split(ends, len(ends) // 512 + 1)
    least = np.concatenate([cells.plane.powers(y, weights).min(axis=1) for y in blocks])
    periodic, squares = plane.grid.periodic, []
    for axis, (n, h) in enumerate(zip(plane.grid.shape, plane.grid.spacing, strict=True)):
        x = h * (np.arange(-1, n + 1) + 0.5) - plane.half[axis]
        apart = np.abs(x[:, None] - ends[:, axis])
        squares.append((np.minimum(apart, np.abs(n * h - apart)) if periodic else apart) ** 2)
    w = np.stack([(row + squares[1] - least).min(axis=1) for row in squares[0]])
    w = (w[:-2] + 2 * w[1:-1] + w[2:]) / 4
    return np.asarray((w[:, :-2] + 2 * w[:, 1:-1] + w[:, 2:]) / 4).ravel()
