"""The modified log-Sobolev constant of the reversible chain of a grid, C_h = sup 2 KL(π‖p)/I_h(π‖p).

Along dπ/dt = Kᵀπ, K_ij = (τ/ℓ²)√(p_j/p_i) between neighbours, dKL/dt = −τI_h ≤ −(2τ/C_h) KL: it is for the
chain what C_LS is for the flow. With E_h(f) = Σ_edges ℓ^{-2}√(p_ip_j)(f_i − f_j)² and C_P(h) the best
constant of Var_p ≤ C_P(h) E_h,

    C_P(h) ≤ C_h ≤ sup Ent(u)/(2E_h(√u)) ≤ C_P(h) · log(1/p_* − 1)/(2(1 − 2p_*)),   p_* = min p:

linearise; (a − b)(log a − log b) ≥ 4(√a − √b)²; Diaconis and Saloff-Coste (Ann. Appl. Probab. 6, 1996,
Corollary A.4). On paths and even cycles with equal masses the log-Sobolev constant is C_P(h) (Chen and
Sheu, J. Funct. Anal. 202, 2003; a path is a folded cycle), on their products the largest, and a density
f costs e^{osc log f} as usual.
"""

from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.ascent import ascend, modified_form
from wconv.constants.graph import Graph, slow_modes
from wconv.constants.record import Constant, Side, Witness, constant
from wconv.mdp.policy import Policy
from wconv.measured import EPS
from wconv.measures.densities import Density, extended_density
from wconv.measures.divergences import kl
from wconv.measures.fisher import fisher_dirichlet
from wconv.measures.spaces import Grid

MODES: Final = 3
"""Slow modes whose exponentials are starts, beside those of the coordinates."""

SINGLES: Final = 16
"""Sets of at most so many actions also start from each action alone."""


def modified_log_sobolev(policy: Density) -> Constant:
    """The best C_h with KL(π‖p) ≤ (C_h/2) I_h(π‖p) for all π on the grid, in every state.

    Lower sides: C_P(h), and the quotient of a witness π found by ascent from several starts, computed
    by ``kl`` and ``fisher_dirichlet`` with their errors. Upper sides: the theorems of this module. The
    estimate is the lower side: how far the ascent is from the best π is unknown.

    Returns:
        C_h of shape (S,), dπ/dp as witness; diagnostics "C_P(h)" and "entropy" KL(π‖p) of the witness.

    Raises:
        InputError: p vanishes somewhere, or the edges of the grid do not connect it.

    """
    grid = policy.grid
    _require_positive(policy)
    log_mass = np.log(extended_density(policy)[0]).astype(float)
    graphs = [Graph(row, grid.edges, grid.lengths**-2.0) for row in log_mass]
    _require_connected(graphs[0])
    gaps, slack, logs = [], [], []
    for graph in graphs:
        values, modes = slow_modes(graph, min(MODES, grid.n - 1))
        gaps.append(values[0])
        slack.append(_residual(graph, values[0], modes[0]))
        logs.append(ascend(graph, modified_form, [*modes, *_directions(grid)]).v)
    gap, lost, v = np.array(gaps), np.array(slack), np.array(logs)
    pi = Policy(policy.logf + v, grid)
    entropy, information = kl(pi, policy), fisher_dirichlet(pi, policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 2 * (entropy.value - entropy.error) / (information.value + information.error)
        found = np.where(information.value > 0, np.maximum(found, 0.0), 0.0)
        largest = np.where(gap > lost, 1.0 / (gap - lost), np.inf)
    return constant(
        "C_h",
        [
            Side((1.0 - 1e-12) / gap, "numerical", "spectral gap"),
            Side(found, "numerical", "ascent"),
        ],
        [
            Side(largest * _over_gap(log_mass), "numerical", "Diaconis–Saloff-Coste"),
            Side(_over_uniform(log_mass, grid), "numerical", "Chen–Sheu and Holley–Stroock"),
        ],
        estimate=np.maximum(found, 1.0 / gap),
        witness=Witness(np.broadcast_to(grid.nodes, (len(v), *grid.nodes.shape)), np.exp(v)),
        diagnostics={"C_P(h)": 1.0 / gap, "entropy": entropy.value},
    )


def _directions(grid: Grid) -> list[Array]:
    """Functions along which ascents start: coordinates, and single actions of a small set."""
    singles = np.eye(grid.n) if grid.n <= SINGLES else np.empty((0, grid.n))
    return [*grid.nodes.T, *singles]


def _residual(graph: Graph, value: float, f: Array) -> float:
    """‖−Kf − λf‖ for ∫f²dp = 1, and its rounding: an eigenvalue is as near as this."""
    i, j = graph.edges.T
    root, step = np.exp(graph.log_mass / 2), np.exp((graph.log_mass[j] - graph.log_mass[i]) / 2)
    rise = f[i] - f[j]
    with np.errstate(over="ignore", invalid="ignore"):
        out = graph.gather(graph.rate * step * rise, -graph.rate / step * rise) - value * f
        terms = graph.gather(graph.rate * step, graph.rate / step) * f
        return float(np.linalg.norm(root * out) + 8 * EPS * np.linalg.norm(root * terms))


def _over_gap(log_mass: Array) -> Array:
    """log(1/p_* − 1)/(2(1 − 2p_*)), one at p_* = 1/2, in every state."""
    log_odds = log_mass.min(axis=-1)
    least = np.exp(log_odds)
    spread = np.log1p(-least) - log_odds
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-8, spread / (2 * (1 - 2 * least)), 1.0)


def _over_uniform(log_mass: Array, grid: Grid) -> Array:
    """e^{osc log p} times the largest C_P(h) of the axes with equal masses; infinite if unknown."""
    states = len(log_mass)
    if grid.is_finite_set or (grid.periodic and min(grid.shape) % 2):
        return np.full(states, np.inf)
    turns = [2 * np.pi / n if grid.periodic and n > 2 else np.pi / n for n in grid.shape]
    gaps = [(2 * np.sin(t / 2) / h) ** 2 for t, h in zip(turns, grid.spacing, strict=True)]
    with np.errstate(over="ignore"):
        factor = np.exp(np.ptp(log_mass, axis=-1))
    return np.asarray(factor / min(gaps) * (1.0 + 1e-12))


def _require_positive(policy: Density) -> None:
    with np.errstate(divide="ignore"):
        zero = ~np.isfinite(policy.logf + policy.grid.log_weights)
    if zero.any():
        state, node = (int(k) for k in np.argwhere(zero)[0])
        require.fail(
            "policy",
            "be positive at every action",
            f"0 in state {state} at action {node}",
            "leave actions of no mass out of the set, or mix in a little of the reference",
        )


def _require_connected(graph: Graph) -> None:
    from scipy.sparse.csgraph import connected_components

    if len(graph.log_mass) < 2:
        require.fail("policy", "have a choice", "one action", "with one action KL and I_h vanish")
    ones = np.ones(len(graph.rate))
    pieces, _ = connected_components(graph.matrix(np.ones(len(graph.log_mass)), ones))
    if pieces > 1:
        remedy = "between parts without an edge nothing moves and C_h is infinite: add edges"
        require.fail("edges", "connect all actions", f"{pieces} parts", remedy)
