"""Theorems of other packages: found by their entry point, and refused with the distributions' names."""

import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from wconv._require import InputError
from wconv.cli import main
from wconv.theory import Check, discover
from wconv.theory.plugins import add_installed

EXAMPLE = Path(__file__).parent.parent / "example_package"
ID = "soft-maximum-below"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path, as an installer would fill it; what is imported from it is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("example_"):
            del sys.modules[name]


def install(site, distribution, module, **files):
    """The folder of metadata that pip writes, and files of a package."""
    info = site / f"{distribution.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[wconv.checks]\n{distribution} = {module}\n")
    for name, text in files.items():
        (site / module).mkdir(exist_ok=True)
        (site / module / f"{name}.py").write_text(text)


def install_example(site):
    """The example package, with the entry point that its pyproject declares."""
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    (module,) = declared["entry-points"]["wconv.checks"].values()
    shutil.copytree(EXAMPLE / "src", site, dirs_exist_ok=True)
    install(site, declared["name"], module)


def test_checks_of_an_installed_package_are_found_in_its_chapter(site):
    install_example(site)
    found = {}
    add_installed(found, Check)
    assert list(found) == [ID]
    assert found[ID].chapter == "example-theorems"
    assert found[ID].source == "soft_maximum_below.py"
    assert found[ID].statement.title == "A soft maximum never exceeds the maximum."


def test_they_are_listed_and_checked_like_the_others(site, capsys):
    install_example(site)
    assert main(["list"]) == 0
    assert "example-theorems" in capsys.readouterr().out
    assert main(["check", ID]) == 0


def test_without_packages_nothing_is_added():
    found = discover()
    before = dict(found)
    add_installed({}, Check)
    assert found == before


def test_the_example_is_a_theorem(capsys):
    file = EXAMPLE / "src" / "example_theorems" / "soft_maximum_below.py"
    assert main(["check", "--checks", str(file)]) == 0
    assert capsys.readouterr().out.count("HOLDS") >= 2


def test_helpers_and_checks_of_elsewhere_do_not_count(site):
    install_example(site)
    borrowed = "from example_theorems.soft_maximum_below import soft_maximum_below\n"
    (site / "example_theorems" / "helper.py").write_text(borrowed)
    found = {}
    add_installed(found, Check)
    assert list(found) == [ID]


def test_an_id_that_two_distributions_use_is_refused_with_both_names(site):
    install_example(site)
    text = (site / "example_theorems" / "soft_maximum_below.py").read_text()
    install(site, "example-rival", "example_rival", __init__="", again=text)
    message = (
        f"check {ID} must have an id of its own, got one of example-rival and one of example-th"
    )
    with pytest.raises(InputError, match=message):
        add_installed({}, Check)


def test_an_id_of_wconv_is_its_own(site):
    install_example(site)
    built_in = next(iter(discover().values()))
    with pytest.raises(
        InputError, match="one of wconv and one of example-theorems: uninstall exam"
    ):
        add_installed({ID: built_in}, Check)


BROKEN = {
    "raises": (
        {"__init__": "", "bad": "1 / 0"},
        "checks of example-bad must import cleanly, got example_bad, which raises ZeroDivisionError",
    ),
    "lacks a dependency": (
        {"__init__": "import no_such_package_anywhere"},
        "ModuleNotFoundError: No module named 'no_such_package_anywhere': mend example-bad or unin",
    ),
    "quits": ({"__init__": "raise SystemExit(3)"}, "example_bad, which raises SystemExit: 3"),
    "has no check": (
        {"__init__": "", "helper": "x = 1"},
        "checks of example-bad must define a @check, got none in example_bad, example_bad.helper",
    ),
    "is not there": (
        {},
        "checks of example-bad must import cleanly, .*No module named 'example_bad'",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_is_named(site, name):
    files, message = BROKEN[name]
    install(site, "example-bad", "example_bad", **files)
    with pytest.raises(InputError, match=message):
        add_installed({}, Check)
