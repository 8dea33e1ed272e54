"""``wconv probe``: a statement over ranges of parameters, and where it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wconv import _require as require
from wconv.cli.shared import Checks, Offered, Settings, Starts, app, console

if TYPE_CHECKING:
    from wconv.probe.cache import Cells
    from wconv.probe.order import Point, Sweep
    from wconv.report.schema import Result

HALVINGS = 8
"""Bisection narrows every change to the 256th part of the distance of cells."""


@app.command
def probe(
    id: str,
    *,
    sweep: Annotated[list[str], Parameter(negative="")],
    on: str | None = None,
    settings: Settings = None,
    bisect: Annotated[bool, Parameter(negative="")] = False,
    policies: Offered = None,
    start: Starts = None,
    seed: int = 0,
    processes: int | None = None,
    cluster: str | None = None,
    cache: Path | None = None,
    checks: Checks = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    plot: Path | None = None,
) -> int:
    """Probe a statement over ranges of parameters: where its premise fails, and where its conclusion.

    Finished cells are kept and never computed again: a probe that was killed goes on where it was.

    Parameters
    ----------
    id
        Id of the statement.
    sweep
        name=low:high:count, name=low:high:log:count or name=value,value; a parameter of the instance
        or an option of the check, such as tau=0.02:1:log:20 or step_size=.1:10:log:9; may be repeated.
    on
        Zoo instance or problem file; without it the check's first case.
    bisect
        Narrow every change of status along the first axis by bisection.
    seed
        Seed of random policies and directions.
    processes
        How many processes share the work; as many as there are cores when it is worth it.
    cluster
        Address of a scheduler of dask.distributed to compute the cells.
    cache
        Folder of finished cells, by default in the user's cache folder.
    output
        Write all cells as labelled netCDF to this file.
    plot
        Draw the phase diagram (.png, .pdf or .svg).
    """
    from wconv.probe.bisection import bisect as narrowed
    from wconv.probe.bisection import breaks
    from wconv.probe.cache import Cells, default_folder
    from wconv.probe.dataset import dataset, write
    from wconv.probe.order import sweep as order_of
    from wconv.report.export import check_writable
    from wconv.report.figure_file import write_figure
    from wconv.report.phase_plot import plot_phases
    from wconv.report.phase_table import changes, phase_table
    from wconv.verify.plan import parse_settings

    check_writable([path for path in (output, plot) if path is not None])
    order = order_of(
        id,
        sweep,
        on=on,
        parameters=parse_settings(settings or []),
        policies=policies,
        start=start,
        seed=seed,
        checks=checks,
    )
    cells = Cells(cache or default_folder(), order)
    out = console()
    with _executor(cluster) as executor:
        work = _Work(order, cells, executor, processes)
        found = work.compute(list(order.points))
        edges = breaks(order, found)
        if bisect:
            edges = narrowed(order, edges, HALVINGS, work.compute)
    data = dataset(order, found, edges)
    if output is not None:
        write(output, data)
    if plot is not None:
        write_figure(plot, plot_phases(data))
    out.print(phase_table(data))
    for line in changes(data):
        out.print(line)
    out.print(work.told())
    return 4 if (data["status"] == "error").all() else 0


class _Work:
    """Cells computed with a progress bar, and what it took."""

    def __init__(
        self, order: "Sweep", cells: "Cells", executor: Executor | None, processes: int | None
    ) -> None:
        self.order, self.cells, self.executor, self.processes = order, cells, executor, processes
        self.kept = self.new = 0

    def compute(self, points: "Sequence[Point]") -> "Mapping[Point, Result]":
        """The results of some cells."""
        from wconv.probe.drive import sweep_cells

        found = {}
        terminal = Console(stderr=True)
        columns = (TextColumn("probing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(
            *columns, console=terminal, transient=True, disable=not terminal.is_terminal
        ) as bar:
            task = bar.add_task("probing", total=len(points))
            for point, result, known in sweep_cells(
                self.order,
                self.cells,
                points=points,
                executor=self.executor,
                processes=self.processes,
            ):
                found[point] = result
                self.kept += known
                self.new += not known
                bar.advance(task)
        return found

    def told(self) -> str:
        """How many cells were computed, kept and found broken."""
        parts = [f"{self.new} cells computed, {self.kept} known before"]
        if self.cells.broken:
            parts.append(f"{len(self.cells.broken)} files of known cells were damaged")
        return f"{', '.join(parts)} ({self.cells.folder})"


@contextmanager
def _executor(address: str | None) -> Iterator[Executor | None]:
    """The executor of a cluster; None without an address."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        remedy = "install it: pip install 'wconv[cluster]'"
        require.fail("--cluster", "find dask.distributed", "it is not installed", remedy)
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        require.fail(
            "--cluster", "be the address of a scheduler", f"{address} ({error})", "check it"
        )
    with client:
        yield client.get_executor()
