"""Documents: every Python block runs, every link resolves, the ledger lists every check."""

import re
from pathlib import Path

import pytest

from wconv.cli import main
from wconv.theory import discover

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def test_the_readme_tour_runs_as_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for block in blocks(ROOT / "README.md", "python"):
        exec(compile(block, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.count("HOLDS") >= 3
    assert "±" in said


def test_the_guide_to_own_problems_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "your-own-problem.md"
    (document,) = blocks(page, "json")
    (tmp_path / "mine.json").write_text(document)
    assert main(["check", "wpg-res", "--on", "mine.json", "--set", "temperature=0.1"]) == 0
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {})
    assert "HOLDS" in capsys.readouterr().out


def test_the_theorem_of_the_guide_is_checked(tmp_path, capsys):
    (source,) = blocks(ROOT / "docs" / "add-a-theorem.md", "python")
    file = tmp_path / "softmax_hoeffding.py"
    file.write_text(source)
    assert main(["check", "--checks", str(file)]) == 0
    said = capsys.readouterr().out
    assert said.count("HOLDS") >= 2
    assert said.count("VIOLATED") >= 2
    assert main(["explain", "softmax-hoeffding", "--checks", str(file), "--on", "garnet"]) == 0


SAID = {
    "attack": ("HOLDS", "dJ*/dtau = -0.5643"),
    "constants": ("C_LS in [0.7155668", "more slowly than a Gaussian", "plateau"),
    "dynamics": ("33 policies to time 3", "MirrorDescent(step=0.25)"),
    "particles": (
        "200 particles in R^1 in each of 4 states, 5 samples to time 2",
        "[0.  0.5 1.  1.5 2. ]",
        "n must fit into 2 GB",
    ),
    "probes": ("holds", "('discount', 'temperature')"),
}
"""What the blocks of a guide print, among other things."""


@pytest.mark.parametrize("guide", SAID)
def test_a_guide_runs_as_printed(guide, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(ROOT / "docs" / f"{guide}.md", "python"):
        exec(compile(block, f"{guide}.md", "exec"), names)
    said = capsys.readouterr().out
    assert [line for line in SAID[guide] if line not in said] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_check_is_in_the_ledger_the_readme_and_the_theory():
    for page in ("docs/ledger.md", "README.md", "docs/theory.md"):
        text = (ROOT / page).read_text()
        missing = [id_ for id_ in discover() if id_ not in text]
        assert missing == [], page


def test_the_ledger_claims_no_more_than_there_is():
    verified = set()
    for line in (ROOT / "docs/ledger.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) >= 2 and cells[1].startswith("verified"):
            verified |= set(re.findall(r"`([a-z0-9-]+)`", cells[0]))
    assert verified == set(discover())
