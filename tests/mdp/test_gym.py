"""Gymnasium's tables: recomputed from env.P by loops, and solved against known optimal returns."""

import sys
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from wconv._require import InputError
from wconv.mdp.gym import from_gymnasium

EPS = np.finfo(float).eps
SETTINGS = {"temperature": 0.1, "discount": 0.9}


def _raw(env_id, **kwargs):
    P = gymnasium.make(env_id, **kwargs).unwrapped.P
    return [[[(p, int(t), r, d) for p, t, r, d in P[s][a]] for a in P[s]] for s in range(len(P))]


def _raw_values(raw, gamma, steps):
    """Hard value iteration as the environment means it: nothing follows a done."""
    V = np.zeros(len(raw))
    for _ in range(steps):
        V = np.array(
            [
                max(sum(p * (r + (0 if d else gamma * V[t])) for p, t, r, d in q) for q in row)
                for row in raw
            ]
        )
    return V


def _values(mdp, gamma, steps):
    V = np.zeros(mdp.n_states)
    for _ in range(steps):
        V = (mdp.r + gamma * mdp.next_value(V)).max(axis=-1)
    return V


@pytest.mark.parametrize(
    ("env_id", "kwargs", "states", "sparse", "steps"),
    [
        ("FrozenLake-v1", {}, 16, False, 400),
        ("FrozenLake-v1", {"map_name": "8x8"}, 64, True, 60),
        ("CliffWalking-v1", {}, 48, True, 60),
        ("CliffWalking-v1", {"is_slippery": True}, 48, True, 60),
        ("Taxi-v4", {}, 501, True, 40),
    ],
)
def test_tables_mean_what_the_environment_means(env_id, kwargs, states, sparse, steps):
    mdp = from_gymnasium(env_id, **SETTINGS, **kwargs)
    raw = _raw(env_id, **kwargs)
    assert (mdp.n_states, mdp.is_sparse) == (states, sparse)
    P = (mdp.P.toarray() if sparse else mdp.P).reshape(states, -1, states)
    assert np.abs(P.sum(axis=-1) - 1).max() <= 4 * EPS
    ends = {t for row in raw for q in row for _, t, _, d in q if d}
    for s in range(len(raw)):
        if np.all(P[s, :, s] == 1):
            assert s in ends
            assert not mdp.r[s].any()
            continue
        for a, outcomes in enumerate(raw[s]):
            assert mdp.r[s, a] == pytest.approx(sum(p * r for p, _, r, _ in outcomes), abs=1e-13)
    # Before any state: values of both readings agree where an episode can be; each step rounds
    # sums of at most 3 outcomes of size max|r|/(1−γ).
    live = np.array([s for s in range(len(raw)) if not np.all(P[s, :, s] == 1)])
    gap = _values(mdp, 0.9, steps)[live] - _raw_values(raw, 0.9, steps)[live]
    assert np.abs(gap).max() <= 16 * EPS * np.abs(mdp.r).max() / (1 - 0.9) ** 2


def test_frozen_lake_optimal_success_probability():
    # The best policy on the slippery 4x4 lake reaches the goal with probability 14/17 undiscounted,
    # and has the well-known discounted value 0.542 at γ = 0.99.
    mdp = from_gymnasium("FrozenLake-v1", **SETTINGS)
    assert _values(mdp, 1.0, 3000)[0] == pytest.approx(14 / 17, abs=1e-9)
    raw = _raw_values(_raw("FrozenLake-v1"), 0.99, 600)
    ours = _values(mdp, 0.99, 600)
    assert ours[0] == pytest.approx(0.542, abs=5e-4)
    assert np.abs(ours - raw).max() <= 16 * EPS / (1 - 0.99)


def test_known_optimal_returns_without_discount():
    # Thirteen steps of −1 around the cliff; the best taxi ride ends with +20.
    cliff = from_gymnasium("CliffWalking-v1", **SETTINGS)
    assert _values(cliff, 1.0, 100)[36] == -13
    taxi = from_gymnasium("Taxi-v4", **SETTINGS)
    assert taxi.rho[-1] == 0
    assert _values(taxi, 1.0, 60)[:500].max() == 20
    # 25 places, 4 stops of the passenger and 3 other destinations are equally likely starts.
    assert np.array_equal(np.unique(taxi.rho), [0, 1 / 300])


