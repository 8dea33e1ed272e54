"""What the commands share: the application, options, the console, running an order with a progress bar."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import track

from wconv import __version__
from wconv.theory.cases import Policies, Start

if TYPE_CHECKING:
    from wconv.report.schema import Result
    from wconv.verify.parallel import Order

T = TypeVar("T")

PIPE_WIDTH: Final = 200
"""Columns where output is not a terminal, so that no row is cut."""

app = App(
    name="wconv",
    help="Verify the convergence theory of Wasserstein policy gradient methods, numerically.",
    version=__version__,
)

Checks = Annotated[
    str | None, Parameter(help="A file or folder of your own checks instead of the built-in ones.")
]
On = Annotated[
    list[str] | None,
    Parameter(
        negative="", help="Zoo instance, FILE.npz, FILE.json or FILE.py:function; may be repeated."
    ),
]
Settings = Annotated[
    list[str] | None,
    Parameter(
        name="--set", negative="", help="name=value, a parameter of the instance; may be repeated."
    ),
]
Offered = Annotated[
    Policies | None,
    Parameter(
        help="mixed: from far to near the optimum; sparse: some vanish on half of the actions; "
        "smooth: functions of the action. Without it those of the check's cases."
    ),
]
Starts = Annotated[
    Start | None,
    Parameter(
        help="Where paths start: the reference, the optimal policy pushed by a tilt, a tempered or the "
        "optimal policy. Without it as in the check's cases."
    ),
]
Seed = Annotated[int, Parameter(help="Seed of random policies and directions.")]
Output = Annotated[Path | None, Parameter(help="Also write the results to this file.")]


def run(order: "Order", processes: int | None) -> "list[Result]":
    """The results of an order, with a progress bar on a terminal (and none elsewhere)."""
    from wconv.verify.parallel import planned, results

    jobs = planned(order)
    return in_order(results(order, jobs, processes), len(jobs), "checking")


def in_order(found: "Iterable[tuple[int, T]]", count: int, doing: str) -> "list[T]":
    """What comes numbered in any order, by its numbers; a progress bar tells how far it is."""
    terminal = Console(stderr=True)
    shown = track(
        found,
        doing,
        total=count,
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )
    return [what for _, what in sorted(shown, key=lambda pair: pair[0])]


class _Output(Console):
    """A console whose reader may leave early: that ends the printing, not the command."""

    def on_broken_pipe(self) -> None:
        """Fall silent; files are still written, and the exit code is still the verdict's."""
        with suppress(SystemExit):
            super().on_broken_pipe()


def console() -> Console:
    """Standard output: coloured and as wide as the terminal, plain and wide elsewhere."""
    if sys.stdout.isatty():
        return _Output(highlight=False, markup=False)
    return _Output(width=PIPE_WIDTH, no_color=True, highlight=False, markup=False)
