"""Figures: known by name, drawn again from their numbers alone, with captions that the verdicts write."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context

from wconv import InputError
from wconv.cli import main
from wconv.gallery import registry, store
from wconv.gallery.figure import Figure, Shown, shown
from wconv.gallery.panels import canvas, measured, proved
from wconv.gallery.store import make, redraw
from wconv.mdp.zoo import RECIPES
from wconv.theory import discover

ROOT = Path(__file__).parents[2]
NUMBERS = Path(__file__).parent / "numbers"
"""What figures were drawn from once; those with continuous states are too large, and cheap to solve."""

KNOWN = registry.figures()
LIKE_OTHERS = {
    f"continuous_{name}" for name in ("hill", "lq_1d", "additive_noise", "torque_pendulum")
}
DRAWN = [name for name in KNOWN if name not in LIKE_OTHERS]


def numbers(name):
    file = NUMBERS / f"{name}.npz"
    if not file.exists():
        return KNOWN[name].compute()
    with np.load(file) as arrays:
        return dict(arrays)


def test_every_figure_has_a_script_and_every_script_its_figures():
    made = []
    for script in (ROOT / "figures").glob("*.py"):
        (pattern,) = re.findall(r'"figures", "(.*?)"', script.read_text())
        assert len(script.read_text().splitlines()) <= 6
        made += [n for n in KNOWN if re.fullmatch(pattern.replace("*", ".*"), n)]
    assert sorted(made) == list(KNOWN)
    assert len(KNOWN) >= 15


def test_every_figure_shows_theorems_on_problems_that_there_are():
    checks = discover()
    for figure in KNOWN.values():
        assert figure.claims, figure.name
        for claim in figure.claims:
            assert claim.id in checks
            given = {name for name, _ in claim.settings} - {"start", "policies", "seed"}
            offered = {*RECIPES[claim.instance].defaults, *checks[claim.id].options}
            assert given <= offered, claim


def test_the_gallery_page_has_the_words_of_every_figure():
    page = (ROOT / "docs" / "gallery.md").read_text()
    for figure in KNOWN.values():
        for words in (f"## {figure.name}", figure.marks, figure.seen):
            assert words in page, figure.name


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_drawn_from_its_numbers_alone(name):
    from wconv.report.style import COLUMN, PAGE, house_style

    data = numbers(name)
    kept = {key: np.array(array, copy=True) for key, array in data.items()}
    with house_style():
        figure = KNOWN[name].draw(data)
        figure.draw_without_rendering()
    assert figure.get_figwidth() in (COLUMN, PAGE)
    titled = [axes for axes in figure.axes if axes.get_title("left")]
    assert titled
    assert any(axes.get_xlabel() for axes in figure.axes)  # panels above may share it
    assert all(np.array_equal(kept[key], data[key], equal_nan=True) for key in kept)


CLAIM = shown("wpg-res", "two-state", temperature=0.25)


def toy(**changed):
    """A figure that is drawn in no time."""

    def compute():
        return {"x": np.arange(4.0), "y": np.arange(4.0) ** 2}

    def draw(data):
        figure = canvas(3.4, 2.0)
        axes = figure.subplots()
        measured(axes, data["x"], data["y"], 0.1, r"$E_t$")
        proved(axes, data["x"], data["y"] + 1.0, "bound", sharp=data["y"] + 0.5)
        axes.legend()
        return figure

    words = {"title": "a toy", "marks": "Squares (solid).", "seen": "They grow."}
    return replace(Figure("toy", **words, compute=compute, draw=draw, claims=(CLAIM,)), **changed)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A folder with the toy, and its record."""
    folder = tmp_path_factory.mktemp("toy")
    return folder, make(toy(), folder)


@pytest.fixture
def folder(pristine, tmp_path):
    """A copy to spoil."""
    return Path(shutil.copytree(pristine[0], tmp_path / "toy"))


def files(folder):
    return {file.suffix: file.read_bytes() for file in folder.glob("toy.*")}


def test_the_same_numbers_give_the_same_bytes_whatever_the_settings(pristine, folder):
    first = files(folder)
    assert sorted(first) == [".json", ".npz", ".pdf", ".png", ".svg"]
    for kind in ("pdf", "png", "svg"):
        (folder / f"toy.{kind}").unlink()
    with rc_context({"font.size": 20, "axes.spines.top": True, "svg.hashsalt": None}):
        again = redraw(toy(compute=None), folder)
    assert files(folder) == first
    assert again == pristine[1]


def test_fonts_are_embedded_as_outlines_that_can_be_edited(pristine):
    pdf = (pristine[0] / "toy.pdf").read_bytes()
    assert b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf
    assert b"/CreationDate" not in pdf


def test_the_caption_is_what_the_verdict_says(pristine):
    result = CLAIM.verified().result
    text = pristine[1].caption
    assert result.verdict == "HOLDS"
    assert text.startswith("Squares (solid). `wpg-res`: HOLDS on two-state (τ = 0.25, γ = 0.")
    assert f"tightness {result.tightness:.4g}" in text
    assert "±" in text
    assert text.endswith(" They grow.")


