"""What to cite: every statement names sources, and every source that is named has an entry."""

import re
from pathlib import Path

import pytest

import wconv as wc
from wconv._require import InputError
from wconv.cli import main
from wconv.theory import discover
from wconv.theory.cite import SOURCES, sources_of

CHECKS = discover()
ROOT = Path(__file__).parent.parent.parent
UNWRITTEN = {"Gibbs variational principle"}
"""Folklore: nothing to cite."""


@pytest.mark.parametrize("id", CHECKS)
def test_every_statement_cites_what_its_reference_names(id):
    reference = " ".join(CHECKS[id].statement.sections["Reference"].split())
    found, unknown = sources_of(reference)
    assert found
    assert set(unknown) <= UNWRITTEN
    text = wc.cite(id)
    assert text.count("\n@") == len({*(s.key for s in found), "wconv"})
    assert ("@misc{wppg," in text) == ("proximal" in reference)
    assert ("@misc{wpg," in text) == ("Wasserstein policy gradient" in reference)
    # A year that the Reference gives in brackets is that of an entry.
    for year in re.findall(r"\(.*?(\d{4})\)", reference):
        assert f"year = {{{year}}}" in text


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.key)
def test_entries_are_well_formed(source):
    body = source.bibtex
    assert re.match(r"@(article|incollection|misc)\{[a-z0-9-]+,\n", body)
    assert body.endswith("\n}")
    depth = 0
    for character in body:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert body.isascii()
    assert {"author", "title"} <= set(source.fields)
    assert all(value and value == value.strip() for value in source.fields.values())


def test_keys_and_names_are_unique():
    names = [name for source in SOURCES for name in source.named]
    assert len({source.key for source in SOURCES}) == len(SOURCES)
    assert len(set(names)) == len(names)
    used = {
        s.key for c in CHECKS.values() for s in sources_of(c.statement.sections["Reference"])[0]
    }
    assert used == {source.key for source in SOURCES}


def test_the_entry_of_wconv_is_that_of_its_citation_file():
    fields = dict(re.findall(r"^([a-z]+): \"?(.*?)\"?$", (ROOT / "CITATION.cff").read_text(), re.M))
    text = wc.cite("wpg-res").replace("{", "").replace("}", "")
    assert fields["title"] in text
    assert f"version {fields['version']}" in text
    assert f"version {wc.__version__}" in text
    assert "The wconv developers" in text


def test_theorems_of_ones_own_say_what_has_no_entry(capsys):
    file = ROOT / "tests/example_package/src/example_theorems/soft_maximum_below.py"
    assert main(["cite", "soft-maximum-below", "--checks", str(file)]) == 0
    said = capsys.readouterr().out
    assert (
        "% soft-maximum-below: Jensen's inequality.\n% no entry for: Jensen's inequality\n" in said
    )
    assert said.count("@") == 1
    assert "@misc{wconv," in said


def test_an_unknown_id_lists_the_valid_ones(capsys):
    with pytest.raises(InputError, match=r"did you mean 'wpg-res'.*valid: .*wppg-lin"):
        wc.cite("wpg-ress")
    assert main(["cite", "nothing"]) == 2
    assert "check must be a known name" in capsys.readouterr().err
