"""Shooting around a circle: all unimodal extremals of the log-Sobolev quotient, by a two-parameter scan.

From a minimum of g at x₀, with log g² = u < 0 there, both arcs are followed on the cells of ``shooting``
until p = ρg' vanishes again. C is such that they meet there; the extremals are those for which both sides
agree on g, D(x₀, u) = log g₊ − log g₋ = 0. For every u of a grid, D and the quotient R are interpolated
around the circle to the zeros of D.
"""

from dataclasses import dataclass
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from wconv._axes import Array
from wconv.constants.line import Line
from wconv.constants.roots import bracketed_roots
from wconv.constants.shooting import Chain, Record, advance, entropy_density, half_cells, march, run

CELLS: Final = (64, 128)
"""Meshes, extrapolated in h²."""

PLACES: Final = 64
"""Positions x₀ of the minimum."""

STARTS: Final = -np.geomspace(1e-2, 300.0, 24)
"""Values u of log g² at the minimum."""

TOLERANCE: Final = 1e-7
"""Relative, of C."""

BISECTIONS: Final = 20
SECTORS: Final = 8
"""Positions this far apart (shares of a turn) count as different extremals."""

NEAR: Final = 0.99
"""Extremals are kept if their quotient is at least this share of the largest."""


@dataclass(frozen=True, eq=False)
class Turns:
    """What the scan has seen.

    ``best`` (S,) is the largest quotient and ``error`` (S,) how much larger it may be (0 and ∞ where
    nothing is seen, as for the uniform density): a quarter of what half as many places change and of
    what the extrapolation of meshes changed, and what a parabola through the best u and its neighbours
    gains at most. ``functions`` (K, n) are log g at cell centres of the extremals that come within
    ``NEAR`` of it, one a sector, and ``state`` (K,) whose they are.
    """

    best: Array
    error: Array
    functions: Array
    state: Array


def turns(line: Line, poincare: Array) -> Turns:
    """Scan the unimodal functions of densities on a circle; ``poincare`` (S,) is C_P."""
    shape = (line.n_states, PLACES, len(STARTS))
    c = np.broadcast_to(poincare[:, None, None], shape)
    low, high = c / (2 * (1 - STARTS)), 4 * c
    fields = []
    for cells in CELLS:
        chain = _both_ways(line, cells)
        c, counts, jump, quotient = _meeting(chain, shape, low, high)
        low, high = c * (1 - 1e-3), c * (1 + 1e-3)
        fields.append((jump, quotient))
    jump, quotient = ((4 * fine - coarse) / 3 for coarse, fine in zip(*fields, strict=True))
    share, values = _zeros(jump, quotient)
    every_other = _zeros(jump[:, ::2], quotient[:, ::2])[1]
    best, error = _largest(values, every_other, _zeros(*fields[-1])[1])
    state, place, start = _near_best(values)
    near = (place + (share[state, place, start] > 0.5)) % PLACES
    functions = np.empty((0, CELLS[-1]))
    if state.size:
        functions = _functions(chain, shape, state, near, start, c, counts)
    return Turns(best, error, functions, state)


