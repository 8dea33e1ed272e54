"""``evolve_particles``: the methods on N particles a state instead of densities.

path = wc.evolve_particles(wc.WPGD(0.02), mdp, wc.uniform(mdp), n=10_000, steps=100, samples=10, seed=0)
wc.optimality_gap(star, path.mixture())       # the gap of the policy that the particles form
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, Final, Literal

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.dynamics.blob import BlobWPG
from wconv.dynamics.methods import WPGD
from wconv.dynamics.particle_run import Run, mixture_masses, run_of, smooth_of, symbol_of
from wconv.dynamics.particle_space import bytes_needed, require_memory
from wconv.dynamics.particle_store import Sample, Store
from wconv.dynamics.path import Path, Trace
from wconv.dynamics.split import SplitWPPG
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.mdp.smooth import SmoothMDP

Estimator = Literal["auto", "mixture", "gridded", "samples"]
Precision = Literal["float64", "float32"]
PRECISIONS: Final = ("float64", "float32")
ParticleMethod = WPGD | SplitWPPG | BlobWPG


@dataclass(frozen=True, eq=False)
class ParticlePath:
    """What ``evolve_particles`` returns: K + 1 samples at ``times`` (K + 1,), the start among them.

    ``particles`` (K+1, S, N, d), ``centres`` (K+1, S, N, d), around which particles were drawn with deviation
    ``sigma`` (those of the start are the particles), and ``values`` (K+1, S): V at each time as the run
    estimated it, or was given it (NaN where neither: at discount 0, and after the last given row). With a
    sequence of seeds there is an axis of systems after the first one.
    """

    problem: MDP | SmoothMDP
    method: ParticleMethod
    times: Array
    particles: Array
    centres: Array
    values: Array
    sigma: float
    start: Policy | None
    many: bool

    def __repr__(self) -> str:
        *_, states, n, dim = self.particles.shape
        size = f"{n} particles in R^{dim} in each of {states} states"
        return f"ParticlePath({self.method!r}, {size}, {len(self.times)} samples to time {self.times[-1]:g})"

    def mixture(self, system: int = 0) -> Path:
        """The policies (1/N)Σ_i N(c_i, σ²I) of one system on the problem's nodes, as a path of densities.

        Every Gaussian is summed: errors are those of the quadrature that the laws of ``evolve`` have.

        Raises:
            InputError: a problem without nodes or with more than two axes of them, a run that started from
                particles, a system that was not run, a Gaussian that the nodes do not resolve.
            SolverError: mass that leaves the nodes.

        """
        if not isinstance(self.problem, MDP) or self.start is None:
            need = "be an MDP on nodes, run from a policy"
            require.fail("problem", need, "one without", "tabulate it: wc.tabulate(it, n)")
        there = self.particles.shape[1] if self.many else 1
        if require.count("system", system, 0) >= there:
            require.fail("system", f"be below {there}, as many as were run", system, "count from 0")
        logs = [self.start.logf, *self.log_densities[system]]
        return Path(
            self.problem, self.method, self.times, (Trace(self.problem, np.stack(logs)),), 0.0
        )

    @cached_property
    def log_densities(self) -> Array:
        """log dπ̂/dμ at the nodes after the start, (R, K, S, A).

        Raises:
            InputError, SolverError: as ``mixture``.

        """
        if not isinstance(self.problem, MDP):
            require.fail("problem", "be an MDP on nodes", "one without", "wc.tabulate(it, n)")
        centres = self.centres[1:] if self.many else self.centres[1:, None]
        symbol = symbol_of(self.method)
        found = mixture_masses(self.problem, np.moveaxis(centres, 1, 0), self.sigma, symbol)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(found) - self.problem.grid.log_weights)


def evolve_particles(
    method: ParticleMethod,
    problem: MDP | SmoothMDP,
    start: Policy | Array | None = None,
    *,
    n: int,
    steps: int,
    samples: int | None = None,
    seed: int | Sequence[int] | Array = 0,
    value: Estimator | Array = "auto",
    precision: Precision = "float64",
    devices: int = 1,
    memory: float | None = None,
    folder: str | PathLike[str] | None = None,
    progress: bool = False,
) -> ParticlePath:
    """Run N interacting particles a state: a_i ← a_i + ηb(s, a_i) + √(2τη)ξ_i, b = ∇_a q^{π̂} − βa.

    Args:
        method: ``WPGD(step)``, ``SplitWPPG(step, transport)`` with its noise kept, or ``BlobWPG``.
        problem: an MDP with functions of its actions, or these alone (``SmoothMDP``), in any dimension.
        start: a policy on the nodes (particles are drawn from its masses), particles (S, N, d) at discount
            0 or with given values, or nothing for draws from the reference.
        n: N.
        steps: how many.
        samples: how many times to keep after the start, equally spaced; 1 unless said otherwise.
        seed: of starts and noise, below 2^32; a sequence of different ones runs as many independent systems.
        value: how V of the particles' policy is found, see ``particle_values``: on nodes in one and two
            dimensions ("mixture", "gridded" above a million pairs), else "samples"; or given values (steps,
            S), the same for all: then particles are independent, each following the law of ``evolve``.
        precision: of the particles.
        devices: over how many devices particles are spread; must divide n.
        memory: bytes that may be taken; half of the machine's unless said otherwise.
        folder: where samples are kept, so that a run that was killed goes on to the same numbers.
        progress: a progress bar, with the memory that is needed.

    Returns:
        The particles at the samples.

    Raises:
        InputError: naming what does not fit, with the n that would for memory.
        SolverError: particles that are lost (with the step), a transport that is not concave or did not
            converge, mass that leaves the nodes.

    """
    kept = _require_sound(method, steps, samples)
    seeds, many = _seeds(seed)
    itemsize = 8 if require.choice("precision", precision, PRECISIONS) == "float64" else 4
    size = require.count("n", n, 1)
    averaged = isinstance(value, str) and value == "samples"
    needed = bytes_needed(smooth_of(problem), size, len(seeds), kept, itemsize, averaged=averaged)
    require_memory(needed, memory, size)
    run = run_of(
        method,
        problem,
        start,
        n=size,
        steps=steps,
        seeds=seeds,
        value=value,
        precision=precision,
        devices=devices,
    )
    found = _samples(run, steps // kept, kept, folder, needed if progress else None)
    parts = (np.stack([sample[k] for sample in found]) for k in range(3))
    particles, centres, V = (part if many else part[:, 0] for part in parts)
    times = method.step * (steps // kept) * np.arange(kept + 1)
    return ParticlePath(
        problem, method, times, particles, centres, V, run.sigma, run.start_policy, many
    )


def _require_sound(method: object, steps: object, samples: object) -> int:
    """The number of samples after the start; refuses what is no method of particles, or does not fit."""
    if not isinstance(method, WPGD | SplitWPPG | BlobWPG):
        remedy = "WPGD(step), SplitWPPG(step) or BlobWPG(step, bandwidth)"
        require.fail("method", "be one of particles", method, remedy)
    if isinstance(method, SplitWPPG) and method.noise != "kept":
        require.fail("noise", "be kept", method.noise, "run the law: wc.evolve(method, mdp, start)")
    total = require.count("steps", steps, 1)
    kept = 1 if samples is None else require.count("samples", samples, 1)
    if total % kept:
        require.fail("samples", f"divide the {total} steps", kept, "e.g. a half or a tenth of them")
    return kept


def _seeds(seed: Any) -> tuple[list[int], bool]:
    """The seeds, and whether there is an axis of them."""
    given = seed.tolist() if isinstance(seed, np.ndarray) else seed
    many = isinstance(given, Sequence)
    seeds = [require.count("seed", one, 0) for one in (given if many else [given])]
    require.count("number of seeds", len(seeds), 1)
    if max(seeds) >= 2**32:
        require.fail("seed", "be below 2^32", max(seeds), "the noise has keys of 32 bits")
    if len(set(seeds)) < len(seeds):
        twice = next(one for one in seeds if seeds.count(one) > 1)
        need = "be different for every system"
        require.fail("seed", need, f"{twice} twice", "equal systems are not independent")
    return seeds, many


def _samples(
    run: Run, every: int, kept: int, folder: str | PathLike[str] | None, needed: float | None
) -> list[Sample]:
    """The start and ``kept`` samples after it, read from the folder as far as they are there."""
    store = None if folder is None else Store(folder, run.about(every))
    found = [] if store is None else store.samples()[: kept + 1]
    if not found:
        found = [run.start]
        if store is not None:
            store.add(0, found[0])
    for k in _counted(range(len(found), kept + 1), needed):
        found.append(run.go_on(found[-1], (k - 1) * every, every))
        if store is not None:
            store.add(k, found[-1])
    return found


def _counted(todo: range, needed: float | None) -> Any:
    if needed is None:
        return todo
    from rich.progress import track

    return track(todo, description=f"particles, {needed / 1e9:.2g} GB")
