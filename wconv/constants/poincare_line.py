"""The Poincaré constant of densities on intervals, two-sided to about 12 digits.

The eigenfunction f of C_P is strictly monotone, and its slope v = f' > 0 is the top eigenfunction of

    (Kv)(x) = ρ(x)⁻¹ ∫_x^b (f − μf) dμ,   f' = v,   Kv = C_P v,

a positive operator, self-adjoint for ∫uvρ dx. By Collatz–Wielandt (Chen's dual formula)

    min Kv/v ≤ C_P ≤ max Kv/v   for every v > 0,

so that the quality of v decides how narrow the bracket is, never whether it holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.criteria import bakry_emery, muckenhoupt
from wconv.constants.line import DEPTH, SAMPLES, Line, joined, outer_peaks
from wconv.constants.panels import POINTS, Mesh, Panels
from wconv.constants.record import Constant, Side, Witness, constant
from wconv.constants.tails import infinite_constant
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

SHALLOWER: Final = (22 / 26, 18 / 26)
"""Shares of the depth at which densities are cut once more, to see what the tails contribute."""

SHALLOWEST: Final = 1.0
LATE: Final = "p is still e^-{:.2g} of its peak where it is cut: take a longer interval"
"""Of densities cut at less depth nothing can be said from above."""

DEEPEST: Final = 100.0
"""Depth of the cuts for tails that contribute at all depths."""

FINE: Final = 1e-12
"""Relative discretisation error above which panels are halved again."""

COARSE: Final = 1e-3
"""Relative discretisation error above which nothing is returned."""

PANELS: Final = 96
"""Half of this is tried first."""

MOST_PANELS: Final = 1536
GAP: Final = 1e-13
"""The iteration stops at this relative width of the bracket."""

KRYLOV: Final = 12
POLISH: Final = 6
RESTARTS: Final = 30
ROUNDING: Final = 100 * EPS
"""Running sums over some 200 panels of positive terms, a few in a row."""

METHOD: Final = "Collatz–Wielandt"


def poincare_line(line: Line) -> Constant:
    """The best C_P with Var_p(g) ≤ C_P ∫g'² dp, of densities on intervals.

    Both sides are Collatz–Wielandt bounds of one v, widened by the difference of two resolutions, by what
    is in panels where log p is still rough, and by the interpolation error of log p. Ends are cut where
    p < e^-26 of its peak: the lower side stays true; the upper one is raised by C(26) − C(22), C(d) the
    constant at depth d, and then "sharp-numerical". Where C(26) − C(22) > ½(C(22) − C(18)) (exponential
    tails) that says too little: there the density is cut at depth 100 instead, and the upper side is
    Muckenhoupt's. Where it comes cut at its peak (``reasons`` says so) the upper side is C_LS by
    Bakry–Émery, if that says anything.

    Returns:
        C_P of shape (S,), its eigenfunction (of variance one) as witness; diagnostics "discretisation",
        "truncation" and "gap" (the Collatz–Wielandt width), relative to C_P, and "panels". Infinite
        where the tails say so.

    Raises:
        SolverError: a density that the finest panels do not resolve to 1e-3.

    """
    if "C_P" in line.infinite:
        return infinite_constant("C_P", line)
    deep = line.truncated(DEPTH)
    cut = np.asarray(deep.cut.any(axis=-1))
    shallower, depth = _shallower(deep)
    found = _resolved(deep, shallower)
    truncation, slow = _truncation(depth, found)
    low, high = _sides(deep, found)
    lower = [Side(low, "numerical", METHOD)]
    upper = [Side(np.where(cut, np.inf, high), "numerical", METHOD)]
    estimate, reasons = found.middle, [""] * line.n_states
    late = depth < SHALLOWEST
    if late.any():
        reasons = [LATE.format(d) if d < SHALLOWEST else "" for d in depth]
        convex = bakry_emery(line)
        upper.append(Side(np.where(late, convex.value, np.inf), convex.rigor, convex.method))
    if cut.any():
        raised = np.where(slow, np.inf, high + truncation * found.middle)
        upper.append(Side(raised, "sharp-numerical", f"{METHOD}, truncation added"))
    if slow.any():
        below, above = np.zeros(line.n_states), np.full(line.n_states, np.inf)
        below[slow], above[slow], estimate[slow] = _heavy(line.states(np.flatnonzero(slow)))
        lower.append(Side(below, "numerical", f"{METHOD}, deep cut"))
        upper.append(Side(above, "sharp-numerical", "Muckenhoupt, deep cut"))
    return constant(
        "C_P",
        lower,
        upper,
        estimate=estimate,
        witness=found.witness,
        diagnostics={
            "discretisation": found.discretisation,
            "truncation": truncation,
            "gap": 1.0 - found.low / found.high,
            "panels": found.panels,
        },
        reasons=reasons,
    )


def _sides(line: Line, found: "_Found") -> tuple[Array, Array]:
    error = found.discretisation + line.blur + ROUNDING
    return (
        found.low * (1.0 - error) * np.exp(-line.wobble),
        found.high * (1.0 + error) * np.exp(line.wobble),
    )


def _shallower(line: Line) -> tuple[list[Line], Array]:
    """The densities with cut ends, those cut once more at each of ``SHALLOWER``; all depths, (S,)."""
    depth = np.full(line.n_states, np.inf)
    cut = np.flatnonzero(line.cut.any(axis=-1))
    if cut.size == 0:
        return [], depth
    some = line.states(cut)
    logs = some.sample(np.linspace(0.0, 1.0, SAMPLES))[2]
    depth[cut] = np.where(some.cut, outer_peaks(logs) - logs[:, [0, -1]], np.inf).min(axis=-1)
    least = np.maximum(depth[cut], SHALLOWEST)
    return [some.truncated(share * least) for share in SHALLOWER], depth


def _truncation(depth: Array, found: "_Found") -> tuple[Array, Array]:
    """How much of C_P the last bit of the tails contributes, relatively, and where that is no measure.

    It is none, either, where the first panels do not resolve C_P.
    """
    effect, slow = np.zeros(depth.size), np.zeros(depth.size, dtype=bool)
    cut = np.isfinite(depth)
    whole = found.coarse[cut]
    before, last = found.shallower
    known = np.isfinite(np.stack([whole, before, last])).all(axis=0)
    whole, before, last = (np.where(known, C, 1.0) for C in (whole, before, last))
    steps = np.abs(np.stack([before - last, whole - before])) / whole
    late = depth[cut] < SHALLOWEST
    effect[cut] = np.where(late | ~known, np.inf, steps[1])
    slow[cut] = ~late & (~known | (steps[1] > steps[0] / 2) & (steps[1] > FINE))
    return effect, slow


def _heavy(line: Line) -> tuple[Array, Array, Array]:
    """Both sides and an estimate where the tails contribute at every depth."""
    deepest = line.truncated(DEEPEST)
    found = _resolved(deepest)
    low, high = _sides(deepest, found)
    panels = Panels.of(deepest, Mesh.of(deepest, int(found.panels.max())))
    beyond = muckenhoupt(panels)[1].value
    return low, np.where(deepest.cut.any(axis=-1), beyond, high), found.middle


@dataclass(frozen=True, eq=False)
class _Found:
    """Collatz–Wielandt brackets and how well all is resolved.

    ``coarse`` (S,) are the middles on the first panels, ``shallower`` (2, K) those of cut densities, cut
    once more.
    """

    low: Array
    high: Array
    coarse: Array
    shallower: Array
    discretisation: Array
    panels: Array
    witness: Witness

    @property
    def middle(self) -> Array:
        return np.asarray((self.low + self.high) / 2)


def _resolved(line: Line, shallower: Sequence[Line] = ()) -> _Found:
    """Halve the panels, state by state, until the constant no longer changes."""
    states = np.arange(line.n_states)
    together = joined([line, *shallower])
    mesh = Mesh.of(together, PANELS // 2)
    grid = Panels.of(together, mesh)
    found = _bracket(grid)
    coarse, v = found.middle, found.v[states]
    low, high = found.low[states], found.high[states]
    stride, nodes = 1, np.empty((2, states.size, 2 * mesh.panels * POINTS))
    error, used = np.ones(states.size), np.zeros(states.size, dtype=int)
    todo = states
    while todo.size:
        mesh = mesh.halved()
        before, start = (low[todo] + high[todo]) / 2, grid.halved(v)
        grid = Panels.of(line.states(todo), mesh.states(todo))
        found = _bracket(grid, start)
        low[todo], high[todo], used[todo] = found.low, found.high, mesh.panels
        now = found.middle
        known = np.isfinite(before) & np.isfinite(now)
        change = np.where(known, np.abs(1.0 - before / np.where(known, now, 1.0)), 1.0)
        error[todo] = change + found.unresolved
        nodes[:, todo] = grid.flat(grid.x)[:, ::stride], grid.flat(found.f)[:, ::stride]
        stride *= 2
        more = (change > FINE) & (mesh.panels < MOST_PANELS)
        todo, v = todo[more], found.v[more]
    _require_resolved(error, used)
    rest = coarse[states.size :].reshape(len(SHALLOWER), -1)
    return _Found(low, high, coarse[states], rest, error, used, Witness(*nodes))


@dataclass(frozen=True, eq=False)
class _Pair:
    """min Kv/v and max Kv/v (S,) on some panels, the v it is, and the eigenfunction f of variance one.

    ``unresolved`` (S,) is the share of ∫f²dp + C_P∫f'²dp in panels that are rough: to first order so much
    may C_P change, relatively.
    """

    low: Array
    high: Array
    v: Array
    f: Array
    unresolved: Array

    @property
    def middle(self) -> Array:
        return np.asarray((self.low + self.high) / 2)


def _bracket(panels: Panels, start: Array | None = None) -> _Pair:
    """The bracket of the v that Krylov spaces and powers of K lead to; from a good start powers alone."""
    below, above = (
        panels.flat(side(np.ones_like(panels.x))) for side in (panels.below, panels.above)
    )
    left = (below < above).reshape(panels.x.shape)
    width = panels.line.length[:, None, None]
    v = np.sin(np.pi * (panels.x - panels.line.low[:, None, None]) / width)
    v = _ritz(panels, left, v) if start is None else start
    low, high = np.zeros(len(v)), np.full(len(v), np.inf)
    gap = np.inf
    for _ in range(RESTARTS):
        for _ in range(POLISH):
            v = _apply(panels, left, v)[0]
            v = v / np.abs(v).max(axis=(1, 2), keepdims=True)
        image, f = _apply(panels, left, v)
        positive = np.asarray((v > 0).all(axis=(1, 2)))
        ratio = panels.flat(image / np.where(positive[:, None, None], v, 1.0))
        low = np.where(positive, np.maximum(low, ratio.min(axis=-1)), low)
        high = np.where(positive, np.minimum(high, ratio.max(axis=-1)), high)
        before, gap = gap, float((1.0 - low / high).max())
        if gap <= GAP or before <= 1.1 * gap < 1.1:
            break
        v = _ritz(panels, left, v)
    variance = panels.integral(f**2 * panels.mass)
    share = panels.unresolved((f**2 + image * v) * panels.mass) / variance
    return _Pair(low, high, v, f / np.sqrt(variance)[:, None, None], share)


def _apply(panels: Panels, left: Array, v: Array) -> tuple[Array, Array]:
    """Kv and the f − μf it comes from; the tail integral is taken from the nearer side."""
    median = left.any(axis=-1).sum(axis=-1)
    f = panels.outward(v * panels.slope, np.minimum(median, v.shape[1] - 1))
    f = f - panels.integral(f * panels.mass)[:, None, None]
    return np.where(left, -panels.below(f), panels.above(f)) / panels.rho, f


def _ritz(panels: Panels, left: Array, v: Array) -> Array:
    """The top Ritz vector of K in a Krylov space of v: close second eigenvalues cost little more."""
    weights = panels.flat(panels.mass) * panels.weights
    basis, weighted, images = np.empty((3, len(v), KRYLOV, weights.shape[-1]))
    new = panels.flat(v)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        for k in range(KRYLOV):
            for _ in range(2):  # once more, for orthogonality to rounding
                parts = weighted[:, :k] @ new[..., None]
                new = new - (parts.swapaxes(1, 2) @ basis[:, :k])[:, 0]
            basis[:, k] = new / np.sqrt((new**2 * weights).sum(axis=-1, keepdims=True))
            weighted[:, k] = basis[:, k] * weights
            new = panels.flat(_apply(panels, left, basis[:, k].reshape(v.shape))[0])
            images[:, k] = new
        matrix = weighted @ images.swapaxes(1, 2)
    try:
        top = np.linalg.eigh((matrix + matrix.swapaxes(1, 2)) / 2)[1][..., -1]
    except np.linalg.LinAlgError:
        matrix = np.full_like(matrix, np.nan)
    if not np.isfinite(matrix).all():
        raise SolverError(
            Outcome.UNRESOLVED,
            "C_P is larger than double precision resolves: the barrier between wells is too high "
            "(C_P grows like e^barrier); raise the temperature",
        )
    best = (top[:, None, :] @ basis).reshape(v.shape)
    return np.where(best.sum(axis=(1, 2), keepdims=True) < 0, -best, best)


def _require_resolved(error: Array, panels: Array) -> None:
    worst = int(error.argmax())
    if error[worst] > COARSE:
        raise SolverError(
            Outcome.UNRESOLVED,
            f"C_P in state {worst} is known to {error[worst]:.1e} relative from "
            f"{panels[worst] * POINTS} nodes: log p varies too fast",
        )
