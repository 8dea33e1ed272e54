"""All jobs of an order in several processes: instances are dealt out whole, so nothing is shared twice.

A check's body cannot be sent to another process, but the order it came from can: every process makes
the same plan from it and executes the jobs it is given by number.
"""

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Final

from wconv.report.schema import Result
from wconv.theory.cases import NO_PROBLEM, Policies, Start, Tier
from wconv.theory.registry import discover
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.plan import plan, select
from wconv.verify.runner import execute, prepare

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
    """The jobs of an order, the same in every process."""
    return plan(
        select(discover(order.checks), order.names),
        tier=order.tier,
        on=order.on,
        parameters=order.parameters,
        policies=order.policies,
        start=order.start,
        controls=order.controls,
        fitting=not order.names,
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
    workers = min(processes or os.cpu_count() or 1, len(_groups(jobs)))
    if workers <= 1 or (processes is None and len(jobs) < WORTH_IT):
        workshop = Workshop(order.seed)
        prepare(jobs, workshop)
        yield from ((k, execute(job, workshop).result) for k, job in enumerate(jobs))
        return
    prepare(jobs, Workshop(order.seed))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _receive, (order,)) as pool:
        try:
            for done in as_completed([pool.submit(_work, group) for group in _groups(jobs)]):
                yield from done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _groups(jobs: Sequence[Job]) -> list[list[int]]:
    """Numbers of jobs on the same instance, the largest groups first; symbolic checks stand alone."""
    groups: dict[Any, list[int]] = {}
    for k, job in enumerate(jobs):
        parameters = tuple(sorted((n, repr(v)) for n, v in job.case.parameters.items()))
        alone = job.check.id if job.case.instance == NO_PROBLEM else ""
        groups.setdefault((job.case.instance, parameters, alone), []).append(k)
    return sorted(groups.values(), key=len, reverse=True)


_HERE: dict[str, Any] = {}
"""The jobs and the workshop of a worker process."""


def _receive(order: Order) -> None:
    _HERE.update(jobs=planned(order), workshop=Workshop(order.seed))


def _work(group: list[int]) -> list[tuple[int, Result]]:
    jobs, workshop = _HERE["jobs"], _HERE["workshop"]
    return [(k, execute(jobs[k], workshop).result) for k in group]
