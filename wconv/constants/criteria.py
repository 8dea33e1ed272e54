"""Classical bounds on C_P and C_LS of densities on intervals, each a formula or a sup to evaluate.

With F and S the masses to the left and right of x, R the integral of 1/ρ from a cut point to x, and Φ the
normal distribution function. What integrates takes ``Panels`` and bounds the constants of their densities:
of a truncated line the lower sides hold for the whole, the upper ones do not. Bakry–Émery and
Holley–Stroock need the potential alone and take the whole ``Line``; their upper sides are
"sharp-numerical" where that is cut itself (an infinite line). Interpolation errors are included.
"""

from collections.abc import Callable
from math import e
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.line import Line
from wconv.constants.panels import POINTS, Mesh, Panels
from wconv.constants.record import Side
from wconv.measured import EPS

ROUNDING: Final = 1e-12

BEND_CELLS: Final = 512
"""Cells in which V'' is measured by second differences."""

LEAST_CELLS: Final = 3 * 2**13
"""The shortest, near narrow features: in shorter ones second differences are rounding."""

FAR_OCTAVES: Final = 20
HULL_CELLS: Final = 256
CURVATURES: Final = 2.0 ** np.arange(2, 16)
"""Convexities kL² of the references that Holley–Stroock tries."""

FLAT: Final = 1e-12
"""Steps of log p below this are no slope."""

_OfTail = Callable[[Array], Array]


def muckenhoupt(panels: Panels) -> tuple[Side, Side]:
    """½ max(A₊, A₋) ≤ C_P ≤ 4 max(A₊, A₋), A₊ = sup_{x>m} S R, A₋ = sup_{x<m} F R.

    The lower side needs m = median, the upper one holds for every m and uses the best.
    Muckenhoupt (Studia Math. 44, 1972).
    """
    low, high = _two_sided(panels, lambda tail: tail, lambda tail: tail)
    return _lower(panels, low / 2, "Muckenhoupt"), _upper(panels.line, 4 * high, "Muckenhoupt")


def barthe_roberto(panels: Panels) -> tuple[Side, Side]:
    """½ max(b₊, b₋) ≤ C_LS ≤ 2 max(B₊, B₋).

    b₊ = sup_{x>m} S log(1 + 1/(2S)) R and B₊ = sup_{x>m} S log(1 + e²/S) R, likewise with F to the left;
    cut points as for ``muckenhoupt``. Barthe and Roberto (Studia Math. 159, 2003).
    """
    low, high = _two_sided(
        panels,
        lambda tail: tail * np.log1p(0.5 / tail),
        lambda tail: tail * np.log1p(e**2 / tail),
    )
    name = "Barthe–Roberto"
    return _lower(panels, low / 2, name), _upper(panels.line, 2 * high, name)


def gaussian_transport(panels: Panels) -> Side:
    """C_LS ≤ sup [I(F)/ρ]², I = φ∘Φ⁻¹: the squared Lipschitz constant of the map N(0, 1) → p."""
    from scipy.special import ndtri

    below, above = _tails(panels)
    score = ndtri(np.minimum(below, above))
    isoperimetric = np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi)
    ratio = (isoperimetric / panels.flat(panels.rho)) ** 2
    return _upper(panels.line, _peak(ratio), "Gaussian transport")


def bakry_emery(line: Line) -> Side:
    """C_LS ≤ 1/κ where V = −log p has V'' ≥ κ > 0; infinite where V is not convex.

    V'' is averaged over short cells (second differences), its minimum is corrected by the change
    between two cell sizes; narrow features are looked at on a finer mesh. The infinite tails of a function
    are looked at octave by octave.
    """
    least = np.min([_least_bend(line), _least_bend_where_rough(line), _least_bend_beyond(line)], 0)
    with np.errstate(divide="ignore"):
        value = np.where(least > 0, 1.0 / np.maximum(least, 0.0), np.inf)
    return _upper(line, value, "Bakry–Émery")


def holley_stroock(line: Line) -> Side:
    """C_LS ≤ e^{osc log p} (L/π)² (uniform reference) and C_LS ≤ e^{max(U − Ũ)}/k for every k > 0.

    U = V − kx²/2 and Ũ its convex hull: among all W with W'' ≥ k, W = Ũ + kx²/2 makes osc(V − W)
    least, and C_LS(e^{−W}) ≤ 1/k. The best of both and of a few k. V is known on equal cells; narrow
    features between them cost a factor of their own.
    Holley and Stroock (J. Stat. Phys. 46, 1987), Bakry and Émery (1985).
    """
    length = line.length
    x, potential = _mesh(line, HULL_CELLS)
    scaled = (x - x.mean(axis=-1, keepdims=True)) / length[:, None]
    unseen = _unseen(line, x, potential)
    with np.errstate(over="ignore"):  # an infinite factor says nothing
        best = np.exp(_peak(potential) + _peak(-potential) + unseen) / np.pi**2
        for curvature in CURVATURES:
            factor = np.exp(_above_hull(scaled, potential - curvature * scaled**2 / 2) + unseen)
            best = np.minimum(best, factor / curvature)
            if (factor / CURVATURES[-1] > best).all():  # the factor only grows with k
                break
    return _upper(line, best * length**2, "Holley–Stroock")


