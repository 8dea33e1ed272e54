"""Particles: steps per second beside NumPy, JAX and blackjax, their growth and memory, and mixtures of many.

    python benchmarks/particles.py [--size 1] [--out benchmarks/results/particles.md]

Runs on whatever device JAX has, unchanged; ``--size`` multiplies the numbers of particles. Wall-clock time,
for JAX uses all cores (its threads are not pinned) and NumPy and SciPy one; interleaved repeats, medians with
their quartiles, after compilation. Ratios are medians of the ratios within a repeat. Writes the results;
exits 1 when a gate is missed. Needs the extra ``wconv[bench]``.
"""

import os

os.environ.pop("OMP_NUM_THREADS", None)
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import platform
import subprocess
import sys
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from particles_clock import spread, timed
from particles_mixtures import mixtures
from particles_peers import (
    SCALE,
    STEP,
    TAU,
    Job,
    Langevin,
    triad,
    well,
)

import wconv as wc
from wconv.dynamics.particle_kernel import State, advance
from wconv.dynamics.particle_moves import Rates
from wconv.dynamics.particle_noise import seeded
from wconv.dynamics.particle_run import Run, run_of
from wconv.dynamics.particle_space import bytes_needed

jax.config.update("jax_enable_x64", True)
RESULT = Path(__file__).parent / "results" / "particles.md"
TYPES = (np.float64, np.float32)
PAIRS = 2**31
"""Pairs of a step above which an estimator that visits all of them is not run."""

VERDICTS = {True: "met", False: "MISSED", None: "not decided"}


def stay(s: Any, a: Any) -> Any:
    xp = a.__array_namespace__()
    return xp.ones((*a.shape[:-1], 1)) + 0.0 * (s + a[..., :1])


def bandit(dim: int) -> wc.SmoothMDP:
    return wc.SmoothMDP(well, stay, 1, 0.0, TAU, wc.GaussianSpace(dim, SCALE))


