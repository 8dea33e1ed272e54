"""Input checks: every error names the symbol, the requirement, the value and the remedy."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np


class InputError(ValueError):
    """A value the user gave does not meet a requirement."""


def fail(symbol: str, requirement: str, value: object, remedy: str) -> NoReturn:
    """Raise ``InputError("symbol must requirement, got value: remedy")``."""
    raise InputError(f"{symbol} must {requirement}, got {_short(value)}: {remedy}")


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def finite(symbol: str, value: Any, remedy: str = "remove NaN and infinite entries") -> None:
    """Require every entry to be finite; the message names the first bad entry."""
    array = np.asarray(value)
    good = np.isfinite(array)
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        at = f"{array[where]} at {symbol}{list(where)}" if where else str(array)
        fail(symbol, "be finite", at, remedy)


def real(symbol: str, value: object) -> float:
    """Require a real number (no bool, no NaN, no infinity) and return it as a float."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        fail(symbol, "be a real number", value, "give a plain number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not np.isfinite(number):
        fail(symbol, "be finite", number, "give a finite number")
    return number


def positive(symbol: str, value: object, remedy: str) -> float:
    """Require a real number > 0."""
    number = real(symbol, value)
    if number <= 0:
        fail(symbol, "be positive", number, remedy)
    return number


def within(symbol: str, value: object, low: float, high: float, remedy: str) -> float:
    """Require a real number in the half-open interval [low, high)."""
    number = real(symbol, value)
    if not low <= number < high:
        fail(symbol, f"lie in [{low:g}, {high:g})", number, remedy)
    return number


def count(symbol: str, value: object, least: int) -> int:
    """Require an integer >= least (bools are refused)."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        fail(symbol, f"be an integer >= {least}", value, "give a whole number")
    return int(value)


def shape(symbol: str, array: Any, expected: tuple[int, ...], axes: str) -> None:
    """Require an exact shape; ``axes`` spells it in words, for example "(states, actions)"."""
    got = np.shape(array)
    if got != expected:
        fail(symbol, f"have shape {axes} = {expected}", got, "reorder or resize the array")


def choice(symbol: str, value: str, valid: Iterable[str]) -> str:
    """Require one of the valid names; the message lists them, the nearest first."""
    names = list(valid)
    if value not in names:
        near = get_close_matches(value, names, n=1) if isinstance(value, str) else []
        hint = f"did you mean {near[0]!r}? " if near else ""
        fail(symbol, "be a known name", repr(value), f"{hint}valid: {', '.join(names)}")
    return value


def probabilities(symbol: str, array: Any, axis_name: str, tol: float) -> None:
    """Require non-negative finite entries and sums over the last axis within ``tol`` of one.

    Nothing is renormalised: a wrong sum is an error in the data, and its place is named.
    """
    values = np.asarray(array)
    finite(symbol, values)
    if (values < 0).any():
        where = [int(i) for i in np.argwhere(values < 0)[0]]
        fail(
            symbol, "be non-negative", f"{values[tuple(where)]} at {symbol}{where}", "fix the entry"
        )
    row_sums(symbol, values.sum(axis=-1), axis_name, tol)


def row_sums(symbol: str, sums: Any, axis_name: str, tol: float) -> None:
    """Require sums within ``tol`` of one, naming the worst."""
    defect = np.abs(np.asarray(sums) - 1.0)
    if (defect > tol).any():
        where = [int(i) for i in np.unravel_index(int(defect.argmax()), defect.shape)]
        total = float(np.asarray(sums)[tuple(where)])
        at = f"{total!r} at {symbol}{where}" if where else repr(total)
        fail(
            symbol,
            f"sum to 1 over {axis_name} (to {tol:.0e})",
            at,
            "normalise it yourself; wconv does not",
        )
