"""The Poincaré and log-Sobolev constants of densities on a circle of length L.

A maximiser g of the log-Sobolev quotient (when C_LS > C_P there is one, positive) has a single maximum and a
single minimum. Scaled, 2C(ρg')' + ρ g log g² = 0, N = ∫g²dμ = 1 and J(g) = 2C∫g'²dμ − Ent(g²) = 0 ≤ J. A
level c cuts the circle into arcs on which g > c or g < c. Gather some of them in A, the others in B, and let
g_A = g on A, c on B, and g_B the reverse: both are continuous, and with N_A, N_B their square norms and
φ(N) = N log N, J(g_A) + J(g_B) = φ(N_A) + φ(N_B) − φ(1) − φ(c²), N_A + N_B = 1 + c². By convexity this is ≤ 0
as soon as N_A lies between 1 and c², that is, when ∫_A(g² − c²)dμ and ∫_B(g² − c²)dμ have one sign; then one
of the two is a maximiser that is constant on an arc, against the uniqueness of solutions. All maxima of g are
above 1, all minima below. Were there several, let M be the second largest maximum and m the second smallest
minimum. At c = M there is one arc above, with integral a, and two below, with −b₁ and −b₂, so a > max bᵢ; at
c = m one below, with −b, and two above, with aᵢ, so b > max aᵢ. But a ≤ max aᵢ and b ≤ max bᵢ. ∎

So C_LS = max(C_P, quotients of the extremals with one minimum): a two-parameter family (``turns``), not one
as on an interval. A bound without scan is the constant of the interval cut open anywhere, for functions on
the circle are functions on it; it is four times too large for the uniform density.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants import criteria
from wconv.constants.extremal import best_of_each
from wconv.constants.line import SAMPLES, Line
from wconv.constants.panels import Panels
from wconv.constants.poincare_line import poincare_line
from wconv.constants.record import Constant, Side, Witness, constant
from wconv.constants.ring import Ring, resampled
from wconv.constants.ring_ascent import ascended
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

if TYPE_CHECKING:
    from wconv.constants.turns import Turns

NODES: Final = (65, 129, 257, 513)
"""Nodes of trigonometric polynomials; as many as it takes."""

FINE: Final = 1e-10
"""Relative change between two resolutions below which there is no third."""

ROUGH: Final = 1e-6
"""Relative change above which the last resolution is asked for, too: what it costs is for jumps alone."""

COARSE: Final = 1e-3
"""Relative change above which nothing is returned."""

BELOW: Final = 0.995
"""What an extremal below ``NEAR`` of the best of the scan may reach between its points, as a share."""

CHECK: Final = 7
"""Points a node of the quadrature that checks a witness."""

STEEP: Final = 0.25
"""Change of log p between two such points beyond which it may jump there."""

FAINT: Final = 1e-4
"""Amplitude of the witness where no extremal beats C_P."""

FLAT: Final = 1e-9
"""An extremal beats C_P only by more than this, relatively."""

ROUNDING: Final = 1000 * EPS
TURN: Final = 2 * np.pi


def poincare_circle(line: Line) -> Constant:
    """The best C_P with Var_p(g) ≤ C_P ∫g'² dp, of densities on a circle.

    Lower side: the Rayleigh quotient of a trigonometric polynomial, the Galerkin eigenfunction ("numerical").
    Upper sides: the eigenvalue plus its rounding and the change between two resolutions ("sharp-numerical");
    Holley–Stroock (L/2π)² e^{osc log p}; the push-forward of the uniform density, (1/(2π min ρ))²; and, where
    that is resolved, C_P of the interval cut open where p is least.

    Returns:
        C_P of shape (S,), its eigenfunction as witness; diagnostics "discretisation" and "rounding",
        relative, and "nodes".

    Raises:
        SolverError: a density that 513 nodes do not resolve to 1e-3, or of too deep wells for float64.

    """
    values: list[Array] = []
    for n in NODES:
        ring = Ring.of(line, n)
        f = _eigenfunction(ring)
        values.append(ring.poincare_quotient(f))
        change = (
            np.abs(values[-1] / values[-2] - 1.0) if len(values) > 1 else np.ones(line.n_states)
        )
        if change.max() <= (ROUGH if n == NODES[-2] else FINE):
            break
    value, closer = values[-1], Ring.of(line, n, CHECK)
    checked, change = closer.poincare_quotient(f), change + _steep_share(closer, f)
    # Errors of eigenfunctions enter quotients squared; those of large energy enter most.
    rounding = (EPS / ring.distinct * TURN / line.length) ** 2 * value
    _require_resolved(change, rounding, n)
    low = np.minimum(value, checked) - np.abs(value - checked)
    high = value * (1.0 + change + rounding + ROUNDING) * np.exp(line.wobble)
    return constant(
        "C_P",
        [Side(low * (1.0 - ROUNDING) * np.exp(-line.wobble), "numerical", "Rayleigh quotient")],
        [Side(high, "sharp-numerical", "Galerkin eigenvalue"), *_everywhere(line), *_opened(line)],
        estimate=value,
        witness=Witness(ring.nodes, f),
        diagnostics={
            "discretisation": change,
            "rounding": rounding,
            "nodes": np.full(line.n_states, n),
        },
    )


def log_sobolev_circle(line: Line, poincare: Constant) -> Constant:
    """The best C_LS with Ent(g²) ≤ 2 C_LS ∫g'² dp, of densities on a circle.

    Lower sides: the quotient of a trigonometric polynomial ("numerical"), found by ascent from the best
    extremals of a scan, and C_P. Upper sides: the largest of these maxima, of C_P and of what the scan may
    have missed ("sharp-numerical"); Holley–Stroock and push-forward as for C_P; and the classical criteria
    on the interval cut open where p is least.

    Args:
        line: S densities.
        poincare: their C_P, by ``poincare_circle``.

    Returns:
        C_LS of shape (S,), g as witness; diagnostics "margin" by which the maximum beats C_P (not positive
        where none does, or none was resolved to 1e-3), "discretisation" and "scan" (its error), all relative.

    """
    from wconv.constants.turns import turns

    seen = turns(line, poincare.estimate)
    if poincare.witness is None:
        require.fail("poincare", "carry its eigenfunction", "no witness", "use poincare_circle")
    found = _maxima(line, seen, poincare.witness.values)
    panels = Panels.of(_cut_open(line))
    opened = criteria.barthe_roberto(panels)[1], criteria.gaussian_transport(panels)
    low = (found.value - found.rounding) * np.exp(-line.wobble)
    beats = found.value > poincare.estimate * (1.0 + FLAT)
    return constant(
        "C_LS",
        [
            Side(low, "numerical", "quotient of an extremal"),
            *(Side(s.value, s.rigor, f"C_P by {s.method}") for s in poincare.lower_sides),
        ],
        [
            _scan_side(line, seen, found, beats, poincare),
            *_everywhere(line),
            *(Side(s.value, s.rigor, f"interval cut open, {s.method}") for s in opened),
        ],
        estimate=np.where(beats, found.value, poincare.estimate),
        witness=Witness(Ring.of(line, found.g.shape[-1]).nodes, found.g),
        diagnostics={
            "margin": found.value / poincare.estimate - 1.0,
            "discretisation": found.error / np.maximum(found.value, poincare.estimate),
            "scan": seen.error / np.maximum(seen.best, poincare.estimate),
        },
    )


@dataclass(frozen=True, eq=False)
class _Maxima:
    """The best g of every state, (S, n); its quotient (0 where none is resolved), what a finer resolution
    may change, and the error of its quadrature, each (S,).
    """

    g: Array
    value: Array
    error: Array
    rounding: Array


def _maxima(line: Line, seen: "Turns", f: Array) -> _Maxima:
    """The ascents from all that the scan has seen; 1 + a little of the eigenfunction f where it saw none."""
    n, states = f.shape[-1], line.n_states
    g = 1.0 + FAINT * f / np.abs(f).max(axis=-1, keepdims=True)
    nothing = np.zeros(states)
    if seen.state.size == 0:
        return _Maxima(g, nothing, nothing, nothing)
    _, coarse = _ascent(line, seen, NODES[NODES.index(n) - 1])
    risen, fine = _ascent(line, seen, n)
    resolved = np.abs(fine - coarse) <= COARSE * fine
    value, coarse = (np.where(resolved, part, 0.0) for part in (fine, coarse))
    check = Ring.of(line, n, CHECK).states(seen.state).log_sobolev_quotient(risen)
    rounding = np.where(resolved, np.abs(value - check) + ROUNDING * value, 0.0)
    values, errors, roundings = (
        np.concatenate([nothing, part]) for part in (value, np.abs(value - coarse), rounding)
    )
    best = best_of_each(np.concatenate([np.arange(states), seen.state]), values, states)
    g = np.concatenate([g, risen])
    return _Maxima(g[best], values[best], errors[best], roundings[best])


def _ascent(line: Line, seen: "Turns", nodes: int) -> tuple[Array, Array]:
    ring = Ring.of(line, nodes).states(seen.state)
    g = ascended(ring, np.exp(resampled(seen.functions, nodes)))
    return g, ring.log_sobolev_quotient(g)


def _scan_side(line: Line, seen: "Turns", found: _Maxima, beats: Array, poincare: Constant) -> Side:
    """The largest of C_P, the maxima found, and what the scan may have missed."""
    grow = np.exp(line.wobble)
    known = found.error + found.rounding + found.value * poincare.diagnostics["rounding"]
    # Extremals well below the best of the scan were not refined.
    missed = BELOW * seen.best + seen.error
    # Where the ascent does not confirm the scan, or nothing beats C_P, the scan itself is what is known.
    blind = ~beats | (found.value < seen.best - seen.error)
    high = np.maximum(seen.best, poincare.upper / grow)
    high = high + np.abs(seen.best - poincare.estimate) * ~beats + seen.error
    value = np.maximum(found.value + known, np.where(blind, high, missed)) * grow
    return Side(np.maximum(poincare.upper, value), "sharp-numerical", "scan of unimodal extremals")


def _eigenfunction(ring: Ring) -> Array:
    """The trigonometric polynomial of the second least quotient ∫f'²/∫f², (S, n); constants are the first."""
    vectors = np.linalg.svd(ring.energy_root, full_matrices=False)[2]
    return np.asarray((ring.whitening @ vectors[:, -2, :, None])[..., 0])


