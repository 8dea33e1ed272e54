"""Semi-discrete W_2² on a line or a circle of cells, and the certificate of a proximal step.

p has atoms at the n equally spaced nodes, ν is constant on the cells of width h around them. With the
distribution functions F of p and G of ν (G(x+L) = G(x) + 1 on a circle), at the edges e_i of the cells

    W_2²(p, ν) = h²/12 + 2h Σ_i ∫_{e_i}^{z_i} (F_i − G) ds,   z_i = G⁻¹(F_i),

where on a circle F is known up to the constant that makes the sum least. The terms are not negative, and
vanish at p = ν: nothing cancels. They are summed in extended precision.
"""

from typing import Final, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array
from wconv.measured import EXTENDED, Measured, unit_roundoff
from wconv.measures.densities import MASS_TOL
from wconv.measures.spaces import Grid

CUTS: Final = 160
"""Most constants of F tried on a circle; every other one halves the bracket."""

FARTHEST: Final = 2.0**40
"""Most cells that a cut of a circle may lie away; squares of turns must be exact integers."""


class Law(NamedTuple):
    """G at the ends of the n cells, (S, n+1), its integral from the left end, and if it is on a circle."""

    cdf: Array
    integral: Array
    periodic: bool


class Place(NamedTuple):
    """Positions (S, e) in cells, the numbers of their cells (unrolled on a circle), and G there."""

    position: Array
    cell: Array
    value: Array


def semidiscrete_w2(p: ActionValue, nu: ActionValue, grid: Grid) -> Measured:
    """W_2²(p_s, ν_s) − h²/12 for atoms p and masses ν on cells, shape (S,), in closed form.

    The difference is not negative, zero at p = ν, and W_2²(p, ν) is never below h²/12. Masses (S, n) of
    an interval, a circle (geodesic distance) or the Gaussian line (its cells within reach). Errors:
    "rounding"; on a circle "optimality" as well, of the constant of F. It is not symmetric.

    Raises:
        InputError: naming grid, p or nu on wrong spaces, shapes or masses.

    """
    return _excess(np.zeros(np.shape(p)), p, nu, 0.0, grid) * (2.0 * grid.spacing[0] ** 2)


def proximal_gap(
    phi: ActionValue, p: ActionValue, nu: ActionValue, eta: float, grid: Grid
) -> Measured:
    """Duality gap of a potential φ for max_π F(π) − W_2²(π, ν)/(2η), F = ∫qπ − τKL(π‖μ), shape (S,).

    φ is any potential (S, n) and p ∝ w·e^{(q−φ)/τ} its policy. With y_i = e_i − (η/h)(φ_{i+1} − φ_i)
    the gap is (h/η) Σ_i ∫_{y_i}^{z_i} (F_i − G) ds, and for every π, W_2² as in ``semidiscrete_w2``,

        F(p) − F(π) ≥ [W_2²(p, ν) − W_2²(π, ν)]/(2η) + τKL(π‖p) − gap.

    *Proof.* Let Ψ' = G⁻¹. For every law π on the nodes, W_2²(π, ν)/2 = const + h Σ_i [Ψ(F_i) − e_iF_i],
    and Ψ(F_i) + Ψ*(y_i) − y_iF_i = ∫_{y_i}^{z_i} (F_i − G) ds ≥ 0 (Fenchel–Young, any y_i). Summing by
    parts, h Σ_i (y_i − e_i)F_i = η(∫φπ − c) with c = φ at the last node, or the first on a circle. So
    W_2²(π, ν)/(2η) ≥ ∫φπ + d for every π, with d free of π, and equality up to the gap at π = p. Now
    F(π) + τKL(π‖p) = ∫φπ + F(p) − ∫φp. ∎  With π the maximiser, the gap bounds the loss of p.

    Errors: "rounding" of the formula. That of p, which is not the policy of φ to the last digit, moves φ
    by as much and the gap by its square.

    Raises:
        InputError: naming grid, phi, p, nu or eta.

    """
    require.positive("eta", eta, "give the length of the step")
    return _excess(phi, p, nu, eta, grid) * (grid.spacing[0] ** 2 / eta)


def _excess(phi: Array, p: Array, nu: Array, eta: float, grid: Grid) -> Measured:
    """Σ_i ∫ (F_i − G) from the cut y_i to z_i, lengths in cells, shape (S,)."""
    if grid.is_finite_set or grid.dim != 1:
        remedy = "use an interval, a circle or the Gaussian line"
        require.fail("grid", "be of one dimension", grid.shape or "a finite set", remedy)
    potential, masses, others = (np.asarray(x, dtype=EXTENDED) for x in (phi, p, nu))
    n = grid.n
    for symbol, x in (("p", masses), ("nu", others), ("phi", potential)):
        require.shape(symbol, x, (len(masses), n), "(states, nodes)")
    for symbol, x in (("p", masses), ("nu", others)):
        require.probabilities(symbol, x, "nodes", MASS_TOL * n)
    require.finite("phi", potential)

    edges = n if grid.periodic else n - 1
    slope = (np.roll(potential, -1, axis=-1) - potential)[:, :edges]
    cut = np.arange(1, edges + 1) - EXTENDED.type(eta) / EXTENDED.type(grid.spacing[0]) ** 2 * slope
    farthest = np.abs(cut).max(initial=0)
    if grid.periodic and farthest > FARTHEST:
        require.fail(
            "eta times the slope of phi", "stay on the circle", float(farthest), "solve for phi"
        )
    law = _law(others, periodic=grid.periodic)
    start = _value(law, cut)
    F = (np.cumsum(masses, axis=-1) / masses.sum(axis=-1, keepdims=True))[:, :edges]
    loss = np.zeros(len(F), dtype=EXTENDED)
    if grid.periodic:
        offset, loss = _offset(law, F, start)
        F = F + offset[:, None]
    end = _quantile(law, F)
    area, error = _areas(law, F, start, end)
    total = Measured.of(area.sum(axis=-1), rounding=error.sum(axis=-1))
    return total.with_error("optimality", loss) if grid.periodic else total


