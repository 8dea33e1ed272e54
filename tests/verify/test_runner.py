"""The runner: refinement, errors as results, controls that must bite, memo, reproducibility."""

from textwrap import dedent

import numpy as np
import pytest

import wconv as wc
from wconv._require import InputError
from wconv.theory import discover
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.plan import load_problem, parse_settings, plan, select
from wconv.verify.runner import execute

HEAD = '''
"""{id}  A title.

Setting.     A setting.
Hypotheses.  (H1) something.
Claim.       A claim.
Tight for.   Nothing.
Reference.   None.
"""
import numpy as np
import wconv as wc
from wconv.theory import case, check, condition, control, equal, at_most
from wconv.theory.bounds import bellman as bounds

CASES = [case({case})]
CONTROLS = [
    control("a", on=CASES[0], constants={constants}),
    control("b", on=CASES[0], dynamics={{"temperature": 0.5}}),
]

@check("{id}", cases=CASES, controls=CONTROLS, kind="{kind}")
def body(run):
'''


def run_body(
    tmp_path, body, kind="exact", case='"double-well"', control=None, constants='{"bound": 0.5}'
):
    """The result of a one-off check with the given body."""
    id_ = "one-off"
    text = HEAD.format(id=id_, kind=kind, case=case, constants=constants) + "".join(
        f"    {line}\n" for line in dedent(body).strip().splitlines()
    )
    file = tmp_path / "one_off.py"
    file.write_text(text)
    item = discover(str(file))[id_]
    chosen = None if control is None else item.controls[control]
    return execute(Job(item, item.cases[0], control=chosen), Workshop()).result


def test_a_continuum_claim_carries_the_refinement_error(tmp_path):
    result = run_body(
        tmp_path,
        """
        yield condition("H1", True, "fine")
        mean = run.mdp.r.mean(axis=1)
        yield at_most("m", wc.Measured.of(mean), bounds.itself.given(value=mean + 1.0), over="state")
        """,
        kind="continuum",
    )
    fine = wc.zoo.double_well().r.mean(axis=1)
    coarse = wc.zoo.double_well(resolution=64).r.mean(axis=1)
    change = np.abs(fine - coarse)
    typical = 0.1 * np.median(change / np.abs(fine)) * np.abs(fine)
    expected = np.maximum(change, typical).max()
    assert expected > 0
    assert result.claims[0].errors["lhs: refinement"] == pytest.approx(expected, rel=1e-12)
    assert result.verdict == "HOLDS"


def test_a_continuum_claim_over_nodes_is_refused(tmp_path):
    result = run_body(
        tmp_path,
        """
        yield condition("H1", True, "fine")
        yield equal("r", run.mdp.r, bounds.itself.given(value=run.mdp.r), over="state node")
        """,
        kind="continuum",
    )
    assert result.verdict == "ERROR"
    assert "same points at every resolution" in result.message


def test_a_continuum_check_yields_the_same_claims_at_every_resolution(tmp_path):
    result = run_body(
        tmp_path,
        """
        yield condition("H1", True, "fine")
        for _ in range(run.mdp.n_actions // 64):
            yield equal("x", 1.0, bounds.itself.given(value=1.0))
        """,
        kind="continuum",
    )
    assert result.verdict == "ERROR"
    assert "yield the same items" in result.message


def test_a_finite_set_is_its_own_refinement(tmp_path):
    result = run_body(
        tmp_path,
        """
        yield condition("H1", True, "fine")
        yield equal("r", run.mdp.r[0, 0], bounds.itself.given(value=run.mdp.r[0, 0]))
        """,
        kind="continuum",
        case='"garnet"',
    )
    assert result.verdict == "HOLDS"


