"""What an attack makes large, certified: lhs/rhs of a claim by ``verify``, or how constants grow.

A ratio is believed from below: an attack compares ratio − error, so that what is not resolved never leads.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.api import log_sobolev
from wconv.dynamics.evolve import evolve
from wconv.dynamics.methods import WPGFlow
from wconv.exact.bellman import q_from_v
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, gibbs
from wconv.measured import Bracket, Measured, stack
from wconv.outcomes import SolverError
from wconv.probe.attack_search import Candidate
from wconv.theory.claims import Claim
from wconv.theory.judge import Verdict
from wconv.theory.registry import Check, discover
from wconv.verify.api import Verification, verify
from wconv.verify.instance import Instance
from wconv.verify.job import unsuited

GOALS: Final = ("lsi-along-iterates", "lsi-between-ends")
"""max_t C_LS(p_t)/C_LS(p_0) of the worst state along the flow; and over both ends, p_0 and p*."""

GOAL_VERDICTS: Final = ("WORSE", "NOT WORSE", "UNRESOLVED")
"""Whether constants are certified to grow; the last where they are not certified at all."""

UNTIL: Final = 8.0
SAMPLES: Final = 64
FLOW_TOL: Final = 1e-4
"""How far the flow of a goal is followed, and what its values may be off: they move C by γ/τ of that."""

UNKNOWN: Final = float("inf")


@dataclass(frozen=True)
class Scored:
    """A ratio with its error, the verdict, and where it was reached."""

    ratio: float
    error: float
    verdict: str
    told: str

    @property
    def floor(self) -> float:
        """ratio − error, −inf where there is no ratio."""
        floor = self.ratio - self.error
        return floor if np.isfinite(floor) else -np.inf


class Target(Protocol):
    """What is made large."""

    @property
    def name(self) -> str:
        """The id of a check or the name of a goal."""
        ...

    @property
    def wanted(self) -> str | None:
        """A part of the name of the claim; none for the first claim of a check, and for a goal."""
        ...

    @property
    def proxy(self) -> str | None:
        """The key of the differentiable proxy in ``PROXIES``, if there is one."""
        ...

    def scored(self, candidate: Candidate) -> Scored:
        """The certified ratio of one candidate."""
        ...


def target(name: str, claim: str | None = None, checks: str | None = None) -> Target:
    """The goal of that name, or the check with one of its claims, the first unless named.

    Raises:
        InputError: an unknown name, a goal with a claim, a check that speaks of no circle of actions, a
            symbolic or a statistical one.

    """
    if name in GOALS:
        if claim is not None:
            require.fail("claim", "be left out for a goal", claim, "it measures one thing")
        return GoalTarget(name)
    found = discover(checks)
    check = found[require.choice("check or goal", name, [*found, *GOALS])]
    if not check.needs_problem:
        require.fail("check", "speak of problems", name, "it is symbolic and covers all of them")
    if check.kind == "statistical":
        remedy = "its ratio is a random number, whose largest value says nothing"
        require.fail("check", "not be statistical", name, remedy)
    return CheckTarget(check, claim)


@dataclass(frozen=True)
class CheckTarget:
    """lhs/rhs (rhs/lhs where ≥ is claimed) of a claim, the largest over its points, proved to be ≤ 1."""

    check: Check
    wanted: str | None = None

    @property
    def name(self) -> str:
        """The id."""
        return self.check.id

    @property
    def proxy(self) -> str | None:
        """The check's own, for its first claim."""
        from wconv.probe.attack_proxies import PROXIES

        return self.name if self.name in PROXIES and self.wanted is None else None

    def scored(self, candidate: Candidate) -> Scored:
        """The largest ratio that ``verify`` certifies; a violation is looked at again on twice the nodes.

        Raises:
            InputError: a check that says nothing about problems on a circle, a claim it does not make.

        """
        found = self._verified(candidate)
        if found.verdict == Verdict.VIOLATED:
            family = candidate.problem.family
            finer = replace(family, resolution=2 * family.resolution)
            coefficients = candidate.problem.coefficients
            found = self._verified(replace(candidate, problem=finer.problem(coefficients)))
        return found

    def _verified(self, candidate: Candidate) -> Scored:
        mdp = candidate.problem.mdp
        said = unsuited(self.check, mdp)
        if said:
            require.fail("check", "speak of a circle of actions", self.name, said)
        seen = verify(self.name, mdp, start=candidate.start, checks=self.check.path or None)
        claim = self._claim(seen)
        if claim is None:
            return Scored(np.nan, UNKNOWN, seen.verdict, seen.result.message)
        if claim.sense == "=":
            require.fail("claim", "be an inequality", claim.name, "an identity has no worst case")
        scored = _largest(claim, seen.verdict)
        lead = seen.result.where.get("claim", "")
        if seen.verdict == Verdict.VIOLATED and lead != claim.name:
            # The verdict is that of the whole check, the ratio that of one claim.
            return replace(scored, told=f"{scored.told}; but violated is: {lead}")
        return scored

    def _claim(self, seen: Verification) -> Claim | None:
        """The claim that is attacked; none where the check failed or a hypothesis does."""
        claims = seen.evidence.claims
        if not claims or seen.verdict in (Verdict.ERROR, Verdict.INAPPLICABLE):
            return None
        if self.wanted is None:
            return claims[0]
        names = [claim.name for claim in claims if self.wanted in claim.name]
        if not names:
            valid = "; ".join(claim.name for claim in claims)
            require.fail("claim", f"be part of a name of {self.name}", self.wanted, valid)
        return seen.claim(names[0])


