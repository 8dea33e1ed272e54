"""The verdict table in the terminal, and the explanation of a single result (rich)."""

from collections import Counter
from collections.abc import Sequence
from math import isnan
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wconv.report import format as fmt
from wconv.report.schema import ClaimRecord, Result
from wconv.theory.registry import Check

EXIT_OK, EXIT_VIOLATED, EXIT_OPEN, EXIT_ERROR, EXIT_UNTESTED = 0, 1, 3, 4, 5


def exit_code(results: Sequence[Result]) -> int:
    """The exit code of a run.

    0 as expected; 1 violated, a control that was not, or another verdict than expected; 3
    inconclusive, an unexpected INAPPLICABLE, or a claim without teeth; 4 error; 5 nothing tested.
    """
    if not any(r.role == "case" for r in results):
        return EXIT_UNTESTED
    surprising = [r for r in results if not r.as_expected]
    if any(r.verdict == "ERROR" for r in surprising):
        return EXIT_ERROR
    undecided = ("INCONCLUSIVE", "INAPPLICABLE")
    if any(r.role == "control" or r.verdict not in undecided for r in surprising):
        return EXIT_VIOLATED
    return EXIT_OPEN if surprising or toothless_claims(results) else EXIT_OK


def toothless_claims(results: Sequence[Result]) -> list[str]:
    """Claims that hold on some case and could not have failed on any: they need a tighter case.

    Cases of a user's own, of which nothing is expected, do not count.
    """
    teeth: dict[str, bool] = {}
    for result in results:
        if result.role == "case" and result.expected == "HOLDS" and result.verdict == "HOLDS":
            for claim in result.claims:
                name = f"{result.id}: {claim.name}"
                teeth[name] = teeth.get(name, False) or bool(claim.teeth)
    return [name for name, bites in teeth.items() if not bites]


def verdict_text(result: Result) -> Text:
    """The verdict, green when expected, red when not."""
    return Text(result.verdict, style="green" if result.as_expected else "bold red")


