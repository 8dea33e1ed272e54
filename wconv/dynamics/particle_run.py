"""A run of particles: what is compiled, its start, and the samples it goes through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.dynamics.blob import BlobWPG
from wconv.dynamics.gaussian_noise import axes, noise_on
from wconv.dynamics.methods import WPGD
from wconv.dynamics.particle_space import Geometry, geometry
from wconv.dynamics.particle_store import Sample, identity
from wconv.dynamics.problem import kernel_problem
from wconv.exact.evaluate import evaluate
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, uniform
from wconv.mdp.smooth import SmoothMDP
from wconv.measures.densities import same_grid
from wconv.outcomes import Outcome, SolverError

PAIRS: Final = {1: 2**17, 2: 2**28}
"""Pairs (particle, node) of a state, by dimension, up to which every Gaussian of a mixture is summed.

Measured: in the plane a sum over all pairs is a matrix product, and fast Gauss transforms have many moments.
"""

NEWTON_TOL: Final = 1e-6
"""Largest last Newton step of a proximal transport, in deviations of the noise."""

WIDEST: Final = 12
"""Sides to one deviation where only nearest images are summed: what is left out is e^{-18} of a peak."""

GRIDDED_TOL: Final = 1e-9
"""Error of a gridded mixture, in units of the peak of one Gaussian."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run that is ready: ``go_on`` makes the sample after another one, the first of which is ``start``.

    ``tables`` are the problem and axes of the nodes where V is found on them, ``given`` (K, S) the values
    of every step where these are given, ``start`` particles (R, S, N, d) with V (R, S).
    """

    spec: Any
    rates: tuple[float, ...]
    tables: Any
    given: Array
    start: Sample
    start_policy: Policy | None
    seeds: tuple[int, ...]
    noise: Any
    dtype: Any
    devices: int
    told: Callable[[], Mapping[str, Any]]

    @property
    def sigma(self) -> float:
        """The deviation of the policy's Gaussians."""
        return self.rates[-1]

    def about(self, every: int) -> Mapping[str, Any]:
        """What samples of this run must have in common."""
        return {**self.told(), "steps a sample": every}

    def go_on(self, sample: Sample, first: int, steps: int) -> Sample:
        """The sample after so many steps.

        Raises:
            SolverError: particles that are lost, with the step; transports that failed; mass beyond nodes.

        """
        import jax

        from wconv.dynamics.particle_kernel import State, advance
        from wconv.dynamics.particle_moves import Rates
        from wconv.dynamics.particle_noise import seeded

        wide = self.dtype == np.float64
        with jax.enable_x64(wide):
            nothing = self.dtype(0.0)
            x, centres = (self._spread(part) for part in sample[:2])
            state = State(x, centres, sample.V, np.int32(-1), nothing, nothing)
            rates = Rates(*(self.dtype(rate) for rate in self.rates))
            now = advance(
                self.spec,
                rates,
                self.tables,
                state,
                seeded(self.seeds),
                self.given,
                np.int32(first),
                np.int32(steps),
            )
            self._require_sound(now)
            V = now.V if not len(self.given) else self._given_after(first + steps)
            return Sample(*(np.asarray(part) for part in (now.x, now.centres, V)))

    def _given_after(self, steps: int) -> Array:
        """The values (R, S) that were given at that time, NaN if none were."""
        row = self.given[steps] if steps < len(self.given) else np.full_like(self.given[0], np.nan)
        return np.broadcast_to(row, self.start.V.shape)

    def _spread(self, particles: Array) -> Any:
        """Particles over the devices."""
        if self.devices == 1:
            return particles
        import jax
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        mesh = Mesh(np.array(jax.devices()[: self.devices]), ("particles",))
        return jax.device_put(
            particles, NamedSharding(mesh, PartitionSpec(None, None, "particles"))
        )

    def _require_sound(self, now: Any) -> None:
        lost, stalled, missed = int(now.lost), float(now.stalled), float(now.missed)
        if lost >= 0:
            raise SolverError(
                Outcome.NOT_FINITE,
                f"particles left every bound in step {lost + 1}: shorten the step"
                + (", or take transport='explicit'" if self.spec.move == "prox" else ""),
            )
        if not stalled <= max(NEWTON_TOL * self.sigma, 1e3 * float(np.finfo(self.dtype).eps)):
            raise SolverError(
                Outcome.MAX_STEPS,
                f"a proximal transport still moves by {stalled:.1e}: shorten the step",
            )
        if self.noise is not None:
            self.noise.require(missed)
        elif not np.isfinite(now.V).all() and self.spec.estimator is not None:
            raise SolverError(Outcome.NOT_FINITE, "values of the particles are not finite")


