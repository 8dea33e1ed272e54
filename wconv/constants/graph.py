"""Reversible chains on a weighted graph, and their slow modes.

A ``Graph`` is a probability m on nodes and a weight w on every edge, with the energy
E(f) = Σ w (f_i − f_j)² and the generator K_ij = w_ij/m_i, so that E(f) = −∫ f Kf dm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array, Edges
from wconv.outcomes import Outcome, SolverError

DEEPEST: Final = 1300.0
"""Masses below e^-1300 of the largest have no square root in floating point."""

DENSE: Final = 64
"""Largest number of nodes whose modes are found with dense matrices."""

SHIFT: Final = 1e-9
"""What makes −K invertible, relative to the mean rate of jumps."""

SLOWEST: Final = 1e-14
"""Smallest eigenvalue of −K that is resolved, relative to the mean rate of jumps."""

NOISE: Final = 40.0
"""Modes are rounded by eps/√m: below e^-40 of the largest mass they are recomputed."""

CLEANING: Final = 3
"""Solves that recompute them: each leaves the time spent there over 1/λ."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Masses e^{log_mass} (n,) of sum one, edges (e, 2) and rate (e,) = w_ij/√(m_i m_j).

    In these units −K, K_ij = w_ij/m_i, is similar to a matrix with −rate off the diagonal: it does not
    see how small the masses are, only their ratios at neighbours.
    """

    log_mass: Array
    edges: Edges
    rate: Array

    def __post_init__(self) -> None:
        """InputError when the masses are too far apart."""
        least = float(np.min(self.log_mass) - np.max(self.log_mass))
        if least < -DEEPEST:
            remedy = "choose a smaller space or a higher temperature"
            require.fail(
                "density", f"stay above e^-{DEEPEST:g} of its peak", f"e^{least:.0f}", remedy
            )

    def matrix(self, diagonal: Array, off: Array) -> Any:
        """The symmetric matrix with this diagonal (n,) and entries (e,) at the edges."""
        from scipy.sparse import csc_array

        i, j, here = *self.edges.T, np.arange(len(diagonal))
        entries = np.concatenate([diagonal, off, off])
        rows, columns = np.concatenate([here, i, j]), np.concatenate([here, j, i])
        return csc_array((entries, (rows, columns)), shape=2 * diagonal.shape)

    def gather(self, at_i: Array, at_j: Array) -> Array:
        """Sums at the nodes (n,) of what each edge adds to its two ends."""
        i, j = self.edges.T
        n = len(self.log_mass)
        return np.asarray(np.bincount(i, at_i, n) + np.bincount(j, at_j, n))

    def mean(self, f: Array) -> float:
        """Σ m f."""
        return float(np.exp(self.log_mass) @ f)

    def energy(self, f: Array) -> float:
        """Σ w (f_i − f_j)²."""
        i, j = self.edges.T
        weight = self.rate * np.exp((self.log_mass[i] + self.log_mass[j]) / 2)
        return float(weight @ (f[i] - f[j]) ** 2)


def slow_modes(graph: Graph, count: int) -> tuple[Array, Array]:
    """The smallest eigenvalues of −K but zero, (count,), and their functions of variance one.

    Each is the quotient E(f)/Var(f), without cancellation however small it is; 1/λ_1 is the best
    constant of Var ≤ C E. Functions of shape (count, n).

    Raises:
        SolverError: a mode slower than 10^14 jumps of the chain, which float64 cannot tell from none;
            masses so far apart that numbers overflow.

    """
    root = np.exp(graph.log_mass / 2)
    i, j = graph.edges.T
    step = np.exp((graph.log_mass[j] - graph.log_mass[i]) / 2)
    diagonal = graph.gather(graph.rate * step, graph.rate / step)
    jumps = graph.mean(diagonal)
    shift = SHIFT * jumps
    solve = factorised(graph.matrix(diagonal + shift, -graph.rate))

    def inverse(y: Array) -> Array:
        x = solve(y - root * (root @ y))
        return np.asarray(x - root * (root @ x))

    with np.errstate(over="ignore", invalid="ignore"):
        probe = inverse(np.random.default_rng(0).standard_normal(len(root)))
        if np.isfinite(probe).all():
            functions = _top_vectors(inverse, probe, count) / root
            values, functions = _cleaned(graph, functions, lambda f: solve(root * f) / root)
        if not np.isfinite(probe).all() or not np.isfinite(values).all():
            detail = f"masses down to e^{graph.log_mass.min():.0f} are too far apart for this chain"
            raise SolverError(Outcome.NOT_FINITE, detail)
    if values[0] < SLOWEST * jumps:
        detail = f"the slowest mode takes over {1 / SLOWEST:.0e} jumps: raise the temperature"
        raise SolverError(Outcome.UNRESOLVED, detail)
    return values, functions


def _top_vectors(operator: Callable[[Array], Array], start: Array, count: int) -> Array:
    """Eigenvectors of the largest eigenvalues of a positive semidefinite operator, (count, n)."""
    n = len(start)
    if n <= DENSE:
        matrix = np.stack([operator(unit) for unit in np.eye(n)])
        return np.asarray(np.linalg.eigh((matrix + matrix.T) / 2)[1].T[::-1][:count])
    from scipy.sparse.linalg import LinearOperator, eigsh

    product = LinearOperator((n, n), matvec=operator, dtype=float)
    return np.asarray(eigsh(product, k=count, which="LA", v0=start)[1].T[::-1])


def _cleaned(
    graph: Graph, functions: Array, solve: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Eigenvalues and functions of variance one, relatively accurate where m is negligible too."""
    mass = np.exp(graph.log_mass)
    heavy = graph.log_mass > graph.log_mass.max() - NOISE
    slower = np.ones_like(functions[:1])
    for noisy in functions:
        f = np.clip(noisy, noisy[heavy].min(), noisy[heavy].max())
        for _ in range(CLEANING):
            for _ in range(2):  # once more, for orthogonality to rounding
                f = f - (slower * mass @ f) @ slower
            f = solve(f / np.abs(f).max())
        f = f - (slower * mass @ f) @ slower
        slower = np.vstack([slower, f / np.sqrt(graph.mean(f**2))])
    return np.array([graph.energy(f) for f in slower[1:]]), slower[1:]


def factorised(matrix: Any) -> Callable[[Array], Array]:
    """The inverse of a sparse symmetric matrix, without pivoting.

    Elimination without pivoting commutes with diagonal scalings: solutions are accurate relative to
    √m in every node. SolverError when the matrix is singular or overflows.
    """
    from scipy.sparse.linalg import splu

    symmetric = {"SymmetricMode": True}
    try:
        require.finite("matrix", matrix.data)
        lu = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    except (require.InputError, RuntimeError) as error:
        raise SolverError(Outcome.NOT_FINITE, f"a matrix of {len(matrix.data)} entries") from error
    solve: Callable[[Array], Array] = lu.solve
    return solve
