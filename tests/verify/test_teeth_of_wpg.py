"""A bound of the chapter on policy gradient that forgets a factor must turn a case red.

Each mutant is judged on one small case on which the bound needs what it forgets. What no case can
show is computed anew in tests/theory/test_wpg_bounds.py.
"""

from dataclasses import replace

import numpy as np
import pytest

import wconv as wc
from theory_checks.wpg import HALFWAY, LEAVING, moving
from theory_checks.wpg.drift_regularity import LEVEL
from theory_checks.wpg.kl_to_bellman import falls
from theory_checks.wpg.one_step_kl import SETTLED
from theory_checks.wpg.wpg_pl import slowest_worst
from wconv.theory import discover
from wconv.theory.bounds import wpg_flow, wpg_langevin, wpg_steps
from wconv.verify.instance import Workshop
from wconv.verify.runner import Job, execute

ALONE = {"gamma": 0.0}
"""Without a future: 1−γ, γP_{π*} and what comes of the values are forgotten."""

FORGETFUL = {
    "1-gamma at every time": ("wpg-pl", LEAVING, wpg_flow.worst_rate, ALONE),
    "coverage": ("wpg-pl", LEAVING, wpg_flow.mean_rate, {"mismatch": 1.0}),
    "1-gamma in the exponent": ("wpg-exp", LEAVING, wpg_flow.decayed, ALONE),
    "1-gamma a frozen step": ("wpg-frozen", HALFWAY, wpg_steps.gap_factor, ALONE),
    "1-gamma an implicit step": ("wpg-implicit", HALFWAY, wpg_steps.gap_factor, ALONE),
    "other states a step": ("gap-matrix", LEAVING, wpg_steps.gaps_after_step, ALONE),
    "other states in time": ("gap-matrix", LEAVING, wpg_steps.gaps_after_flow, ALONE),
    "other states all along": ("gap-matrix", LEAVING, wpg_steps.gaps_along_flow, ALONE),
    "what Newton's step is off": ("gap-newton-rate", LEAVING, wpg_steps.newton_factor, ALONE),
    "what Newton's flow is off": ("gap-newton-rate", LEAVING, wpg_steps.newton_share, ALONE),
    "values in L_b": ("drift-regularity", LEVEL, wpg_langevin.drift_lipschitz, ALONE),
    "values in G": ("drift-regularity", LEVEL, wpg_langevin.drift_slope, ALONE),
    "delta": ("one-step-kl", SETTLED, wpg_langevin.one_step, {"L_b": 0.0}),
    "the noise in delta": ("one-step-kl", SETTLED, wpg_langevin.one_step, {"dim": 0}),
    "delta_3": ("wpgd-bias-two", SETTLED, wpg_langevin.one_step_two, {"L_b": 0.0, "L_2": 0.0}),
    "1-gamma in plateau two": ("wpgd-bias-two", SETTLED, wpg_langevin.plateau_two, ALONE),
    "bias of E": ("wpgd-global", SETTLED, wpg_langevin.gap_step, {"L_b": 0.0}),
    "bias of W": ("wpgd-global", SETTLED, wpg_langevin.gaps_step, {"L_b": 0.0}),
    "bias after k steps": ("wpgd-global", SETTLED, wpg_langevin.gap_after, {"L_b": 0.0}),
    "1-gamma in the plateau": ("wpgd-global", SETTLED, wpg_langevin.plateau, ALONE),
}


@pytest.fixture(scope="module")
def verdict():
    """The verdict of a check on a case, from a workshop that keeps paths and constants."""
    checks, workshop = discover(), Workshop()
    return lambda name, case: execute(Job(replace(checks[name]), case), workshop).result.verdict


@pytest.fixture(scope="module")
def unbroken(verdict):
    """The same with all bounds as they are, judged once."""
    known = {}

    def once(name, case):
        key = name, case.instance, case.start
        return known[key] if key in known else known.setdefault(key, verdict(name, case))

    return once


@pytest.mark.parametrize("what", FORGETFUL)
def test_a_bound_that_forgets_turns_its_case_red(what, verdict, unbroken):
    check, case, bound, forgotten = FORGETFUL[what]
    assert unbroken(check, case) == "HOLDS"
    right = bound.fn

    def forgetful(**known):
        zero = {n: np.zeros_like(known[n]) + v for n, v in forgotten.items()}
        return right(**(known | zero))

    object.__setattr__(bound, "fn", forgetful)
    try:
        assert verdict(check, case) == "VIOLATED"
    finally:
        object.__setattr__(bound, "fn", right)


def test_of_states_that_tie_for_the_largest_gap_the_slowest_counts():
    gap = wc.Measured.of([[3.0, 3.0 - 1e-9, 1.0], [3.0, 2.9, 1.0]], noise=1e-8)
    velocity = wc.Measured.of([[0.5, 0.2, 0.1], [0.5, 0.2, 0.1]], part=[[0.1, 0.3, 9.0], [0.1] * 3])
    slowest = slowest_worst(velocity, gap)
    assert slowest.value.tolist() == [0.2, 0.5]
    assert slowest.error.tolist() == [0.3, 0.1]


def test_a_state_at_rest_is_one_that_is_known_to_be():
    exact = wc.Measured.of([[2.0, 1e-17, 1e-17], [1.0, 0.0, 1e-3]], noise=1e-16)
    assert moving(exact).tolist() == [0, 2]
    vague = wc.Measured.of([[2.0, 1e-5]], noise=1e-4)
    assert moving(vague).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("before", "after", "error", "holds"),
    [
        ([2.0, 1.0], [1.0, 0.5], 0.1, True),
        ([2.0, 1.0], [1.0, 1.05], 0.1, None),
        ([2.0, 1.0], [1.0, 1.5], 0.1, False),
        ([2.0, 1e-17], [1.0, 2e-17], 1e-16, True),
        ([2.0, 1e-17], [1.0, 1e-3], 1e-16, False),
    ],
    ids=["falls", "undecided", "rises", "one rests", "one leaves its rest"],
)
def test_whether_kl_falls_is_undecided_within_errors(before, after, error, holds):
    found = falls("H2", *(wc.Measured.of([kl], noise=error) for kl in (before, after)))
    assert found.holds is holds
    assert "KL falls by at least" in found.detail
