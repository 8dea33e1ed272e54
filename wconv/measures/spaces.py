"""Action spaces and their grids: nodes, reference masses, neighbours.

A *space* is geometry (an interval, a box, a torus, a line with a reference, a finite set); a *grid* is
its reference probability μ on n nodes: masses m_i with Σm_i = 1, the log-density of μ with respect
to Lebesgue measure, and the neighbouring pairs of the Dirichlet form. Grids are equal cells with
nodes at cell centres, where the reversible chain of a Gibbs policy is of second order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import erfc, exp, log, pi, sqrt
from typing import Final, Protocol, TypeAlias

import numpy as np

from wconv import _require as require
from wconv._axes import Array, Edges, Nodes, Weights

DEPTH: Final = 32.0
"""Nodes of heavy tails reach to where the density is e^-32 of its peak, as 8 deviations of a Gaussian."""

MESH: Final = 1 / 16
"""Step, in scales, of the sum that normalises heavy tails: their poles lie at ±i, it errs by e^{-2π·16}."""


class Space(Protocol):
    """Geometry of an action space; ``grid(n)`` makes its reference measure on n nodes an axis."""

    def grid(self, n: int) -> "Grid":
        """The reference measure on n nodes an axis."""
        ...


@dataclass(frozen=True, eq=False)
class Grid:
    """A reference probability μ on nodes.

    ``weights`` are the masses m_i (Σ = 1), ``log_lebesgue`` is log(dμ/da) at the nodes (for a
    finite set: log m_i, counting measure), ``edges`` are the neighbouring pairs and ``lengths``
    their distances, ``shape``/``spacing``/``periodic`` describe a product grid axis by axis (empty
    for a finite set), and ``truncation`` is at least the mass of the continuous reference left outside.
    """

    space: Space
    nodes: Nodes
    weights: Weights
    log_lebesgue: Weights
    edges: Edges
    lengths: Array
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    periodic: bool = False
    truncation: float = 0.0
    log_weights: Weights = field(init=False)

    def __post_init__(self) -> None:
        """Derive log-masses; a zero mass is −inf only where it is truly zero."""
        with np.errstate(divide="ignore"):
            object.__setattr__(self, "log_weights", np.log(self.weights))

    @property
    def n(self) -> int:
        """Number of nodes."""
        return int(self.weights.shape[0])

    @property
    def dim(self) -> int:
        """Dimension d of the actions."""
        return int(self.nodes.shape[1])

    @property
    def cell(self) -> float:
        """Volume of a cell (one for a finite set)."""
        return float(np.prod(self.spacing)) if self.spacing else 1.0

    @property
    def is_finite_set(self) -> bool:
        """Whether the nodes are the whole space rather than a discretisation."""
        return not self.shape


def _product_grid(
    axes: list[Array], spacing: tuple[float, ...], *, periodic: bool
) -> tuple[Nodes, Edges, Array]:
    """Nodes of a product of equal cells, its edges along every axis and their lengths."""
    shape = tuple(len(axis) for axis in axes)
    nodes = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=-1)
    index = np.arange(len(nodes)).reshape(shape)
    edges, lengths = [], []
    for k, h in enumerate(spacing):
        ahead = np.roll(index, -1, axis=k)
        kept = slice(None) if periodic and shape[k] > 2 else slice(0, shape[k] - 1)
        cut = tuple(kept if j == k else slice(None) for j in range(len(shape)))
        pairs = np.stack([index[cut].ravel(), ahead[cut].ravel()], axis=-1)
        edges.append(pairs)
        lengths.append(np.full(len(pairs), h))
    return nodes, np.concatenate(edges), np.concatenate(lengths)


def _uniform_grid(
    space: Space, low: tuple[float, ...], high: tuple[float, ...], n: int, *, periodic: bool
) -> Grid:
    require.count("n (nodes an axis)", n, 2)
    spacing = tuple((b - a) / n for a, b in zip(low, high, strict=True))
    axes = [a + h * (np.arange(n) + 0.5) for a, h in zip(low, spacing, strict=True)]
    nodes, edges, lengths = _product_grid(axes, spacing, periodic=periodic)
    total = len(nodes)
    volume = float(np.prod([b - a for a, b in zip(low, high, strict=True)]))
    return Grid(
        space=space,
        nodes=nodes,
        weights=np.full(total, 1.0 / total),
        log_lebesgue=np.full(total, -log(volume)),
        edges=edges,
        lengths=lengths,
        shape=(n,) * len(spacing),
        spacing=spacing,
        periodic=periodic,
    )


@dataclass(frozen=True)
class Interval:
    """The interval [low, high] with the uniform reference; length L has C_LS = (L/π)²."""

    low: float
    high: float

    def grid(self, n: int) -> Grid:
        """Equal cells, n of them."""
        _ordered("interval", self.low, self.high)
        return _uniform_grid(self, (self.low,), (self.high,), n, periodic=False)


@dataclass(frozen=True)
class Box:
    """A box Π[low_k, high_k] in R^d with the uniform reference, n cells an axis."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def grid(self, n: int) -> Grid:
        """Equal cells, n an axis (n^d nodes)."""
        if len(self.low) != len(self.high) or not self.low:
            require.fail(
                "box", "have as many lower as upper ends", (self.low, self.high), "match them"
            )
        for a, b in zip(self.low, self.high, strict=True):
            _ordered("box", a, b)
        return _uniform_grid(self, self.low, self.high, n, periodic=False)


