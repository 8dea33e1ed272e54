"""Solvers of (I − γP_π)x = b, chosen by size and layout; callers certify x by its residual.

Dense LU up to ``MAX_STATES`` states; beyond, sparse LU where P_π is a narrow band, as it is when
states move on a line; else BiCGSTAB, with an incomplete LU where it stalls without one. All the
matrices are M-matrices with dominant rows: elimination needs no pivoting.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import LinearOperator, bicgstab, spilu, splu

from wconv._axes import Array
from wconv.mdp.factored import Factored, before, times
from wconv.mdp.model import MDP
from wconv.outcomes import Outcome, SolverError

MAX_STATES: Final = 2000
"""Largest dense system: beyond it S³ operations and S² numbers stop being cheap."""

BAND_WORK: Final = 200
"""A band is eliminated when its square is at most this times the entries of a row of P_π: about as
many products as BiCGSTAB takes, and it takes more as γ tends to one."""

REDUCTION: Final = 1e-3
"""What one iterative solve leaves of the residual: callers repeat it, or have Newton steps left."""

MAX_ITERATIONS: Final = 1000
"""Iterations of BiCGSTAB before it is taken to stall."""


class Factors(Protocol):
    """What applies (I − γP_π)^{-1} in float64."""

    def solve(self, rhs: Array, *, left: bool = False) -> Array:
        """(I − γP_π)^{-1}rhs, or rhs(I − γP_π)^{-1} with ``left``, perhaps only approximately."""
        ...


def factor(mdp: MDP, kernel: Any) -> Factors:
    """The solver for a kernel (S, S) in any layout."""
    s = mdp.n_states
    if s <= MAX_STATES:
        dense = kernel if isinstance(kernel, np.ndarray) else kernel.toarray()
        return DenseLU.of(mdp.gamma, dense)
    if not isinstance(kernel, np.ndarray):
        reach, entries = _reach(kernel)
        if reach**2 * s <= BAND_WORK * entries:
            return SparseLU.band(mdp.gamma, kernel)
    return Iterative(mdp.gamma, kernel)


@dataclass(frozen=True, eq=False)
class DenseLU:
    """LAPACK's factors."""

    lu: NDArray[np.float64]
    pivots: NDArray[np.int32]

    @classmethod
    def of(cls, gamma: float, kernel: Array) -> "DenseLU":
        """Factors of I − γP_π."""
        matrix = np.eye(len(kernel)) - gamma * kernel.astype(float)
        lu, pivots = lu_factor(matrix, overwrite_a=True, check_finite=False)
        return cls(lu, pivots.astype(np.int32, copy=False))

    def solve(self, rhs: Array, *, left: bool = False) -> Array:
        """(I − γP_π)^{-1}rhs, or rhs(I − γP_π)^{-1} with ``left``."""
        factors, b = (self.lu, self.pivots), rhs.astype(float)
        return np.asarray(lu_solve(factors, b, trans=1 if left else 0, check_finite=False))


@dataclass(frozen=True, eq=False)
class SparseLU:
    """SuperLU's factors, complete or not."""

    lu: Any

    @classmethod
    def band(cls, gamma: float, kernel: Any) -> "SparseLU":
        """Factors of I − γP_π in the order of the states, so that a band stays one."""
        in_order = {"SymmetricMode": True}
        matrix = _system(gamma, kernel)
        lu = splu(matrix, permc_spec="NATURAL", diag_pivot_thresh=0.0, options=in_order)
        return cls(lu)

    @classmethod
    def incomplete(cls, gamma: float, kernel: Any) -> "SparseLU":
        """Factors near those of I − γP_π, of at most ten times its entries."""
        return cls(spilu(_system(gamma, kernel), drop_tol=1e-3, fill_factor=10.0))

    def solve(self, rhs: Array, *, left: bool = False) -> Array:
        """(I − γP_π)^{-1}rhs, or rhs(I − γP_π)^{-1} with ``left``."""
        return np.asarray(self.lu.solve(rhs.astype(float), trans="T" if left else "N"))


