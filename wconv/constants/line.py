"""One-dimensional densities, ready for the kernels: where they live, and samples on a graded mesh.

A ``Line`` is S positive densities on intervals [low_s, high_s], or on one circle, given by a function
log p up to normalisation. Intervals are parametrised by x(t) = low + (high − low)(1 − cos πt)/2, t in
[0, 1], which refines both ends (where a density may vanish like a power); a circle by x = low + Lt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.measured import EPS

DEPTH: Final = 26.0
"""Ends are cut where log p lies this far below its (outermost) maximum: e^-26 = 5e-12."""

RISE: Final = 1.0
"""A maximum of log p is a well of its own if it stands out by this much."""

SAMPLES: Final = 4097
"""Points on which maxima and cuts are searched."""

ZOOMS: Final = 12
"""How often the search for the cuts may go on inside the part that was found."""

BISECTIONS: Final = 60

SHORTEST: Final = 1e-60
LONGEST: Final = 1e60
"""Lengths beyond which squares and tails of densities leave the range of doubles."""

NEAREST: Final = 1e-10
"""Least share of its distance from zero that an interval may be long: positions are rounded."""

LogDensities = Callable[[Array, Array], Array]
"""(x (S, n), states (S,)) -> log p (S, n) of these states, up to one additive constant a state."""


@dataclass(frozen=True, eq=False)
class Line:
    """S densities on intervals or on one circle, log p with respect to Lebesgue measure.

    ``index`` (S,) are the numbers under which ``log_density`` knows the states, ``low``, ``high``
    (S,) the ends in use; ``cut`` (S, 2) says which of them are truncations of
    a longer interval; ``wobble`` (S,) is an estimate of the oscillation of the error of log p (it is
    interpolated when it comes from nodes): constants change by at most a factor e^{±wobble}.
    ``full`` is the interval before truncation, infinite ends allowed; ``infinite`` says, by symbol
    (C_P, C_T, C_LS), which constants its tails make infinite, and why; ``known_beyond`` that
    ``log_density`` is a function on all of ``full``, not known on nodes alone. ``bends`` are two rows of
    knots from 0 to 1, t and the parameter to put in its place, linear in between (none: t itself).
    """

    log_density: LogDensities
    index: Array
    low: Array
    high: Array
    cut: Array
    wobble: Array
    full: tuple[float, float]
    periodic: bool = False
    infinite: Mapping[str, str] = field(default_factory=dict)
    known_beyond: bool = False
    bends: tuple[Array, Array] | None = None

    @property
    def n_states(self) -> int:
        """S."""
        return len(self.low)

    @property
    def length(self) -> Array:
        """high − low, (S,)."""
        return self.high - self.low

    @property
    def blur(self) -> Array:
        """What rounded positions may change, relatively, (S,): much for an interval far from zero."""
        return np.asarray(4 * EPS * np.maximum(np.abs(self.low), np.abs(self.high)) / self.length)

    def positions(self, t: Array) -> tuple[Array, Array]:
        """x(t) and dx/dt for parameters t (n,) in [0, 1], both (S, n)."""
        t, stretch = self._bent(t)
        if self.periodic:
            along, slope = t, stretch
        else:
            # sin² keeps the distance to the near end to full relative accuracy.
            along, slope = np.sin(np.pi * t / 2) ** 2, np.pi / 2 * np.sin(np.pi * t) * stretch
        x = self.low[:, None] + self.length[:, None] * along
        return np.minimum(x, self.high[:, None]), self.length[:, None] * slope

    def _bent(self, t: Array) -> tuple[Array, Array]:
        """The parameter in the place of t, and its derivative."""
        if self.bends is None:
            return t, np.ones_like(t)
        knots, values = self.bends
        piece = np.clip(np.searchsorted(knots, t, side="right") - 1, 0, len(knots) - 2)
        return np.interp(t, knots, values), (np.diff(values) / np.diff(knots))[piece]

    def sample(self, t: Array) -> tuple[Array, Array, Array]:
        """x, dx/dt and log p (peak near zero; −inf where p vanishes) at parameters t, each (S, n).

        Raises:
            InputError: log p is NaN or +inf somewhere.

        """
        x, slope = self.positions(t)
        logp = self.logs(x)
        return x, slope, logp - logp.max(axis=-1, keepdims=True)

    def logs(self, x: Array) -> Array:
        """log p (up to a constant a state) at positions (S, n); InputError as for ``sample``."""
        logp = np.asarray(self.log_density(x, self.index), dtype=float)
        require_log_density(logp, x)
        return logp

    def truncated(self, depth: float | Array) -> "Line":
        """The densities without the tails below e^-depth of their (outermost) peaks.

        ``depth`` may differ between states, shape (S,). Restriction never makes C_P or C_LS larger (one
        dimension), so what is computed here is a lower side for the whole line; the change between
        two depths tells the rest. Where p is zero beyond an end nothing is cut off. A circle is left
        as it is.

        Raises:
            InputError: what remains is too short, too long or too far from zero for doubles.

        """
        require_length(self.low, self.high)
        if self.periodic:
            return self
        share, rows = np.linspace(0.0, 1.0, SAMPLES), np.arange(self.n_states)
        low, high = self.low, self.high
        for _ in range(ZOOMS):
            x = low[:, None] + (high - low)[:, None] * share
            x[:, -1] = high  # low + (high − low) may be another number, and would be a cut
            first, last = _span(self.logs(x), x, depth)
            wider = x[rows, np.maximum(first - 1, 0)], x[rows, np.minimum(last + 1, SAMPLES - 1)]
            spike = wider[1] - wider[0] < (high - low) / 4
            if not spike.any():
                break
            low, high = np.where(spike, wider[0], low), np.where(spike, wider[1], high)
        left, right = np.maximum(first - 1, 0), np.minimum(last + 1, SAMPLES - 1)
        low, no_left = self._edge(x[rows, first], x[rows, left + 1], x[rows, left])
        high, no_right = self._edge(x[rows, last], x[rows, right - 1], x[rows, right])
        moved = np.stack([low > self.low, high < self.high], axis=-1)
        cut = (self.cut | moved) & ~np.stack([no_left, no_right], axis=-1)
        require_length(low, high)
        return replace(self, low=low, high=high, cut=cut, bends=None)

    def _edge(self, edge: Array, near: Array, far: Array) -> tuple[Array, Array]:
        """The edge (S,), or, where p = 0 at far, the place between near and far where that begins.

        Also says where, (S,): such an end cuts nothing off.
        """
        zero = self.logs(far[:, None])[:, 0] == -np.inf
        sharp = np.flatnonzero(zero)
        if sharp.size == 0:
            return edge, zero
        some, near, far = self.states(sharp), near[sharp], far[sharp]
        outside = far
        for _ in range(BISECTIONS):
            middle = (near + far) / 2
            positive = some.logs(middle[:, None])[:, 0] > -np.inf
            near, far = np.where(positive, middle, near), np.where(positive, far, middle)
        edge = edge.copy()
        edge[sharp] = np.where(far == outside, outside, near)
        return edge, zero

    def states(self, key: Array) -> "Line":
        """The densities of some states (integer indices)."""
        return replace(
            self,
            index=self.index[key],
            low=self.low[key],
            high=self.high[key],
            cut=self.cut[key],
            wobble=self.wobble[key],
        )


def joined(lines: Sequence[Line]) -> Line:
    """The densities of several lines that differ in states and ends alone, in one."""

    def together(name: str) -> Array:
        return np.concatenate([getattr(line, name) for line in lines])

    return replace(
        lines[0],
        index=together("index"),
        low=together("low"),
        high=together("high"),
        cut=together("cut"),
        wobble=together("wobble"),
    )


def outer_peaks(logp: Array) -> Array:
    """The peak of log p (S, n) of the outermost well on each side, (S, 2).

    A light well far out may decide the constants, so tails are measured from its peak: beyond it log p
    rises nowhere by more than 1 on the way out.
    """
    return np.stack([_last_peak(logp[:, ::-1]), _last_peak(logp)], axis=-1)


def _last_peak(logp: Array) -> Array:
    ahead = np.maximum.accumulate(logp[:, ::-1], axis=-1)[:, ::-1]
    rises = ahead > logp + RISE
    n = logp.shape[-1]
    after = np.where(rises.any(axis=-1), n - rises[:, ::-1].argmax(axis=-1), 0)
    return np.asarray(ahead[np.arange(len(logp)), np.minimum(after, n - 1)])


def _steady_from(logp: Array, last: Array) -> Array:
    """The first sample from ``last`` on (S,) beyond which log p falls steadily to the right, (S,).

    Steadily: nowhere less than half as fast as at ``last``. A floor or a shoulder far below the peak
    has little mass and may still decide the constants; the last sample, if the fall is never steady.
    """
    with np.errstate(invalid="ignore"):
        fall = logp[:, :-1] - logp[:, 1:]
    fall = np.where(np.isnan(fall), np.inf, fall)  # zero beyond zero
    least = np.minimum.accumulate(fall[:, ::-1], axis=-1)[:, ::-1]
    n = fall.shape[-1]
    wanted = fall[np.arange(len(fall)), np.minimum(last, n - 1)] / 2
    steady = (least >= wanted[:, None]) & (least > 0) & (np.arange(n) >= last[:, None])
    return np.asarray(np.where(steady.any(axis=-1), steady.argmax(axis=-1), n))


def _span(logp: Array, x: Array, depth: float | Array) -> tuple[Array, Array]:
    """The first and the last sample above e^-depth of the outermost peaks, moved out to steady tails."""
    _require_positive_inside(logp, x)
    least = outer_peaks(logp) - np.reshape(depth, (-1, 1))
    first = (logp >= least[:, :1]).argmax(axis=-1)
    last = SAMPLES - 1 - (logp >= least[:, 1:])[:, ::-1].argmax(axis=-1)
    last = np.maximum(last, _steady_from(logp, last))
    first = np.minimum(first, SAMPLES - 1 - _steady_from(logp[:, ::-1], SAMPLES - 1 - first))
    # A density that vanishes at an end like a power is not cut there: one sample is no tail.
    first = np.where((first == 1) & (last > 1), 0, first)
    return first, np.where((last == SAMPLES - 2) & (first < SAMPLES - 2), SAMPLES - 1, last)


def _require_positive_inside(logp: Array, x: Array) -> None:
    """Zeros are for the ends: a density that vanishes in between has two components."""
    zero = logp == -np.inf
    first, last = (~zero).argmax(axis=-1), zero.shape[-1] - 1 - (~zero)[:, ::-1].argmax(axis=-1)
    place = np.arange(zero.shape[-1])
    holes = zero & (place > first[:, None]) & (place < last[:, None])
    if zero.all(axis=-1).any() or holes.any():
        where = tuple(np.argwhere(holes if holes.any() else zero)[0])
        require.fail(
            "density",
            "be positive inside its support",
            f"0 at {x[where]:.6g}",
            "where it vanishes on the way every constant is infinite: treat the parts one by one",
        )


def require_length(low: Array, high: Array) -> None:
    """InputError unless intervals are of a length that doubles can square, and not too far from zero."""
    with np.errstate(over="ignore"):
        length = high - low
    wrong = ~((length >= SHORTEST) & (length <= LONGEST))
    if wrong.any():
        require.fail(
            "interval",
            f"be between {SHORTEST:g} and {LONGEST:g} long where the density lives",
            f"{length[wrong][0]:.3g}",
            "measure actions in other units: constants scale like the square of a length",
        )
    blurred = length < NEAREST * np.maximum(np.abs(low), np.abs(high))
    if blurred.any():
        require.fail(
            "interval",
            f"be longer than {NEAREST:g} of its distance from zero",
            f"[{low[blurred][0]:.17g}, {high[blurred][0]:.17g}]",
            "move the origin nearer: positions are rounded",
        )


def require_log_density(logp: Array, x: Array) -> None:
    """InputError unless log p has one value a point, each a number or −inf."""
    if logp.shape != x.shape:
        require.fail(
            "log-density",
            f"return one value a point, shape {x.shape[-1:]}",
            logp.shape,
            "use array functions: np.exp, not math.exp",
        )
    bad = np.isnan(logp) | (logp == np.inf)
    if bad.any():
        where = tuple(np.argwhere(bad)[0])
        require.fail(
            "log-density",
            "be a number or -inf everywhere on its space",
            f"{logp[where]} at {x[where]:.6g}",
            "mend it there, or choose a smaller space",
        )
