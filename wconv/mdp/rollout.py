"""Continuous states off the grid: V and its policy at every state, and returns of simulated episodes.

    star = wc.solve(mdp)                                          # of an MDP made by wc.discretise
    policy = wc.between_nodes(mdp, star.V)                        # the Gibbs policy of V at any x
    value = wc.simulate(policy.problem, policy, [0.5, 1.0])       # its soft return, with its error

A simulation knows nothing of the nodes of the states: x' = f(x, a) + σξ is drawn as it stands, reflected
or wrapped. Its mean is an account of V that shares only f, r and the action nodes with the solver.
"""

from dataclasses import dataclass, replace
from math import ceil, log
from typing import Final, Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.continuous import ContinuousMDP, continuous
from wconv.mdp.model import MDP, numbers
from wconv.mdp.policy import Policy, softmax_policy
from wconv.mdp.state_grid import StateGrid
from wconv.mdp.tabulate import continuous_tables
from wconv.measured import Measured
from wconv.measures.replications import replicated
from wconv.measures.spaces import Interval

CONFIDENCE: Final = 0.999
"""Of the error "sampling", to either side and of all starts jointly."""

FORGOTTEN: Final = 1e-5
"""γ^T when the number T of steps is left open."""

BLOCK: Final = 50_000
"""Pairs (x, a) whose weights are computed at a time."""


