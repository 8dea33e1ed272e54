"""Cases and controls: data that say on which problems a check runs and what is expected of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from wconv import _require as require
from wconv.theory.judge import Verdict

NO_PROBLEM = "none"
"""The instance of checks that need no problem (symbolic ones)."""

MILD = 0.1
"""A control must bite with a factor at least this mild: an absurd constant refutes anything."""

Tier = Literal["quick", "all"]
Policies = Literal["mixed", "sparse", "smooth"]
Start = Literal["reference", "pushed", "tempered", "optimal"]


@dataclass(frozen=True)
class Case:
    """A recipe (instance name and parameters, never arrays) with the verdict it expects."""

    instance: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tier: Tier = "quick"
    expect: Verdict | None = Verdict.HOLDS
    fails: str = ""
    tight: float = 0.0
    policies: Policies = "mixed"
    start: Start = "reference"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Control:
    """A corruption that must come out VIOLATED: a wrong constant or a wrong problem.

    ``constants`` multiplies named constants of the claims ("bound" is the whole right side);
    ``dynamics`` multiplies parameters of the problem that the measured side sees, while the claim
    judges with the true one.
    """

    name: str
    on: Case
    constants: Mapping[str, float] = field(default_factory=dict)
    dynamics: Mapping[str, float] = field(default_factory=dict)


def case(
    instance: str,
    *,
    tier: Tier = "quick",
    expect: str = "HOLDS",
    fails: str = "",
    tight: float = 0.0,
    policies: Policies = "mixed",
    start: Start = "reference",
    options: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> Case:
    """A case of a check.

    Args:
        instance: name of a zoo recipe, or NO_PROBLEM for a check that needs none.
        tier: "quick" cases run always, "all" ones in the full tier.
        expect: the verdict expected.
        fails: the hypothesis expected to fail, when INAPPLICABLE is expected.
        tight: the least tightness every claim must reach.
        policies: which policies the run offers: "mixed", "sparse" (some vanish somewhere) or
            "smooth" (functions of the action, the same at every resolution).
        start: the smooth policy at which paths start: the reference μ, the optimal policy "pushed" by a
            tilt, e^{r/2τ}μ ("tempered"), or the optimal one.
        options: values for options of the check, such as the step size of the method.
        **parameters: parameters of the recipe.
    """
    verdict = Verdict(require.choice("expect", expect, [v.value for v in Verdict]))
    if (verdict is Verdict.INAPPLICABLE) != bool(fails):
        require.fail(
            "fails", "be given exactly with INAPPLICABLE", fails or "nothing", "name it, e.g. H1"
        )
    named = MappingProxyType(dict(parameters))
    chosen = MappingProxyType(dict(options or {}))
    return Case(instance, named, tier, verdict, fails, tight, policies, start, chosen)


def control(
    name: str,
    *,
    on: Case,
    constants: Mapping[str, float] | None = None,
    dynamics: Mapping[str, float] | None = None,
) -> Control:
    """A negative control pinned to a case whose teeth bite; the values are factors, 0.9 is 10 % less."""
    if bool(constants) == bool(dynamics):
        require.fail("control", "corrupt either constants or dynamics", name, "give exactly one")
    for what, factor in {**(constants or {}), **(dynamics or {})}.items():
        value = require.positive(
            f"factor of {what} in {name!r}", factor, "it multiplies the constant"
        )
        if not MILD <= value <= 1 / MILD or value == 1.0:
            requirement = f"lie between {MILD:g} and {1 / MILD:g}, and not be 1"
            require.fail(
                f"factor of {what} in {name!r}", requirement, value, "pin it to a tighter case"
            )
    return Control(name, on, MappingProxyType(constants or {}), MappingProxyType(dynamics or {}))
