"""Files: the round trip keeps every bit, damage of any kind is a clear error, writes are atomic."""

import io
import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from wconv._files import atomic_write
from wconv._require import InputError
from wconv.mdp import zoo
from wconv.mdp.files import load, save
from wconv.mdp.model import make_mdp
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus

METRIC = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
GRIDS = [
    Interval(-0.1, 0.7).grid(3),
    Interval(0, 1).grid(2),
    Box((-1.0, 0.0), (1.0, 3.0)).grid(2),
    Torus(0.3).grid(3),
    Torus(1.0, dim=2).grid(2),
    GaussianLine(0.7, reach=6.0).grid(4),
    FiniteSet(np.array([[0.1], [0.2]])).grid(),
    FiniteSet(np.eye(3), weights=np.array([0.2, 0.3, 0.5]), metric=METRIC).grid(),
    FiniteSet(np.eye(3), edges=np.array([[0, 1], [1, 2]])).grid(),
    FiniteSet(np.ones((1, 2)), edges=np.zeros((0, 2), dtype=int)).grid(),
]


def _bits(array):
    return np.ascontiguousarray(array).tobytes()


def assert_same(one, two):
    for key in ("r", "rho"):
        assert _bits(getattr(one, key)) == _bits(getattr(two, key))
    assert one.is_sparse == two.is_sparse
    for key in ("data", "indices", "indptr") if one.is_sparse else ():
        assert np.array_equal(getattr(one.P, key), getattr(two.P, key))
    assert one.is_sparse or _bits(one.P) == _bits(two.P)
    for key in ("nodes", "weights", "log_lebesgue", "edges", "lengths", "shape", "spacing"):
        assert _bits(getattr(one.grid, key)) == _bits(getattr(two.grid, key))
    assert type(one.grid.space) is type(two.grid.space)
    assert (one.gamma, one.tau, one.name) == (two.gamma, two.tau, two.name)
    assert dict(one.parameters) == dict(two.parameters)
    assert [type(v) for v in one.parameters.values()] == [type(v) for v in two.parameters.values()]


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("grid", GRIDS, ids=lambda g: f"{type(g.space).__name__}-{g.n}")
@pytest.mark.parametrize("sparse", [False, True])
def test_round_trip_is_exact(tmp_path, suffix, grid, sparse):
    rng = np.random.default_rng(0)
    reward = rng.standard_normal((2, grid.n))
    reward[0, 0] = -0.0
    P = rng.dirichlet(np.ones(2), (2, grid.n))
    P[1, 0] = [1.0, -0.0]
    mdp = make_mdp(
        reward,
        csr_array(P.reshape(-1, 2)) if sparse else P,
        discount=1 / 3,
        temperature=0.1,
        grid=grid,
        initial=[0.3, 0.7],
        name="naïve",
        parameters={"a": 1, "b": 0.1, "c": True, "d": "x"},
    )
    save(mdp, tmp_path / f"m{suffix}")
    assert_same(load(tmp_path / f"m{suffix}"), mdp)
    assert os.listdir(tmp_path) == [f"m{suffix}"]


