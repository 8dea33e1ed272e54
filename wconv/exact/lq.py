"""Linear-quadratic control with entropy: problems, Gaussian policies and their certified values.

x' = Ax + Ba + w, w of covariance W; r = −½x'Mx − ½a'Na; discount γ, temperature τ. The reference of
the entropy is Lebesgue measure (confinement 0), or the Gaussian N(0, τ/β·I) (confinement β > 0): the
value then counts −τKL(π‖μ), which is the Lebesgue value with N + βI in place of N, less
τ log Z_β/(1−γ), Z_β = (2πτ/β)^{m/2}. Gaps, residuals and Gibbs policies are the same. Rewards have no
bound, so that statements are about single x, or about an initial law.

Of a policy N(Kx, Σ), with N_β = N + βI:
    V(x) = −½x'Πx + c,  Π = M + K'N_βK + γ(A+BK)'Π(A+BK),  H = N_β + γB'ΠB,  F = γB'ΠA,
    (1−γ)c = −½tr(HΣ) + (τ/2)log det(2πeΣ) − (γ/2)tr(ΠW) − τ log Z_β,
and its Gibbs policy is N(−H⁻¹Fx, τH⁻¹). Source: docs/theory.md, lq-closed-form.
"""

from dataclasses import dataclass
from functools import cached_property
from math import log, pi
from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.exact.lyapunov import ClosedLoop, closed_loop, norm, symmetric
from wconv.mdp.model import numbers
from wconv.measured import EPS, EXTENDED, Bracket, Measured, rounding
from wconv.measures.gaussians import Gaussian, entropy, kl


@dataclass(frozen=True, eq=False)
class LQ:
    """A linear-quadratic problem; made and validated by ``make_lq``.

    A (n, n), B (n, m), M (n, n), N (m, m), noise W (n, n), γ, τ, and β (0: Lebesgue reference).
    """

    A: Array
    B: Array
    M: Array
    N: Array
    noise: Array
    gamma: float
    tau: float
    beta: float

    def cost(self, dtype: Any = float) -> Array:
        """N_β = N + βI, (m, m), in the given precision."""
        return np.asarray(self.N + self.beta * np.eye(len(self.N), dtype=dtype))

    @property
    def reference_shift(self) -> float:
        """V_Leb − V = τ log Z_β/(1−γ) of every policy; 0 for the Lebesgue reference."""
        if self.beta == 0.0:
            return 0.0
        size = 0.5 * len(self.N) * log(2.0 * pi * self.tau / self.beta)
        return self.tau * size / (1.0 - self.gamma)

    def __repr__(self) -> str:
        n, m = self.B.shape
        words = f"{n} states, {m} actions, gamma {self.gamma:g}, tau {self.tau:g}"
        return f"LQ({words}, {'Gaussian' if self.beta else 'Lebesgue'} reference)"


def make_lq(
    A: Any,
    B: Any,
    M: Any,
    N: Any,
    *,
    discount: float,
    temperature: float,
    noise: Any = None,
    confinement: float = 0.0,
) -> LQ:
    """Validate x' = Ax + Ba + w, r = −½x'Mx − ½a'Na and return the record; numbers are 1×1 matrices.

    Args:
        A: (n, n).
        B: (n, m).
        M: (n, n), symmetric, positive semidefinite.
        N: (m, m), symmetric, N + βI positive definite.
        discount: γ in [0, 1).
        temperature: τ > 0.
        noise: covariance of w, (n, n); none by default.
        confinement: β ≥ 0; 0 is the Lebesgue reference, else it is N(0, τ/β·I).

    Raises:
        InputError: naming the symbol that is not so.

    """
    dynamics, push = _matrix("A", A), _matrix("B", B)
    n, m = len(dynamics), push.shape[1]
    require.shape("A", dynamics, (n, n), "(states, states)")
    require.shape("B", push, (n, m), "(states, actions)")
    gamma = require.within("discount", discount, 0.0, 1.0, "give gamma in [0, 1)")
    tau = require.positive("temperature", temperature, "the theory needs entropy; take it small")
    beta = require.within("confinement", confinement, 0.0, np.inf, "give beta, or 0 for none")
    lq = LQ(
        dynamics,
        push,
        _semidefinite("M", M, n),
        _symmetric("N", N, m),
        _semidefinite("noise", np.zeros((n, n)) if noise is None else noise, n),
        gamma,
        tau,
        beta,
    )
    least = float(np.linalg.eigvalsh(lq.cost())[0])
    if least <= 0.0:
        what = "N" if beta == 0.0 else "N + confinement·I"
        require.fail(what, "be positive definite", f"eigenvalue {least:g}", "make actions cost")
    return lq


