"""The runner: from a check and a case or control to a result record.

For ``kind="continuum"`` the check is repeated on half the nodes and the change is added to the
error of both sides. Whatever a body raises becomes an ERROR with its message: an unconverged solver
never passes.
"""

import re
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final

from wconv import _require as require
from wconv.dynamics.path import Path
from wconv.mdp.model import MDP
from wconv.outcomes import SolverError
from wconv.report import format as fmt
from wconv.report.schema import Result
from wconv.theory.cases import NO_PROBLEM
from wconv.theory.claims import BOUND, Claim, Hypothesis, Identity, refine
from wconv.theory.judge import Judgement, Verdict, judge, judge_identity
from wconv.theory.registry import Check, Item
from wconv.verify.instance import Instance, Workshop
from wconv.verify.job import Job, unsuited
from wconv.verify.record import record
from wconv.verify.run import Run

NEEDED: Final = re.compile(
    r"(?<=n >= )\d+|(?<=about )\d+(?= are needed)|(?<=at least )\d+(?= nodes)"
)
"""Numbers of nodes in the remedies of solvers and of refused input."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """A result record with the claims it judged (kept for representations and plots)."""

    result: Result
    claims: tuple[Claim, ...]


def prepare(jobs: Sequence[Job], workshop: Workshop) -> None:
    """Build the instances a user asked for, so that a bad parameter is refused and not a result.

    Raises:
        InputError: of the recipe.
    """
    for job in jobs:
        if job.case.expect is None and job.problem is None:
            workshop.recipe(job.case.instance, job.case.parameters)


@dataclass(frozen=True, eq=False)
class _Yield:
    """What the body of a check yielded, and the paths it took (of the finest resolution)."""

    items: list[Item]
    paths: tuple[Path, ...] = ()


def execute(job: Job, workshop: Workshop) -> Evidence:
    """Run one job and judge its claims; never raises for what the check's body does."""
    began = time.perf_counter()
    try:
        known = _shared(job, workshop)
        judgements = _judged(job, known.items)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a failing check is an ERROR, not a crash
        known, judgements = _failed(job, workshop, error)
    hypotheses = [item for item in known.items if isinstance(item, Hypothesis)]
    seconds = time.perf_counter() - began
    found = record(
        job, judgements, hypotheses, paths=known.paths, seed=workshop.seed, seconds=seconds
    )
    return Evidence(found, tuple(item for item in known.items if isinstance(item, Claim)))


def _failed(job: Job, workshop: Workshop, error: BaseException) -> tuple[_Yield, list[Judgement]]:
    """An ERROR; but a failed hypothesis where input is refused that the check does not speak of.

    Only of a user's problem: the cases of a check are its own.
    """
    if isinstance(error, require.InputError) and job.case.expect is None and not job.control:
        why = unsuited(job.check, _instance(job, workshop).mdp)
        if why:
            return _Yield([Hypothesis("the setting", False, why)]), []
    return _Yield([]), [Judgement("run", Verdict.ERROR, "", _told(error))]


def _told(error: BaseException) -> str:
    """What an exception says, with the file and line it came from (not for refused input)."""
    name = type(error).__name__
    if isinstance(error, SolverError):
        return f"{name}: {fmt.cause(error)}"
    if isinstance(error, require.InputError):
        return f"{name}: {error}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name}: {error} ({PurePath(place.filename).name}:{place.lineno})"


def _judged(job: Job, items: list[Item]) -> list[Judgement]:
    """The judgements on the claims; a control of constants concerns only claims that carry them."""
    factors = job.control.constants if job.control else {}
    known = {name for item in items if not isinstance(item, Hypothesis) for name in item.constants}
    for name in factors:
        require.choice(
            f"constant of control {job.control and job.control.name!r}", name, {*known, BOUND}
        )
    return [
        judge_identity(item, factors) if isinstance(item, Identity) else judge(item, factors)
        for item in items
        if not isinstance(item, Hypothesis) and _touches(item, factors)
    ]


