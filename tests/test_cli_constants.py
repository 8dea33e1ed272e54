"""``wconv constants``: a formula or a problem in, brackets with their origin out."""

import json

import pytest

from wconv.cli import main


def test_a_formula_with_all_outputs(tmp_path, capsys):
    figure, record = tmp_path / "c.png", tmp_path / "c.json"
    words = ["--potential", "a**2/2 - k*a", "--on", "0:3", "--set", "k=0", "--set", "tau=1"]
    outputs = ["--plot", str(figure), "--json", str(record)]
    assert main(["constants", *words, "--sides", *outputs]) == 0
    said = capsys.readouterr().out
    assert "0.45777001873" in said
    assert "0.57634759" in said
    assert "sharp-numerical" in said
    assert "certified" not in said
    assert figure.read_bytes().startswith(b"\x89PNG")
    rows = {row["constant"]: row for row in json.loads(record.read_text())["constants"]}
    assert rows["C_LS"]["upper"] == pytest.approx(0.57634759100, rel=1e-9)
    assert {"value", "rigor", "method"} == set(rows["C_T"]["lower_sides"][0])


def test_a_problem_gives_three_brackets_a_state(capsys):
    assert main(["constants", "--on", "tilted-double-well", "--set", "tau=0.1"]) == 0
    said = capsys.readouterr().out
    for symbol in ("C_P", "C_T", "C_LS"):
        assert said.count(f"{symbol} ") >= 4
    assert "969.5069" in said


def test_infinite_constants_say_why(capsys):
    assert main(["constants", "--potential", "abs(a)**1.5", "--on", "-inf:inf"]) == 0
    said = capsys.readouterr().out
    assert "0.7749" in said
    assert "inf" in said
    assert "tails" in said


def test_spaces_by_name(capsys):
    for circle in ("circle:2", "circle:sqrt(4)"):
        assert main(["constants", "--potential", "0", "--on", circle]) == 0
        assert "0.101321183642" in capsys.readouterr().out
    assert main(["constants", "--potential", "x*x", "--on", "0:1", "--on", "-1:1"]) == 0
    assert capsys.readouterr().out.count("C_LS") >= 1


def test_only_what_is_asked_for_is_computed(tmp_path, monkeypatch, capsys):
    from wconv.constants.api import Inequalities

    def never(self):
        raise AssertionError("computed")

    monkeypatch.setattr(Inequalities, "talagrand", property(never))
    command = ["constants", "--potential", "x**2/2", "--on", "-pi:pi", "--only"]
    record = tmp_path / "c.json"
    assert main([*command, "log-sobolev, poincare", "--json", str(record)]) == 0
    assert "C_T" not in capsys.readouterr().out
    rows = json.loads(record.read_text())["constants"]
    assert [row["constant"] for row in rows] == ["C_P", "C_LS"]
    monkeypatch.setattr(Inequalities, "log_sobolev", property(never))
    assert main([*command, "poincare"]) == 0
    assert "0.984034059536" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (["--potential", "a**2"], 2, "--on must name a space"),
        (["--on", "garnet"], 2, "modified_log_sobolev"),
        (["--on", "no-such"], 2, "valid:"),
        (["--on", "garnet", "--on", "ring"], 2, "--on must name one instance"),
        (["--potential", "import os", "--on", "0:1"], 2, "formula"),
        (["--potential", "b*a", "--on", "0:1"], 2, "b"),
        (["--potential", "a", "--on", "1:0"], 2, "low < high"),
        (["--potential", "a", "--on", "around"], 2, "--on must name a space"),
        (["--potential", "a", "--on", "circle:2*pii"], 2, "did you mean 'pi'"),
        (["--potential", "a*x", "--on", "0:1"], 2, "a or x, not both"),
        (["--potential", "a", "--on", "0:1", "--only", "poincare,T2"], 2,
         "valid: poincare, talagrand, log-sobolev"),
        (["--potential", "a", "--on", "0:1", "--only", ""], 2, "--only must be a known name"),
        (["--potential", "-a", "--on", "0:inf"], 2, "finite mass"),
        (["--potential", "a", "--on", "0:1", "--set", "tau=-1"], 2, "tau must be positive"),
        (["--potential", "a", "--on", "0:1", "--plot", "c.gif"], 2, "png"),
        (["--potential", "x*y", "--on", "disc:1", "--plot", "c.png"], 2, "to be drawn"),
        (["--on", "double-well", "--set", "n=16", "--set", "tau=0.01"], 4, "needed"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_clear_line(words, code, match, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["constants", *words]) == code
    said = capsys.readouterr().err
    assert match in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
