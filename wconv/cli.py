"""The command line: ``wconv check | constants | list | explain | doctor``.

Exit codes: 0 everything as expected, 1 a claim violated or a control that was not, 2 wrong usage,
3 inconclusive, an unexpected INAPPLICABLE or a claim without teeth, 4 an error in a check, 5 no
claim was tested.
"""

import wconv._threads  # noqa: F401, I001  (before anything loads NumPy)
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from wconv import __version__
from wconv._require import InputError
from wconv.outcomes import SolverError
from wconv.theory.cases import Policies, Start
from wconv.theory.registry import discover

if TYPE_CHECKING:
    from wconv.constants.api import Inequalities
    from wconv.report.schema import Result
    from wconv.verify.parallel import Order

USAGE, FAILED, INTERRUPTED = 2, 4, 130
PIPE_WIDTH = 200
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
Output = Annotated[Path | None, Parameter(help="Also write the results to this file.")]


@app.command
def check(
    *names: str,
    on: On = None,
    settings: Settings = None,
    tier: Literal["quick", "all"] = "quick",
    policies: Offered = None,
    start: Starts = None,
    seed: int = 0,
    processes: int | None = None,
    controls: bool = True,
    checks: Checks = None,
    json: Output = None,
    csv: Output = None,
    junit: Output = None,
    latex: Output = None,
) -> int:
    """Check theorems (ids or chapters; all by default) with their negative controls.

    Parameters
    ----------
    names
        Ids of statements or names of chapters.
    tier
        quick: a few cases a check; all: every case.
    seed
        Seed of random policies and directions.
    processes
        How many processes share the work; as many as there are cores when it is worth it.
    controls
        Whether negative controls are run: they show that a check can fail, and take most of the time
        on an instance of your own.
    """
    from wconv.report import export, table
    from wconv.report.environment import environment
    from wconv.report.schema import Report
    from wconv.verify.parallel import Order, left_out
    from wconv.verify.plan import parse_settings

    given = {"json": json, "csv": csv, "junit": junit, "latex": latex}
    outputs = {kind: path for kind, path in given.items() if path is not None}
    export.check_writable(list(outputs.values()))
    parameters = parse_settings(settings or [])
    order = Order(names, checks, tier, tuple(on or ()), parameters, policies, start, seed, controls)
    began = time.perf_counter()
    results = _run(order, processes)
    console = _console()
    console.print(table.table(results, console.width))
    console.print()
    console.print(table.silent(results, left_out(order, results)), end="")
    console.print(table.problems(results), end="")
    console.print(table.summary(results, time.perf_counter() - began))
    export.write(Report(schema=1, environment=environment(), results=results), outputs)
    return table.exit_code(results)


def _run(order: "Order", processes: int | None) -> "list[Result]":
    """Execute an order with a progress bar on a terminal (and none elsewhere)."""
    from wconv.verify.parallel import planned, results

    jobs = planned(order)
    terminal = Console(stderr=True)
    found = track(
        results(order, jobs, processes),
        "checking",
        total=len(jobs),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]


@app.command(name="list")
def list_(*, checks: Checks = None) -> int:
    """List every statement and every instance."""
    from wconv.mdp import zoo

    console = _console()
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("check", "chapter", "grade", "statement"):
        grid.add_column(name, no_wrap=name != "statement")
    for item in discover(checks).values():
        grid.add_row(item.id, item.chapter, item.grade, item.statement.title)
    console.print(grid)
    console.print()
    places = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("instance", "what it is", "parameters"):
        places.add_column(name, no_wrap=name == "instance")
    for recipe in zoo.RECIPES.values():
        places.add_row(recipe.name, recipe.summary, ", ".join(recipe.defaults))
    console.print(places)
    return 0


