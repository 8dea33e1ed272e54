"""Shooting for the extremals of the log-Sobolev quotient on a line, many at once.

An extremal g > 0 solves 2C(ρg')' + ρ g log g² = 0 with ρg' = 0 at both ends. The parameter interval of a
``Line`` is cut into n equal cells; g lives at their centres t_j, the mass of cell j is w_j = ∫ρ dx and the
resistance between two centres is a_j = ∫_{t_j}^{t_{j+1}} dx/ρ, both by quadrature, which 1/ρ = ∞ at an end
does not hurt. The equations

    p_j = p_{j−1} − w_j g_j log g_j / C,   g_{j+1} = g_j + a_j p_j,   p_{−1} = p_{n−1} = 0

are exactly the extremal equations of the chain's own quotient Ent_w(g²)/(2 Σ a_j p_j²). Its error in the
cell width h expands in even powers of h. In ℓ = log g and r = p/g they have no scale, so that starting
values from −10⁻⁵ to −10³ need no special care.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from wconv._axes import Array
from wconv.constants.line import Line
from wconv.constants.panels import Mesh
from wconv.constants.roots import bracketed_roots
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

GAUSS: Final = 3
"""Quadrature nodes a half cell."""

LONGEST: Final = 1024
"""Cells are counted at run time in arrays of this length, so that few programs are compiled."""

LARGEST: Final = 709.0
"""log C beyond which C is no double."""

SMALL: Final = 0.02
"""Below this |log g²| the entropy is summed by its Taylor series: the closed form cancels."""


@dataclass(frozen=True, eq=False)
class Chain:
    """R rows, each a density seen from one end: masses and resistances (n, R), the last resistance 0."""

    mass: Array
    resistance: Array

    def rows(self, index: Array) -> "Chain":
        """Some rows (integer indices)."""
        return Chain(self.mass[:, index], self.resistance[:, index])


@dataclass(frozen=True, eq=False)
class Shots:
    """What shots gave, each (R, U): log ∫g² and Ent(g²)/(2∫g'²), of the g that stays constant once p ≤ 0."""

    log_norm: Array
    quotient: Array


def chains(line: Line, cells: tuple[int, ...]) -> list[Chain]:
    """The densities on each number of cells; row 2s starts at the left end of state s, 2s + 1 at the right.

    Every number must divide the largest.
    """
    finest = max(cells)
    mass, resistance = half_cells(line, finest)
    # The half cells at the two ends are not between centres: there p may vanish.
    resistance[:, [0, -1]] = 0.0
    return [_chain(mass, resistance, n) for n in cells]


def half_cells(line: Line, cells: int) -> tuple[Array, Array]:
    """∫ρ dx and ∫dx/ρ over the halves of equal cells in the parameter, (S, 2·cells).

    Where log p is rough a half is cut as by ``Mesh``.
    """
    nodes, weights = np.polynomial.legendre.leggauss(GAUSS)
    mesh = Mesh.of(line, 2 * cells)
    width = np.diff(mesh.edges)
    t = mesh.edges[:-1, None] + width[:, None] * (1 + nodes) / 2
    _, slope, logp = line.sample(t.ravel())
    shape = (line.n_states, *t.shape)
    p, slope = np.exp(logp).reshape(shape), slope.reshape(shape)
    first = np.searchsorted(mesh.edges, np.linspace(0.0, 1.0, 2 * cells + 1)[:-1])
    mass = np.add.reduceat((p * slope) @ weights * width / 2, first, axis=-1)
    with np.errstate(divide="ignore"):
        resistance = np.add.reduceat((slope / p) @ weights * width / 2, first, axis=-1)
    total = mass.sum(axis=-1, keepdims=True)
    return mass / total, resistance * total


def _chain(mass: Array, resistance: Array, cells: int) -> Chain:
    """Both views of the densities, from the sums over the finest half cells (S, m)."""
    states = len(mass)
    halves = mass.reshape(states, cells, -1).sum(axis=-1)
    between = resistance.reshape(states, 2 * cells, -1).sum(axis=-1)[:, 1:-1]
    between = between.reshape(states, cells - 1, 2).sum(axis=-1)
    end = np.zeros((states, 1))
    w = np.stack([halves, halves[:, ::-1]], axis=1)
    a = np.stack([np.hstack([between, end]), np.hstack([between[:, ::-1], end])], axis=1)
    return Chain(w.reshape(2 * states, cells).T, a.reshape(2 * states, cells).T)


def shoot(chain: Chain, start: Array, constant: Array) -> Shots:
    """Shots with log g = start < 0 at the first cell and a constant C, both (R, U)."""
    return Shots(*run(_sums, chain, start, constant))


def thresholds(
    chain: Chain, start: Array, low: Array, high: Array, *, tolerance: float | Array
) -> tuple[Array, Shots]:
    """The C at which p vanishes at the far end and not before, (R, U), and the shots with it.

    C is taken from below, to a relative tolerance (or what log C resolves): on that side g stays bounded
    where ρ is tiny.
    ``low`` and ``high`` are guesses on both sides of C.

    Raises:
        SolverError: no C of a double is large enough.
    """
    first, last = np.log(low), np.log(high)
    excess_at = runner(_excess, chain, start)

    def excess(log_c: Array) -> Array:
        # p/g stays where it starts, at zero: without this the search would go on, in ever longer steps.
        if log_c.max() > LARGEST:
            raise SolverError(Outcome.UNRESOLVED, "C_LS is larger than doubles are")
        return excess_at(np.exp(log_c))[0]

    root, _ = bracketed_roots(
        excess,
        first,
        last,
        width=np.maximum(tolerance, 4 * EPS * np.maximum(np.abs(first), np.abs(last))),
    )
    constant = np.exp(root)
    return constant, shoot(chain, start, constant)


def profiles(chain: Chain, start: Array, constant: Array) -> Array:
    """log g at the cells of one shot a row, (R, n); start and constant (R,)."""
    return run(_logs, chain, start[:, None], constant[:, None])[0][:, : len(chain.mass), 0]


def run(kernel: Any, chain: Chain, start: Array, constant: Array) -> list[Array]:
    """A compiled kernel in float64; see ``runner``."""
    return runner(kernel, chain, start)(constant)


def runner(kernel: Any, chain: Chain, start: Array) -> Callable[[Array], list[Array]]:
    """constant → what a compiled kernel gives, its other arrays converted once.

    Rows are repeated up to 4, 8, 16, 32, 64, 72, …, 128, 144, …, and cells that nobody visits make the
    arrays long: few programs are compiled.
    """
    cells, rows = chain.mass.shape
    index = np.minimum(np.arange(_batch(rows)), rows - 1)
    idle = ((0, _power_above(cells, least=LONGEST) - cells), (0, 0))
    with jax.enable_x64(True):
        arrays = [jnp.asarray(np.pad(a[:, index], idle)) for a in (chain.mass, chain.resistance)]
        first = jnp.asarray(start[index])

    def of(constant: Array) -> list[Array]:
        with jax.enable_x64(True):
            out = kernel(np.int64(cells), *arrays, first, constant[index])
        return [np.asarray(part)[:rows] for part in out]

    return of


def _batch(rows: int) -> int:
    """A power of two, or above 64 one with at most an eighth more rows than there are."""
    whole = _power_above(rows, least=4)
    step = whole // 16 if whole > 64 else whole
    return step * -(-rows // step)


def _power_above(count: int, *, least: int) -> int:
    size = least
    while size < count:
        size *= 2
    return size


def march(step: Any, first: Any, cells: Any, mass: Any, resistance: Any) -> Any:
    """carry → step(carry, w, a) from cell to cell, with masses and resistances (R, 1)."""

    def body(j: Any, carry: Any) -> Any:
        return step(carry, mass[j][:, None], resistance[j][:, None])

    return jax.lax.fori_loop(0, cells, body, first)


class Record(NamedTuple):
    """What is noted cell by cell, (longest, R, U), and how many cells were."""

    values: Any
    count: Any

    @classmethod
    def empty(cls, mass: Any, start: Any) -> "Record":
        """Room for a number of every shot at every cell."""
        return cls(jnp.zeros((len(mass), *start.shape)), jnp.zeros((), int))

    def put(self, value: Any) -> "Record":
        """With the values (R, U) at the next cell."""
        return Record(self.values.at[self.count].set(value), self.count + 1)

    def rows(self) -> Any:
        """(R, longest, U)."""
        return jnp.moveaxis(self.values, 0, 1)


def advance(log_g: Any, r: Any, mass: Any, resistance: Any, constant: Any) -> tuple[Any, Any, Any]:
    """One cell: r behind its mass, then log g and r at the next centre (g no longer moves once r ≤ 0)."""
    behind = r - mass * log_g / constant
    growth = jnp.maximum(behind, 0.0) * resistance
    return behind, log_g + jnp.log1p(growth), behind / (1.0 + growth)


def _excess_of(cells: Any, mass: Any, resistance: Any, start: Any, constant: Any) -> tuple[Any]:
    """p at the far end over its largest value, where g = 1: positive when C is too large."""

    def step(carry: Any, w: Any, a: Any) -> tuple[Any, ...]:
        log_g, r, log_top, top = carry
        behind, log_next, r = advance(log_g, r, w, a, constant)
        rising = log_g < 0
        return log_next, r, jnp.where(rising, log_g, log_top), jnp.where(rising, behind, top)

    first = (start, jnp.zeros_like(start), start, jnp.zeros_like(start))
    log_g, r, log_top, top = march(step, first, cells, mass, resistance)
    return (r * jnp.exp(log_g - log_top) / top,)


def _sums_of(cells: Any, mass: Any, resistance: Any, start: Any, constant: Any) -> tuple[Any, Any]:
    def step(carry: Any, w: Any, a: Any) -> tuple[Any, ...]:
        log_g, r, excess, entropy, norm, moment, energy = carry
        behind, log_next, r = advance(log_g, r, w, a, constant)
        v, slope = 2.0 * log_g, jnp.maximum(behind, 0.0)
        square = jnp.expm1(v)
        weight = w * (1.0 + square)
        excess = excess + w * square
        entropy = entropy + w * entropy_density(v, square)
        norm, moment = norm + weight, moment + weight * v
        energy = energy + (1.0 + square) * slope * slope * a
        return log_next, r, excess, entropy, norm, moment, energy

    zero = jnp.zeros_like(start)
    first = (start, zero, zero, zero, zero, zero, zero)
    _, _, *sums = march(step, first, cells, mass, resistance)
    excess, entropy, norm, moment, energy = sums
    # Ent(g²) = ∫(g² log g² − g² + 1) − (N log N − N + 1): both positive, the second of higher order in
    # N − 1. Where N is tiny it is ∫g² log g² − N log N that does not cancel.
    tiny = norm < 0.5
    log_norm = jnp.where(tiny, jnp.log(norm), jnp.log1p(excess))
    near = entropy - ((1.0 + excess) * log_norm - excess)
    above = jnp.where(tiny, moment - norm * log_norm, near)
    return log_norm, above / (2.0 * energy)


def entropy_density(v: Any, square: Any) -> Any:
    """v eᵛ − eᵛ + 1 with square = eᵛ − 1."""
    series = v * v * (1 / 2 + v * (1 / 3 + v * (1 / 8 + v * (1 / 30 + v * (1 / 144 + v / 840)))))
    return jnp.where(jnp.abs(v) < SMALL, series, v * (1.0 + square) - square)


def _logs_of(cells: Any, mass: Any, resistance: Any, start: Any, constant: Any) -> tuple[Any]:
    def step(carry: Any, w: Any, a: Any) -> tuple[Any, ...]:
        log_g, r, logs = carry
        _, log_next, r = advance(log_g, r, w, a, constant)
        return log_next, r, logs.put(log_g)

    first = (start, jnp.zeros_like(start), Record.empty(mass, start))
    return (march(step, first, cells, mass, resistance)[2].rows(),)


_excess: Any = jax.jit(_excess_of)
_sums: Any = jax.jit(_sums_of)
_logs: Any = jax.jit(_logs_of)
