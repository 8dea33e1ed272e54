"""The proximal step against general solvers: time at equal accuracy, and how often it fails.

    python benchmarks/wppg.py

One thread, CPU time of the process, medians of interleaved repeats, after compilation. Peers: Clarabel
(direct, without a modelling layer), the Sinkhorn iterations of POT and OTT for semi-relaxed transport,
SciPy's L-BFGS on the smooth dual, and POT's network simplex as a yardstick. All policies are judged by
one NumPy function. Writes benchmarks/results/wppg.md; exits 1 when a gate is missed. Needs the extra
``wconv[bench]``.
"""

# ruff: noqa: I001  (constants pins threads before JAX is imported)
from constants import cpu, machine, medians

import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ot
from scipy.special import logsumexp, softmax
from wppg_peers import (
    LINE,
    Steps,
    basins,
    between_nodes,
    by_levels,
    by_plans,
    on_line,
    on_points,
    ott,
    points,
    pot,
    quasi_newton,
    steps,
    wells,
)

import wconv as wc
from wconv.dynamics.proximal import ROUNDING
from wconv.dynamics.step_transport import transport_of

RESULT = Path(__file__).parent / "results" / "wppg.md"
TOLERANCES = (1e-3, 1e-5, 1e-7, 1e-10)
RATED = 1e-2
"""A policy that loses more is not a solution: its time is shown, and counts for no gate."""

OFTEN = 5
"""Runs of wconv's step for one of a peer, to resolve it."""

PAIRS = ((0.1, 0.1), (0.1, 10.0), (0.5, 0.5))
"""τ and η."""

Loss = Callable[[np.ndarray, int], float]
Table = tuple[list[str], float]


def solved(at: Steps, tol: float) -> tuple[np.ndarray, np.ndarray]:
    """wconv's policies and their certified gaps."""
    transport = transport_of(at.mdp)
    phi = transport.potential(at.mdp.r, at.nu, at.eta, tol)
    return at.policies(phi), transport.gap(phi, at.mdp.r, at.nu, at.eta)


def step(at: Steps, tol: float = 1e-10) -> Callable[[], np.ndarray]:
    """The public step with its certificate; ``tol`` is relative to τ + osc q."""
    forward = wc.WPPG(at.eta, tol=tol).prepare(at.mdp)
    return lambda: forward(at.nu, 1)


def losses(at: Steps, tol: float, value: Callable[[np.ndarray, Steps, int], float]) -> Loss:
    """J* − J(p), where J* is bounded by a certified gap: losses below 1e-11 are zero or less."""
    best, gap = solved(at, tol)
    top = [value(p, at, s) + gap[s] for s, p in enumerate(best)]
    return lambda p, s: top[s] - value(p, at, s)


def equal_accuracy(whole: Steps, chosen: list[int]) -> Table:
    """Every solver's time a state and its worst loss; the least ratio to wconv's step of that accuracy.

    wconv takes a step in all states at once, peers and losses have the chosen ones.
    """
    at, states = whole.on(chosen), range(len(chosen))
    on_cells = losses(at, 1e-12, partial(on_line, spread=True))
    on_nodes = losses(between_nodes(at), 1e-11, partial(on_line, spread=False))
    peers: dict[str, tuple[Callable[[int], np.ndarray], Loss]] = {
        "Clarabel, cells": (lambda s: by_levels(at, s), on_cells),
        "Clarabel, nodes": (lambda s: by_plans(at, s), on_nodes),
    }
    for limit in (300, 3000):
        run = lambda s, k=limit: quasi_newton(at, s, k)  # noqa: E731
        peers[f"L-BFGS, {limit} iterations, cells"] = run, on_cells
    for share in (0.1, 0.01):
        peers[f"OTT Sinkhorn, ε = {share:g}τ, nodes"] = ott(at, share), on_nodes
        peers[f"POT Sinkhorn, ε = {share:g}τ, nodes"] = pot(at, share), on_nodes
        peers[f"OTT Sinkhorn, ε = {share:g}τ, nodes"][0](0)
    size = float((whole.mdp.tau + np.ptp(whole.mdp.r, axis=1)).max())
    ours = {f"wconv, certified to {t:g}, cells": step(whole, t / size) for t in TOLERANCES}
    found: dict[str, list[np.ndarray]] = {name: list(run()[chosen]) for name, run in ours.items()}
    jobs: dict[str, Callable[[], object]] = {
        name: lambda run=run: [run() for _ in range(OFTEN)] for name, run in ours.items()
    }
    for name, (run, _) in peers.items():
        jobs[name] = lambda name=name, run=run: found.update({name: [run(s) for s in states]})
    times = {
        name: 1e3 * seconds / (OFTEN * whole.mdp.n_states if name in ours else len(states))
        for name, seconds in medians(jobs, 3).items()
    }
    lines, ratios = [], []
    for name, policies in found.items():
        loss = on_cells if name in ours else peers[name][1]
        lost = max(loss(p, s) for s, p in enumerate(policies))
        if name in ours:
            ratio = "1"
        elif lost > RATED:
            ratio = "no solution"
        else:
            matched = (x for x, tol in zip(ours, TOLERANCES, strict=True) if tol <= lost)
            ratios.append(times[name] / times[next(matched, list(ours)[-1])])
            ratio = f"{ratios[-1]:.0f}"
        lines.append(f"| {name} | {times[name]:.2f} | {ratio} | {lost:.0e} |")
    return lines, min(ratios)


