"""The result record: what a run of a case or a control leaves behind, and its JSON schema (version 1).

Infinities and NaN are written as the strings "Infinity", "-Infinity" and "NaN", and read back.
"""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings", extra="forbid")


class HypothesisRecord(_Record):
    """A premise as it was measured; ``holds`` is null when undecided."""

    name: str
    holds: bool | None
    detail: str


class ClaimRecord(_Record):
    """The verdict on one claim with its numbers."""

    name: str
    verdict: str
    tag: str
    message: str
    margin: float
    margin_error: float
    tightness: float
    tightness_error: float = float("nan")
    teeth: dict[str, float]
    points: int
    resolved: int
    where: dict[str, str | int | float]
    errors: dict[str, float]
    constants: dict[str, tuple[float, float]] = {}
    """The least lower and the largest upper side of every named constant."""


class Result(_Record):
    """One case or control of one check."""

    id: str
    instance: str
    parameters: dict[str, Any]
    options: dict[str, Any] = {}
    """Of the check, as far as the case or the user gave them."""
    policies: str
    start: str = "reference"
    paths: list[str] = []
    """The paths that a check took from the start: method, number of times, the last."""
    role: Literal["case", "control"]
    name: str = ""
    expected: str | None
    as_expected: bool
    verdict: str
    tag: str
    margin: float
    margin_error: float
    tightness: float
    tightness_error: float = float("nan")
    teeth: dict[str, float]
    grade: str
    where: dict[str, str | int | float]
    errors: dict[str, float]
    points: int
    hypotheses: list[HypothesisRecord]
    claims: list[ClaimRecord]
    message: str
    seconds: float
    reproduce: str


class Report(_Record):
    """All results of a run with the environment that produced them."""

    version: int = Field(alias="schema")
    environment: dict[str, str]
    results: list[Result]


def numbered(claims: Iterable[ClaimRecord]) -> dict[str, ClaimRecord]:
    """Claims by their names; of several with one name all but the first are called "NAME (2)" and so on."""
    found: dict[str, ClaimRecord] = {}
    for claim in claims:
        name, count = claim.name, 1
        while name in found:
            count += 1
            name = f"{claim.name} ({count})"
        found[name] = claim
    return found