class Draws(Protocol):
    """A policy at every state, as far as a simulation needs it."""

    def draw(self, x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Actions at states x (n, k), shape (n, d), and log(dπ/dμ) there, shape (n,)."""
        ...


@dataclass(frozen=True, eq=False)
class BetweenNodes:
    """V and its Gibbs policy at every state; made by ``between_nodes``.

    ``problem`` is the one that was discretised, ``after`` is BV, shape (S,).
    """

    mdp: MDP
    states: StateGrid
    problem: ContinuousMDP
    after: Array

    def __repr__(self) -> str:
        return f"BetweenNodes({self.mdp!r})"

    def q(self, x: Array) -> Array:
        """Soft Q, r(x, a_i) + γΣ_j w_j(f(x, a_i))(BV)_j, of states x (n, k), shape (n, A).

        Raises:
            InputError: states of another shape or beyond the ends, f that leaves them.

        """
        points, a = self.problem.inside("x", numbers("x", x)), self.mdp.grid.nodes[None]
        if points.ndim != 2:
            require.fail("x", "have shape (n, coordinates)", points.shape, "reshape it")
        found = []
        for part in np.array_split(points[:, None], len(points) * self.mdp.n_actions // BLOCK + 1):
            r, f = continuous_tables(self.problem, part, a)
            where, w = self.states.sparse_weights(f)
            found.append(r + self.mdp.gamma * (w * self.after[where]).sum(axis=-1))
        return np.concatenate(found)

    def value(self, x: Array) -> Array:
        """The value (TV)(x) = τ log Σ_i m_i exp(q(x, a_i)/τ) of states x (n, k), shape (n,).

        Where V = TV this is V at the nodes, and between them as accurate as there.

        Raises:
            InputError: as ``q``.

        """
        q = self.q(x)
        # q − τ log f is the same number at every action.
        at = np.arange(len(q)), q.argmax(axis=-1)
        return np.asarray(q[at] - self.mdp.tau * self._gibbs(q).logf[at])

    def draw(self, x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Action nodes drawn from the Gibbs policy p ∝ e^{q/τ}m at states x (n, k), (n, d), and log f, (n,).

        Raises:
            InputError: as ``q``.

        """
        policy = self._gibbs(self.q(x))
        below = np.cumsum(policy.pi, axis=-1)
        u = rng.random(len(x)) * below[:, -1]
        chosen = (below[:, :-1] <= u[:, None]).sum(axis=-1)
        return self.mdp.grid.nodes[chosen], policy.logf[np.arange(len(x)), chosen]

    def _gibbs(self, q: Array) -> Policy:
        return softmax_policy(q / self.mdp.tau, self.mdp.grid)


def between_nodes(mdp: MDP, V: Array) -> BetweenNodes:
    """V (S,) of an MDP made by ``discretise`` and its Gibbs policy, at states between the nodes.

    One application of the Bellman operator, whose f, r and noise are known everywhere: V itself is not
    interpolated, and as accurate there as at the nodes.

    Raises:
        InputError: an MDP whose states are no nodes of a continuum, V of another shape or not finite.

    """
    smooth = mdp.smooth
    if smooth is None or smooth.states is None or smooth.continuous is None:
        remedy = "make it by wc.discretise (files keep its tables, not its functions)"
        require.fail("mdp", "have continuous states", repr(mdp), remedy)
    values = numbers("V", V)
    require.shape("V", values, (mdp.n_states,), "(states,)")
    require.finite("V", values)
    after = np.asarray(smooth.states.noise_matrix() @ values)
    # The temperature and discount of an MDP can be replaced; the continuous problem stays behind.
    problem = replace(smooth.continuous, discount=mdp.gamma, temperature=mdp.tau)
    return BetweenNodes(mdp, smooth.states, problem, after)


def simulate(
    problem: ContinuousMDP,
    policy: Draws,
    start: Array,
    *,
    episodes: int = 1000,
    steps: int | None = None,
    seed: int = 0,
) -> Measured:
    """The value V^π(x_0) = E Σ_t γ^t(r(x_t, a_t) − τ log f(a_t|x_t)) from simulated episodes.

    x' = f(x, a) + σξ, reflected at the ends of intervals and wrapped round circles: no grid of states.

    Args:
        problem: with its discount and temperature; ``policy.problem`` of ``between_nodes``.
        policy: of ``between_nodes``, or anything that draws actions and knows log f = log(dπ/dμ).
        start: x_0, shape (..., k): ``[x]`` is one state of one coordinate, ``[[x], [y]]`` are two.
        episodes: from every start.
        steps: T, of each; by default γ^T ≤ 1e-5.
        seed: of NumPy's default generator.

    Returns:
        The means, shape (...), with the errors "sampling" (Student's t: if means of returns are normal,
        all err to a given side by less with 99.9 % confidence) and "truncation", γ^T/(1−γ) times the
        largest |r − τ log f| met. Neither knows of rewards that no episode meets: where returns hang on
        rare events take many times 1/probability episodes.

    Raises:
        InputError: another kind of problem or policy, starts beyond the ends, fewer than 2 episodes or
            1 step, a mean f beyond the ends, and a policy that draws other shapes or densities that are
            not finite.

    """
    first = continuous(problem).inside("start", numbers("start", start))
    if not hasattr(policy, "draw"):
        remedy = "make it by wc.between_nodes, or give it draw(x, rng)"
        require.fail("policy", "draw actions at any state", type(policy).__name__, remedy)
    episodes = require.count("episodes", episodes, 2)
    gamma = require.within("discount", problem.discount, 0.0, 1.0, "later rewards must fade")
    if steps is None:
        steps = ceil(log(FORGOTTEN) / log(gamma)) if gamma > 0 else 1
    steps = require.count("steps", steps, 1)
    rng = np.random.default_rng(require.count("seed", seed, 0))
    x = np.broadcast_to(first, (episodes, *first.shape)).reshape(-1, first.shape[-1])
    total, largest = np.zeros(len(x)), 0.0
    for t in range(steps):
        a, logf = _drawn(policy, x, rng)
        r, mean = (table[:, 0] for table in continuous_tables(problem, x[:, None], a[:, None]))
        soft = r - problem.temperature * logf
        total += gamma**t * soft
        largest = max(largest, float(np.abs(soft).max()))
        x = _folded(problem, mean + rng.standard_normal(x.shape) * problem.deviations)
    values = replicated(total.reshape(episodes, *first.shape[:-1]), confidence=CONFIDENCE)
    return values.with_error("truncation", gamma**steps / (1.0 - gamma) * largest)


def _drawn(policy: Draws, x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """What the policy draws at x (n, k), with the shapes (n, d) and (n,) it must have."""
    a, logf = (numbers("draw", part) for part in policy.draw(x, rng))
    if a.ndim != 2 or len(a) != len(x):
        require.fail("actions of draw", f"have shape ({len(x)}, d)", a.shape, "one row a state")
    require.shape("log f of draw", logf, (len(x),), "(states,)")
    require.finite("log f of draw", logf, "give the density of what was drawn")
    return a, logf


def _folded(problem: ContinuousMDP, x: Array) -> Array:
    """Points (n, k) reflected at the ends of intervals and wrapped round circles."""
    folded = np.empty_like(x)
    for k, space in enumerate(problem.axes):
        if isinstance(space, Interval):
            width = space.high - space.low
            twice = (x[:, k] - space.low) % (2 * width)
            folded[:, k] = space.low + np.minimum(twice, 2 * width - twice)
        else:
            folded[:, k] = x[:, k] % space.length
    return folded
