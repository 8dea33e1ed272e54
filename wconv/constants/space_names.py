"""Spaces as a user types them: ``-3:3``, ``0:inf``, two for a box, ``circle:6.28``, ``disc:1``."""

from collections.abc import Callable, Sequence
from typing import Final

from wconv import _require as require
from wconv.constants.disc import Disc
from wconv.measures.spaces import Box, Interval, Space, Torus

FORMS: Final = "LOW:HIGH (twice for a box), circle:LENGTH, torus:LENGTH or disc:RADIUS"

_SIZED: Final[dict[str, Callable[[float], Space]]] = {
    "circle": lambda length: Torus(length=length),
    "torus": lambda length: Torus(length=length, dim=2),
    "disc": Disc,
}


def space_of(texts: Sequence[str]) -> Space:
    """The space of one text, or the box of two intervals; InputError naming --on when it is none."""
    kind, _, size = texts[0].partition(":")
    length = _number(size)
    if len(texts) == 1 and kind in _SIZED and length is not None:
        return _SIZED[kind](length)
    ends = [[_number(part) for part in text.split(":")] for text in texts]
    pairs = [
        (low, high)
        for low, high in (e for e in ends if len(e) == 2)
        if low is not None and high is not None
    ]
    if len(pairs) != len(texts) or len(texts) > 2:
        require.fail("--on", f"name a space: {FORMS}", " ".join(texts), "for example --on -3:3")
    if len(pairs) == 1:
        return Interval(*pairs[0])
    return Box((pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1]))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
