"""Assertions that cannot fail are bugs: an AST scan of the whole suite."""

import ast
from pathlib import Path

import pytest

TESTS = sorted(Path(__file__).parent.rglob("test_*.py"))


def vacuous(tree: ast.AST) -> list[str]:
    """Line numbers and reasons of assertions that cannot fail."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            if isinstance(node.test, ast.Tuple):
                found.append(f"{node.lineno}: assert on a tuple is always true")
            if isinstance(node.test, ast.Constant) and node.test.value:
                found.append(f"{node.lineno}: assert on a constant")
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Compare):
            found.append(f"{node.lineno}: a comparison without assert")
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("assert_array_almost_equal", "assert_almost_equal", "assertTrue"):
                found.append(f"{node.lineno}: {name} has traps; compare with an explicit error")
            if name == "raises" and not any(k.arg == "match" for k in node.keywords):
                found.append(f"{node.lineno}: raises without match=")
    return found


def test_the_scan_finds_what_it_looks_for():
    bad = "assert (x, y)\nassert True\nx == 1\nassertTrue(x, 3)\npytest.raises(ValueError)\n"
    assert len(vacuous(ast.parse(bad))) == 5


@pytest.mark.parametrize("path", TESTS, ids=lambda p: p.stem)
def test_no_vacuous_assertions(path):
    assert vacuous(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", TESTS, ids=lambda p: p.stem)
def test_every_test_asserts_something(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            asserts = [n for n in ast.walk(node) if isinstance(n, ast.Assert)]
            calls = [
                getattr(n.func, "attr", getattr(n.func, "id", ""))
                for n in ast.walk(node)
                if isinstance(n, ast.Call)
            ]
            helped = any(
                c in ("raises", "warns") or c.startswith(("assert_", "check_")) for c in calls
            )
            assert asserts or helped, f"{path.name}:{node.lineno} {node.name} asserts nothing"
