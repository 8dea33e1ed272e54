"""Results as files and tables: round trip, special numbers, exit codes, nothing half-written or cut."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree

import pytest

from wconv._require import InputError
from wconv.report import export, table
from wconv.report import format as fmt
from wconv.report.schema import Report, Result


def result(**changes):
    base = {
        "id": "x", "instance": "garnet",
        "parameters": {"temperature": 0.1, "sparse": True}, "policies": "mixed",
        "role": "case",
        "name": "", "expected": "HOLDS", "as_expected": True, "verdict": "HOLDS", "tag": "exact",
        "margin": 1e-16, "margin_error": 1e-15, "tightness": 1.0, "teeth": {"relative": 1e-8},
        "grade": "C", "where": {"claim": "a_b & c", "state": 1}, "errors": {}, "points": 3, "hypotheses": [],
        "claims": [], "message": "", "seconds": 0.5, "reproduce": "wconv check x",
    }  # fmt: skip
    return Result(**(base | changes))


CLAIM = {
    "name": "c", "verdict": "HOLDS", "tag": "", "message": "", "margin": 1.0, "margin_error": 0.0,
    "tightness": 0.0, "teeth": {}, "points": 1, "resolved": 1, "where": {}, "errors": {},
}  # fmt: skip


def report(*results):
    return Report(schema=1, environment={"python": "3"}, results=list(results))


def test_json_round_trip_keeps_infinities_and_nan():
    claim = CLAIM | {"margin": float("inf"), "points": 3}
    original = report(
        result(
            margin=float("inf"),
            margin_error=float("nan"),
            tightness=float("-inf"),
            claims=[claim],
        )
    )
    text = export.to_json(original)
    assert '"Infinity"' in text
    assert '"NaN"' in text
    assert '"schema": 1' in text
    back = export.from_json(text).results[0]
    assert back.margin == float("inf")
    assert back.margin_error != back.margin_error
    assert export.to_json(export.from_json(text)) == text


def test_csv_has_a_row_a_result():
    rows = list(
        csv.DictReader(
            io.StringIO(export.to_csv(report(result(), result(role="control", name="c"))))
        )
    )
    assert [row["role"] for row in rows] == ["case", "control"]
    assert rows[0]["parameters"] == "temperature=0.1 sparse=True"


def test_junit_counts_what_is_not_as_expected():
    bad = result(as_expected=False, verdict="VIOLATED", message="misses <far>")
    broken = result(as_expected=False, verdict="ERROR")
    suite = ElementTree.fromstring(export.to_junit(report(result(), bad, broken)))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert len(suite.findall("testcase/failure")) == 1


def test_latex_escapes_and_lists_cases_only():
    text = export.to_latex(report(result(instance="a_b"), result(role="control", instance="zz")))
    assert r"a\_b" in text
    assert "zz" not in text


EXIT = {
    "as expected": ([result(), result(role="control", verdict="VIOLATED")], 0),
    "violated": ([result(as_expected=False, verdict="VIOLATED")], 1),
    "control held": ([result(), result(role="control", verdict="HOLDS", as_expected=False)], 1),
    "inconclusive": ([result(as_expected=False, verdict="INCONCLUSIVE")], 3),
    "inconclusive control": (
        [result(), result(role="control", verdict="INCONCLUSIVE", as_expected=False)],
        1,
    ),
    "inapplicable": ([result(as_expected=False, verdict="INAPPLICABLE")], 3),
    "expected inapplicable": ([result(verdict="INAPPLICABLE")], 0),
    "held against expectation": ([result(as_expected=False, verdict="HOLDS")], 1),
    "error": (
        [result(as_expected=False, verdict="ERROR"), result(as_expected=False, verdict="VIOLATED")],
        4,
    ),
    "toothless": ([result(claims=[CLAIM])], 3),
    "toothless with a tight companion": (
        [result(claims=[CLAIM]), result(claims=[CLAIM | {"teeth": {"bound": 0.5}}])],
        0,
    ),
    "toothless on a user's problem": ([result(claims=[CLAIM], expected=None)], 0),
    "nothing": ([], 5),
    "controls only": ([result(role="control", verdict="VIOLATED")], 5),
}


@pytest.mark.parametrize("name", EXIT)
def test_exit_codes(name):
    results, code = EXIT[name]
    assert table.exit_code(results) == code


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "-"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (0.12345, "0.123"),
        (1e-15, "1e-15"),
    ],
)
def test_numbers(value, text):
    assert fmt.number(value) == text


@pytest.mark.parametrize(
    ("teeth", "text"),
    [
        ({}, "none"),
        ({"relative": 1e-8}, "1e-08 rel."),
        ({"tau": 0.5, "bound": 0.25}, "tau x 0.5"),
        ({"c": 1 - 1e-8}, "c x 1-1e-08"),
    ],
)
def test_teeth(teeth, text):
    assert fmt.teeth(teeth) == text


LONG = [
    result(id="discrete-resolvent", instance="tilted-double-well", tag="conservative",
           parameters={"temperature": 200.0, "discount": 0.0}, teeth={"horizon": 1 - 3e-7}),
    result(id="discrete-resolvent", role="control", verdict="VIOLATED", margin=-1.2e-10,
           name="constant of the reference too small", instance="tilted-double-well"),
    result(id="t2", verdict="INAPPLICABLE", instance="a/folder/without/blanks/" + "x" * 40 + ".npz",
           parameters={}, tightness=0.0007779),
]  # fmt: skip
HEADS = "check on verdict tag margin error tightness teeth grade"


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (60, "check on verdict"),
        (80, "check on verdict tag margin"),
        (100, "check on verdict tag margin error tightness"),
        (200, HEADS),
    ],
)
def test_a_narrow_table_folds_text_and_leaves_out_columns(width, heads):
    lines = table.as_text(table.table(LONG, width), width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].split() == heads.split()
    assert [line.split()[0] for line in lines if line[0] != " "] == [
        "check",
        "discrete-resolvent",
        "t2",
    ]
    start, end = lines[0].index("on "), lines[0].index("verdict")
    words = " ".join(line[start:end].strip() for line in lines[1:])
    for result in LONG:
        assert result.instance in words.replace(" ", "")
    assert "control: constant of the reference too small (on tilted-double-well)" in words
    assert "…" not in "".join(lines)
    verdicts = [word for line in lines for word in line[end:].split() if word.isupper()]
    assert [v for v in verdicts if len(v) > 1] == [r.verdict for r in LONG]


def test_short_names_leave_room_for_more_columns():
    text = table.as_text(table.table([result(), result(role="control", name="c")], 90), 90)
    assert text.splitlines()[0].split() == HEADS.split()
    assert "1e-16 ± 1e-15" in text


def test_an_explanation_stays_indented_where_it_folds():
    claim = CLAIM | {"name": "far", "where": {"policy": "near-optimal " * 4, "lhs": 1.0}}
    text = table.as_text(table.explain_result(result(claims=[claim], message="yes")), 60)
    head, name, *rest = text.splitlines()
    assert head.startswith("x on garnet")
    assert name.startswith("  far: HOLDS")
    assert len(rest) > 3
    assert all(line.startswith("    ") for line in rest)


def test_what_went_wrong_is_told():
    text = table.as_text(
        table.problems([result(as_expected=False, verdict="VIOLATED", message="misses")])
    )
    assert "reproduce: wconv check x" in text
    assert "state=1" in text


BAD = {
    "no folder": (
        lambda path: export.check_writable([path / "none" / "x.json"]),
        "output path must lie in",
    ),
    "a folder": (lambda path: export.check_writable([path]), "output path must be a plain file"),
    "not a report": (lambda _: export.from_json("{}"), "results file must be a wconv report"),
    "no file": (lambda path: export.read_results(str(path / "x")), "results file must exist"),
    "no path": (lambda _: export.read_results(3), "results file must be given by its path"),
    "a binary file": (
        lambda path: (path / "x").write_bytes(b"\xff\x00") and export.read_results(path / "x"),
        "results file must be a wconv report",
    ),
}


def test_a_path_without_permission_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InputError, match="output path must be writable"):
        export.check_writable([tmp_path / "x.json"])


WHOLE = {"claims": [CLAIM | {"margin": 1e-16, "tag": "exact"}], "points": 1}
FALSE = {"verdict": "VIOLATED", "margin": -0.1, "tag": ""}
UNSOUND = {
    "another version": ({}, {}, "schema must be 1, got 7"),
    "an unknown verdict": ({"verdict": "FINE"}, {}, r"verdict of x on garnet .* valid: HOLDS, VIOLATED"),
    "an unknown verdict of a claim": ({}, {"verdict": "INAPPLICABLE"}, "verdict of claim 'c' of x on garnet"),
    "an unknown expectation": ({"expected": "FINE"}, {}, "expected verdict of x on garnet"),
    "an unknown tag": ({}, {"tag": "sharpest"}, "tag of claim 'c' of x"),
    "an unknown grade": ({"grade": "A+"}, {}, "grade of x on garnet"),
    "unknown policies": ({"policies": "all"}, {}, "policies of x on garnet"),
    "an unknown start": ({"start": "here"}, {}, "start of x on garnet"),
    "no claims": ({"claims": [], "points": 0, "margin": "NaN"}, {}, r"must follow .*\(ERROR\), got HOLDS"),
    "a claim that does not hold": (
        {}, {"verdict": "INCONCLUSIVE", "tag": ""}, r"must follow .*\(INCONCLUSIVE\), got HOLDS",
    ),
    "a verdict of its own": (FALSE, {"margin": -0.1}, "margin of claim 'c' .* minus its error"),
    "a premise that fails": (
        {"hypotheses": [{"name": "H1", "holds": False, "detail": ""}]}, {}, r"must follow .*\(INAPPLICABLE\)",
    ),
    "a premise that is undecided": (
        {"hypotheses": [{"name": "H1", "holds": None, "detail": ""}]}, {}, r"must follow .*\(INCONCLUSIVE\)",
    ),
    "expected, not what is expected": ({"expected": "VIOLATED"}, {}, "as_expected .* be false for HOLDS"),
    "a control that need not miss": (
        {"role": "control", "name": "w"}, {}, "expected verdict of .* be VIOLATED, got 'HOLDS'",
    ),
    "a control without a name": ({"role": "control"}, {}, "name of a control of x must be given"),
    "a violation that holds": (
        {"verdict": "VIOLATED", "tag": "", "as_expected": False}, {"verdict": "VIOLATED", "tag": ""},
        "must be negative",
    ),
    "no margin": ({"margin": "NaN"}, {"margin": "NaN"}, "margin of claim .c. .* minus its error"),
    "a margin of no claim": ({"margin": 3.0}, {}, "margin of x on .* one of its claims, got 3.0"),
    "a negative error": ({"margin_error": -1.0}, {}, "margin_error of x on .* NaN where unknown, got -1.0"),
    "a negative error of a ratio": ({}, {"tightness_error": -1.0}, "tightness_error of claim 'c' of x"),
    "a negative term": ({}, {"errors": {"lhs: a": -1.0}}, "lhs: a, error of claim 'c' of x .*, must be at"),
    "an unknown term": ({}, {"errors": {"lhs: a": "NaN"}}, "must be at least 0, got nan"),
    "teeth beyond one": ({}, {"teeth": {"tau": 1.5}}, r"tau, teeth of claim 'c' .* lie in \[0, 1\]"),
    "more resolved than there is": ({}, {"resolved": 2}, "points resolved of claim 'c' .*, got 2 of 1"),
    "points of nothing": ({"points": 7}, {}, "be the 1 of its claims, got 7"),
    "a bracket upside down": ({}, {"constants": {"C": [2.0, 1.0]}}, "C of claim 'c' .* lower <= upper"),
    "a side that is no number": ({}, {"where": {"lhs": "far", "rhs": 1.0}}, "lhs of claim 'c' .* a number"),
    "negative seconds": ({"seconds": -1.0}, {}, "seconds of x on .* at least 0"),
    "a field that is missing": (
        {"claims": [{"name": "c"}]}, {}, r"results\.0\.claims\.0\.verdict: Field required",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSOUND)
def test_what_no_run_can_have_written_is_refused(name, tmp_path):
    row, claim, words = UNSOUND[name]
    good = json.loads(export.to_json(report(result(**WHOLE))))
    whole = good["results"][0]
    bad = whole | {"claims": [whole["claims"][0] | claim]} | row
    version = 7 if name == "another version" else 1
    (tmp_path / "good.json").write_text(json.dumps(good))
    (tmp_path / "bad.json").write_text(json.dumps(good | {"results": [bad], "schema": version}))
    assert len(export.read_results(tmp_path / "good.json")) == 1
    with pytest.raises(InputError, match=rf"bad\.json: .*{words}"):
        export.read_results(tmp_path / "bad.json")


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, tmp_path):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call(tmp_path)
