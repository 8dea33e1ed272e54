"""How C_P and C_LS move with the density: the spectral gap in JAX, the envelope of C_LS in NumPy.

Of λ = min ∫g'²dp/∫g²dp and C_LS = max Ent(g²)/(2∫g'²dp) the derivative with respect to log p is that of the
quotient at the g that attains it (Hellmann–Feynman, the envelope theorem): how g moves does not matter. Where
two g attain it, as on the uniform circle, either gives a one-sided derivative.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import xlog1py

from wconv import _require as require
from wconv._axes import ActionValue, Array
from wconv.constants.record import Constant
from wconv.mdp.policy import Policy


def spectral_gap(log_p: Any, spacing: Any, *, periodic: bool) -> Any:
    """λ_1 of the reversible chain of masses ∝ e^{log p} on equal cells, a number; 1/λ_1 is nearly C_P.

    λ_1 = min Σ √(p_ip_j)(g_i − g_j)²/h² / Σ p_ig_i² over Σ p_ig_i = 0, of log p (A,) at the nodes of an
    interval (reflecting ends) or a circle. In JAX; second order in the spacing h, neither above nor below.
    """
    return _gap(log_p - jnp.max(log_p), spacing, periodic)


def _least(log_p: Any, spacing: Any, periodic: Any) -> Any:
    return _ground(log_p, spacing, periodic)[0]


def _hellmann_feynman(primals: Any, tangents: Any) -> Any:
    """λ̇ = Σ ċ_e(g_i − g_j)² − λ Σ ṁ_ig_i² with Σ m_ig_i² = 1, c_e = √(p_ip_j)/h², ṁ = p·(log p)˙."""
    log_p, spacing, periodic = primals
    moved, stretched, _ = tangents
    gap, g = _ground(log_p, spacing, periodic)
    rates = jnp.exp((log_p + jnp.roll(log_p, -1)) / 2) * _links(log_p, periodic) / spacing**2
    energy = rates * (jnp.roll(g, -1) - g) ** 2
    along = jnp.sum(energy * (moved + jnp.roll(moved, -1)) / 2)
    along = along - gap * jnp.sum(jnp.exp(log_p) * g**2 * moved)
    return gap, along - 2 * gap * stretched / spacing


_gap = jax.custom_jvp(_least)
_gap.defjvp(_hellmann_feynman)


def _links(log_p: Any, periodic: Any) -> Any:
    """One for every node with a neighbour after it, (A,)."""
    last = jnp.arange(log_p.shape[0]) == log_p.shape[0] - 1
    return jnp.where(last & ~jnp.asarray(periodic, dtype=bool), 0.0, 1.0)


def _ground(log_p: Any, spacing: Any, periodic: Any) -> tuple[Any, Any]:
    """λ_1 and its g with Σ p_ig_i² = 1, from the symmetric −√p K √p^{-1}, whose links are all 1/h²."""
    links = _links(log_p, periodic) / spacing**2
    half = (jnp.roll(log_p, -1) - log_p) / 2
    diagonal = links * jnp.exp(half) + jnp.roll(links * jnp.exp(-half), 1)
    index = jnp.arange(log_p.shape[0])
    off = jnp.zeros((index.size, index.size)).at[index, jnp.roll(index, -1)].add(-links)
    values, vectors = jnp.linalg.eigh(jnp.diag(diagonal) + off + off.T)
    return values[1], vectors[:, 1] * jnp.exp(-log_p / 2)


def log_sobolev_gradient(policy: Policy, found: Constant) -> ActionValue:
    """G (S, A) with δ log C_LS = Σ_i G_i δ(log p)_i when log-densities move: the envelope of C_LS.

    G = p·[(u log u − u + 1)/Ent(u) − g'²/∫g'²dp]·cell with u = g², ∫u dp = 1 and g the extremal. Exact up to
    quadrature on the nodes, where C_LS has one extremal.

    Args:
        policy: densities on an interval or a circle.
        found: their ``log_sobolev``, with its witness g.

    Raises:
        InputError: another number of states, actions that form no line, a constant without witness.

    """
    grid = policy.grid
    if grid.dim != 1 or grid.is_finite_set:
        require.fail("policy", "have actions on a line or circle", grid.shape, "use another")
    if found.symbol != "C_LS" or found.witness is None:
        remedy = "give wc.log_sobolev(policy)"
        require.fail("found", "be C_LS with a witness", found.symbol, remedy)
    require.shape("found", found.lower, policy.logf.shape[:1], "(states,)")
    length = grid.n * grid.spacing[0] if grid.periodic else None
    each = zip(found.witness.nodes, found.witness.values, policy.pi, strict=True)
    rows = [_envelope(nodes, g, pi, grid.nodes[:, 0], length) for nodes, g, pi in each]
    return np.stack(rows)


def _envelope(nodes: Array, g: Array, pi: Array, a: Array, length: float | None) -> Array:
    """One row of ``log_sobolev_gradient``; ``length`` of the circle."""
    nodes, first = np.unique(nodes, return_index=True)
    g = np.abs(g[first])
    if length is not None:
        nodes, g = np.append(nodes, nodes[0] + length), np.append(g, g[0])
        a = nodes[0] + np.mod(a - nodes[0], length)
    spline = CubicSpline(nodes, g, bc_type="not-a-knot" if length is None else "periodic")
    at, slope = spline(a), spline(a, 1)
    norm = (pi * at**2).sum()
    less = at / np.sqrt(norm) - 1.0
    square = less * (2.0 + less)
    local = xlog1py(1.0 + square, square) - square
    energy = slope**2
    return np.asarray(pi * (local / (pi * local).sum() - energy / (pi * energy).sum()))
