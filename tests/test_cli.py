"""The command line: exit codes, plain output, files written whole or not at all, clear refusals."""

import importlib
import json
import shlex
import subprocess
import sys

import pytest

import wconv as wc
from wconv.cli import main
from wconv.outcomes import Outcome, SolverError

ALWAYS_VIOLATED = '''
"""broken-theorem  One is at most a half.

Setting.     Any.
Hypotheses.  (H1) nothing.
Claim.       1 <= 1/2.
Tight for.   Nothing.
Reference.   None.
"""
import wconv as wc
from wconv.theory import at_most, case, check, condition, control
from wconv.theory.bounds import bellman as bounds

CASES = [case("two-state")]
CONTROLS = [control(n, on=CASES[0], constants={"bound": 0.5}) for n in "ab"]

@check("broken-theorem", cases=CASES, controls=CONTROLS)
def broken(run):
    yield condition("H1", True, "given")
    yield at_most("1 <= 1/2", LHS, bounds.itself.given(value=VALUE))
'''


@pytest.fixture
def user_check(tmp_path):
    def write(value="0.5", lhs="1.0"):
        file = tmp_path / "broken_theorem.py"
        file.write_text(ALWAYS_VIOLATED.replace("VALUE", value).replace("LHS", lhs))
        return str(file)

    return write


