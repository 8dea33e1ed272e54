"""Reversible chains on a weighted graph: slow modes, and the steepest entropy for the energy.

A ``Graph`` is a probability m on nodes and a weight w on every edge. With u = dν/dm it carries

    Ent(u) = Σ m u log u,   E(f) = Σ w (f_i − f_j)²,

and two forms of u, both ½ Σ w (f_i − f_j)² to leading order at u = 1 + f: 2E(√u), of the log-Sobolev
inequality, and ½ Σ w (u_i − u_j)(log u_i − log u_j), of the modified one. Written in v = log u they are
Σ w √(u_i u_j) F(v_i − v_j) for an even F. Every density is a witness: Ent/form is a lower bound on its
constant, and ``climb`` makes it larger.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array, Edges
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

EdgeForm = Callable[[Array], tuple[Array, Array, Array]]
"""x -> F(x), F'(x), F''(x) − F(x)/4; the last is positive, for the form is convex in u."""

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

STEPS: Final = 80
SHARES: Final = 4.0 ** np.arange(3, -5, -1)
"""Multiples of a convex step of which the best is taken."""

LINEAR: Final = 1e-3
"""Oscillation of log u below which an ascent is back in the linear regime, where the quotient is C_P."""

NEAR: Final = 0.1
"""Newton's method is tried once a step gains less."""

GAIN: Final = 1e-13
STILL: Final = 1e-6
"""An ascent ends at a smaller gain, if the step was convex or changed log u by no more than this."""

CLIMBS: Final = 4
"""Starts that are followed to the top."""

SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Oscillations of log u at the starts."""


DEEPEST: Final = 1300.0
"""Masses below e^-1300 of the largest have no square root in floating point."""


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
    √m in every node.
    """
    from scipy.sparse.linalg import splu

    symmetric = {"SymmetricMode": True}
    lu = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    solve: Callable[[Array], Array] = lu.solve
    return solve


def log_sobolev_form(x: Array) -> tuple[Array, Array, Array]:
    """2E(√u): F = 4(cosh(x/2) − 1), F' and F'' − F/4."""
    return 8 * np.sinh(x / 4) ** 2, 2 * np.sinh(x / 2), np.ones_like(x)


def modified_form(x: Array) -> tuple[Array, Array, Array]:
    """½ Σ w (u_i − u_j)(log u_i − log u_j): F = x sinh(x/2), F' and F'' − F/4."""
    sinh, cosh = np.sinh(x / 2), np.cosh(x / 2)
    return x * sinh, sinh + x / 2 * cosh, cosh


@dataclass(frozen=True, eq=False)
class Ascent:
    """A density, v = log u (n,), with its quotient Ent/form, and its entropy."""

    v: Array
    quotient: float
    entropy: float


def ascend(graph: Graph, form: EdgeForm, directions: Sequence[Array]) -> Ascent:
    """The best of a few ascents from u ∝ e^{±k f} along given functions f (n,).

    The functions are scaled to oscillation one, k is the best of a few, and the best starts climb.
    """
    heavy = graph.log_mass > graph.log_mass.max() - NOISE
    starts = []
    for f in directions:
        low, high = f[heavy].min(), f[heavy].max()
        if high > low:
            unit = np.clip((f - low) / (high - low), 0.0, 1.0)
            for sign in (-1.0, 1.0):
                tried = [_value(graph, form, sign * size * unit) for size in SIZES]
                starts.append(max(tried, key=lambda start: start.quotient))
    starts.sort(key=lambda start: -start.quotient)
    climbed = [climb(graph, form, start.v) for start in starts[:CLIMBS]]
    return max(climbed, key=lambda top: top.quotient)


def climb(graph: Graph, form: EdgeForm, v: Array, steps: int = STEPS) -> Ascent:
    """Increase Ent/form from u = e^v: convex–concave steps, then Newton's method.

    Entropy and form are convex in u. With C the quotient, the maximum over Σ m u = 1 of the linearised
    entropy minus C·form raises the quotient, and so does a short enough Newton step towards it: damping
    one. Damping zero is Newton's method for Ent − C·form itself, kept while the quotient grows.
    The ascent stops back in the linear regime, and after so many steps: any u is a witness, and the last
    is never worse than the start.
    """
    now, damping = _value(graph, form, v), 1.0
    for _ in range(steps):
        if np.ptp(now.v) < LINEAR:
            break
        move = _step(graph, form, now, damping)
        tried = [
            _value(graph, form, now.v + np.arcsinh(share * move))
            for share in (SHARES if damping else (1.0,))
        ]
        then = max(tried, key=lambda step: step.quotient)
        gain = then.quotient / now.quotient - 1.0
        now = then if gain > 0 else now
        if gain < GAIN and (damping or np.abs(move).max() < STILL):
            break
        damping = 0.0 if gain >= GAIN and (gain < NEAR or not damping) else 1.0
    return now


def _value(graph: Graph, form: EdgeForm, v: Array) -> Ascent:
    """v normalised to Σ m e^v = 1, its quotient (zero where it overflows) and entropy."""
    log_nu = v + graph.log_mass
    peak = log_nu.max()
    v = v - peak - np.log(np.exp(log_nu - peak).sum())
    mass, (i, j) = np.exp(graph.log_mass), graph.edges.T
    with np.errstate(over="ignore", invalid="ignore"):
        u = np.exp(v)
        entropy = float((mass * u * v - mass * u + mass).sum())
        height = np.exp((graph.log_mass[i] + graph.log_mass[j] + v[i] + v[j]) / 2)
        energy = float((graph.rate * height * form(v[i] - v[j])[0]).sum())
    good = np.isfinite(entropy) and np.isfinite(energy) and energy > 0
    return Ascent(v, entropy / energy if good else 0.0, entropy if good else 0.0)


def _step(graph: Graph, form: EdgeForm, now: Ascent, damping: float) -> Array:
    """The relative change of u; all equations are scaled by √ν, so that no mass is too small."""
    i, j = graph.edges.T
    log_nu = graph.log_mass + now.v
    root, step = np.exp(log_nu / 2), np.exp((log_nu[j] - log_nu[i]) / 2)
    F, slope, bend = form(now.v[i] - now.v[j])
    gradient = graph.gather(
        graph.rate * (F / 2 + slope) * root[j], graph.rate * (F / 2 - slope) * root[i]
    )
    weight = now.quotient * graph.rate * bend
    stiff = graph.gather(weight * step, weight / step)
    # At damping one the matrix has constants in its kernel.
    shift = damping - 1.0 if damping < 1.0 else 8 * EPS * stiff.max()
    solve = factorised(graph.matrix(stiff + shift, -weight))
    ascent = solve(np.stack([root * now.v - now.quotient * gradient, root], axis=-1))
    share = (root @ ascent[:, 0]) / (root @ ascent[:, 1])
    return np.asarray((ascent[:, 0] - share * ascent[:, 1]) / root)
