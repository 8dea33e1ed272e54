"""What changed between two runs: verdicts, numbers by more than their errors, times, the environment."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Final

from rich.table import Table
from rich.text import Text

from wconv.report import format as fmt
from wconv.report.schema import ClaimRecord, Report, Result, numbered
from wconv.report.table import Column, fitted
from wconv.theory.judge import RESOLUTION

MOVED: Final = 0.01
"""A number has moved when it changed by more than both errors together and by this much of itself."""

BLUR: Final = 10.0
"""An error has grown when it is so many times what it was, and one per cent of its number."""

PREMISE: Final = {True: "holds", False: "fails", None: "undecided"}

EXIT_SAME, EXIT_WORSE, EXIT_OTHER = 0, 1, 3

Key = tuple[str, ...]
Bracket = tuple[float, float]


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was; ``worse`` when a verdict got worse."""

    id: str
    subject: str
    what: str
    before: str
    after: str
    worse: bool = False


def changes(before: Report, after: Report) -> list[Change]:
    """All changes of verdicts, premises, claims and numbers, for the worse first, else as in the report."""
    old, new = (_by_key(report.results) for report in (before, after))
    found = [change for key, r in old.items() for change in _of_result(r, new.get(key))]
    found += [_added(r) for key, r in new.items() if key not in old]
    return sorted(found, key=lambda change: not change.worse)


def exit_code(found: Sequence[Change]) -> int:
    """0 when nothing changed that is compared, 1 when a verdict got worse, 3 otherwise."""
    if any(change.worse for change in found):
        return EXIT_WORSE
    return EXIT_OTHER if found else EXIT_SAME


def _key(result: Result) -> Key:
    """What makes two results the same question."""
    given = [
        sorted((n, repr(v)) for n, v in d.items()) for d in (result.parameters, result.options)
    ]
    return (
        *(result.id, result.role, result.name, result.instance, result.policies, result.start),
        repr(given),
    )


def _by_key(results: Sequence[Result]) -> dict[Key, Result]:
    """Results by their questions; one that is asked again is the second of it."""
    found: dict[Key, Result] = {}
    seen = Counter[Key]()
    for result in results:
        key = _key(result)
        seen[key] += 1
        found[*key, str(seen[key])] = result
    return found


def _added(result: Result) -> Change:
    worse = not result.as_expected
    return Change(result.id, fmt.titled(result), "result", "", result.verdict, worse)


def _of_result(old: Result, new: Result | None) -> Iterator[Change]:
    """The changes of one result; of one that failed before or fails now, not those of its numbers."""
    about = (old.id, fmt.titled(old))
    if new is None:
        yield Change(*about, "result", old.verdict, "gone")
        return
    if old.verdict != new.verdict:
        yield Change(*about, "verdict", old.verdict, new.verdict, _is_worse(old, new))
    if old.as_expected != new.as_expected:
        words = {True: "as expected", False: "NOT as expected"}
        told = (words[old.as_expected], words[new.as_expected])
        yield Change(*about, "expectation", *told, worse=not new.as_expected)
    premises = [{h.name: PREMISE[h.holds] for h in r.hypotheses} for r in (old, new)]
    for name in dict.fromkeys([*premises[0], *premises[1]]):
        was, now = (each.get(name, "not told") for each in premises)
        if was != now:
            yield Change(*about, f"hypothesis {name}", was, now)
    earlier, later = (numbered(r.claims) for r in (old, new))
    for name, claim in earlier.items():
        if name in later:
            yield from _of_claim((*about, name), claim, later[name], new)
        else:
            yield Change(*about, name, claim.verdict, "gone")
    for name in [name for name in later if name not in earlier]:
        yield Change(*about, name, "", later[name].verdict)


def _is_worse(old: Result, new: Result) -> bool:
    """A case that held and does not, a control that is violated no longer, a new failure."""
    if old.role == "control":
        return old.verdict == "VIOLATED"
    return old.verdict == "HOLDS" or new.verdict in ("VIOLATED", "ERROR")


def _of_claim(
    about: tuple[str, str, str], old: ClaimRecord, new: ClaimRecord, result: Result
) -> Iterator[Change]:
    id, subject, called = about
    case = result.role == "case"

    def change(what: str, before: str, after: str, worse: bool = False) -> Change:
        return Change(id, subject, f"{called}: {what}", before, after, worse)

    if old.verdict != new.verdict:
        # Where a hypothesis fails the theorem says nothing, whatever its claims do.
        worse = case and old.verdict == "HOLDS" and result.verdict != "INAPPLICABLE"
        yield change("verdict", old.verdict, new.verdict, worse)
        return
    if old.tag != new.tag:
        yield change("tag", old.tag or "none", new.tag or "none")
    if case and (old.resolved, old.points) != (new.resolved, new.points):
        was, now = (f"{claim.resolved}/{claim.points}" for claim in (old, new))
        yield change("resolved", was, now)
    if case:
        yield from (change(*told) for told in _teeth(old, new))
        # Reports of earlier versions tell none: that is no change.
        if all("constants" in claim.model_fields_set for claim in (old, new)):
            yield from (change(*told) for told in _brackets(old.constants, new.constants))
    pairs = [("margin", (old.margin, old.margin_error), (new.margin, new.margin_error))]
    if case:
        before, after = ((each.tightness, each.tightness_error) for each in (old, new))
        pairs.append(("tightness", before, after))
        pairs += [
            (name, _middle(*old.constants[name]), _middle(*new.constants[name]))
            for name in old.constants.keys() & new.constants.keys()
            if not apart(old.constants[name], new.constants[name])
        ]
    for name, (a, e), (b, f) in sorted(pairs):
        if moved(a, e, b, f) or blurred(a, e, f):
            yield change(name, _told(a, e, b), _told(b, f, a))


