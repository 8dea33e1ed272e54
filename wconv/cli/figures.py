"""``wconv figures``: pictures of the theory with their numbers, captions and verdicts."""

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from wconv.cli.shared import app, console

if TYPE_CHECKING:
    from wconv.gallery.figure import Figure


@app.command
def figures(
    *names: str,
    redraw: Annotated[bool, Parameter(negative="")] = False,
    list_: Annotated[bool, Parameter(name="--list", negative="")] = False,
    out: Path = Path("figures/out"),
) -> int:
    """Make figures (all, or those named): NAME.pdf, .png, .svg, the numbers, and a caption.

    The caption is in NAME.json with the verdicts it quotes; the numbers are in NAME.npz. The exit code is
    that of the verdicts.

    Parameters
    ----------
    names
        Names of figures, or patterns such as 'wppg_*'; none for all of them.
    redraw
        Draw from the numbers in the folder and compute nothing.
    list_
        List names and titles.
    out
        Folder of the files; it is made where it is missing.
    """
    from wconv.gallery import store
    from wconv.gallery.registry import figures as known
    from wconv.report import table

    found = known()
    chosen = [figure for name in names or ("*",) for figure in _matching(name, found)]
    screen = console()
    if list_:
        screen.print(_titles(chosen))
        return table.EXIT_OK
    if not redraw:
        _folder(out)
    terminal, results = Console(stderr=True), []
    for figure in track(
        chosen, "drawing", console=terminal, transient=True, disable=not terminal.is_terminal
    ):
        made = (store.redraw if redraw else store.make)(figure, out)
        screen.print(f"{out / figure.name}.pdf, .png, .svg: {made.caption}")
        results += made.results
    return table.exit_code(results)


def _matching(name: str, found: "dict[str, Figure]") -> "list[Figure]":
    """The figures of a name or pattern, which must be of some."""
    from wconv._require import choice

    named = [found[one] for one in fnmatch.filter(found, name)]
    return named or [found[choice("figure", name, found)]]


def _titles(chosen: "list[Figure]") -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("figure", "what it shows"):
        grid.add_column(name, no_wrap=name == "figure")
    for figure in chosen:
        grid.add_row(figure.name, figure.title)
    return grid


def _folder(out: Path) -> None:
    """Make the folder, before anything is computed."""
    from wconv._require import fail

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail("--out", "be a folder that can be made", f"{out}: {error.strerror}", "choose another")
