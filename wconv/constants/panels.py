"""Gauss–Legendre panels: integrals and running integrals of smooth functions to spectral accuracy.

The parameter interval [0, 1] of a ``Line`` is cut into panels with 16 Gauss nodes each, equal ones but
where log p is rough (jumps, kinks, narrow spikes): there a ``Mesh`` halves them until it is smooth. A
running integral is exact for the polynomial through a panel's nodes; both directions are summed from their
own end, so that small tails keep their digits. In the panels at the two ends, where a density may vanish,
masses are integrated node by node, so that they keep theirs too.
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.line import Line
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

POINTS: Final = 16
PANELS: Final = 200

LOOKS: Final = 384
"""Equal panels, 6144 points, on which rough places are searched: what falls between them is not seen."""

HALVINGS: Final = 36
"""How often a panel may be halved: 384·2^36 = 3e13, so that a jump is placed to 4e-14 of the length."""

SHARP: Final = 8.5
"""A panel halved more often holds a jump or a kink, not a narrow feature."""

MOST_PANELS: Final = 3072
ROUGH: Final = 2e-10
"""Log p is smooth where polynomials through 16 points miss it by less, rounding and wobble aside."""

LOUDNESS: Final = 20.0
"""A jump shows in the last two Legendre coefficients with at least 1/16 of its height."""

MOST_ROUGH: Final = 2.0
"""Whatever it is, p changes by no more than all there is of it, on either side."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Edges of panels, (P + 1,) from 0 to 1, for S densities, and where those are still rough, (S, P).

    ``rough`` is zero on panels where log p is smooth; elsewhere an estimate of how far p may be from what
    is seen of it, relatively.
    """

    edges: Array
    rough: Array

    @classmethod
    def of(cls, line: Line, panels: int) -> "Mesh":
        """So many equal panels, halved wherever log p is rough on a mesh of ``LOOKS``, until it is not."""
        edges, marks, rough = _looked(line)
        kept = np.union1d(np.linspace(0.0, 1.0, panels + 1), marks)
        inside = np.searchsorted(edges, (kept[:-1] + kept[1:]) / 2) - 1
        return cls(kept, rough[:, inside])

    @property
    def panels(self) -> int:
        """P."""
        return len(self.edges) - 1

    @property
    def nodes(self) -> Array:
        """Gauss nodes in the parameter, (P, 16)."""
        return _nodes(self.edges)

    @property
    def breaks(self) -> Array:
        """Where panels were halved so often that log p must jump there or have a kink, ascending."""
        width = np.diff(self.edges)
        step = np.diff(np.pad((width < 2.0**-SHARP / LOOKS).astype(int), 1))
        runs = zip(np.flatnonzero(step > 0), np.flatnonzero(step < 0), strict=True)
        least = [first + int(width[first:last].argmin()) for first, last in runs]
        return np.asarray((self.edges[:-1] + width / 2)[least])

    def halved(self) -> "Mesh":
        """Every panel cut in two."""
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        return Mesh(np.sort(np.append(self.edges, middles)), np.repeat(self.rough, 2, axis=-1))

    def states(self, key: Array) -> "Mesh":
        """For the densities of some states (integer indices)."""
        return replace(self, rough=self.rough[key])


@dataclass(frozen=True, eq=False)
class Panels:
    """S normalised densities on P panels of 16 nodes; arrays (S, P, 16).

    ``x`` positions, ``slope`` dx/dt, ``rho`` the probability density dp/dx (∫ρ dx = 1; −inf logs are
    zeros), ``mass`` = ρ·dx/dt, the density in t; ``log_total`` (S,) is log∫p dx of the unnormalised
    log-density given, whose peak is shifted to zero. ``line`` are the densities sampled; ``ends``
    (S, 2, 16, 16) turns samples q on the first panel into ∫ q dp from the end to each node, and
    likewise on the last panel, read backwards.
    """

    line: Line
    mesh: Mesh
    x: Array
    slope: Array
    rho: Array
    log_total: Array
    ends: Array

    @classmethod
    def of(cls, line: Line, mesh: Mesh | None = None) -> "Panels":
        """Sample a line on the panels of a mesh, by default of 200.

        Raises:
            SolverError: the total mass is zero or not finite.
        """
        mesh = Mesh.of(line, PANELS) if mesh is None else mesh
        share, interpolation = _end_rule()
        width, t = np.diff(mesh.edges), mesh.nodes
        near, far = (width[end] * share.ravel() for end in (0, -1))
        x, slope, logp = line.sample(np.concatenate([t.ravel(), near, 1.0 - far]))
        mass = np.exp(logp) * slope
        shape = (line.n_states, *t.shape)
        total = (mass[:, : t.size].reshape(shape) @ _rule()[1]) @ width / 2
        if not (np.isfinite(total) & (total > 0)).all():
            raise SolverError(Outcome.NOT_FINITE, f"the total mass of a density is {total.min()}")
        rho = np.exp(logp[:, : t.size]) / total[:, None]
        ends = (mass[:, t.size :] / total[:, None]).reshape(-1, 2, POINTS, POINTS)
        ends = np.einsum("seik,ikj->seij", ends, interpolation) * width[[0, -1], None, None]
        x, slope = x[:, : t.size].reshape(shape), slope[:, : t.size].reshape(shape)
        return cls(line, mesh, x, slope, rho.reshape(shape), np.log(total), ends)

    def states(self, key: Array) -> "Panels":
        """The densities of some states (integer indices, which may repeat)."""
        arrays = (self.x, self.slope, self.rho, self.log_total, self.ends)
        return Panels(self.line.states(key), self.mesh.states(key), *(a[key] for a in arrays))

    @cached_property
    def width(self) -> Array:
        """Lengths of the panels in the parameter, (P,)."""
        return np.diff(self.mesh.edges)

    @cached_property
    def mass(self) -> Array:
        """ρ·dx/dt, the density in the parameter, (S, P, 16)."""
        return np.asarray(self.rho * self.slope)

    @property
    def weights(self) -> Array:
        """Quadrature weights of flat samples in the parameter, (P·16,)."""
        return np.outer(self.width / 2, _rule()[1]).ravel()

    def integral(self, f: Array) -> Array:
        """∫_0^1 f dt of samples (S, P, 16), shape (S,). For ∫ f dp integrate f·mass."""
        return np.asarray((f @ _rule()[1]) @ self.width / 2)

    def unresolved(self, f: Array) -> Array:
        """How far off ∫_0^1 f dt may be for p is rough, (S,): zero where it is smooth."""
        return self.integral(np.abs(f) * self.mesh.rough[..., None])

    def running(self, f: Array) -> Array:
        """∫_0^t f at the nodes, (S, P, 16), summed from the left."""
        _, weights, inner = _rule()
        half = self.width / 2
        whole = (f @ weights) * half
        before = np.cumsum(whole, axis=-1) - whole
        return np.asarray(before[..., None] + (f @ inner.T) * half[:, None])

    def remaining(self, f: Array) -> Array:
        """∫_t^1 f at the nodes, (S, P, 16), summed from the right."""
        _, weights, inner = _rule()
        half = self.width / 2
        whole = (f @ weights) * half
        after = np.cumsum(whole[..., ::-1], axis=-1)[..., ::-1] - whole
        # Gauss nodes are symmetric: reversing a panel's samples reverses the direction.
        return np.asarray(after[..., None] + (f @ inner[::-1, ::-1].T) * half[:, None])

    def outward(self, f: Array, panel: Array) -> Array:
        """∫ f dt from the left end of a panel, one a state (S,), to the nodes, (S, P, 16).

        Summed outwards, so that large tails do not swamp what happens between them.
        """
        _, weights, inner = _rule()
        half = self.width / 2
        whole = (f @ weights) * half
        right = np.arange(f.shape[1]) >= panel[:, None]
        after = np.cumsum(np.where(right, whole, 0.0), axis=-1)
        before = np.cumsum(np.where(right, 0.0, whole)[:, ::-1], axis=-1)[:, ::-1]
        first = np.where(right, after - whole, -before)
        return np.asarray(first[..., None] + (f @ inner.T) * half[:, None])

    def below(self, q: Array) -> Array:
        """∫_{y < x} q dp at the nodes, (S, P, 16), relatively accurate where p vanishes at the end."""
        out = self.running(q * self.mass)
        out[:, 0] = np.einsum("sij,sj->si", self.ends[:, 0], q[:, 0])
        return out

    def above(self, q: Array) -> Array:
        """∫_{y > x} q dp at the nodes, (S, P, 16), relatively accurate where p vanishes at the end."""
        out = self.remaining(q * self.mass)
        out[:, -1] = np.einsum("sij,sj->si", self.ends[:, 1], q[:, -1, ::-1])[:, ::-1]
        return out

    def halved(self, f: Array) -> Array:
        """Samples (S, P, 16) of the same piecewise polynomials on panels half as long, (S, 2P, 16)."""
        u = _shares()
        return (f @ _lagrange(np.concatenate([u - 1, u])).T).reshape(len(f), -1, POINTS)

    def flat(self, f: Array) -> Array:
        """Samples (S, P, 16) in one row a state, (S, P·16), ascending."""
        return f.reshape(len(f), -1)


def aligned(line: Line, cells: int) -> Line:
    """The line with a parameter that puts jumps and kinks of log p on edges of so many equal cells.

    Raises:
        SolverError: more than half as many breaks as cells.
    """
    breaks = Mesh.of(line, LOOKS).breaks
    if breaks.size == 0:
        return line
    if breaks.size > cells / 2:
        detail = f"log p has {breaks.size} jumps or kinks, more than {cells // 2}"
        raise SolverError(Outcome.UNRESOLVED, detail)
    k = np.arange(breaks.size)
    # The nearest edges, moved on where two breaks share one.
    edge = np.maximum.accumulate(np.maximum(np.rint(breaks * cells), 1) - k)
    edge = np.minimum(edge, cells - breaks.size) + k
    knots, values = (
        np.pad(part, (1, 1), constant_values=(0, 1)) for part in (edge / cells, breaks)
    )
    return replace(line, bends=(knots, values))


@lru_cache(maxsize=8)
def _looked(line: Line) -> tuple[Array, Array, Array]:
    """A mesh on which log p is smooth if it can be: its edges, those of rough panels met, and ``rough``.

    Kept, as the same densities are sampled on several meshes.
    """
    edges, marks = np.linspace(0.0, 1.0, LOOKS + 1), np.empty(0)
    rough = _roughness(line, edges)
    for left in reversed(range(HALVINGS + 1)):
        bad = rough.any(axis=0)
        marks = np.concatenate([marks, edges[:-1][bad], edges[1:][bad]])
        if left == 0 or not bad.any() or edges.size + bad.sum() > MOST_PANELS:
            break
        edges = np.union1d(edges, (edges[:-1] + edges[1:])[bad] / 2)
        rough = _roughness(line, edges)
    return edges, marks, rough


def _roughness(line: Line, edges: Array) -> Array:
    """How far p may be from what panels see of it, relatively, (S, P); zero where log p is smooth.

    Looked at are the last two Legendre coefficients of log p on each panel, and how far the polynomials of
    two neighbours differ at their common edge. Where p vanishes at an end of the line log p is singular, and
    the panel there is left out.
    """
    t = _nodes(edges).ravel()
    logs = line.logs(line.positions(np.concatenate([t, [0.0, 1.0]]))[0])
    vanishes, logs = logs[:, t.size :] == -np.inf, logs[:, : t.size]
    noise = 100 * EPS * np.abs(np.where(np.isfinite(logs), logs, 0.0)).max(axis=-1)
    with np.errstate(invalid="ignore"):  # zeros of p inside a panel: NaN is not smooth
        seen = logs.reshape(line.n_states, -1, POINTS) @ _tests().T
    last, apart = np.abs(seen[..., :2]).max(axis=-1), np.abs(seen[:, 1:, 2] - seen[:, :-1, 3])
    for end in (0, -1):
        last[vanishes[:, end], end] = 0.0
        apart[vanishes[:, end], end] = 0.0
    beside = np.pad(apart, [(0, 0), (1, 1)])
    miss = np.maximum(last, np.maximum(beside[:, :-1], beside[:, 1:]))
    smooth = miss <= (ROUGH + line.wobble + noise)[:, None]
    return np.where(smooth, 0.0, np.fmin(LOUDNESS * miss, MOST_ROUGH))


def _nodes(edges: Array) -> Array:
    return np.asarray(edges[:-1, None] + np.diff(edges)[:, None] * _shares())


def _shares() -> Array:
    """The nodes on [0, 1]."""
    return (_rule()[0] + 1) / 2


@cache
def _legendre() -> Array:
    """Legendre coefficients from samples at the nodes by quadrature, exact for degree < 16; (16, 16)."""
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    vander = np.polynomial.legendre.legvander(nodes, POINTS - 1)
    return np.asarray((vander * weights[:, None]).T * (2 * np.arange(POINTS) + 1)[:, None] / 2)


@cache
def _rule() -> tuple[Array, Array, Array]:
    """Nodes and weights on [−1, 1], and the matrix of ∫_{−1}^{node i} of the Lagrange polynomials."""
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    vander = np.polynomial.legendre.legvander(nodes, POINTS)
    first = nodes[:, None] + 1.0
    rest = (vander[:, 2:] - vander[:, : POINTS - 1]) / (2 * np.arange(1, POINTS) + 1)
    return nodes, weights, np.asarray(np.concatenate([first, rest], axis=1) @ _legendre())


@cache
def _tests() -> Array:
    """What ``_roughness`` looks at: the last two coefficients and the values at both edges, (4, 16)."""
    return np.concatenate([_legendre()[-2:], _lagrange(np.array([-1.0, 1.0]))])


@cache
def _end_rule() -> tuple[Array, Array]:
    """For ∫_0^{u_i} of a weight times the polynomial through all nodes u of [0, 1].

    Points u_i·u_k (16, 16) at which the weight is needed, and (16, 16, 16) factors: the integral is
    Σ_{k,j} weight(u_i u_k) factor_{ikj} q_j.
    """
    u = _shares()
    points = np.outer(u, u)
    return points, _lagrange(2 * points - 1) * (_rule()[1] / 2)[:, None] * u[:, None, None]


def _lagrange(points: Array) -> Array:
    """The Lagrange polynomials of the nodes at points of [−1, 1], last axis 16."""
    return np.asarray(np.polynomial.legendre.legvander(points, POINTS - 1) @ _legendre())