def test_actions_are_points():
    lake, cliff, taxi = (
        from_gymnasium(name, **SETTINGS).grid.nodes
        for name in ("FrozenLake-v1", "CliffWalking-v1", "Taxi-v4")
    )
    assert np.array_equal(lake, [[-1, 0], [0, -1], [1, 0], [0, 1]])
    assert np.array_equal(cliff, [[0, 1], [1, 0], [0, -1], [-1, 0]])
    assert np.array_equal(taxi, np.eye(6))
    # The environment agrees on the directions: from the start (36), up goes to 24 and left stays.
    moves = gymnasium.make("CliffWalking-v1").unwrapped.P[36]
    assert [int(moves[a][0][1]) for a in (0, 3)] == [24, 36]


def test_an_environment_object_and_own_points():
    env = gymnasium.make("FrozenLake-v1", is_slippery=False)
    mdp = from_gymnasium(env, **SETTINGS, embed=[[0.0], [1.0], [2.0], [3.0]])
    assert np.array_equal(mdp.grid.nodes[:, 0], np.arange(4))
    assert mdp.name == "FrozenLake"
    assert mdp.rho[0] == 1


def test_a_missing_gymnasium_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(InputError, match=r"wconv\[gym\]"):
        from_gymnasium("FrozenLake-v1", **SETTINGS)


def _of_table(P, **more):
    env = SimpleNamespace(P=P, spec=None, **more)
    env.unwrapped = env
    return env


def test_an_environment_of_ones_own():
    table = {0: {0: [(1.0, 1, 2.0, False)]}, 1: {0: [(0.5, 0, 1.0, True), (0.5, 1, 3.0, False)]}}
    mdp = from_gymnasium(_of_table(table), **SETTINGS)
    # State 0 is entered only at the end, so it absorbs, whatever its own row says.
    assert np.array_equal(mdp.r, [[0.0], [2.0]])
    assert np.array_equal(mdp.P[:, 0], [[1, 0], [0.5, 0.5]])
    assert np.array_equal(mdp.rho, [0.5, 0.5])
    assert mdp.name == "gymnasium"


def test_an_end_where_episodes_start_is_no_sink():
    # Out and back, reward 1 at the start and 2 on the return, which ends: worth 1 + 2γ, not 0.
    table = {0: {0: [(1.0, 1, 1.0, False)]}, 1: {0: [(1.0, 0, 2.0, True)]}}
    mdp = from_gymnasium(_of_table(table, initial_state_distrib=np.array([1.0, 0.0])), **SETTINGS)
    assert mdp.n_states == 3
    assert _values(mdp, 0.9, 3) == pytest.approx([1 + 2 * 0.9, 2.0, 0.0])
    assert np.array_equal(mdp.rho, [1, 0, 0])


def test_an_end_that_stays_where_it_is_without_done_absorbs():
    # FrozenLake's holes repeat themselves with done, others without: both are over.
    table = {0: {0: [(1.0, 1, 2.0, True)]}, 1: {0: [(1.0, 1, 5.0, False)]}}
    mdp = from_gymnasium(_of_table(table), **SETTINGS)
    assert np.array_equal(mdp.r, [[2.0], [0.0]])


BAD = [
    (lambda: from_gymnasium(_of_table({0: {0: []}, 1: {}}), **SETTINGS), "env must number states"),
    (lambda: from_gymnasium(_of_table({1: {0: []}}), **SETTINGS), "env must number states from 0"),
    (lambda: from_gymnasium("Nope-v1", **SETTINGS), "env must be an environment.*Nope-v1"),
    (lambda: from_gymnasium("FrozenLake-v1", **SETTINGS, foo=1), "env must be an environment.*foo"),
    (
        lambda: from_gymnasium("FrozenLake-v1", **SETTINGS, map_name="9x9"),
        "env must be an env.*9x9",
    ),
    (lambda: from_gymnasium("Blackjack-v1", **SETTINGS), "env must have a table"),
    (lambda: from_gymnasium(object(), **SETTINGS), "env must have a table"),
    (
        lambda: from_gymnasium(gymnasium.make("FrozenLake-v1"), **SETTINGS, map_name="4x4"),
        "make_kwargs must come with an environment id",
    ),
    (
        lambda: from_gymnasium("FrozenLake-v1", **SETTINGS, embed=[[0.0]]),
        "reward must have 1 action",
    ),
    (lambda: from_gymnasium("FrozenLake-v1", **SETTINGS, embed="no"), "embed must be an array"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