def stress(count: int) -> tuple[list[str], int, float]:
    """Random problems on 256 nodes: rows of the table, failures, the worst gap."""
    rng, grid = np.random.default_rng(0), LINE.grid(256)
    x = grid.nodes[:, 0]
    gaps, allowed, seconds = np.empty((3, count))
    for k in range(count):
        waves = np.cos(np.arange(1, 5)[:, None] * x * np.pi / 3 + rng.uniform(0, 6, (4, 1)))
        Q = 10 ** rng.uniform(-0.5, 0.7) * rng.standard_normal(4) @ waves
        # From almost flat to e^{-750} at the far end, with a second peak in every other problem.
        depth, peaks = 10 ** rng.uniform(0, 2.4), rng.uniform(-1.5, 1.5, 2)
        logits = -depth * np.abs(x - peaks[:, None]) - [[0.0], [5.0 if k % 2 else np.inf]]
        nu = softmax(logsumexp(logits, axis=0))
        at = steps(Q[None], nu[None], grid, 10 ** rng.uniform(-2, 0), 10 ** rng.uniform(-3, 2))
        size = at.mdp.tau + np.ptp(Q)
        rounding = ROUNDING * (size + transport_of(at.mdp).span / at.eta)
        allowed[k] = 1e-10 + rounding
        if k == 0:
            solved(at, 1e-10)
        seconds[k] = cpu(lambda at=at, k=k: gaps.put(k, solved(at, allowed[k] / 2)[1]))
    failed = ~(gaps <= allowed)
    ms, largest = 1e3 * np.quantile(seconds, [0.5, 0.95, 1.0]), gaps.max()
    lines = [
        f"| {count} | {failed.sum()} | {(gaps > 1e-10).sum()} | {largest:.0e} "
        f"| {ms[0]:.1f} / {ms[1]:.1f} / {ms[2]:.0f} |"
    ]
    return lines, int(failed.sum()), float(largest)


def growth() -> Table:
    """20 states on lines: the step, beside one W² of POT; seconds of the solver at 256."""
    jobs: dict[str, Callable[[], object]] = {}
    sizes = (64, 128, 256, 512, 1024)
    for n in sizes:
        at = wells(20, n, 0.1, 0.1)
        x, p = at.mdp.grid.nodes[:, 0], solved(at, 1e-10)[0][10]
        solve = transport_of(at.mdp).potential
        jobs[f"solve {n}"] = lambda at=at, f=solve: f(at.mdp.r, at.nu, at.eta, 1e-10)
        jobs[f"step {n}"] = step(at)
        jobs[f"plan {n}"] = lambda at=at, p=p: ot.emd2(p, at.nu[10], at.cost)
        jobs[f"sort {n}"] = lambda at=at, p=p, x=x: ot.emd2_1d(x, x, p, at.nu[10])
    for job in jobs.values():
        job()
    times = {name: 1e3 * t for name, t in medians(jobs, 5).items()}
    lines = [
        f"| {n} | {times[f'solve {n}']:.1f} | {times[f'step {n}']:.1f} | {times[f'step {n}'] / 20:.2f} "
        f"| {times[f'plan {n}']:.2f} | {times[f'sort {n}']:.2f} |"
        for n in sizes
    ]
    return lines, times["step 256"] / 1e3


def finite() -> Table:
    """20 states on 50 points beside Clarabel; seconds of the certified step, the worst."""
    lines, worst, states = [], 0.0, range(20)
    for tau, eta in PAIRS:
        at = points(len(states), 50, tau, eta)
        loss = losses(at, 1e-12, on_points)
        jobs: dict[str, Callable[[], object]] = {
            "wconv": step(at),
            "Clarabel": lambda at=at: [by_plans(at, s) for s in states],
        }
        lost = {name: max(loss(p, s) for s, p in enumerate(job())) for name, job in jobs.items()}
        times = medians(jobs, 5)
        base = times["wconv"]
        worst = max(worst, base)
        lines += [
            f"| {tau:g} | {eta:g} | {name} | {1e3 * t:.0f} | {t / base:.1f} | {lost[name]:.0e} |"
            for name, t in times.items()
        ]
    return lines, worst


