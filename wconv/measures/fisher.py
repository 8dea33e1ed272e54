"""Relative Fisher information I(ν‖p) = ∫|∇log(dν/dp)|² dν: the chain's on a grid, the continuum's.

``fisher_dirichlet`` is the Dirichlet form that makes dKL/dt = −τI exact along the reversible chain
of a grid (second order as an approximation of the continuum). ``fisher_continuum`` takes the nodes
as samples of smooth densities and approximates the integral itself, with an error estimate.
"""

import numpy as np
from scipy.linalg import toeplitz

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import EPS, Measured, rounding
from wconv.measures.densities import Density, same_grid
from wconv.measures.divergences import sum_depth
from wconv.measures.spaces import Grid

WINDOW = 7
"""Nodes of an interpolating polynomial: exact for degree 6, so gradients are of order 6."""


def fisher_dirichlet(nu: Density, p: Density) -> Measured:
    """I_h(ν‖p) = Σ_edges ℓ^{-2} √(p_ip_j) (u_i−u_j)(log u_i−log u_j), u = ν/p, shape (S,).

    Along dν/dt = Kᵀν with rates K_ij = (τ/ℓ²)√(p_j/p_i) between neighbours at distance ℓ (the
    spacing of a grid, the metric of a finite set), dKL(ν‖p)/dt = −τ I_h exactly. Computed in the
    log domain as Σ ℓ^{-2} √(ν_iν_j) x·2sinh(x/2), x = |log u_i − log u_j|: no term is negative.
    +inf where ν vanishes at one of two neighbours of which p charges both, and where p vanishes but
    ν does not. The error bounds the rounding; it is infinite when a term exceeds the largest float.
    InputError when the grids differ.
    """
    same_grid(nu, p)
    grid = p.grid
    i, j = grid.edges.T
    charged = np.isfinite(nu.logf) & (grid.weights > 0)
    reference = np.isfinite(p.logf) & (grid.weights > 0)
    torn = reference[:, i] & reference[:, j] & (charged[:, i] != charged[:, j])
    infinite = (charged & ~reference).any(axis=-1) | torn.any(axis=-1)
    on = charged & reference
    both = on[:, i] & on[:, j]
    log_nu = np.where(on, nu.logf, 0.0)
    log_u = log_nu - np.where(on, p.logf, 0.0)
    log_weights = np.where(grid.weights > 0, grid.log_weights, 0.0)
    x = np.where(both, np.abs(log_u[:, i] - log_u[:, j]), 0.0)
    height = ((log_nu + log_weights)[:, i] + (log_nu + log_weights)[:, j]) / 2 + x / 2
    # What enters an edge is rounded relative to the logarithms, not to their difference.
    slack = np.abs(log_u)[:, i] + np.abs(log_u)[:, j] + x
    logs = np.abs(log_nu) + 2 * np.abs(log_weights)
    relative = sum_depth(len(i)) + logs[:, i] + logs[:, j] + np.abs(height)
    with np.errstate(over="ignore", invalid="ignore"):
        peak = np.where(both, np.exp(height), 0.0) / grid.lengths**2
        terms = np.ascontiguousarray(x * -np.expm1(-x) * peak)
        lost = terms * relative + peak * (2 * x + EPS * slack) * slack
        # An exponential below the smallest float is lost altogether.
        under = np.finfo(float).tiny * (x / grid.lengths**2).sum(axis=-1)
        value, error = terms.sum(axis=-1), rounding(lost.sum(axis=-1), depth=1) + under
    return Measured.of(
        np.where(infinite, np.inf, value),
        rounding=np.where(infinite, 0.0, np.where(np.isfinite(value), error, np.inf)),
    )


def fisher_continuum(nu: Density, p: Density) -> Measured:
    """I(ν‖p) = ∫|∇(log f_ν − log f_p)|² dν for smooth densities sampled at the nodes, shape (S,).

    Gradients are spectral on tori (trigonometric interpolation) and of order 6 elsewhere (7-point
    polynomials), quadrature likewise; ν is normalised by the same quadrature, because its unit mass
    on the grid is that of the midpoint rule. On the Gaussian line ν is taken within the reach.
    Error terms: "discretisation", the difference to the value on half the nodes (interpolated at
    the centres of double cells), an estimate rather than a bound; "rounding", a bound.

    Raises:
        InputError: naming grid on a finite set, with fewer than 14 nodes an axis, an odd number of
            them, or different grids; logf where a density vanishes.

    """
    same_grid(nu, p)
    grid = p.grid
    _require_resolution(grid)
    for log_density in (nu.logf, p.logf):
        require.finite("logf", log_density, "the continuum information needs positive densities")
    samples = [nu.logf - p.logf, nu.logf + grid.log_lebesgue, np.abs(nu.logf) + np.abs(p.logf)]
    fine = [values.reshape(-1, *grid.shape) for values in samples]
    value, error = _integrate(fine[0], fine[1], fine[2], grid.spacing, periodic=grid.periodic)
    coarse = fine
    for axis, n in enumerate(grid.shape, start=1):
        halve = _midpoints(n, periodic=grid.periodic)
        coarse = [_along(halve, values, axis) for values in coarse]
    double = tuple(2 * h for h in grid.spacing)
    halved, _ = _integrate(coarse[0], coarse[1], coarse[2], double, periodic=grid.periodic)
    return Measured.of(value, discretisation=value - halved, rounding=error)


