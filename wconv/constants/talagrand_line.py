"""Talagrand's constant C_T of densities on intervals, from below by an ascent over measures ν.

    C_T = sup_κ M(κ)/(2κ),   M(κ) = max {W_2²(ν, μ) : KL(ν‖μ) ≤ κ}.

W_2²(·, μ) is convex, so replacing it by its linearisation at ν and maximising that on the ball,

    ν ← μ e^{sφ}/Z,   φ'(y) = y − F_μ⁻¹(F_ν(y)),   s such that KL = κ,

never lowers W_2²; with s = 1/C instead, C = W_2²/(2 KL) the present quotient, it never lowers C, but
crawls along κ. As κ → 0 the quotient tends to C_P; its maximum over κ is searched on a grid and zoomed
into. Every ν met is a witness C_T ≥ W_2²/(2 KL). From above C_T ≤ C_LS (Otto and Villani, 2000).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.line import Line
from wconv.constants.panels import Mesh, Panels
from wconv.constants.record import Constant, Side, Witness, constant
from wconv.constants.tails import infinite_constant

REACH: Final = 100.0
"""Ends are cut where log p lies this far below its maximum: good witnesses may live in the tails."""

PANELS: Final = 64
LEVELS: Final = 8
"""Values of κ on the grid, for each of four starts: ±x and ± the eigenfunction of C_P."""

LEAST_KL: Final = 1e-8
"""Of the grid; ν with less than a tenth of it count for nothing, their quotients being rounded."""

MOST_KL: Final = 30.0
FIRST_STEPS: Final = 8
FREE_STEPS: Final = 8
STEPS: Final = 5
ROUNDS: Final = 4
"""Each round spreads κ between the neighbours of the best of the one before."""

FITS: Final = 4
"""Newton steps for s, on log KL against log s."""

ROUNDING: Final = 1e-12
TINY: Final = 1e-300
BLOCK: Final = 16
"""States treated at a time, to bound memory."""


def talagrand_line(line: Line, poincare: Constant, log_sobolev: Constant) -> Constant:
    """The best C_T with W_2²(ν, p) ≤ 2 C_T KL(ν‖p), of densities on intervals.

    The lower side is the best of C_P and of W_2²/(2 KL) at an explicit ν = p e^u, u a polynomial on each
    panel, less the change of that number on panels half as long, less the share of p and ν where log p is
    rough, and less what the tails beyond a cut may change. The upper side is C_LS. No start is known to lead
    to the supremum.

    Args:
        line: densities on intervals.
        poincare: their C_P, with its eigenfunctions.
        log_sobolev: their C_LS.

    Returns:
        C_T of shape (S,), dν/dp as witness; diagnostics "kl" of the witness, "discretisation" and
        "truncation", relative to the quotient. Infinite where the tails say so.

    Raises:
        InputError: a C_P without eigenfunctions.
        SolverError: a lower side above an upper one.

    """
    below = [Side(s.value, s.rigor, f"C_P by {s.method}") for s in poincare.lower_sides]
    if "C_T" in line.infinite:
        return infinite_constant("C_T", line, below)
    deep = line.truncated(REACH)
    blocks = np.array_split(np.arange(line.n_states), -(-line.n_states // BLOCK))
    found = [_ascend(deep.states(block), poincare[block]) for block in blocks]
    value, kl, discretisation, truncation, nodes, ratio = (
        np.concatenate(parts) for parts in zip(*found, strict=True)
    )
    error = discretisation + truncation + deep.blur + ROUNDING
    low = np.maximum(value * (1.0 - error) * np.exp(-line.wobble), 0.0)
    heard = zip(log_sobolev.reasons, log_sobolev.upper, strict=True)
    return constant(
        "C_T",
        [Side(low, "numerical", "witness"), *below],
        [Side(s.value, s.rigor, f"C_LS by {s.method}") for s in log_sobolev.upper_sides],
        estimate=np.max([low, *(s.value for s in below)], axis=0),
        witness=Witness(nodes, ratio),
        diagnostics={"kl": kl, "discretisation": discretisation, "truncation": truncation},
        reasons=[why if np.isinf(high) else "" for why, high in heard],
    )


def _ascend(line: Line, poincare: Constant) -> tuple[Array, ...]:
    """The best quotient, its KL, two relative errors, nodes and dν/dp, over starts and κ; per state."""
    panels = Panels.of(line, Mesh.of(line, PANELS))
    states, lanes = np.arange(line.n_states), 4 * LEVELS
    target = _Target.of(panels.states(np.repeat(states, lanes)))
    potential = _starts(panels, poincare)
    # W_2 is at most the length, so that larger κ give less than C_P.
    most = np.clip(line.length**2 / (2 * poincare.estimate), 100 * LEAST_KL, MOST_KL)
    spread = np.log(most / LEAST_KL)[:, None] / 2
    log_kl = np.log(most)[:, None] + spread * (np.tile(np.linspace(-1, 1, LEVELS), 4) - 1)
    for turn in range(ROUNDS):
        for _ in range(STEPS if turn else FIRST_STEPS):
            u = _tilt(target.panels, potential, np.exp(log_kl).ravel())
            value, kl, potential = target.climb(u)
        for _ in range(0 if turn else FREE_STEPS):
            free = _kl(target.panels, *_ratio(target.panels, potential / value[:, None, None]))
            u = _tilt(target.panels, potential, np.clip(free, LEAST_KL, np.repeat(most, lanes)))
            value, kl, potential = target.climb(u)
        clear = np.where(kl > LEAST_KL / 10, value, 0.0).reshape(-1, lanes)
        best = np.arange(0, value.size, lanes) + clear.argmax(axis=-1)
        u, potential = u[best], np.repeat(potential[best], lanes, axis=0)
        spread = spread * 2 / ((lanes if turn else LEVELS) - 1)
        log_kl = np.log(np.maximum(kl[best], LEAST_KL))[:, None] + spread * np.linspace(
            -1, 1, lanes
        )
    coarse = _Target.of(panels).climb(u)[0]
    value, kl, _ = _Target.of(Panels.of(line, panels.mesh.halved())).climb(panels.halved(u))
    r = _ratio(panels, u)[0]
    error = np.abs(1.0 - coarse / value) + panels.unresolved((1.0 + r) * panels.mass)
    ratio = panels.flat(r)
    return value, kl, error, _beyond(panels, ratio) / kl, panels.flat(panels.x), ratio


@dataclass(frozen=True, eq=False)
class _Target:
    """The measures μ of panels, with their quantile functions.

    F_μ⁻¹ is kept as a function of the normal score z = Φ⁻¹(F): a cubic Hermite interpolant through
    (z, x) at the nodes, with the exact slope dx/dz = Φ'(z)/ρ. Scores resolve both tails.
    """

    panels: Panels
    scores: Array
    x: Array
    slopes: Array

    @classmethod
    def of(cls, panels: Panels) -> "_Target":
        z = _scores(panels, np.ones_like(panels.x))
        normal = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        return cls(panels, z, panels.flat(panels.x), normal / panels.flat(panels.rho))

    def quantiles(self, z: Array) -> Array:
        """F_μ⁻¹(Φ(z)), (S, n)."""
        rows, n = np.arange(len(z))[:, None], self.scores.shape[-1]
        z = np.clip(z, self.scores[:, :1], self.scores[:, -1:])
        apart = 200.0 * rows  # scores lie within ±40: one search for all states
        i = np.searchsorted((self.scores + apart).ravel(), (z + apart).ravel(), side="right")
        i = np.clip(i.reshape(z.shape) - 1, n * rows, n * rows + n - 2)
        z0, z1, x0, x1, left, right = (
            values.ravel()[i + shift]
            for values in (self.scores, self.x, self.slopes)
            for shift in (0, 1)
        )
        h = z1 - z0
        t = np.clip((z - z0) / np.maximum(h, TINY), 0.0, 1.0)
        s = 1.0 - t
        cubic = (
            x0 * (1 + 2 * t) * s**2 + x1 * (1 + 2 * s) * t**2 + h * t * s * (left * s - right * t)
        )
        return np.asarray(np.clip(cubic, x0, x1))  # a saddle between wells leaves F no digits

    def climb(self, u: Array) -> tuple[Array, Array, Array]:
        """W_2²/(2 KL) and KL (S,) of ν ∝ μ e^u, and the φ (S, P, 16) to tilt μ by next."""
        grid = self.panels
        r, logs = _ratio(grid, u)
        kl = _kl(grid, r, logs)
        # Both from the interpolant, so that r = 1 moves nothing.
        maps = self.quantiles(self.scores) - self.quantiles(_scores(grid, r))
        away = maps.reshape(grid.x.shape)
        square = grid.integral(away**2 * r * grid.mass)
        middle = np.full(len(u), u.shape[1] // 2)
        return square / (2 * kl), kl, grid.outward(away * grid.slope, middle)


def _ratio(panels: Panels, u: Array) -> tuple[Array, Array]:
    """dν/dμ = e^u/Z and its logarithm."""
    u = u - u.max(axis=(1, 2), keepdims=True)
    logs = u - np.log(panels.integral(np.exp(u) * panels.mass))[:, None, None]
    return np.exp(logs), logs


def _kl(panels: Panels, r: Array, logs: Array) -> Array:
    """KL(r·μ‖μ), (S,); expm1 keeps the digits of a small one."""
    return panels.integral((r * logs - np.expm1(logs)) * panels.mass)


def _scores(panels: Panels, r: Array) -> Array:
    """Φ⁻¹ of the distribution function of r·μ at the nodes, from the nearer tail, (S, P·16)."""
    from scipy.special import ndtri

    below, above = panels.flat(panels.below(r)), panels.flat(panels.above(r))
    z = ndtri(np.maximum(np.minimum(below, above), TINY))
    # Across a jump of p the running integral wiggles.
    return np.maximum.accumulate(np.where(below < above, z, -z), axis=-1)


def _tilt(panels: Panels, f: Array, kl: Array) -> Array:
    """s·f with KL(μe^{sf}/Z ‖ μ) = kl, about."""
    f = f - panels.integral(f * panels.mass)[:, None, None]
    s = np.sqrt(2 * kl / panels.integral(f**2 * panels.mass))
    for _ in range(FITS):
        r, logs = _ratio(panels, s[:, None, None] * f)
        now, weight = np.maximum(_kl(panels, r, logs), TINY), r * panels.mass
        mean = panels.integral(f * weight)[:, None, None]
        slope = s**2 * panels.integral((f - mean) ** 2 * weight) / now
        s = s * np.exp(np.clip(np.log(kl / now) / np.maximum(slope, TINY), -1.0, 1.0))
    return np.asarray(s[:, None, None] * f)


def _starts(panels: Panels, poincare: Constant) -> Array:
    """±x and ± the eigenfunction of C_P, LEVELS lanes each: (S·4·LEVELS, P, 16)."""
    known = poincare.witness
    if known is None:
        require.fail("poincare", "carry its eigenfunctions", "no witness", "take poincare_line's")
    wave = np.stack(
        [np.interp(*row) for row in zip(panels.x, known.nodes, known.values, strict=True)]
    )
    starts = np.stack([panels.x, -panels.x, wave, -wave], axis=1)
    return np.repeat(starts, LEVELS, axis=1).reshape(-1, *panels.x.shape[1:])


def _beyond(panels: Panels, ratio: Array) -> Array:
    """About what KL gains beyond cut ends when log p goes on as steeply as it came, and dν/dp stays."""
    rho = panels.flat(panels.rho)[:, [0, -1]]
    depth = np.log(panels.rho.max(axis=(1, 2))[:, None] / rho)
    mass = rho * panels.line.length[:, None] / np.maximum(depth, 1.0)
    r = ratio[:, [0, -1]]
    gain = mass * (r * np.log(np.maximum(r, TINY)) - r + 1.0)
    return np.asarray(np.where(panels.line.cut, gain, 0.0).sum(axis=-1))