class Column(NamedTuple):
    """A column of a table; those with the highest rank go first where there is no room."""

    head: str
    rank: int = 0
    """0 for a column that stays."""
    right: bool = False
    room: int = 0
    """The width that a column which folds can count on; 0 for one that does not fold."""


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]], width: int
) -> Table:
    """A table whose text folds and whose least important columns go where others need the room.

    A row has one cell a column; those of columns that do not fold are plain text.
    """
    widths = [
        column.room or max([cell_len(column.head), *(cell_len(str(row[k])) for row in rows)])
        for k, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    for k in sorted(kept, key=lambda k: -columns[k].rank):
        if columns[k].rank and sum(widths[j] for j in kept) + len(kept) - 1 > width:
            kept.remove(k)
    grid = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for k in kept:
        grid.add_column(
            columns[k].head,
            justify="right" if columns[k].right else "left",
            no_wrap=not columns[k].room,
            overflow="fold" if columns[k].room else "ellipsis",
        )
    for row in rows:
        grid.add_row(*(row[k] for k in kept))
    return grid


COLUMNS: Final = (
    Column("check"),
    Column("on", room=24),
    Column("verdict"),
    Column("tag", rank=1),
    Column("margin", rank=2, right=True),
    Column("error", rank=3),
    Column("tightness", rank=4, right=True),
    Column("teeth", rank=6, right=True),
    Column("grade", rank=5),
)


def table(results: Sequence[Result], width: int = 120) -> Table:
    """One row a case and a control: verdict, margin, tightness, teeth, grade, as there is room."""
    rows: list[Sequence[RenderableType]] = []
    previous = ""
    for result in results:
        margin = fmt.number(result.margin, 2)
        error = "" if isnan(result.margin_error) else f"± {fmt.number(result.margin_error, 1)}"
        if result.role == "control":
            text = Text(f"control: {result.name}{fmt.on(result.instance)}", style="dim")
            subject = Padding.indent(text, 2)
            rows.append(["", subject, verdict_text(result), "", margin, error, "", "", ""])
            continue
        shown = Text(result.id if result.id != previous else "", style="bold")
        start = (shown, Text(fmt.subject(result)), verdict_text(result), result.tag)
        near = fmt.with_error(result.tightness, result.tightness_error, 4)
        numbers = (margin, error, near, fmt.teeth(result.teeth))
        rows.append([*start, *numbers, result.grade])
        previous = result.id
    return fitted(COLUMNS, rows, width)


def problems(results: Sequence[Result]) -> Text:
    """One paragraph a result that is not as expected: what, where, and how to reproduce it."""
    text = Text()
    for result in results:
        if result.as_expected:
            continue
        what = f"control {result.name!r}" if result.role == "control" else fmt.subject(result)
        text.append(f"{result.id} on {what}: {result.verdict}", style="bold red")
        text.append(f"\n  {result.message}\n")
        if fmt.place(result.where):
            text.append(f"  worst at {fmt.place(result.where)} of {result.where.get('claim')}\n")
        if result.reproduce:
            text.append(f"  reproduce: {result.reproduce}\n")
    return text


def silent(results: Sequence[Result], left_out: Sequence[str]) -> Text:
    """What says nothing about a user's problem, and why: statements left out, and INAPPLICABLE ones."""
    text = Text()
    if left_out:
        text.append(
            f"left out, as they speak of other actions or of no instance: {', '.join(left_out)}\n"
        )
    reasons: dict[str, list[str]] = {}
    for result in results:
        if result.verdict == "INAPPLICABLE" and result.as_expected and result.expected is None:
            reasons.setdefault(f"{result.instance}: {result.message}", []).append(result.id)
    for reason, names in reasons.items():
        text.append(f"{', '.join(names)} on {reason}\n")
    return text


def summary(results: Sequence[Result], seconds: float) -> Text:
    """The last line: how many came out as expected."""
    cases = Counter(r.verdict for r in results if r.role == "case")
    controls = Counter(r.verdict for r in results if r.role == "control")
    checks = len({r.id for r in results})
    parts = [f"{count} {verdict}" for verdict, count in cases.items()]
    line = f"{checks} checks, {sum(cases.values())} cases: {', '.join(parts) or 'none'}"
    if controls:
        line += f"; {sum(controls.values())} controls: " + ", ".join(
            f"{n} {v}" for v, n in controls.items()
        )
    for name in toothless_claims(results):
        line += f"; toothless on every case: {name}"
    good = exit_code(results) == EXIT_OK
    if not cases:
        line += "; no claim was tested: the statements chosen do not speak of this instance"
    line += f" - {'all as expected' if good else 'NOT as expected'} ({seconds:.1f} s)"
    return Text(line, style="bold green" if good else "bold red")


def explain_statement(check: Check) -> RenderableType:
    """A theorem in words, with where it is checked."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    for name, body in check.statement.sections.items():
        rows.add_row(name, body)
    instances = dict.fromkeys(case.instance for case in check.cases)
    needed = ", ".join(instances) if check.needs_problem else "none needed: it runs on its setting"
    rows.add_row("Instances", needed)
    if check.options:
        rows.add_row("Options", ", ".join(f"{name} = {x}" for name, x in check.options.items()))
    rows.add_row("Controls", "\n".join(c.name + fmt.on(c.on.instance) for c in check.controls))
    return Group(Text(f"{check.id}  {check.statement.title}", style="bold"), Text(), rows)


def explain_result(result: Result) -> RenderableType:
    """Why a result is what it is: hypotheses and claims with their numbers."""
    on = f"{result.id} on {fmt.subject(result)}: "
    head = Text.assemble((on, "bold"), verdict_text(result), f"  {result.message}")
    lines = [f"  {h.name} {_word(h.holds)}: {h.detail}" for h in result.hypotheses]
    if result.paths:
        lines.append(f"  from the {result.start} start: {'; '.join(result.paths)}")
    for claim in result.claims:
        lines += _claim_lines(claim)
    return Group(head, *map(_hanging, lines))


def _word(holds: bool | None) -> str:
    return {True: "holds", False: "FAILS", None: "undecided"}[holds]


def _claim_lines(claim: ClaimRecord) -> list[str]:
    """Short lines of a claim: the verdict, the worst point, the errors there."""
    lines = [
        f"  {claim.name}: {claim.verdict} {claim.tag} {claim.message}".rstrip(),
        f"    measured {fmt.side(claim, 'lhs')}, proved {fmt.side(claim, 'rhs')}"
        + (f" at the worst point, {fmt.place(claim.where)}" if fmt.place(claim.where) else ""),
        f"    margin {fmt.with_error(claim.margin, claim.margin_error)}; "
        f"tightness {fmt.with_error(claim.tightness, claim.tightness_error, 4)}; "
        f"teeth {fmt.teeth(claim.teeth)}; "
        f"{claim.resolved} of {claim.points} points resolved",
    ]
    if claim.errors:
        terms = ", ".join(f"{name} {fmt.number(e, 1)}" for name, e in claim.errors.items())
        lines.append(f"    errors: {terms}")
    return lines


def _hanging(line: str) -> RenderableType:
    """A line that is indented throughout, also where it folds."""
    text = line.lstrip()
    return Padding.indent(Text(text), len(line) - len(text))


def as_text(renderable: RenderableType, width: int = 100) -> str:
    """Plain text of a renderable (for ``repr``)."""
    console = Console(width=width, no_color=True, force_terminal=False, markup=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().rstrip()