def eyring_kramers(panels: Panels) -> tuple[Array, Array]:
    """Asymptotic C_P and C_LS of two deep wells, each (S,); NaN where there are not exactly two wells.

    C_P ≈ pq ∫_{x₁}^{x₂} dx/ρ (capacity form), p and q the masses on both sides of the saddle, x₁ and x₂
    the peaks; C_LS ≈ the same times 1/(2Λ(p, q)), Λ = (p − q)/log(p/q). Heuristic: an alarm, no bound.
    Menz and Schlichting (Ann. Probab. 42, 2014).
    """
    logs = np.log(panels.flat(panels.rho))
    saddle, two = _saddle(logs)
    right, left = _resistance(panels, saddle)
    node = np.arange(logs.shape[-1])
    after = node > saddle[:, None]
    peaks = np.stack([np.where(side, logs, -np.inf).argmax(axis=-1) for side in (~after, after)])
    states = np.arange(len(logs))
    capacity = left[states, peaks[0]] + right[states, peaks[1]]
    below, above = (tail[states, saddle] for tail in _tails(panels))
    poincare = np.where(two, below * above * capacity, np.nan)
    apart = np.log(below / above)
    with np.errstate(invalid="ignore"):
        mean = np.where(np.abs(apart) < 1e-6, 0.5, (below - above) / apart)
    return poincare, poincare / (2 * mean)


def _two_sided(panels: Panels, lower: _OfTail, upper: _OfTail) -> tuple[Array, Array]:
    """max of sup_{x>m} h(S) R and sup_{x<m} h(F) R: h = lower at the median, h = upper at the best cut."""
    below, above = _tails(panels)
    last = below.shape[-1] - 1
    # Where p vanishes like a power at an end, FR ~ x² there: the end panels never matter, and 1/ρ
    # is not resolved in them.
    inner = slice(POINTS, -POINTS)

    def sups(node: Array, h: _OfTail, sup: Callable[[Array], Array]) -> tuple[Array, Array]:
        right, left = _resistance(panels, node)
        return sup((h(above) * right)[:, inner]), sup((h(below) * left)[:, inner])

    # A cut beyond the median makes R, and so the lower side, smaller.
    median = (below < above).sum(axis=-1)
    low = np.maximum(
        sups(np.minimum(median, last), lower, _largest)[0],
        sups(np.maximum(median - 1, 0), lower, _largest)[1],
    )
    # Moving the cut to the right lowers the right sup and raises the left one.
    first, final = np.zeros_like(median), np.full_like(median, last)
    high = np.full(len(below), np.inf)
    while (first < final).any():
        node = (first + final) // 2
        on_right, on_left = sups(node, upper, _peak)
        high = np.minimum(high, np.maximum(on_right, on_left))
        first = np.where(on_right > on_left, np.minimum(node + 1, final), first)
        final = np.where(on_right > on_left, final, node)
    return low, high


def _tails(panels: Panels) -> tuple[Array, Array]:
    """F and S at the nodes, each (S, P·16)."""
    one = np.ones_like(panels.x)
    return panels.flat(panels.below(one)), panels.flat(panels.above(one))


