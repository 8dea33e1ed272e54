"""A lower confidence bound on the log-Sobolev constant of a law known by samples alone.

Every Lipschitz g = e^{φ/2} bounds C_LS from below (KL ≤ (C_LS/2) I, for dν ∝ e^φ dμ):

    C_LS ≥ Ent(g²)/(2∫|∇g|²dμ) = 2 KL(ν‖μ)/I(ν‖μ) = 2 E[e]/E[r],
    w = e^φ/E[e^φ],   e = w(log w − 1) + 1 ≥ 0,   r = w|∇φ|².

One half of the samples proposes φ, a linear function plus tanh ridges; the other half, which φ has not seen,
measures its quotient. In-sample quotients bound nothing: between the samples a step of φ costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.outcomes import Outcome, SolverError

LEAST: Final = {"weights": 50.0, "entropy": 50.0, "energy": 50.0, "steepest": 25.0}
"""Effective samples each mean needs. Where r is largest, three expected samples are missed with 5 %: 25
of them leave at most 12 % of the energy unseen, less than the error of 50 effective samples."""

WANTED: Final = 1.3
"""The proposal aims at so many times ``LEAST``: the other half may have fewer."""

WALL: Final = 10.0
"""The objective loses WALL·log² of what an effective sample size is short of."""

SMALLEST: Final = 200
"""Samples below which no half can have 50 effective ones where it matters."""

FEWEST: Final = 16
"""Replications: half of them give the standard error."""

RIDGES: Final = 12
STARTS: Final = 4

FLAT: Final = 1e-6
"""Standard deviation of a standardised law along a direction in which it does not extend."""

SCREEN: Final = 1000
"""Samples that rank the starts."""

CROWD: Final = 2000
"""Samples that fit all starts; the best go on with all. Also the number of probes."""

STRIDE: Final = 25
"""Iterations between two candidates of one ascent."""

POWER: Final = 32
"""The norm of r over the probes that stands in for its supremum, which has no gradient."""


@dataclass(frozen=True, eq=False)
class Ridges:
    """φ(x) = a·y + Σ_j c_j tanh(u_j·y + b_j), y = (x − centre)/scale projected on the box.

    Arrays a, centre, scale (d,), box (2, d), u (m, d), b, c (m,). Outside the box φ is constant along the
    axes that leave it, hence bounded and Lipschitz.
    """

    centre: Array
    scale: Array
    box: Array
    a: Array
    u: Array
    b: Array
    c: Array

    def __call__(self, x: Any) -> Array:
        """φ at points (..., d), shape (...)."""
        y = np.clip(self._standard(x), *self.box)
        return np.asarray(y @ self.a + np.tanh(y @ self.u.T + self.b) @ self.c)

    def gradient(self, x: Any) -> Array:
        """∇φ at points (..., d), shape (..., d)."""
        y = self._standard(x)
        inside = (self.box[0] <= y) & (y <= self.box[1])
        t = np.tanh(np.clip(y, *self.box) @ self.u.T + self.b)
        return np.asarray(inside * (self.a + ((1.0 - t**2) * self.c) @ self.u) / self.scale)

    def _standard(self, x: Any) -> Array:
        return np.asarray((np.asarray(x, dtype=float) - self.centre) / self.scale)


@dataclass(frozen=True, eq=False, repr=False)
class ParticleWitness:
    """C_LS ≥ ``lower`` with probability ``confidence``: a statistical bound, from samples.

    ``estimate`` is the quotient of ``potential`` φ (g = e^{φ/2}) on ``n`` samples it has not seen, ``error``
    its standard error. ``ess`` are effective sample sizes: of the "weights" e^φ, of the "entropy" and the
    "energy" (Σ)²/Σ², and of the "steepest" place Σr/sup r.
    """

    lower: float
    estimate: float
    error: float
    confidence: float
    n: int
    ess: dict[str, float]
    potential: Ridges

    def __repr__(self) -> str:
        return (
            f"C_LS >= {self.lower:.4g} with confidence {self.confidence:g} (held-out quotient "
            f"{self.estimate:.4g} ± {self.error:.2g}, n = {self.n}, at least "
            f"{min(self.ess.values()):.0f} effective samples)"
        )


def log_sobolev_witness(
    samples: Any, *, confidence: float = 0.95, seed: int = 0
) -> ParticleWitness:
    """A lower confidence bound on C_LS of the law that samples come from.

    C_LS ≥ 2E[e]/E[r] of a potential fitted to one half; on the other half the quotient, less Student's
    quantile times the standard error of the delta method. It holds asymptotically, for one call: of several
    calls on the same samples the largest bound has less confidence.

    Args:
        samples: independent points (n,) or (n, d); or (replications, n, d) where points of one replication
            depend on each other: halves and standard errors are then made of whole replications.
        confidence: one-sided, in [1/2, 1).
        seed: of the split and the starts.

    Raises:
        InputError: samples are not finite, too few (200, and 20 a dimension; 16 replications), or constant
            in a coordinate.
        SolverError: UNRESOLVED, fewer than 50 effective samples on the held-out half (25 where the energy
            is densest), with the place that is too thin and how many samples would do.

    """
    level = require.within("confidence", confidence, 0.5, 1.0, "give it below one, e.g. 0.95")
    rng = np.random.default_rng(require.count("seed", seed, 0))
    groups = rng.permutation(_checked(samples))
    half = len(groups) // 2
    fitted = rng.permutation(groups[:half].reshape(-1, groups.shape[-1]))
    return _measured(_proposed(fitted, level, rng), groups[half:], level)


def _checked(samples: Any) -> Array:
    """Samples as (independent groups, samples of a group, d)."""
    x = np.asarray(samples)
    if x.dtype.kind not in "iuf" or x.ndim not in (1, 2, 3):
        got = f"{x.dtype} of shape {x.shape}"
        axes = "be real of shape (n,), (n, d) or (replications, n, d)"
        require.fail("samples", axes, got, "give one point a row")
    require.finite("samples", x)
    d = x.shape[-1] if x.ndim > 1 else 1
    groups = x.astype(float).reshape(len(x), x.shape[1] if x.ndim == 3 else 1, d)
    runs, each, _ = groups.shape
    if x.ndim == 3:
        require.count("replications", runs, FEWEST)
    needed = max(SMALLEST, 20 * d)
    if runs * each < needed:
        require.fail("samples", f"number at least {needed} in {d} dimensions", runs * each, "draw")
    spread = groups.reshape(-1, d).std(axis=0)
    still = spread <= 1e-12 * np.abs(groups).max(axis=(0, 1))
    if still.any():
        where = f"a constant coordinate {int(still.argmax())}"
        require.fail("samples", "vary in every coordinate", where, "leave that coordinate out")
    return groups


def _quantile(level: float, units: float) -> float:
    """The one-sided quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(units - 1.0, level))