def ring(states: int, dim: int) -> wc.SmoothMDP:
    """States on a circle, actions on a torus: each state likes its own angle, and a_1 leads round."""
    places = 2 * np.pi * np.arange(states) / states

    def reward(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        return xp.sum(xp.cos(a - xp.asarray(places)[s][..., None]), axis=-1)

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        powers = xp.exp(xp.cos(a[..., :1] + xp.asarray(places)[s][..., None] - xp.asarray(places)))
        return powers / xp.sum(powers, axis=-1, keepdims=True)

    return wc.SmoothMDP(reward, transition, states, 0.9, TAU, wc.Torus(2 * np.pi, dim))


def prepared(problem: Any, n: int, value: str, precision: str, eta: float = STEP) -> Run:
    method, chosen = wc.WPGD(eta), {"value": value, "precision": precision}
    return run_of(method, problem, None, n=n, steps=1, seeds=[0], devices=1, **chosen)


def steps(run: Run, count: int) -> Job:
    return lambda: run.go_on(run.start, 0, count)


def moved(run: Run) -> float:
    """Bytes that XLA counts for one step of a run, a number of its particles."""
    with jax.enable_x64(run.dtype == np.float64):
        nothing = run.dtype(0.0)
        state = State(*run.start, np.int32(-1), nothing, nothing)
        rates = Rates(*(run.dtype(rate) for rate in run.rates))
        ends = np.int32(0), np.int32(1)
        lowered = advance.lower(run.spec, rates, run.tables, state, seeded([0]), run.given, *ends)
        return lowered.compile().cost_analysis()["bytes accessed"] / run.start.particles.size


def independent(size: float) -> tuple[list[str], list[str], list[tuple[str, bool | None, str]]]:
    """Particles that do not interact: the roofline, the table of solvers, the gates."""
    roof, lines, gates = [], [], []
    for dim, often in ((1, 100), (10, 20)):
        n, problem = int(1e5 * size), bandit(dim)
        bandwidth = 240 * n * dim / np.median(timed({"triad": triad(n * dim)})[0]["triad"])
        for dtype in TYPES:
            peers, name = Langevin(n, dim, dtype, often), np.dtype(dtype).name
            run = prepared(problem, n, "auto", name)
            jobs = {
                "wconv, evolve_particles": partial(
                    wc.evolve_particles, wc.WPGD(STEP), problem, n=n, steps=often, precision=name
                ),
                "wconv, its steps alone": steps(run, often),
                "NumPy": peers.numpy(),
                "JAX, plain loop": peers.jax(),
                "blackjax sgld": peers.sgld(),
                "blackjax mala": peers.mala(),
                "jax.random.normal alone": peers.alone(),
            }
            wall, cpu = timed(jobs)
            cores = (os.cpu_count() or 1) if jax.default_backend() == "cpu" else np.inf
            numbers, whole = n * dim * often, next(iter(jobs))
            shares = {
                other: np.median(wall[other] / wall[whole])
                for other in ("NumPy", "jax.random.normal alone")
            }
            for job in jobs:
                lines.append(
                    f"| {dim} | {name} | {job} | {spread(numbers / wall[job] / dim / 1e6)} "
                    f"| {1e9 * np.median(cpu[job]) / numbers:.1f} "
                    + "".join(f"| {np.median(wall[o] / wall[job]):.2f} " for o in shares)
                    + "|"
                )
            many = moved(run)
            rate = numbers / np.median(wall["wconv, its steps alone"])
            roof.append(
                f"| {dim} | {name} | {rate / 1e6:.3g} | {many:.0f} | {many * rate / 1e9:.2g} "
                f"| {bandwidth / 1e9:.2g} | {shares['jax.random.normal alone']:.0%} |"
            )
            if dim == 1:
                least = 1.5 if dtype is np.float64 else 3.0
                # Others' work may slow NumPy more than us; no run of these cores has more than this.
                most = cores * np.median(cpu["NumPy"] / cpu[whole])
                ratio = shares["NumPy"]
                told = f"{ratio:.2f} measured, {most:.2f} possible"
                verdict = None if least <= most < ratio else ratio >= least
                gates.append((f"{least:g} times NumPy in {name}", verdict, told))
            share = shares["jax.random.normal alone"]
            what = f"60 % of what jax.random.normal alone does, d = {dim}, {name}"
            gates.append((what, share >= 0.6, f"{share:.0%}"))
    return roof, lines, gates


def interacting(size: float) -> list[str]:
    """Steps per second of rings by the way V is found, and their growth."""
    lines = []
    sizes = [int(n * size) for n in (1e3, 1e4, 1e5, 1e6)]
    for dim, states, nodes in ((1, 4, 64), (1, 16, 64), (2, 4, 32), (3, 4, 0)):
        smooth = ring(states, dim)
        problem = wc.tabulate(smooth, nodes) if nodes else smooth
        kinds = (
            {"mixture": nodes**dim, "gridded": 0, "samples": None} if nodes else {"samples": None}
        )
        found: dict[str, list[str]] = {kind: [] for kind in kinds}
        for n in sizes:
            jobs = {}
            for kind, across in kinds.items():
                # Every particle sees all the others and their nearest images.
                pairs = states * n * (3**dim * n if across is None else across)
                if pairs <= PAIRS * size:
                    jobs[kind] = steps(prepared(problem, n, kind, "float64", 0.05), 1)
            wall, _ = timed(jobs, 5)
            for kind in kinds:
                found[kind].append(spread(1 / wall[kind]) if kind in jobs else "—")
        for kind, rates in found.items():
            lines.append(f"| {dim} | {states} | {kind} | " + " | ".join(rates) + " |")
    return lines


SPACES = (
    ("bandit, S = 1, d = 1", 1, 1, "auto", "float64", 2_000_000),
    ("bandit, S = 1, d = 10", 1, 10, "auto", "float32", 1_000_000),
    ("ring, S = 16, d = 1", 16, 1, "gridded", "float64", 1_000_000),
    ("ring, S = 4, d = 1", 4, 1, "mixture", "float64", 1_000_000),
    ("ring, S = 4, d = 2", 4, 2, "gridded", "float64", 1_000_000),
    ("ring, S = 4, d = 3", 4, 3, "samples", "float64", 5_000),
)
"""Name, states, d, the way to V, precision, N."""


def system(states: int, dim: int) -> Any:
    if states == 1:
        return bandit(dim)
    return ring(states, dim) if dim > 2 else wc.tabulate(ring(states, dim), (64, 32)[dim - 1])


def peak() -> int:
    """The most memory held: of the process, or of an accelerator."""
    told = jax.devices()[0].memory_stats()
    if told is not None and jax.default_backend() != "cpu":
        return int(told["peak_bytes_in_use"])
    # Not getrusage: what a process starts inherits its peak.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def one_peak(row: int, n: int) -> None:
    """What a process of its own prints: the peak of a run, after that of a small one."""
    _, states, dim, kind, precision, _ = SPACES[row]
    problem = system(states, dim)
    for count in (64, n):
        run = partial(wc.evolve_particles, wc.WPGD(0.05), problem, steps=2, precision=precision)
        run(n=count, value=kind)
        print(peak())


def memory(size: float) -> tuple[list[str], list[tuple[str, bool, str]]]:
    """Peaks beside ``bytes_needed``; the worst ratio, and the peak at S = 16."""
    lines, ratios, largest = [], [], 0.0
    for row, (name, states, dim, kind, precision, most) in enumerate(SPACES):
        n, smooth = int(most * size), bandit(dim) if states == 1 else ring(states, dim)
        order = [sys.executable, __file__, "--peak", str(row), str(n)]
        out = subprocess.run(order, capture_output=True, text=True, check=True).stdout
        small, full = (int(x) for x in out.split())
        averaged, itemsize = kind == "samples", np.dtype(precision).itemsize
        told = bytes_needed(smooth, n, 1, 1, itemsize, averaged=averaged)
        ratios.append((full - small) / told)
        if states == 16:
            largest = max(largest, full)
        lines.append(
            f"| {name} | {kind} | {precision} | {n} | {full / 1e9:.2f} | {(full - small) / 1e9:.2f} "
            f"| {told / 1e9:.2f} | {ratios[-1]:.2f} |"
        )
    least, worst = min(ratios), max(ratios)
    fits = least >= 0.25 and worst <= 1.25
    return lines, [
        ("memory is ¼ to 1¼ of what is told", fits, f"{least:.2f} to {worst:.2f}"),
        ("S = 16 with 1e6 particles each in 4 GB", largest <= 4e9, f"{largest / 1e9:.2f} GB"),
    ]


def machine() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in text if line.startswith("model name")]
    names = ("numpy", "scipy", "jax", "blackjax")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores; JAX on "
        f"{jax.default_backend()} ({jax.devices()[0].device_kind}); Python {platform.python_version()}, "
        f"{versions}; {date.today()}; load average {os.getloadavg()[0]:.1f} at the end."
    )