def _both_ways(line: Line, cells: int) -> Chain:
    """Rows (state, place, direction): the cells from every position forwards, and from it backwards."""
    halves, resistances = half_cells(line, cells)
    mass = halves[:, ::2] + halves[:, 1::2]
    between = resistances[:, 1::2] + np.roll(resistances, -1, axis=-1)[:, 1::2]
    start, step = np.arange(PLACES)[:, None] * (cells // PLACES), np.arange(cells)
    forward, backward = (start + step) % cells, (start - 1 - step) % cells
    w = np.stack([mass[:, forward], mass[:, backward]], axis=2)
    a = np.stack([between[:, forward], between[:, (backward - 1) % cells]], axis=2)
    return Chain(w.reshape(-1, cells).T, a.reshape(-1, cells).T)


def _meeting(
    chain: Chain, shape: tuple[int, ...], low: Array, high: Array
) -> tuple[Array, Array, Array, Array]:
    """C, the cells each arc takes, the jump of log g where they meet, and the quotient."""
    cells, pairs = len(chain.mass), (*shape[:2], 2, shape[2])

    def both(kernel: Any, c: Array) -> list[Array]:
        twice = np.broadcast_to(c[:, :, None], pairs).reshape(-1, shape[2])
        start = np.broadcast_to(STARTS / 2, twice.shape)
        return [part.reshape(pairs) for part in run(kernel, chain, start, twice)]

    root, _ = bracketed_roots(
        lambda log_c: both(_counts, np.exp(log_c))[0].sum(axis=2) - cells,
        np.log(low),
        np.log(high),
        width=TOLERANCE,
    )
    constant = np.exp(root)
    count, log_g, *sums = both(_arcs, constant)
    quotient = _quotient(*(part.sum(axis=2) for part in sums))
    return constant, count, log_g[:, :, 0] - log_g[:, :, 1], quotient


def _quotient(excess: Array, entropy: Array, norm: Array, moment: Array, energy: Array) -> Array:
    """Ent(g²)/(2∫g'²) from ∫(g² − 1), ∫(g² log g² − g² + 1), N = ∫g², ∫g² log g² and ∫g'².

    The first two do not cancel where N is close to one, the next two where it is tiny. NaN where g² is
    nowhere above the smallest number.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        tiny = excess < -0.5
        log_norm = np.where(tiny, np.log(norm), np.log1p(excess))
        near = entropy - ((1.0 + excess) * log_norm - excess)
        return np.asarray(np.where(tiny, moment - norm * log_norm, near) / (2.0 * energy))


def _zeros(jump: Array, quotient: Array) -> tuple[Array, Array]:
    """Zeros of the jump between a place and the next: shares of the way and quotients, (S, X, U).

    Both are cubics through four places; the quotient is −∞ where the jump does not change sign.
    """
    after = np.roll(jump, -1, axis=1)
    zero = (jump > 0) != (after > 0)
    low, high = np.zeros_like(jump), np.ones_like(jump)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        same = (_cubic(jump, middle) > 0) == (jump > 0)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low, np.where(zero, _cubic(quotient, low), -np.inf)


def _cubic(f: Array, share: Array) -> Array:
    """The cubic through the values at places −1, 0, 1, 2, at a share of the way from 0 to 1."""
    before, here, next_, last = (np.roll(f, -k, axis=1) for k in (-1, 0, 1, 2))
    s = share
    return np.asarray(
        -before * s * (s - 1) * (s - 2) / 6
        + here * (s + 1) * (s - 1) * (s - 2) / 2
        - next_ * (s + 1) * s * (s - 2) / 2
        + last * (s + 1) * s * (s - 1) / 6
    )


def _largest(values: Array, *rougher: Array) -> tuple[Array, Array]:
    """``best`` and ``error`` of ``Turns`` from quotients (S, X, U) and rougher ones."""
    by_start = values.max(axis=1)
    centre = np.clip(by_start.argmax(axis=-1), 1, by_start.shape[-1] - 2)[:, None]
    left, middle, right = (
        np.take_along_axis(by_start, centre + k, axis=-1)[:, 0] for k in (-1, 0, 1)
    )
    best = by_start.max(axis=-1)
    with np.errstate(invalid="ignore"):
        changes = np.sum([np.abs(best - other.max(axis=(1, 2))) for other in rougher], axis=0)
        error = changes / 4 + np.abs(left - 2 * middle + right) / 8
    known = np.isfinite(best) & np.isfinite(error)
    return np.where(known, best, 0.0), np.where(known, error, np.inf)


def _near_best(values: Array) -> tuple[Array, Array, Array]:
    """State, place and start of the best extremal of every sector that comes near the best of all."""
    states, places, starts = values.shape
    width = places // SECTORS
    sectors = values.reshape(states, SECTORS, width * starts)
    top = sectors.max(axis=-1)
    near = (top >= NEAR * top.max(axis=-1, keepdims=True)) & np.isfinite(top)
    state, sector = np.nonzero(near)
    place, start = np.divmod(sectors.argmax(axis=-1)[state, sector], starts)
    return state, sector * width + place, start


def _functions(
    chain: Chain,
    shape: tuple[int, ...],
    state: Array,
    place: Array,
    start: Array,
    constant: Array,
    counts: Array,
) -> Array:
    """log g at the cells of the circle, (K, n), from the two arcs."""
    cells = len(chain.mass)
    row = (state * shape[1] + place) * 2
    c, u = constant[state, place, start][:, None], STARTS[start][:, None] / 2
    forward, backward = (run(_arc_logs, chain.rows(row + k), u, c)[0][:, :cells, 0] for k in (0, 1))
    taken = counts[state, place, 0, start][:, None]
    logs = np.where(np.arange(cells) < taken, forward, backward[:, ::-1])
    back = (np.arange(cells) - place[:, None] * (cells // shape[1])) % cells
    return np.take_along_axis(logs, back, axis=-1)


def _arc(log_g: Any, r: Any, going: Any, w: Any, a: Any, constant: Any) -> tuple[Any, ...]:
    """One cell: p/g behind it, the share of its mass before p vanishes, the next log g, r, and going."""
    behind, log_next, r_next = advance(log_g, r, w, a, constant)
    # Past the end r no longer moves by more than its rounding where masses are tiny.
    share = jnp.where(behind > 0, 1.0, r / jnp.where(r > behind, r - behind, 1.0)) * going
    on = going * (behind > 0)
    return behind, share, jnp.where(on > 0, log_next, log_g), r_next, on


def _counts_of(cells: Any, mass: Any, resistance: Any, start: Any, constant: Any) -> tuple[Any]:
    """Cells until p vanishes."""

    def step(carry: Any, w: Any, a: Any) -> tuple[Any, ...]:
        log_g, r, going, count = carry
        _, share, log_g, r, going = _arc(log_g, r, going, w, a, constant)
        return log_g, r, going, count + share

    zero = jnp.zeros_like(start)
    first = (start, zero, jnp.ones_like(start), zero)
    return (march(step, first, cells, mass, resistance)[3],)


def _arcs_of(cells: Any, mass: Any, resistance: Any, start: Any, constant: Any) -> tuple[Any, ...]:
    """Cells until p vanishes, log g there, and the integrals of ``_quotient`` up to there."""

    def step(carry: Any, w: Any, a: Any) -> tuple[Any, ...]:
        log_g, r, going, count, excess, entropy, norm, moment, energy = carry
        behind, share, log_next, r, on = _arc(log_g, r, going, w, a, constant)
        v, part = 2.0 * log_g, share * w
        square = jnp.expm1(v)
        excess, entropy = excess + part * square, entropy + part * entropy_density(v, square)
        norm, moment = norm + part * jnp.exp(v), moment + part * v * jnp.exp(v)
        energy = energy + on * jnp.exp(v) * behind * behind * a
        return log_next, r, on, count + share, excess, entropy, norm, moment, energy

    zero = jnp.zeros_like(start)
    first = (start, zero, jnp.ones_like(start), *(zero,) * 6)
    log_g, _, _, *sums = march(step, first, cells, mass, resistance)
    count, *rest = sums
    return (count, log_g, *rest)


def _arc_logs_of(cells: Any, mass: Any, resistance: Any, start: Any, constant: Any) -> tuple[Any]:
    """log g at every cell until p vanishes, and constant from there."""

    def step(carry: Any, w: Any, a: Any) -> tuple[Any, ...]:
        log_g, r, going, logs = carry
        _, _, log_next, r, going = _arc(log_g, r, going, w, a, constant)
        return log_next, r, going, logs.put(log_g)

    first = (start, jnp.zeros_like(start), jnp.ones_like(start), Record.empty(mass, start))
    return (march(step, first, cells, mass, resistance)[3].rows(),)


_counts: Any = jax.jit(_counts_of)
_arcs: Any = jax.jit(_arcs_of)
_arc_logs: Any = jax.jit(_arc_logs_of)