@dataclass(frozen=True, eq=False)
class Iterative:
    """BiCGSTAB to a residual of ``REDUCTION`` relative to the right-hand side, in the 2-norm."""

    gamma: float
    kernel: Any

    def solve(self, rhs: Array, *, left: bool = False) -> Array:
        """(I − γP_π)^{-1}rhs, or rhs(I − γP_π)^{-1} with ``left``.

        Constants are eigenvectors, with the smallest eigenvalue 1 − γ: from the right a solution
        starts with the best of them. Raises SolverError when the residual is not reached.
        """
        b = rhs.astype(float)
        middle = 0.0 if left else (b.max() + b.min()) / 2
        start = np.full(len(b), middle / (1.0 - self.gamma))
        b = b - self._apply(start, left=left)
        # SciPy takes small scalar products for a breakdown, whatever the size of b.
        size = float(np.linalg.norm(b)) or 1.0
        x = self._iterate(b / size, left=left, preconditioner=None)
        if x is None:
            x = self._iterate(b / size, left=left, preconditioner=self._incomplete)
        if x is None:
            detail = f"BiCGSTAB does not solve (I − {self.gamma:g}·P_π)x = b, {len(b)} states: "
            raise SolverError(Outcome.UNRESOLVED, detail + "lower the discount")
        return start + size * x

    def _apply(self, x: Array, *, left: bool) -> Array:
        """(I − γP_π)x, or x(I − γP_π) with ``left``."""
        moved = before(x, self.kernel) if left else times(self.kernel, x)
        return np.asarray(x - self.gamma * moved)

    def _iterate(self, b: Array, *, left: bool, preconditioner: Any) -> Array | None:
        """The solution for a b of norm one, or None."""
        size, M = (len(b), len(b)), None
        if preconditioner is not None:
            M = LinearOperator(size, lambda x: preconditioner.solve(x, left=left), dtype=float)
        operator = LinearOperator(size, lambda x: self._apply(x, left=left), dtype=float)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # it may diverge
            # A residual by recursion drifts from the true one: the latter decides, with a margin.
            x, _ = bicgstab(operator, b, rtol=REDUCTION / 2, maxiter=MAX_ITERATIONS, M=M)
            solved = np.linalg.norm(b - self._apply(x, left=left)) <= REDUCTION
        return np.asarray(x) if solved else None

    @cached_property
    def _incomplete(self) -> SparseLU:
        return SparseLU.incomplete(self.gamma, self.kernel)


def _system(gamma: float, kernel: Any) -> Any:
    """I − γP_π by columns."""
    matrix = kernel.tocsr() if isinstance(kernel, Factored) else csr_array(kernel)
    return (eye_array(matrix.shape[0], format="csr") - gamma * matrix).tocsc()


def _reach(kernel: Any) -> tuple[int, int]:
    """The largest |s' − s| with an entry in P_π, and the number of its entries or of its factors'."""
    if not isinstance(kernel, Factored):
        rows = np.repeat(np.arange(kernel.shape[0]), np.diff(kernel.indptr))
        return int(np.abs(rows - kernel.indices).max(initial=0)), kernel.nnz
    if isinstance(kernel.B, np.ndarray):
        return kernel.shape[0], kernel.W.nnz + kernel.B.size
    # No row of W or B is empty: their sums are one.
    starts = kernel.B.indptr[:-1]
    first = np.minimum.reduceat(kernel.B.indices, starts)[kernel.W.indices]
    last = np.maximum.reduceat(kernel.B.indices, starts)[kernel.W.indices]
    starts, states = kernel.W.indptr[:-1], np.arange(kernel.shape[0])
    reach = np.maximum(
        (states - np.minimum.reduceat(first, starts)).max(),
        (np.maximum.reduceat(last, starts) - states).max(),
    )
    return int(reach), kernel.W.nnz + kernel.B.nnz
