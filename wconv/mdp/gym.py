"""Problems from Gymnasium's toy-text tables (extra ``wconv[gym]``)."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.model import MDP, make_mdp, numbers
from wconv.mdp.triplets import transition_from
from wconv.measures.spaces import FiniteSet

DENSE_STATES: Final = 32
"""Up to this many states the transitions are a dense array, beyond it CSR."""

_COMPASS: Final = {
    "left": (-1.0, 0.0),
    "down": (0.0, -1.0),
    "right": (1.0, 0.0),
    "up": (0.0, 1.0),
}
_MOVES: Final = {
    "FrozenLake": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
}
"""The order of the actions in the environments whose actions are moves in the plane."""

Table = list[list[list[tuple[float, int, float, bool]]]]
"""table[s][a] = [(probability, next state, reward, done), ...]."""


def from_gymnasium(
    env: Any, *, temperature: float, discount: float, embed: Any = None, **make_kwargs: Any
) -> MDP:
    """The problem of an environment with a table ``env.unwrapped.P`` (FrozenLake, Taxi, ...).

    r(s, a) = Σ p·reward over the outcomes of (s, a). An episode that ends stays where it ended,
    with reward 0: a state entered only with done=True becomes absorbing; when some state is entered
    with and without, or episodes start there, one more state, the last, takes the endings there. Up to
    32 states P is dense, beyond it CSR.

    Args:
        env: an environment or its id, for example "FrozenLake-v1", "Taxi-v4", "CliffWalking-v1".
        temperature: τ > 0.
        discount: γ in [0, 1).
        embed: the actions as points of R^d, shape (A, d). By default unit vectors of the plane for
            the moves of FrozenLake and CliffWalking, the standard basis of R^A otherwise.
        make_kwargs: passed on to ``gymnasium.make``.

    Raises:
        InputError: when Gymnasium is missing (naming the extra), refuses the id or its options, or
            the environment has no table.

    """
    if isinstance(env, str):
        env = _make(env, make_kwargs)
    elif make_kwargs:
        require.fail(
            "make_kwargs", "come with an environment id", sorted(make_kwargs), "pass the id instead"
        )
    table = _table(env)
    initial = getattr(env.unwrapped, "initial_state_distrib", None)
    starts = set() if initial is None else set(np.flatnonzero(initial).tolist())
    rewards, outcomes, states = _close(table, starts)
    points = _points(env, len(table[0])) if embed is None else numbers("embed", embed)
    if initial is not None:
        initial = np.concatenate([initial, np.zeros(states - len(table))])
    return make_mdp(
        rewards,
        _transition(outcomes, (states, len(table[0]))),
        discount=discount,
        temperature=temperature,
        grid=FiniteSet(points).grid(),
        initial=initial,
        name=_kind(env),
    )


def _gymnasium() -> ModuleType:
    try:
        import gymnasium
    except ImportError:
        require.fail("gymnasium", "be installed", "no module", "pip install 'wconv[gym]'")
    return gymnasium  # type: ignore[no-any-return]


def _make(env_id: str, make_kwargs: Mapping[str, Any]) -> Any:
    gymnasium = _gymnasium()
    try:
        return gymnasium.make(env_id, **make_kwargs)
    except (gymnasium.error.Error, TypeError, KeyError, ValueError) as error:
        reason = f"{env_id!r} ({type(error).__name__}: {error})"
        require.fail(
            "env", "be an environment Gymnasium can make", reason, "fix the id or its options"
        )


def _kind(env: Any) -> str:
    spec = getattr(env, "spec", None)
    return "gymnasium" if spec is None else str(spec.name)


def _table(env: Any) -> Table:
    P = getattr(getattr(env, "unwrapped", None), "P", None)
    if not isinstance(P, Mapping):
        require.fail(
            "env", "have a table env.unwrapped.P", _kind(env), "only toy-text environments have one"
        )
    sizes = {len(row) for row in P.values()}
    if len(sizes) != 1 or set(P) != set(range(len(P))):
        require.fail("env", "number states from 0, all with as many actions", sizes, "use another")
    return [[list(P[s][a]) for a in range(len(P[s]))] for s in range(len(P))]


def _outcomes(table: Table) -> Iterator[tuple[int, int, float, int, float, bool]]:
    for s, row in enumerate(table):
        for a, outcomes in enumerate(row):
            for p, to, reward, done in outcomes:
                yield s, a, float(p), int(to), float(reward), bool(done)


def _close(table: Table, starts: set[int]) -> tuple[Array, list[tuple[int, int, int, float]], int]:
    """Rewards (S, A), outcomes (s, a, s', p) and S of the table with its endings made absorbing."""
    ends = {to for *_, to, _, done in _outcomes(table) if done}
    passed = {to for s, _, _, to, _, done in _outcomes(table) if not done and to != s} | starts
    absorbing = ends - passed
    sink = len(table)
    states = sink + bool(ends & passed)
    actions = len(table[0])
    rewards = np.zeros((states, actions))
    outcomes = [(s, a, s, 1.0) for s in sorted(absorbing) for a in range(actions)]
    outcomes += [(sink, a, sink, 1.0) for a in range(actions) if states > sink]
    for s, a, p, to, reward, done in _outcomes(table):
        if s not in absorbing:
            rewards[s, a] += p * reward
            outcomes.append((s, a, sink if done and to in passed else to, p))
    return rewards, outcomes, states


def _transition(outcomes: list[tuple[int, int, int, float]], shape: tuple[int, int]) -> Any:
    s, a, to, p = (np.asarray(column) for column in zip(*outcomes, strict=True))
    return transition_from(s * shape[1] + a, to, p, shape, sparse=shape[0] > DENSE_STATES)


def _points(env: Any, actions: int) -> Array:
    moves = _MOVES.get(_kind(env))
    return np.eye(actions) if moves is None else np.array([_COMPASS[move] for move in moves])
