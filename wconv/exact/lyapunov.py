"""G = Q + γL'GL, the discounted sum of a quadratic along x' = Lx, L = A + BK, with a certified error.

Sums double: G_{2k} = G_k + γ^k(L^k)'G_kL^k adds positive terms only, in extended precision. The same
sum S for Q = I is the certificate: S − γL'SL ≥ (1−θ)I proves that the sums converge and that a residual
R of any G costs at most ‖R‖·‖S‖/(1−θ).
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import EPS, EXTENDED, unit_roundoff
from wconv.outcomes import Outcome, SolverError

DOUBLINGS: Final = 60
"""2^60 steps: a loop that is not summed by then is not stable to rounding."""

U: Final = unit_roundoff(EXTENDED)


def doubled(loop: Array, Q: Array) -> Array:
    """Σ_k (a')^k Q a^k for a stable a = √γ·L (n, n), in the precision of the arguments, not certified.

    Raises:
        SolverError: UNRESOLVED when the sum does not settle.

    """
    total, power = Q, loop
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(DOUBLINGS):
            more = power.T @ total @ power
            total = total + more
            size = np.abs(total).max()
            if not np.isfinite(size):
                break
            if np.abs(more).max() <= np.finfo(total.dtype).eps / 4 * size:
                return symmetric(total)
            power = power @ power
    detail = "a discounted sum along the closed loop A + BK does not settle"
    raise SolverError(Outcome.UNRESOLVED, detail)


def norm(matrix: Array) -> float:
    """The Frobenius norm, which bounds the operator norm, rounded upwards."""
    return float(np.sqrt(np.square(matrix).sum())) * (1.0 + 1e-12)


def symmetric(matrix: Any) -> Array:
    """(X + X')/2."""
    return np.asarray((matrix + matrix.T) / 2)


@dataclass(frozen=True, eq=False)
class ClosedLoop:
    """L = A + BK (n, n) in extended precision, discounted by γ, with the certificate S = I + γL'SL.

    ``size`` bounds |L| and its terms entry by entry, ``amplification`` the norm of the sum that S
    approximates: whatever is added to a quadratic at every step counts at most so many times.
    """

    L: Array
    size: Array
    gamma: float
    S: Array
    amplification: float
    depth: int

    def __repr__(self) -> str:
        return f"ClosedLoop({len(self.L)} states, amplification {self.amplification:.3g})"

    def backward(self, G: Array) -> Array:
        """γL'GL."""
        return np.asarray(EXTENDED.type(self.gamma) * (self.L.T @ G @ self.L))

    def rounding(self, G: Array, Q_size: Array) -> float:
        """A bound on the rounding of Q + γL'GL − G in operator norm, Q's terms being ``Q_size``."""
        size = Q_size + np.abs(G) + self.gamma * (self.size.T @ np.abs(G) @ self.size)
        return U * self.depth * norm(size)

    def total(self, Q: Array, Q_size: Array) -> tuple[Array, float]:
        """G = Q + γL'GL (n, n) in extended precision, and its error in operator norm.

        ``Q_size`` bounds the terms that Q (n, n) was summed from, entry by entry.
        """
        G = doubled(np.sqrt(EXTENDED.type(self.gamma)) * self.L, Q.astype(EXTENDED))
        residual = norm(Q + self.backward(G) - G) + self.rounding(G, Q_size)
        return G, residual * self.amplification


def closed_loop(A: Array, B: Array, K: Array, gamma: float) -> ClosedLoop:
    """The loop A + BK, certified to be summable at discount γ; A (n, n), B (n, m), K (m, n).

    Raises:
        InputError: √γ·specrad(A + BK) is not below 1.
        SolverError: UNRESOLVED when it is below 1 by too little to be certified.

    """
    wide = [x.astype(EXTENDED) for x in (A, B, K)]
    with np.errstate(over="ignore", invalid="ignore"):
        L = wide[0] + wide[1] @ wide[2]
        narrow = L.astype(float)
    if not np.isfinite(narrow).all():
        raise SolverError(Outcome.NOT_FINITE, "A + BK overflows")
    radius = float(np.sqrt(gamma) * np.abs(np.linalg.eigvals(narrow)).max())
    if not radius < 1.0:
        require.fail(
            "K",
            "stabilise: sqrt(discount)*specrad(A + BK) below 1",
            f"{radius:.6g}",
            "start from a gain that does, for example solve_lq(lq).policy.K",
        )
    n, m = B.shape
    size = np.abs(A) + np.abs(B) @ np.abs(K)
    S = doubled(np.sqrt(EXTENDED.type(gamma)) * L, np.eye(n, dtype=EXTENDED))
    draft = ClosedLoop(L, size, gamma, S, np.inf, depth=4 * (n + m) + 16)
    residual = np.eye(n) + draft.backward(draft.S) - draft.S
    theta = norm(residual) + draft.rounding(draft.S, np.eye(n))
    if not theta <= 0.5:
        detail = (
            f"sqrt(discount)*specrad(A + BK) = {radius!r}: its sums have relative error {theta:.2g}"
        )
        raise SolverError(Outcome.UNRESOLVED, detail)
    largest = norm(draft.S) * (1.0 + EPS) / (1.0 - theta)
    return replace(draft, amplification=largest)