def _integrate(
    log_ratio: Array, log_nu: Array, size: Array, spacing: tuple[float, ...], *, periodic: bool
) -> tuple[Array, Array]:
    """∫|∇ log_ratio|² dν/ν(A) of samples (S, n_1, …, n_d) and its rounding error.

    ``log_nu`` are log-densities up to a constant, ``size`` the magnitudes log_ratio came from.
    """
    square, slack = np.zeros_like(log_ratio), np.zeros_like(log_ratio)
    axes = tuple(range(1, log_ratio.ndim))
    density = np.exp(log_nu - log_nu.max(axis=axes, keepdims=True))
    for axis, h in enumerate(spacing, start=1):
        n = log_ratio.shape[axis]
        derivative = (_periodic_derivative(n) if periodic else _local_rule(n)[0]) / h
        slope = _along(derivative, log_ratio, axis)
        lost = rounding(_along(np.abs(derivative), size, axis), depth=n)
        square += slope**2
        slack += (2 * np.abs(slope) + lost) * lost
        if not periodic:
            density = np.moveaxis(np.moveaxis(density, axis, -1) * _local_rule(n)[1], -1, axis)
    mass = density.sum(axis=axes)
    value = (density * square).sum(axis=axes) / mass
    # The quotient carries the rounding of both sums; |density| because some end weights are < 0.
    relative = density[0].size + np.abs(log_nu)
    wrong = np.abs(density) * relative * (square + value.reshape(-1, *(1,) * len(axes)))
    error = rounding(wrong.sum(axis=axes), depth=1) + (np.abs(density) * slack).sum(axis=axes)
    return value, error / mass


def _along(matrix: Array, values: Array, axis: int) -> Array:
    return np.moveaxis(np.tensordot(values, matrix, axes=(axis, 1)), -1, axis)


def _periodic_derivative(n: int) -> Array:
    """The derivative of the trigonometric interpolant at n unit steps of a circle, (n, n)."""
    k = np.arange(1, n)
    half = 0.5 / (np.tan(np.pi * k / n) if n % 2 == 0 else np.sin(np.pi * k / n))
    column = np.concatenate([[0.0], (-1.0) ** k * half])
    return np.asarray(toeplitz(column, -column) * (2 * np.pi / n))


def _local_rule(n: int) -> tuple[Array, Array]:
    """Derivatives (n, n) and quadrature weights (n,) at n centres of unit cells.

    Polynomials through the 7 nearest nodes, differentiated at their own node and integrated over
    its cell; the weights are one but for the first and last six.
    """
    powers = np.arange(WINDOW)
    moments = (0.5 ** (powers + 1) - (-0.5) ** (powers + 1)) / (powers + 1)
    local = np.stack([powers == 1, moments], axis=-1)
    derivative, weights = np.zeros((n, n)), np.zeros(n)
    for i in range(n):
        window, offsets = _window(i, n)
        solved = np.linalg.solve(np.vander(offsets, increasing=True).T, local)
        derivative[i, window] = solved[:, 0]
        weights[window] += solved[:, 1]
    return derivative, weights


def _midpoints(n: int, *, periodic: bool) -> Array:
    """Interpolation from n cell centres to the n/2 centres of double cells, (n/2, n)."""
    out = np.zeros((n // 2, n))
    if periodic:
        # The Dirichlet kernel of an even number of nodes, at half-integer distances.
        k = np.arange(n)[None] - (2 * np.arange(n // 2)[:, None] + 0.5)
        return np.asarray(np.sin(np.pi * k) / (n * np.tan(np.pi * k / n)))
    for row in range(n // 2):
        window, offsets = _window(2 * row, n)
        powers = 0.5 ** np.arange(WINDOW)
        out[row, window] = np.linalg.solve(np.vander(offsets, increasing=True).T, powers)
    return out


def _window(i: int, n: int) -> tuple[slice, Array]:
    """The 7 nodes nearest to node i of n, and their distances from it."""
    start = min(max(i - WINDOW // 2, 0), n - WINDOW)
    return slice(start, start + WINDOW), np.arange(start - i, start - i + WINDOW, dtype=float)


def _require_resolution(grid: Grid) -> None:
    if grid.is_finite_set:
        require.fail("grid", "discretise a continuum", "a finite set", "use fisher_dirichlet")
    n = min(grid.shape)
    if n < 2 * WINDOW:
        require.fail("grid", f"have at least {2 * WINDOW} nodes an axis", n, "refine the grid")
    if n % 2:
        require.fail("grid", "have an even number of nodes an axis", n, "add a node")
