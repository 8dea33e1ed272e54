"""What checks of functional inequalities need of the runner: smooth policies, shared work, fitting."""

from dataclasses import replace

import numpy as np
import pytest

import wconv as wc
from wconv.mdp import zoo
from wconv.theory import NO_PROBLEM, discover
from wconv.verify.instance import Instance, Workshop
from wconv.verify.job import Job
from wconv.verify.plan import plan
from wconv.verify.runner import execute

SMOOTH = ["box-2d", "double-well", "gaussian-line", "heavy", "ring"]


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_policies_are_the_same_functions_on_every_grid(name):
    mdp = zoo.make(name, n=32)
    fine, coarse = Instance(mdp, seed=0), Instance(zoo.make(name, n=16), seed=0)
    for policy in ("tempered", "pushed"):
        a, b = (each.smooth_policies[policy] for each in (fine, coarse))
        spread = [wc.oscillation(p.logf, p.grid) for p in (a, b)]
        assert (np.abs(spread[0].value - spread[1].value) <= spread[1].error + 0.02).all()
        assert a.logf.std() > 0.01


def test_constants_of_a_policy_are_computed_once():
    instance = Workshop().recipe("double-well", {"n": 32})
    policy = instance.solution.policy
    assert instance.inequalities(policy) is instance.inequalities(policy)


def test_a_control_of_constants_does_not_measure_again():
    check = discover()["scaling"]
    workshop, calls = Workshop(), []

    def counted(run):
        calls.append(run.mdp.name)
        return check.body(run)

    watched = replace(check, body=counted)
    execute(Job(watched, check.cases[0]), workshop)
    for control in check.controls:
        evidence = execute(Job(watched, control.on, control=control), workshop)
        assert evidence.result.verdict == "VIOLATED"
    assert calls == ["double-well"]


def test_checks_of_a_continuum_are_left_out_on_finite_sets_unless_asked_for():
    checks = list(discover().values())
    kept = {job.check.id for job in plan(checks, on=["garnet"], fitting=True)}
    assert "wpg-res" in kept
    assert "holley-stroock" not in kept
    asked = plan([discover()["holley-stroock"]], on=["garnet"])
    assert asked[0].check.id == "holley-stroock"
    assert execute(asked[0], Workshop()).result.verdict == "INAPPLICABLE"
    here = {job.check.id for job in plan(checks, on=["ring"], fitting=True)}
    assert "holley-stroock" in here


@pytest.mark.parametrize("name", [i for i, c in discover().items() if c.actions == "continuum"])
def test_every_continuum_check_is_inapplicable_on_a_finite_set(name):
    check = discover()[name]
    assert all(case.instance != NO_PROBLEM for case in check.cases)
    (job,) = plan([check], on=["two-state"], controls=False)
    result = execute(job, Workshop()).result
    assert result.verdict == "INAPPLICABLE"
    assert result.hypotheses[0].name == "H1"
