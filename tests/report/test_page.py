"""The page of a run: what it says, that it asks for nothing else, and that it is written whole or not."""

import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from wconv.cli import main
from wconv.report.inline_svg import inline_svg
from wconv.report.page import Page, page_html
from wconv.report.schema import Report, Result
from wconv.theory.registry import discover

CLAIM = {
    "name": "a < b & c", "verdict": "HOLDS", "tag": "sharp", "message": "", "margin": 0.1,
    "margin_error": 1e-3, "tightness": 0.9, "tightness_error": 1e-3, "teeth": {"bound": 0.9},
    "points": 2, "resolved": 1,
    "where": {"state": 1, "lhs": 0.9, "rhs": 1.0}, "errors": {"lhs: rounding": 1e-3},
    "constants": {"C_LS": (1.0, 1.5), "tau": (0.5, 0.5)},
}  # fmt: skip
CASE = {
    "id": "wpg-res", "instance": "garnet", "parameters": {"discount": 0.5}, "policies": "mixed",
    "role": "case", "name": "", "expected": "HOLDS", "as_expected": True, "verdict": "HOLDS",
    "tag": "sharp", "margin": 0.1, "margin_error": 1e-3, "tightness": 0.9,
    "tightness_error": 1e-3, "teeth": {"bound": 0.9}, "grade": "C", "where": {"claim": "c"},
    "errors": {}, "points": 1,
    "hypotheses": [{"name": "H1", "holds": True, "detail": "KL = <1>"}],
    "claims": [CLAIM], "message": "", "seconds": 2.0, "reproduce": "wconv check wpg-res --on garnet",
}  # fmt: skip
CONTROL = CASE | {"role": "control", "name": "wrong", "verdict": "VIOLATED", "margin": float("nan")}
FOREIGN = CASE | {"id": "mine", "as_expected": False, "verdict": "ERROR", "message": "it broke"}


class Outline(HTMLParser):
    """Headings, ids, what is linked and what is loaded; an element left open is an error."""

    VOID = frozenset({"meta", "input", "br", "wbr", "link"})

    def __init__(self, text):
        super().__init__()
        self.headings, self.ids, self.links, self.loaded, self.open = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.headings += [int(tag[1])] if re.fullmatch(r"h\d", tag) else []
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        self.loaded += [given["src"]] if "src" in given else []
        self.open += [tag] if tag not in self.VOID else []

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        while tag != self.open.pop():  # an option, a row or a cell may be left open
            assert self.open, tag


def page(*results, **more):
    report = Report(
        schema=1, environment={"python": "3.11"}, results=[Result(**r) for r in results]
    )
    return page_html(Page(report, discover(), "Of a test.", **more))


def test_the_page_tells_every_number_with_its_error_and_escapes():
    text = page(CASE, CONTROL)
    assert "0.1 ± 0.001" in text  # the margin
    assert "0.9 ± 0.001" in text  # the tightness, attained at the worst point
    assert "measured 0.9, proved 1 at state=1" in text
    assert "C_LS in [1, 1.5], tau = 0.5" in text
    assert "a &lt; b &amp; c" in text
    assert "KL = &lt;1&gt;" in text
    assert "<code>wconv check wpg-res --on garnet</code>" in text
    assert "control:</span> wrong (on garnet)" in text
    assert "<mtext>KL</mtext>" in text  # the statement
    assert "It has no figures" in text
    assert "All as expected" in text


def test_the_page_is_self_contained_and_well_formed():
    svg = '<svg role="img" viewBox="0 0 1 1"><path id="f0-0" d="M 0 0"/></svg>'
    text = page(CASE, CONTROL, FOREIGN, figures={0: svg})
    outline = Outline(text)
    assert svg in text
    assert "http:" not in text.replace("http-equiv", "")
    assert "https:" not in text
    assert outline.loaded == []
    assert {link[0] for link in outline.links} == {"#"}
    assert {link[1:] for link in outline.links} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.headings[0] == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    assert '<html lang="en">' in text


