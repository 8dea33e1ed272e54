"""The constants against naive baselines: accuracy on closed forms and published digits, and time.

    python benchmarks/constants.py

One thread, CPU time of the process, medians of interleaved repeats, after compilation (which is timed on
its own). The peers do the same work the obvious way: SciPy's eigensolver on a second-order matrix for C_P,
a quasi-Newton ascent of the discrete log-Sobolev quotient for C_LS. Writes
benchmarks/results/constants.md; exits 1 when a gate is missed.
"""

# ruff: noqa: E402  (threads are pinned before NumPy is imported)
import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

import jax  # noqa: F401  (importing it is not compilation)
import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize

import wconv as wc

RESULT = Path(__file__).parent / "results" / "constants.md"
R = wc.Interval(-np.inf, np.inf)


def well(tau: float, tilt: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
    return lambda a: -((a**2 - 1) ** 2 / 4 + tilt * a) / tau


def mixture(weight: float, place: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda a: np.logaddexp(
        np.log(weight) - (a + place) ** 2 / 2, np.log1p(-weight) - (a - place) ** 2 / 2
    )


INF = float("nan")
ROWS: list[tuple[str, Callable[[np.ndarray], np.ndarray], wc.Interval, float, float]] = [
    ("U[0, pi]", np.zeros_like, wc.Interval(0.0, np.pi), 1.0, 1.0),
    ("N(0,1)", lambda a: -(a**2) / 2, R, 1.0, 1.0),
    ("N(0,1) on [-1,1]", lambda a: -(a**2) / 2, wc.Interval(-1, 1), 1 / 3, 1 / 3),
    ("N(0,1) on [0,3]", lambda a: -(a**2) / 2, wc.Interval(0, 3), 0.457770018733, 0.57634759100),
    ("N(0,1) on [0,sqrt 3]", lambda a: -(a**2) / 2, wc.Interval(0, 3**0.5), 0.25, INF),
    ("exp(x^2/2) on [-1,1]", lambda a: a**2 / 2, wc.Interval(-1, 1), 0.5, 0.5),
    ("exp(2x^2) on [-1,1]", lambda a: 2 * a**2, wc.Interval(-1, 1), 1.02883672646, 1.028836726),
    (
        "exp(-x) on [0,5]",
        lambda a: -a,
        wc.Interval(0, 5),
        1 / (0.25 + np.pi**2 / 25),
        2.33292538696,
    ),
    ("exp(-x^4)", lambda a: -(a**4), R, 0.365338837043, 0.365338837),
    ("two wells, tau=1", well(1.0), R, 1.26248530649, 1.26248530649),
    ("two wells, tau=.3", well(0.3), R, 1.26038542677, 1.26038542677),
    ("two wells, tau=.1", well(0.1), R, 2.98104467199, 2.98104467199),
    ("two wells, tau=.03", well(0.03), R, 292.121396597, 292.121396597),
    ("tilted wells, tau=1", well(1.0, 0.1), R, 1.25859291185, 1.261918933),
    ("tilted wells, tau=.3", well(0.3, 0.1), R, 1.22220551014, 1.253974019),
    ("tilted wells, tau=.1", well(0.1, 0.1), R, 2.22134585330, 2.78417289727),
    ("N(-1)/2 + N(1)/2", mixture(0.5, 1.0), R, 2.0615666877, 2.0615666877),
    ("N(-2)/2 + N(2)/2", mixture(0.5, 2.0), R, 8.39879885823, 8.39879885823),
    (".9 N(-2) + .1 N(2)", mixture(0.9, 2.0), R, 5.62821040127, 7.813464140934),
    (
        "Beta(2,2)",
        lambda a: np.log(a) + np.log1p(-a),
        wc.Interval(0, 1),
        0.0540881814886,
        0.05408818149,
    ),
    (
        "Beta(3,1)",
        lambda a: 2 * np.log(a),
        wc.Interval(0, 1),
        4.493409457909064**-2,
        0.0578134522803,
    ),
]
"""Name, log-density, space, C_P, C_LS: closed forms, and values known to 9 to 13 digits."""


def cpu(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def medians(jobs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Interleaved repeats: what disturbs the machine disturbs all."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            times[name].append(cpu(job))
    return {name: median(kept) for name, kept in times.items()}


def chain(log_density: Callable[[np.ndarray], np.ndarray], low: float, high: float, n: int):
    """Cell masses and edge conductances of the second-order discretisation."""
    h = (high - low) / n
    x = low + h * (np.arange(n) + 0.5)
    p = np.exp(log_density(x) - log_density(x).max())
    p /= p.sum()
    return p, np.sqrt(p[1:] * p[:-1]) / h**2


def naive_poincare(p: np.ndarray, w: np.ndarray) -> float:
    """1/λ_1 of the symmetrised tridiagonal generator (SciPy)."""
    diagonal = (np.append(w, 0) + np.insert(w, 0, 0)) / p
    return float(
        1
        / eigh_tridiagonal(diagonal, -w / np.sqrt(p[1:] * p[:-1]), select="i", select_range=(0, 1))[
            0
        ][1]
    )


def naive_log_sobolev(p: np.ndarray, w: np.ndarray) -> float:
    """Best quotient Ent(g²)/2E(g, g) by L-BFGS in u = log g, from four tilts."""

    def loss(u: np.ndarray) -> tuple[float, np.ndarray]:
        g = np.exp(u - u.max())
        mass, steps = p @ g**2, np.diff(g)
        logs = np.log(g**2 / mass)
        entropy, energy = float(p @ (g**2 * logs)), float(w @ steps**2)
        flow = np.append(0, w * steps) - np.append(w * steps, 0)
        d_entropy, d_energy = 2 * p * g * logs, 2 * flow
        value = entropy / (2 * energy)
        return -value, -(d_entropy - 2 * value * d_energy) / (2 * energy) * g

    t = np.linspace(-1, 1, len(p))
    starts = [c * t for c in (-1.0, -0.3, 0.3, 1.0)]
    found = [
        minimize(loss, s, jac=True, method="L-BFGS-B", options={"maxiter": 2000}) for s in starts
    ]
    return float(max(-f.fun for f in found))


def accuracy() -> tuple[list[str], float, float]:
    """Every row of known values; the worst relative distances."""
    lines, worst_p, worst_ls = [], 0.0, 0.0
    for name, log_density, space, c_p, c_ls in ROWS:
        found = wc.inequalities(log_density, on=space)
        p, ls = found.poincare, found.log_sobolev
        off_p = abs(float(p.estimate) / c_p - 1)
        off_ls = abs(float(ls.estimate) / c_ls - 1) if c_ls == c_ls else 0.0
        worst_p, worst_ls = max(worst_p, off_p), max(worst_ls, off_ls)
        lines.append(
            f"| {name} | {float(p.estimate):.12g} | {off_p:.0e} | {float(p.upper / p.lower) - 1:.0e} "
            f"| {float(ls.estimate):.12g} | {off_ls:.0e} | {float(ls.upper / ls.lower) - 1:.0e} |"
        )
    return lines, worst_p, worst_ls


def single() -> tuple[list[str], dict[str, float]]:
    """One density: time after compilation against the naive ways, with the error of each."""
    log_density, truth_p, truth_ls = well(0.1, 0.1), 2.22134585330, 2.78417289727
    line = wc.inequalities(log_density, on=R).problem
    low, high = float(line.low[0]), float(line.high[0])
    start = time.process_time()
    wc.log_sobolev(log_density, on=R)
    compiled = time.process_time() - start
    jobs: dict[str, Callable[[], object]] = {
        "C_P, wconv": lambda: wc.poincare(log_density, on=R),
        "C_LS with C_P, wconv": lambda: wc.log_sobolev(log_density, on=R),
    }
    for n in (512, 4096):
        p, w = chain(log_density, low, high, n)
        jobs[f"C_P, tridiagonal eigensolver, {n} cells"] = lambda p=p, w=w: naive_poincare(p, w)
    p, w = chain(log_density, low, high, 256)
    jobs["C_LS, L-BFGS on the quotient, 256 cells"] = lambda: naive_log_sobolev(p, w)
    times = medians(jobs, 3)
    lines = []
    for name, job in jobs.items():
        out = job()
        value = float(out.estimate if isinstance(out, wc.Constant) else out)
        truth = truth_p if name.startswith("C_P") else truth_ls
        base = times["C_P, wconv" if name.startswith("C_P") else "C_LS with C_P, wconv"]
        lines.append(
            f"| {name} | {1e3 * times[name]:.1f} | {times[name] / base:.1f} | {abs(value / truth - 1):.0e} |"
        )
    return lines, {
        "C_P": times["C_P, wconv"],
        "C_LS": times["C_LS with C_P, wconv"] - times["C_P, wconv"],
        "compile": compiled - times["C_LS with C_P, wconv"],
    }


def batch() -> tuple[float, float]:
    """Fifty densities as one policy: seconds for C_LS, and the widest relative bracket."""
    grid = wc.Interval(-2.0, 2.0).grid(128)
    a, k = grid.nodes[:, 0], np.arange(50)[:, None]
    policy = wc.softmax_policy(-((a**2 - 1) ** 2 + (0.1 + 0.01 * k) * a) * (1 + 0.02 * k), grid)
    wc.log_sobolev(policy)
    found = wc.inequalities(policy)
    _ = found.poincare
    start = time.process_time()
    c = found.log_sobolev
    return time.process_time() - start, float((c.upper / c.lower).max() - 1)


def plane() -> tuple[float, float, float]:
    """C_P in the plane: one second-order solve at 128², and the error of the Richardson value."""
    from wconv.constants.graph import slow_modes

    def log_density(a: np.ndarray) -> np.ndarray:
        x, y = a[..., 0], a[..., 1]
        return (
            -(4 * (x**2 - 0.36) ** 2 + 0.6 * (y - 0.5 * x**2) ** 2 + 0.5 * x * y + 0.05 * x) / 0.15
        )

    space = wc.Box((-1.0, -1.0), (1.0, 1.0))
    problem = wc.inequalities(log_density, on=space).problem
    times = medians({"solve": lambda: slow_modes(problem.graph(0, 128), 1)}, 3)
    found = wc.inequalities(log_density, on=space)
    return times["solve"], float(found.poincare.estimate), float(found.log_sobolev.estimate)


def machine() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in text if line.startswith("model name")]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "jax"))
    processor = models[0] if models else platform.processor()
    return (
        f"{processor}, {os.cpu_count()} cores, one used; Python {platform.python_version()}, "
        f"{versions}; {date.today()}."
    )


def main() -> int:
    one, seconds = single()
    rows, worst_p, worst_ls = accuracy()
    fifty, width = batch()
    planar, plane_p, plane_ls = plane()
    gates = [
        (
            "C_P of one density in at most 10 ms",
            seconds["C_P"] <= 0.010,
            f"{1e3 * seconds['C_P']:.1f} ms",
        ),
        (
            "C_LS of one density in at most 0.3 s",
            seconds["C_LS"] <= 0.3,
            f"{seconds['C_LS']:.3f} s",
        ),
        (
            "first call, compilation, at most 3 s",
            seconds["compile"] <= 3.0,
            f"{seconds['compile']:.2f} s",
        ),
        (
            "C_LS of 50 densities in at most 1 s",
            fifty <= 1.0,
            f"{fifty:.2f} s, bracket {width:.0e}",
        ),
        ("C_P at 128² in at most 1 s", planar <= 1.0, f"{planar:.2f} s"),
        ("C_P of every row to 1e-9", worst_p <= 1e-9, f"{worst_p:.0e}"),
        ("C_LS of every row to 1e-9", worst_ls <= 1e-9, f"{worst_ls:.0e}"),
        (
            "C_P in the plane to 1e-4 (2.35630)",
            abs(plane_p / 2.35630 - 1) <= 1e-4,
            f"{plane_p:.5f}",
        ),
        (
            "C_LS in the plane to 1e-4 (2.55522)",
            abs(plane_ls / 2.55522 - 1) <= 1e-4,
            f"{plane_ls:.5f}",
        ),
    ]
    lines = [
        "# Functional-inequality constants: accuracy and time\n",
        f"{machine()} Written by `python benchmarks/constants.py`.\n",
        "CPU time, one thread, medians of interleaved repeats.\n",
        "| gate | measured | |\n|---|---:|---|",
        *(f"| {name} | {text} | {'met' if ok else 'MISSED'} |" for name, ok, text in gates),
        "\n## One density: tilted wells, τ = .1\n",
        "| what | CPU ms | × wconv | relative error |\n|---|---:|---:|---:|",
        *one,
        "\n## Known values\n",
        "Relative distance to the known value and relative width of the bracket.\n",
        "| density | C_P | off | width | C_LS | off | width |\n|---|---:|---:|---:|---:|---:|---:|",
        *rows,
    ]
    RESULT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0 if all(ok for _, ok, _ in gates) else 1


if __name__ == "__main__":
    sys.exit(main())
