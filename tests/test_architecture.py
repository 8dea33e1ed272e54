"""The house: imports go down the rooms, no cycles, JAX stays out of start-up, files stay small."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wconv"
BASE = {"_require", "_axes", "_threads", "_files", "_user_code", "measured", "outcomes", "__init__"}
ALLOWED = {
    "base": set(),
    "measures": {"base"},
    "mdp": {"base", "measures"},
    "exact": {"base", "measures", "mdp"},
    "dynamics": {"base", "measures", "mdp", "exact"},
    "diagnostics": {"base", "measures", "mdp", "exact", "dynamics"},
    "constants": {"base", "measures", "mdp", "exact"},
    "theory": {"base"},
    "report": {"base", "theory"},
    "verify": {
        *("base", "measures", "mdp", "exact", "dynamics", "diagnostics", "constants"),
        *("theory", "report"),
    },
    "probe": {
        *("base", "measures", "mdp", "exact", "dynamics", "diagnostics", "constants"),
        *("theory", "report", "verify"),
    },
    "gallery": {
        *("base", "measures", "mdp", "exact", "dynamics", "diagnostics", "constants"),
        *("theory", "report", "verify", "probe"),
    },
    "cli": {"base", "mdp", "constants", "theory", "report", "verify", "probe", "gallery"},
    "__main__": {"cli"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    name = module.split(".")[1] if "." in module else "__init__"
    return "base" if name in BASE else name


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """All wconv modules a file imports, at the top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} uses a relative import"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                as_path = ROOT / Path(*deeper.split("."))
                is_module = as_path.is_dir() or as_path.with_suffix(".py").exists()
                found.add(deeper if is_module else node.module)
    return {name for name in found if name == "wconv" or name.startswith("wconv.")}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
    room = room_of(module_of(path))
    assert room in ALLOWED, f"{room} is not a room of the house"
    for target in imports(path):
        below = room_of(target)
        assert below == room or below in ALLOWED[room], f"{path.name} ({room}) imports {target}"


def test_no_cycles_between_modules():
    graph = {module_of(p): imports(p) - {module_of(p)} for p in FILES if p.stem != "__init__"}
    order = list(TopologicalSorter(graph).static_order())
    assert set(graph) <= set(order)


def test_nobody_imports_the_checks():
    for path in FILES:
        tree = ast.parse(path.read_text())
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not any(name.startswith("theory_checks") for name in names), path


@pytest.mark.parametrize("command", [["--help"], ["list"], ["explain", "wpg-res"]], ids=" ".join)
def test_start_up_does_not_import_heavy_packages(command):
    code = (
        "import sys; from wconv.cli import main; code = main(sys.argv[1:])\n"
        "heavy = {'jax', 'scipy', 'ot', 'sympy', 'matplotlib', 'gymnasium'} & set(sys.modules)\n"
        "assert code == 0 and not heavy, (code, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_shop_window_opens():
    import wconv

    missing = [name for name in wconv.__all__ if not hasattr(wconv, name)]
    assert missing == []


@pytest.mark.parametrize(
    "path",
    [
        p
        for room in ("wconv", "theory_checks", "tests")
        for p in sorted((ROOT / room).rglob("*.py"))
    ],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 400, "one file, one idea"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 70, f"{node.name} is too long"


def test_print_lives_in_the_report_and_the_command_line():
    for path in FILES:
        if room_of(module_of(path)) in ("report", "cli"):
            continue
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert not any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls), path
