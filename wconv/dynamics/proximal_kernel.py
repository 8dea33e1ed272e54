"""JAX kernel of the proximal steps of WPPG on a line or a circle: an optimal potential a state.

The step max ∫qπ − τKL(π‖μ) − W²(π, ν)/(2η), with π on nodes at distance h and ν constant on the cells
around them, is convex in distribution functions. Its dual is smooth in a potential φ: the policy is
p ∝ w·e^{(q−φ)/τ} with distribution function F, the line is cut at y_i = e_i − (η/h)(φ_{i+1} − φ_i) around
the edges e_i between nodes, and φ is optimal when F_i = G(y_i) on every edge, G being that of ν.

Newton's matrix is the M-matrix of a chain of nodes. Where p and ν fall by hundreds of nats tangents lead
nowhere; chords do: from y_i to the quantile of F_i, and from p_i to the mass that ν sends there. Where a
step still overshoots, the matrix takes the secants to the point it reached, which shortens the step
just where a curve turned out to be steep. States that resist go through mixtures of ν with less and less
of the uniform law. Inside, lengths are in cells, potentials in units of τ, and reach = ητ/h².
"""

from functools import partial
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp

DIRECT: Final = 30
"""Most points tried on ν itself; fewer than ten are usual."""

RUNGS: Final = 17
"""Mixtures (1 − ε)ν + ε·uniform, ε = 10^{−k}, on the way from the uniform law to ν."""

CLIMB: Final = 150
"""Most points tried a mixture; a few are usual."""

STIFFER: Final = 1.2
"""Factor on the matrix of a step that overshot, beside the secants."""

CUTS: Final = 100
"""Most constants of F tried on a circle; every other one halves the bracket."""

LEAST: Final = 1e-300
"""Divisors below count as zero: XLA flushes the smallest numbers of all to zero, not everywhere."""


class Chain(NamedTuple):
    """One state: log masses of its Gibbs policy (n,), G at the ends of cells (n+1,), ητ/h², 1 on a circle."""

    log_gibbs: Any
    cdf: Any
    reach: Any
    wrap: Any


class Cell(NamedTuple):
    """Cells of ν, unrolled on a circle: their left ends, and G at both ends."""

    left: Any
    below: Any
    above: Any


class Point(NamedTuple):
    """A potential u = φ/τ and what follows from it, at nodes and at the edges after them.

    Masses p of the policy and log p, masses q sent by ν; cuts y, G(y), F − G(y), chords of G; the gap.
    """

    u: Any
    p: Any
    log_p: Any
    q: Any
    cut: Any
    G: Any
    residual: Any
    chord: Any
    gap: Any


@partial(jax.jit)  # a bare jax.jit is untyped to mypy
def solve(Q: Any, nu: Any, tau: Any, eta: Any, log_w: Any, h: Any, wrap: Any, tol: Any) -> Any:
    """Potentials φ (S, n) for Q and masses ν (S, n), and the points tried in each state.

    log_w (n,) is finite and counts up to a constant: ``Grid.log_lebesgue`` serves where weights underflow.
    ``tol`` is the duality gap aimed at, in the units of Q; ``measures.semirelaxed`` certifies it. Rounding
    leaves some ε(L²/η + osc(Q + τ log w)).
    """

    def one(state: tuple[Any, Any]) -> tuple[Any, Any]:
        q, masses = state
        inner = jnp.cumsum(masses)[:-1] / jnp.sum(masses)
        ends = jnp.arange(2.0)
        cdf = jnp.concatenate([ends[:1], jnp.minimum(inner, 1.0), ends[1:]])
        chain = Chain(q / tau + log_w, cdf, eta * tau / h**2, wrap)
        u, trials = _potential(chain, masses, tol / tau)
        return tau * u, trials

    # One after the other: in a batch every state would pay for the slowest.
    return jax.lax.map(one, (Q, nu))


def solve_ring(ground: Any, link: Any, b: Any) -> Any:
    """x with ground_i·x_i + link_{i−1}(x_i − x_{i−1}) + link_i(x_i − x_{i+1}) = b_i on a ring (n,).

    Every other node is eliminated at once, as in a network of conductances: link_i ≥ 0 joins i and i+1
    (the last one and the first), ground_i ≥ 0 is the row sum. Nothing is subtracted but in b. A chain is
    a ring with a link of zero.
    """
    n = b.size
    if n == 1:
        return b / jnp.where(ground > LEAST, ground, 1.0)
    if n % 2:  # a node without ground in the middle of the last link
        link = jnp.concatenate([link[:-1], 2.0 * link[-1:], 2.0 * link[-1:]])
        ground, b = (jnp.concatenate([x, jnp.zeros_like(x[:1])]) for x in (ground, b))
    total = link[0::2] + link[1::2] + ground[1::2]
    total = jnp.where(total > LEAST, total, 1.0)
    left, right = link[0::2] / total, link[1::2] / total
    kept = solve_ring(
        ground[0::2] + left * ground[1::2] + jnp.roll(right * ground[1::2], 1),
        left * link[1::2],
        b[0::2] + left * b[1::2] + jnp.roll(right * b[1::2], 1),
    )
    inner = b[1::2] / total + left * kept + right * jnp.roll(kept, -1)
    return jnp.stack([kept, inner], axis=-1).reshape(-1)[:n]


