"""``wconv constants``: C_P, C_T and C_LS of a density, or of the optimal policy of a problem."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from wconv.cli.shared import Output, Settings, app, console

if TYPE_CHECKING:
    from wconv.constants.api import Inequalities


@app.command
def constants(
    *,
    potential: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    on: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            allow_leading_hyphen=True,
            help="With --potential a space: LOW:HIGH (inf allowed; two for a box), circle:LENGTH, "
            "torus:LENGTH or disc:RADIUS, with numbers such as 2*pi; without it an instance or a "
            "file, as for check.",
        ),
    ] = None,
    settings: Settings = None,
    only: str | None = None,
    sides: bool = False,
    plot: Path | None = None,
    json: Output = None,
) -> int:
    """Poincaré, Talagrand and log-Sobolev constants, as brackets with their provenance.

    Of the density exp(-V/tau) of a potential V, or of the optimal policy of a problem in every state.

    Parameters
    ----------
    potential
        A formula in a or x (in the plane in x and y) and names given by --set; tau is 1 unless set.
    only
        One or more of poincare (the quickest), talagrand and log-sobolev, with commas between.
    sides
        List every bound found, not only the best.
    plot
        Draw density, extremal functions and bounds (.png or .pdf; of several states one file each).
    """
    from wconv.report.constants import constants_table, remarks, write_json
    from wconv.report.export import check_writable
    from wconv.verify.asked import asked
    from wconv.verify.plan import parse_settings

    check_writable([path for path in (plot, json) if path is not None])
    names = _named(only)
    title, found = asked(potential, on or [], parse_settings(settings or []))
    wanted = [getattr(found, name.replace("-", "_")) for name in names]
    out = console()
    out.print(title)
    out.print(constants_table(wanted, out.width, criteria=sides))
    for line in remarks(wanted):
        out.print(line)
    if json is not None:
        write_json(json, title, wanted)
    if plot is not None:
        _plot(plot, title, found, {c.symbol for c in wanted}, out)
    return 0


def _named(only: str | None) -> list[str]:
    """The constants asked for, in the order of C_P <= C_T <= C_LS."""
    from wconv._require import choice

    every = ["poincare", "talagrand", "log-sobolev"]
    if only is None:
        return every
    asked_for = {choice("--only", name.strip(), every) for name in only.split(",")}
    return [name for name in every if name in asked_for]


def _plot(path: Path, title: str, found: "Inequalities", symbols: set[str], out: Console) -> None:
    """One figure a density; several states are numbered."""
    from wconv.report.constants_plot import plot_constants

    for state, (x, logp, three) in enumerate(found.profiles()):
        numbered = path.with_stem(f"{path.stem}-{state}") if not found.single else path
        named = title if found.single else f"{title}, state {state}"
        wanted = [c for c in three if c.symbol in symbols]
        plot_constants(numbered, x, logp, wanted, title=named)
        out.print(f"wrote {numbered}")
