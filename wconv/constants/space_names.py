"""Spaces as a user names them: ``-3:3``, ``0:inf``, two for a box, ``circle:2*pi``, ``disc:sqrt(2)``."""

from collections.abc import Callable, Sequence
from math import pi
from typing import Final, NoReturn

from wconv import _require as require
from wconv.constants.disc import Disc
from wconv.constants.formula import number_of
from wconv.measures.spaces import Box, Interval, Space, Torus

FORMS: Final = "LOW:HIGH (twice for a box), circle:LENGTH, torus:LENGTH or disc:RADIUS"


def Circle(length: float = 2 * pi) -> Torus:
    """The circle of this length: a torus of dimension 1."""
    return Torus(length)


_SIZED: Final[dict[str, Callable[[float], Space]]] = {
    "circle": Circle,
    "torus": lambda length: Torus(length, dim=2),
    "disc": Disc,
}


def space_of(texts: Sequence[str]) -> Space:
    """The space of one text, or the box of two intervals; InputError naming --on when it is none.

    Numbers may be formulas of constants, such as 2*pi.
    """
    kind, _, size = texts[0].partition(":")
    if len(texts) == 1 and kind in _SIZED:
        return _SIZED[kind](*_numbers([size], texts))
    ends = [part for text in texts for part in text.split(":")]
    if len(texts) > 2 or any(text.count(":") != 1 for text in texts):
        _refuse(texts, "for example --on -3:3")
    numbers = _numbers(ends, texts)
    low, high = tuple(numbers[::2]), tuple(numbers[1::2])
    return Interval(low[0], high[0]) if len(texts) == 1 else Box(low, high)


def _numbers(parts: Sequence[str], texts: Sequence[str]) -> list[float]:
    try:
        return [_number(part) for part in parts]
    except require.InputError as error:
        _refuse(texts, str(error))


def _number(text: str) -> float:
    try:
        return float(text)  # "inf" is a number here, in a formula it is not
    except ValueError:
        return number_of("number", text)


def _refuse(texts: Sequence[str], remedy: str) -> NoReturn:
    require.fail("--on", f"name a space: {FORMS}", " ".join(texts), remedy)
