"""How fast the gap of the gradient flow closes along the way, as far as its errors let it be known."""

from typing import Any

import numpy as np

import wconv as wc
from wconv._axes import Array


def watched(
    star: wc.Solution,
    start: wc.Policy,
    until: float,
    *,
    samples: int = 8,
    tol: float = 1e-4,
    noise: float = 0.1,
) -> dict[str, Array]:
    """E_t of the flow from a policy and its local rate −d log E_t/dt between samples, with errors.

    Rates from the first time on at which E_t is not known to a relative error ``noise`` are NaN.

    Args:
        star: the solved problem.
        start: π_0.
        until: the last time.
        samples: of policies after the start.
        tol: of the flow, see ``wc.WPGFlow``.
        noise: the relative error that E_t must be known to.

    Returns:
        t, E and E_error at samples + 1 times; rate, rate_error of the intervals.

    """
    path = wc.evolve(wc.WPGFlow(tol), star.mdp, start, until=until, samples=samples)
    E = wc.optimality_gap(star, path).sup()
    unknown = np.append(E.error > noise * E.value, True)
    known = int(unknown.argmax())
    rate, error = (np.full(samples, np.nan) for _ in range(2))
    if known >= 2:
        found = wc.local_rate(path.times[:known], E[:known])
        rate[: known - 1], error[: known - 1] = found.value, found.error
    return {"t": path.times, "E": E.value, "E_error": E.error, "rate": rate, "rate_error": error}


def fall(seen: dict[str, Array]) -> tuple[float, float]:
    """The mean rate log(E_0/E_T)/T over a whole path, and its error; NaN where E_T is not known."""
    E, off, T = seen["E"][[0, -1]], seen["E_error"][[0, -1]], seen["t"][-1]
    if not (off < E).all():
        return np.nan, np.nan
    return float(np.log(E[0] / E[1]) / T), float(-np.log1p(-off / E).sum() / T)


def pushed(star: wc.Solution, tilt: float) -> wc.Policy:
    """The optimal policy times e^{tilt·a/ℓ}, normalised, ℓ the standard deviation of μ."""
    grid: Any = star.mdp.grid
    a = grid.nodes[:, 0]
    mean = grid.weights @ a
    return wc.softmax_policy(
        star.policy.logf + tilt * a / np.sqrt(grid.weights @ (a - mean) ** 2), grid
    )


def columns(rows: list[dict[str, float]]) -> dict[str, Array]:
    """Numbers of several rows by name."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