def _matrix(symbol: str, value: Any) -> Array:
    """A finite real matrix of float64 that nobody else holds."""
    array = np.atleast_2d(numbers(symbol, value)).copy()
    if array.ndim != 2 or array.size == 0:
        require.fail(symbol, "be a matrix", array.shape, "give rows and columns")
    require.finite(symbol, array)
    array.flags.writeable = False
    return array


def _symmetric(symbol: str, value: Any, size: int) -> Array:
    array = _matrix(symbol, value)
    require.shape(symbol, array, (size, size), "(size, size)")
    if not np.array_equal(array, array.T):
        require.fail(
            symbol, "be symmetric", "an asymmetric matrix", f"use ({symbol} + {symbol}')/2"
        )
    return array


def _semidefinite(symbol: str, value: Any, size: int) -> Array:
    array = _symmetric(symbol, value, size)
    eigenvalues = np.linalg.eigvalsh(array)
    if eigenvalues[0] < -8 * EPS * size * np.abs(eigenvalues).max():
        least = f"eigenvalue {eigenvalues[0]:g}"
        require.fail(symbol, "be positive semidefinite", least, "mend its negative directions")
    return array


@dataclass(frozen=True, eq=False)
class LinearGaussian:
    """The policy N(Kx, Σ) with gain K (m, n) and covariance Σ (m, m).

    Raises:
        InputError: naming K or Sigma, unless K is finite and Σ symmetric positive definite to match.

    """

    K: Array
    Sigma: Array

    def __post_init__(self) -> None:
        """Validate, and turn numbers into matrices."""
        K = _matrix("K", self.K)
        Sigma = _symmetric("Sigma", self.Sigma, len(K))
        least = float(np.linalg.eigvalsh(Sigma)[0])
        if least <= 0.0:
            remedy = "a policy needs entropy"
            require.fail("Sigma", "be positive definite", f"eigenvalue {least:g}", remedy)
        object.__setattr__(self, "K", K)
        object.__setattr__(self, "Sigma", Sigma)

    def at(self, x: Any) -> Gaussian:
        """The law of the action in the state x (n,)."""
        return Gaussian(self.K @ np.asarray(x, dtype=float), self.Sigma)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """x ↦ ½x'Qx + c, the operator norm of Q known to ``matrix_error`` and c to ``constant_error``."""

    matrix: Array
    constant: float
    matrix_error: float
    constant_error: float

    def at(self, x: Any) -> Measured:
        """The values at x (..., n), shape (...); InputError for another last axis."""
        points, n = numbers("x", x), len(self.matrix)
        require.shape("x", points, (*points.shape[:-1], n), "(..., states)")
        square = np.square(points).sum(axis=-1)
        size = np.einsum("...i,ij,...j", np.abs(points), np.abs(self.matrix), np.abs(points))
        value = 0.5 * np.einsum("...i,ij,...j", points, self.matrix, points) + self.constant
        return self._measured(value, square, size)

    def mean(self, law: Gaussian) -> Measured:
        """The mean under an initial law N(m, C): ½tr(Q(C + mm')) + c; InputError for another dimension."""
        require.shape("mean of the law", law.mean, (len(self.matrix),), "(states,)")
        second = law.cov + np.outer(law.mean, law.mean)
        value = 0.5 * np.sum(self.matrix * second) + self.constant
        return self._measured(value, np.trace(second), np.sum(np.abs(self.matrix * second)))

    def __sub__(self, other: "Quadratic") -> "Quadratic":
        size = EPS * (abs(self.constant) + abs(other.constant))
        lost = EPS * (norm(self.matrix) + norm(other.matrix))
        return Quadratic(
            self.matrix - other.matrix,
            self.constant - other.constant,
            self.matrix_error + other.matrix_error + lost,
            self.constant_error + other.constant_error + size,
        )

    def _measured(self, value: Any, square: Any, size: Any) -> Measured:
        depth = 2 * len(self.matrix) + 2
        return Measured.of(
            value,
            "linear-quadratic control",
            evaluation=0.5 * self.matrix_error * square + self.constant_error,
            rounding=rounding(0.5 * np.asarray(size), self.constant, depth=depth),
        )


