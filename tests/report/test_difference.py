"""What changed between two runs: nothing, only times, numbers by more than their errors, verdicts."""

import json

import pytest

from wconv.cli import main

CLAIM = {
    "name": "c", "verdict": "HOLDS", "tag": "sharp", "message": "", "margin": 0.1, "margin_error": 1e-3,
    "tightness": 0.9, "tightness_error": 1e-3, "teeth": {"bound": 0.9}, "points": 1, "resolved": 1,
    "where": {"state": 1, "lhs": 0.9, "rhs": 1.0}, "errors": {"lhs: rounding": 1e-3},
    "constants": {"C": [1.0, 2.0], "tau": [0.5, 0.5]},
}  # fmt: skip
SECOND = CLAIM | {"name": "d", "margin": 0.2, "constants": {}}
CASE = {
    "id": "wpg-res", "instance": "garnet", "parameters": {"discount": 0.5}, "policies": "mixed",
    "start": "reference", "paths": [], "role": "case", "name": "", "expected": "HOLDS",
    "as_expected": True, "verdict": "HOLDS", "tag": "sharp", "margin": 0.1, "margin_error": 1e-3,
    "tightness": 0.9, "tightness_error": 1e-3, "teeth": {"bound": 0.9},
    "grade": "C", "where": {"claim": "c"}, "errors": {},
    "points": 2, "hypotheses": [], "claims": [CLAIM, SECOND], "message": "", "seconds": 2.0, "reproduce": "",
}  # fmt: skip
FALSE = {"verdict": "VIOLATED", "margin": -0.1, "tag": ""}
VIOLATED = CASE | FALSE | {"claims": [CLAIM | FALSE, SECOND], "as_expected": False}
CONTROL = {"role": "control", "name": "wrong", "expected": "VIOLATED"}
HELD = CASE | CONTROL | {"as_expected": False}
CONTROL = VIOLATED | CONTROL | {"as_expected": True}
NOTHING = {"claims": [], "points": 0, "margin": "NaN", "tag": ""}
ERROR = CASE | NOTHING | {"verdict": "ERROR", "as_expected": False}
OUTSIDE = CASE | {
    "verdict": "INAPPLICABLE", "hypotheses": [{"name": "H1", "holds": False, "detail": ""}],
}  # fmt: skip


def claim(**changes):
    row = {name: value for name, value in changes.items() if name == "margin"}
    return CASE | row | {"claims": [CLAIM | changes, SECOND]}


