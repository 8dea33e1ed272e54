"""``evolve``: the one driver of all methods."""

from collections.abc import Callable
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue
from wconv.dynamics.methods import Method, Scheme, WPGFlow, resolvents
from wconv.dynamics.path import Path, Trace
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.measures.densities import extended_density, same_grid
from wconv.measures.spaces import RealLine
from wconv.outcomes import Outcome, SolverError

SAMPLES: Final = 32
"""Times of a flow after the start, unless asked for others."""

MASS_DEFECT: Final = 1e-9
"""Largest |Σπ − 1| that counts as rounding."""

ESCAPED: Final = 1e-9
"""Largest mass of a policy in an outermost cell of the Gaussian line."""


def evolve(
    method: Method,
    mdp: MDP,
    start: Policy,
    *,
    until: float | None = None,
    steps: int | None = None,
    samples: int | None = None,
) -> Path:
    """Run a method from a policy.

    Args:
        method: ``WPGFlow()``, ``FrozenWPG(step)``, ``WPGD(step)``, ``WPPG(step)``, ``InexactWPPG(step)``,
            ``SplitWPPG(step)``, ``SoftPolicyIteration()`` or ``MirrorDescent(step)``.
        mdp: the problem.
        start: π_0 on the problem's nodes.
        until: the last time; of a method with steps a multiple of its step.
        steps: how many steps, instead of ``until``; not for the flow.
        samples: how many policies to keep after the start, equally spaced: 32 of a flow, every one of
            a method with steps, unless said otherwise; must divide the number of steps.

    Returns:
        The path, with the start as its first policy.

    Raises:
        InputError: another grid, a start without mass one, times that do not fit.
        SolverError: masses that underflow or leave the nodes, a flow that misses its tolerance.

    """
    _require_records(method, mdp, start)
    same_grid(start, Policy(np.zeros_like(mdp.r), mdp.grid))
    require.shape("start", start.logf, mdp.r.shape, "(states, actions)")
    extended_density(start)
    if isinstance(method, WPGFlow):
        return _flow(method, mdp, start, until, steps, samples)
    return _scheme(method, mdp, start, until, steps, samples)


def _require_records(method: object, mdp: object, start: object) -> None:
    if isinstance(method, type) or not isinstance(method, WPGFlow | Scheme):
        require.fail("method", "be a method with its parameters", method, "e.g. wc.FrozenWPG(0.1)")
    if not isinstance(mdp, MDP):
        require.fail(
            "mdp", "be an MDP", type(mdp).__name__, "tabulate functions: wc.tabulate(it, n)"
        )
    if not isinstance(start, Policy):
        require.fail("start", "be a Policy", type(start).__name__, "e.g. wc.uniform(mdp)")
    if np.isnan(start.logf).any():
        require.fail("start", "be log-densities", "NaN", "mend the policy")


def _scheme(
    method: Scheme,
    mdp: MDP,
    start: Policy,
    until: float | None,
    steps: int | None,
    samples: int | None,
) -> Path:
    total = _steps(method.step, until, steps)
    kept = total if samples is None else require.count("samples", samples, 1)
    if total % kept:
        require.fail("samples", f"divide the {total} steps", kept, "e.g. a half or a tenth of them")
    forward, every = method.prepare(mdp), total // kept
    trace, defect = _trace(mdp, start, kept, lambda masses: forward(masses, every))
    return Path(mdp, method, method.step * every * np.arange(kept + 1), (trace,), defect)


def _steps(step: float, until: float | None, steps: int | None) -> int:
    if (until is None) == (steps is None):
        require.fail("until or steps", "be given, one of the two", (until, steps), "e.g. steps=100")
    if until is None:
        return require.count("steps", steps, 1)
    ratio = require.positive("until", until, "give the last time") / step
    if abs(ratio - round(ratio)) > 1e-9 * ratio or ratio < 0.5:
        near = max(round(ratio), 1) * step
        require.fail(
            "until", f"be a multiple of the step {step:g}", until, f"e.g. {near:g}, or steps"
        )
    return round(ratio)


def _flow(
    method: WPGFlow,
    mdp: MDP,
    start: Policy,
    until: float | None,
    steps: int | None,
    samples: int | None,
) -> Path:
    if steps is not None or until is None:
        got = f"until={until}, steps={steps}"
        require.fail("until", "be given for a flow, and steps left out", got, "e.g. until=3.0")
    end = require.positive("until", until, "give the last time")
    kept = SAMPLES if samples is None else require.count("samples", samples, 1)
    forward, interval = resolvents(mdp, 1), end / kept
    traces: tuple[Trace, ...] = ()
    worst = 0.0
    for level in range(method.refinements + 1):
        h, count = interval / 2**level, 2**level
        trace, defect = _trace(mdp, start, kept, _fixed(forward, h, count))
        traces, worst = (*traces, trace), max(worst, defect)
        path = Path(mdp, method, interval * np.arange(kept + 1), traces, worst)
        if level >= 2 and _settled(path, method.tol):
            return path
    reached = float(path.measured.errors["time step"].max())
    raise SolverError(
        Outcome.MAX_STEPS,
        f"V along the flow is known to {reached:.1e}: loosen tol, allow more refinements or samples",
    )


def _fixed(
    forward: Callable[[ActionValue, float, int], ActionValue], step: float, count: int
) -> Callable[[ActionValue], ActionValue]:
    return lambda masses: forward(masses, step, count)


def _settled(path: Path, tol: float) -> bool:
    """Whether the time error of V is below tol times its largest rise, or below its other errors."""
    V = path.measured
    rise = float(np.abs(V.value - V.value[0]).max())
    step = V.errors["time step"]
    other = float((V.error - step).max())
    return float(step.max()) <= max(tol * rise, other)


def _trace(
    mdp: MDP, start: Policy, kept: int, forward: Callable[[ActionValue], ActionValue]
) -> tuple[Trace, float]:
    """The start and ``kept`` policies after it, and the largest defect of a mass."""
    masses, logs, worst = start.pi, [start.logf], 0.0
    for k in range(kept):
        masses = forward(masses)
        total = masses.sum(axis=-1, keepdims=True)
        defect = float(np.abs(total - 1.0).max())
        _require_resolved(mdp, masses, defect, k + 1)
        worst, masses = max(worst, defect), masses / total
        with np.errstate(divide="ignore"):
            logs.append(np.where(masses > 0, np.log(masses) - mdp.grid.log_weights, -np.inf))
    return Trace(mdp, np.stack(logs)), worst


def _require_resolved(mdp: MDP, masses: ActionValue, defect: float, k: int) -> None:
    if not defect <= MASS_DEFECT:  # NaN is not rounding either
        raise SolverError(Outcome.NOT_FINITE, f"the mass is off by {defect:.1e} at sample {k}")
    empty = (masses <= 0) & (mdp.grid.weights > 0)
    if empty.any():
        raise SolverError(
            Outcome.UNRESOLVED, f"masses underflow at sample {k}: raise the temperature"
        )
    if isinstance(mdp.grid.space, RealLine):
        end = float(masses[:, [0, -1]].max())
        if end > ESCAPED:
            raise SolverError(
                Outcome.UNRESOLVED,
                f"a mass {end:.1e} sits at the reach of the line at sample {k}: "
                "confine the reward or widen the reach",
            )
