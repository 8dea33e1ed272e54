"""The proximal step of WPPG on a finite set of actions, by a primal-dual interior point, certified.

    max_p ⟨Q, p⟩ − τKL(p‖w) − min{⟨C, Γ⟩/(2η) : Γ1 = p, Γᵀ1 = ν}

C is any non-negative matrix of squared distances, one row an action, one column an atom of ν. The dual
is min_φ τ log Σ w e^{(Q−φ)/τ} − ⟨φ^c, ν⟩ with φ^c_j = min_i C_ij/(2η) − φ_i, and the next policy is the
Gibbs form p_φ ∝ w e^{(Q−φ)/τ}. Its duality gap bounds the error in the one-step inequality against all
competitors at once: with F(π) = ⟨Q, π⟩ − τKL(π‖w), for every π,

    F(p_φ) − F(π) ≥ [W²(p_φ, ν) − W²(π, ν)]/(2η) + τKL(π‖p_φ) − gap.

On a finite set small steps do not move any mass: ``freezing_step``.
"""

import warnings
from functools import partial
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

from wconv._axes import Array
from wconv.dynamics.proximal_plane import gibbs_form
from wconv.measured import EXTENDED, unit_roundoff
from wconv.measures.transport import PIVOTS

LIMIT: Final = 100
"""Most iterations; twenty are usual for fifty actions, and forty the most seen."""

FLOOR: Final = 1e-60
"""Shares of a plan below it would underflow in products; a share of a column counts for no gap there."""

PANEL: Final = 10
"""Rows eliminated before the rest of the matrix is brought up to date, by one product."""


def finite_step(
    Q: Array, nu: Array, C: Array, tau: float, eta: float, log_w: Array, tol: float = 1e-10
) -> tuple[Array, Array]:
    """Potentials φ (S, n) of one proximal step in every state, and the iterations (S,) they took.

    Q (S, n), masses ν (S, m), zeros allowed, C (n, m), log w (n,) of masses or of a density (−∞ where an
    action is forbidden). Stops at a duality gap of ``tol``, in the units of Q; a state that does not get
    there shows in ``finite_gap``. Mehrotra's predictor and corrector with separate step lengths.
    """
    live = log_w > -np.inf
    with jax.enable_x64(True):
        found, steps = _solve(Q[:, live], nu, C[live], tau, eta, log_w[live], tol)
    phi = np.empty(Q.shape)
    phi[:, live] = found
    if not live.all():  # they carry no mass: the largest potential with the same φ^c
        phi_c = (C[live] / (2 * eta) - phi[:, live, None]).min(axis=1)
        phi[:, ~live] = (C[~live] / (2 * eta) - phi_c[:, None]).min(axis=-1)
    return phi, np.asarray(steps)


def finite_gap(
    phi: Array, Q: Array, nu: Array, C: Array, tau: float, eta: float, log_w: Array
) -> Array:
    """Upper bound on the duality gap D(φ) − J(p_φ) of every state, shape (S,), for any φ.

    The gap is the cost of transporting p_φ to ν at the reduced costs C_ij/(2η) − φ_i − φ^c_j ≥ 0, so
    that nothing cancels, and every plan bounds it. The plan is a network simplex solution, scaled down
    to the marginals, the rest at the largest cost; rounding (of extended precision) is added.
    """
    live = log_w > -np.inf
    phi, Q = (np.asarray(x, dtype=EXTENDED)[:, live] for x in (phi, Q))
    p = gibbs_form(phi, Q, tau, log_w[live])
    cost = np.asarray(C[live], dtype=EXTENDED) / (2 * eta)
    return np.array([_transport_bound(*state, cost) for state in zip(phi, p, nu, strict=True)])


