"""The runner: from a check and a case or control to a result record.

For ``kind="continuum"`` the check is repeated on half the nodes and the change is added to the
error of both sides. Whatever a body raises becomes an ERROR with its message: an unconverged solver
never passes.
"""

import shlex
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wconv import _require as require
from wconv.mdp.model import MDP
from wconv.outcomes import SolverError
from wconv.report.schema import ClaimRecord, HypothesisRecord, Result
from wconv.theory.cases import NO_PROBLEM, Case, Control
from wconv.theory.claims import BOUND, Claim, Hypothesis, Identity, refine
from wconv.theory.judge import (
    CONTROL_FACTOR,
    Judgement,
    Verdict,
    combine,
    judge,
    judge_identity,
)
from wconv.theory.registry import Check, Item
from wconv.verify.instance import Instance, Workshop
from wconv.verify.run import Run

_TAGS = ("toothless", "conservative", "sharp", "", "exact")


@dataclass(frozen=True, eq=False)
class Job:
    """One thing to run: a check on a case, on a user's problem, or one of its controls."""

    check: Check
    case: Case
    control: Control | None = None
    problem: MDP | None = None
    from_file: bool = False
    fitting: bool = False
    """Whether the user asked for everything that fits, rather than for this check."""


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


def execute(job: Job, workshop: Workshop) -> Evidence:
    """Run one job and judge its claims; never raises for what the check's body does."""
    began = time.perf_counter()
    try:
        items = _shared_items(job, workshop)
        _require_hypotheses(job.check, items)
        judgements = _judged(job, items)
        hypotheses = [item for item in items if isinstance(item, Hypothesis)]
        result = _record(job, judgements, hypotheses, workshop.seed, time.perf_counter() - began)
        return Evidence(result, tuple(item for item in items if isinstance(item, Claim)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a failing check is an ERROR, not a crash
        broken = Judgement("run", Verdict.ERROR, "", _told(error))
        seconds = time.perf_counter() - began
        return Evidence(_record(job, [broken], [], workshop.seed, seconds), ())


def _told(error: BaseException) -> str:
    """What an exception says, with the file and line it came from (not for refused input)."""
    if isinstance(error, require.InputError | SolverError):
        return f"{type(error).__name__}: {error}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"


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


def _shared_items(job: Job, workshop: Workshop) -> list[Item]:
    """The items of a job; a control of constants judges those of its case once more."""
    if job.control and job.control.dynamics:
        return _items(job, workshop)
    return workshop.once((job.check, job.case, job.problem), lambda: _items(job, workshop))


def _items(job: Job, workshop: Workshop) -> list[Item]:
    """The hypotheses and claims of a job, refined for a continuum statement."""
    if job.case.instance == NO_PROBLEM:
        return list(job.check.body(None))
    if job.problem is not None:
        true = workshop.problem(job.problem)
    else:
        true = workshop.recipe(job.case.instance, job.case.parameters)
    fine = _yielded(job, true, workshop)
    if job.check.kind != "continuum":
        return fine
    coarse = _yielded(job, workshop.problem(true.coarser), workshop)
    if [type(i) for i in fine] != [type(i) for i in coarse]:
        require.fail(
            "a continuum check", "yield the same items at every resolution", "others", "mend it"
        )
    return [
        refine(a, b) if isinstance(a, Claim) and isinstance(b, Claim) else a
        for a, b in zip(fine, coarse, strict=True)
    ]


def _yielded(job: Job, true: Instance, workshop: Workshop) -> list[Item]:
    factors: Mapping[str, float] = job.control.dynamics if job.control else {}
    measured = workshop.corrupted(true, factors) if factors else true
    run = Run(true, measured, job.case.policies, job.case.start)

    return [_labelled(item, run) for item in job.check.body(run)]


def _labelled(item: Item, run: Run) -> Item:
    """A claim with the names of its points, after its known axes were measured."""
    if not isinstance(item, Claim):
        return item
    labels = {axis: names for axis in item.over if (names := run.names(axis)) is not None}
    lengths = {axis: len(names) for axis, names in labels.items()} | {"state": run.mdp.n_states}
    for axis, length in zip(item.over, item.lhs.value.shape, strict=True):
        if lengths.get(axis, length) != length:
            require.fail(
                f"axis {axis!r} of {item.name!r}", f"have {lengths[axis]} points", length, "reorder"
            )
    return replace(item, labels=labels)


def _require_hypotheses(check: Check, items: list[Item]) -> None:
    given = {item.name for item in items if isinstance(item, Hypothesis)}
    stated = set(check.statement.hypotheses)
    if given != stated:
        require.fail(
            f"hypotheses yielded by {check.id}",
            f"be the stated {sorted(stated)}",
            sorted(given),
            "yield finite(...) or condition(...) for each",
        )


def _record(
    job: Job,
    judgements: list[Judgement],
    hypotheses: list[Hypothesis],
    seed: int,
    seconds: float,
) -> Result:
    verdict, message = combine(judgements, hypotheses)
    order = [Verdict.ERROR, Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.HOLDS]
    judgements = judgements or [
        Judgement("no claim", Verdict.ERROR, "", "the check yielded no claim")
    ]
    lead = min(judgements, key=lambda j: (order.index(j.verdict), -j.miss, _number(j.margin)))
    tightness = min((_number(j.tightness, 0.0) for j in judgements), default=0.0)
    ok, why = _as_expected(job, verdict, hypotheses, judgements, tightness)
    return Result(
        id=job.check.id,
        instance=job.case.instance,
        parameters=_plain(job.case.parameters),
        policies=job.case.policies,
        start=job.case.start,
        role="control" if job.control else "case",
        name=job.control.name if job.control else "",
        expected=_expected(job),
        as_expected=ok,
        verdict=verdict.value,
        tag=min((j.tag for j in judgements), key=_TAGS.index) if verdict is Verdict.HOLDS else "",
        margin=lead.margin,
        margin_error=lead.margin_error,
        tightness=tightness,
        teeth=dict(min(judgements, key=lambda j: _bite(j.teeth)).teeth),
        grade=job.check.grade,
        where={"claim": lead.name, **lead.where},
        errors=dict(lead.errors),
        points=sum(j.points for j in judgements),
        hypotheses=[
            HypothesisRecord(name=h.name, holds=h.holds, detail=h.detail) for h in hypotheses
        ],
        claims=[_claim_record(j) for j in judgements],
        message="; ".join(part for part in (message, why) if part),
        seconds=round(seconds, 4),
        reproduce=_reproduce(job, seed),
    )


def _number(value: float, otherwise: float = float("inf")) -> float:
    return value if value == value else otherwise


def _bite(teeth: Mapping[str, float]) -> float:
    """How strong a claim's teeth are: near one for a sharp bite, below zero for none."""
    if "relative" in teeth:
        return 1.0 - teeth["relative"]
    return max(teeth.values(), default=-1.0)


def _expected(job: Job) -> str | None:
    if job.control:
        return Verdict.VIOLATED.value
    return job.case.expect.value if job.case.expect else None


def _as_expected(
    job: Job,
    verdict: Verdict,
    hypotheses: list[Hypothesis],
    judgements: list[Judgement],
    tightness: float,
) -> tuple[bool, str]:
    if job.control:
        if verdict is not Verdict.VIOLATED:
            return False, _held(judgements)
        far = max(j.miss for j in judgements) >= CONTROL_FACTOR
        return far, "" if far else f"the control misses by less than {CONTROL_FACTOR:g} resolutions"
    expected = _expected(job)
    if expected is None:
        return verdict is Verdict.HOLDS or (job.fitting and verdict is Verdict.INAPPLICABLE), ""
    if verdict.value != expected:
        return False, f"expected {expected}"
    failed = [h.name for h in hypotheses if h.holds is False]
    if job.case.fails and failed != [job.case.fails]:
        return False, f"expected exactly {job.case.fails} to fail, got {failed}"
    if tightness < job.case.tight:
        return (
            False,
            f"tightness {tightness:.4g} is below the {job.case.tight:g} this case promises",
        )
    return True, ""


def _held(judgements: list[Judgement]) -> str:
    """Why a control did not bite, and what to do about it."""
    best = max((_number(j.tightness, 0.0) for j in judgements), default=0.0)
    return (
        f"the control was not violated: the case has tightness {best:.3g}, "
        "so corrupt the constant by more than that, or pin it to a tighter case"
    )


def _claim_record(j: Judgement) -> ClaimRecord:
    return ClaimRecord(
        name=j.name,
        verdict=j.verdict.value,
        tag=j.tag,
        message=j.message,
        margin=j.margin,
        margin_error=j.margin_error,
        tightness=j.tightness,
        teeth=dict(j.teeth),
        points=j.points,
        resolved=j.resolved,
        where=dict(j.where),
        errors=dict(j.errors),
    )


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: v if isinstance(v, bool | int | float | str) else repr(v) for k, v in parameters.items()
    }


def _reproduce(job: Job, seed: int) -> str:
    """The command that runs this case again; empty for a problem that only lives in memory."""
    if job.problem is not None and not job.from_file:
        return ""
    words = ["wconv", "check", job.check.id]
    if job.case.instance != NO_PROBLEM:
        words += ["--on", job.case.instance]
    for name, value in job.case.parameters.items():
        words += ["--set", f"{name}={value}"]
    if job.case.policies != "mixed":
        words += ["--policies", job.case.policies]
    if job.case.start != "reference":
        words += ["--start", job.case.start]
    if job.check.path:
        words += ["--checks", job.check.path]
    if seed:
        words += ["--seed", str(seed)]
    return shlex.join(words)
