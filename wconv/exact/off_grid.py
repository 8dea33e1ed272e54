"""Values between the nodes: functions of continuous states, and the error of them by the true residual.

The grid of ``discretise`` gives V at nodes, and by one more step from any x to the grid a V on all states;

    |V(x) − V*(x)| ≤ sup|TV − V|/(1 − γ),  (TV)(x) = τ log ∫exp((r(x, a) + γE[V(x')])/τ)dμ(a),

bounds its error for the *true* problem, x' = f(x, a) + σξ reflected or wrapped: grid, noise and
actions alike. The noise is exact here and uses nothing of the grid: reflection makes V even and periodic,
the circle periodic, and a Gaussian multiplies the wave of frequency ω by e^{−ω²σ²/2}. The supremum is
taken over samples, so that the bound is *sampled*: an estimate from many points, not a proof.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import floor, pi
from typing import Any, Final

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp, ndtr

from wconv import _require as require
from wconv._axes import Array
from wconv.exact.solve import Solution
from wconv.mdp.continuous import ContinuousMDP, inside
from wconv.mdp.rollout import between_nodes
from wconv.mdp.state_grid import Axis, StateGrid
from wconv.mdp.tabulate import continuous_tables
from wconv.measured import EPS
from wconv.measures.spaces import Box, Interval, Space

DAMPED: Final = 9.0
"""Waves are kept up to this frequency in units of 1/σ; the next is damped to 3e-18."""

PANEL: Final = 8
"""Gauss-Legendre nodes in a panel, which is at most σ long and lies between neighbouring nodes."""

ENTRIES: Final = 4_000_000
"""Numbers in a table of waves that are held at a time."""

ROUNDED: Final = 64.0
"""Rounding of a residual in units of eps·(max|Q| + max|V| + τ): those of resolved V end at 5 to 22."""

FEWEST_POINTS: Final = 16
"""Fewer samples see nothing of a residual that changes sign between nodes."""


@dataclass(frozen=True, eq=False)
class Direction:
    """One coordinate of the states and functions Σ_j v_jφ_j of it with φ_j(node i) = δ_ij.

    ``interpolate`` maps values at the nodes (n, ...) to the function from points (P,) to (P, ...).
    """

    low: float
    length: float
    periodic: bool
    noise: float
    nodes: Array
    interpolate: Callable[[Array], Callable[[Array], Array]]

    def at(self, x: Array) -> Array:
        """φ_j(x), (P, n), of points x (P,)."""
        return self._cardinal(self.wrapped(x))

    def wrapped(self, x: Array) -> Array:
        """The points wrapped on a circle; those of an interval as they are."""
        return self.low + (x - self.low) % self.length if self.periodic else x

    @cached_property
    def _cardinal(self) -> Callable[[Array], Array]:
        return self.interpolate(np.eye(len(self.nodes)))

    @cached_property
    def frequencies(self) -> Array:
        """ω of the waves that the noise leaves, from 0: multiples of 2π/L, or π/L when reflected."""
        step = (2.0 if self.periodic else 1.0) * pi / self.length
        return step * np.arange(floor(DAMPED / (self.noise * step)) + 1)

    def lift(self, m: Array) -> Array:
        """What E[φ(fold(m + σξ))] is linear in, (P, K), of means m (P,): the waves, or φ without noise."""
        return self._waves(m) if self.noise > 0 else self.at(m)

    def analysis(self, table: Array) -> Array:
        """The table (K, ...) of values v (n, ...) at nodes; lift(m) @ table is E[V(fold(m + σξ))]."""
        if self.noise == 0:
            return table
        points, weights = self._panels()
        weighted = (weights * self.interpolate(table)(points).T).T
        rows = max(1, ENTRIES // len(self.frequencies))
        sums = sum(
            np.tensordot(self._waves(points[i : i + rows]), weighted[i : i + rows], axes=(0, 0))
            for i in range(0, len(points), rows)
        )
        omega = self.frequencies
        damping = np.exp(-0.5 * (omega * self.noise) ** 2) * np.where(omega > 0, 2, 1) / self.length
        both = np.concatenate([damping, damping[1:]]) if self.periodic else damping
        return np.asarray(both.reshape(-1, *(1 for _ in table.shape[1:])) * sums)

    def _waves(self, m: Array) -> Array:
        phase = np.multiply.outer(m - self.low, self.frequencies)
        if not self.periodic:
            return np.cos(phase)
        return np.concatenate([np.cos(phase), np.sin(phase[:, 1:])], axis=1)

    def _panels(self) -> tuple[Array, Array]:
        """Gauss-Legendre points and weights between neighbouring nodes: polynomials, or like them."""
        ends = np.union1d(self.nodes, [self.low, self.low + self.length])
        parts = np.ceil(np.diff(ends) / self.noise).astype(int)
        width = np.repeat(np.diff(ends) / parts, parts)
        start = np.concatenate([[ends[0]], ends[0] + np.cumsum(width)[:-1]])
        z, w = np.polynomial.legendre.leggauss(PANEL)
        points = start[:, None] + width[:, None] * (z + 1) / 2
        return points.ravel(), (width[:, None] * w / 2).ravel()


@dataclass(frozen=True, eq=False)
class StateFunction:
    """V on continuous states: Σ_j v_jφ_j(x) with nodal values ``table`` (n_1, ..., n_k)."""

    directions: tuple[Direction, ...]
    table: Array

    def __call__(self, x: Any) -> Array:
        """V(x) of points x (..., k), shape (...). Raises InputError for points outside."""
        walls = [None if d.periodic else (d.low, d.low + d.length) for d in self.directions]
        points = inside("x", np.asarray(x, dtype=float), walls)
        flat = points.reshape(-1, len(self.directions))
        first, *others = self.directions
        out = first.interpolate(self.table)(first.wrapped(flat[:, 0]))
        factors = [d.at(flat[:, k]) for k, d in enumerate(others, 1)]
        return _contract_rest(out, factors).reshape(points.shape[:-1])

    def expected(self, means: Array) -> Array:
        """E[V(x')] for x' = means + noise, reflected or wrapped; means (M, k), shape (M,)."""
        shape = self._coefficients.shape
        # After the first axis a row holds a number for each wave of the others, all together.
        rows = max(1, ENTRIES // max(sum(shape), self._coefficients.size // shape[0]))
        blocks = [means[i : i + rows] for i in range(0, len(means), rows)]
        lifted = ([d.lift(m[:, k]) for k, d in enumerate(self.directions)] for m in blocks)
        return np.concatenate([contract(self._coefficients, factors) for factors in lifted])

    @cached_property
    def _coefficients(self) -> Array:
        table = self.table
        for k, d in enumerate(self.directions):
            table = np.moveaxis(d.analysis(np.moveaxis(table, k, 0)), 0, k)
        return table


def contract(table: Array, factors: Sequence[Array]) -> Array:
    """Σ_j table_j1...jk·Π_i factors[i][m, j_i], shape (M,)."""
    first, *others = factors
    return _contract_rest(first @ table.reshape(first.shape[1], -1), others)


def _contract_rest(out: Array, factors: Sequence[Array]) -> Array:
    for factor in factors:
        out = np.einsum("mk,mkr->mr", factor, out.reshape(*factor.shape, -1))
    return out.reshape(len(out))


@dataclass(frozen=True, eq=False)
class ActionRule:
    """Nodes a_i (A, d) and the logarithms of masses m_i (A,) with Σ_i m_i g(a_i) ≈ ∫g dμ."""

    nodes: Array
    log_masses: Array


def action_rule(space: Space, n: int) -> ActionRule:
    """Gauss-Legendre with n nodes an axis on intervals and boxes, the grid of the space elsewhere.

    Spectrally accurate for smooth integrands; on a line or circle so are the equal cells of the grid.
    """
    if not isinstance(space, Interval | Box):
        grid = space.grid(n)
        return ActionRule(grid.nodes, grid.log_weights)
    lows, highs = np.atleast_1d(space.low), np.atleast_1d(space.high)
    z, w = np.polynomial.legendre.leggauss(n)
    ends = zip(lows, highs, strict=True)
    mesh = np.meshgrid(*(a + (b - a) * (z + 1) / 2 for a, b in ends), indexing="ij")
    masses = np.stack(np.meshgrid(*(np.log(w / 2) for _ in lows), indexing="ij"))
    nodes = np.stack([g.ravel() for g in mesh], axis=-1)
    return ActionRule(nodes, masses.sum(axis=0).ravel())


def soft_backup(Q: Array, rule: ActionRule, tau: float) -> tuple[Array, Array]:
    """τ log Σ_i m_i e^{Q_i/τ}, shape (P,), and the masses of the Gibbs policy, (P, A)."""
    logits = Q / tau + rule.log_masses
    total = logsumexp(logits, axis=1, keepdims=True)
    return tau * total[:, 0], np.exp(logits - total)


@dataclass(frozen=True, eq=False)
class ContinuumError:
    """How far V is from V* of the true problem, by residuals at samples.

    ``points`` (P, k) are the samples and ``residual`` (P,) is TV − V there, T with the finer rule of the
    actions. Three terms are suprema over the samples divided by 1 − γ: ``states``, what grid, interpolation
    and solver leave (T with the rule of V itself), ``actions``, the change from that rule to the finer one,
    and ``rounding``, an allowance.
    ``bound`` = sup|TV − V|/(1−γ) + actions + rounding: the second for what the finer rule may still miss.
    What falls between all samples, or between all nodes of both rules, it cannot know: a peak of the reward
    narrower than their spacing is missed altogether, and at a jump sup|TV − V| is met only nearly.
    ``reflected`` (P,) is no error but what walls are about: how many coordinates of the next state are
    reflected, on average under the Gibbs policy.
    """

    problem: ContinuousMDP
    value: StateFunction
    points: Array
    residual: Array
    reflected: Array
    states: float
    actions: float
    rounding: float
    rule: ActionRule = field(repr=False)

    @property
    def bound(self) -> float:
        """The sampled bound of sup|V − V*|."""
        gap = 1.0 - self.problem.discount
        return float(np.abs(self.residual).max()) / gap + self.actions + self.rounding

    def log_density(self, x: Any, actions: Any) -> Array:
        """log dπ/dμ = (Q(x, a) − (TV)(x))/τ of the Gibbs policy π of V; x (P, k), actions (A, d), (P, A).

        Raises InputError for points outside the states or actions of another shape.
        """
        problem, V = self.problem, self.value
        points = problem.inside("x", np.asarray(x, dtype=float)).reshape(-1, len(V.directions))
        asked, dim = np.asarray(actions, dtype=float), self.rule.nodes.shape[1]
        if asked.ndim != 2 or asked.shape[1] != dim:
            require.fail("actions", f"have shape (A, {dim})", asked.shape, "give one row an action")
        own, _ = soft_backup(
            _Q(problem, V, points, self.rule.nodes)[0], self.rule, problem.temperature
        )
        return (_Q(problem, V, points, asked)[0] - own[:, None]) / problem.temperature

    def __repr__(self) -> str:
        worst = ", ".join(f"{c:.3g}" for c in self.points[np.abs(self.residual).argmax()])
        return (
            f"ContinuumError(bound={self.bound:.2g} sampled at {len(self.points)} points, largest "
            f"at x = [{worst}]: states {self.states:.2g}, actions {self.actions:.2g}, "
            f"rounding {self.rounding:.2g}; "
            f"reflected <= {self.reflected.max():.2g}, median {np.median(self.reflected):.2g})"
        )


def sampled_error(
    problem: ContinuousMDP, V: StateFunction, rule: ActionRule, finer: ActionRule, n: int, seed: int
) -> ContinuumError:
    """The residual of V at n points; ``rule`` is what V was computed with."""
    x = sample(V.directions, require.count("points", n, FEWEST_POINTS), seed)
    tau, gap = problem.temperature, 1.0 - problem.discount
    here = V(x)
    Q, _ = _Q(problem, V, x, rule.nodes)
    coarse, _ = soft_backup(Q, rule, tau)
    Q, f = _Q(problem, V, x, finer.nodes)
    fine, masses = soft_backup(Q, finer, tau)
    size = float(np.abs(Q).max() + np.abs(here).max()) + tau
    return ContinuumError(
        problem=problem,
        value=V,
        points=x,
        residual=fine - here,
        reflected=(masses * _meets_wall(f, V.directions)).sum(axis=1),
        states=float(np.abs(coarse - here).max()) / gap,
        actions=float(np.abs(fine - coarse).max()) / gap,
        rounding=ROUNDED * EPS * size / gap,
        rule=finer,
    )


def continuum_error(solution: Solution, *, points: int = 512, seed: int = 0) -> ContinuumError:
    """How far the solution of a discretised problem is from V* of the true one, between nodes too.

    V is that of ``between_nodes``, the backup of the grid from any x, kept as a C² spline of its values at a
    quarter of the spacing (half on two axes or more). Its error is bounded by sup|TV − V|/(1 − γ) over a
    seeded low-discrepancy sample, half of it denser near walls, see ``ContinuumError``. Sums over actions are
    repeated with Gauss-Legendre of twice as many nodes (twice the grid on other spaces). An axis without
    noise has none here: what the grid adds to it (``Axis.extra``) is in ``states``.

    Args:
        solution: of a problem made by ``discretise``.
        points: samples, at least 16.
        seed: shifts the sample.

    Raises:
        InputError: for what is no solution or one of another problem, and for what dynamics or reward do
            wrong off the grid.

    """
    if not isinstance(solution, Solution):
        require.fail("solution", "be of wc.solve", type(solution).__name__, "solve the MDP first")
    mdp, policy = solution.mdp, between_nodes(solution.mdp, solution.V)
    problem, grid = policy.problem, policy.states
    own = ActionRule(mdp.grid.nodes, mdp.grid.log_weights)
    axes = tuple(_finer(axis, 4 if len(grid.axes) == 1 else 2) for axis in grid.axes)
    table = policy.value(StateGrid(axes).nodes)
    V = StateFunction(tuple(map(_spline, axes)), table.reshape(StateGrid(axes).shape))
    finite = mdp.grid.is_finite_set
    finer = own if finite else action_rule(problem.actions, 2 * mdp.grid.shape[0])
    return sampled_error(problem, V, own, finer, points, seed)


def _finer(axis: Axis, times: int) -> Axis:
    """The axis with spacing h/times."""
    return replace(axis, n=times * axis.n - (0 if axis.periodic else times - 1))


def sample(directions: Sequence[Direction], n: int, seed: int) -> Array:
    """n points (n, k) of a Kronecker sequence with a seeded shift; every second one denser near walls."""
    k = len(directions)
    # The real root of ρ^{k+1} = ρ + 1 generalises the golden ratio (k = 1).
    ratio = max(z.real for z in np.roots([1.0, *([0.0] * (k - 1)), -1.0, -1.0]))
    shift = np.random.default_rng(require.count("seed", seed, 0)).random(k)
    u = (shift + np.arange(1, n + 1)[:, None] * ratio ** -np.arange(1.0, k + 1)) % 1.0
    for j, d in enumerate(directions):
        if not d.periodic:
            u[::2, j] = (1 - np.cos(pi * u[::2, j])) / 2
    return np.stack([d.low + d.length * u[:, j] for j, d in enumerate(directions)], axis=-1)


def _Q(problem: ContinuousMDP, V: StateFunction, x: Array, actions: Array) -> tuple[Array, Array]:
    """r + γE[V(x')], shape (P, A), and the means (P, A, k)."""
    r, f = continuous_tables(problem, x[:, None], actions[None])
    ahead = V.expected(f.reshape(-1, f.shape[-1])).reshape(r.shape)
    return r + problem.discount * ahead, f


def _meets_wall(f: Array, directions: Sequence[Direction]) -> Array:
    """P(a coordinate of f + σξ is outside its interval), shape (P, A), added up over the coordinates."""
    total = np.zeros(f.shape[:-1])
    for k, d in enumerate(directions):
        if not d.periodic and d.noise > 0:
            below = f[..., k] - d.low
            total += ndtr(-below / d.noise) + ndtr((below - d.length) / d.noise)
    return total


def _spline(axis: Axis) -> Direction:
    """The C² cubic splines of an axis of the grid, periodic on circles and not-a-knot on intervals."""

    def interpolate(table: Array) -> Callable[[Array], Array]:
        if not axis.periodic:
            return CubicSpline(axis.nodes, table)
        closed = np.append(axis.nodes, axis.low + axis.length)
        return CubicSpline(closed, np.concatenate([table, table[:1]]), bc_type="periodic")

    return Direction(axis.low, axis.length, axis.periodic, axis.noise, axis.nodes, interpolate)