def _largest(claim: Claim, verdict: str) -> Scored:
    """The point where the ratio is largest from below."""
    small, large = claim.lhs, claim.right()
    if claim.sense == ">=":
        small, large = large, small
    positive = (large.lower > 0) & np.isfinite(large.value) & np.isfinite(small.value)
    if not positive.any():
        return Scored(np.nan, UNKNOWN, verdict, f"{claim.name}: no point is resolved")
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = small / large
        floor = np.where(positive, ratio.lower, -np.inf)
    at = np.unravel_index(int(np.argmax(floor)), floor.shape)
    place = ", ".join(f"{axis} {where}" for axis, where in claim.point(at).items())
    told = f"{claim.name}{', ' if place else ''}{place}"
    return Scored(float(ratio.value[at]), float(ratio.error[at]), verdict, told)


@dataclass(frozen=True)
class GoalTarget:
    """How much larger C_LS of the worst state becomes on the way of the flow."""

    name: str

    @property
    def wanted(self) -> None:
        """A goal measures one thing."""
        return

    @property
    def proxy(self) -> str:
        """The goal's own."""
        return self.name

    @property
    def _from_start(self) -> bool:
        return self.name == GOALS[0]

    def scored(self, candidate: Candidate) -> Scored:
        """The bracket of the ratio, with errors of V from time steps and nodes, and its ceiling."""
        try:
            found = _along(candidate, self._from_start)
        except SolverError as unresolved:
            return Scored(np.nan, UNKNOWN, "UNRESOLVED", str(unresolved))
        ratio = found.ratio.measured
        value, error = float(ratio.value), float(ratio.error)
        verdict = "WORSE" if value - error > 1 else "NOT WORSE"
        return Scored(value, error, verdict, found.told)


@dataclass(frozen=True, eq=False)
class _Along:
    """C_LS of the worst state at the start, at the worst time, and perhaps at the optimum, (2 or 3,)."""

    worst: Bracket
    places: tuple[str, ...]
    moved: float
    """osc log(p_t/p_0) at the worst time, in the worst state."""

    @property
    def ratio(self) -> Bracket:
        """The constant at the worst time over the larger of the others."""
        C, ends = self.worst, [k for k in range(len(self.places)) if k != 1]
        return Bracket(C.lower[1] / C.upper[ends].max(), C.upper[1] / C.lower[ends].max())

    @property
    def told(self) -> str:
        """The constants and Holley–Stroock's ceiling of their growth."""
        each = zip(self.worst.lower, self.worst.upper, self.places, strict=True)
        parts = [f"C_LS in [{low:.6g}, {high:.6g}] at {place}" for low, high, place in each]
        return f"{'; '.join(parts)}; Holley-Stroock allows exp({self.moved:.4g}) from the start"


def _along(candidate: Candidate, from_start: bool) -> _Along:
    """Constants along the flow; V differs from that on half the nodes by its error."""
    instance = Instance(candidate.problem.mdp, 0)
    mdp, (V, times) = instance.mdp, _values(instance, candidate)
    half, _ = _values(Instance(instance.coarser, 0), candidate)
    V = V.with_error("refinement", V.value - half.value)
    # The last row is the optimum: the end of the path, or one of two ends.
    k = _worst_time(mdp, V.value if from_start else V.value[:-1])
    rows = [0, k] if from_start else [0, k, len(times)]
    places = [f"time {times[i]:g}" if i < len(times) else "the optimum" for i in rows]
    logs = [gibbs(mdp, q_from_v(mdp, V.value[i])).logf for i in rows]
    C = log_sobolev(Policy(np.concatenate(logs), mdp.grid))
    shape, reach = (len(rows), mdp.n_states), mdp.contraction / mdp.tau
    blur = np.exp(2 * reach * V.error[rows].max(axis=-1))
    low, high = C.lower.reshape(shape).max(axis=-1), C.upper.reshape(shape).max(axis=-1)
    shift = mdp.next_value(V.value[k] - V.value[0])
    moved = float(mdp.gamma / mdp.tau * np.ptp(shift, axis=-1).max())
    return _Along(Bracket(low / blur, high * blur), tuple(places), moved)


def _values(instance: Instance, candidate: Candidate) -> tuple[Measured, Array]:
    """V at the times of the flow and, last, V*, (K + 1, S), and the times (K,)."""
    start = instance.smooth_policies[candidate.start]
    flow = WPGFlow(tol=FLOW_TOL)
    path = evolve(flow, instance.mdp, start, until=UNTIL, samples=SAMPLES)
    best = instance.solution
    rows = [path.measured[k] for k in range(len(path.times))]
    return stack([*rows, Measured.of(best.V, solution=best.error)]), path.times


def _worst_time(mdp: MDP, values: Array) -> int:
    """The row of values after the first at which C_P of the worst state is largest."""
    import jax

    from wconv.constants.differentiable import spectral_gap

    logs = np.stack([gibbs(mdp, q_from_v(mdp, row)).logf for row in values[1:]])
    with jax.enable_x64(True):
        one = partial(spectral_gap, spacing=mdp.grid.spacing[0], periodic=True)
        gaps = np.asarray(jax.jit(jax.vmap(jax.vmap(one)))(logs))
    return 1 + int(gaps.min(axis=-1).argmin())
