"""``wconv probe``: a statement over ranges of parameters, and where it breaks."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from wconv import _require as require
from wconv.cli.shared import Checks, Offered, Seed, Settings, Starts, app, console
from wconv.theory.registry import discover

if TYPE_CHECKING:
    from wconv.probe.cache import Cells
    from wconv.probe.order import Sweep

FAILED: Final = 4
"""Exit code when every cell is an ERROR."""


@app.command
def probe(
    id: str | None = None,
    *,
    sweep: Annotated[list[str] | None, Parameter(negative="")] = None,
    on: str | None = None,
    settings: Settings = None,
    bisect: Annotated[bool, Parameter(negative="")] = False,
    policies: Offered = None,
    start: Starts = None,
    seed: Seed = 0,
    processes: int | None = None,
    cluster: str | None = None,
    cache: Path | None = None,
    checks: Checks = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    plot: Path | None = None,
) -> int:
    """Probe a statement over ranges of parameters: where its premise fails, and where its conclusion.

    Finished cells are kept and never computed again: a probe that was killed goes on where it was. With the
    name of a ready probe in place of an id its sweeps are run; alone the command lists the ready probes.

    Parameters
    ----------
    id
        Id of the statement, or name of a ready probe.
    sweep
        name=low:high:count, name=low:high:log:count or name=value,value, of the instance or an option of
        the check, such as tau=0.02:1:log:20; may be repeated.
    on
        Zoo instance or problem file; without it the check's first case.
    bisect
        Narrow every change of status along the first axis by bisection.
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
    from wconv.probe.api import HALVINGS
    from wconv.probe.cache import Cells, default_folder
    from wconv.probe.order import make_sweep
    from wconv.report.export import check_writable
    from wconv.report.figure_file import figure_kind
    from wconv.verify.plan import parse_settings

    check_writable([path for path in (output, plot) if path])
    if plot:
        figure_kind(plot)
    if not sweep:
        return _ready(id, output, plot)
    order = make_sweep(
        require.choice("check", id or "", discover(checks)),
        sweep,
        on=on,
        parameters=parse_settings(settings or []),
        policies=policies,
        start=start,
        seed=seed,
        checks=checks,
    )
    cells = Cells(cache or default_folder(), order)
    with _executor(cluster) as executor:
        how: dict[str, Any] = {"executor": executor, "processes": processes}
        return _probed(order, cells, HALVINGS if bisect else 0, (output, plot), **how)


def _ready(name: str | None, output: Path | None, plot: Path | None) -> int:
    """The sweeps of a ready probe one after the other; without a name the list of them."""
    from wconv.gallery.ready import ready
    from wconv.probe.cache import Cells, default_folder

    found, out = ready(), console()
    if name is None:
        grid = Table(box=None, pad_edge=False, header_style="bold")
        for head in ("probe", "question", "figure"):
            grid.add_column(head, no_wrap=head != "question")
        for probe in found.values():
            grid.add_row(probe.name, probe.question, probe.figure.name)
        out.print(grid)
        return 0
    probe = found[require.choice("ready probe (an id needs --sweep)", name, found)]
    many = len(probe.sweeps) > 1
    codes = []
    for number, asked in enumerate(probe.sweeps, 1):
        out.print(f"{asked.command}")
        order = asked.order()
        end = f"-{number}" if many else ""
        files = [path and path.with_stem(path.stem + end) for path in (output, plot)]
        codes.append(_probed(order, Cells(default_folder(), order), asked.halvings, files))
    out.print(f"figure: wconv figures {probe.figure.name}")
    return max(codes)


def _probed(
    order: "Sweep",
    cells: "Cells",
    halvings: int,
    files: Sequence[Path | None],
    executor: Executor | None = None,
    processes: int | None = None,
) -> int:
    """Run a sweep, write the dataset and the picture where files are named, and tell."""
    from wconv.probe.api import run_sweep
    from wconv.probe.dataset import write
    from wconv.report.figure_file import write_figure
    from wconv.report.phase_plot import plot_phases, require_drawable
    from wconv.report.phase_table import changes, phase_table
    from wconv.report.style import house_style

    output, plot = files
    if plot is not None:
        require_drawable({axis.name: axis.values for axis in order.axes})
    with _watched() as counted:
        data = run_sweep(
            order,
            cells,
            halvings=halvings,
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