def _densities(phi: Array, steep: Array, n: int) -> tuple[Array, Array, Array, Array]:
    """log w, w and r in all rows, e in the first n, the samples, over which w has mean one."""
    top = phi[:n].max(axis=0)
    log_w = phi - top - np.log(np.exp(phi[:n] - top).mean(axis=0))
    w = np.exp(log_w)
    return log_w, w, w * steep, log_w[:n] * w[:n] - np.expm1(log_w[:n])


def _objective(phi: Array, steep: Array, n: int, size: int, z: float) -> tuple[Array, Array, Array]:
    """What a proposal maximises, in every column, and its derivatives in φ and |∇φ|².

    log(E[e]/E[r]) − z standard errors − WALL·log² of each effective sample size that is short. Rows: n
    samples, then probes, which count for sup r alone. Errors are those of ``size`` samples. Not finite: −inf.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        log_w, w, r, e = _densities(phi, steep, n)
        mean_e, mean_r = e.mean(axis=0), r[:n].mean(axis=0)
        psi = e / mean_e - r[:n] / mean_r  # the influence of one sample on the logarithm
        sigma = np.sqrt((psi**2).mean(axis=0) / size)
        value = np.log(mean_e / mean_r) - z * sigma
        pull = z / (sigma * n * size)
        d_e = 1 / (n * mean_e) - pull * (psi - (psi * e).mean(axis=0) / mean_e) / mean_e
        d_r, d_w = np.zeros_like(r), np.zeros_like(w)
        d_r[:n] = pull * (psi - (psi * r[:n]).mean(axis=0) / mean_r) / mean_r - 1 / (n * mean_r)
        masses = {"weights": (w[:n], d_w[:n]), "entropy": (e, d_e), "energy": (r[:n], d_r[:n])}
        for name, (mass, slope) in masses.items():
            total, squares = mass.sum(axis=0), np.square(mass).sum(axis=0)
            short = _short(name, size * total**2 / (n * squares))
            value -= WALL * short**2
            slope += 4 * WALL * short * (1 / total - mass / squares)
        highest = r.max(axis=0)
        powers = (r[n:] / highest) ** (POWER - 1)
        sup = highest * (powers * r[n:] / highest).sum(axis=0) ** (1 / POWER)
        short = _short("steepest", size * mean_r / sup)
        value -= WALL * short**2
        d_r[:n] += 2 * WALL * short / (n * mean_r)
        d_r[n:] -= 2 * WALL * short / sup * powers * (highest / sup) ** (POWER - 1)
        d_phi = d_r * r + d_w * w
        d_phi[:n] += d_e * w[:n] * log_w[:n]
        d_phi[:n] -= d_phi.sum(axis=0) * w[:n] / n  # the mean of e^φ
        return np.where(np.isfinite(value), value, -np.inf), d_phi, d_r * w


def _short(name: str, effective: Array) -> Array:
    """By what logarithm an effective sample size falls short of what is wanted, else 0."""
    return np.asarray(np.maximum(np.log(WANTED * LEAST[name] / effective), 0.0))


@dataclass(frozen=True, eq=False)
class _Fit:
    """The objective as a function of the parameters of φ, on samples y (n, d) and probes, standardised."""

    y: Array
    probes: Array
    scale: Array
    size: int
    z: float

    def loss(self, flat: Array) -> tuple[float, Array]:
        """Minus the objective and its gradient; a constant where that is not finite."""
        a, u, b, c = _unpacked(flat, len(self.scale))
        points = np.concatenate([self.y, self.probes])
        t = np.tanh(points @ u.T + b)
        q = 1.0 - t**2
        slope = (a + (q * c) @ u) / self.scale
        phi, steep = (points @ a + t @ c)[:, None], np.square(slope).sum(axis=1)[:, None]
        value, d_phi, d_steep = _objective(phi, steep, len(self.y), self.size, self.z)
        if not np.isfinite(value[0]):
            return 1e10, np.zeros_like(flat)
        pushed = 2.0 * d_steep * slope / self.scale
        along = pushed @ u.T
        inner = c * q * (d_phi - 2.0 * t * along)
        d_u = inner.T @ points + (q * c).T @ pushed
        d_c = (d_phi * t + q * along).sum(axis=0)
        ridges = np.column_stack([d_u, inner.sum(axis=0), d_c])
        linear = (d_phi * points + pushed).sum(axis=0)
        return -float(value[0]), -np.concatenate([linear, ridges.ravel()])

    def ascent(self, start: Array, strides: int) -> Iterator[Array]:
        """The start, and the parameters after every STRIDE iterations of L-BFGS."""
        from scipy.optimize import minimize

        yield start
        for _ in range(strides):
            options: Any = {"maxiter": STRIDE}
            found = minimize(self.loss, start, jac=True, method="L-BFGS-B", options=options)
            start = np.asarray(found.x)
            yield start
            if found.nit < STRIDE:
                return


def _unpacked(flat: Array, d: int) -> tuple[Array, Array, Array, Array]:
    """a (d,), u (m, d), b (m,), c (m,)."""
    rows = flat[d:].reshape(-1, d + 2)
    return flat[:d], rows[:, :d], rows[:, d], rows[:, d + 1]


def _proposed(x: Array, level: float, rng: np.random.Generator) -> Ridges:
    """The potential worth most on a third of the samples, among ascents on the rest (early stopping)."""
    centre, scale = x.mean(axis=0), x.std(axis=0)
    y = (x - centre) / scale
    directions = _directions(y, scale, rng)
    cut = 2 * len(y) // 3
    train = _Fit(y[:cut], _between(y, directions, CROWD), scale, len(y), _quantile(level, np.inf))
    check, crowd = replace(train, y=y[cut:]), replace(train, y=y[: min(cut, CROWD)])
    paths = [list(crowd.ascent(start, 4)) for start in _starts(train, directions)]
    seen = [flat for path in paths for flat in path]
    if cut > CROWD:
        end = min((path[-1] for path in paths), key=lambda flat: train.loss(flat)[0])
        for start in (min(seen, key=lambda flat: check.loss(flat)[0]), end):
            seen += train.ascent(start, 6)
    best = min(seen, key=lambda flat: check.loss(flat)[0])
    box = np.stack([y.min(axis=0), y.max(axis=0)])
    return Ridges(centre, scale, box, *_unpacked(best, x.shape[1]))


def _directions(y: Array, scale: Array, rng: np.random.Generator) -> Array:
    """Unit covectors of standardised space: axes, principal axes and differences of samples."""
    d = y.shape[1]
    if d == 1:
        return np.ones((1, 1))
    pairs = y[rng.integers(len(y), size=(2, 16))]
    principal = np.linalg.eigh(np.cov((y * scale).T))[1].T
    out = np.concatenate([np.eye(d), principal * scale, (pairs[0] - pairs[1]) * scale**2])
    out = out[np.linalg.norm(out, axis=1) > 0]
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(out[(out @ y.T).std(axis=1) > FLAT])


def _between(y: Array, directions: Array, count: int) -> Array:
    """Probes (about count, d): evenly spaced along every direction, on segments between neighbours.

    Gaps between samples get their share, however few samples lie beside them.
    """
    out = []
    for u in directions:
        along = y @ u
        order = along.argsort()
        levels = np.linspace(along[order[0]], along[order[-1]], max(count // len(directions), 16))
        right = np.clip(np.searchsorted(along[order], levels), 1, len(y) - 1)
        i, j = order[right - 1], order[right]
        gap = along[j] - along[i]
        share = (levels - along[i]) / np.where(gap > 0, gap, 1.0)
        out.append(y[i] + np.clip(share, 0.0, 1.0)[:, None] * (y[j] - y[i]))
    return np.concatenate(out)


def _starts(fit: _Fit, directions: Array) -> list[Array]:
    """The best single ridges of all directions and signs, each beside silent ridges at other places."""
    y = fit.y[:SCREEN]
    found: list[tuple[float, Array]] = []
    heights = np.array([-4.0, -2.0, -1.0, -0.3, 0.3, 1.0, 2.0, 4.0])
    widths = np.array([0.2, 0.6, 2.0, 10.0])  # the last is as good as linear
    for u in directions:
        along = y @ u
        spread, levels = along.std(), np.linspace(along.min(), along.max(), 100)
        grid = np.meshgrid(heights, levels[6:-6:6], widths, indexing="ij")
        height, place, width = (g.ravel() for g in grid)
        height, width = height * np.maximum(width, 1.0), width * spread
        t = np.tanh((np.concatenate([along, levels])[:, None] - place) / width)
        steep = np.square(height / width * (1 - t**2)) * np.square(u / fit.scale).sum()
        worth = _objective(height * t, steep, len(y), fit.size, fit.z)[0]
        for up in (True, False):
            k = int(np.argmax(np.where((height > 0) == up, worth, -np.inf)))
            ridge = np.array([*u / width[k], -place[k] / width[k], height[k]])
            found.append((float(worth[k]), ridge))
    found.sort(key=lambda item: -item[0])
    best = np.stack([ridge for _, ridge in found[:STARTS]])
    return [_around(best, k, y) for k in range(len(best))]


def _around(best: Array, k: int, y: Array) -> Array:
    """Parameters: ridge k, and beside it silent ones along all the directions, at quantiles of y."""
    d = y.shape[1]
    rows = np.zeros((RIDGES, d + 2))
    rows[0] = best[k]
    for j in range(1, RIDGES):
        u = best[(k + j) % len(best), :d]
        u = 2.0 * u / (y @ u).std()
        rows[j, : d + 1] = [*u, -np.quantile(y @ u, j / RIDGES)]
    return np.concatenate([np.zeros(d), rows.ravel()])


def _measured(potential: Ridges, held: Array, level: float) -> ParticleWitness:
    """The quotient on samples (groups, m, d) that the potential has not seen, gated, with its bound."""
    x = held.reshape(-1, held.shape[-1])
    n, probes = len(x), _between(x, potential.u / potential.scale, CROWD)
    points = np.concatenate([x, probes])
    steep = np.square(potential.gradient(points)).sum(axis=1)
    _, w, r, e = _densities(potential(points), steep, n)
    if not r[:n].any():
        raise SolverError(
            Outcome.UNRESOLVED, "the witness of C_LS steps where no sample is: add samples"
        )
    psi = e / e.mean() - r[:n] / r[:n].mean()
    means = psi.reshape(len(held), -1).mean(axis=1)
    sigma = means.std(ddof=1) / np.sqrt(len(held))
    # Dependent samples count for fewer independent ones.
    worth = 1.0 / max(1.0, float(sigma**2 * n / psi.var()))
    ess = {
        "weights": worth * _effective(w[:n]),
        "entropy": worth * _effective(e),
        "energy": worth * _effective(r[:n]),
        "steepest": worth * float(r[:n].sum() / r.max()),
    }
    thin = min(ess, key=lambda name: ess[name] / LEAST[name])
    if not ess[thin] >= LEAST[thin]:
        place = points[int((w if thin in ("weights", "entropy") else r).argmax())]
        where = np.array2string(place[:4], precision=3)
        enough = 2.0 * n * WANTED * LEAST[thin] / ess[thin]
        raise SolverError(
            Outcome.UNRESOLVED,
            f"no bound on C_LS: the {thin} of the witness rests on {ess[thin]:.3g} effective samples of {n} "
            f"held out, {LEAST[thin]:.0f} are needed; the thinnest region is near {where}. About "
            f"{enough:.2g} samples in all would do",
        )
    estimate = float(2.0 * e.mean() / r[:n].mean())
    error = float(estimate * sigma)
    lower = estimate - _quantile(level, len(held)) * error
    return ParticleWitness(lower, estimate, error, level, n, ess, potential)


def _effective(mass: Array) -> float:
    """(Σ mass)²/Σ mass²: how many equal samples would be as noisy."""
    return float(mass.sum() ** 2 / np.square(mass).sum())
