"""Where an attack looks next: proposals as generators that are told how each of them did.

``proposals`` yields candidates for ever and is sent their heights; ``shrinking`` and ``polishing`` yield
simpler and neighbouring ones of a given candidate and are sent whether they were taken.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.probe.smooth_family import LARGEST, CircleProblem, Family, inside
from wconv.theory.cases import Start

BATCH: Final = 6
"""Random problems that climb at once."""

LEGS: Final = 8
"""Legs of an ascent after which another one starts."""

DRAWS: Final = 6
"""Random problems a round of a search without gradients."""

LOCAL, AFTER_ASCENT = 18, 4
"""Mutations of the best that end a round: without and with gradients."""

MUTATION: Final = 0.3
"""Standard deviation of the first mutation; longer after successes, shorter after failures."""

LONGER, SHORTER = 1.5, 0.9

DIGITS: Final = (0, 1, 2, 3)
"""Decimals of coefficients that shrinking tries, in this order."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A problem and where paths start in it."""

    problem: CircleProblem
    start: Start = "reference"

    def at(self, coefficients: Array) -> "Candidate":
        """The same with other coefficients (zeros lose their sign)."""
        return replace(self, problem=self.problem.family.problem(coefficients + 0.0))


@dataclass(frozen=True)
class Space:
    """Where to look: a family, ranges of τ and γ instead of its own, and the starts."""

    family: Family = field(default_factory=Family)
    temperatures: tuple[float, float] | None = None
    discounts: tuple[float, float] | None = None
    starts: tuple[Start, ...] = ("reference",)

    def __post_init__(self) -> None:
        """InputError as for ``Family.affordable``."""
        self.family.affordable()

    def drawn(self, rng: np.random.Generator) -> tuple[Family, Start]:
        """A family of the ranges (τ log-uniform, γ uniform) and a start."""
        tau, gamma = self.family.temperature, self.family.discount
        if self.temperatures is not None:
            tau = float(np.exp(rng.uniform(*np.log(self.temperatures))))
        if self.discounts is not None:
            gamma = float(rng.uniform(*self.discounts))
        start = self.starts[int(rng.integers(len(self.starts)))]
        return replace(self.family, temperature=tau, discount=gamma), start


def space_of(temperature: str, discount: str, starts: tuple[Start, ...], **family: Any) -> Space:
    """The space of numbers or ranges LOW:HIGH, and the words of a ``Family``.

    Raises:
        InputError: a text of another form, a range that is not one, no start, and as for ``Family``.

    """
    taus, gammas = _range("temperature", temperature), _range("discount", discount)
    if not starts:
        require.fail("start", "name at least one policy", "nothing", "for example reference")
    middle = Family(temperature=taus[0], discount=gammas[0], **family)
    Family(temperature=taus[1], discount=gammas[1], **family)  # the other end is valid too
    ranges = [None if low == high else (low, high) for low, high in (taus, gammas)]
    return Space(middle, ranges[0], ranges[1], starts)


