"""One cell of a sweep: its result, and what that says of premise and conclusion."""

from typing import Final, Literal

from wconv._require import InputError
from wconv.outcomes import SolverError
from wconv.probe.order import Point, Sweep
from wconv.report.schema import Result
from wconv.theory.judge import Judgement, Verdict
from wconv.verify.instance import Workshop
from wconv.verify.record import record
from wconv.verify.runner import execute, prepare

Status = Literal[
    "holds",
    "violated",
    "inconclusive",
    "premise fails, conclusion holds",
    "premise fails, conclusion violated",
    "premise fails, conclusion undecided",
    "premise fails, conclusion not measured",
    "error",
]
STATUSES: Final[tuple[Status, ...]] = Status.__args__  # type: ignore[attr-defined]
"""All of them, in the order of legends."""

UNDECIDED: Final = {Verdict.ERROR.value, Verdict.INCONCLUSIVE.value}


def compute(sweep: Sweep, point: Point) -> Result:
    """The result of a cell; whatever goes wrong with it is an ERROR with its message."""
    job, workshop = None, Workshop(sweep.seed)
    try:
        job = sweep.job(point)
        prepare([job], workshop)
    except (InputError, SolverError, MemoryError) as error:
        return failed(sweep, point, f"{type(error).__name__}: {error}")
    return execute(job, workshop).result


def failed(sweep: Sweep, point: Point, message: str) -> Result:
    """The ERROR of a cell that could not be computed."""
    job = sweep.nominal(point)
    told = Judgement("run", Verdict.ERROR, "", message)
    return record(job, [told], [], seed=sweep.seed, seconds=0.0)


def conclusion(result: Result) -> str:
    """What the claims alone say: the worst of their verdicts, "" where none was judged."""
    found = {claim.verdict for claim in result.claims}
    order = [Verdict.ERROR, Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.HOLDS]
    return next((v.value for v in order if v.value in found), "")


def status(result: Result) -> Status:
    """Premise and conclusion of a cell in words."""
    if result.verdict == Verdict.INAPPLICABLE.value:
        found = conclusion(result)
        if not found:
            return "premise fails, conclusion not measured"
        if found in UNDECIDED:
            return "premise fails, conclusion undecided"
        held = found == Verdict.HOLDS.value
        return "premise fails, conclusion holds" if held else "premise fails, conclusion violated"
    words: dict[str, Status] = {"HOLDS": "holds", "VIOLATED": "violated", "ERROR": "error"}
    return words.get(result.verdict, "inconclusive")
