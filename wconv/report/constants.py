"""Functional-inequality constants as a table: brackets, widths, and where each side comes from."""

import json
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from math import ceil, isfinite, log10
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rich.table import Table
from rich.text import Text

from wconv._axes import Array
from wconv._files import atomic_write
from wconv.report import format as fmt
from wconv.report.table import Column, fitted

SHARP = 0.01
"""Relative width above which no single number is given."""

WIDE = 110
"""Columns from which methods are named; below, sides tell their rigor alone."""

_NUMBERS = [Column(name, right=True) for name in ("lower", "estimate", "upper")]
_ALL = [
    Column("constant"),
    *_NUMBERS,
    Column("width", right=True),
    Column("below", room=15),
    Column("above", room=15),
]
_FEW = [
    Column("constant"),
    *_NUMBERS[::2],
    Column("width", rank=1, right=True),
    Column("below / above", room=15),
]

State = int | tuple[()]


class SideLike(Protocol):
    """One bound: its values (S,) or (), how far it may be trusted, and the method."""

    @property
    def value(self) -> Array:
        """The bound in every state; an infinite upper side says nothing."""
        ...

    @property
    def rigor(self) -> str:
        """numerical, sharp-numerical, ..."""
        ...

    @property
    def method(self) -> str:
        """Its name."""
        ...


class ConstantLike(Protocol):
    """A constant as a bracket (S,) or () that keeps all its sides."""

    @property
    def symbol(self) -> str:
        """C_P, C_T, C_LS."""
        ...

    @property
    def lower(self) -> Array:
        """The best lower side."""
        ...

    @property
    def upper(self) -> Array:
        """The best upper side."""
        ...

    @property
    def estimate(self) -> Array:
        """The best guess in between."""
        ...

    @property
    def lower_sides(self) -> Sequence[SideLike]:
        """All lower sides."""
        ...

    @property
    def upper_sides(self) -> Sequence[SideLike]:
        """All upper sides."""
        ...

    @property
    def reasons(self) -> Sequence[str]:
        """One text a state: why it is infinite."""
        ...


def constants_table(
    constants: Sequence[ConstantLike],
    width: int = WIDE,
    *,
    criteria: bool = False,
    labels: Sequence[str] = (),
) -> Table:
    """One row a constant (and state): lower, estimate, upper, relative width, and how each side was found.

    Numbers have one digit more than the bracket resolves, sides rounded outwards. An infinite constant
    tells its reason.

    Args:
        constants: of one density, shape (), or of the same states, shape (S,).
        width: columns of the terminal.
        criteria: list under every constant the other bounds found.
        labels: names of the states, by default their numbers.

    """
    wide = width >= WIDE
    states: Sequence[State] = [()]
    if any(c.lower.ndim for c in constants):
        states = range(len(constants[0].lower))
    columns = [*([Column("state")] if states != [()] else []), *(_ALL if wide else _FEW)]
    rows: list[list[Text]] = []
    for state in states:
        shown = [labels[state] if labels else str(state)] if isinstance(state, int) else []
        for c in constants:
            for row in (_best(c, state, wide=wide), *(_all(c, state) if criteria else ())):
                rows.append([*map(Text, shown), *_laid_out(row, wide=wide)])
                shown = [""] * len(shown)
    return fitted(columns, rows, width)


def remarks(constants: Sequence[ConstantLike]) -> list[str]:
    """What is to be said of finite constants, one line a state (infinite ones say why in the table)."""
    lines = []
    for c in constants:
        for state, reason in enumerate(c.reasons):
            several = c.lower.ndim > 0
            if reason and isfinite(float(c.upper[state] if several else c.upper)):
                lines.append(f"{c.symbol}{f' in state {state}' if several else ''}: {reason}")
    return lines


def write_json(path: Path, title: str, constants: Sequence[ConstantLike]) -> None:
    """The same rows as JSON, with all sides; infinities as strings. Written whole or not at all."""
    several = any(c.lower.ndim for c in constants)
    states: Sequence[State] = range(len(constants[0].lower)) if several else [()]
    rows = [
        {
            "state": state if isinstance(state, int) else None,
            "constant": c.symbol,
            "lower": _plain(c.lower[state]),
            "estimate": _plain(c.estimate[state]),
            "upper": _plain(c.upper[state]),
            "reason": c.reasons[state if isinstance(state, int) else 0],
            "lower_sides": [_told(side, state) for side in c.lower_sides],
            "upper_sides": [_told(side, state) for side in c.upper_sides],
        }
        for state in states
        for c in constants
    ]
    atomic_write(path, (json.dumps({"title": title, "constants": rows}, indent=1) + "\n").encode())


def _plain(value: Any) -> float | str:
    number = float(value)
    return number if isfinite(number) else str(number)


def _told(side: SideLike, state: State) -> dict[str, Any]:
    return {"value": _plain(side.value[state]), "rigor": side.rigor, "method": side.method}


class _Row(NamedTuple):
    symbol: str
    lower: str
    estimate: str
    upper: str
    width: str
    below: str
    above: str
    style: str = ""


def _laid_out(row: _Row, *, wide: bool) -> list[Text]:
    numbers = [row.lower, row.estimate, row.upper] if wide else [row.lower, row.upper]
    sources = [row.below, row.above]
    if not wide:
        sources = [" / ".join(source for source in sources if source)]
    cells = [Text(cell, style=row.style) for cell in (*numbers, row.width, *sources)]
    return [Text(row.symbol, style="bold"), *cells]


def _best(c: ConstantLike, state: State, *, wide: bool) -> _Row:
    low, high = float(c.lower[state]), float(c.upper[state])
    below = max(c.lower_sides, key=lambda side: float(side.value[state]))
    above = min(c.upper_sides, key=lambda side: float(side.value[state]))
    gap = (high - low) / high if isfinite(high) and high > 0 else float("nan")
    digits = resolved_digits(gap)
    told, asked = (_source(side) if wide else side.rigor for side in (below, above))
    if not isfinite(high):
        asked = c.reasons[state if isinstance(state, int) else 0] or "no method gives a bound"
    return _Row(
        c.symbol,
        outward(low, digits, up=False),
        fmt.number(float(c.estimate[state]), digits) if not gap > SHARP else "",
        outward(high, digits, up=True),
        fmt.number(gap, 1),
        told,
        asked,
    )


def _all(c: ConstantLike, state: State) -> list[_Row]:
    """One dim row a further bound that says something, the best first."""
    rows = []
    for side in sorted(c.lower_sides, key=lambda side: -float(side.value[state]))[1:]:
        value = float(side.value[state])
        if value > 0:
            shown = outward(value, 6, up=False)
            rows.append(_Row("", shown, "", "", "", _source(side), "", "dim"))
    for side in sorted(c.upper_sides, key=lambda side: float(side.value[state]))[1:]:
        value = float(side.value[state])
        if isfinite(value):
            shown = outward(value, 6, up=True)
            rows.append(_Row("", "", "", shown, "", "", _source(side), "dim"))
    return rows


def _source(side: SideLike) -> str:
    return f"{side.method} ({side.rigor})"


def resolved_digits(gap: float) -> int:
    """Digits worth printing of a number known to a relative width: one more than are certain."""
    if not gap > 0:
        return 12 if gap == 0 else 6
    return min(max(ceil(-log10(gap)) + 1, 3), 12)


def outward(value: float, digits: int, *, up: bool) -> str:
    """A bound on so many digits, rounded to its own side."""
    if not isfinite(value):
        return fmt.number(value)
    context = Context(prec=digits, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return fmt.number(float(context.create_decimal(Decimal(repr(value)))), digits)
