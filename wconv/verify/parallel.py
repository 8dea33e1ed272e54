"""All jobs of an order in several processes: a chapter's jobs on an instance are dealt out together.

A check's body cannot be sent to another process, but the order it came from can: every process makes
the same plan from it and executes the jobs it is given by number.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from wconv.report.schema import Result
from wconv.theory.cases import NO_PROBLEM, Policies, Start, Tier
from wconv.theory.registry import discover
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.plan import plan, select
from wconv.verify.runner import Evidence, execute, prepare

T = TypeVar("T")

WORTH_IT: Final = 40
"""Fewer jobs than this run in this process: another one costs seconds of imports and compilation."""


@dataclass(frozen=True)
class Order:
    """What a user asked for, in plain data: see ``plan``."""

    names: tuple[str, ...] = ()
    checks: str | None = None
    tier: Tier = "quick"
    on: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    policies: Policies | None = None
    start: Start | None = None
    seed: int = 0
    controls: bool = True


def planned(order: Order) -> Sequence[Job]:
    """The jobs of an order, the same in every process; of chapters, what fits a user's problem."""
    checks = discover(order.checks)
    return plan(
        select(checks, order.names),
        tier=order.tier,
        on=order.on,
        parameters=order.parameters,
        policies=order.policies,
        start=order.start,
        controls=order.controls,
        fitting=checks.keys().isdisjoint(order.names),
    )


def left_out(order: Order, found: Sequence[Result]) -> list[str]:
    """The statements asked for of which nothing was run: they do not speak of the problem."""
    ran = {result.id for result in found}
    return [item.id for item in select(discover(order.checks), order.names) if item.id not in ran]


def results(
    order: Order, jobs: Sequence[Job], processes: int | None = None
) -> Iterator[tuple[int, Result]]:
    """(number of the job, its result) of every job planned for an order, as they come.

    In as many processes as there are cores, or in this one when that or the order is small.

    Raises:
        InputError: of the order, or of a recipe that a user asked for.

    """
    return kept(order, jobs, _result, processes)


def kept(
    order: Order,
    jobs: Sequence[Job],
    keep: Callable[[int, Evidence], T],
    processes: int | None = None,
) -> Iterator[tuple[int, T]]:
    """(number of the job, what ``keep`` makes of the number and the evidence) of every job, as they come.

    Evidence stays in the process it was found in; ``keep`` and what it returns travel, so both must
    pickle.

    Raises:
        InputError: as ``results``.

    """
    workers = min(processes or os.cpu_count() or 1, len(_groups(jobs)))
    if workers <= 1 or (processes is None and len(jobs) < WORTH_IT):
        workshop = Workshop(order.seed)
        prepare(jobs, workshop)
        yield from ((k, keep(k, execute(job, workshop))) for k, job in enumerate(jobs))
        return
    prepare(jobs, Workshop(order.seed))
    pools = [_pool(order) for _ in range(workers)]
    try:
        yield from _dealt(pools, _Hands(jobs), keep)
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def _pool(order: Order) -> Executor:
    """One process of our own that has the plan of the order."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _receive, (order,))


def _result(_: int, evidence: Evidence) -> Result:
    return evidence.result


def _dealt(
    pools: Sequence[Executor], hands: "_Hands", keep: Callable[[int, Evidence], T]
) -> Iterator[tuple[int, T]]:
    """One group of jobs at a time to every process."""
    at_work: dict[Future[list[tuple[int, T]]], int] = {}

    def deal(worker: int) -> None:
        group = hands.next(worker)
        if group:
            at_work[pools[worker].submit(_work, group, keep)] = worker

    for worker in range(len(pools)):
        deal(worker)
    while at_work:
        for done in wait(at_work, return_when=FIRST_COMPLETED).done:
            deal(at_work.pop(done))
            yield from done.result()


class _Hands:
    """Which group a process gets next: of the chapter whose kernels it has already compiled, if any is left.

    Else of the chapter with most jobs left that no other process is at, else of any.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.left: dict[str, list[list[int]]] = {}
        for group in _groups(jobs):
            self.left.setdefault(jobs[group[0]].check.chapter, []).append(group)
        self.at: dict[int, str] = {}

    def next(self, worker: int) -> list[int]:
        """Numbers of jobs; none when nothing is left."""
        if self.at.get(worker) not in self.left:
            if not self.left:
                return []
            others = {chapter for who, chapter in self.at.items() if who != worker}
            free = [chapter for chapter in self.left if chapter not in others]
            self.at[worker] = max(
                free or self.left, key=lambda chapter: sum(map(len, self.left[chapter]))
            )
        chapter = self.at[worker]
        group = self.left[chapter].pop(0)
        if not self.left[chapter]:
            del self.left[chapter]
        return group


def _groups(jobs: Sequence[Job]) -> list[list[int]]:
    """Numbers of jobs of a chapter on the same instance, the largest groups first.

    Symbolic checks stand alone.
    """
    groups: dict[Any, list[int]] = {}
    for k, job in enumerate(jobs):
        parameters = tuple(sorted((n, repr(v)) for n, v in job.case.parameters.items()))
        alone = job.check.id if job.case.instance == NO_PROBLEM else ""
        key = (job.check.chapter, job.case.instance, parameters, alone)
        groups.setdefault(key, []).append(k)
    return sorted(groups.values(), key=len, reverse=True)


_HERE: dict[str, Any] = {}
"""The jobs and the workshop of a worker process."""


def end_with_parent() -> None:
    """Let this process end when the one that started it was killed: nobody would wait for it any more."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _receive(order: Order) -> None:
    end_with_parent()
    _HERE.update(jobs=planned(order), workshop=Workshop(order.seed))


def _work(group: list[int], keep: Callable[[int, Evidence], T]) -> list[tuple[int, T]]:
    jobs, workshop = _HERE["jobs"], _HERE["workshop"]
    return [(k, keep(k, execute(jobs[k], workshop))) for k in group]