@given(reward=arrays(float, (1, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_every_double_survives_json(tmp_path_factory, reward):
    path = tmp_path_factory.mktemp("json") / "m.json"
    mdp = make_mdp(reward, np.ones((1, 2, 1)), discount=0, temperature=1e-300, grid=GRIDS[1])
    save(mdp, path)
    assert_same(load(path), mdp)


@pytest.mark.parametrize("name", ["gaussian-line", "box-2d", "ring", "garnet"])
def test_zoo_problems_round_trip(tmp_path, name):
    mdp = zoo.make(name)
    for suffix in (".npz", ".json"):
        save(mdp, str(tmp_path / f"m{suffix}"))
        back = load(str(tmp_path / f"m{suffix}"))
        assert_same(back, mdp)
        assert np.array_equal(zoo.make(back.name, **back.parameters).r, back.r)


def test_json_is_the_documented_format(tmp_path):
    path = tmp_path / "m.json"
    document = {
        "format": "wconv-mdp",
        "version": 1,
        "reward": [[1, 2], [3, 4]],
        "transition": {"rows": [0, 1, 2, 3], "columns": [0, 1, 1, 1], "values": [1, 1, 1, 1]},
        "discount": 0.9,
        "temperature": 0.5,
        "actions": {"kind": "finite", "points": [[0], [1]]},
    }
    path.write_text(json.dumps(document))
    mdp = load(path)
    assert np.array_equal(mdp.P.toarray(), [[1, 0], [0, 1], [0, 1], [0, 1]])
    assert np.array_equal(mdp.rho, [0.5, 0.5])
    save(mdp, path)
    written = json.loads(path.read_text())
    assert written.items() >= {k: v for k, v in document.items() if k != "reward"}.items()


GOOD = {
    "format": "wconv-mdp",
    "version": 1,
    "reward": [[1, 2]],
    "transition": [[[1], [1]]],
    "discount": 0.9,
    "temperature": 0.5,
    "actions": {"kind": "interval", "n": 2, "low": 0, "high": 1},
}
SPARSE = {"rows": [0, 1], "columns": [0, 0], "values": [1, 1]}
FINITE = {"kind": "finite", "points": [[0], [1]]}
BAD_DOCUMENTS = [
    ({"format": "other"}, "format must be 'wconv-mdp'"),
    ({"version": 2}, "version must be 1, got 2"),
    ({"intial": [1]}, "did you mean 'initial'"),
    ({"name": 7}, "name must be a text"),
    *[({key: ...}, f"{key} must be in the file") for key in list(GOOD)[2:]],
    ({"reward": [[1], [2, 3]]}, "reward must be an array"),
    ({"reward": 1, "transition": SPARSE}, "reward must have shape"),
    ({"reward": [[1, float("nan")]]}, "reward must be finite"),
    ({"transition": [[[1], [2]]]}, "transition must sum to 1"),
    ({"transition": {**SPARSE, "rows": [0, 2]}}, r"rows must be whole numbers in \[0, 2\)"),
    ({"transition": {**SPARSE, "rows": [0, 0.5]}}, "rows must be whole numbers"),
    ({"transition": {**SPARSE, "columns": [0, -1]}}, "columns must be whole numbers"),
    ({"transition": {**SPARSE, "columns": [0]}}, "columns must have shape"),
    ({"transition": {**SPARSE, "values": [1]}}, "values must have shape"),
    ({"transition": {**SPARSE, "values": ["x", 1]}}, "values must be an array"),
    ({"transition": {"rows": [], "columns": []}}, "values must be in the file"),
    ({"discount": "0.9"}, "discount must be a real number"),
    ({"temperature": None}, "temperature must be a real number"),
    ({"initial": [2]}, "initial must sum to 1"),
    ({"parameters": [1]}, "parameters must be an object"),
    ({"actions": "interval"}, "actions must be an object"),
    ({"actions": {"n": 2}}, "kind must be in the file"),
    ({"actions": {"kind": "intervall"}}, "did you mean 'interval'"),
    ({"actions": {"kind": "interval", "low": 0, "high": 1}}, "n must be in the file"),
    ({"actions": {"kind": "interval", "n": 2.5, "low": 0, "high": 1}}, "must be an integer"),
    ({"actions": {"kind": "interval", "n": 2, "low": 0}}, "high must be in the file"),
    ({"actions": {"kind": "interval", "n": 2, "low": 1, "high": 0}}, "interval must have low < hi"),
    ({"actions": {"kind": "box", "n": 2, "low": ["a"], "high": [1]}}, "low must be an array"),
    ({"actions": {"kind": "torus", "n": 2, "length": 1, "dim": 1.0}}, "dim must be an integer"),
    ({"actions": {"kind": "gaussian", "n": 2, "scale": "x", "reach": 8}}, "scale must be a real"),
    ({"actions": {"kind": "finite"}}, "points must be in the file"),
    ({"actions": {"kind": "finite", "points": 1}}, "points must have shape"),
    ({"actions": {**FINITE, "weights": [1, 1]}}, "weights must sum to 1"),
    ({"actions": {**FINITE, "edges": [[0, 2]]}}, "edges must be whole numbers"),
    ({"actions": {**FINITE, "edges": [0, 1]}}, "edges must have shape"),
    ({"actions": {**FINITE, "edges": 1}}, "edges must have shape"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_DOCUMENTS)
def test_bad_input(tmp_path, changes, message):
    path = tmp_path / "m.json"
    document = {k: v for k, v in {**GOOD, **changes}.items() if v is not ...}
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        load(path)


class _Surprise:
    def __reduce__(self):
        return (os.abort, ())


def _object_archive():
    stream = io.BytesIO()
    np.savez(stream, format=np.array([_Surprise()], dtype=object))
    return stream.getvalue()


def _array_file():
    stream = io.BytesIO()
    np.save(stream, np.ones(2))
    return stream.getvalue()


BAD_FILES = [
    ("m.json", b"", "readable problem file.*JSONDecodeError"),
    ("m.json", b"\xff\xfe", "readable problem file"),
    ("m.json", b"[" * 100_000, "readable problem file"),
    ("m.json", b"[1, 2]", "file must be an object"),
    ("m.json", b'{"format": "wconv-mdp"', "readable problem file"),
    ("m.npz", b"", "readable problem file"),
    ("m.npz", b"PK\x03\x04 nothing else", "readable problem file"),
    ("m.npz", _array_file(), "readable problem file.*not an npz archive"),
    ("m.npz", pickle.dumps({"format": _Surprise()}), "readable problem file"),
    ("m.npz", _object_archive(), "readable problem file.*allow_pickle"),
    ("m.txt", b"", "path .* must end in .npz or .json"),
]


@pytest.mark.parametrize(("name", "data", "message"), BAD_FILES)
def test_foreign_files_are_refused_and_nothing_is_executed(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        load(tmp_path / name)


def test_missing_files_and_directories(tmp_path):
    (tmp_path / "d.json").mkdir()
    for name in ("none.json", "none.npz", "d.json"):
        with pytest.raises(InputError, match=f"path .*{name} must be an existing file"):
            load(tmp_path / name)


def test_damaged_archives_never_surprise(tmp_path):
    path = tmp_path / "m.npz"
    save(zoo.two_state(), path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for length in rng.integers(len(whole), size=60):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="must"):
            load(path)
    refused = 0
    places, flips = rng.integers(len(whole), size=300), rng.integers(1, 256, size=300)
    for place, flip in zip(places, flips, strict=True):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        try:
            # Padding and time stamps do not matter; whatever loads is what was saved.
            assert np.array_equal(load(path).r, zoo.two_state().r)
        except InputError:
            refused += 1
    assert refused > 150


def test_what_a_file_cannot_hold_is_not_written(tmp_path):
    path = tmp_path / "m.npz"
    settings = {"discount": 0.5, "temperature": 1.0}
    odd = make_mdp([[1, 2]], [[[1], [1]]], grid=GRIDS[1], parameters={"f": [1]}, **settings)
    with pytest.raises(InputError, match="parameter f must be a plain value"):
        save(odd, path)
    bent = type(GRIDS[1])(**{**_init_fields(GRIDS[1]), "weights": np.array([0.25, 0.75])})
    with pytest.raises(InputError, match=r"grid\.weights must be what its space makes"):
        save(make_mdp([[1, 2]], [[[1], [1]]], grid=bent, **settings), path)
    alien = type(GRIDS[1])(**{**_init_fields(GRIDS[1]), "space": object()})
    with pytest.raises(InputError, match=r"grid\.space must be a space of wconv"):
        save(make_mdp([[1, 2]], [[[1], [1]]], grid=alien, **settings), path)
    with pytest.raises(InputError, match=r"path .* must end in"):
        save(odd, tmp_path / "m.pkl")
    assert not os.listdir(tmp_path)


def _init_fields(grid):
    return {name: value for name, value in vars(grid).items() if name != "log_weights"}


def test_atomic_write_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "m.json"
    atomic_write(path, b"old")
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask

    def broken(*_):
        raise OSError(28, "No space left on device")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, broken)
            with pytest.raises(InputError, match=r"path .*m\.json must be writable.*No space"):
                atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["m.json"]


def test_unwritable_paths_are_named(tmp_path):
    (tmp_path / "d.json").mkdir()
    for place in (tmp_path / "missing" / "m.json", tmp_path / "d.json"):
        with pytest.raises(InputError, match=f"path {place} must be (writable|a plain file)"):
            save(zoo.two_state(), place)
    assert os.listdir(tmp_path) == ["d.json"]
