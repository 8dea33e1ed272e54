"""Densities on infinite intervals: where their bulk lies, and which constants their tails make infinite.

A tail e^{−|x|^p} has C_P = ∞ for p < 1, and C_LS = C_T = ∞ for p < 2: log-Sobolev inequalities and T2
imply Gaussian tails (Herbst's argument), Poincaré inequalities exponential ones. The exponent p is
measured, so that what is said of infinity is an extrapolation.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.line import SAMPLES, Line, LogDensities, require_log_density
from wconv.constants.record import Constant, Side, constant

FAR: Final = 120.0
"""The bulk ends where log p lies this far below its maximum; solvers cut again, where they need to."""

OCTAVES: Final = 40
"""How many doublings away from the bulk are looked at, 2^40 = 1e12."""

STEPS: Final = 32
"""Samples an octave."""

POWER: Final = 0.1
"""log|x| looks like a power of |x| below this."""

EXACT: Final = 1e-3
"""Exponents of regular tails, measured far out, are told apart from 1 and 2 by this much."""

MARGIN: Final = 0.01
"""A power of |x| must fall faster than 1/|x| by this much."""


def bounded_part(logs: LogDensities, ends: tuple[float, float]) -> tuple[float, float]:
    """An interval that holds all x where log p is within 120 of its maximum; finite ends are kept.

    Samples at distances 2^{k/32} from a finite end, or from 0, out to the point where log p has
    fallen far enough and keeps falling.

    Raises:
        InputError: NaN or +inf, or a tail that falls like 1/|x| or slower (infinite mass).

    """
    low, high = ends
    if np.isfinite(low) and np.isfinite(high):
        return ends
    anchor = low if np.isfinite(low) else high if np.isfinite(high) else 0.0
    x, logp = np.empty(0), np.empty(0)
    for side, end in ((-1.0, low), (1.0, high)):
        if not np.isfinite(end):
            y, more = _outward(logs, anchor, side, float(logp.max(initial=-np.inf)))
            x, logp = np.concatenate([x, y]), np.concatenate([logp, more])
    order = np.argsort(x)
    x, logp = x[order], logp[order]
    inside = np.flatnonzero(logp >= logp.max() - FAR)
    left, right = x[max(inside[0] - 1, 0)], x[min(inside[-1] + 1, len(x) - 1)]
    return (
        low if np.isfinite(low) else float(left),
        high if np.isfinite(high) else float(right),
    )


def infinite_constants(
    logs: LogDensities, ends: tuple[float, float], part: tuple[float, float]
) -> Mapping[str, str]:
    """The constants (C_P, C_T, C_LS) that the tails beyond ``part`` make infinite, each with why.

    The exponent p of log p ~ −|x|^p is the slope of log(−log p) against log|x| between 2^20 and 2^40
    times the size of the bulk (or as far out as log p is finite). Tails are taken to be regular:
    wells that grow without end are not looked for.
    """
    found: dict[str, str] = {}
    for side, end in ((-1.0, ends[0]), (1.0, ends[1])):
        if np.isfinite(end):
            continue
        where = f"the {'left' if side < 0 else 'right'} tail"
        found |= infinite_for(_exponent(logs, part, side), where, doubt=EXACT)
    return found


def infinite_for(power: float, where: str, *, doubt: float) -> dict[str, str]:
    """The constants that a tail e^{−|x|^power} makes infinite, each with why.

    ``where`` names the tail; ``doubt`` is how far the power may be off.
    """
    found: dict[str, str] = {}
    shape = f"exp(-|x|^{power:.3g})" if power > POWER else "a power of |x|"
    if power < 2.0 - doubt:
        slowly = f"{where} falls like {shape}, more slowly than a Gaussian"
        found |= dict.fromkeys(("C_LS", "C_T"), slowly)
    if power < 1.0 - doubt:
        found["C_P"] = f"{where} falls like {shape}, more slowly than an exponential"
    return found


def infinite_constant(symbol: str, line: Line, below: Sequence[Side] = ()) -> Constant:
    """The constant of a line whose tails make it infinite (``line.infinite`` names it), (S,).

    ``below`` are true lower sides, such as those of a smaller constant; that of the tails themselves
    is heuristic, for no finite number of values decides what happens at infinity.
    """
    infinite = np.full(line.n_states, np.inf)
    return constant(
        symbol,
        [*below, Side(infinite, "heuristic", "tails")],
        [Side(infinite, "numerical", "nothing")],
        estimate=infinite,
        reasons=[line.infinite[symbol]] * line.n_states,
    )


def _at(logs: LogDensities, x: Array) -> Array:
    logp = logs(x[None], np.zeros(1, dtype=int))
    require_log_density(logp, x[None])
    return np.asarray(logp[0])


def _outward(logs: LogDensities, anchor: float, side: float, peak: float) -> tuple[Array, Array]:
    """Samples from the anchor outwards, octave by octave, until log p is low and falling."""
    octave = np.arange(1, STEPS + 1) / STEPS
    near = 2.0 ** np.linspace(-OCTAVES, 0.0, OCTAVES * STEPS + 1)
    x = anchor + side * np.append(0.0, near)
    logp = _at(logs, x)
    for k in range(OCTAVES):
        peak, last = max(peak, float(logp.max())), logp[-STEPS:]
        if last[-1] == -np.inf or (last[-1] < peak - FAR and last[-1] < last[0]):
            return x, logp
        y = anchor + side * 2.0 ** (k + octave)
        x, logp = np.concatenate([x, y]), np.concatenate([logp, _at(logs, y)])
    slope = (logp[-1] - logp[-STEPS - 1]) / np.log(2.0)
    if slope > -1.0 - MARGIN:
        require.fail(
            "density",
            "have finite mass",
            f"log p ~ {slope:.3g} log|x| on the {'left' if side < 0 else 'right'}",
            "it must fall faster than 1/|x|; add a confinement such as -a**2/2",
        )
    return x, logp


def _exponent(logs: LogDensities, part: tuple[float, float], side: float) -> float:
    """p of log p ~ −|x|^p beyond one end of the bulk; inf where log p is −inf soon."""
    bulk = np.linspace(*part, SAMPLES)[None]
    peak = float(logs(bulk, np.zeros(1, dtype=int)).max())
    octave = 2.0 ** np.arange(OCTAVES + 1)[:, None] * 2.0 ** (np.arange(STEPS) / STEPS)
    x = (part[0] + part[1]) / 2 + side * (part[1] - part[0]) / 2 * octave
    depth = peak - logs(x.reshape(1, -1), np.zeros(1, dtype=int)).reshape(x.shape)
    # Far out log p may overflow, to −inf or NaN: what came before decides.
    last = int(np.append(np.isfinite(depth).all(axis=-1), False).argmin()) - 1
    if last < 1:
        return float("inf")
    half = last // 2
    with np.errstate(invalid="ignore", divide="ignore"):  # one that rises again has no exponent
        rate = np.log2(depth[[half // 2, half, last]]).mean(axis=-1)  # oscillations average out
    near, far = (rate[1] - rate[0]) / max(half - half // 2, 1), (rate[2] - rate[1]) / (last - half)
    # a² + |a| has an exponent below 2 at every distance, that tends to 2: what shrinks is no tail.
    limit = round(float(far)) if np.isfinite(far) else 0
    settling = limit in (1, 2) and abs(far - limit) < abs(near - limit) / 2
    return float(limit if settling else far)
