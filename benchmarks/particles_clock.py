"""Interleaved timings of several jobs, and how they are written."""

import time

import numpy as np
from particles_peers import Job

REPEATS = 9
Times = dict[str, np.ndarray]


def timed(jobs: dict[str, Job], repeats: int = REPEATS) -> tuple[Times, Times]:
    """Wall-clock and processor seconds of interleaved repeats: what disturbs the machine disturbs all."""
    wall: dict[str, list[float]] = {name: [] for name in jobs}
    cpu: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(repeats):
        for name, job in jobs.items():
            before = time.perf_counter(), time.process_time()
            job()
            wall[name].append(time.perf_counter() - before[0])
            cpu[name].append(time.process_time() - before[1])
    return tuple({name: np.array(t) for name, t in kept.items()} for kept in (wall, cpu))


def spread(rates: np.ndarray, form: str = ".3g") -> str:
    low, middle, high = np.quantile(rates, [0.25, 0.5, 0.75])
    return f"{middle:{form}} ({low:{form}}–{high:{form}})"