def _teeth(old: ClaimRecord, new: ClaimRecord) -> Iterator[tuple[str, str, str]]:
    """Constants of which a change was or is refuted, and is or was not."""
    for name in sorted(old.teeth.keys() ^ new.teeth.keys()):
        was, now = (fmt.teeth({n: x for n, x in c.teeth.items() if n == name}) for c in (old, new))
        yield f"teeth of {name}", was, now


def _brackets(
    old: Mapping[str, Bracket], new: Mapping[str, Bracket]
) -> Iterator[tuple[str, str, str]]:
    """Named constants that came, went, or lie where they did not: no number is in both brackets."""
    for name in sorted({**old, **new}):
        was, now = old.get(name), new.get(name)
        if was is None or now is None or apart(was, now):
            yield name, _span(was, now, ""), _span(now, was, "gone")


def apart(a: Bracket, b: Bracket) -> bool:
    """Whether two brackets have nothing in common, by more than the resolution of an equality."""
    gap = max(a[0] - b[1], b[0] - a[1])
    return gap > RESOLUTION * min(max(map(abs, a)), max(map(abs, b)))


def _span(bracket: Bracket | None, other: Bracket | None, absent: str) -> str:
    """A bracket, to digits that tell it from the other; an exact constant as a number."""
    if bracket is None:
        return absent
    ends = {*bracket, *(other or ())}
    # Ends that differ are to look different.
    digits = (n for n in (3, 5, 8) if len({fmt.number(end, n) for end in ends}) == len(ends))
    n = next(digits, 12)
    low, high = (fmt.number(end, n) for end in bracket)
    return low if bracket[0] == bracket[1] else f"[{low}, {high}]"


def _middle(low: float, high: float) -> tuple[float, float]:
    """A bracket as a number with its error; without a middle its one finite end."""
    if isfinite(low) and isfinite(high):
        return (low + high) / 2, (high - low) / 2
    return (low if isfinite(low) else high), float("inf")


def blurred(value: float, before: float, after: float) -> bool:
    """Whether an error grew tenfold or more, to more than one per cent of the number."""
    return after > MOVED * abs(value) and after > BLUR * before


def moved(a: float, a_error: float, b: float, b_error: float) -> bool:
    """Whether two numbers differ by more than both errors (unknown ones count nothing) and one per cent."""
    if isnan(a) or isnan(b) or not (isfinite(a) and isfinite(b)):
        return not (a == b or (isnan(a) and isnan(b)))
    errors = sum(0.0 if isnan(e) else e for e in (a_error, b_error))
    return abs(a - b) > errors and abs(a - b) > MOVED * max(abs(a), abs(b))


def _told(value: float, error: float, other: float) -> str:
    """A number with its error, to digits that tell it from the other."""
    digits = next((n for n in (3, 5, 8) if fmt.number(value, n) != fmt.number(other, n)), 12)
    number = fmt.number(value, digits)
    return number if isnan(error) else f"{number} ± {fmt.number(error, 1)}"


COLUMNS: Final = (
    Column("check"),
    Column("on", room=18),
    Column("what", room=18),
    Column("before", room=13),
    Column("after", room=13),
)


def changes_table(found: Sequence[Change], width: int = 120) -> Table:
    """One row a change, red where a verdict got worse."""
    rows = []
    for change in found:
        style = "bold red" if change.worse else ""
        cells = (change.id, change.subject, change.what, change.before, change.after)
        rows.append([Text(cell, style=style) for cell in cells])
    return fitted(COLUMNS, rows, width)


def times_table(
    before: Report, after: Report, chapters: Mapping[str, str], width: int = 120
) -> Table:
    """Seconds by chapter, the total last; a chapter is "elsewhere" where a check is not at hand."""
    totals: dict[str, list[float]] = {}
    for side, report in enumerate((before, after)):
        for result in report.results:
            chapter = chapters.get(result.id, "elsewhere")
            totals.setdefault(chapter, [0.0, 0.0])[side] += result.seconds
    whole = [sum(pair[side] for pair in totals.values()) for side in (0, 1)]
    rows = [
        [Text(name), Text(f"{a:.1f}"), Text(f"{b:.1f}"), Text(_ratio(a, b))]
        for name, (a, b) in {**totals, "all": whole}.items()
    ]
    numbers = [Column(name, right=True) for name in ("before", "after", "ratio")]
    return fitted([Column("seconds in"), *numbers], rows, width)


def _ratio(a: float, b: float) -> str:
    return f"{b / a:.2f}" if a else "-"


def environment_lines(before: Report, after: Report) -> list[str]:
    """What differs between the two environments, one line each."""
    old, new = before.environment, after.environment
    return [
        f"{name}: {old.get(name, 'not told')} -> {new.get(name, 'not told')}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