def _transport_bound(phi: Array, p: Array, nu: Array, cost: Array) -> float:
    slack = cost - phi[:, None]
    slack = slack - slack.min(axis=0)
    rows, columns = p > 0, nu > 0
    reduced = np.ascontiguousarray(slack[np.ix_(rows, columns)], dtype=float)
    p, nu = p[rows], nu[columns]
    with warnings.catch_warnings():
        # POT warns of its own syntax when imported, and of plans that the lines below mend.
        warnings.simplefilter("ignore")
        from ot import emd

        plan = emd(p.astype(float), nu, reduced, numItermax=PIVOTS).astype(EXTENDED)
    for axis, mass in ((1, p), (0, nu)):
        total = plan.sum(axis=axis, keepdims=True)
        wanted = np.expand_dims(mass, axis)
        plan *= np.minimum(1.0, np.divide(wanted, total, out=np.ones_like(total), where=total > 0))
    left = max((p - plan.sum(axis=1)).sum(), (nu - plan.sum(axis=0)).sum())
    u = unit_roundoff(EXTENDED)
    size = cost.max() + np.abs(phi).max()
    return float((plan * reduced).sum() + left * slack.max() + u * (6 + sum(slack.shape)) * size)


def freezing_step(Q: Array, nu: Array, C: Array, tau: float, log_w: Array) -> Array:
    """The largest η, shape (S,), for which the proximal step returns ν itself: freezing.

    ν stays iff φ_i − φ_j ≤ C_ij/(2η) for all i, and all j with ν_j > 0, where φ = Q − τ log(ν/w):

        η = min_{i≠j} C_ij / (2(φ_i − φ_j)₊),

    ∞ at the Gibbs policy, 0 when an allowed action has no mass or a forbidden one has some. C (n, n).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = np.where(log_w > -np.inf, Q - tau * (np.log(nu) - log_w), -np.inf)
        rise = phi[:, :, None] - phi[:, None, :]
        used = (nu > 0)[:, None, :] & (rise > 0)
        return np.asarray(np.where(used, C / (2 * rise), np.inf).min(axis=(1, 2)))


@partial(jax.jit)
def _solve(Q: Any, nu: Any, C: Any, tau: Any, eta: Any, log_w: Any, tol: Any) -> tuple[Any, Any]:
    one = partial(_state, cost=C / (2 * eta * tau), tol=tol / tau)
    phi, steps = jax.vmap(one)(Q / tau + log_w[None], nu)
    return tau * phi, steps


def _state(log_gibbs: Any, nu: Any, *, cost: Any, tol: Any) -> tuple[Any, Any]:
    """The interior point of one state in units of τ: φ and the number of iterations.

    The plan is Γ = Rν with columns of R of sum one, S its reduced costs. On the central path
    R_ijS_ij = μ(ν_j + 1/m)/ν_j: columns without mass stay inside instead of shortening the steps.
    """
    n, m = cost.shape
    mass = nu[None]
    path = (mass + 1.0 / m) / jnp.maximum(mass, 1e-25)
    R = jnp.full((n, m), 1.0 / n)
    phi = log_gibbs + jnp.log(n)
    S = cost - phi[:, None]
    S = S - S.min(axis=0)[None] + 1.0

    def unfinished(carry: Any) -> Any:
        _, _, phi, k, gap, _ = carry
        return (k < LIMIT) & (gap > tol) & jnp.isfinite(phi).all()

    def iterate(carry: Any) -> Any:
        R, S, phi, k, gap, best = carry
        solve = _newton(R, S, phi, log_gibbs, nu)
        mu = jnp.sum(R * S * mass) / (2.0 * n)
        dR, dS, _ = solve(0.0)
        a, b = _longest(R, dR), _longest(S, dS)
        sigma = (jnp.sum((R + a * dR) * (S + b * dS) * mass) / (2.0 * n * mu)) ** 3
        dR, dS, dphi = solve(sigma * mu * path - a * b * dR * dS)
        a, b = 0.995 * _longest(R, dR), 0.995 * _longest(S, dS)
        R, S, phi = jnp.maximum(R + a * dR, FLOOR), S + b * dS, phi + b * dphi
        new = _gap_estimate(phi, R, log_gibbs, nu, cost)
        better = new < gap
        return R, S, phi, k + 1, jnp.where(better, new, gap), jnp.where(better, phi, best)

    start = (R, S, phi, 0, jnp.inf, phi)
    _, _, _, steps, _, best = jax.lax.while_loop(unfinished, iterate, start)
    return best, steps


def _newton(R: Any, S: Any, phi: Any, log_gibbs: Any, nu: Any) -> Any:
    """The function target ↦ (dR, dS, dφ) of Newton's method for RS = target.

    S stays in step with φ and ψ by linearity. Forming it anew would lose it below the rounding of C.
    """
    p = R @ nu
    E = R / S
    columns = E.sum(axis=0)
    short = log_gibbs - jnp.log(p) - phi
    factors = _eliminate((E * (nu / columns)[None]) @ E.T, p)

    def solve(target: Any) -> Any:
        A = target / S - R
        b = (1.0 - R.sum(axis=0) - A.sum(axis=0)) / columns
        dphi = _substitute(factors, p * short - A @ nu - E @ (nu * b))
        dpsi = b - (dphi @ E) / columns
        dS = -(dphi[:, None] + dpsi[None])
        return A - E * dS, dS, dphi

    return solve


def _eliminate(W: Any, s: Any) -> tuple[Any, Any]:
    """Factors U, d of the M-matrix with off-diagonal −W and row sums s > 0, as (I−U)ᵀ diag(d) (I−U).

    In the form of Grassmann, Taksar and Heyman, row sums carried instead of diagonals: nothing is
    subtracted, and small gaps stay within reach although the entries of W grow like 1/gap.
    """
    n = len(s)
    pad = -n % PANEL
    index = jnp.arange(n + pad + 1)
    table = jnp.pad(W, ((0, pad), (0, pad + 1)))
    table = table.at[:, -1].set(jnp.pad(s, (0, pad), constant_values=1.0))

    def panel(table: Any, first: Any) -> Any:
        rows = jax.lax.dynamic_slice_in_dim(table, first, PANEL)
        kept, shares, pivots = [], [], []
        for k in range(PANEL):
            row = jnp.where(index > first + k, rows[k], 0.0)
            pivot = row.sum()
            share = row / pivot
            rows = rows + jax.lax.dynamic_slice_in_dim(share, first, PANEL)[:, None] * row[None]
            kept.append(row)
            shares.append(share[:-1])
            pivots.append(pivot)
        U = jnp.stack(shares)
        return table + U.T @ jnp.stack(kept), (U, jnp.stack(pivots))

    _, (U, d) = jax.lax.scan(panel, table, jnp.arange(0, n + pad, PANEL))
    return jnp.eye(n) - U.reshape(-1, n + pad)[:n, :n], d.ravel()[:n]


def _substitute(factors: tuple[Any, Any], b: Any) -> Any:
    U, d = factors
    forward = solve_triangular(U, b, trans=1, unit_diagonal=True)
    return solve_triangular(U, forward / d, unit_diagonal=True)


def _longest(x: Any, dx: Any) -> Any:
    """The largest step of at most one that keeps x + step·dx ≥ 0."""
    return 1.0 / jnp.maximum(jnp.max(-dx / x), 1.0)


def _gap_estimate(phi: Any, R: Any, log_gibbs: Any, nu: Any, cost: Any) -> Any:
    """The duality gap of φ by the plan Rν, mended to the marginals p_φ and ν by a product measure."""
    reduced = cost - phi[:, None]
    reduced = reduced - reduced.min(axis=0)[None]
    p = jax.nn.softmax(log_gibbs - phi)
    plan = R * (nu / R.sum(axis=0))[None]
    rows = plan.sum(axis=1)
    kept = jnp.minimum(1.0, p / rows)
    out, into = p - kept * rows, nu - kept @ plan
    total = out.sum()
    mended = jnp.where(total > 0, out @ reduced @ into / jnp.where(total > 0, total, 1.0), 0.0)
    return kept @ (plan * reduced).sum(axis=1) + mended
