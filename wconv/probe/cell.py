"""One cell of a sweep: its result, and what that says of premise and conclusion."""

import json
from typing import Final, Literal

from wconv import _require as require
from wconv.outcomes import SolverError
from wconv.probe.order import Point, Sweep
from wconv.probe.sources import digest
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


RUN: Final = "run"
"""What stands for a claim where the check could not be run."""


def compute(sweep: Sweep, point: Point) -> Result:
    """The result of a cell; whatever goes wrong with it is an ERROR with its message."""
    workshop = Workshop(sweep.seed)
    try:
        job = sweep.job(point)
        prepare([job], workshop)
        return execute(job, workshop).result
    except Exception as error:  # noqa: BLE001 - of other people's code
        return failed(sweep, point, f"{type(error).__name__}: {error}")


def compute_alike(sweep: Sweep, point: Point, expected: str) -> Result:
    """The result of a cell in another process, whose code must be that of the one that asked.

    Raises:
        InputError: its versions or files are others than those hashed as ``expected`` (see ``alike``).

    """
    if alike(sweep) != expected:
        remedy = "install the same packages and files there, or run the sweep again"
        require.fail("code of the worker", "be that of the sweep", "another", remedy)
    return compute(sweep, point)


def alike(sweep: Sweep) -> str:
    """A hash of all code that a sweep depends on."""
    return digest(json.dumps(sweep.code(), sort_keys=True).encode())


def failed(sweep: Sweep, point: Point, message: str) -> Result:
    """The ERROR of a cell that could not be computed."""
    job = sweep.nominal(point)
    told = Judgement(RUN, Verdict.ERROR, "", message)
    return record(job, [told], [], seed=sweep.seed, seconds=0.0)


def lasting(result: Result) -> bool:
    """Whether the cell would come out the same again: an ERROR only where a solver did not converge.

    Another one may be of memory, of a process that died, or of a file that is not there yet.
    """
    failed = [claim.message for claim in result.claims if claim.name == RUN]
    return all(message.startswith(SolverError.__name__) for message in failed)


def conclusion(result: Result) -> str:
    """What the claims alone say: VIOLATED if one is, else the worst verdict; "" where none was judged."""
    found = {claim.verdict for claim in result.claims}
    order = [Verdict.VIOLATED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.HOLDS]
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