def _potential(chain: Chain, nu: Any, tol: Any) -> tuple[Any, Any]:
    """φ/τ of gap ``tol``: directly from the better of p = Gibbs and p = ν, or through mixtures."""
    flat = jnp.zeros_like(nu)
    stay = chain.log_gibbs - jnp.log(jnp.maximum(nu, LEAST))
    uniform = jnp.linspace(0.0, 1.0, nu.size + 1)

    def unsolved(carry: tuple[Any, ...]) -> Any:
        rung, _, _, gap, _ = carry
        return (gap > tol) & (rung <= RUNGS)

    def climb(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        # Rungs −2 and −1 look at both starts, 0 goes from the better one to ν itself: one piece of code
        # for all, as every other one is compiled again.
        rung, u, best, gap, trials = carry
        share = jnp.where(rung > 0, 10.0**-rung, 0.0)
        mixed = chain._replace(cdf=(1.0 - share) * chain.cdf + share * uniform)
        # A tenth of what the next mixture changes; at last half of tol, for what the mixing adds.
        enough = jnp.maximum(0.01 * share, tol / 2)
        limit = jnp.where(rung > 0, CLIMB, jnp.where(rung < 0, 0, DIRECT))
        u, more = _newton(mixed, u, enough, limit)
        true = _point(chain, u).gap
        best, gap = jnp.where(true < gap, u, best), jnp.minimum(true, gap)
        start = jnp.where(rung < -1, stay, jnp.where(rung < 0, best, flat))
        return rung + 1.0, jnp.where(rung > 0, u, start), best, gap, trials + more

    _, _, best, _, trials = jax.lax.while_loop(unsolved, climb, (-2.0, flat, flat, jnp.inf, 0))
    return best, trials


def _newton(chain: Chain, u: Any, tol: Any, limit: Any) -> tuple[Any, Any]:
    """Chord steps from u until the gap is ``tol`` or ``limit`` points were tried."""
    # A point without residuals stands for none: the step from it is zero, and is taken.
    zero, one = jnp.zeros_like(u), jnp.ones_like(u)
    nowhere = Point(u, zero, zero, zero, zero, zero, zero, zero, jnp.inf)

    def unfinished(carry: tuple[Any, ...]) -> Any:
        at, _, _, trials = carry
        return (at.gap > tol) & (trials < limit)

    def step(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        at, ground, link, trials = carry
        b = at.residual - jnp.roll(at.residual, 1)
        d = solve_ring(ground, chain.reach * link, b)
        trial = _point(chain, at.u + d)
        # The dual is convex: it must not rise steeply where the step ends. Its slopes tell, and not its
        # values, whose differences drown in rounding.
        slope = jnp.sum(trial.residual * (jnp.roll(d, -1) - d))
        good = slope <= 0.5 * jnp.sum(b * d)
        node, edge = _secants(at, trial)
        again = (at, jnp.maximum(STIFFER * ground, node), jnp.maximum(STIFFER * link, edge))
        chosen = jax.tree.map(partial(jnp.where, good), (trial, *_chords(trial)), again)
        return *chosen, trials + 1

    at, _, _, trials = jax.lax.while_loop(unfinished, step, (nowhere, one, zero, 0))
    return at.u, trials


def _chords(at: Point) -> tuple[Any, Any]:
    """Curvatures at nodes, the logarithmic mean of p and q (at least p/100), and at edges."""
    p = jnp.maximum(at.p, LEAST)
    ratio = jnp.log(jnp.maximum(at.q, 0.01 * p) / p)
    return p * _divided(jnp.expm1(ratio), ratio, 1.0), at.chord


def _secants(at: Point, to: Point) -> tuple[Any, Any]:
    """Slopes of p in log p and of G in y between two points."""
    node = _divided(jnp.abs(to.p - at.p), jnp.abs(to.log_p - at.log_p), 0.0)
    return node, _divided(jnp.abs(to.G - at.G), jnp.abs(to.cut - at.cut), 0.0)


def _divided(a: Any, b: Any, otherwise: Any) -> Any:
    """a/b, or ``otherwise`` where b is zero."""
    zero = jnp.abs(b) < LEAST
    return jnp.where(zero, otherwise, a / jnp.where(zero, 1.0, b))


def _point(chain: Chain, u: Any) -> Point:
    """The policy, the cuts and the gap of a potential (n,)."""
    n = u.size
    logits = chain.log_gibbs - u
    logits = logits - jnp.max(logits)
    cumulative = jnp.cumsum(jnp.exp(logits))
    total = cumulative[-1]
    log_p, cumulative = logits - jnp.log(total), cumulative / total
    circle, edge = chain.wrap > 0, jnp.arange(1.0, n + 1.0)
    live = circle | (edge < n)  # a line has no edge after its last node

    cut = edge - chain.reach * (jnp.roll(u, -1) - u)
    turn = jnp.where(circle, jnp.floor(cut / n), 0.0)
    y = jnp.clip(cut, n * turn, n * turn + n)
    here = _cell(chain, turn, jnp.minimum(jnp.floor(y - n * turn), n - 1).astype(jnp.int32))
    G = jnp.where(live, here.below + (here.above - here.below) * (y - here.left), 1.0)
    F = jnp.where(live, cumulative + _offset(chain, cumulative, cut, G), 1.0)
    z, there = _quantile(chain, F)

    residual = F - G
    chord = jnp.abs(_divided(residual, z - cut, 0.0))
    tangent = (here.left == there.left) & (y == cut)
    chord = jnp.where(tangent, here.above - here.below, chord)
    area = _area(F, cut, (y, G, here), (z, there))
    q = G - jnp.roll(G, 1) + jnp.where(edge > 1, 0.0, 1.0)
    gap = jnp.sum(jnp.where(live, area, 0.0)) / chain.reach
    return Point(u, jnp.exp(log_p), log_p, q, cut, G, residual, jnp.where(live, chord, 0.0), gap)


def _cell(chain: Chain, turn: Any, i: Any) -> Cell:
    """Cell i of a turn."""
    n = chain.cdf.size - 1
    return Cell(i + n * turn, chain.cdf[i] + turn, chain.cdf[i + 1] + turn)


def _quantile(chain: Chain, F: Any) -> tuple[Any, Cell]:
    """G⁻¹(F), and the cell where it is."""
    turn = jnp.where(chain.wrap > 0, jnp.floor(F), 0.0)
    # By bisection in a loop: unrolled it is no faster, and takes long to compile.
    cell = _cell(chain, turn, jnp.searchsorted(chain.cdf[1:-1], F - turn, side="right"))
    share = _divided(F - cell.below, cell.above - cell.below, 0.0)
    return cell.left + jnp.clip(share, 0.0, 1.0), cell


def _offset(chain: Chain, cumulative: Any, cut: Any, G: Any) -> Any:
    """The constant of F on a circle: there the gap is least, with quantiles that are cuts in the mean."""
    offsets, circle = G - cumulative, chain.wrap > 0

    def rough(carry: tuple[Any, ...]) -> Any:
        *_, loss, gap, count = carry
        return (loss > 1e-4 * gap) & (count < CUTS)

    def narrow(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        _, low, high, below, above, _, _, count = carry
        # Secants and bisections by turns: the slope jumps where ν has no mass.
        share = jnp.clip(_divided(below, below - above, 0.5), 0.01, 0.99)
        offset = low + (high - low) * jnp.where(count % 2 == 0, share, 0.5)
        F = offset + cumulative
        move = _quantile(chain, F)[0] - cut
        slope, gap = jnp.sum(move), jnp.sum(jnp.abs(move * (F - G)))
        up = slope < 0
        low, below = jnp.where(up, offset, low), jnp.where(up, slope, below)
        high, above = jnp.where(up, high, offset), jnp.where(up, above, slope)
        return offset, low, high, below, above, jnp.abs(slope) * (high - low), gap, count + 1

    loss = jnp.where(circle, jnp.inf, 0.0)
    start = (0.0, jnp.min(offsets), jnp.max(offsets), -1.0, 1.0, loss, 0.0, 0)
    return jnp.where(circle, jax.lax.while_loop(rough, narrow, start)[0], 0.0)


def _area(F: Any, cut: Any, start: tuple[Any, Any, Cell], end: tuple[Any, Cell]) -> Any:
    """A bound of ∫(F − G) from the cut to z, exact when no cell lies between theirs."""
    (y, G, here), (z, there) = start, end
    up = z > y
    first, low = jnp.where(up, here.left + 1, here.left), jnp.where(up, here.above, here.below)
    last, high = jnp.where(up, there.left, there.left + 1), jnp.where(up, there.below, there.above)
    across = (2 * F - G - low) * (first - y) / 2 + (F - low) * (last - first)
    across = across + (F - high) * (z - last) / 2
    inner = (F - G) * (z - y) / 2
    return jnp.abs((F - G) * (y - cut) + jnp.where(here.left == there.left, inner, across))
