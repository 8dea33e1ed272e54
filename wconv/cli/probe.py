"""``wconv probe``: a statement over ranges of parameters, and where it breaks."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wconv import _require as require
from wconv.cli.shared import Checks, Offered, Settings, Starts, app, console

FAILED: Final = 4
"""Exit code when every cell is an ERROR."""


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
    from wconv.probe.api import HALVINGS, run_sweep
    from wconv.probe.cache import Cells, default_folder
    from wconv.probe.dataset import write
    from wconv.probe.order import make_sweep
    from wconv.report.export import check_writable
    from wconv.report.figure_file import figure_kind, write_figure
    from wconv.report.phase_plot import plot_phases
    from wconv.report.phase_table import changes, phase_table
    from wconv.report.style import house_style
    from wconv.verify.plan import parse_settings

    check_writable([path for path in (output, plot) if path is not None])
    if plot is not None:
        figure_kind(plot)
    order = make_sweep(
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
    with _executor(cluster) as executor, _watched() as counted:
        data = run_sweep(
            order,
            cells,
            halvings=HALVINGS if bisect else 0,
            executor=executor,
            processes=processes,
            watch=counted,
        )
    if output is not None:
        write(output, data)
    if plot is not None:
        with house_style():
            write_figure(plot, plot_phases(data))
    out = console()
    out.print(phase_table(data))
    for line in changes(data):
        out.print(line)
    damaged = f", {len(cells.broken)} damaged files replaced" if cells.broken else ""
    told = f"{counted.new} cells computed, {counted.kept} known before{damaged}"
    out.print(f"{told} ({cells.folder})")
    return FAILED if (data["status"] == "error").all() else 0


class _Counted:
    """A progress bar, and how many cells were computed or known."""

    def __init__(self, bar: Progress) -> None:
        self.bar, self.task = bar, bar.add_task("probing", total=0)
        self.total = self.new = self.kept = 0

    def __call__(self, count: int, known: bool | None) -> None:
        """As ``run_sweep`` tells."""
        if known is None:
            self.total += count
            self.bar.update(self.task, total=self.total)
            return
        self.kept += known
        self.new += not known
        self.bar.advance(self.task, count)


@contextmanager
def _watched() -> Iterator[_Counted]:
    terminal = Console(stderr=True)
    columns = (TextColumn("probing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=terminal, transient=True, disable=not terminal.is_terminal
    ) as bar:
        yield _Counted(bar)


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