@dataclass(frozen=True, eq=False)
class LQValue:
    """V(x) = −½x'Πx + c of a policy, as a ``Quadratic`` with certified errors, and what follows from it."""

    lq: LQ
    policy: LinearGaussian
    V: Quadratic
    loop: ClosedLoop

    @property
    def Pi(self) -> Array:
        """Π (n, n), with ``V.matrix_error``."""
        return np.asarray(-self.V.matrix)

    @cached_property
    def H(self) -> Array:
        """H = N_β + γB'ΠB (m, m): −∇²q in the action."""
        return action_quadratic(self.lq, self.Pi)[0]

    @cached_property
    def F(self) -> Array:
        """F = γB'ΠA (m, n): q(x, a) = −½a'Ha − a'Fx + (terms without a)."""
        return action_quadratic(self.lq, self.Pi)[1]

    @property
    def H_error(self) -> float:
        """A bound on the error of H in operator norm."""
        push = norm(self.lq.B)
        size = norm(self.lq.cost()) + self.lq.gamma * push**2 * norm(self.Pi)
        depth = 2 * len(self.lq.A) + 8
        return self.lq.gamma * push**2 * self.V.matrix_error + depth * EPS * size

    @cached_property
    def gibbs(self) -> LinearGaussian:
        """The Gibbs policy N(−H⁻¹Fx, τH⁻¹), the greedy one with respect to V."""
        return greedy(self.lq, self.Pi)

    @property
    def residual(self) -> Quadratic:
        """R = TV − V = ½|H^½(K − K°)x|² + τKL(Σ‖τH⁻¹) in x, K° = −H⁻¹F: the soft Bellman residual."""
        off, best, centre = self.policy.K - self.gibbs.K, self.gibbs, np.zeros(len(self.H))
        divergence = kl(Gaussian(centre, self.policy.Sigma), Gaussian(centre, best.Sigma))
        # H is known to a share, and with it K° and log τH⁻¹: KL moves by half that share of m + tr(HΣ/τ).
        share = 8 * self.H_error / float(np.linalg.eigvalsh(self.H)[0])
        spread = self.lq.tau * len(self.H) + float(np.sum(self.H * self.policy.Sigma))
        return Quadratic(
            symmetric(off.T @ self.H @ off),
            self.lq.tau * divergence,
            share * norm(self.H) * (norm(off) + norm(best.K)) ** 2,
            share * spread,
        )

    @property
    def log_sobolev(self) -> Bracket:
        """C_P = C_T = C_LS = τ/λ_min(H) of the Gibbs policy, in every state."""
        least = float(np.linalg.eigvalsh(self.H)[0])
        off = self.H_error + 4 * EPS * len(self.H) * norm(self.H)
        how = "closed form"
        sides = [np.float64(self.lq.tau / (least + s * off)) for s in (1, -1)]
        return Bracket(np.asarray(sides[0]), np.asarray(sides[1]), how, how)


