"""The MDP record: dense and CSR agree with einsum, validation names what is wrong."""

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from wconv._require import InputError
from wconv.mdp import zoo
from wconv.mdp.model import make_mdp
from wconv.mdp.smooth import SmoothMDP
from wconv.mdp.tabulate import tabulate
from wconv.measures.spaces import FiniteSet, Interval

RNG = np.random.default_rng(1)
S, A = 5, 3
GRID = FiniteSet(np.linspace(-1, 1, A)[:, None]).grid()
R = RNG.standard_normal((S, A))
P = RNG.dirichlet(np.ones(S), (S, A))
GOOD = {"discount": 0.9, "temperature": 0.5, "grid": GRID}
EPS = np.finfo(float).eps


def test_operators_against_einsum():
    dense = make_mdp(R, P, **GOOD)
    sparse = make_mdp(R, csr_array(P.reshape(-1, S)), **GOOD)
    V, pi = RNG.standard_normal(S), RNG.dirichlet(np.ones(A), S)
    value = np.einsum("sat,t->sa", P, V)
    kernel = np.einsum("sa,sat->st", pi, P)
    for mdp in (dense, sparse):
        # Sums of at most S (or A) products whose magnitudes sum to at most max|V| (or 1).
        assert np.abs(mdp.next_value(V) - value).max() <= 4 * EPS * S * np.abs(V).max()
        assert np.abs(mdp.state_kernel(pi) - kernel).max() <= 4 * EPS * A
        assert mdp.row_sums[0] <= 1.0 <= mdp.row_sums[1]
        assert mdp.contraction == mdp.gamma * mdp.row_sums[1]
    assert (dense.is_sparse, sparse.is_sparse) == (False, True)
    assert (sparse.n_states, sparse.n_actions) == (S, A)
    assert np.array_equal(dense.rho, np.full(S, 1 / S))


def test_extended_precision_is_kept():
    V = np.full(S, np.longdouble(1) + np.finfo(np.longdouble).eps)
    assert make_mdp(R, P, **GOOD).next_value(V).dtype == np.longdouble


def test_record_does_not_change_with_the_callers_arrays():
    reward, dense, sparse = R.copy(), P.copy(), csr_array(P.reshape(-1, S))
    initial = np.full(S, 1 / S)
    one = make_mdp(reward, dense, initial=initial, **GOOD)
    two = make_mdp(reward, sparse, **GOOD)
    reward[:], dense[:], sparse.data[:], initial[:] = 7, 7, 7, 7
    assert np.array_equal(one.r, R)
    assert np.array_equal(one.P, P)
    assert np.array_equal(one.rho, np.full(S, 1 / S))
    assert np.array_equal(two.P.toarray(), P.reshape(-1, S))
    with pytest.raises(ValueError, match="read-only"):
        one.r[0, 0] = 0


def test_sparse_duplicates_are_summed():
    rows = np.repeat(np.arange(S * A), 2)
    halves = coo_array((np.full(2 * S * A, 0.5), (rows, np.zeros_like(rows))), shape=(S * A, S))
    assert np.array_equal(make_mdp(R, halves, **GOOD).P.data, np.ones(S * A))


def test_replace_takes_the_functions_and_parameters_along():
    smooth = SmoothMDP(
        lambda s, a: a[..., 0] + 0.0 * s,
        lambda s, a: np.ones((*np.broadcast_shapes(s.shape, a.shape[:-1]), 1)),
        n_states=1,
        discount=0.5,
        temperature=1.0,
        space=Interval(-1, 1),
    )
    other = tabulate(smooth, 8).replace(temperature=2.0, discount=0.25)
    assert (other.tau, other.gamma) == (2.0, 0.25)
    assert (other.smooth.temperature, other.smooth.discount) == (2.0, 0.25)
    named = make_mdp(R, P, parameters={"seed": 1, "discount": 0.9}, **GOOD).replace(discount=0.1)
    assert dict(named.parameters) == {"seed": 1, "discount": 0.1}
    assert named.replace().tau == 0.5


def _with(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


BAD = [
    ({"discount": 10**400}, "discount must be finite"),
    ({"grid": Interval(0, 1)}, "grid must be a Grid"),
    ({"reward": [["a"]]}, "reward must be an array"),
    ({"reward": [[10**400]]}, "reward must be an array"),
    ({"reward": [[1, 2], [3]]}, "reward must be an array"),
    ({"reward": R[0]}, "reward must have shape"),
    ({"reward": R[:, :2]}, "reward must have 3 action columns"),
    ({"reward": _with(R, (1, 2), np.nan)}, r"reward must be finite.*\[1, 2\]"),
    ({"transition": P[:, :, :2]}, "transition must have shape"),
    ({"transition": csr_array(P.reshape(-1, S)).T}, "transition must have shape"),
    ({"transition": _with(P, (0, 0, 0), np.inf)}, "transition must be finite"),
    ({"transition": _with(P, (0, 0, 0), -1.0)}, "transition must be non-negative"),
    ({"transition": csr_array(_with(P, (0, 0, 0), -1.0).reshape(-1, S))}, "transition must be non"),
    ({"transition": P * (1 + 1e-10)}, "transition must sum to 1 over next states"),
    ({"discount": 1.0}, "discount must lie"),
    ({"discount": "0.9"}, "discount must be a real number"),
    ({"temperature": 0.0}, "temperature must be positive"),
    ({"temperature": np.nan}, "temperature must be finite"),
    ({"initial": np.ones(S - 1)}, "initial must have shape"),
    ({"initial": np.ones(S)}, "initial must sum to 1"),
    ({"initial": {}}, "initial must be an array"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_bad_input(changes, message):
    arguments = {"reward": R, "transition": P, **GOOD, **changes}
    with pytest.raises(InputError, match=message):
        make_mdp(arguments.pop("reward"), arguments.pop("transition"), **arguments)


def test_representation_is_one_line():
    assert repr(zoo.two_state()) == (
        "MDP('two-state', 2 states x 2 actions, dense, discount=0.5, temperature=0.5)"
    )