SAME = [CASE, CONTROL]
AFTER = {
    "nothing": ([CASE, CONTROL], 0, "0 changes, 0 for the worse"),
    "times": ([CASE | {"seconds": 9.0}, CONTROL], 0, "bellman"),
    "within the errors": ([claim(margin=0.1019), CONTROL], 0, "0 changes"),
    "beyond the errors, below one per cent": (
        [claim(margin=0.1009, margin_error=0.0), CONTROL], 0, "0 changes",
    ),
    "a margin": ([claim(margin=0.103), CONTROL], 3, "0.1 ± 0.001"),
    "a margin that is infinite now": ([claim(margin="Infinity"), CONTROL], 3, "inf"),
    "a tightness": ([claim(tightness=0.95, where={"lhs": 0.95, "rhs": 1.0}), CONTROL], 3, "tightness"),
    "a tag": ([claim(tag="toothless"), CONTROL], 3, "c: tag"),
    "a claim gone": ([CASE | {"claims": [CLAIM], "points": 1}, CONTROL], 3, "gone"),
    "a control gone": ([CASE], 3, "control: wrong (on garnet)"),
    "a control added": ([CASE, CONTROL, CONTROL | {"name": "other"}], 3, "control: other (on garnet)"),
    "a control added that holds": ([CASE, CONTROL, HELD | {"name": "other"}], 1, "control: other"),
    "teeth gone": ([claim(teeth={}), CONTROL], 3, "c: teeth of bound"),
    "a constant gone": ([claim(constants={"C": [1.0, 2.0]}), CONTROL], 3, "c: tau"),
    "a constant added": (
        [claim(constants=CLAIM["constants"] | {"b": [3.0, "Infinity"]}), CONTROL], 3, "[3, inf]",
    ),
    "a bracket elsewhere": (
        [claim(constants={"C": [2.001, 2.002], "tau": [0.5, 0.5]}), CONTROL], 3, "[2.001,",
    ),
    "a bracket beside an infinite one": (
        [claim(constants={"C": [3.0, "Infinity"], "tau": [0.5, 0.5]}), CONTROL], 3, "[3, inf]",
    ),
    "a bracket within": ([claim(constants={"C": [1.4, 1.6], "tau": [0.5, 0.5]}), CONTROL], 0, "0 changes"),
    "a constant that is exact, off by a rounding": (
        [claim(constants={"C": [1.0, 2.0], "tau": [0.5000000000000001] * 2}), CONTROL], 0, "0 changes",
    ),
    "constants not told by an older version": (
        [CASE | {"claims": [{k: v for k, v in CLAIM.items() if k != "constants"}, SECOND]}, CONTROL],
        0, "0 changes",
    ),
    "a result added": ([CASE, CONTROL, CASE | {"instance": "ring"}], 3, "ring discount=0.5"),
    "a result of other options": ([CASE | {"options": {"n": 3}}, CONTROL], 3, "2 changes"),
    "a failure added": (
        [CASE, CONTROL, ERROR | {"instance": "ring"}], 1, "ERROR",
    ),
    "a case that held": ([VIOLATED, CONTROL], 1, "VIOLATED"),
    "a case that held, expectedly": (
        [OUTSIDE | {"expected": "INAPPLICABLE"}, CONTROL], 1, "INAPPLICABLE",
    ),
    "a control that holds": ([CASE, HELD], 1, "control: wrong"),
    "a hypothesis": (
        [CASE | {"hypotheses": [{"name": "H1", "holds": True, "detail": ""}]}, CONTROL], 3, "not told",
    ),
    "an error that grew": ([claim(margin_error=0.09), CONTROL], 3, "0.1 ± 0.09"),
    "fewer points resolved": ([claim(resolved=0), CONTROL], 3, "0/1"),
    "a second answer to a question, another one": (
        [VIOLATED, CASE, CONTROL], 1, "VIOLATED",
    ),
    "a claim of the same name": (
        [CASE | {"claims": [CLAIM, CLAIM, SECOND], "points": 3}, CONTROL], 3, "c (2)",
    ),
    "a promise broken": ([CASE | {"as_expected": False}, CONTROL], 1, "NOT as expected"),
}  # fmt: skip


def written(path, results, **environment):
    environment = {"python": "3.11", **environment}
    path.write_text(json.dumps({"schema": 1, "environment": environment, "results": results}))
    return str(path)


@pytest.mark.parametrize("name", AFTER)
def test_what_changed_and_the_exit_code(name, tmp_path, capsys):
    results, code, told = AFTER[name]
    paths = written(tmp_path / "a.json", SAME), written(tmp_path / "b.json", results)
    assert main(["diff", *paths]) == code
    assert told in capsys.readouterr().out


def test_a_verdict_that_mends_itself_is_a_change_but_not_for_the_worse(tmp_path, capsys):
    undecided = {"hypotheses": [{"name": "H1", "holds": None, "detail": ""}]}
    bad = CASE | undecided | {"verdict": "INCONCLUSIVE", "as_expected": False}
    assert main(["diff", written(tmp_path / "a", [bad]), written(tmp_path / "b", [CASE])]) == 3
    assert "INCONCLUSIVE" in capsys.readouterr().out


def test_times_by_chapter_and_the_environment_are_told(tmp_path, capsys):
    slow = [CASE | {"seconds": 3.0}, CASE | {"id": "of-a-user", "seconds": 1.0}]
    fast = [CASE | {"seconds": 1.5}, CASE | {"id": "of-a-user", "seconds": 1.0}]
    paths = written(tmp_path / "a", slow, numpy="2.1"), written(tmp_path / "b", fast, numpy="2.2")
    assert main(["diff", *paths]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["bellman", "3.0", "1.5", "0.50"] in lines
    assert ["elsewhere", "1.0", "1.0", "1.00"] in lines
    assert ["all", "4.0", "2.5", "0.62"] in lines
    assert ["numpy:", "2.1", "->", "2.2"] in lines


def test_bad_input_is_refused(tmp_path, capsys):
    good, text = written(tmp_path / "a.json", SAME), tmp_path / "b.json"
    text.write_text("{}")
    for paths, told in {
        (good, str(tmp_path / "none.json")): "results file must exist",
        (good, str(text)): "b.json: results file must be a wconv report",
        (good, good): "results files must be two",
    }.items():
        assert main(["diff", *paths]) == 2
        assert told in capsys.readouterr().err
