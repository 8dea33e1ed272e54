"""What a figure is: numbers, a drawing that needs nothing else, and the theorems whose verdicts it shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from wconv._axes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from wconv.report.schema import Result
    from wconv.verify.api import Verification

Data = Mapping[str, Array]
"""Arrays by name: what is saved beside a picture, and all that it is drawn from."""


@dataclass(frozen=True)
class Shown:
    """A theorem on a problem: its verdict stands in the caption."""

    id: str
    instance: str
    settings: tuple[tuple[str, Any], ...] = ()
    expect: str = "HOLDS"
    """The verdict that the figure is about: a probe also shows where a premise fails."""

    def result(self) -> "Result":
        """The result, as expected where its verdict is the one that the figure is about."""
        found = self.verified().result
        return found.model_copy(update={"as_expected": found.verdict == self.expect})

    def verified(self) -> "Verification":
        """The evidence, computed once a process: pictures are drawn from it, captions speak of it."""
        return _verified(self)


def shown(id: str, instance: str, *, expect: str = "HOLDS", **settings: Any) -> Shown:
    """A theorem on a zoo instance, with its parameters and further arguments of ``wc.verify``."""
    return Shown(id, instance, tuple(sorted(settings.items())), expect)


@cache
def _verified(one: Shown) -> "Verification":
    from wconv.verify.api import verify

    return verify(one.id, one.instance, **dict(one.settings))


@dataclass(frozen=True)
class Figure:
    """A figure of the gallery.

    ``compute`` is the slow part. ``draw`` sees what it returned and nothing else, so that a picture
    can be drawn again from its file. The caption is ``marks`` (what is drawn how), the verdicts of
    ``claims``, and ``seen`` (what there is to see), see ``wconv.gallery.caption``.
    """

    name: str
    title: str
    marks: str
    seen: str
    compute: Callable[[], Data]
    draw: Callable[[Data], "Canvas"]
    claims: tuple[Shown, ...]
