"""What a reader is told: times of worst points, starts and paths, why nothing was judged, figures."""

import numpy as np
import pytest

import wconv as wc
from wconv._require import InputError
from wconv.report import table
from wconv.theory import Bound, Check, at_most, case, condition, control
from wconv.theory.statement import Statement
from wconv.verify.api import Verification
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.parallel import Order, left_out
from wconv.verify.plan import plan
from wconv.verify.runner import execute

STEP = wc.FrozenWPG(0.5)
WORDS = {"Hypotheses": "(H1) none."}


@Bound
def as_given(value, *, c=1.0):
    return c * value


def one_off(body, **rest):
    """A check of the given body without a file."""
    cases = (case("double-well", resolution=16),)
    controls = (control("c", on=cases[0], constants={"bound": 0.5}),)
    statement = Statement("one-off", "A title", WORDS)
    return Check(statement, "user", rest.pop("kind", "exact"), cases, controls, body, "f", **rest)


def run_on(check, mdp=None, *, start="reference", **rest):
    """What it leaves on a problem of the user's, by default a small smooth one."""
    mdp = wc.zoo.double_well(resolution=16) if mdp is None else mdp
    mine = wc.theory.Case(mdp.name, expect=None, start=start)
    return execute(Job(check, mine, problem=mdp, **rest), Workshop())


def table_on_a_line():
    grid = wc.Interval(0, 1).grid(4)
    return wc.make_mdp(
        np.zeros((1, 4)), np.ones((1, 4, 1)), discount=0.5, temperature=1.0, grid=grid
    )


def timed(run):
    path = run.path(STEP, steps=4)
    yield condition("H1", True, "fine")
    for count, worst in ((5, 3), (4, 0), (3, 2)):
        lhs = np.where(np.arange(count) == worst, 0.9, 0.5)
        yield at_most(f"{count} points", lhs, as_given.given(value=np.ones(count)), over="time")
    run.path(wc.FrozenWPG(0.25), steps=4)
    yield at_most("two paths", np.full(5, 0.5), as_given.given(value=np.ones(5)), over="time")
    assert len(run.paths) == 2
    assert path is run.path(STEP, steps=4)


def test_worst_points_tell_the_time_where_the_paths_agree_on_it():
    found = run_on(one_off(timed), start="pushed").result
    assert found.message == ""
    assert [claim.where["time"] for claim in found.claims] == [1.5, 0.5, 2, 0]
    said = table.as_text(table.explain_result(found))
    assert "at the worst point, time=1.5" in said
    assert (
        "from the pushed start: FrozenWPG(step=0.5, substeps=1) at 5 times to 2; "
        "FrozenWPG(step=0.25, substeps=1) at 5 times to 1" in " ".join(said.split())
    )
    assert "double-well (from the pushed start): HOLDS" in said


def silent(run):
    yield condition("H1", False, "no")


def test_a_check_that_judges_nothing_says_so_and_why():
    found = run_on(one_off(silent)).result
    assert found.verdict == "INAPPLICABLE"
    assert found.message == "H1 fails: no; no claim was judged"
    assert found.claims == []
    assert found.where == {}
    assert "ERROR" not in table.as_text(table.explain_result(found))


@pytest.mark.parametrize(
    ("rest", "mdp", "why"),
    [
        ({"kind": "continuum"}, table_on_a_line(), r"make the problem by wc\.tabulate\(wc\.Smooth"),
        ({"actions": "line"}, wc.zoo.two_state(), "actions on a line or circle, not of a finite"),
    ],
    ids=["table", "finite set"],
)
def test_a_problem_that_a_statement_does_not_speak_of_is_inapplicable_with_the_reason(
    rest, mdp, why
):
    check = one_off(timed, **rest)
    found = run_on(check, mdp).result
    assert (found.verdict, found.as_expected, found.claims) == ("INAPPLICABLE", False, [])
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(found.message)
    assert table.exit_code([found]) == 3
    asked_for_all = run_on(check, mdp, fitting=True).result
    assert table.exit_code([asked_for_all]) == 0
    assert "one-off on" in table.silent([asked_for_all], []).plain
    assert found.message in table.silent([asked_for_all], []).plain