def _law(nu: Array, *, periodic: bool) -> Law:
    zero = np.zeros((len(nu), 1), dtype=EXTENDED)
    cdf = np.concatenate([zero, np.cumsum(nu, axis=-1) / nu.sum(axis=-1, keepdims=True)], axis=-1)
    # The sum of the parts may be off the total by rounding: G is monotone up to exactly one.
    cdf = np.minimum(cdf, 1)
    cdf[:, -1] = 1
    means = (cdf[:, 1:] + cdf[:, :-1]) / 2
    return Law(cdf, np.concatenate([zero, np.cumsum(means, axis=-1)], axis=-1), periodic)


def _ends(law: Law, cell: Array) -> tuple[Array, Array]:
    """G at the left and the right end of cells."""
    n = law.cdf.shape[-1] - 1
    turn, i = cell // n, cell % n
    return (
        np.take_along_axis(law.cdf, i, axis=-1) + turn,
        np.take_along_axis(law.cdf, i + 1, axis=-1) + turn,
    )


def _value(law: Law, y: Array) -> Place:
    n = law.cdf.shape[-1] - 1
    cell = np.floor(y if law.periodic else np.clip(y, 0, n - 1)).astype(np.int64)
    below, above = _ends(law, cell)
    return Place(y, cell, below + (above - below) * np.clip(y - cell, 0, 1))


def _quantile(law: Law, F: Array) -> Place:
    n = law.cdf.shape[-1] - 1
    turn = np.floor(F) if law.periodic else np.zeros_like(F)
    pairs = zip(law.cdf, F - turn, strict=True)
    found = np.stack([np.searchsorted(row[1:-1], f, side="right") for row, f in pairs])
    cell = found + n * turn.astype(np.int64)
    below, above = _ends(law, cell)
    rise = np.where(above > below, above - below, 1)
    return Place(cell + np.clip((F - below) / rise, 0, 1), cell, F)


def _areas(law: Law, F: Array, start: Place, end: Place) -> tuple[Array, Array]:
    """∫(F − G) from start to end, edge by edge, with bounds on the rounding."""
    n = law.cdf.shape[-1] - 1
    inside = start.position if law.periodic else np.clip(start.position, 0, n)
    below, above = _ends(law, start.cell)
    left, right = _ends(law, end.cell)
    up = end.cell > start.cell
    first, low = np.where(up, start.cell + 1, start.cell), np.where(up, above, below)
    last, high = np.where(up, end.cell, end.cell + 1), np.where(up, left, right)
    whole = [_whole(law, at) for at in (first, last)]
    outside = (F - start.value) * (inside - start.position)
    across = (2 * F - start.value - low) * (first - inside) / 2
    across += F * (last - first) - (whole[1] - whole[0])
    across += (F - high) * (end.position - last) / 2
    same = start.cell == end.cell
    area = outside + np.where(same, (F - start.value) * (end.position - inside) / 2, across)
    u = unit_roundoff(EXTENDED)
    levels = 4 * (n + 4) * (1 + np.abs(F)) * np.abs(end.position - start.position)
    sums = np.where(same, 0, 2 * (n + 4) * (np.abs(whole[0]) + np.abs(whole[1])))
    cuts = 4 * np.abs(F - start.value) * (n + np.abs(start.position))
    # No area is negative, so that what rounding makes negative is nearer the truth at zero.
    return np.maximum(area, 0), u * (levels + sums + cuts)


def _whole(law: Law, cell: Array) -> Array:
    """∫G from 0 to the left end of a cell."""
    n = law.cdf.shape[-1] - 1
    turn, i = cell // n, cell % n
    if not law.periodic:  # the right end of the last cell is an end, and not another turn
        return np.asarray(np.take_along_axis(law.integral, cell, axis=-1))
    turns = turn * law.integral[:, -1:] + n * (turn * (turn - 1) // 2) + turn * i
    return np.asarray(turns + np.take_along_axis(law.integral, i, axis=-1))


def _offset(law: Law, F: Array, start: Place) -> tuple[Array, Array]:
    """The constant of F on a circle for which the areas are least, and what they may still lose.

    Their sum is convex in it, of slope Σ(z_i − y_i), which increases: a tangent bounds the loss.
    """
    offsets = start.value - F
    low, high = offsets.min(axis=-1), offsets.max(axis=-1)
    below, above = -np.ones_like(low), np.ones_like(low)
    best, loss = low, np.full_like(low, np.inf)
    enough = unit_roundoff(EXTENDED) * F.shape[-1] ** 2
    for k in range(CUTS):
        if (loss <= enough).all():
            break
        # Secants and bisections by turns: the slope jumps where ν has no mass.
        share = np.clip(below / (below - above), 0.01, 0.99) if k % 2 else 0.5
        offset = low + (high - low) * share
        slope = (_quantile(law, F + offset[:, None]).position - start.position).sum(axis=-1)
        now = np.abs(slope) * (high - low)
        best, loss = np.where(now < loss, offset, best), np.minimum(now, loss)
        up = slope < 0
        low, below = np.where(up, offset, low), np.where(up, slope, below)
        high, above = np.where(up, high, offset), np.where(up, above, slope)
    return best, loss
