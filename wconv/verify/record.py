"""From judgements to a result record: the leading claim, what was expected, the command to repeat it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wconv.dynamics.path import Path
from wconv.report.schema import ClaimRecord, HypothesisRecord, Result
from wconv.theory.cases import NO_PROBLEM
from wconv.theory.claims import Hypothesis
from wconv.theory.judge import CONTROL_FACTOR, Judgement, Verdict, combine, lead
from wconv.verify.job import Job

TAGS: Final = ("toothless", "conservative", "sharp", "", "exact")
"""From weak to strong."""


def record(
    job: Job,
    judgements: list[Judgement],
    hypotheses: list[Hypothesis],
    *,
    seed: int,
    seconds: float,
    paths: Sequence[Path] = (),
) -> Result:
    """The record of a job from what was judged: verdict, leading claim, expectation, command."""
    verdict, message = combine(judgements, hypotheses)
    if not judgements and verdict is Verdict.INAPPLICABLE:
        message += "; no claim was judged"
    first = lead(judgements) if judgements else Judgement("", verdict, "", "")
    loosest = min(judgements, key=lambda j: _number(j.tightness, 0.0), default=first)
    tightness = _number(loosest.tightness, 0.0) if judgements else float("nan")
    ok, why = _as_expected(job, verdict, hypotheses, judgements, tightness)
    return Result(
        id=job.check.id,
        instance=job.case.instance,
        parameters=_plain(job.case.parameters),
        options=_plain(job.case.options),
        policies=job.case.policies,
        start=job.case.start,
        paths=[_path(path) for path in paths],
        role="control" if job.control else "case",
        name=job.control.name if job.control else "",
        expected=_expected(job),
        as_expected=ok,
        verdict=verdict.value,
        tag=min((j.tag for j in judgements), key=TAGS.index) if verdict is Verdict.HOLDS else "",
        margin=first.margin,
        margin_error=first.margin_error,
        tightness=loosest.tightness,
        tightness_error=loosest.tightness_error,
        teeth=dict(min(judgements or [first], key=lambda j: _bite(j.teeth)).teeth),
        grade=job.check.grade,
        where={"claim": first.name, **first.where} if judgements else {},
        errors=dict(first.errors),
        points=sum(j.points for j in judgements),
        hypotheses=[
            HypothesisRecord(name=h.name, holds=h.holds, detail=h.detail) for h in hypotheses
        ],
        claims=[_claim_record(j) for j in judgements],
        message="; ".join(part for part in (message, why) if part),
        seconds=round(seconds, 4),
        reproduce=_reproduce(job, seed),
    )


def _path(path: Path) -> str:
    """The method, the number of times and the last."""
    return f"{path.method!r} at {len(path.times)} times to {path.times[-1]:g}"


def _number(value: float, otherwise: float) -> float:
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
        if verdict is Verdict.ERROR:
            return False, "the control ended in an error"
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
    # Without a promise there is none to break: a negative left side has a negative tightness.
    if job.case.tight and tightness < job.case.tight:
        return (
            False,
            f"tightness {tightness:.4g} is below the {job.case.tight:g} this case promises",
        )
    return True, ""


def _held(judgements: list[Judgement]) -> str:
    """Why a control did not bite, and what to do about it."""
    best = max((_number(j.tightness, 0.0) for j in judgements), default=0.0)
    return (
        f"the control was not violated: with what it corrupts the tightness is {best:.3g}, below 1; "
        "corrupt more, in the direction that hurts, or pin it to a tighter case"
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
        tightness_error=j.tightness_error,
        teeth=dict(j.teeth),
        points=j.points,
        resolved=j.resolved,
        where=dict(j.where),
        errors=dict(j.errors),
        constants=dict(j.constants),
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
    for name, value in {**job.case.parameters, **job.case.options}.items():
        words += ["--set", f"{name}={value}"]
    first = job.check.cases[0]
    if job.case.policies != first.policies:
        words += ["--policies", job.case.policies]
    if job.case.start != first.start:
        words += ["--start", job.case.start]
    if job.check.path:
        words += ["--checks", job.check.path]
    if seed:
        words += ["--seed", str(seed)]
    return shlex.join(words)
