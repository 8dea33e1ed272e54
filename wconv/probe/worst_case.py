"""The worst problem an attack has found, as a small TOML file that can be run again.

A file holds the problem, the claim, the start, and the certified ratio with its error. Numbers are written
to the last digit, so that what is read back is the same problem.
"""

import os
import tomllib
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NoReturn

import numpy as np

from wconv import _require as require
from wconv._files import atomic_write
from wconv.mdp.model import MDP
from wconv.probe.attack_search import Candidate
from wconv.probe.attack_targets import GOAL_VERDICTS, Scored, Target, target
from wconv.probe.smooth_family import Family
from wconv.theory.cases import Start
from wconv.theory.judge import Verdict

FORMAT: Final = 1
STARTS: Final[tuple[Start, ...]] = ("reference", "pushed", "tempered", "optimal")

SAID: Final = (*(verdict.value for verdict in Verdict), *GOAL_VERDICTS)
"""Verdicts on theorems and goals."""

SAME: Final = 1e-6
"""Two runs may differ by this much beside their errors, relatively: other libraries round otherwise."""


@dataclass(frozen=True, eq=False)
class WorstCase:
    """A candidate with what was certified of it: ``name`` is a check or goal, ``claim`` a part of a claim."""

    name: str
    claim: str | None
    candidate: Candidate
    scored: Scored

    @property
    def mdp(self) -> MDP:
        """The problem, for ``wc.verify(name, mdp, start=...)``."""
        return self.candidate.problem.mdp

    def target(self, checks: str | None = None) -> Target:
        """What it was the worst case of."""
        return target(self.name, self.claim, checks)

    def replayed(self, checks: str | None = None) -> Scored:
        """The ratio, certified again."""
        return self.target(checks).scored(self.candidate)

    def agrees(self, again: Scored) -> bool:
        """Whether another run has the same verdict, and within both errors the same ratio (or none too)."""
        was = self.scored
        if was.verdict != again.verdict:
            return False
        if np.isnan(was.ratio) or np.isnan(again.ratio):
            return bool(np.isnan(was.ratio) and np.isnan(again.ratio))
        room = was.error + again.error + SAME * abs(was.ratio)
        return bool(np.isfinite(room) and abs(was.ratio - again.ratio) <= room)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file at once or not at all; InputError where that is refused."""
        atomic_write(path, self.as_toml().encode())

    def as_toml(self) -> str:
        """The text of the file."""
        scored, problem = self.scored, self.candidate.problem
        claim = {} if self.claim is None else {"claim": self.claim}
        head = {"format": FORMAT, "name": self.name, **claim, "start": self.candidate.start}
        tables = [
            ("", head),
            ("found", asdict(scored)),
            ("problem", {**asdict(problem.family), "coefficients": problem.coefficients}),
        ]
        return "\n".join(
            (f"[{name}]\n" if name else "")
            + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
            for name, table in tables
        )


def _toml(value: Any) -> str:
    """A number, a text or an array of numbers; arrays of more than one axis have a row a line."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, np.ndarray):
        return _rows(value, 0)
    return repr(value)


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain) + '"'


def _rows(values: np.ndarray[Any, Any], depth: int) -> str:
    if values.ndim == 1:
        return "[" + ", ".join(repr(float(v)) for v in values) + "]"
    pad = "  " * (depth + 1)
    inner = "".join(f"{pad}{_rows(row, depth + 1)},\n" for row in values)
    return "[\n" + inner + "  " * depth + "]"


def read_worst_case(path: str | os.PathLike[str]) -> WorstCase:
    """The record in a file that an attack wrote.

    Raises:
        InputError: no such file, no TOML, another format, a missing or ill-formed entry, more states or
            nodes than a search allows.

    """
    try:
        with open(path, "rb") as stream:
            table = tomllib.load(stream)
    except OSError as error:
        _refuse(path, "be readable", error.strerror or str(error))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _refuse(path, "be TOML", str(error))
    if table.get("format") != FORMAT:
        _refuse(path, f"have format = {FORMAT}", str(table.get("format", "none")))
    try:
        return _record(table)
    except KeyError as error:
        _refuse(path, "have all entries", f"no {error.args[0]}")
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, require.InputError):
            raise
        _refuse(path, "have well-formed entries", str(error))


def load_worst_case(path: str | os.PathLike[str]) -> MDP:
    """The problem of a file that an attack wrote: ``wc.verify("wpg-exp", wc.load_worst_case(path))``.

    Raises:
        InputError: as for ``read_worst_case``.

    """
    return read_worst_case(path).mdp


def _record(table: dict[str, Any]) -> WorstCase:
    problem = table["problem"]
    coefficients = np.array(problem["coefficients"], dtype=float)
    found = table["found"]
    known = {each.name: problem[each.name] for each in fields(Family)}
    if other := sorted(problem.keys() - {*known, "coefficients"}):
        require.fail("problem", "have no other entries", ", ".join(other), "remove them")
    family = Family(**known)
    family.affordable()
    start: Any = require.choice("start", table["start"], STARTS)
    claim = table.get("claim")
    return WorstCase(
        name=_text("name", table["name"]),
        claim=None if claim is None else _text("claim", claim),
        candidate=Candidate(family.problem(coefficients), start),
        scored=_scored(found),
    )


def _scored(found: dict[str, Any]) -> Scored:
    ratio, error = float(found["ratio"]), float(found["error"])
    verdict = require.choice("verdict", found["verdict"], SAID)
    if not (np.isnan(ratio) or (np.isfinite(ratio) and np.isfinite(error) and error >= 0)):
        remedy = "a ratio without a finite error says nothing"
        require.fail("ratio", "be finite, with a finite error >= 0", f"{ratio} ± {error}", remedy)
    return Scored(ratio, error, verdict, _text("told", found["told"]))


def _text(symbol: str, value: Any) -> str:
    if not isinstance(value, str):
        require.fail(symbol, "be a text", value, "put it in quotes")
    return value


def _refuse(path: str | os.PathLike[str], requirement: str, value: str) -> NoReturn:
    require.fail(f"worst case {os.fspath(path)}", requirement, value, "write it by wconv attack")
