"""The density and score of a mixture at points: wconv beside SciPy and NumPy."""

import jax
import numpy as np
from particles_clock import spread, timed
from particles_peers import Job, kde, naive, summed, whitened

import wconv as wc
from wconv.measures import gridded
from wconv.measures.mixture_kernel import log_mixture, score_mixture


def mixtures(size: float) -> tuple[list[str], list[tuple[str, bool, str]]]:
    """Log-densities and scores at points, beside SciPy and NumPy, with errors from a longer sum."""
    lines, ratios, shares, sigma = [], {}, {}, 0.2
    for dim, n, count in ((1, 10_000, 2048), (2, 10_000, 1024), (10, 10_000, 1024)):
        centres = whitened(int(n * size), dim)
        width = 0.02 if dim == 1 else sigma * (1 if dim == 2 else 4)
        if dim > 2:
            points = centres[:count] + 0.1
        else:
            grid = wc.Box((-3.0,) * dim, (3.0,) * dim).grid(count if dim == 1 else 32)
            points = grid.nodes
        device, at = jax.device_put(centres), jax.device_put(points)
        jobs: dict[str, Job] = {
            "wconv, log_mixture": lambda a=at, c=device, w=width: log_mixture(
                a, c, w
            ).block_until_ready(),
            "wconv, score_mixture": lambda a=at, c=device, w=width: score_mixture(
                a, c, w
            ).block_until_ready(),
            "SciPy gaussian_kde": kde(points, centres, width),
            "NumPy, all pairs": naive(points, centres, width),
        }
        for tol in (1e-9, 1e-13) if dim < 3 else ():
            low = (-3.0,) * dim
            plan = gridded.plan(low, grid.spacing, grid.shape, "none", width, tol)
            jobs[f"wconv, gridded to {tol:g}"] = lambda c=device, p=plan: gridded.density(
                c, p
            ).block_until_ready()
        wall, cpu = timed(jobs, 7)
        shares[dim] = np.median(cpu["wconv, score_mixture"] / cpu["wconv, log_mixture"])
        chosen = slice(None, None, max(len(points) // 64, 1))
        truth = summed(points[chosen], centres, width)
        for name, job in jobs.items():
            error = "—"
            if "score" not in name:
                given = np.asarray(job())[chosen].astype(np.longdouble)
                given = given if "gridded" in name else np.exp(given)
                off = np.abs(given - np.exp(truth)).max() / np.exp(truth).max()
                error = f"{off:.0e}"
            times = cpu["SciPy gaussian_kde"] / cpu[name]
            ratios[dim, name] = np.median(times)
            lines.append(
                f"| {dim} | {len(points)} | {name} | {spread(1e3 * wall[name])} "
                f"| {1e3 * np.median(cpu[name]):.3g} | {np.median(times):.1f} | {error} |"
            )
    gates = [
        (f"10 times SciPy, {name}, d = {dim}", ratios[dim, name] >= 10, f"{ratios[dim, name]:.1f}")
        for dim, name in (
            (1, "wconv, gridded to 1e-13"),
            (1, "wconv, log_mixture"),
            (2, "wconv, log_mixture"),
        )
    ]
    for dim, share in shares.items():
        gates.append(
            (f"scores in twice the time of densities, d = {dim}", share <= 2, f"{share:.2f}")
        )
    return lines, gates
