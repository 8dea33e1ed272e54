"""Axes of a sweep: a parameter of the problem or an option of the check, and its values."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from wconv import _require as require
from wconv.mdp import zoo

FORM = "name=low:high:count, name=low:high:log:count or name=value,value,…"
Scale = Literal["linear", "log", "listed"]

MOST: Final = 100_000
"""Values of an axis."""

LARGEST: Final = 2**63 - 1
"""Whole numbers of a dataset."""

TAKEN: Final = frozenset(
    (
        *("status", "fails", "verdict", "message", "reproduce", "seconds"),
        *(f"{of}{n}" for of in ("", "claim_") for n in ("margin", "margin_error", "verdict")),
        *(f"{of}{n}" for of in ("", "claim_") for n in ("tightness", "tightness_error")),
        *("claim", "constant", "constant_lower", "constant_upper", "change"),
        *(f"{of}{n}" for of in ("", "change_") for n in ("low", "high", "before", "after")),
    )
)
"""What a dataset of cells calls its own variables; change_NAME is one for every further axis."""


@dataclass(frozen=True)
class Axis:
    """A named axis: its values (numbers in rising order), and how far apart two of them are measured."""

    name: str
    values: tuple[Any, ...]
    scale: Scale

    def between(self, one: Any, other: Any) -> Any:
        """The middle of two values, geometric on a logarithmic axis; None where nothing is between them."""
        if self.scale == "listed":
            return None
        middle = float(np.sqrt(one * other)) if self.scale == "log" else (one + other) / 2
        middle = round(middle) if isinstance(one, int) and isinstance(other, int) else middle
        return middle if middle not in (one, other) else None


def parse_axis(text: str, defaults: Mapping[str, Any]) -> Axis:
    """An axis from the command line; ``defaults`` are the parameters there are, by their full names.

    ``tau=0.02:1:log:20`` has 20 values from .02 to 1, equally far apart in their logarithms,
    ``step_size=0:1:11`` eleven, ``particles=16,64,256`` these three; numbers are put in rising order. Where
    the default and both ends are whole numbers the values are whole numbers: the nearest, each once.

    Raises:
        InputError: another form, an unknown name or one that a dataset needs itself, too few or too many
            values, other values than finite numbers, words or truth values, or a logarithm of what is not
            positive.

    """
    given, equals, values = text.partition("=")
    if not equals or not values:
        require.fail("--sweep", f"have the form {FORM}", text, "for example tau=0.02:1:log:20")
    known = _short(defaults)
    name = known[require.choice("--sweep", given.strip(), known)]
    if name in TAKEN:
        remedy = "rename the parameter, the dataset has a variable of this name"
        require.fail("--sweep", "name an axis of its own", name, remedy)
    if ":" not in values:
        return Axis(name, _listed(name, values.split(",")), "listed")
    low, high, *rest = values.split(":")
    log, count = rest[:-1] == ["log"], rest[-1] if rest else ""
    if rest[:-1] not in ([], ["log"]) or not count.isdecimal():
        require.fail("--sweep", f"have the form {FORM}", text, "for example tau=0.02:1:log:20")
    given_ends = [_literal(end) for end in (low, high)]
    ends = sorted(require.real(f"end of {name}", end) for end in given_ends)
    number = require.count(f"number of values of {name}", int(count), 2)
    if number > MOST:
        require.fail(f"number of values of {name}", f"be at most {MOST}", number, "ask for fewer")
    if log:
        for end in ends:
            require.positive(f"end of {name}", end, "a logarithmic axis starts above 0")
    found = (np.geomspace if log else np.linspace)(ends[0], ends[1], number).tolist()
    found[0], found[-1] = ends
    if all(map(_whole, (defaults[name], *given_ends))):
        found = list(dict.fromkeys(round(value) for value in found))
    return Axis(name, _distinct(name, tuple(found)), "log" if log else "linear")


def _short(names: Iterable[str]) -> dict[str, str]:
    """Full names by themselves and by the papers' letters."""
    full = {name: name for name in names}
    return full | {a: name for a, name in zoo.ALIASES.items() if name in full and a not in full}


def _whole(default: Any) -> bool:
    return isinstance(default, int) and not isinstance(default, bool)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()


def _listed(name: str, texts: list[str]) -> tuple[Any, ...]:
    """Values named one by one: finite numbers, put in order, or all words, or all truth values."""
    values = tuple(_literal(text) for text in texts)
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        for value in values:
            if abs(require.real(f"value of {name}", value)) > LARGEST:
                require.fail(f"value of {name}", f"lie within ±{LARGEST}", value, "give less")
        return _distinct(name, tuple(sorted(values)))
    kind = type(values[0])
    if kind not in (bool, str) or any(type(v) is not kind or v == "" for v in values):
        requirement = "be all numbers, all words or all of True and False"
        require.fail(f"values of {name}", requirement, ", ".join(texts), "name others")
    return _distinct(name, values)


def _distinct(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        require.fail(f"values of {name}", "differ", values, "name each once")
    return values