def main(size: float, out: Path) -> int:
    roof, solvers, speed = independent(size)
    rings = interacting(size)
    spaces, held = memory(size)
    sums, dense = mixtures(size)
    gates = speed + held + dense
    lines = [
        "# Particles: speed, growth, memory, mixtures\n",
        f"{machine()} Size {size:g}. Written by `python benchmarks/particles.py`.\n",
        "Wall-clock time, medians of interleaved repeats with quartiles, after compilation. JAX uses all "
        "cores, NumPy and SciPy one. With a load above the number of cores, rates are too low, those of many "
        "threads most of all; nanoseconds of the processor are less disturbed. *Possible* is their ratio "
        "times the cores: more than that is an accident of the load, and decides nothing.\n",
        "## Roofline\n",
        "Double wells, discount 0, N = "
        + f"{int(1e5 * size)}. *Bytes*: XLA's count for one step, a coordinate "
        "(with what entering and leaving the loop costs). *Triad*: the same of x ← x/2 + y on arrays of "
        "that size, which stay in the caches. *Of random numbers*: the rate of `evolve_particles` over "
        "that of `jax.random.normal` alone.\n",
        "| d | type | coordinates, 1e6/s | bytes | GB/s | triad, GB/s | of random numbers |",
        "|---:|---|---:|---:|---:|---:|---:|",
        *roof,
        "\n| gate | measured | |\n|---|---:|---|",
        *(f"| {name} | {text} | {VERDICTS[ok]} |" for name, ok, text in gates),
        "\n## Independent particles\n",
        "`evolve_particles` draws its start, hashes and copies besides; `sgld` is the same update on the "
        "product of all particles, `mala` has a density, a key and a decision for every chain.\n",
        "| d | type | solver | 1e6 particle-steps/s | CPU ns a coordinate | × NumPy | × normal alone |",
        "|---:|---|---|---:|---:|---:|---:|",
        *solvers,
        "\n## Rings: steps per second\n",
        f"Torus of dimension d, 64 or 32² nodes, float64. —: no run, more than {PAIRS:.1e} pairs a step.\n",
        "| d | S | V by | "
        + " | ".join(f"N = {int(n * size)}" for n in (1e3, 1e4, 1e5, 1e6))
        + " |",
        "|---:|---:|---|---:|---:|---:|---:|",
        *rings,
        "\n## Memory\n",
        "Peaks of a process, and above a run of 64 particles in it, beside what `bytes_needed` says.\n",
        "| system | V by | type | N | peak, GB | above, GB | told, GB | ratio |",
        "|---|---|---|---:|---:|---:|---:|---:|",
        *spaces,
        f"\n## Mixtures of {int(1e4 * size)} Gaussians\n",
        "σ is .02, .2, .8 of the cloud's deviation for d = 1, 2, 10. Errors of the density in units of its "
        "largest value, at 64 points, from a sum in extended precision. *× SciPy*: of processor times, to "
        "which neither a load nor a second core matters.\n",
        "| d | points | solver | wall ms | CPU ms | × SciPy | error |",
        "|---:|---:|---|---:|---:|---:|---:|",
        *sums,
    ]
    out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0 if all(ok for _, ok, _ in gates) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--size", type=float, default=1.0, help="factor of all numbers of particles"
    )
    parser.add_argument("--out", type=Path, default=RESULT, help="where results are written")
    parser.add_argument("--peak", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        one_peak(*given.peak)
    else:
        sys.exit(main(given.size, given.out))
