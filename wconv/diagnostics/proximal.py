"""What the steps of the proximal scheme moved, with their certificates: all recomputed from the policies."""

from dataclasses import dataclass

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.dynamics.path import Path
from wconv.dynamics.proximal import WPPG
from wconv.dynamics.proximal_plane import plane_distance_squared
from wconv.dynamics.step_transport import transport_of
from wconv.exact.evaluate import Evaluation
from wconv.measured import Measured, stack
from wconv.measures.densities import Density, same_grid
from wconv.measures.semirelaxed import semidiscrete_w2
from wconv.measures.spaces import FiniteSet
from wconv.measures.transport import transport_cost


@dataclass(frozen=True, eq=False)
class ProximalSteps:
    """K steps of WPPG: ``moved`` = W²(π_{k+1}, π_k) and the duality ``gap`` of each, both (K, S).

    The gap bounds the error of the one-step inequality against every competitor. ``freezes`` is the
    largest η (K, S) that would have left π_k where it was, see ``longest_frozen_step``.
    """

    moved: Measured
    gap: Measured
    freezes: Array


def proximal_steps(path: Path) -> ProximalSteps:
    """Distances and certificates of the steps of a path of ``WPPG``.

    Both come from the policies alone: the potential of a step is φ = q^{π_k} − τ log(dπ_{k+1}/dμ).
    W² is that of the step, see ``step_distance``.

    Raises:
        InputError: a path of another method, or one that keeps only some of its steps.

    """
    method, mdp = path.method, path.mdp
    if not isinstance(method, WPPG):
        require.fail("path", "be one of WPPG", method, "wc.evolve(wc.WPPG(step), ...)")
    if not np.allclose(np.diff(path.times), method.step, rtol=1e-6, atol=0.0):
        require.fail("path", "keep every step", path, "leave samples out")
    transport, eta = transport_of(mdp), method.step
    moved, gap, freezes = [], [], []
    for value, new in zip(path.evaluations[:-1], path.policies[1:], strict=True):
        p, nu, phi = new.pi, value.policy.pi, value.Q - mdp.tau * new.logf
        off = transport.gap(phi, value.Q, nu, eta)
        if mdp.grid.is_finite_set or mdp.grid.dim == 1:
            moved.append(step_distance(new, value.policy))
        else:
            dual = plane_distance_squared(phi, p, nu, mdp.grid, eta)
            moved.append(Measured.of(dual, gap=2 * eta * off))
        gap.append(Measured.of(off, how="upper bound"))
        freezes.append(longest_frozen_step(value))
    return ProximalSteps(stack(moved), stack(gap), np.stack(freezes))


def longest_frozen_step(value: Evaluation) -> Array:
    """The largest η whose proximal step leaves an evaluated policy where it is, (S,).

    min C_ij/(2(φ_i − φ_j)₊) on a finite set of squared distances C, φ = q − τ log(dπ/dμ), ∞ at rest;
    0 on a continuum, where short steps move, too.
    """
    mdp = value.mdp
    if not isinstance(mdp.grid.space, FiniteSet):
        return np.zeros(mdp.n_states)
    from wconv.dynamics.proximal_finite import freezing_step

    cost = mdp.grid.space.distances() ** 2
    return freezing_step(value.Q, value.policy.pi, cost, mdp.tau, mdp.grid.log_weights)


def step_distance(new: Density, old: Density) -> Measured:
    """W²(π', π) as a proximal step from π sees it, shape (S,): 0 at π' = π, where it is least.

    On a line or a circle π' has atoms at the nodes and π is constant on the cells around them, less h²/12,
    so much as every cell needs to gather in its node; on a finite set in its metric. Not symmetric.

    Raises:
        InputError: other nodes, or actions in a plane (there ``proximal_steps`` knows those of its steps).

    """
    same_grid(new, old)
    grid = old.grid
    p, nu = (np.exp(x.logf + x.grid.log_weights) for x in (new, old))
    if isinstance(grid.space, FiniteSet):
        return transport_cost(p, nu, grid.space.distances() ** 2)
    return semidiscrete_w2(p, nu, grid)
