"""Discovery of checks: from the built-in chapters, from a path, and what is refused."""

from textwrap import dedent

import pytest

from wconv._require import InputError
from wconv.theory import case, control, discover
from wconv.theory.statement import parse_statement

GOOD = '''
"""my-theorem  A title.

Setting.     A setting.
Hypotheses.  (H1) something is finite.
Claim.       One is one.
Tight for.   Always.
Reference.   None.
"""
from wconv.theory import case, check, control, condition, equal
from wconv.theory.bounds import bellman as bounds

CASES = [case("two-state")]
CONTROLS = [
    control("a", on=CASES[0], constants={"tau": 0.5}),
    control("b", on=CASES[0], constants={"tau": 2.0}),
]

@check("my-theorem", cases=CASES, controls=CONTROLS)
def my_theorem(run):
    yield condition("H1", True, "fine")
    yield equal("1 = 1", 1.0, bounds.scaled_kl.given(kl=1.0), tau=1.0)
'''


def write(tmp_path, text, name="my_theorem.py"):
    file = tmp_path / name
    file.write_text(dedent(text))
    return str(file)


def test_built_in_ids_are_file_names():
    found = discover()
    assert len(found) >= 8
    for id_, item in found.items():
        assert item.source == id_.replace("-", "_") + ".py"


def test_every_built_in_check_has_two_controls_and_two_quick_cases_or_needs_no_problem():
    for item in discover().values():
        quick = [c for c in item.cases if c.tier == "quick"]
        assert len(item.controls) >= 2
        assert len(quick) >= 2 or not item.needs_problem


def test_a_file_and_a_folder_are_discovered(tmp_path):
    assert list(discover(write(tmp_path, GOOD))) == ["my-theorem"]
    assert list(discover(str(tmp_path))) == ["my-theorem"]


def test_the_statement_is_read_from_the_docstring(tmp_path):
    statement = discover(write(tmp_path, GOOD))["my-theorem"].statement
    assert statement.title == "A title."
    assert statement.hypotheses == ("H1",)
    assert statement.sections["Claim"] == "One is one."


BROKEN = {
    "raises on import": ("1 / 0", "check file .* must run cleanly, got ZeroDivisionError"),
    "no check": ("x = 1", "must define a @check"),
    "other id": (
        GOOD.replace('@check("my-theorem"', '@check("other"'),
        "be the docstring's 'my-theorem'",
    ),
    "one control": (
        GOOD.replace('    control("b", on=CASES[0], constants={"tau": 2.0}),\n', ""),
        "be at least two",
    ),
    "no cases": (
        GOOD.replace("cases=CASES", "cases=[]"),
        "cases of my-theorem must be at least one",
    ),
    "control elsewhere": (
        GOOD.replace(
            'on=CASES[0], constants={"tau": 2.0}', 'on=case("garnet"), constants={"tau": 2.0}'
        ),
        "be pinned to one of the cases",
    ),
    "no title": (GOOD.replace("my-theorem  A title.", "A title"), "start with 'id  Title'"),
    "missing section": (GOOD.replace("Tight for.   Always.\n", ""), "have the sections"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_check_files_are_refused_with_a_clear_line(name, tmp_path):
    text, message = BROKEN[name]
    with pytest.raises(InputError, match=message):
        discover(write(tmp_path, text))


BAD = {
    "missing path": (lambda: discover("nowhere.py"), "checks path must exist"),
    "unknown verdict": (lambda: case("x", expect="FINE"), "expect must be a known name"),
    "inapplicable without reason": (
        lambda: case("x", expect="INAPPLICABLE"),
        "fails must be given",
    ),
    "reason without inapplicable": (lambda: case("x", fails="H1"), "fails must be given"),
    "empty control": (lambda: control("c", on=case("x")), "corrupt either constants or dynamics"),
    "absurd factor": (
        lambda: control("c", on=case("x"), constants={"tau": 1e-9}),
        "factor of tau in 'c' must lie between",
    ),
    "factor one": (
        lambda: control("c", on=case("x"), constants={"tau": 1.0}),
        "and not be 1",
    ),
    "negative factor": (
        lambda: control("c", on=case("x"), dynamics={"discount": -1.0}),
        "factor of discount",
    ),
    "no docstring": (lambda: parse_statement(None, "f.py"), "docstring of f.py"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()


def test_a_file_that_is_not_python_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"check file must be an existing \.py file"):
        discover(write(tmp_path, GOOD, "my_theorem.txt"))


def test_two_checks_with_one_id_are_refused(tmp_path):
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "again.py")
    with pytest.raises(InputError, match="have an id of its own"):
        discover(str(tmp_path))
