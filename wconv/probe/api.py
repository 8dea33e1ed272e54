"""``wc.sweep``: a statement over ranges of parameters as one labelled dataset."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wconv import _require as require
from wconv.probe.bisection import bisect as narrowed
from wconv.probe.bisection import breaks
from wconv.probe.cache import Cells, default_folder
from wconv.probe.dataset import dataset
from wconv.probe.drive import sweep_cells
from wconv.probe.order import Point, Sweep, make_sweep
from wconv.report.schema import Result
from wconv.theory.cases import Policies, Start

if TYPE_CHECKING:
    from xarray import Dataset

HALVINGS: Final = 8
"""Bisection narrows every change to the 256th part of the distance of cells."""

Watch = Callable[[int, bool | None], None]
"""Told (cells to come, None) before some cells are computed, (1, known before?) after each."""


def run_sweep(
    order: Sweep,
    cells: Cells | None = None,
    *,
    halvings: int = 0,
    executor: Executor | None = None,
    processes: int | None = None,
    watch: Watch | None = None,
) -> "Dataset":
    """All cells of a sweep, and where the status changes along its first axis, narrowed by ``halvings``."""
    if processes is not None:
        require.count("processes", processes, 1)
    told = watch or (lambda _count, _known: None)

    def compute(points: Sequence[Point]) -> dict[Point, Result]:
        told(len(points), None)
        found = {}
        for point, result, known in sweep_cells(
            order, cells, points=points, executor=executor, processes=processes
        ):
            found[point] = result
            told(1, known)
        return found

    found = compute(list(order.points))
    changes = narrowed(order, breaks(order, found), halvings, compute)
    return dataset(order, found, changes)


def sweep(
    id: str,
    *axes: str,
    on: str | None = None,
    bisect: bool = False,
    policies: Policies | None = None,
    start: Start | None = None,
    seed: int = 0,
    checks: str | None = None,
    cache: str | PathLike[str] | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    **parameters: Any,
) -> "Dataset":
    """Check a theorem on a grid of parameters: premise, conclusion, margins and constants of every cell.

    ``wc.sweep("wppg-lin", "step_size=0.1:40:log:12", on="heavy", bisect=True)``. Finished cells are kept on
    disk under a hash of everything they depend on, and never computed again.

    Args:
        id: the statement.
        *axes: name=low:high:count, name=low:high:log:count or name=value,value; a parameter of the instance
            or an option of the check.
        on: a zoo instance or a problem file; by default the check's first case.
        bisect: narrow every change of status along the first axis.
        policies: as for ``wc.verify``.
        start: as for ``wc.verify``.
        seed: of random policies and directions.
        checks: a file or folder of one's own checks.
        cache: the folder of finished cells, by default in the user's cache folder.
        executor: any of ``concurrent.futures``, such as that of a cluster, in place of processes.
        processes: how many; 1 is this one, by default as many as cores when it is worth it.
        **parameters: fixed, of the instance or the check.

    Returns:
        An xarray Dataset over the axes; see ``wconv.probe.dataset``.

    Raises:
        InputError: an unknown id, instance, parameter or form of an axis.

    """
    order = make_sweep(
        id,
        axes,
        on=on,
        parameters=parameters,
        policies=policies,
        start=start,
        seed=seed,
        checks=checks,
    )
    cells = Cells(default_folder() if cache is None else Path(cache), order)
    halvings = HALVINGS if bisect else 0
    return run_sweep(order, cells, halvings=halvings, executor=executor, processes=processes)