def plane() -> Table:
    """20 states on 32 × 32 nodes; seconds of the certified step, the worst."""
    jobs: dict[str, Callable[[], object]] = {}
    for tau, eta in PAIRS:
        at = basins(20, 32, tau, eta)
        tol = 3e-5 / float((tau + np.ptp(at.mdp.r, axis=1)).max())
        start = wc.from_masses(at.nu, at.mdp.grid)
        jobs[f"| {tau:g} | {eta:g} |"] = partial(
            wc.evolve, wc.WPPG(eta, tol=tol), at.mdp, start, steps=1
        )
    times = medians(jobs, 3)
    return [f"{name} {t:.1f} |" for name, t in times.items()], max(times.values())


def main() -> int:
    sizes, line = growth()
    tried, failed, gap = stress(520)
    peers = [equal_accuracy(wells(20, 256, *pair), [3, 16]) for pair in PAIRS[:2]]
    ratio = min(least for _, least in peers)
    few, fifty = finite()
    planar, box = plane()
    gates = [
        ("a step at 20 × 256 in at most 80 ms", line <= 0.08, f"{1e3 * line:.0f} ms"),
        ("no failure in random problems on 256 nodes", failed == 0, f"{failed}, gaps ≤ {gap:.0e}"),
        ("20 times faster than every peer at its accuracy", ratio >= 20, f"{ratio:.0f} times"),
        ("a step at 20 × 50 points in at most 100 ms", fifty <= 0.1, f"{1e3 * fifty:.0f} ms"),
        ("a step at 20 × 32² to 3e-5 in at most 10 s", box <= 10, f"{box:.1f} s"),
    ]
    head = "| solver | CPU ms a state | × wconv | loss |\n|---|---:|---:|---:|"
    versions = ", ".join(f"{name} {version(name)}" for name in ("clarabel", "pot", "ott-jax"))
    lines = [
        "# The proximal step: time at equal accuracy, and failures\n",
        f"{machine()} {versions}. Written by `python benchmarks/wppg.py`.\n",
        "CPU time, one thread, medians of interleaved repeats, after compilation; load average "
        f"{os.getloadavg()[0]:.1f} at the end. wconv's times are those of certified steps: the policy and "
        "a bound on its gap.\n",
        "| gate | measured | |\n|---|---:|---|",
        *(f"| {name} | {text} | {'met' if ok else 'MISSED'} |" for name, ok, text in gates),
        "\n## Peers: tilted double wells on 256 nodes, τ = .1\n",
        "CPU time a state: wconv's is a share of one step in 20 states, the peers have two of them. Loss: "
        "J* − J(p) of the problem that a solver solves, the worse of the two, by one NumPy function; ν is "
        "constant on *cells* or sits on *nodes*. Ratios are to wconv's step at the loosest of its "
        "tolerances that is no more than the peer's loss (1e-10 if there is none). A policy that loses "
        f"more than {RATED:g} is no solution.",
        *(
            f"\n### τ = {tau:g}, η = {eta:g}\n\n{head}\n" + "\n".join(rows)
            for (tau, eta), (rows, _) in zip(PAIRS, peers, strict=False)
        ),
        "\n## Random problems on 256 nodes\n",
        "τ from .01 to 1, η from 1e-3 to 1e2, starts that fall by up to 750 nats. A failure is a gap above "
        f"1e-10 and rounding ({ROUNDING / np.finfo(float).eps:g} eps of the costs).\n",
        "| problems | failures | gaps above 1e-10 | largest gap | ms: median / 95 % / largest |",
        "|---:|---:|---:|---:|---:|",
        *tried,
        "\n## Growth: 20 states on a line, τ = .1, η = .1, beside one W² of POT\n",
        "| nodes | solver, ms | certified step, ms | the same a state | POT emd2, ms | POT emd2_1d, ms |",
        "|---:|---:|---:|---:|---:|---:|",
        *sizes,
        "\n## Fifty points of the plane, 20 states\n",
        "| τ | η | solver | CPU ms | × wconv | loss |\n|---:|---:|---|---:|---:|---:|",
        *few,
        "\n## 32 × 32 nodes of a box, 20 states, gaps at most 3e-5\n",
        "| τ | η | CPU s |\n|---:|---:|---:|",
        *planar,
    ]
    RESULT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0 if all(ok for _, ok, _ in gates) else 1


if __name__ == "__main__":
    sys.exit(main())
