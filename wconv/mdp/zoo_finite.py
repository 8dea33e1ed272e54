"""Finite problems of the zoo: tables, dense or sparse."""

from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.model import MDP, make_mdp
from wconv.mdp.triplets import transition_from
from wconv.mdp.zoo_registry import recipe
from wconv.measures.spaces import FiniteSet, Grid


@recipe("two-state", "stay and be paid, or leave for good: closed form by hand")
def two_state(*, temperature: float = 0.5, discount: float = 0.5, reward: float = 1.0) -> MDP:
    """State 0 with the actions stay (−1) and leave (+1); state 1 is absorbing.

    r(0, stay) = reward, all other rewards 0; staying stays, leaving leads to state 1; μ uniform.

    For a hand calculation: V*_1 = 0 and V*_0 = τ log(½e^{(reward + γV*_0)/τ} + ½). At γ = ½,
    x = e^{V*_0/(2τ)} and b = e^{reward/τ} solve x² = ½bx + ½, so V*_0 = 2τ log((b + √(b² + 8))/4).
    """
    gain = require.real("reward", reward)
    stay, leave = [1.0, 0.0], [0.0, 1.0]
    return make_mdp(
        [[gain, 0.0], [0.0, 0.0]],
        [[stay, leave], [leave, leave]],
        discount=discount,
        temperature=temperature,
        grid=_line(2),
    )


@recipe("garnet", "random tables with few successors")
def garnet(
    *,
    temperature: float = 0.5,
    discount: float = 0.9,
    states: int = 20,
    actions: int = 5,
    branching: int = 3,
    seed: int = 0,
    sparse: bool = False,
) -> MDP:
    """A random problem: r(s, a) uniform on [0, 1), ``branching`` successors of random weights.

    The successors of (s, a) are distinct and uniform, their probabilities uniform on the simplex.
    Actions are equidistant points of [−1, 1]. ``sparse`` stores the same numbers as CSR.

    For generic tables of any size, without structure to hide behind.
    """
    s, a = require.count("states", states, 1), require.count("actions", actions, 2)
    b = require.count("branching", branching, 1)
    if b > s:
        require.fail("branching", f"be at most the {s} states", b, "lower it")
    rng = np.random.default_rng(require.count("seed", seed, 0))
    rewards = rng.random((s, a))
    successors = np.stack([np.sort(rng.choice(s, b, replace=False)) for _ in range(s * a)])
    powers = rng.standard_exponential((s * a, b))
    masses = powers / powers.sum(axis=-1, keepdims=True)
    return make_mdp(
        rewards,
        _transition(successors, masses, s, sparse=sparse),
        discount=discount,
        temperature=temperature,
        grid=_line(a),
    )


@recipe("slow-chain", "a long line of states with local moves: slow mixing, distant rewards")
def slow_chain(
    *,
    temperature: float = 0.5,
    discount: float = 0.95,
    states: int = 50,
    actions: int = 5,
    width: int = 2,
    rewarding: int = 3,
    seed: int = 0,
    sparse: bool = False,
) -> MDP:
    """States on a line, moves of at most ``width``, the action pushing left or right.

    P(s'|s, a): s' = min(max(s + k, 0), S−1) with probability ∝ u_{s,k} e^{a k/width}, |k| ≤ width,
    u drawn from [½, 3/2), a equidistant in [−1, 1]. r(s, a) = w_s, drawn from [½, 1) in
    ``rewarding`` states and 0 elsewhere. ``sparse`` stores the same numbers as CSR.

    For slow mixing: information travels ``width`` states a step and occupancies concentrate.
    """
    s, a = require.count("states", states, 2), require.count("actions", actions, 2)
    reach, paid = require.count("width", width, 1), require.count("rewarding", rewarding, 0)
    if reach >= s:
        require.fail("width", f"be less than the {s} states", reach, "lower it")
    if paid > s:
        require.fail("rewarding", f"be at most the {s} states", paid, "lower it")
    rng = np.random.default_rng(require.count("seed", seed, 0))
    worth = np.zeros(s)
    worth[rng.choice(s, paid, replace=False)] = rng.uniform(0.5, 1.0, paid)
    moves = np.arange(-reach, reach + 1)
    drift = np.exp(np.multiply.outer(np.linspace(-1.0, 1.0, a), moves / reach))
    powers = rng.uniform(0.5, 1.5, (s, 1, len(moves))) * drift
    masses = powers / powers.sum(axis=-1, keepdims=True)
    successors = np.minimum(np.maximum(np.arange(s)[:, None, None] + moves, 0), s - 1)
    rows = np.broadcast_to(successors, masses.shape).reshape(s * a, -1)
    return make_mdp(
        np.repeat(worth[:, None], a, axis=1),
        _transition(rows, masses.reshape(s * a, -1), s, sparse=sparse),
        discount=discount,
        temperature=temperature,
        grid=_line(a),
    )


@recipe("frozen-lake", "Gymnasium's FrozenLake: reach the goal on slippery ice")
def frozen_lake(
    *,
    temperature: float = 0.05,
    discount: float = 0.95,
    slippery: bool = True,
    map_name: str = "4x4",
) -> MDP:
    """The FrozenLake-v1 table of Gymnasium (needs the extra ``wconv[gym]``).

    r(s, a) = P(the goal is reached next | s, a); holes and the goal are absorbing with reward 0.
    Actions left, down, right, up are unit vectors of the plane. ``map_name`` is "4x4" or "8x8".

    For a problem others know, with several actions a state that do the same.
    """
    from wconv.mdp.gym import from_gymnasium

    return from_gymnasium(
        "FrozenLake-v1",
        temperature=temperature,
        discount=discount,
        is_slippery=slippery,
        map_name=map_name,
    )


def _line(n: int) -> Grid:
    return FiniteSet(np.linspace(-1.0, 1.0, n)[:, None]).grid()


def _transition(successors: Array, masses: Array, states: int, *, sparse: bool) -> Any:
    """The table whose row s·A + a has ``masses`` at ``successors`` (both (S·A, branches))."""
    rows = np.repeat(np.arange(len(masses)), masses.shape[1])
    shape = (states, len(masses) // states)
    return transition_from(rows, successors.ravel(), masses.ravel(), shape, sparse=sparse)
