"""A run as one HTML page that needs nothing else: verdicts, statements, claims with errors, figures."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Final

from wconv._files import atomic_write
from wconv.report import format as fmt
from wconv.report.inline_svg import letters_once
from wconv.report.schema import ClaimRecord, Report, Result
from wconv.report.statement_math import statement_html
from wconv.report.table import exit_code, toothless_claims
from wconv.theory.registry import GRADES, Check

SYMBOLS: Final = {
    "HOLDS": "✓", "VIOLATED": "✗", "INCONCLUSIVE": "?", "INAPPLICABLE": "–", "ERROR": "!",
}  # fmt: skip
"""Beside the word of every verdict; the colour says nothing that they do not."""

VERDICTS: Final = {
    "HOLDS": "every inequality holds by more than its error, every identity to the resolution of 1e-8",
    "VIOLATED": "a claim misses by more than its error; of a control that is what must happen",
    "INCONCLUSIVE": "the error is too large to decide, or no point was resolved to 1 %",
    "INAPPLICABLE": "a hypothesis fails, so the theorem says nothing here",
    "ERROR": "the check could not be carried out; it never counts as a pass",
}
TAGS: Final = {
    "exact": "an identity with teeth",
    "sharp": "an inequality that holds even at the harder end of every constant's bracket",
    "conservative": "one that holds only at the end that the theorem needs",
    "toothless": "no change of a constant would have been refuted here",
    "(none)": "an inequality whose constants are exact numbers",
}
GRADE_WORDS: Final = {
    "A": "exact algebra",
    "B": "ball arithmetic",
    "C": "double precision with error bounds",
    "D": "statistical, with a stated confidence",
}
NUMBERS: Final = {
    "margin": "the least slack, right side less left, relative to the largest right side, ± the errors of "
    "both; the row of a result shows its most critical claim",
    "tightness": "measured/proved where they come nearest (of an identity the smallest ratio of its "
    "sides), ± a bound on its error; the row of a result shows its loosest claim",
    "teeth": "the factor on a constant, nearest to one, that these data refute; of an identity the "
    "relative change",
    "seconds": "time of this result, without what it shares with others; it has no error bar",
}


@dataclass(frozen=True, eq=False)
class Theorem:
    """One statement with the results on it."""

    id: str
    chapter: str
    grade: str
    statement: Mapping[str, str]
    """Section to HTML; empty where the statement is not at hand."""
    title: str
    cases: Sequence[Result]
    controls: Sequence[Result]
    figure: str = ""
    figure_of: str = ""


@dataclass(frozen=True, eq=False)
class Page:
    """What the page shows: a report, the checks it is about, and figures by the number of a result.

    ``figures`` is None where none were drawn; ``source`` says where the results come from.
    """

    report: Report
    checks: Mapping[str, Check]
    source: str
    figures: Mapping[int, str] | None = None
    made: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")

    @cached_property
    def drawings(self) -> tuple[str, dict[int, str]]:
        """The letters of all figures, and the figures by the number of the result."""
        letters, bare = letters_once((self.figures or {}).values())
        return letters, dict(zip(self.figures or {}, bare, strict=True))

    @cached_property
    def theorems(self) -> list[Theorem]:
        """In the order of the report."""
        results: dict[str, list[tuple[int, Result]]] = {}
        for k, result in enumerate(self.report.results):
            results.setdefault(result.id, []).append((k, result))
        return [self._theorem(id, found) for id, found in results.items()]

    @property
    def chapters(self) -> dict[str, list[Theorem]]:
        """Chapter to theorems."""
        found: dict[str, list[Theorem]] = {}
        for theorem in self.theorems:
            found.setdefault(theorem.chapter, []).append(theorem)
        return found

    @property
    def chapter_of(self) -> dict[str, str]:
        """Id to chapter."""
        return {theorem.id: theorem.chapter for theorem in self.theorems}

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Role to verdicts, the most frequent first."""
        found = {role: Counter[str]() for role in ("case", "control")}
        for result in self.report.results:
            found[result.role][result.verdict] += 1
        return found

    @property
    def surprises(self) -> list[Result]:
        """What is not as expected."""
        return [result for result in self.report.results if not result.as_expected]

    @property
    def toothless(self) -> list[str]:
        """Claims that could not have failed on any case."""
        return toothless_claims(self.report.results)

    @property
    def good(self) -> bool:
        """Whether everything is as expected."""
        return exit_code(self.report.results) == 0

    def _theorem(self, id: str, found: Sequence[tuple[int, Result]]) -> Theorem:
        check = self.checks.get(id)
        statement = check.statement if check else None
        figures = self.drawings[1]
        drawn = [(k, result) for k, result in found if k in figures]
        return Theorem(
            id=id,
            chapter=check.chapter if check else "elsewhere",
            grade=found[0][1].grade,
            statement={} if statement is None else dict(_sections(statement.sections)),
            title=statement_html(statement.title) if statement else "",
            cases=[result for _, result in found if result.role == "case"],
            controls=[result for _, result in found if result.role == "control"],
            figure=figures[drawn[0][0]] if drawn else "",
            figure_of=fmt.subject(drawn[0][1]) if drawn else "",
        )


def _sections(sections: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Sections as HTML; a reference holds no formulas, and every hypothesis begins a line."""
    for name, body in sections.items():
        text = body.replace("\n", " ")
        html = escape(text) if name == "Reference" else statement_html(text)
        yield name, re.sub(r"\s+\((?=H\d)", "<br>(", html)


def margin(record: Result | ClaimRecord) -> str:
    """The margin with its error."""
    return fmt.with_error(record.margin, record.margin_error, 2)


def tightness(record: Result | ClaimRecord) -> str:
    """The tightness with its error; of a result that of its loosest claim."""
    return fmt.with_error(record.tightness, record.tightness_error, 4)


def errors(claim: ClaimRecord) -> str:
    """The terms of the errors of both sides, the largest over all points."""
    return ", ".join(f"{name} {fmt.number(error, 1)}" for name, error in claim.errors.items())


def constants(claim: ClaimRecord) -> str:
    """The brackets of the constants."""
    return ", ".join(
        f"{name} in [{fmt.number(low, 4)}, {fmt.number(high, 4)}]" if low != high
        else f"{name} = {fmt.number(low, 4)}"
        for name, (low, high) in claim.constants.items()
    )  # fmt: skip


def page_html(page: Page) -> str:
    """The whole page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    names: dict[str, Any] = {
        "page": page, "fmt": fmt, "margin": margin, "tightness": tightness, "errors": errors,
        "constants": constants, "symbols": SYMBOLS,
        "holds": {True: "holds", False: "FAILS", None: "undecided"},
        "legend": {"Verdicts": VERDICTS, "Tags of what holds": TAGS, "Numbers": NUMBERS,
                   "Grades": {g: GRADE_WORDS[g] for g in sorted({*GRADES.values(), "B"})}},
    }  # fmt: skip
    return templates.get_template("page.html.j2").render(names)


def write_page(path: Path, page: Page) -> None:
    """Write the page, whole or not at all.

    Raises:
        InputError: the system refuses.

    """
    atomic_write(path, page_html(page).encode())
