"""The three public functions: one interface for policies and functions, clear refusals."""

import numpy as np
import pytest

import wconv as wc


def flat(a):
    return np.zeros(np.shape(a) if np.ndim(a) == 1 else np.shape(a)[:-1])


def smooth_policy(n=64):
    grid = wc.Interval(0.0, 2.0).grid(n)
    return wc.softmax_policy(np.stack([0 * grid.nodes[:, 0], -grid.nodes[:, 0]]), grid)


def test_a_policy_and_its_functions_have_the_same_constants():
    policy = smooth_policy()
    one = wc.log_sobolev(lambda a: -a, on=wc.Interval(0.0, 2.0))
    both = wc.log_sobolev(policy)
    assert both.lower.shape == (2,)
    assert one.lower.shape == ()
    assert both.estimate[0] == pytest.approx((2 / np.pi) ** 2, rel=1e-9)
    assert both.estimate[1] == pytest.approx(float(one.estimate), rel=1e-8)


@pytest.mark.parametrize(
    ("density", "on"),
    [
        (lambda a: -(a**4) + a, wc.Interval(-2, 2)),
        (lambda a: np.cos(a), wc.Torus()),
        (lambda a: a[..., 0] * a[..., 1], wc.Box((0.0, 0.0), (1.0, 1.0))),
        (lambda a: np.sin(a[..., 0]) - a[..., 1] ** 2, wc.Box((0.0, 0.0), (1.0, 2.0))),
    ],
    ids=["interval", "circle", "box", "product"],
)
def test_the_chain_holds_everywhere(density, on):
    found = wc.inequalities(density, on=on)
    p, t, ls = found.poincare, found.talagrand, found.log_sobolev
    for c in (p, t, ls):
        assert 0 < c.lower <= c.estimate <= c.upper
        assert c.reasons == ("",)
    assert p.lower <= t.upper <= ls.upper * (1 + 1e-12)
    assert p.lower <= t.lower * (1 + 1e-9)
    assert p.lower <= ls.lower * (1 + 1e-9)


def test_what_was_computed_is_kept():
    found = wc.inequalities(smooth_policy())
    assert found.poincare is found.poincare
    assert found.log_sobolev is found.log_sobolev


def test_profiles_are_what_a_figure_needs():
    (x, logp, constants), _ = wc.inequalities(smooth_policy()).profiles()
    assert x.shape == logp.shape
    assert (np.diff(x) > 0).all()
    assert [c.symbol for c in constants] == ["C_P", "C_T", "C_LS"]
    assert all(c.witness.values.ndim == 1 for c in constants)


def test_a_tolerance_that_is_met_and_one_that_is_not():
    assert wc.poincare(flat, on=wc.Interval(0, 1), tol=1e-10).upper > 0
    with pytest.raises(
        wc.SolverError, match=r"C_T is known to .* relative here, asked for 1.0e-06"
    ):
        wc.talagrand(lambda a: -a, on=wc.Interval(0, 5), tol=1e-6)


def test_too_few_nodes_for_the_wells_say_how_many_are_needed():
    grid = wc.Interval(-1.0, 1.0).grid(24)
    narrow = wc.softmax_policy(np.cos(40 * grid.nodes[:, 0])[None], grid)
    with pytest.raises(
        wc.SolverError, match=r"24 nodes leave an error of .*; about \d+ are needed"
    ):
        wc.poincare(narrow)


def sparse():
    policy = smooth_policy()
    logf = policy.logf.copy()
    logf[0, 3] = -np.inf
    return wc.Policy(logf, policy.grid)


INTERVAL = wc.Interval(0, 1)
FINITE = wc.FiniteSet(points=np.arange(20.0)[:, None]).grid()
BAD = {
    "nothing to go on": (3.0, None, "density must be a policy or a function"),
    "a function without a space": (flat, None, "on must be given with a function"),
    "a policy with a space": (smooth_policy(), INTERVAL, "on must be left out for a policy"),
    "a policy with zeros": (sparse(), None, "policy must be positive .* state 0 at node 3"),
    "a finite set": (wc.softmax_policy(np.zeros((1, 20)), FINITE), None, "modified_log_sobolev"),
    "few nodes": (smooth_policy(8), None, "at least 16 nodes"),
    "a scalar function": (lambda _: 0.0, INTERVAL, "return one value a point"),
    "NaN": (lambda a: np.sqrt(a - 0.5), INTERVAL, "log-density must be a number or -inf"),
    "zeros inside": (lambda a: np.log(np.abs(a - 0.5) > 0.1), INTERVAL, "positive inside"),
    "zero everywhere": (lambda a: np.full_like(a, -np.inf), INTERVAL, "positive inside"),
    "no end": (lambda a: -0.0 * a, wc.Interval(0, np.inf), "density must have finite mass"),
    "ends in the wrong order": (flat, wc.Interval(1, 0), "low < high"),
    "a circle without length": (flat, wc.Torus(0.0), "torus length must be positive"),
}


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    density, on, match = BAD[name]
    with pytest.raises(wc.InputError, match=match):
        wc.poincare(density, on=on)


def test_one_density_in_all_states_is_computed_once():
    one = smooth_policy()
    same = wc.Policy(np.tile(one.logf[1], (3, 1)), one.grid)
    found = wc.inequalities(same)
    assert found.problem.n_states == 1
    for symbol in ("poincare", "log_sobolev"):
        ours, alone = getattr(found, symbol), getattr(wc, symbol)(one)
        assert ours.lower == pytest.approx(np.full(3, alone.lower[1]), rel=1e-12)
        assert ours.upper == pytest.approx(np.full(3, alone.upper[1]), rel=1e-12)
        assert len(ours.reasons) == 3
    assert len(list(found.profiles())) == 3


def test_an_end_that_is_met_but_for_rounding_is_no_cut():
    """Here low + (high − low) is not high, and what is cut has no upper side."""
    grid = wc.Interval(-5.0, 5.0).grid(192)
    flat = wc.poincare(wc.softmax_policy(np.zeros((1, 192)), grid))
    assert flat.lower[0] == pytest.approx((10 / np.pi) ** 2, rel=1e-9)
    assert flat.upper[0] == pytest.approx((10 / np.pi) ** 2, rel=1e-9)