def _range(symbol: str, text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        ends = float(low), float(high or low)
    except ValueError:
        require.fail(symbol, "be a number or LOW:HIGH", repr(text), "for example 0.2:1")
    if not ends[0] <= ends[1]:
        require.fail(symbol, "have LOW <= HIGH", repr(text), "swap the ends")
    return ends


def proposals(
    space: Space, proxy: str | None, rng: np.random.Generator
) -> Generator[Candidate, float, None]:
    """Candidates for ever, round after round; send the height of each, −inf where it has none.

    A round draws problems (or climbs from them by the gradients of a proxy) and then mutates the best of
    all rounds: a (1+1) evolution strategy on a random third of the coefficients.
    """
    best = Candidate(space.family.problem(np.zeros(space.family.shape)), space.starts[0])
    top, size = -np.inf, MUTATION
    local = LOCAL if proxy is None else AFTER_ASCENT
    while True:
        fresh = _drawn(space, rng) if proxy is None else _climbed(space, proxy, rng)
        for candidate in fresh:
            height = yield candidate
            if height > top:
                best, top, size = candidate, height, MUTATION
        for _ in range(local):
            child = best.at(_mutated(best.problem.coefficients, size, rng))
            height = yield child
            size *= LONGER if height > top else SHORTER
            if height > top:
                best, top = child, height


def _drawn(space: Space, rng: np.random.Generator) -> Generator[Candidate, None, None]:
    for _ in range(DRAWS):
        family, start = space.drawn(rng)
        yield Candidate(family.problem(family.drawn(rng)), start)


def _climbed(
    space: Space, proxy: str, rng: np.random.Generator
) -> Generator[Candidate, None, None]:
    """The highest of a batch by its proxy, after the first leg of its ascent and after the last."""
    from wconv.probe.attack_proxies import PROXIES, ascended

    family, start = space.drawn(rng)
    x = np.stack([family.drawn(rng) for _ in range(BATCH)])
    for leg in range(LEGS):
        x, heights = ascended(PROXIES[proxy], start, family, x)
        if leg in (0, LEGS - 1):
            yield Candidate(family.problem(x[int(heights.argmax())]), start)


def _mutated(coefficients: Array, size: float, rng: np.random.Generator) -> Array:
    move = size * rng.standard_normal(coefficients.shape)
    return inside(coefficients + np.where(rng.random(coefficients.shape) < 1 / 3, move, 0.0))


def shrinking(candidate: Candidate) -> Generator[Candidate, bool, Candidate]:
    """Simpler candidates: fewer modes, fewer states, fewer digits, fewer coefficients.

    Send whether each keeps enough of what the first had; returns the simplest that did.
    """
    for reduce in (_fewer_modes, _fewer_states, _rounded, _fewer_coefficients):
        candidate = yield from reduce(candidate)
    return candidate


def _fewer_modes(candidate: Candidate) -> Generator[Candidate, bool, Candidate]:
    while (family := candidate.problem.family).modes > 1:
        less = candidate.problem.coefficients[..., :-2]
        trial = replace(candidate, problem=replace(family, modes=family.modes - 1).problem(less))
        if not (yield trial):
            break
        candidate = trial
    return candidate


def _fewer_states(candidate: Candidate) -> Generator[Candidate, bool, Candidate]:
    state = 0
    while (family := candidate.problem.family).states > 1 and state < family.states:
        left = np.delete(np.arange(family.states), state)
        rows = np.concatenate([[0], 1 + left])
        less = candidate.problem.coefficients[left][:, rows]
        smaller = replace(family, states=family.states - 1)
        trial = replace(candidate, problem=smaller.problem(less))
        if (yield trial):
            candidate = trial
        else:
            state += 1
    return candidate


def _rounded(candidate: Candidate) -> Generator[Candidate, bool, Candidate]:
    for digits in DIGITS:
        trial = candidate.at(np.round(candidate.problem.coefficients, digits))
        if (yield trial):
            return trial
    return candidate


def _fewer_coefficients(candidate: Candidate) -> Generator[Candidate, bool, Candidate]:
    """Zeros in place of the smallest half, quarter, ... as long as they are taken."""
    some = int(np.count_nonzero(candidate.problem.coefficients)) // 2
    passed = 0
    while some:
        x = candidate.problem.coefficients
        order = np.argsort(np.abs(x), axis=None, kind="stable")
        order = order[x.size - np.count_nonzero(x) :][passed : passed + some]
        if not order.size:
            some, passed = some // 2, 0
            continue
        less = x.copy()
        less.flat[order] = 0.0
        trial = candidate.at(less)
        if (yield trial):
            candidate = trial
        else:
            passed += some
    return candidate


def polishing(candidate: Candidate, rng: np.random.Generator) -> Generator[Candidate, bool, None]:
    """Neighbours for ever, one coefficient that is not zero moved by a unit of the last digit kept.

    Send whether each is higher. Nothing comes where all coefficients are zero.
    """
    x = candidate.problem.coefficients
    unit = next(
        (10.0**-d for d in DIGITS if np.array_equal(np.round(x, d), x)), 10.0 ** -DIGITS[-1]
    )
    while (places := np.flatnonzero(candidate.problem.coefficients)).size:
        moved = candidate.problem.coefficients.copy()
        place, sign = rng.choice(places), rng.choice([-1.0, 1.0])
        moved.flat[place] = np.clip(
            np.round((moved.flat[place] + sign * unit) / unit) * unit, -LARGEST, LARGEST
        )
        trial = candidate.at(np.round(moved, DIGITS[-1]))
        if (yield trial):
            candidate = trial