def test_what_is_left_out_is_listed(tmp_path):
    order = Order(("pdl", "two-state-bellman"), on=("garnet",))
    ran = run_on(one_off(silent)).result.model_copy(update={"id": "pdl"})
    assert left_out(order, [ran]) == ["two-state-bellman"]
    assert "left out" in table.silent([], ["two-state-bellman"]).plain
    wc.save(table_on_a_line(), tmp_path / "t.npz")
    (job,) = plan(
        [one_off(timed, kind="continuum")],
        on=[str(tmp_path / "t.npz")],
        controls=False,
        fitting=True,
    )
    assert job.fitting


def negative(run):
    yield condition("H1", True, "fine")
    yield at_most("-1 <= 2", -1.0, as_given.given(value=2.0))


def test_no_promise_of_tightness_is_broken_by_a_negative_side():
    check = one_off(negative)
    found = execute(Job(check, check.cases[0]), Workshop()).result
    assert found.tightness == -0.5
    assert found.as_expected


def moving(run):
    yield condition("H1", True, "fine")
    yield at_most("x", np.ones(4), as_given.given(value=4096.0 + run.mdp.n_actions), over="state")


def test_a_right_side_without_axes_may_move_under_refinement():
    found = run_on(one_off(moving, kind="continuum")).result
    assert found.claims[0].errors["rhs: refinement"] == 8.0
    assert found.verdict == "HOLDS"


def drawn(run):
    run.path(STEP, steps=4)
    yield condition("H1", True, "fine")
    decay = 0.1 ** np.arange(5.0)
    bound = as_given.given(value=2 * decay)
    yield at_most("decay", wc.Measured.of(decay, e=1e-9), bound, over="time", c=1.0)
    rows = np.arange(20.0).reshape(5, 4)
    loose = as_given.given(value=rows + 9.0 * (np.arange(5) == 2)[:, None])
    yield at_most("rows", rows, loose, over="query state")
    yield at_most("number", 1.0, as_given.given(value=np.inf))


def test_evidence_is_drawn_measured_against_proved():
    verification = Verification(run_on(one_off(drawn)))
    first, second, third = verification.plot().axes
    assert first.get_yscale() == "log"
    curve, bound = first.get_lines()
    assert np.array_equal(curve.get_xdata(), 0.5 * np.arange(5))
    assert np.array_equal(bound.get_ydata(), 2 * curve.get_ydata())
    assert first.get_title(loc="left") == "decay: HOLDS"
    assert second.get_yscale() == "linear"
    legend = second.get_legend()
    assert legend.get_title().get_text() == "the 4 tightest of 5"
    assert [text.get_text() for text in legend.get_texts()] == [f"query={k}" for k in (0, 1, 3, 4)]
    assert third.get_legend().get_title().get_text() == "bound infinite at 1 of 1 points"
    (alone,) = verification.plot("rows").axes
    assert alone.get_title(loc="left") == "rows: HOLDS"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="claims must be at least one"):
        Verification(run_on(one_off(silent))).plot()
    with pytest.raises(InputError, match="claim must be a known name"):
        Verification(run_on(one_off(drawn))).plot("none")


@pytest.mark.parametrize(
    "told",
    [
        "tabulate with n >= 12 nodes, or take a longer one",
        "8 nodes leave an error of 0.2; about 12 are needed",
        "have at least 12 nodes an axis, got 8: refine the grid",
    ],
)
@pytest.mark.parametrize("refused", [True, False])
def test_too_few_nodes_are_counted_as_the_user_counts_them(told, refused):
    def body(run):
        if run.mdp.n_actions < 12:
            raise InputError(told) if refused else wc.SolverError(wc.Outcome.UNRESOLVED, told)
        yield condition("H1", True, "fine")

    message = run_on(one_off(body, kind="continuum")).result.message
    assert "on half the nodes (8 of 16 an axis): " in message
    assert told.replace("12", "24") in message


@pytest.mark.parametrize(
    ("id", "option"), [("wppg-inexact", "noise"), ("wppg-any-step-inexact", "bias")]
)
def test_what_is_swept_does_not_rename_claims(id, option):
    def names(sizes):
        found = wc.verify(id, "ring", resolution=32, discount=0.5, **{option: sizes})
        return [claim.name.partition(":")[0] for claim in found.result.claims]

    assert names(0.01) == [option]
    assert names((0.01, 0.02)) == [f"{option} 1 of 2", f"{option} 2 of 2"]
