"""Sweeps on any executor: finished cells are kept as they come, lost workers are replaced."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from wconv.probe.cache import Cells
from wconv.probe.cell import alike, compute, compute_alike, failed
from wconv.probe.order import Point, Sweep
from wconv.report.schema import Result
from wconv.verify.parallel import end_with_parent

OpenPool = Callable[[], AbstractContextManager[Executor]]

WORTH_IT: Final = 4
"""Fewer cells than this are computed in this process: another one costs seconds of imports."""


def sweep_cells(
    sweep: Sweep,
    cells: Cells | None = None,
    *,
    points: Sequence[Point] | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
) -> Iterator[tuple[Point, Result, bool]]:
    """Every cell with its result, and whether it was finished before; kept ones first, then as they come.

    What is finished is on disk before it is yielded, so that a sweep that is killed resumes.

    Args:
        sweep: what to compute.
        cells: finished cells on disk; without it nothing is read and nothing kept.
        points: some cells only.
        executor: any executor of ``concurrent.futures`` (of a cluster, say) in place of processes.
        processes: how many there are; 1 is this one. By default as many as cores.

    """
    wanted = list(sweep.points) if points is None else list(points)
    todo = []
    for point in wanted:
        known = cells.read(point) if cells else None
        if known is None:
            todo.append(point)
        else:
            yield point, known, True
    workers = min(processes or os.cpu_count() or 1, len(todo))
    alone = workers <= 1 or (processes is None and len(todo) < WORTH_IT)
    found: Iterator[tuple[Point, Result]]
    if executor is not None:
        found = _on_executor(sweep, todo, lambda: nullcontext(executor), len(todo))
    elif alone:
        found = ((point, compute(sweep, point)) for point in todo)
    else:
        found = _on_executor(sweep, todo, lambda: _pool(workers), workers)
    for point, result in found:
        if cells:
            cells.write(point, result)
        yield point, result, False


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    """Processes of our own; what they have not begun is dropped at the end."""
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), end_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _on_executor(
    sweep: Sweep, waiting: list[Point], open_pool: OpenPool, ahead: int
) -> Iterator[tuple[Point, Result]]:
    """The cells as they come, ``ahead`` at a time in the hands of an executor.

    A process that dies takes the cells of the others with it. All that were at work are tried again, each
    alone with an executor of its own: a cell that loses that too is an ERROR, and the sweep goes on.
    """
    while waiting:
        suspects: list[Point] = []
        yield from _batch(sweep, waiting, open_pool, ahead, suspects)
        for point in suspects:
            lost: list[Point] = []
            yield from _batch(sweep, [point], open_pool, 1, lost)
            if lost:
                yield point, failed(sweep, point, "the process that computed it died, twice")


def _batch(
    sweep: Sweep, waiting: list[Point], open_pool: OpenPool, ahead: int, lost: list[Point]
) -> Iterator[tuple[Point, Result]]:
    """Cells from the front of ``waiting`` until the executor breaks: those at work then are ``lost``."""
    at_work: dict[Future[Result], Point] = {}
    code = alike(sweep)
    with open_pool() as pool:
        while (waiting and not lost) or at_work:
            while waiting and not lost and len(at_work) < ahead:
                point = waiting.pop(0)
                try:
                    at_work[pool.submit(compute_alike, sweep, point, code)] = point
                except BrokenExecutor:
                    lost.append(point)
            for done in wait(at_work, return_when=FIRST_COMPLETED).done if at_work else ():
                point = at_work.pop(done)
                error = CancelledError("by its executor") if done.cancelled() else done.exception()
                if error is None:
                    yield point, done.result()
                elif isinstance(error, BrokenExecutor):
                    lost.append(point)
                else:
                    yield point, failed(sweep, point, f"{type(error).__name__}: {error}")
