"""The proximal step of WPPG on boxes and tori in two dimensions: exact semi-discrete transport.

    max_p ⟨Q, p⟩ − τKL(p‖w) − W²(p, ν)/(2η)

p sits on the nodes and ν is spread evenly over the cells of the grid, so that no step, however short,
freezes as transport from nodes to nodes does. For potentials φ the plane falls into the Laguerre cells
L_i, where |x_i − y|²/(2η) − φ_i is smallest: they are the best plan, their masses q_i = ν(L_i), and

    D(φ) = τ log Σ w e^{(Q−φ)/τ} − ∫φ^c dν,  ∇D = q − p_φ,  ∇²D = (diag p − pp')/τ + graph Laplacian

with the weights η∫ν dl/|x_i − x_j| over the edge of L_i and L_j; see ``laguerre`` for the cells. The
minimum of D is found by Newton's method (Kitagawa, Mérigot and Thibert 2019) along mixtures of p and ν
with the uniform law: then every cell keeps a mass that floating point resolves. Where mass moves far the
start comes from a grid half as fine (Mérigot 2011). The next policy is the Gibbs form p_φ.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from wconv._axes import Array
from wconv.dynamics.problem import normalised
from wconv.measures.laguerre import (
    Diagram,
    Plane,
    coarsened,
    diagram,
    refined,
    semidiscrete_integral,
)
from wconv.measures.spaces import Grid

MIXTURES: Final = (0.95, 0.8, 0.5, *(10.0 ** (-k / 2) for k in range(1, 17)), 0.0)
"""Shares of the uniform law; at the first one φ = 0 is close, each solution starts the next."""

FLOOR: Final = 1e-8
"""Least density of ν, relative to the uniform law, in the start from its own potential."""

TINY: Final = np.finfo(float).tiny

NEAR: Final = 1.0
"""A mixture is followed until |log p/q| is below it everywhere."""

REACH: Final = 3.0
"""One iteration aims at masses at most e^REACH times the present ones."""

LEFT: Final = 0.01
"""Least share of its mass that one iteration leaves to a cell."""

COARSEST: Final = 6
"""Fewest nodes an axis of a coarser grid."""

FAR: Final = 0.3
"""A start with |p − q|_1 above it is compared with the solution on a coarser grid."""

FULL: Final = 10.0
"""A start whose |log p/q| is above it somewhere has empty cells."""

HANDED: Final = 0.01
"""Share of the uniform law of the solution handed from a coarser grid to the next."""

LIMIT: Final = 200
"""Most iterations for one mixture."""


def plane_step(
    Q: Array, nu: Array, grid: Grid, tau: float, eta: float, log_w: Array, tol: float = 1e-6
) -> tuple[Array, Array]:
    """Potentials φ (S, n) of one proximal step in every state, and the iterations (S,) on this grid.

    Q (S, n), masses ν (S, n), zeros allowed, log w (n,) finite. Stops when the duality gap of p_φ is at
    most ``tol``, in the units of Q, or when the last mixture is done: ``plane_gap`` tells. A ν with atoms
    or neighbours hundreds of nats apart may end at 1e-5.
    """
    found = [_minimise(state, tol) for state in _states(Q, nu, grid, tau, eta, log_w)]
    return np.stack([phi for phi, _ in found]), np.array([steps for _, steps in found])


def gibbs_form(phi: Array, Q: Array, tau: float, log_w: Array) -> Array:
    """Masses p_φ ∝ w e^{(Q−φ)/τ}, shape (S, n)."""
    return normalised((Q - phi) / tau + log_w)


def plane_gap(
    phi: Array, Q: Array, nu: Array, grid: Grid, tau: float, eta: float, log_w: Array
) -> Array:
    """Upper bound on the duality gap D(φ) − J(p_φ) of every state, shape (S,), for any φ.

    The gap is the cost of a plan from p_φ to ν at the reduced costs S_i(y) = c(x_i, y) − φ_i − φ^c(y),
    which are convex in y and vanish on L_i. The plan keeps the computed cells, at the largest S_i of
    their corners (rounding, or cells that are not Laguerre's), and moves what p_φ has above q to x_i at
    the largest S_i on the box. Rounding is added.
    """
    bounds = []
    for f, state in zip(phi, _states(Q, nu, grid, tau, eta, log_w), strict=True):
        point = _at(state, f)
        farthest, rounded = _farthest(state, f), point.cells.rounding(state.density)
        off = np.abs(point.q) @ point.cells.corner_slack(2 * eta * f) / (2 * eta)
        bounds.append(_gap(state, point) + off + rounded * farthest.max())
    return np.array(bounds)


def plane_distance_squared(phi: Array, p: Array, nu: Array, grid: Grid, eta: float) -> Array:
    """Lower bound 2η(⟨φ, p⟩ + ∫φ^c dν) − Σh²/12 on W²(p, ν), shape (S,), exact for optimal φ.

    W² is the semi-discrete distance less its value at p = ν. For p_φ the bound is short by 2η·gap.
    """
    plane = Plane.of(grid)
    centres = grid.nodes - grid.nodes.mean(axis=0)
    out = nu @ (centres**2).sum(axis=1)  # ∫|y|² dν without the Σh²/12 within the cells
    for s, (f, a, x) in enumerate(zip(phi, p, nu.reshape(-1, *grid.shape), strict=True)):
        out[s] += 2 * eta * (f @ a) + semidiscrete_integral(plane, 2 * eta * f, x / grid.cell)
    return np.asarray(out)


class _State(NamedTuple):
    """The problem of one state: Q, the density of ν on the cells (rows, columns), τ, η, log w."""

    plane: Plane
    Q: Array
    density: Array
    tau: float
    eta: float
    log_w: Array

    def coarse(self, m: int) -> "_State":
        """The problem on m×m cells: the same law ν, averages of Q and log w."""
        plane, shape = Plane.of(self.plane.grid.space.grid(m)), self.plane.grid.shape
        Q, log_w = (coarsened(x.reshape(shape), m).ravel() for x in (self.Q, self.log_w))
        return _State(plane, Q, coarsened(self.density, m), self.tau, self.eta, log_w)


def _states(Q: Array, nu: Array, grid: Grid, tau: float, eta: float, log_w: Array) -> list[_State]:
    plane, density = Plane.of(grid), nu.reshape(-1, *grid.shape) / grid.cell
    return [_State(plane, q, x, tau, eta, log_w) for q, x in zip(Q, density, strict=True)]


class _Point(NamedTuple):
    """φ with its cells, the Gibbs masses p_φ, the masses q = ν(L_i), the shares of the area."""

    phi: Array
    cells: Diagram
    p: Array
    q: Array
    area: Array

    def mixed(self, share: float) -> tuple[Array, Array]:
        """p and q mixed with the uniform law."""
        n = len(self.p)
        return (1 - share) * self.p + share / n, (1 - share) * self.q + share * self.area

    def wrong(self) -> float:
        """|p − q|_1."""
        return float(np.abs(self.p - self.q).sum())

    def distance(self, share: float) -> float:
        """max |log p/q| of the mixtures, huge where a cell is empty."""
        p, q = self.mixed(share)
        return float(np.abs(np.log(p / np.maximum(q, TINY))).max())


def _at(state: _State, phi: Array) -> _Point:
    plane = state.plane
    cells = diagram(plane, 2 * state.eta * phi)
    uniform = np.full_like(state.density, 1.0 / (4 * plane.half.prod()))
    q, area = (plane.fold(cells.masses(x)) for x in (state.density, uniform))
    return _Point(phi, cells, gibbs_form(phi, state.Q, state.tau, state.log_w), q, area)


def _farthest(state: _State, phi: Array) -> Array:
    """max S_i over the box, (n,): at one of its corners; on a torus that of the nearest copy."""
    powers = state.plane.powers(state.plane.corners, 2 * state.eta * phi)
    slack = (powers - powers.min(axis=1, keepdims=True)).max(axis=0) / (2 * state.eta)
    farthest = np.full(len(phi), np.inf)
    np.minimum.at(farthest, state.plane.node[:-4], slack)
    return farthest


def _gap(state: _State, point: _Point) -> float:
    """Σ(p − q)₊ max S_i, the cost of moving what p has above q."""
    return float(np.maximum(point.p - point.q, 0.0) @ _farthest(state, point.phi))


def _minimise(state: _State, tol: float) -> tuple[Array, int]:
    """The best potential on the way from the most promising start, and the iterations on this grid."""
    tried, steps = [], 0
    for start, shares in _starts(state):
        point, gap, more = _follow(state, start, shares, tol)
        tried.append((gap, point.phi))
        steps += more
        if gap <= tol:
            break
    return min(tried, key=lambda x: x[0])[1], steps


def _starts(state: _State) -> Iterator[tuple[_Point, tuple[float, ...]]]:
    """Points and the mixtures to follow from there, the most promising first.

    φ = 0 is right for long steps, the potential of ν itself for short ones. In between mass moves across
    many cells, and Newton's steps are as short as the smallest of those: a coarser grid has larger ones.
    """
    plane, n = state.plane, state.plane.grid.shape[0]
    nu = state.density.ravel() * plane.grid.cell
    stay = state.Q + state.tau * (state.log_w - np.log(np.maximum(nu, FLOOR / len(nu))))
    points = [_at(state, np.zeros(len(nu)))]
    if 2 * state.eta * np.ptp(stay) <= plane.span:
        points.append(_at(state, stay))
    point = min(points, key=lambda x: x.distance(MIXTURES[0]))
    if point.wrong() > FAR and n >= 2 * COARSEST:
        coarse = state.coarse((n + 1) // 2)
        start, shares = next(_starts(coarse))
        found, *_ = _follow(coarse, start, tuple(x for x in shares if x >= HANDED), 0.0)
        weights = refined(found.cells, 2 * state.eta * found.phi, plane)
        finer = _at(state, weights / (2 * state.eta))
        if finer.wrong() < point.wrong() and finer.distance(HANDED) < FULL:
            yield finer, tuple(x for x in MIXTURES if x <= HANDED)
    yield point, MIXTURES


def _follow(
    state: _State, point: _Point, shares: tuple[float, ...], tol: float
) -> tuple[_Point, float, int]:
    """The point of the least gap on the way along the mixtures, its gap, and the iterations."""
    best, least, steps, length = point, _gap(state, point), 0, 1.0
    for share in shares:
        for _ in range(LIMIT):
            if least <= tol or (share > 0 and point.distance(share) < NEAR):
                break
            moved = _advance(state, point, share, length)
            if moved is None:
                break
            (point, length), steps = moved, steps + 1
            gap = _gap(state, point)
            if gap < least:
                best, least = point, gap
    return best, least, steps


def _advance(
    state: _State, point: _Point, share: float, step: float
) -> tuple[_Point, float] | None:
    """One iteration damped by ``step`` or less, the damping to try next; None when none is accepted.

    D is convex, so that a step at whose end it does not rise steeply has not gone too far. No cell may
    lose all but 1/100 of the mass it has or should have: an empty one would not feel its neighbours.
    """
    p, q = point.mixed(share)
    d = _direction(state, point, share)
    fall, wrong = abs((q - p) @ d), np.abs(p - q).sum()
    for halvings in range(12):
        phi = point.phi + step * d
        if 2 * state.eta * np.ptp(phi) <= state.plane.span:
            new = _at(state, phi)
            new_p, new_q = new.mixed(share)
            kept = (new_q >= LEFT * np.minimum(p, q)).all()
            better = np.abs(new_p - new_q).sum() < 0.5 * wrong
            if kept and (better or (new_q - new_p) @ d <= 0.5 * fall):
                return new, min(1.0, 2 * step) if halvings == 0 else step
        step /= 2
    return None


def _direction(state: _State, point: _Point, share: float) -> Array:
    """Newton's direction for q → clip(p, q/e^REACH, q·e^REACH), by a sparse factorisation.

    The derivative of p is taken along the chord to the target instead of at p: Q may differ by hundreds
    of τ.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    p, q = point.mixed(share)
    base = np.maximum(np.maximum(q, p * np.exp(-REACH)), TINY)
    rate = np.clip(np.log(np.maximum(p, TINY) / base), -REACH, REACH)
    gain = base * np.expm1(rate)
    chord = base * np.where(rate == 0, 1.0, np.expm1(rate) / np.where(rate == 0, 1.0, rate))
    own = chord * (1 - share) * point.p / (state.tau * np.maximum(p, TINY))
    own = np.maximum(own, 1e-14 * own.max())  # without mass nor neighbours a node would be singular
    density = (1 - share) * state.density + share / (4 * state.plane.half.prod())
    i, j, weight = point.cells.laplacian(density)
    weight, n = state.eta * weight, len(p)
    scale = (own + np.bincount(i, weight, n) + np.bincount(j, weight, n)) ** -0.5
    off, every = -weight * scale[i] * scale[j], np.arange(n)
    rows, columns = np.concatenate([i, j, every]), np.concatenate([j, i, every])
    matrix = coo_array((np.concatenate([off, off, np.ones(n)]), (rows, columns)), shape=(n, n))
    symmetric = {"SymmetricMode": True}
    lu = splu(matrix.tocsc(), "MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    gain -= own * (gain.sum() / own.sum())  # a constant in φ changes nothing
    return np.asarray(scale * lu.solve(scale * gain))
