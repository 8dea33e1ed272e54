"""Implicit policies a = g(s, z): drift maps of the generator, and what can replace its heat step.

A generator is a row of values g(s, z_i) at latents z_i. The transport half step moves the values and asks for
no density; what replaces the noise decides where the policy ends. Of a quadratic q of curvature −h, ρ the
factor of the drift map (1 − ηh explicit, 1/(1 + ηh) proximal), the variance ends at

    noise kept, moments, sorted   2τη/(1 − ρ²) = (τ/h)(1 + O(η))
    score                         τη/(1 − ρ): that of the Gibbs policy, τ/h, with the explicit map
    shared latent                 0: an average over the noise is no noise
    noise at sampling time        2τη
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.dynamics import hermite
from wconv.dynamics.gaussian_noise import axes, boundary
from wconv.dynamics.heat import require_axis
from wconv.dynamics.problem import dense_transition, drift_tables
from wconv.exact.evaluate import Evaluation
from wconv.measured import EPS
from wconv.measures.spaces import Grid, Interval
from wconv.outcomes import Outcome, SolverError

MOST: Final = 4
"""Maxima of q(a) − |a − x|²/2η for one x that are looked at."""

REACH: Final = 8.0
"""Largest latent, in standard deviations: what lies beyond has the mass 1e-15."""

HALVINGS: Final = 48
"""Of an interval for a quantile: to rounding."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """q − βa²/2 of a policy as a function of continuous actions, (S,) of them, on a line or a circle.

    Quintic between the nodes, from q and q' there: of order six in the spacing.
    """

    grid: Grid
    ends: str
    coefficients: Array

    def at(self, a: Array) -> tuple[Array, Array, Array]:
        """q, q' and q'' at actions (S, k).

        Beyond the nodes of a line the last quintic goes on, which is q only where that is quadratic.
        """
        around = self.ends == "wrap"
        first, h = self.grid.nodes[0, 0], self.grid.spacing[0]
        q, slope, bend = hermite.at(self.coefficients, a, first, h, periodic=around)
        return q, slope, bend

    @property
    def span(self) -> tuple[float, float]:
        """Where actions begin and end; on the Gaussian line, its reach."""
        space, half, a = self.grid.space, self.grid.spacing[0] / 2, self.grid.nodes[:, 0]
        if isinstance(space, Interval):
            return space.low, space.high
        return float(a[0] - half), float(a[-1] + half)


def landscape(value: Evaluation) -> Landscape:
    """The landscape q^π − (β/2)a² = r + γPV^π − (β/2)a² of an evaluated policy, by automatic differentiation.

    Raises:
        InputError: a problem of tables, two dimensions, a finite set.

    """
    mdp = value.mdp
    require_axis(mdp.grid)
    dr, dP, beta = drift_tables(mdp)
    a, ends, V = mdp.grid.nodes[:, 0], boundary(mdp.grid), np.asarray(value.V, dtype=float)
    q = mdp.r + mdp.gamma * dense_transition(mdp) @ V - beta * a**2 / 2
    slope = dr[..., 0] + mdp.gamma * dP[..., 0] @ V - beta * a
    h = mdp.grid.spacing[0]
    return Landscape(mdp.grid, ends, hermite.quintics(q, slope, h, periodic=ends == "wrap"))


class ProxMap(NamedTuple):
    """The least and the greatest maximiser of q(a) − |a − x|²/2η, and the maximum, each (S, k).

    The two differ only where the map jumps. On a circle they are unrolled around x.
    """

    low: Array
    high: Array
    envelope: Array


def prox_map(q: Landscape, x: Any, eta: float) -> ProxMap:
    """prox_{−ηq}(x) = argmax_{a∈A} q(a) − |a − x|²/(2η) and the Moreau envelope max_a of the same.

    All local maxima that nodes leave in question are climbed; those equal to rounding count as tied.

    Args:
        q: the landscape, ``wc.landscape(wc.evaluate(mdp, policy))``.
        x: where the generator is, (S, k).
        eta: the step.

    Returns:
        Maximisers and envelope.

    Raises:
        InputError: a step that is not positive, x of other shape or outside of an interval.
        SolverError: UNRESOLVED when more than four maxima are in question for one x.

    """
    import jax

    from wconv.dynamics import split_kernel

    require.positive("eta", eta, "give the step, e.g. 0.1")
    x = _inside(q, x)
    start = _candidates(q, x, eta)
    nothing = np.zeros((1, q.grid.n, 1))
    drift = axes(q.grid, nothing, nothing[..., None], 0.0)
    wide, flat = np.broadcast_to(x[..., None], start.shape), (len(x), -1)
    with jax.enable_x64(True):
        found = split_kernel.climb(
            q.coefficients,
            drift,
            start.reshape(flat),
            wide.reshape(flat),
            eta,
            boundary=q.ends,
        )
    a, value = (np.asarray(part).reshape(start.shape) for part in found)
    top = value.max(axis=-1)
    size = np.abs(q.coefficients[..., 0]).max() + np.square(a - wide).max() / (2 * eta)
    tied = value >= top[..., None] - 16 * EPS * size
    low, high = np.where(tied, a, np.inf).min(axis=-1), np.where(tied, a, -np.inf).max(axis=-1)
    return ProxMap(low, high, top)


def _inside(q: Landscape, x: Any) -> Array:
    """Positions (S, k), inside of an interval."""
    places: Array = np.asarray(x, dtype=float)
    require.finite("x", places)
    if places.ndim != 2 or len(places) != len(q.coefficients):
        require.fail("x", "have shape (states, latents)", places.shape, "one row a state")
    low, high = q.span
    least, most = float(places.min()), float(places.max())
    if q.ends == "fold" and not (least >= low and most <= high):
        require.fail("x", f"lie in [{low:g}, {high:g}]", (least, most), "project it")
    return places


def _candidates(q: Landscape, x: Array, eta: float) -> Array:
    """The four best nodes among local maxima on the nodes, (S, k, 4); repeated where there are fewer.

    A maximum exceeds the best node next to it by at most (h²/2)·sup|q'' − 1/η|.
    """
    a, h = q.grid.nodes[:, 0], q.grid.spacing[0]
    apart = a - x[..., None]
    if q.ends == "wrap":
        apart = apart - q.grid.n * h * np.round(apart / (q.grid.n * h))
    height = q.coefficients[:, None, :, 0] - apart**2 / (2 * eta)
    around = np.pad(height, ((0, 0), (0, 0), (1, 1)), constant_values=-np.inf)
    if q.ends == "wrap":
        around[..., 0], around[..., -1] = height[..., -1], height[..., 0]
    local = (height >= around[..., :-2]) & (height >= around[..., 2:])
    best = height.max(axis=-1, keepdims=True)
    curvature = np.abs(2 * q.coefficients[..., 2] / h**2).max() + 1 / eta
    local &= height >= best - h**2 * curvature
    most = int(local.sum(axis=-1).max())
    if most > MOST:
        raise SolverError(
            Outcome.UNRESOLVED,
            f"{most} maxima of q(a) - |a - x|^2/2 eta nearly tie: refine the grid, or shorten eta",
        )
    order = np.argsort(np.where(local, -height, np.inf), axis=-1, kind="stable")[..., :MOST]
    order = np.where(np.take_along_axis(local, order, axis=-1), order, order[..., :1])
    return np.asarray(x[..., None] + np.take_along_axis(apart, order, axis=-1))


def explicit_map(q: Landscape, x: Any, eta: float) -> Array:
    """x + ηq'(x), the first order of the proximal map, projected on the walls of an interval, (S, k).

    Where η·sup(−q'') ≥ 1 it is not injective: ``SplitWPPG(step, "explicit")`` refuses such steps.

    Raises:
        InputError: as ``prox_map``.

    """
    require.positive("eta", eta, "give the step, e.g. 0.1")
    x = _inside(q, x)
    moved = x + eta * q.at(x)[1]
    return np.clip(moved, *q.span) if q.ends == "fold" else np.asarray(moved)


def latents(count: int = 100) -> tuple[Array, Array]:
    """Standard normal latents at equal distances, ascending, and their masses, (count,) each.

    The trapezoidal rule: spectrally accurate for generators that are smooth in the latent.
    """
    require.count("count", count, 8)
    z = np.linspace(-REACH, REACH, count)
    weight = np.exp(-0.5 * z**2)
    return z, weight / weight.sum()


def shared_latent_step(targets: Array, variance: float, draws: int, rng: Any) -> Array:
    """Least squares of g(z) on targets(z) + √variance·ξ, ``draws`` of the noise for every latent, (S, k).

    The mean over the draws: its variance is that of the targets plus variance/draws. No heat step.
    """
    require.count("draws", draws, 1)
    noise = rng.standard_normal((draws, *targets.shape)).mean(axis=0)
    return np.asarray(targets + np.sqrt(variance) * noise)


def score_step(targets: Array, g: Array, z: Array, weight: Array, variance: float) -> Array:
    """The Gaussian actor m + sz by least squares on targets − (variance/2)∂_a log π(g), (S, k).

    The heat equation as a velocity. π is the law of the actor, the least-squares line through ``g``, whose
    score at m + sz is −z/s.
    """
    slope = _line(g, z, weight)[1]
    mean, spread = _line(targets + variance / 2 * z / slope, z, weight)
    return np.asarray(mean + spread * z)


def _line(g: Array, z: Array, weight: Array) -> tuple[Array, Array]:
    """m and s of the least-squares line m + sz through a generator, (S, 1) each."""
    mean = (g * weight).sum(axis=-1, keepdims=True)
    slope = (g * z * weight).sum(axis=-1, keepdims=True) / (z**2 * weight).sum()
    return np.asarray(mean), np.asarray(slope)


def moment_step(targets: Array, z: Array, weight: Array, variance: float) -> Array:
    """The Gaussian actor m + sz with the mean and the variance of targets + √variance·ξ, (S, k)."""
    mean = (targets * weight).sum(axis=-1, keepdims=True)
    spread = (np.square(targets - mean) * weight).sum(axis=-1, keepdims=True)
    return np.asarray(mean + np.sqrt(spread + variance) * z)


def sorted_step(targets: Array, z: Array, weight: Array, variance: float) -> Array:
    """The ascending generator of the law of targets + √variance·ξ: optimal transport on the line, (S, k).

    g(z) = F⁻¹(Φ(z)), F the distribution function of the mixture ΣwN(targets, variance): what regression on
    noisy samples gives when samples are sorted before latents are paired with them. By bisection, of
    1 − F above the median.
    """
    from scipy.special import ndtr

    sigma, side = np.sqrt(variance), np.where(z > 0, -1.0, 1.0)
    goal = ndtr(side * z)
    reach = (REACH + 2.0) * sigma
    low = np.repeat(targets.min(axis=-1, keepdims=True) - reach, len(z), axis=-1)
    high = np.repeat(targets.max(axis=-1, keepdims=True) + reach, len(z), axis=-1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        off = side[:, None] * (middle[..., None] - targets[..., None, :]) / sigma
        short = side * (ndtr(off) @ weight - goal) < 0
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray((low + high) / 2)