ERRORS = {
    "exception": ("raise KeyError('lost')", "KeyError: 'lost'"),
    "no hypothesis": (
        "yield equal('x', 1.0, bounds.itself.given(value=1.0))",
        "hypotheses yielded by",
    ),
    "no claim": ("yield condition('H1', True, '')", "yielded no claim"),
    "unconverged solver": (
        "yield condition('H1', True, '')\nwc.solve(run.mdp, tol=1e-300)",
        "SolverError",
    ),
    "NaN": (
        "yield condition('H1', True, '')\nyield equal('x', np.nan, bounds.itself.given(value=1.0))",
        "not a number",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_goes_wrong_in_a_body_is_an_error_never_a_pass(name, tmp_path):
    body, message = ERRORS[name]
    result = run_body(tmp_path, body)
    assert result.verdict == "ERROR"
    assert message in result.message
    assert not result.as_expected


def test_a_control_that_holds_is_not_as_expected(tmp_path):
    body = """
    yield condition("H1", True, "fine")
    yield at_most("x", 1.0, bounds.itself.given(value=10.0))
    """
    held = run_body(tmp_path, body, control=0)
    assert held.verdict == "HOLDS"
    assert not held.as_expected
    assert "the control was not violated" in held.message


def test_a_control_must_miss_by_ten_resolutions(tmp_path):
    body = """
    yield condition("H1", True, "fine")
    yield at_most("x", 0.5 * (1 + 5e-8), bounds.itself.given(value=1.0))
    """
    near = run_body(tmp_path, body, control=0)
    assert near.verdict == "VIOLATED"
    assert not near.as_expected
    assert "less than 10 resolutions" in near.message


def test_a_control_that_names_no_constant_is_an_error(tmp_path):
    body = """
    yield condition("H1", True, "fine")
    yield at_most("x", 1.0, bounds.scaled_kl.given(kl=1.0), tau=1.0)
    """
    result = run_body(tmp_path, body, control=0, constants='{"tua": 0.5}')
    assert result.verdict == "ERROR"
    assert "did you mean 'tau'" in result.message


def test_an_axis_of_another_length_is_an_error(tmp_path):
    body = """
    yield condition("H1", True, "fine")
    yield at_most("x", np.ones(99), bounds.itself.given(value=np.ones(99)), over="state")
    """
    assert "axis 'state' of 'x' must have 4 points" in run_body(tmp_path, body).message


def test_an_exception_names_its_line_and_an_exit_is_no_pass(tmp_path):
    assert "one_off.py:" in run_body(tmp_path, "raise KeyError('lost')\nyield").message
    assert run_body(tmp_path, "raise SystemExit(0)\nyield").verdict == "ERROR"


def test_a_corrupted_system_reaches_the_measured_side_only(tmp_path):
    body = """
    yield condition("H1", True, "fine")
    yield equal("tau", run.system.tau, bounds.itself.given(value=run.mdp.tau))
    """
    assert run_body(tmp_path, body).verdict == "HOLDS"
    assert run_body(tmp_path, body, control=1).verdict == "VIOLATED"


def test_values_and_solutions_come_from_the_corrupted_system(tmp_path):
    for measured, true in (
        ("run.solution.V[0]", "wc.solve(run.mdp).V[0]"),
        ("run.evaluate(pi).V[0]", "wc.evaluate(run.mdp, pi).V[0]"),
    ):
        body = f"""
        pi = run.policies["rough"]
        yield condition("H1", True, "fine")
        yield equal("V", {measured}, bounds.itself.given(value={true}))
        """
        assert run_body(tmp_path, body).verdict == "HOLDS"
        assert run_body(tmp_path, body, control=1).verdict == "VIOLATED"


def test_a_promise_of_tightness_is_kept(tmp_path):
    body = """
    yield condition("H1", True, "fine")
    yield at_most("x", 1.0, bounds.itself.given(value=2.0))
    """
    loose = run_body(tmp_path, body, case='"double-well", tight=0.9')
    assert loose.verdict == "HOLDS"
    assert not loose.as_expected
    assert "below the 0.9" in loose.message


def test_an_expected_failure_of_the_wrong_hypothesis_is_told(tmp_path):
    body = """
    yield condition("H1", True, "fine")
    yield at_most("x", 1.0, bounds.itself.given(value=2.0))
    """
    result = run_body(tmp_path, body, case='"garnet", expect="INAPPLICABLE", fails="H1"')
    assert not result.as_expected


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    item = discover()["wpg-res"]

    def numbers(seed):
        result = execute(Job(item, item.cases[0]), Workshop(seed)).result
        return result.model_copy(update={"seconds": 0.0})

    assert numbers(0).model_dump_json() == numbers(0).model_dump_json()
    assert numbers(0).where != numbers(1).where


def test_instances_are_built_once():
    workshop = Workshop()
    assert workshop.recipe("garnet", {}) is workshop.recipe("garnet", {})
    assert workshop.recipe("garnet", {}) is not workshop.recipe("garnet", {"temperature": 1.0})
    true = workshop.recipe("garnet", {})
    assert workshop.corrupted(true, {"discount": 0.5}).mdp.gamma == 0.45


def test_verify_gives_a_readable_result():
    v = wc.verify("wpg-res", wc.zoo.two_state())
    assert v.verdict == "HOLDS"
    assert "wpg-res on two-state" in repr(v)
    assert "R = tau KL(pi|p^pi)</td>" in v._repr_html_()
    assert "<script" not in v._repr_html_()
    assert wc.verify("two-state-bellman").verdict == "HOLDS"
    (name,) = v.measured
    assert np.allclose(v.measured[name], v.proved[name], rtol=1e-8, atol=0)
    assert v.claim(name).sense == "="
    assert wc.verify("pdl", "garnet", temperature=0.1).verdict == "HOLDS"


def test_a_users_problem_is_loaded_from_every_kind_of_file(tmp_path):
    mdp = wc.zoo.two_state()
    for suffix in ("npz", "json"):
        path = tmp_path / f"mine.{suffix}"
        wc.save(mdp, path)
        assert np.array_equal(load_problem(str(path), {}).r, mdp.r)
        assert load_problem(str(path), {"tau": 0.25}).tau == 0.25
    code = tmp_path / "mine.py"
    code.write_text(
        "import wconv as wc\n"
        "def make(temperature=1.0):\n"
        "    return wc.zoo.two_state(temperature=temperature)\n"
    )
    assert load_problem(f"{code}:make", {"tau": 0.3}).tau == 0.3
    code.write_text("import wconv as wc\ndef make(n): return wc.zoo.two_state(temperature=n)\n")
    assert load_problem(f"{code}:make", {"n": 0.4}).tau == 0.4


def test_settings_are_literals_or_words():
    assert parse_settings(["a=1", "b=.5", "c=True", "d=8x8"]) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "8x8",
    }


def test_plans():
    checks = discover()
    bellman = select(checks, ["bellman"])
    assert len(bellman) == 7
    jobs = plan(bellman, tier="quick")
    assert all(job.case.tier == "quick" for job in jobs if not job.control)
    on = plan(select(checks, ["wpg-res"]), on=["garnet"], parameters={"tau": 0.2})
    mine = [job for job in on if not job.control]
    assert [dict(j.case.parameters) for j in mine] == [{"temperature": 0.2}]
    assert mine[0].case.expect is None
    sparse = plan(select(checks, ["pdl"]), on=["garnet"], policies="sparse", controls=False)
    assert [job.case.expect for job in sparse] == ["INAPPLICABLE"]
    assert plan(select(checks, ["two-state-bellman"]), on=["garnet"]) == []


BAD = {
    "unknown check": (lambda _: wc.verify("wpg-rse", "garnet"), "did you mean 'wpg-res'"),
    "unknown instance": (
        lambda _: wc.verify("wpg-res", "garnett"),
        "instance must be a known name",
    ),
    "unknown parameter": (lambda _: wc.verify("wpg-res", "garnet", heat=1), "parameter of garnet"),
    "parameters of an MDP": (
        lambda _: wc.verify("wpg-res", wc.zoo.two_state(), temperature=1.0),
        "parameters must be given with a zoo name",
    ),
    "not a problem": (lambda _: wc.verify("pdl", 3), "problem must be an MDP"),
    "a problem for algebra": (
        lambda _: wc.verify("two-state-bellman", "garnet"),
        "problem must be left out",
    ),
    "two problems": (
        lambda _: wc.optimality_gap(
            wc.solve(wc.zoo.two_state()),
            wc.evaluate(other := wc.zoo.two_state(), wc.uniform(other)),
        ),
        "belong to one problem",
    ),
    "unknown claim": (lambda _: wc.verify("wpg-res", "two-state").claim("x"), "claim must be"),
    "unknown chapter": (lambda _: select(discover(), ["belman"]), "check must be a known name"),
    "setting": (lambda _: parse_settings(["tau"]), "--set must have the form name=value"),
    "no file": (
        lambda p: load_problem(f"{p}/x.py:make", {}),
        r"problem file must be an existing \.py file",
    ),
    "no function": (
        lambda p: load_problem(python(p, "x = 1") + ":make", {}),
        "name a function of the file",
    ),
    "raises": (
        lambda p: load_problem(python(p, "1/0") + ":make", {}),
        "must run cleanly, got ZeroDivisionError",
    ),
    "not an MDP": (
        lambda p: load_problem(python(p, "def make(): return 1") + ":make", {}),
        "must return an MDP",
    ),
    "parameter of a file": (
        lambda p: load_problem(saved(p), {"seed": 1}),
        "parameter of .* must be a known name",
    ),
    "dynamics parameter": (
        lambda _: Workshop().corrupted(Workshop().recipe("garnet", {}), {"seed": 1.0}),
        "dynamics parameter",
    ),
    "continuum of a table": (lambda _: table_instance().coarser, "be a SmoothMDP"),
}


def python(path, text):
    file = path / "f.py"
    file.write_text(text)
    return str(file)


def saved(path):
    wc.save(wc.zoo.two_state(), path / "m.npz")
    return str(path / "m.npz")


def table_instance():
    mdp = wc.make_mdp(
        np.zeros((1, 4)),
        np.ones((1, 4, 1)),
        discount=0.5,
        temperature=1.0,
        grid=wc.Interval(0, 1).grid(4),
    )
    return Workshop().problem(mdp)


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, tmp_path):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call(tmp_path)