def test_figures_share_letters_follow_the_page_and_keep_what_they_show():
    def drawn(name):
        figure = Figure(figsize=(2, 1))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.errorbar([1, 2, 3], [1, 2, 3], yerr=0.1, fmt="o", color="#0072B2", capsize=2)
        axes.set_title("ab")
        return inline_svg(figure, name, "a & b")

    figures = {0: drawn("f0"), 1: drawn("f1")}
    assert figures[0] == drawn("f0")
    text = page(CASE, CASE | {"id": "pdl"}, figures=figures)
    ids = Outline(text).ids
    assert len(ids) == len(set(ids))
    assert {*re.findall(r'<use href="#([^"]+)"', text)} <= {*ids}
    assert 'aria-label="a &amp; b"' in text
    assert "var(--plot-blue)" in text
    assert "#0072b2" not in text[text.index("<body>") :]
    assert "<text" not in figures[0]
    (points,) = re.findall(
        r'<g style="[^"]*plot-blue[^"]*">((?:<use [^>]*>)+)</g></g></g>', figures[0]
    )[-1:]
    places = [float(x) for x in re.findall(r'x="([\d.]+)"', points)]
    assert places == pytest.approx([7.2 / 1.1 * 1, 72.0, 144 - 7.2 / 1.1], abs=0.02)


def test_what_is_not_as_expected_is_said_at_the_top_and_a_foreign_check_is_shown():
    text = page(CASE, FOREIGN)
    head = text[: text.index("<table>")]
    assert "Not as expected" in head
    assert "it broke" in head
    assert "Its statement is not among the checks" in text
    assert 'data-chapter="elsewhere"' in text


CHECK = '''"""mean-below-maximum  A mean is at most the maximum.

Setting.     Any finite MDP.
Hypotheses.  None.
Claim.       ∫r dμ ≤ max r in every state.
Tight for.   Constant r.
Reference.   None.
"""

import wconv as wc
from wconv.theory import Bound, at_most, case, check, control

CASES = [case("two-state")]
CONTROLS = [
    control(name, on=CASES[0], constants={"bound": factor})
    for name, factor in (("a tenth", 0.1), ("a fifth", 0.2))
]


@check("mean-below-maximum", cases=CASES, controls=CONTROLS)
def mean_below_maximum(run):
    mean = wc.Measured.of(run.mdp.r @ run.mdp.grid.weights, rounding=1e-15)
    yield at_most("mean <= max", mean, Bound(lambda top: top).given(top=run.mdp.r.max(axis=1)), over="state")
'''


def test_report_runs_and_draws_or_reads_a_file(tmp_path, capsys):
    check, drawn, recorded, shown = (tmp_path / f"a.{end}" for end in ("py", "html", "json", "htm"))
    check.write_text(CHECK)
    assert main(["report", "--checks", str(check), "-o", str(drawn)]) in (0, 1)
    assert "3 results" in capsys.readouterr().out
    text = drawn.read_text()
    assert text.count('<svg role="img"') == 1
    assert "no figures" not in text
    ids = Outline(text).ids
    assert len(ids) == len(set(ids))
    assert {*re.findall(r'<use href="#([^"]+)"', text)} <= {*ids}
    assert {*re.findall(r"url\(#([^)]+)\)", text)} <= {*ids}
    main(["check", "--checks", str(check), "--json", str(recorded)])
    main(
        [
            "report",
            "mean-below-maximum",
            "--checks",
            str(check),
            "--from",
            str(recorded),
            "-o",
            str(shown),
        ]
    )
    assert "Of the results in a.json" in shown.read_text()
    assert "<mo>≤</mo>" in shown.read_text()
    assert {path.name for path in tmp_path.iterdir()} >= {"a.py", "a.html", "a.json", "a.htm"}
    assert not list(tmp_path.glob("*.part"))


BAD = {
    "no folder": (["-o", "none/x.html"], "output path must lie in an existing folder"),
    "no file": (["-o", "x.html", "--from", "none.json"], "results file must exist"),
    "not a report": (["-o", "x.html", "--from", "x.json"], "results file must be a wconv report"),
    "a tier of a file": (["-o", "x.html", "--from", "x.json", "--tier", "all"], "--tier must be left out"),
    "no such check": (["wpg-nothing", "-o", "x.html"], "check must be a known name"),
    "no output": (["wpg-res"], "--output"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_nothing_is_written(name, tmp_path, monkeypatch, capsys):
    arguments, told = BAD[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_text("{}")
    assert main(["report", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