@app.command
def explain(
    id: str,
    *,
    on: On = None,
    settings: Settings = None,
    policies: Offered = None,
    start: Starts = None,
    seed: int = 0,
    checks: Checks = None,
) -> int:
    """Explain a statement; with --on also why its verdict is what it is there.

    Parameters
    ----------
    id
        Id of the statement.
    seed
        Seed of random policies and directions.
    """
    from wconv._require import choice
    from wconv.report import table

    found = discover(checks)
    item = found[choice("check", id, found)]
    console = _console()
    console.print(table.explain_statement(item))
    if not on:
        return 0

    from wconv.verify.parallel import Order
    from wconv.verify.plan import parse_settings

    parameters = parse_settings(settings or [])
    asked = (tuple(on), parameters, policies, start, seed)
    results = _run(Order((id,), checks, "quick", *asked, controls=False), processes=1)
    for result in results:
        console.print()
        console.print(table.explain_result(result))
    if not results:
        console.print(f"\nno claim was tested: {id} speaks of no instance (wconv check {id})")
    return table.exit_code(results)


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
    console = _console()
    console.print(title)
    console.print(constants_table(wanted, console.width, criteria=sides))
    for line in remarks(wanted):
        console.print(line)
    if json is not None:
        write_json(json, title, wanted)
    if plot is not None:
        _plot(plot, title, found, {c.symbol for c in wanted}, console)
    return 0


def _named(only: str | None) -> list[str]:
    """The constants asked for, in the order of C_P <= C_T <= C_LS."""
    from wconv._require import choice

    every = ["poincare", "talagrand", "log-sobolev"]
    if only is None:
        return every
    asked_for = {choice("--only", name.strip(), every) for name in only.split(",")}
    return [name for name in every if name in asked_for]


def _plot(
    path: Path, title: str, found: "Inequalities", symbols: set[str], console: Console
) -> None:
    """One figure a density; several states are numbered."""
    from wconv.report.constants_plot import plot_constants

    for state, (x, logp, three) in enumerate(found.profiles()):
        numbered = path.with_stem(f"{path.stem}-{state}") if not found.single else path
        named = title if found.single else f"{title}, state {state}"
        wanted = [c for c in three if c.symbol in symbols]
        plot_constants(numbered, x, logp, wanted, title=named)
        console.print(f"wrote {numbered}")


@app.command
def doctor() -> int:
    """Report versions, precision and devices, and run a self-test."""
    from wconv.report.doctor import examine
    from wconv.report.table import table
    from wconv.verify.parallel import Order

    console = _console()
    for line in examine():
        console.print(line)
    results = _run(Order(("wpg-res",)), processes=1)
    console.print(table(results, console.width))
    ok = all(result.as_expected for result in results)
    console.print("self-test passed" if ok else "self-test FAILED")
    return 0 if ok else 1


class _Output(Console):
    """A console whose reader may leave early: that ends the printing, not the command."""

    def on_broken_pipe(self) -> None:
        """Fall silent; files are still written, and the exit code is still the verdict's."""
        with suppress(SystemExit):
            super().on_broken_pipe()


def _console() -> Console:
    """Standard output: coloured and as wide as the terminal, plain and wide elsewhere."""
    if sys.stdout.isatty():
        return _Output(highlight=False, markup=False)
    return _Output(width=PIPE_WIDTH, no_color=True, highlight=False, markup=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; input errors are one clear line."""
    try:
        command, bound, _ = app.parse_args(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
        )
        return int(command(*bound.args, **bound.kwargs) or 0)
    except (InputError, CycloptsError) as error:
        sys.stderr.write(f"wconv: {' '.join(str(error).split())}\n")
        return USAGE
    except SolverError as error:
        from wconv.report.format import cause

        sys.stderr.write(f"wconv: {' '.join(cause(error).split())}\n")
        return FAILED
    except MemoryError:
        sys.stderr.write("wconv: not enough memory for this instance: make it smaller\n")
        return USAGE
    except KeyboardInterrupt:
        sys.stderr.write("wconv: interrupted\n")
        return INTERRUPTED