def run_of(
    method: Any,
    problem: MDP | SmoothMDP,
    start: Any,
    *,
    n: int,
    steps: int,
    seeds: Sequence[int],
    value: Any,
    precision: str,
    devices: int,
) -> Run:
    """Everything a run needs; see ``evolve_particles`` for what is refused."""
    from wconv.dynamics.particle_kernel import Spec
    from wconv.dynamics.particle_moves import Functions

    smooth = smooth_of(problem)
    space, tau = geometry(smooth.space), smooth.temperature
    dtype = np.float64 if precision == "float64" else np.float32
    blob = isinstance(method, BlobWPG)
    sigma = method.bandwidth if blob else float(np.sqrt(2 * tau * method.step))
    _require_devices(devices, n)
    given = None if isinstance(value, str) else _given(value, steps, smooth.n_states)
    kind = "given" if given is not None else _kind(value, problem, n, space)
    _require_fitting(method, space, sigma, kind)
    estimator, tables, noise = _estimator(kind, problem, sigma, symbol_of(method), dtype)
    drawn, policy = _start(problem, smooth, space, start, n, seeds)
    V = (
        given[0]
        if given is not None
        else _first_values(kind, problem, smooth, drawn, policy, start)
    )
    particles = drawn.astype(dtype)
    beta = 0.0 if np.isinf(space.scale) else tau / space.scale**2
    tabled = () if tables is None else (tables[0].r, tables[0].P)
    numbers = (*tabled, drawn, V if given is None else given)

    told = partial(
        identity,
        smooth,
        numbers,
        method=repr(method),
        n=n,
        seeds=list(seeds),
        value=kind,
        precision=precision,
    )
    return Run(
        Spec(Functions.of(smooth), space, _move(method), estimator),
        (smooth.discount, tau, method.step, beta, sigma),
        tables,
        np.zeros((0, smooth.n_states), dtype) if given is None else given.astype(dtype),
        Sample(particles, particles, np.broadcast_to(V, drawn.shape[:2]).astype(dtype)),
        policy,
        tuple(seeds),
        noise,
        dtype,
        devices,
        told,
    )


def smooth_of(problem: MDP | SmoothMDP) -> SmoothMDP:
    """The functions of a problem.

    Raises:
        InputError: a problem of tables.

    """
    smooth = problem.smooth if isinstance(problem, MDP) else problem
    if not isinstance(smooth, SmoothMDP):
        need, remedy = "have functions of a continuous action", "make it by wc.tabulate(it, n)"
        require.fail("problem", need, type(problem).__name__, remedy)
    return smooth


def symbol_of(method: Any) -> str:
    """What sets the width of a method's Gaussians."""
    return "bandwidth" if isinstance(method, BlobWPG) else "step"


def _move(method: Any) -> str:
    if isinstance(method, BlobWPG):
        return "blob"
    return "langevin" if isinstance(method, WPGD) else str(method.transport)


def _require_fitting(method: Any, space: Geometry, sigma: float, kind: str) -> None:
    """Nearest images are all that matters while σ is small beside the sides; boxes clip axis by axis."""
    if _move(method) == "prox" and space.boundary == "fold" and space.dim > 1:
        need, remedy = "be explicit in a box of more dimensions", "transport='explicit'"
        require.fail("transport", need, "prox", remedy)
    images = isinstance(method, BlobWPG) or kind == "samples"
    if images and space.boundary != "none" and not sigma <= min(space.length) / WIDEST:
        need = f"have a Gaussian narrower than 1/{WIDEST} of a side"
        remedy = "shorten the step or the bandwidth, or find values on nodes"
        require.fail("method", need, f"{sigma:.3g}", remedy)
    if isinstance(method, BlobWPG) and space.boundary != "none" and space.dim > 3:
        require.fail("dim", "be at most 3 for blobs with walls", space.dim, "use WPGD")


def _require_devices(devices: int, n: int) -> None:
    if require.count("devices", devices, 1) == 1:
        return
    import jax

    there = jax.device_count()
    if devices > there:
        require.fail("devices", f"be at most {there}, as many as there are", devices, "take fewer")
    if n % devices:
        require.fail("n", f"be a multiple of devices = {devices}", n, f"e.g. {n - n % devices}")


def _numbers(symbol: str, value: Any, shape: str) -> Array:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        require.fail(symbol, f"be {shape}", value, "give real numbers of that shape")


def _given(value: Any, steps: int, states: int) -> Array:
    found = _numbers("value", value, f"the name of an estimator, or have shape (steps, {states})")
    if found.ndim != 2 or found.shape[1] != states or not len(found):
        need = f"be the name of an estimator, or have shape (steps, {states})"
        require.fail("value", need, found.shape, "one row for every step")
    if len(found) < steps:
        need = f"have a row for each of the {steps} steps"
        require.fail("value", need, found.shape, "give V at the start of every step")
    require.finite("value", found)
    return found


def _kind(value: str, problem: Any, n: int, space: Geometry) -> str:
    """How V is found; "none" where the discount is 0 and it moves nothing."""
    require.choice("value", value, ["auto", "mixture", "gridded", "samples"])
    nodes = isinstance(problem, MDP) and space.dim <= 2
    if value in ("mixture", "gridded") and not nodes:
        need, remedy = "be samples without nodes in one or two dimensions", "value='samples'"
        require.fail("value", need, value, remedy)
    if value != "auto":
        return value
    if smooth_of(problem).discount == 0:
        return "none"
    if not nodes:
        return "samples"
    return "mixture" if n * problem.grid.n <= PAIRS[space.dim] else "gridded"


