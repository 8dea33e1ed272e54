"""The verdict table in the terminal, and the explanation of a single result (rich)."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from wconv.report import format as fmt
from wconv.report.schema import ClaimRecord, Result
from wconv.theory.cases import NO_PROBLEM
from wconv.theory.statement import Statement

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


WIDE = 120
"""Columns from which the whole table is shown; below, margins lose their errors and teeth are left out."""


def table(results: Sequence[Result], width: int = WIDE) -> Table:
    """One row a case and a control: verdict, margin, tightness, teeth, grade."""
    wide = width >= WIDE
    grid = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    grid.add_column("check", no_wrap=True)
    grid.add_column("on", no_wrap=True, overflow="ellipsis")
    for name in ("verdict", "tag"):
        grid.add_column(name, no_wrap=True)
    for name in ("margin", "tightness", *(("teeth",) if wide else ())):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("grade")
    previous = ""
    for result in results:
        margin = (
            fmt.with_error(result.margin, result.margin_error)
            if wide
            else fmt.number(result.margin, 2)
        )
        if result.role == "control":
            on = "" if result.instance == NO_PROBLEM else f" (on {result.instance})"
            subject = Text(f"  control: {result.name}{on}", style="dim")
            grid.add_row("", subject, verdict_text(result), "", margin)
            continue
        cells = [
            margin,
            fmt.number(result.tightness, 4),
            *((fmt.teeth(result.teeth),) if wide else ()),
        ]
        shown = Text(result.id if result.id != previous else "", style="bold")
        subject = Text(fmt.subject(result))
        grid.add_row(shown, subject, verdict_text(result), result.tag, *cells, result.grade)
        previous = result.id
    return grid


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


def explain_statement(
    statement: Statement, instances: Sequence[str], controls: Sequence[str]
) -> RenderableType:
    """A theorem in words, with where it is checked."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    for name, body in statement.sections.items():
        rows.add_row(name, body)
    rows.add_row("Instances", ", ".join(dict.fromkeys(instances)))
    rows.add_row("Controls", "\n".join(controls))
    return Group(Text(f"{statement.id}  {statement.title}", style="bold"), Text(), rows)


def explain_result(result: Result) -> RenderableType:
    """Why a result is what it is: hypotheses and claims with their numbers."""
    on = f"{result.id} on {fmt.subject(result)}: "
    head = Text.assemble((on, "bold"), verdict_text(result), f"  {result.message}")
    premises = [Text(f"  {h.name} {_word(h.holds)}: {h.detail}") for h in result.hypotheses]
    return Group(head, *premises, *(_claim_lines(claim) for claim in result.claims))


def _word(holds: bool | None) -> str:
    return {True: "holds", False: "FAILS", None: "undecided"}[holds]


def _claim_lines(claim: ClaimRecord) -> Text:
    """Three short lines a claim: the verdict, the worst point, the errors there."""
    lines = [
        f"  {claim.name}: {claim.verdict} {claim.tag} {claim.message}".rstrip(),
        f"    measured {fmt.side(claim, 'lhs')}, proved {fmt.side(claim, 'rhs')}"
        + (f" at the worst point, {fmt.place(claim.where)}" if fmt.place(claim.where) else ""),
        f"    margin {fmt.with_error(claim.margin, claim.margin_error)}; "
        f"tightness {fmt.number(claim.tightness, 4)}; teeth {fmt.teeth(claim.teeth)}; "
        f"{claim.resolved} of {claim.points} points resolved",
    ]
    if claim.errors:
        terms = ", ".join(f"{name} {fmt.number(e, 1)}" for name, e in claim.errors.items())
        lines.append(f"    errors: {terms}")
    return Text("\n".join(lines))


def as_text(renderable: RenderableType, width: int = 100) -> str:
    """Plain text of a renderable (for ``repr``)."""
    console = Console(width=width, no_color=True, force_terminal=False, markup=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().rstrip()
