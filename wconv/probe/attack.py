"""``attack``: the problem on which a theorem's bound is tightest, searched for within a budget of time.

Proposals come from gradients of proxies where there are some, else from restarts and mutations; every one
that counts is certified by the real check. The best is then made simple, and moved on the lattice of its
rounded coefficients while time is left. The largest ratio is a lower bound on the least constant with which
the claim is true for all problems: 1 would say that the theorem's constant cannot be improved.
"""

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv.probe.attack_search import Candidate, Space, polishing, proposals, shrinking
from wconv.probe.attack_targets import Scored, Target, target
from wconv.probe.worst_case import WorstCase
from wconv.theory.judge import Verdict

UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}

LONGEST: Final = 1000 * 3600.0
"""Seconds: timers of the system end somewhere."""

SEARCHING: Final = 0.7
"""Share of the budget after which the search ends and shrinking begins."""

KEPT: Final = 0.99
"""What a simpler problem must keep of the ratio."""

Watch = Callable[[float, "Found | None"], None]
"""(share of the budget spent, the best so far) → nothing; called after every candidate."""


@dataclass(frozen=True, eq=False)
class Found:
    """A candidate with its certified ratio."""

    candidate: Candidate
    scored: Scored


@dataclass(frozen=True, eq=False)
class Attacked:
    """What an attack found: the worst case, how many candidates were certified, and how it ended."""

    worst: WorstCase
    candidates: int
    seconds: float
    interrupted: bool


def seconds_of(budget: str) -> float:
    """A budget such as "60s", "5m" or "1.5h" in seconds.

    Raises:
        InputError: another form, or nothing.

    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", budget.strip())
    if found is None:
        require.fail("budget", "be a number with s, m or h", repr(budget), "for example 60s or 5m")
    seconds = require.positive("budget", float(found[1]) * UNITS[found[2]], "for example 60s or 5m")
    if seconds > LONGEST:
        require.fail("budget", f"be at most {LONGEST / 3600:g}h", repr(budget), "search more often")
    return seconds


def attack(
    what: str | Target,
    space: Space | None = None,
    *,
    budget: str = "60s",
    seed: int = 0,
    limit: int | None = None,
    watch: Watch | None = None,
) -> Attacked:
    """Search for the problem with the largest ratio, simplify it, and report it with its certificate.

    A budget is kept by interrupting what runs (in the main thread; elsewhere a candidate is finished).
    Candidates depend on the seed alone, how many there are on the budget: with ``limit`` both are fixed.

    Args:
        what: the id of a check or the name of a goal, or ``target(name, claim)`` for another claim than
            the first.
        space: where to look; by default three states and three modes, |r| ≤ 1, τ = 0.5, γ = 0.8.
        budget: such as "60s".
        seed: of the candidates.
        limit: how many candidates to certify before simplifying, at most.
        watch: told of progress.

    Raises:
        InputError: an unknown name, a budget of another form, a check that says nothing about circles, no
            candidate with a ratio.

    """
    require.count("seed", seed, 0)
    aim = target(what) if isinstance(what, str) else what
    hunt = _Hunt(aim, seconds_of(budget), watch)
    interrupted = False
    try:
        with _alarm(hunt.budget):
            _search(hunt, space or Space(), np.random.default_rng(seed), limit)
    except _OutOfTime:
        pass
    except KeyboardInterrupt:
        interrupted = True
    best = hunt.best
    if best is None:
        remedy = "give more budget, or other ranges"
        require.fail(f"attack on {aim.name}", "certify a ratio", hunt.last or "nothing", remedy)
    worst = WorstCase(aim.name, aim.wanted, best.candidate, best.scored)
    return Attacked(worst, hunt.count, hunt.spent, interrupted)


class _OutOfTime(BaseException):
    """The budget is spent; no Exception, so that no check takes it for an error of its own."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """_OutOfTime after so many seconds, where signals can be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: Any) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@dataclass(eq=False)
class _Hunt:
    """The clock, the count and the best so far."""

    target: Target
    budget: float
    watch: Watch | None
    began: float = field(default_factory=time.monotonic)
    best: Found | None = None
    count: int = 0
    last: str = ""

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def certified(self, candidate: Candidate) -> Scored:
        """The score of a candidate; _OutOfTime when the budget is spent."""
        if self.spent >= self.budget:
            raise _OutOfTime
        scored = self.target.scored(candidate)
        self.count += 1
        self.last = f"{scored.verdict}: {scored.told}"
        if self.watch is not None:
            self.watch(self.spent / self.budget, self.best)
        return scored


def _search(hunt: _Hunt, space: Space, rng: np.random.Generator, limit: int | None) -> None:
    """Proposals, then simplification, then neighbours; a violation ends the proposals."""
    source = proposals(space, hunt.target.proxy, rng)
    candidate = next(source)
    while limit is None or hunt.count < limit:
        scored = hunt.certified(candidate)
        if _leads(scored, hunt.best):
            hunt.best = Found(candidate, scored)
        if scored.verdict == Verdict.VIOLATED or hunt.spent > SEARCHING * hunt.budget:
            break
        candidate = source.send(scored.floor)
    if hunt.best is None:
        return
    floor = hunt.best.scored.floor
    _follow(hunt, shrinking(hunt.best.candidate), floor - (1.0 - KEPT) * abs(floor))
    if limit is None:
        _follow(hunt, polishing(hunt.best.candidate, rng), None)


def _leads(scored: Scored, best: Found | None) -> bool:
    """A violation comes before everything else, then the ratio from below; no ratio is nothing."""

    def rank(of: Scored) -> tuple[bool, float]:
        return of.verdict == Verdict.VIOLATED, of.floor

    return rank(scored) > ((False, -np.inf) if best is None else rank(best.scored))


def _follow(hunt: _Hunt, source: Any, least: float | None) -> None:
    """Take what reaches ``least``, or without it what is better than the best; keep the verdict."""
    try:
        candidate = next(source)
        while hunt.best is not None:
            scored = hunt.certified(candidate)
            best = hunt.best.scored
            enough = scored.floor > best.floor if least is None else scored.floor >= least
            taken = enough and scored.verdict == best.verdict
            if taken:
                hunt.best = Found(candidate, scored)
            candidate = source.send(taken)
    except StopIteration:
        return
