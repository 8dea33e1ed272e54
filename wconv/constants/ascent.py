"""The steepest entropy for the energy: densities on a graph that nearly attain its log-Sobolev constants.

With u = dν/dm a density on a ``Graph``, Ent(u) = Σ m u log u is compared with two forms, both
½ Σ w (f_i − f_j)² to leading order at u = 1 + f: 2E(√u), of the log-Sobolev inequality, and
½ Σ w (u_i − u_j)(log u_i − log u_j), of the modified one. In v = log u they are
Σ w √(u_i u_j) F(v_i − v_j) for an even F, and convex in u. Every density is a witness: Ent/form is a
lower bound on the constant, and ``climb`` makes it larger.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.graph import Graph, factorised
from wconv.measured import EPS
from wconv.outcomes import SolverError

EdgeForm = Callable[[Array], tuple[Array, Array, Array]]
"""x -> F(x), F'(x), F''(x) − F(x)/4; the last is positive, for the form is convex in u."""

SIZES: Final = 2.0 ** np.arange(8)
"""Oscillations of log u at the starts."""

CLIMBS: Final = 6
"""Starts that are followed to the top."""

STEPS: Final = 80
CONVEX_SHARES: Final = 4.0 ** np.arange(3, -5, -1)
NEWTON_SHARES: Final = (1.0, -1.0, 0.25, -0.25)
"""Multiples of a step of which the best is taken."""

LINEAR: Final = 1e-3
"""Oscillation of log u below which an ascent is back in the linear regime, where the quotient is C_P."""

NEAR: Final = 0.1
LEAST: Final = 1e-3
"""Damping is lowered once a step gains less than the first, and set to zero below the second."""

GAIN: Final = 1e-13
STILL: Final = 1e-6
"""An ascent ends at a smaller gain, if the step was convex or changed log u by no more than this."""


def log_sobolev_form(x: Array) -> tuple[Array, Array, Array]:
    """2E(√u): F = 4(cosh(x/2) − 1), F' and F'' − F/4."""
    return 8 * np.sinh(x / 4) ** 2, 2 * np.sinh(x / 2), np.ones_like(x)


def modified_form(x: Array) -> tuple[Array, Array, Array]:
    """½ Σ w (u_i − u_j)(log u_i − log u_j): F = x sinh(x/2), F' and F'' − F/4."""
    sinh, cosh = np.sinh(x / 2), np.cosh(x / 2)
    return x * sinh, sinh + x / 2 * cosh, cosh


@dataclass(frozen=True, eq=False)
class Ascent:
    """A density, v = log u (n,), with its quotient Ent/form, and its entropy."""

    v: Array
    quotient: float
    entropy: float


def ascend(graph: Graph, form: EdgeForm, directions: Sequence[Array]) -> Ascent:
    """The best of a few ascents from u ∝ e^{±k f} along given functions f (n,), and along log m.

    The functions are scaled to oscillation one, k is the best of a few, and the best starts climb.
    """
    starts = []
    for f in (*directions, graph.log_mass):
        spread = np.ptp(f)
        for sign in (-1.0, 1.0) if spread > 0 else ():
            tried = [_value(graph, form, sign * size / spread * f) for size in SIZES]
            starts.append(max(tried, key=lambda start: start.quotient))
    starts.sort(key=lambda start: -start.quotient)
    climbed = [climb(graph, form, start.v) for start in starts[:CLIMBS]]
    return max(climbed, key=lambda top: top.quotient)


def climb(graph: Graph, form: EdgeForm, v: Array, steps: int = STEPS) -> Ascent:
    """Increase Ent/form from u = e^v: convex–concave steps that turn into Newton's method.

    Entropy and form are convex in u. With C the quotient, the maximum over Σ m u = 1 of the linearised
    entropy minus C·form raises the quotient, and so does a short enough Newton step towards it: damping
    one. Damping zero is Newton's method for Ent − C·form itself, which needs no trust: of a step, its
    reverse and shorter ones the best is taken, if it is one. The ascent stops back in the linear
    regime, without a step, and after so many: any u is a witness, and the last is never worse than the start.
    """
    now, damping = _value(graph, form, v), 1.0
    for _ in range(steps):
        if now.quotient == 0 or np.ptp(now.v) < LINEAR:
            break
        try:
            move = _step(graph, form, now, damping)
        except SolverError:
            break
        tried = [
            _value(graph, form, now.v + np.arcsinh(share * move))
            for share in (CONVEX_SHARES if damping == 1.0 else NEWTON_SHARES)
        ]
        then = max(tried, key=lambda step: step.quotient)
        gain = then.quotient / now.quotient - 1.0
        now = then if gain > 0 else now
        if gain >= NEAR:
            continue
        if gain >= GAIN:
            damping = damping / 8 if damping > LEAST else 0.0
        elif damping == 1.0 or np.abs(move).max() < STILL:
            break
        else:
            damping = min(8 * max(damping, LEAST), 1.0)
    return now


def _value(graph: Graph, form: EdgeForm, v: Array) -> Ascent:
    """v normalised to Σ m e^v = 1, its quotient (zero where it overflows) and entropy."""
    log_nu = v + graph.log_mass
    peak = log_nu.max()
    v = v - peak - np.log(np.exp(log_nu - peak).sum())
    mass, (i, j) = np.exp(graph.log_mass), graph.edges.T
    with np.errstate(over="ignore", invalid="ignore"):
        u = np.exp(v)
        entropy = float((mass * u * v - mass * u + mass).sum())
        height = np.exp((graph.log_mass[i] + graph.log_mass[j] + v[i] + v[j]) / 2)
        energy = float((graph.rate * height * form(v[i] - v[j])[0]).sum())
    good = np.isfinite(entropy) and np.isfinite(energy) and energy > 0
    return Ascent(v, entropy / energy if good else 0.0, entropy if good else 0.0)


def _step(graph: Graph, form: EdgeForm, now: Ascent, damping: float) -> Array:
    """The relative change of u; all equations are scaled by √ν, so that no mass is too small."""
    i, j = graph.edges.T
    log_nu = graph.log_mass + now.v
    with np.errstate(over="ignore", invalid="ignore"):
        root, step = np.exp(log_nu / 2), np.exp((log_nu[j] - log_nu[i]) / 2)
        F, slope, bend = form(now.v[i] - now.v[j])
        gradient = graph.gather(
            graph.rate * (F / 2 + slope) * root[j], graph.rate * (F / 2 - slope) * root[i]
        )
        weight = now.quotient * graph.rate * bend
        stiff = graph.gather(weight * step, weight / step)
    # At damping one the matrix has constants in its kernel.
    shift = damping - 1.0 if damping < 1.0 else 8 * EPS * stiff.max()
    solve = factorised(graph.matrix(stiff + shift, -weight))
    ascent = solve(np.stack([root * now.v - now.quotient * gradient, root], axis=-1))
    share = (root @ ascent[:, 0]) / (root @ ascent[:, 1])
    return np.asarray((ascent[:, 0] - share * ascent[:, 1]) / root)