class Violated(Shown):
    """A theorem that turns out wrong."""

    def verified(self):
        found = super().verified()
        bad = found.result.model_copy(
            update={"verdict": "VIOLATED", "as_expected": False, "message": "off by two"}
        )
        return replace(found, evidence=replace(found.evidence, result=bad))


def test_a_violated_theorem_is_in_the_caption_and_the_exit_code(tmp_path, monkeypatch, capsys):
    bad = toy(claims=(Violated(CLAIM.id, CLAIM.instance, CLAIM.settings),))
    monkeypatch.setattr(registry, "figures", lambda: {"toy": bad})
    assert main(["figures", "toy", "--out", str(tmp_path)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "VIOLATED on two-state" in said
    assert "(off by two)" in said


def spoil_nothing_there(folder):
    (folder / "toy.npz").unlink()


def spoil_other_numbers(folder):
    np.savez(folder / "toy.npz", x=np.zeros(4), y=np.zeros(4))


def spoil_other_version(folder):
    text = (folder / "toy.json").read_text()
    (folder / "toy.json").write_text(text.replace('"schema": 2', '"schema": 1'))


def spoil_no_record(folder):
    (folder / "toy.json").write_text("{}")


def spoil_torn_numbers(folder):
    (folder / "toy.npz").write_bytes((folder / "toy.npz").read_bytes()[:-40])


def spoil_torn_record(folder):
    (folder / "toy.json").write_bytes((folder / "toy.json").read_bytes()[:-40])


def spoil_binary_record(folder):
    (folder / "toy.json").write_bytes(b"\xff\x00PK")


def edit(folder, change):
    """Change the record by hand."""
    record = json.loads((folder / "toy.json").read_text())
    change(record)
    (folder / "toy.json").write_text(json.dumps(record))


def spoil_a_verdict(folder):
    edit(folder, lambda record: record["results"][0].update(tightness=0.999))


def spoil_the_environment(folder):
    edit(folder, lambda record: record["environment"].update(numpy="9"))


def spoil_numbers_and_digest(folder):
    spoil_torn_numbers(folder)
    digest = hashlib.sha256((folder / "toy.npz").read_bytes()).hexdigest()
    edit(folder, lambda record: record.update(digest=digest))


def spoil_the_name(folder):
    edit(folder, lambda record: record.update(name="other"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_nothing_there, "no such file"),
        (spoil_other_numbers, "be those of its record"),
        (spoil_other_version, r"toy\.json must be 2, got 1"),
        (spoil_no_record, r"toy\.json must be of this version"),
        (spoil_torn_numbers, r"toy\.npz must be those of its record"),
        (spoil_torn_record, r"toy\.json must be of this version"),
        (spoil_binary_record, r"toy\.json must be of this version"),
        (spoil_a_verdict, r"toy\.json must be as it was written"),
        (spoil_the_environment, r"toy\.json must be as it was written"),
        (spoil_numbers_and_digest, r"toy\.json must be as it was written"),
        (spoil_the_name, r"toy\.json must be as it was written"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_numbers_that_do_not_fit_are_refused_with_the_remedy(folder, spoil, words):
    spoil(folder)
    with pytest.raises(InputError, match=rf"{words}.*compute it anew: wconv figures toy --out"):
        redraw(toy(), folder)


def test_old_numbers_without_a_new_array_are_refused_with_the_remedy(folder):
    newer = toy(draw=lambda data: data["z"])
    with pytest.raises(InputError, match=r"hold the array 'z', got x, y: compute it anew"):
        redraw(newer, folder)


def test_verdicts_of_other_claims_are_refused(folder):
    with pytest.raises(InputError, match=r"speak of the claims shown today, got wpg-res"):
        redraw(toy(claims=(shown("pdl", "two-state"),)), folder)


def test_a_failure_leaves_no_half_of_a_figure(folder):
    first = files(folder)

    def broken(data):
        raise ArithmeticError("no picture")

    with pytest.raises(ArithmeticError, match="no picture"):
        make(toy(draw=broken), folder)
    assert files(folder) == first


def test_names_are_listed_and_unknown_ones_answered(tmp_path, capsys):
    assert main(["figures", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in KNOWN)
    assert main(["figures", "wpg_gap", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "did you mean 'wpg_gap_vs_bound'?" in said
    assert main(["figures", "wppg_*", "--redraw", "--out", str(tmp_path / "none")]) == 2
    assert "compute it anew: wconv figures wppg_inexact_floor" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_two_figures_with_one_name_are_refused(monkeypatch):
    from wconv.gallery import critic, newton

    monkeypatch.setattr(newton, "FIGURES", critic.FIGURES)
    with pytest.raises(InputError, match=r"figure wppg_inexact_floor must have a name of its own"):
        registry.figures()


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path):
    with pytest.raises(InputError, match=r"output path must lie in an existing folder"):
        store.make(toy(compute=None), tmp_path / "missing")