def _touches(claim: Claim | Identity, factors: Mapping[str, float]) -> bool:
    """Whether a corruption of constants concerns a claim (all claims, when there is none)."""
    return not factors or BOUND in factors or any(name in claim.constants for name in factors)


def _shared(job: Job, workshop: Workshop) -> _Yield:
    """What a job yields; a control of constants judges the items of its case once more."""
    if job.control and job.control.dynamics:
        return _yielded(job, workshop)
    return workshop.once((job.check, job.case, job.problem), lambda: _yielded(job, workshop))


def _instance(job: Job, workshop: Workshop) -> Instance:
    """The true problem of a job."""
    if job.problem is not None:
        return workshop.problem(job.problem)
    return workshop.recipe(job.case.instance, job.case.parameters)


def _yielded(job: Job, workshop: Workshop) -> _Yield:
    """The hypotheses and claims of a job, refined for a continuum statement."""
    if job.case.instance == NO_PROBLEM:
        return _Yield(_stated(job.check, list(job.check.body(None))))
    true = _instance(job, workshop)
    if job.check.kind != "continuum":
        return _at(job, true, workshop)
    coarser = workshop.problem(true.coarser)  # refuses a table before any work is done
    fine = _at(job, true, workshop)
    try:
        coarse = _at(job, coarser, workshop).items
    except SolverError as error:
        raise SolverError(error.outcome, _on_half(true.mdp, error.detail)) from error
    except require.InputError as error:
        raise require.InputError(_on_half(true.mdp, str(error))) from error
    if [type(i) for i in fine.items] != [type(i) for i in coarse]:
        require.fail(
            "a continuum check", "yield the same items at every resolution", "others", "mend it"
        )
    refined = [
        refine(a, b) if isinstance(a, Claim) and isinstance(b, Claim) else a
        for a, b in zip(fine.items, coarse, strict=True)
    ]
    return replace(fine, items=refined)


def _on_half(mdp: MDP, told: str) -> str:
    """What went wrong on half the nodes, with the nodes that it asks for counted as the user does."""
    given = mdp.grid.shape[0]
    twice = NEEDED.sub(lambda found: str(2 * int(found[0])), told)
    return f"on half the nodes ({given // 2} of {given} an axis): {twice}"


def _at(job: Job, true: Instance, workshop: Workshop) -> _Yield:
    """What the body yields at one resolution."""
    factors: Mapping[str, float] = job.control.dynamics if job.control else {}
    measured = workshop.corrupted(true, factors) if factors else true
    options = {**job.check.options, **job.case.options}
    run = Run(true, measured, job.case.policies, job.case.start, options)
    items = [_labelled(item, run) for item in job.check.body(run)]
    return _Yield(_stated(job.check, items), tuple(run.paths))


def _labelled(item: Item, run: Run) -> Item:
    """A claim with the names of its points, after its known axes were measured."""
    if not isinstance(item, Claim):
        return item
    labels = {
        axis: names
        for axis, count in zip(item.over, item.lhs.value.shape, strict=True)
        if (names := run.names(axis, count)) is not None
    }
    lengths = {axis: len(names) for axis, names in labels.items()} | {"state": run.mdp.n_states}
    for axis, length in zip(item.over, item.lhs.value.shape, strict=True):
        if lengths.get(axis, length) != length:
            require.fail(
                f"axis {axis!r} of {item.name!r}", f"have {lengths[axis]} points", length, "reorder"
            )
    return replace(item, labels=labels)


def _stated(check: Check, items: list[Item]) -> list[Item]:
    """The items, whose hypotheses must be those of the statement."""
    given = {item.name for item in items if isinstance(item, Hypothesis)}
    stated = set(check.statement.hypotheses)
    if given != stated:
        require.fail(
            f"hypotheses yielded by {check.id}",
            f"be the stated {sorted(stated)}",
            sorted(given),
            "yield finite(...) or condition(...) for each",
        )
    return items