@dataclass(frozen=True)
class Torus:
    """A flat torus of dimension 1 or 2 with circumference ``length`` an axis, uniform reference.

    Distances are geodesic; a circle of length L has C_LS = (L/2π)².
    """

    length: float = 2 * pi
    dim: int = 1

    def grid(self, n: int) -> Grid:
        """Equal cells, n an axis, the last next to the first."""
        require.positive("torus length", self.length, "give the circumference")
        if self.dim not in (1, 2):
            require.fail("torus dim", "be 1 or 2", self.dim, "use a box for more dimensions")
        zero = (0.0,) * self.dim
        return _uniform_grid(self, zero, (self.length,) * self.dim, n, periodic=True)


@dataclass(frozen=True)
class GaussianLine:
    """R with the Gaussian reference N(0, scale²), truncated at ±``reach``·scale.

    The action penalty (β/2)a² at temperature τ is scale = √(τ/β). On the grid μ is the density at
    cell centres (spectrally accurate for smooth integrands) normalised to one; the mass outside the
    reach, erfc(reach/√2), is recorded as ``truncation``.
    """

    scale: float = 1.0
    reach: float = 8.0

    def log_density(self, a: Array) -> Array:
        """log dμ/da at a, elementwise."""
        return np.asarray(-0.5 * (a / self.scale) ** 2 - log(self.scale * sqrt(2 * pi)))

    def widened(self, factor: float) -> "GaussianLine":
        """The same reference, whose nodes reach so many times as far."""
        return replace(self, reach=factor * self.reach)

    def grid(self, n: int) -> Grid:
        """Equal cells, n of them, on [−reach·scale, reach·scale]."""
        scale = require.positive("gaussian scale", self.scale, "give the standard deviation")
        reach = require.positive(
            "gaussian reach", self.reach, "give it in standard deviations, e.g. 8"
        )
        return _on_the_line(self, reach * scale, n, self.log_density, erfc(reach / sqrt(2)))


@dataclass(frozen=True)
class TailedLine:
    """R with a reference whose tails are heavier than Gaussian, dμ/da = e^{−U(a/scale)}/(scale·Z).

    U(z) = ((1+z²)^{p/2} − 1)/p, p = ``power`` in [1, 2): z²/2 near 0, convex, and |z|^p/p far out. At p = 2
    it would be N(0, scale²), the ``GaussianLine``. C_P is finite, C_LS = C_T = ∞. The nodes end where
    U = ``depth``; on the grid μ is the density at cell centres normalised to one (the midpoint rule errs like
    e^{−2π·scale/h} on cells of width h). Beyond the nodes lies a mass of at most
    2e^{−depth}/(U'(reach)·Z), as U is convex: that is recorded as ``truncation``, 1e-14 or less by default.
    """

    power: float
    scale: float = 1.0
    depth: float = DEPTH

    @property
    def reach(self) -> float:
        """Where the nodes end, in units of the scale: U(reach) = depth."""
        return self._reach(self.depth)

    @property
    def normaliser(self) -> float:
        """Z = ∫e^{−U(z)}dz, to a few roundings."""
        half = np.arange(MESH, self._reach(DEPTH + 8.0), MESH)
        return MESH * float(1.0 + 2.0 * np.exp(-self._potential(half)).sum())

    def log_density(self, a: Array) -> Array:
        """log dμ/da at a, elementwise."""
        return np.asarray(-self._potential(a / self.scale) - log(self.scale * self.normaliser))

    def widened(self, factor: float) -> "TailedLine":
        """The same reference, whose nodes reach so many times as far."""
        return replace(self, depth=float(self._potential(np.array(factor * self.reach))))

    def grid(self, n: int) -> Grid:
        """Equal cells, n of them, on [−reach·scale, reach·scale].

        Raises:
            InputError: a power outside [1, 2), a scale or a depth that is not positive.

        """
        remedy = "use GaussianLine at 2; below 1 there is no Poincaré inequality either"
        p = require.within("power", self.power, 1.0, 2.0, remedy)
        scale = require.positive("scale", self.scale, "give the width of the bulk")
        depth = require.positive("depth", self.depth, "in e-folds of the density, e.g. 32")
        reach = self.reach
        slope = reach * (1.0 + reach**2) ** (p / 2 - 1.0)
        beyond = 2.0 * exp(-depth) / (slope * self.normaliser)
        return _on_the_line(self, reach * scale, n, self.log_density, beyond)

    def _reach(self, depth: float) -> float:
        return sqrt((1.0 + self.power * depth) ** (2.0 / self.power) - 1.0)

    def _potential(self, z: Array) -> Array:
        # expm1 keeps z²/2 where z is small.
        return np.asarray(np.expm1(0.5 * self.power * np.log1p(z * z)) / self.power)


