"""How numbers and parameters are written, everywhere the same."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from wconv.outcomes import SolverError
from wconv.report.schema import ClaimRecord, Result
from wconv.theory.cases import NO_PROBLEM
from wconv.theory.claims import RESERVED


def number(value: float, digits: int = 3) -> str:
    """A short number: 0.0123, 1.2e-15, "-" for NaN."""
    if value != value:
        return "-"
    if value == 0:
        return "0"
    if not isfinite(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.{digits}g}"


def with_error(value: float, error: float, digits: int = 2) -> str:
    """A number with its error, "1.2e-15 ± 3e-14"; alone where none is known, or the number is infinite."""
    shown = number(value, digits)
    return f"{shown} ± {number(error, 1)}" if isfinite(value) and error == error else shown


def teeth(found: Mapping[str, float]) -> str:
    """What would be refuted: "tau x 0.999" or "1e-08 relative"; "none" when nothing is."""
    if not found:
        return "none"
    if "relative" in found:
        return f"{number(found['relative'], 1)} rel." if found["relative"] else "any change"
    name, factor = max(found.items(), key=lambda pair: pair[1])
    shown = "1-" + number(1.0 - factor, 1) if factor > 0.999 else number(factor, 3)
    return f"{name} x {shown}"


def cause(error: SolverError) -> str:
    """What a solver met, then what that means and what to do: the cause comes first."""
    return f"{error.detail}. {error.outcome.value}"


def parameters(values: Mapping[str, Any]) -> str:
    """Parameters as "temperature=0.3 sparse=True"."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def place(where: Mapping[str, Any]) -> str:
    """The worst point as "policy=rough state=3", a time as "time=1.25"."""
    points = {axis: point for axis, point in where.items() if axis not in RESERVED}
    return " ".join(f"{a}={x:g}" if isinstance(x, float) else f"{a}={x}" for a, x in points.items())


def on(instance: str) -> str:
    """Where a control is pinned, " (on garnet)"; nothing of a check that needs no problem."""
    return "" if instance == NO_PROBLEM else f" (on {instance})"


def subject(result: Result) -> str:
    """What a result is about: the instance with its parameters, or the setting of the statement."""
    text = result.instance if result.instance != NO_PROBLEM else "its setting"
    special = [] if result.policies == "mixed" else [f"{result.policies} policies"]
    if result.paths and result.start != "reference":
        special.append(f"from the {result.start} start")
    shown = f"({', '.join(special)})" if special else ""
    given = parameters({**result.parameters, **result.options})
    return " ".join(part for part in (text, given, shown) if part)


def titled(result: Result) -> str:
    """What a row is about: a control by its name, a case by its subject."""
    if result.role == "control":
        return f"control: {result.name}{on(result.instance)}"
    return subject(result)


def side(claim: ClaimRecord, name: str) -> str:
    """The measured ("lhs") or proved ("rhs") number at the worst point of a claim."""
    return number(float(claim.where.get(name, "nan")), 6)