def _estimator(
    kind: str, problem: Any, sigma: float, symbol: str, dtype: Any
) -> tuple[Any, Any, Any]:
    """What is compiled for it, the tables of the nodes, and the noise that knows what may be missed."""
    from wconv.dynamics.particle_values import Estimator

    if kind in ("none", "given"):
        return None, None, None
    if kind == "samples":
        return Estimator(kind), None, None
    grid = problem.grid
    noise = noise_on(grid, sigma**2, symbol)
    # A sum over the nodes is known to so much: in float32 it is what matters.
    noise = noise._replace(allowed=noise.allowed + 4 * grid.n * float(np.finfo(dtype).eps))
    tables = kernel_problem(problem), axes(grid, np.zeros(0), np.zeros(0), 0.0)
    narrow = [[np.asarray(part, dtype) for part in table] for table in tables]
    tables = type(tables[0])(*narrow[0]), type(tables[1])(*narrow[1])
    plan = None
    if kind == "gridded":
        from wconv.measures.gridded import plan as gridded_plan

        low = tuple(float(x) for x in tables[1].low)
        plan = gridded_plan(low, grid.spacing, grid.shape, noise.boundary, sigma, GRIDDED_TOL)
    return Estimator(kind, grid.shape, noise.images, noise.boundary, plan), tables, noise


def _start(
    problem: Any, smooth: SmoothMDP, space: Geometry, start: Any, n: int, seeds: Sequence[int]
) -> tuple[Array, Policy | None]:
    """Particles (R, S, N, d) of the start, and its policy where there is one."""
    shape = (smooth.n_states, n)
    if start is None and isinstance(problem, MDP):
        start = uniform(problem)
    if isinstance(start, Policy):
        if not isinstance(problem, MDP):
            require.fail("start", "be particles or nothing", "a policy", "or give the MDP on nodes")
        same_grid(start, Policy(np.zeros_like(problem.r), problem.grid))
        masses = start.pi / start.pi.sum(axis=-1, keepdims=True)
        draws = [
            [rng.choice(problem.grid.n, n, p=row) for row in masses]
            for rng in (np.random.default_rng([seed, 1]) for seed in seeds)
        ]
        return problem.grid.nodes[np.array(draws)], start
    if start is None:
        return np.stack([space.draw(np.random.default_rng([s, 1]), shape) for s in seeds]), None
    found = _numbers("start", start, "a policy, or particles (states, particles, dimensions)")
    require.shape("start", found, (*shape, space.dim), "(states, particles, dimensions)")
    require.finite("start", found)
    if not space.holds(found).all():
        where = [int(i) for i in np.argwhere(~space.holds(found))[0]]
        got = f"{found[tuple(where)]:g} at start{where}"
        require.fail("start", "lie in the space of actions", got, "fold or wrap it")
    return np.broadcast_to(found, (len(seeds), *found.shape)), None


def _first_values(
    kind: str, problem: Any, smooth: SmoothMDP, drawn: Array, policy: Policy | None, start: Any
) -> Array:
    """V of the start: of its policy; of draws from the reference by averages; NaN where none is needed."""
    if kind == "none":
        return np.full(drawn.shape[:2], np.nan)
    if policy is not None:
        return evaluate(problem, policy).V
    if start is not None:
        need = "be a policy or the reference where the discount is positive"
        remedy = "give a policy on the nodes, nothing, or the values of every step"
        require.fail("start", need, "particles", remedy)
    import jax

    from wconv.dynamics.particle_moves import Functions
    from wconv.dynamics.particle_values import means, solved

    with jax.enable_x64(True):
        over = jax.vmap(partial(means, Functions.of(smooth)), in_axes=(0, 0))
        reward, kernel = jax.vmap(over, in_axes=(None, 0))(np.arange(smooth.n_states), drawn)
        return np.asarray(solved(reward, kernel, np.float64(smooth.discount)))


def mixture_masses(mdp: MDP, centres: Array, sigma: float, symbol: str) -> Array:
    """Masses (..., S, A) on the nodes of the mixtures around centres (..., S, N, d), each Gaussian summed.

    Raises:
        InputError: nodes of more than two axes, a σ below 0.7 spacings (naming ``symbol``).
        SolverError: mass beyond the nodes.

    """
    import jax

    from wconv.dynamics.particle_values import each_mixture

    grid = mdp.grid
    if grid.dim > 2:
        require.fail(
            "actions", "have one or two dimensions", grid.dim, "use the particles themselves"
        )
    noise = noise_on(grid, sigma**2, symbol)
    ends = (noise.images, noise.boundary)
    rows = centres.reshape(-1, *centres.shape[-2:]).astype(np.float64)
    with jax.enable_x64(True):
        axis = axes(grid, np.zeros(0), np.zeros(0), 0.0)
        found, missed = each_mixture(rows, np.float64(sigma), axis, shape=grid.shape, ends=ends)
        noise.require(float(np.max(missed)))
        return np.asarray(found).reshape(*centres.shape[:-2], grid.n)