RealLine: TypeAlias = GaussianLine | TailedLine
"""The spaces without ends: R with a reference."""


def _on_the_line(
    space: RealLine,
    reach: float,
    n: int,
    log_density: Callable[[Array], Array],
    truncation: float,
) -> Grid:
    flat = _uniform_grid(space, (-reach,), (reach,), n, periodic=False)
    log_lebesgue = log_density(flat.nodes[:, 0])
    masses = np.exp(log_lebesgue) * flat.cell
    return replace(
        flat, weights=masses / masses.sum(), log_lebesgue=log_lebesgue, truncation=truncation
    )


@dataclass(frozen=True)
class GaussianSpace:
    """R^d with the Gaussian reference N(0, scale²I), for particles in any dimension: it has no grid."""

    dim: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        """InputError for a dimension below one or a scale that is not positive."""
        require.count("dim", self.dim, 1)
        require.positive("gaussian scale", self.scale, "give the standard deviation")

    def grid(self, n: int) -> Grid:
        """Refused: there is none.

        Raises:
            InputError: always.

        """
        remedy = "use evolve_particles with the SmoothMDP itself, or GaussianLine in one dimension"
        require.fail("actions", "have a grid", f"R^{self.dim} on {n} nodes", remedy)


@dataclass(frozen=True, eq=False)
class FiniteSet:
    """Finitely many actions, as points of R^d (Euclidean metric) or with a metric of their own.

    ``weights`` default to uniform. Every pair is an edge of the Dirichlet form unless ``edges``
    says otherwise. Entropy in the Lebesgue convention is with respect to counting measure.
    """

    points: Array
    weights: Array | None = None
    metric: Array | None = None
    edges: Array | None = None

    def distances(self) -> Array:
        """The metric as an (n, n) matrix."""
        if self.metric is not None:
            return np.asarray(self.metric, dtype=float)
        points = np.atleast_2d(np.asarray(self.points, dtype=float))
        return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=-1))

    def grid(self, n: int | None = None) -> Grid:
        """The set itself; ``n``, if given, must be its size (a finite set is not refined)."""
        points = np.asarray(self.points, dtype=float)
        if points.ndim != 2:
            require.fail("points", "have shape (actions, dimensions)", points.shape, "reshape them")
        size = len(points)
        if n is not None and n != size:
            require.fail(
                "n", f"be the size {size} of the finite set", n, "finite sets are not refined"
            )
        weights = (
            np.full(size, 1.0 / size) if self.weights is None else np.asarray(self.weights, float)
        )
        require.shape("weights", weights, (size,), "(actions,)")
        require.probabilities("weights", weights, "actions", 1e-12 * size)
        distances = self.distances()
        require.shape("metric", distances, (size, size), "(actions, actions)")
        _require_metric(distances)
        edges = np.stack(np.triu_indices(size, 1), -1) if self.edges is None else self.edges
        edges = _required_edges(edges, size)
        with np.errstate(divide="ignore"):
            log_counting = np.log(weights)
        return Grid(
            space=self,
            nodes=points,
            weights=weights,
            log_lebesgue=log_counting,
            edges=edges,
            lengths=distances[edges[:, 0], edges[:, 1]],
        )


def _ordered(name: str, low: float, high: float) -> None:
    require.real(f"{name} end", low)
    require.real(f"{name} end", high)
    if not low < high:
        require.fail(name, "have low < high", (low, high), "swap or move the ends")


def _require_metric(distances: Array) -> None:
    require.finite("metric", distances)
    if not np.array_equal(distances, distances.T):
        require.fail("metric", "be symmetric", "an asymmetric matrix", "give d(i, j) = d(j, i)")
    off = ~np.eye(len(distances), dtype=bool)
    if (np.diag(distances) != 0).any():
        i = int(np.flatnonzero(np.diag(distances))[0])
        got = f"d({i}, {i}) = {distances[i, i]:g}"
        require.fail("metric", "be zero on the diagonal", got, "a point has no distance to itself")
    if (distances[off] <= 0).any():
        i, j = np.argwhere((distances <= 0) & off)[0]
        got = f"d({i}, {j}) = {distances[i, j]:g}"
        require.fail("metric", "be positive between different points", got, "merge equal points")
    for k, row in enumerate(distances):
        longer = distances > (distances[:, k, None] + row) * (1 + 1e-12)
        if longer.any():
            i, j = np.argwhere(longer)[0]
            got = f"d({i}, {j}) > d({i}, {k}) + d({k}, {j})"
            require.fail("metric", "satisfy the triangle inequality", got, "use shortest paths")


def _required_edges(edges: Array, size: int) -> Edges:
    pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    good = (pairs[:, 0] >= 0) & (pairs[:, 0] < pairs[:, 1]) & (pairs[:, 1] < size)
    if not good.all():
        bad = tuple(int(i) for i in pairs[~good][0])
        require.fail("edges", f"be pairs i < j below {size}", bad, "name every pair once, in order")
    if len(np.unique(pairs, axis=0)) != len(pairs):
        require.fail("edges", "be different pairs", "a repeated pair", "name every pair once")
    return pairs