def action_quadratic(lq: LQ, Pi: Array) -> tuple[Array, Array]:
    """H = N_β + γB'ΠB (m, m) and F = γB'ΠA (m, n) in the precision of Π (n, n)."""
    pull = lq.gamma * (lq.B.T @ Pi)
    return symmetric(lq.cost(Pi.dtype) + pull @ lq.B), np.asarray(pull @ lq.A)


def greedy(lq: LQ, Pi: Array) -> LinearGaussian:
    """N(−H⁻¹Fx, τH⁻¹) for the H and F of Π (n, n), in float64."""
    H, F = action_quadratic(lq, Pi)
    return LinearGaussian(-np.linalg.solve(H, F), symmetric(lq.tau * np.linalg.inv(H)))


def evaluate_lq(lq: LQ, policy: LinearGaussian) -> LQValue:
    """V^π(x) = −½x'Πx + c of a linear Gaussian policy, by the discounted Lyapunov equation.

    Raises:
        InputError: a policy of other sizes, or √γ·specrad(A + BK) not below 1 (no finite value).
        SolverError: UNRESOLVED, too close to that to be certified.

    """
    n, m = lq.B.shape
    require.shape("K", policy.K, (m, n), "(actions, states)")
    loop = closed_loop(lq.A, lq.B, policy.K, lq.gamma)
    Q, size = running_cost(lq, policy.K)
    Pi, error = loop.total(Q, size)
    kept = symmetric(Pi.astype(float))
    constant, constant_error = _constant(lq, policy, Pi, error)
    off = error + norm((Pi - kept).astype(float))
    return LQValue(lq, policy, Quadratic(-kept, constant, off, constant_error), loop)


def running_cost(lq: LQ, K: Array) -> tuple[Array, Array]:
    """M + K'N_βK in extended precision, and the size of its terms."""
    wide = K.astype(EXTENDED)
    cost = lq.cost(EXTENDED)
    return lq.M + wide.T @ cost @ wide, np.abs(lq.M) + np.abs(K).T @ np.abs(cost) @ np.abs(K)


def _constant(lq: LQ, policy: LinearGaussian, Pi: Array, Pi_error: float) -> tuple[float, float]:
    """c of a policy with the given Π, and a bound on its error."""
    Sigma, m = policy.Sigma, len(policy.Sigma)
    spread = lq.noise + lq.B @ Sigma @ lq.B.T
    terms = [
        -0.5 * np.sum(lq.cost() * Sigma),
        lq.tau * entropy(Gaussian(np.zeros(m), Sigma)),
        -0.5 * lq.gamma * np.sum(Pi.astype(float) * spread),
    ]
    horizon = 1.0 / (1.0 - lq.gamma)
    value = float(sum(terms)) * horizon - lq.reference_shift
    sizes = np.array([
        0.5 * np.sum(np.abs(lq.cost() * Sigma)),
        # A relative error eps of Σ moves log det by at most m·cond(Σ)·eps.
        lq.tau * m * (abs(entropy(Gaussian(np.zeros(m), Sigma))) + m * np.linalg.cond(Sigma)),
        0.5 * lq.gamma * np.sum(np.abs(Pi.astype(float)) * _spread_size(lq, Sigma)),
        abs(lq.reference_shift) / horizon,
    ])  # fmt: skip
    lost = rounding(sizes.sum(), depth=len(Pi) ** 2 + 2 * m + 8)
    moved = 0.5 * lq.gamma * Pi_error * float(np.trace(spread))
    return value, float((moved + lost) * horizon * (1.0 + 8.0 * EPS * horizon))


def _spread_size(lq: LQ, Sigma: Array) -> Array:
    return np.asarray(np.abs(lq.noise) + np.abs(lq.B) @ np.abs(Sigma) @ np.abs(lq.B).T)