def _steep_share(ring: Ring, f: Array) -> Array:
    """The shares of Var(f) and ∫f'²dp where p may jump, (S,): how far C_P may be off, relatively."""
    logp = np.log(np.maximum(ring.weights, np.finfo(float).tiny))
    jumps = np.abs(np.roll(logp, -1, axis=-1) - logp) > STEEP
    weights = ring.weights * (jumps | np.roll(jumps, 1, axis=-1))
    at, slope = f @ ring.basis.T, f @ ring.slopes.T
    centred = (at - (ring.weights * at).sum(axis=-1, keepdims=True)) ** 2
    return np.asarray(
        (weights * centred).sum(axis=-1) / (ring.weights * centred).sum(axis=-1)
        + (weights * slope**2).sum(axis=-1) / (ring.weights * slope**2).sum(axis=-1)
    )


def _opened(line: Line) -> list[Side]:
    """C_P of the interval cut open where p is least, a bound on that of the circle; none if unresolved."""
    try:
        sides = poincare_line(_cut_open(line)).upper_sides
    except SolverError:
        return []
    return [Side(s.value, s.rigor, f"interval cut open, {s.method}") for s in sides]


def _everywhere(line: Line) -> list[Side]:
    """(L/2π)² e^{osc log p} and (1/(2π min ρ))²: bounds on C_P and C_LS from the uniform circle."""
    logp = line.sample(np.arange(SAMPLES - 1) / (SAMPLES - 1))[2]
    # A parabola through three samples tells how much higher or lower it may be in between.
    bend = np.abs(np.roll(logp, 1, -1) - 2 * logp + np.roll(logp, -1, -1)) / 8
    top, bottom = (logp + bend).max(axis=-1), (logp - bend).min(axis=-1)
    uniform = (line.length / TURN) ** 2
    mean = np.exp(logp).mean(axis=-1)
    grow = (1.0 + ROUNDING) * np.exp(line.wobble)
    return [
        Side(uniform * np.exp(top - bottom) * grow, "numerical", "Holley–Stroock"),
        Side(uniform * (mean / np.exp(bottom)) ** 2 * grow, "numerical", "push-forward"),
    ]


def _cut_open(line: Line) -> Line:
    """The same densities on the interval from where each is least, once around."""
    t = np.arange(SAMPLES - 1) / (SAMPLES - 1)
    x, _, logp = line.sample(t)
    start = x[np.arange(line.n_states), logp.argmin(axis=-1)]
    first, turn = float(line.low[0]), float(line.length[0])

    def logs(x: Array, states: Array) -> Array:
        return line.log_density(first + np.mod(x - first, turn), states)

    return replace(line, log_density=logs, low=start, high=start + turn, periodic=False)


def _require_resolved(change: Array, rounding: Array, nodes: int) -> None:
    error = change + rounding
    worst = int(error.argmax())
    if not error[worst] <= COARSE:
        remedy = (
            "wells are deep: raise the temperature"
            if rounding[worst] > change[worst]
            else "log p varies too fast, as at a jump: let it turn within a few nodes"
        )
        raise SolverError(
            Outcome.UNRESOLVED,
            f"C_P in state {worst} is known to {error[worst]:.1e} relative at {nodes} nodes: {remedy}",
        )
