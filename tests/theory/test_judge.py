"""The judge on claims whose verdict is known by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wconv._require import InputError
from wconv.measured import Bracket, Measured
from wconv.theory import at_least, at_most, condition, equal, exactly, finite
from wconv.theory.claims import BOUND, Bound, refine
from wconv.theory.judge import Verdict, combine, judge, judge_identity, lead


@Bound
def times(x, *, c):
    return c * x


@Bound
def plain(x):
    return x


def claim(lhs, rhs, maker=at_most, error=0.0, c=1.0, **more):
    lhs = np.atleast_1d(np.asarray(lhs, float))
    rhs = np.atleast_1d(np.asarray(rhs, float))
    return maker("x", Measured.of(lhs, test=error), times.given(x=rhs), over="state", c=c, **more)


VERDICTS = {
    "holds with room": (claim(1.0, 2.0), Verdict.HOLDS),
    "equality": (claim(1.0, 1.0), Verdict.HOLDS),
    "equality to the resolution": (claim(1.0 + 9e-9, 1.0), Verdict.HOLDS),
    "violated by two resolutions": (claim(1.0 + 2e-8, 1.0), Verdict.VIOLATED),
    "violated at one point of many": (claim([1, 1, 1.1], [1, 2, 1]), Verdict.VIOLATED),
    "error covers the miss": (claim(1.1, 1.0, error=0.2), Verdict.INCONCLUSIVE),
    "error covers the slack": (claim(0.9, 1.0, error=0.2), Verdict.INCONCLUSIVE),
    "miss larger than the error": (claim(1.3, 1.0, error=0.2), Verdict.VIOLATED),
    "slack larger than the error": (claim(0.7, 1.0, error=0.2), Verdict.INCONCLUSIVE),
    "slack larger than a resolved error": (claim(0.7, 1.0, error=0.005), Verdict.HOLDS),
    "at least holds": (claim(2.0, 1.0, at_least), Verdict.HOLDS),
    "at least violated": (claim(1.0, 2.0, at_least), Verdict.VIOLATED),
    "identity": (claim(1.0, 1.0, equal), Verdict.HOLDS),
    "identity violated above": (claim(1.0, 1.0 + 1e-6, equal), Verdict.VIOLATED),
    "identity violated below": (claim(1.0, 1.0 - 1e-6, equal), Verdict.VIOLATED),
    "identity with a large error": (claim(1.0, 1.0, equal, error=1e-6), Verdict.INCONCLUSIVE),
    "NaN on the left": (claim(np.nan, 1.0), Verdict.ERROR),
    "NaN on the right": (claim(1.0, np.nan), Verdict.ERROR),
    "NaN in the error": (claim(1.0, 2.0, error=np.nan), Verdict.ERROR),
    "infinite error": (claim(1.0, 2.0, error=np.inf), Verdict.INCONCLUSIVE),
    "infinite left side": (claim(np.inf, 1.0), Verdict.VIOLATED),
    "an infinite bound hides nothing": (claim([1.1, 1.0], [1.0, np.inf]), Verdict.VIOLATED),
    "an infinite bound tests nothing": (claim(1.0, np.inf), Verdict.INCONCLUSIVE),
    "infinity equals infinity": (claim(np.inf, np.inf, equal), Verdict.ERROR),
    "zero equals zero tests nothing": (claim(0.0, 0.0, equal), Verdict.INCONCLUSIVE),
    "zero equals zero at a stated scale": (claim(0.0, 0.0, equal, scale=1.0), Verdict.HOLDS),
    "zero within errors below the scale": (
        claim(1e-12, 0.0, error=1e-11, scale=1.0),
        Verdict.HOLDS,
    ),
    "zero within errors above the scale": (
        claim(1e-7, 0.0, error=1e-6, scale=1.0),
        Verdict.INCONCLUSIVE,
    ),
    "off zero at a stated scale": (claim(1e-3, 0.0, equal, scale=1.0), Verdict.VIOLATED),
    "no points": (claim(np.zeros(0), np.zeros(0)), Verdict.ERROR),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts_known_by_hand(name):
    subject, expected = VERDICTS[name]
    assert judge(subject).verdict is expected


def test_a_large_repetition_cannot_hide_a_small_one():
    lhs, rhs = np.array([[1e9, 1e9], [1.0, 1.0]]), np.array([[1e9, 1e9], [1.0, 1.0 + 1e-6]])
    apart = equal("x", lhs, plain.given(x=rhs), over="policy state")
    together = equal("x", lhs, plain.given(x=rhs), over="time state")
    assert judge(apart).verdict is Verdict.VIOLATED
    assert judge(together).verdict is Verdict.INCONCLUSIVE


def test_worst_point_is_named():
    where = judge(claim([1, 1, 3], [2, 2, 2])).where
    assert where["state"] == 2
    assert (where["lhs"], where["rhs"]) == (3.0, 2.0)


WORST = {
    "a miss before an undecided point": (claim([3, 2], [2, 2], error=[0, 0.5]), 0),
    "an undecided point before one that holds to the resolution": (
        claim([1 + 9e-9, 1.0], [1, 1], error=[9e-9, 1.1e-8]),
        1,
    ),
    "a small miss before a larger undecided point": (
        claim([9e-9, 0.9, 0.5], [1e-9, 1.0, 1.0], error=[0, 0.2, 0]),
        0,
    ),
    "an unknown infinity": (claim([1, 1], [1.5, np.inf], error=[0, np.inf]), 1),
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_point_is_the_one_that_decides_the_verdict(name):
    subject, state = WORST[name]
    found = judge(subject)
    lhs, rhs = subject.lhs.value, subject.right().value
    assert found.where["state"] == state
    if np.isfinite(rhs).all():
        assert found.margin == pytest.approx((rhs - lhs)[state] / rhs.max(), rel=1e-12)


def test_an_infinite_bound_with_an_infinite_error_never_holds():
    found = judge(claim([1, 1], [1.5, np.inf], error=[0, np.inf]))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.miss == 0.0


def test_message_and_worst_point_of_a_case_are_of_one_claim():
    first = judge(claim(1.0, 1.05, error=0.2))
    second = judge(claim(1.0, 1.0, error=0.2))
    named = [replace(first, name="first"), replace(second, name="second")]
    assert lead(named).name == "second"
    assert combine(named, [])[1].startswith("second: ")


@given(st.floats(0.01, 0.99), st.sampled_from([at_most, at_least]))
def test_teeth_of_an_inequality_are_its_tightness(ratio, maker):
    lhs, rhs = (ratio, 1.0) if maker is at_most else (1.0, ratio)
    found = judge(claim(lhs, rhs, maker))
    assert abs(found.teeth[BOUND] - ratio) < 1e-3 * ratio + 1e-7
    assert abs(found.tightness - ratio) < 1e-12


def test_teeth_of_an_identity_are_the_resolution():
    assert abs(judge(claim(1.0, 1.0, equal)).teeth["relative"] - 1e-8) < 1e-10


def test_a_claim_that_nothing_refutes_is_toothless():
    assert judge(claim(-1.0, 1.0)).tag == "toothless"


@given(st.floats(-8, -3))
def test_a_relative_perturbation_above_the_teeth_is_violated(exponent):
    size = 10.0**exponent
    subject = equal("x", np.ones(3), times.given(x=np.ones(3)), over="state", c=1.0)
    perturbed = judge(subject, {"c": 1.0 + size}).verdict
    assert (perturbed is Verdict.VIOLATED) == (size > 1.0000001e-8)


def test_brackets_enter_on_the_proved_side():
    bracket = Bracket(np.float64(1.0), np.float64(3.0))
    assert judge(claim(2.0, 1.0, c=bracket)).tag == "conservative"
    assert judge(claim(0.5, 1.0, c=bracket)).tag == "sharp"
    assert judge(claim(4.0, 1.0, c=bracket)).verdict is Verdict.VIOLATED


def test_data_errors_reach_the_right_side():
    wide = times.given(x=Measured.of([1.0], data=0.3))
    right = at_most("x", np.ones(1), wide, over="state", c=2.0).right()
    assert abs(right.error[0] - 0.6) < 1e-14
    assert right.value[0] == 2.0


def test_refinement_adds_the_change_on_both_sides():
    fine, coarse = claim(1.0, 2.0), claim(0.9, 2.5)
    merged = refine(fine, coarse)
    assert abs(merged.lhs.error[0] - 0.1) < 1e-15
    assert abs(merged.right().error[0] - 0.5) < 1e-14
    with pytest.raises(InputError, match="same points at every resolution"):
        refine(fine, claim([1, 1], [1, 1]))


def test_a_change_that_vanishes_at_one_point_is_an_error_there_too():
    merged = refine(claim([1.0, 1.0, 1.0], 2.0), claim([1.1, 1.0, 0.8], 2.0))
    np.testing.assert_allclose(merged.lhs.error, [0.1, 0.01, 0.2], rtol=1e-12)


def test_refinement_of_a_constant_is_an_error_and_never_a_relaxation():
    assert (
        judge(refine(claim(1.5, 1.0, c=1.0), claim(1.5, 1.0, c=2.0))).verdict is not Verdict.HOLDS
    )
    moved = refine(claim(1.0, 1.0, equal, c=1.0), claim(1.0, 1.0, equal, c=1.001))
    assert judge(moved).verdict is Verdict.INCONCLUSIVE


def test_the_width_of_a_constant_is_an_error_of_an_identity():
    wide = Bracket(np.float64(2.0 - 1e-6), np.float64(2.0 + 1e-6))
    assert judge(claim(2.0, 1.0, equal, c=wide)).verdict is Verdict.INCONCLUSIVE
    assert judge(claim(2.1, 1.0, equal, c=wide)).verdict is Verdict.VIOLATED


def test_the_proved_side_is_the_weaker_one_whatever_the_sense():
    wide = Bracket(np.float64(1.0), np.float64(3.0))
    assert judge(claim(2.0, 1.0, at_least, c=wide)).tag == "conservative"
    assert judge(claim(4.0, 1.0, at_least, c=wide)).tag == "sharp"
    assert judge(claim(0.5, 1.0, at_least, c=wide)).verdict is Verdict.VIOLATED


def test_a_small_point_that_misses_by_more_than_its_error_is_never_held():
    small = claim([0.5, 9e-9], [1.0, 1e-9])
    assert judge(small).verdict is Verdict.INCONCLUSIVE
    assert "a small point misses" in judge(small).message


def test_errors_of_several_data_act_together():
    @Bound
    def times_both(a, b):
        return a * b

    unknown = times_both.given(a=Measured.of(0.0, e=1.0), b=Measured.of(0.0, e=1.0))
    assert float(unknown.at({}).error) >= 1.0


def test_a_bound_is_its_formula():
    assert times(x=2.0, c=3.0) == 6.0


def test_a_negative_bound_has_teeth_too():
    assert judge(claim(-5.0, -5.0)).teeth[BOUND] > 0.999


@pytest.mark.parametrize(
    ("value", "holds"), [(1.0, True), (np.inf, False), (np.nan, None), ([1.0, np.nan], None)]
)
def test_finiteness(value, holds):
    assert finite("H1", x=value).holds is holds


COMBINED = {
    "failed hypothesis": ([claim(1, 2)], [finite("H1", x=np.inf)], Verdict.INAPPLICABLE),
    "failed hypothesis beats NaN": (
        [claim(np.nan, 2)],
        [finite("H1", x=np.inf)],
        Verdict.INAPPLICABLE,
    ),
    "undecided hypothesis beats violation": (
        [claim(3, 2)],
        [finite("H1", x=np.nan)],
        Verdict.INCONCLUSIVE,
    ),
    "worst claim": ([claim(1, 2), claim(3, 2)], [finite("H1", x=1.0)], Verdict.VIOLATED),
    "error beats violation": ([claim(3, 2), claim(np.nan, 2)], [], Verdict.ERROR),
    "nothing claimed": ([], [finite("H1", x=1.0)], Verdict.ERROR),
    "all well": ([claim(1, 2)], [finite("H1", x=1.0)], Verdict.HOLDS),
}


@pytest.mark.parametrize("name", COMBINED)
def test_combined_verdicts(name):
    claims, hypotheses, expected = COMBINED[name]
    assert combine([judge(c) for c in claims], hypotheses)[0] is expected


def test_symbolic_identities_hold_fail_or_stay_open():
    import sympy

    x = sympy.Symbol("x", positive=True)
    good = exactly("square", lambda x: (x + 1) ** 2 - x**2 - 2 * x - 1, x=x)
    assert judge_identity(good).verdict is Verdict.HOLDS
    off = exactly("scaled", lambda c: c * x - x, c=sympy.Integer(1))
    assert judge_identity(off).verdict is Verdict.HOLDS
    assert judge_identity(off, {"c": 1.000001}).verdict is Verdict.VIOLATED
    hard = exactly("hard", lambda x: sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1, x=x)
    assert judge_identity(hard).verdict is Verdict.INCONCLUSIVE
    signless = sympy.Symbol("y", real=True)
    branch = exactly("branch", lambda y: sympy.log(y**2) - 2 * sympy.log(y), y=signless)
    assert judge_identity(branch).verdict is Verdict.ERROR
    floats = exactly("floats", lambda x: 0.1 * x - 0.1 * x * (1 + 1e-17), x=x)
    assert judge_identity(floats).verdict is not Verdict.VIOLATED


BAD = {
    "axes": (lambda: at_most("x", np.ones(2), plain.given(x=np.ones(2))), "over of claim 'x'"),
    "repeated axis": (
        lambda: at_most("x", np.ones((2, 2)), plain.given(x=np.ones((2, 2))), over="s s"),
        "name 2 different axes",
    ),
    "reserved axis": (
        lambda: at_most("x", np.ones(2), plain.given(x=np.ones(2)), over="lhs"),
        "name 1 different axes",
    ),
    "axes of the right side": (
        lambda: judge(
            at_most("x", np.ones((2, 2)), plain.given(x=np.ones(2)), over="policy state")
        ),
        "have the axes of the left",
    ),
    "crossed bracket": (
        lambda: claim(1, 2, c=Bracket(np.float64(2.0), np.float64(1.0))),
        "have lower <= upper",
    ),
    "bracket with NaN": (
        lambda: claim(1, 2, c=Bracket(np.float64(np.nan), np.float64(1.0))),
        "have lower <= upper",
    ),
    "complex data": (lambda: plain.given(x=np.array([1 + 5j])), "be real and unmasked"),
    "nothing finite": (lambda: finite("H1"), "name what is finite"),
    "undecided condition": (lambda: condition("H1", np.nan, "x"), "be a truth value"),
    "unknown constant": (lambda: claim(1, 2).right(z=1.0), "constant must be a known name"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()
