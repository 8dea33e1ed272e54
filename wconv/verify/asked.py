"""Whose constants ``wconv constants`` was asked for: a formula on a space, or a problem's optimal policy."""

from collections.abc import Mapping, Sequence
from typing import Any

from wconv import _require as require
from wconv.constants.api import Inequalities, inequalities
from wconv.constants.formula import log_density_of
from wconv.constants.space_names import FORMS, space_of
from wconv.exact.solve import solve
from wconv.measures.spaces import Interval
from wconv.verify.plan import problem_of


def asked(
    potential: str | None, on: Sequence[str], parameters: Mapping[str, Any]
) -> tuple[str, Inequalities]:
    """What to say above the table, and the constants of e^{-V/tau} or of an optimal policy.

    Args:
        potential: V as a formula in a (in the plane in x and y); without it ``on`` is a problem.
        on: a space (see ``space_of``), or one instance or file.
        parameters: of the formula, or of the instance.

    Raises:
        InputError: no space, several problems, and whatever a formula, space or problem is refused for.

    """
    if not on:
        what = f"a space ({FORMS})" if potential else "an instance, or give --potential"
        require.fail("--on", f"name {what}", "nothing", "for example --on -3:3")
    words = ", ".join([*on, *(f"{name} = {value}" for name, value in parameters.items())])
    if potential is None:
        if len(on) > 1:
            require.fail("--on", "name one instance", " ".join(on), "ask for them one by one")
        best = solve(problem_of(on[0], parameters)).policy
        return f"optimal policy on {words}", inequalities(best)
    space = space_of(on)
    line = isinstance(space, Interval) or getattr(space, "dim", 2) == 1
    log_density = log_density_of(potential, parameters, ("a",) if line else ("x", "y"))
    return f"exp(-V/tau), V = {potential}, on {words}", inequalities(log_density, on=space)
