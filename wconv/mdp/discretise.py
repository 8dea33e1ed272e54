"""From a problem with continuous states to a finite MDP on nodes of states and actions.

What is made is a true MDP (see ``state_grid``): its transitions are non-negative, so that every
statement about MDPs applies to it exactly, P(·|x, a) = Σ_j w_j(f(x, a))B_j, and C⁴ in the action.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.continuous import ContinuousMDP, continuous
from wconv.mdp.factored import Factored, successors
from wconv.mdp.model import MDP, make_mdp
from wconv.mdp.smooth import SmoothMDP, of_state
from wconv.mdp.state_grid import StateGrid, state_grid
from wconv.mdp.tabulate import continuous_tables

SMALL: Final = 4_000_000
"""Entries up to which the transition is a dense table; above it is W·B, which is never formed."""

BLOCK: Final = 200_000
"""Pairs (x, a) whose weights are computed at a time."""


def discretise(
    problem: ContinuousMDP,
    *,
    states: int | Sequence[int],
    actions: int,
    name: str = "continuous",
) -> MDP:
    """The MDP of a continuous problem on ``states`` nodes an axis and ``actions`` nodes an axis.

    r_sa = r(x_s, a), P(s'|s, a) = Σ_j w_j(f(x_s, a))B_js': exact expectations of the noise, see
    ``state_grid``. Where V* is quadratic and no path meets an end it is exact on the nodes. The MDP carries
    the grid of its states, ``mdp.smooth.states``, and the problem, ``mdp.smooth.continuous``; ``name`` is
    what tables and titles call it.

    Raises:
        InputError: naming dynamics or reward when their shape or type is wrong or f leaves the states,
            noise or states that do not fit, a grid too coarse for the noise, and what ``make_mdp`` refuses.

    """
    if not hasattr(continuous(problem).actions, "grid"):
        got = type(problem.actions).__name__
        require.fail("actions", "be a space", got, "e.g. wc.Interval(-1.0, 1.0)")
    grid = state_grid(problem.axes, problem.deviations, states)
    nodes, B = grid.nodes, grid.noise_matrix()
    smooth = _on_nodes(problem, grid, nodes, B)
    action_grid = problem.actions.grid(require.count("actions", actions, 1))
    r, f = continuous_tables(problem, nodes[:, None], action_grid.nodes[None])
    return make_mdp(
        r,
        _transition(f, grid, B),
        discount=problem.discount,
        temperature=problem.temperature,
        grid=action_grid,
        name=name,
        smooth=smooth,
    )


def _transition(f: Array, grid: StateGrid, B: Any) -> Any:
    """P of the means f (S, A, k): a table where it is small, else where to and then the noise."""
    pairs = f.reshape(-1, f.shape[-1])
    blocks = [grid.sparse_weights(pairs[k : k + BLOCK]) for k in range(0, len(pairs), BLOCK)]
    columns, weights = (np.concatenate(part) for part in zip(*blocks, strict=True))
    W = successors(columns, weights, grid.n)
    product = Factored(W, B)
    if len(pairs) * grid.n > SMALL:
        return product
    return product.toarray().reshape(*f.shape[:2], grid.n)


def _on_nodes(problem: ContinuousMDP, grid: StateGrid, nodes: Array, B: Any) -> SmoothMDP:
    """The functions of the action at the nodes of the states."""

    def reward(s: Any, a: Any) -> Any:
        return problem.reward(of_state(nodes, s, a), a)

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        weights = grid.dense_weights(problem.dynamics(of_state(nodes, s, a), a))
        return weights @ xp.asarray(B if isinstance(B, np.ndarray) else B.toarray())

    return SmoothMDP(
        reward,
        transition,
        grid.n,
        problem.discount,
        problem.temperature,
        problem.actions,
        states=grid,
        continuous=problem,
    )