def test_a_check_with_its_controls_and_all_outputs(tmp_path, capsys):
    files = {kind: tmp_path / f"r.{kind}" for kind in ("json", "csv", "junit", "latex")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    assert main(["check", "wpg-res", *options]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "all as expected" in said
    report = json.loads(files["json"].read_text())
    assert report["schema"] == 1
    assert {r["role"] for r in report["results"]} == {"case", "control"}
    assert all(path.stat().st_size > 100 for path in files.values())
    assert [r.id for r in wc.read_results(files["json"])] == ["wpg-res"] * 6


def test_exit_codes_tell_what_happened(user_check, capsys):
    assert main(["check", "--checks", user_check("0.5")]) == 1
    assert main(["check", "--checks", user_check("1.0", "wc.Measured.of(0.99, e=0.02)")]) == 3
    assert main(["check", "--checks", user_check("float('nan')")]) == 4
    assert main(["check", "two-state-bellman", "--on", "garnet"]) == 5
    said = capsys.readouterr().out
    assert "reproduce: wconv check broken-theorem --on two-state" in said


def test_a_users_instance_and_parameters(tmp_path, capsys):
    wc.save(wc.zoo.two_state(), tmp_path / "mine.npz")
    assert main(["check", "pdl", "--on", str(tmp_path / "mine.npz"), "--set", "tau=0.2"]) == 0
    assert main(["check", "wpg-res", "--set", "tau=0.7"]) == 0
    assert "temperature=0.7" in capsys.readouterr().out


def test_the_same_seed_prints_the_same_numbers(tmp_path):
    def numbers(seed, name):
        main(["check", "wpg-res", "--seed", str(seed), "--json", str(tmp_path / name)])
        return [
            r.model_copy(update={"seconds": 0.0, "reproduce": ""}).model_dump_json()
            for r in wc.read_results(tmp_path / name)
        ]

    assert numbers(1, "a") == numbers(1, "b")
    assert numbers(1, "a") != numbers(2, "c")


def test_a_users_function_that_fails_is_wrong_usage(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "def boom():\n    raise RuntimeError('no')\ndef leave():\n    raise SystemExit(0)\n"
    )
    for function in ("boom", "leave"):
        assert main(["check", "pdl", "--on", f"{file}:{function}"]) == 2
    assert main(["check", "pdl", "--on", f"{file}:boom", "--set", "heat=1"]) == 2
    file.write_text("import wconv as wc\ndef hot():\n    return wc.zoo.garnet(temperature=-1)\n")
    assert main(["check", "pdl", "--on", f"{file}:hot"]) == 2
    file.write_text("raise SystemExit(0)\n")
    assert main(["check", "--checks", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 5


def test_markup_in_a_name_is_only_text(tmp_path, capsys):
    mdp = wc.zoo.two_state()
    named = wc.make_mdp(
        mdp.r, mdp.P, discount=0.5, temperature=0.5, grid=mdp.grid, name="[/red]\x01<&$"
    )
    wc.save(named, tmp_path / "[b].json")
    assert main(["check", "wpg-res", "--on", str(tmp_path / "[b].json")]) == 0
    assert "[b].json" in capsys.readouterr().out


def test_commands_to_reproduce_do(tmp_path, capsys):
    file = tmp_path / "my problem.npz"
    wc.save(wc.zoo.two_state(), file)
    command = ["check", "wpg-res", "--on", str(file), "--set", "temperature=0.7", "--seed", "3"]
    assert main([*command, "--json", str(tmp_path / "a")]) == 0
    (mine,) = (r for r in wc.read_results(tmp_path / "a") if r.role == "case")
    assert main([*shlex.split(mine.reproduce)[1:], "--json", str(tmp_path / "b")]) == 0
    (again,) = (r for r in wc.read_results(tmp_path / "b") if r.role == "case")
    assert again.where == mine.where
    assert again.parameters == {"temperature": 0.7}
    capsys.readouterr()


def test_all_checks_with_a_changed_parameter_keep_the_expected_inapplicable(capsys):
    assert main(["check", "pdl", "--set", "tau=0.4"]) == 0
    assert "INAPPLICABLE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [(KeyboardInterrupt, 130, "interrupted"), (MemoryError, 2, "not enough memory")],
)
def test_interruption_and_memory_are_one_line(error, code, message, monkeypatch, capsys):
    def stop(*_, **__):
        raise error

    monkeypatch.setattr(importlib.import_module("wconv.verify.parallel"), "planned", stop)
    assert main(["check", "wpg-res"]) == code
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_of_a_solver_that_stops_the_cause_comes_first(monkeypatch, capsys):
    def stop(*_, **__):
        raise SolverError(Outcome.MAX_STEPS, "stuck at 3")

    monkeypatch.setattr(importlib.import_module("wconv.verify.parallel"), "planned", stop)
    assert main(["check", "wpg-res"]) == 4
    assert capsys.readouterr().err.startswith("wconv: stuck at 3. The step limit was reached")


def test_links_and_devices_are_respected(tmp_path, capsys):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(real)
    assert main(["check", "wpg-res", "--on", "two-state", "--json", str(link)]) == 0
    assert link.is_symlink()
    assert json.loads(real.read_text())["schema"] == 1
    assert main(["check", "wpg-res", "--json", "/dev/null"]) == 2
    assert "be a plain file" in capsys.readouterr().err


def test_the_symbolic_chapter(capsys):
    assert main(["check", "symbolic"]) == 0
    assert capsys.readouterr().out.count("VIOLATED") >= 2


def test_list_and_explain(capsys):
    assert main(["list"]) == 0
    assert main(["explain", "bellman-sandwich", "--on", "two-state"]) == 0
    said = capsys.readouterr().out
    for word in ("bellman-sandwich", "double-well", "Hypotheses", "worst point", "tightness"):
        assert word in said


def test_explain_says_what_a_check_without_instances_runs_on(capsys):
    assert main(["explain", "base-constants"]) == 0
    said = capsys.readouterr().out
    assert "none needed: it runs on its setting" in said
    assert "L = 2.5, R = 1.5" in said
    assert "(on none)" not in said
    assert main(["explain", "base-constants", "--on", "two-state"]) == 5
    assert "base-constants speaks of no instance" in capsys.readouterr().out


def test_explain_takes_the_policies_of_check(capsys):
    assert main(["explain", "pdl", "--on", "two-state", "--policies", "sparse"]) == 3
    said = capsys.readouterr().out
    assert "pdl on two-state (sparse policies): INAPPLICABLE" in said
    assert "H1 FAILS" in said


def test_doctor(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for word in ("numpy", "longdouble", "jax x64", "jax devices", "self-test passed"):
        assert word in said


def test_the_module_runs_and_colours_nothing_in_a_pipe():
    command = [sys.executable, "-m", "wconv", "check", "wpg-res", "--on", "two-state"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_reader_that_leaves_early_costs_neither_files_nor_the_exit_code(tmp_path):
    target = tmp_path / "r.json"
    command = [sys.executable, "-m", "wconv", "check", "wpg-res", "pdl", "--json", str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait() == 0
        assert b"Traceback" not in process.stderr.read()
    assert {r.id for r in wc.read_results(target)} == {"wpg-res", "pdl"}


USAGE = {
    "unknown check": (["check", "wpg-rse"], "did you mean 'wpg-res'"),
    "unknown instance": (["check", "--on", "nowhere"], "instance must be a known name"),
    "unknown parameter": (["check", "--on", "garnet", "--set", "heat=1"], "valid: temperature"),
    "short names": (["check", "--on", "garnet", "--set", "temp=1"], "sparse, tau, gamma"),
    "both names": (
        ["check", "--on", "garnet", "--set", "tau=1", "--set", "temperature=1"],
        "temperature must be given once",
    ),
    "bad value": (["check", "--on", "garnet", "--set", "tau=-1"], "temperature must be positive"),
    "bad setting": (["check", "--set", "tau"], "name=value"),
    "no such file": (["check", "--on", "none.npz"], "none.npz"),
    "unwritable": (["check", "--json", "/nowhere/x.json"], "existing folder"),
    "unknown command": (["chekc"], "chekc"),
    "unknown option": (["check", "--teir", "all"], "--teir"),
    "bad tier": (["check", "--tier", "some"], "tier"),
    "missing checks": (["check", "--checks", "none.py"], "checks path must exist"),
    "negative seed": (["check", "wpg-res", "--seed", "-1"], "seed must be an integer >= 0"),
    "set twice": (["check", "--set", "tau=1", "--set", "tau=2"], "give each name once"),
    "other file": (["check", "--on", "mine.csv"], "FILE.npz, FILE.json or FILE.py:function"),
    "same output": (["check", "--json", "x", "--csv", "x"], "output paths must differ"),
    "explain unknown": (["explain", "nothing"], "check must be a known name"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_is_one_clear_line_and_exit_code_2(name, capsys):
    arguments, message = USAGE[name]
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


def test_a_refused_run_leaves_no_file(tmp_path, capsys):
    target = tmp_path / "r.json"
    assert main(["check", "--on", "garnet", "--set", "tau=-1", "--json", str(target)]) == 2
    assert "temperature" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