def _resistance(panels: Panels, node: Array) -> tuple[Array, Array]:
    """|∫ dx/ρ| from a node (S,) to all nodes on its right, and on its left; zero on the other side."""
    signed = panels.flat(panels.outward(panels.slope / panels.rho, node // POINTS))
    signed = signed - signed[np.arange(len(node)), node][:, None]
    return np.maximum(signed, 0.0), np.maximum(-signed, 0.0)


def _largest(values: Array) -> Array:
    return np.asarray(values.max(axis=-1))


def _peak(values: Array) -> Array:
    """The maximum of a function known at nodes, with an allowance for what lies between, (S,).

    Half a second difference: four times what a smooth function needs, just enough for a kink.
    """
    bend = np.abs(np.diff(values, 2, axis=-1)) / 2
    most = np.maximum(np.append(bend[:, :1], bend, axis=-1), np.append(bend, bend[:, -1:], axis=-1))
    return np.asarray((np.maximum(values[:, 1:], values[:, :-1]) + most).max(axis=-1))


def _mesh(line: Line, cells: int) -> tuple[Array, Array]:
    """Equally spaced x, ends included, and V = −log p there, least value zero; both (S, cells + 1)."""
    x = line.low[:, None] + line.length[:, None] * np.linspace(0.0, 1.0, cells + 1)
    logs = line.logs(np.minimum(x, line.high[:, None]))
    return x, logs.max(axis=-1, keepdims=True) - logs


def _least_bend(line: Line) -> Array:
    """A lower estimate of min V'' over each interval, (S,)."""
    bends = []
    for cells in (BEND_CELLS, BEND_CELLS // 2):
        _, potential = _mesh(line, cells)
        inner = potential[:, 1:-1]  # an end where p = 0 has no second difference
        noise = 4 * EPS * (1.0 + inner.max(axis=-1))
        bends.append((np.diff(inner, 2).min(axis=-1) - noise) / (line.length / cells) ** 2)
    return np.asarray(bends[0] - np.abs(bends[0] - bends[1]))


def _least_bend_where_rough(line: Line) -> Array:
    """The least V'' between edges of the mesh that jumps, kinks and narrow features need, (S,)."""
    mesh = Mesh.of(line, BEND_CELLS)
    if mesh.panels == BEND_CELLS:
        return np.full(line.n_states, np.inf)
    x = line.positions(np.unique(np.rint(mesh.edges * LEAST_CELLS)) / LEAST_CELLS)[0]
    potential, gap = -line.logs(x), np.diff(x)
    inside = np.isfinite(potential[:, :-2] + potential[:, 2:])
    with np.errstate(invalid="ignore"):
        slope = np.diff(potential) / gap
        noise = 4 * EPS * (1.0 + np.abs(potential[:, 1:-1])) / np.minimum(gap[:, 1:], gap[:, :-1])
        bend = (np.diff(slope) - 2 * noise) / ((gap[:, 1:] + gap[:, :-1]) / 2)
    return np.asarray(np.where(inside, bend, np.inf).min(axis=-1))


def _unseen(line: Line, x: Array, potential: Array) -> Array:
    """osc of V less its linear interpolation from equal cells, if there are narrow features, (S,).

    Beside an end where p = 0 nothing is looked at.
    """
    mesh = Mesh.of(line, HULL_CELLS)
    if mesh.panels == HULL_CELLS:
        return np.zeros(line.n_states)
    at = line.positions(mesh.nodes.ravel())[0]
    coarse = np.stack([np.interp(*row) for row in zip(at, x, potential, strict=True)])
    with np.errstate(invalid="ignore"):
        beyond = -line.logs(at) - coarse
    known = np.isfinite(beyond)
    low, high = (np.where(known, beyond, end) for end in (np.inf, -np.inf))
    return np.asarray(high.max(axis=-1) - low.min(axis=-1))


def _least_bend_beyond(line: Line) -> Array:
    """The least V'' of infinite tails, averaged over shares of octaves away from the bulk, (S,)."""
    least = np.full(line.n_states, np.inf)
    far = 2.0 ** np.arange(FAR_OCTAVES)
    for side, start, end in ((-1.0, line.low, line.full[0]), (1.0, line.high, line.full[1])):
        if not line.known_beyond or np.isfinite(end):
            continue
        reach = line.length[:, None] * far
        x, step = start[:, None] + side * reach, reach / 8
        with np.errstate(all="ignore"):  # far out log p may be −inf or NaN: then it says nothing
            before, at, after = (
                -np.asarray(line.log_density(x + k * step, line.index)) for k in (-1.0, 0.0, 1.0)
            )
            noise = 4 * EPS * np.abs(at)
            bend = (before - 2 * at + after - noise) / step**2
        least = np.minimum(least, np.where(np.isfinite(bend), bend, np.inf).min(axis=-1))
    return least


def _above_hull(x: Array, u: Array) -> Array:
    """max(u − ũ) with ũ the lower convex hull of samples (S, n), by two Legendre transforms."""
    rises = np.diff(u, axis=-1) / np.diff(x, axis=-1)
    # Any set of slopes gives convex functions below u; the end of an infinite u adds none.
    slopes = np.sort(np.where(np.isfinite(rises), rises, 0.0), axis=-1)[:, ::2, None]
    lines = slopes * x[:, None, :]
    conjugate = (lines - u[:, None, :]).max(axis=-1, keepdims=True)
    above = u - (lines - conjugate).max(axis=1)
    # Where p = 0 at an end the hull follows u.
    return _peak(np.where(np.isfinite(u), above, 0.0))


def _saddle(logs: Array) -> tuple[Array, Array]:
    """The node between two wells, (S,), and whether there are exactly two."""
    rise = np.diff(logs, axis=-1)
    sign = np.where(np.abs(rise) > FLAT, np.sign(rise), 0.0)
    place = np.arange(rise.shape[-1])
    known = np.maximum.accumulate(np.where(sign != 0, place, 0), axis=-1)
    sign = np.take_along_axis(sign, known, axis=-1)
    turns = (sign[:, :-1] < 0) & (sign[:, 1:] > 0)
    return turns.argmax(axis=-1) + 1, turns.sum(axis=-1) == 1


def _lower(panels: Panels, value: Array, method: str) -> Side:
    shrunk = value * (1.0 - ROUNDING) * np.exp(-panels.line.wobble)
    return Side(shrunk, "numerical", method)


def _upper(line: Line, value: Array, method: str) -> Side:
    grown = value * (1.0 + ROUNDING) * np.exp(line.wobble)
    return Side(grown, "sharp-numerical" if line.cut.any() else "numerical", method)
