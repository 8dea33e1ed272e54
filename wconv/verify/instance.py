"""Instances: a problem with everything computed from it once and shared by all checks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.api import Inequalities, inequalities
from wconv.constants.gibbs import AlongPath, GibbsConstants
from wconv.dynamics.evolve import evolve
from wconv.dynamics.methods import Method
from wconv.dynamics.path import Path
from wconv.exact.evaluate import Evaluation, evaluate
from wconv.exact.solve import Solution, solve
from wconv.mdp import zoo
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, gibbs, random_policy, softmax_policy, sparse_policy, uniform
from wconv.mdp.tabulate import tabulate
from wconv.measured import Measured, stack
from wconv.measures.spaces import GaussianLine, Grid, TailedLine

T = TypeVar("T")


@dataclass(eq=False)
class Instance:
    """A problem, its exact solution, policies and their values, each computed on first use."""

    mdp: MDP
    seed: int
    _values: dict[int, tuple[Policy, Evaluation]] = field(default_factory=dict)
    _constants: dict[int, tuple[Policy, Inequalities]] = field(default_factory=dict)
    _paths: dict[Any, Path] = field(default_factory=dict)
    _along: dict[int, tuple[Path, AlongPath]] = field(default_factory=dict)

    @cached_property
    def solution(self) -> Solution:
        """The exact solution, as exact as floating point allows, with its certificate."""
        return solve(self.mdp, tol=None)

    def evaluate(self, policy: Policy) -> Evaluation:
        """V^π with its certified error, computed once a policy."""
        key = id(policy)
        if key not in self._values:
            self._values[key] = (policy, evaluate(self.mdp, policy))
        return self._values[key][1]

    def inequalities(self, policy: Policy) -> Inequalities:
        """The functional-inequality constants of a policy, each computed once."""
        key = id(policy)
        if key not in self._constants:
            self._constants[key] = (policy, inequalities(policy))
        return self._constants[key][1]

    def path(self, method: Method, start: Policy, **times: Any) -> Path:
        """The path of a method from a start, computed once; ``times`` as for ``evolve``."""
        key = (method, id(start), *sorted(times.items()))
        if key not in self._paths:
            self._paths[key] = evolve(method, self.mdp, start, **times)
        return self._paths[key]

    def values(self, path: Path) -> Measured:
        """V along a path in this problem, (K, S): of the flow's limit when it is a path in it."""
        if path.mdp is self.mdp:
            return path.measured
        return stack([self.evaluate(policy).measured for policy in path.policies])

    def gibbs_constants(self, path: Path) -> AlongPath:
        """C_LS of the Gibbs policies along a path, in this problem, computed once a path."""
        key = id(path)
        if key not in self._along:
            self._along[key] = (path, self._gibbs.along(self.values(path)))
        return self._along[key][1]

    @cached_property
    def _gibbs(self) -> GibbsConstants:
        return GibbsConstants(self.mdp)

    @cached_property
    def mixed_policies(self) -> dict[str, Policy]:
        """Five policies from far to near: reference, random, rough, tempered, near-optimal."""
        rng = np.random.default_rng([self.seed, crc32(self.mdp.name.encode())])
        best = self.solution.policy.logf
        return {
            "reference": uniform(self.mdp),
            "random": random_policy(self.mdp, rng),
            "rough": random_policy(self.mdp, rng, roughness=4.0),
            "tempered": gibbs(self.mdp, 0.5 * self.mdp.r),
            "near-optimal": softmax_policy(
                best + 0.1 * rng.standard_normal(best.shape), self.mdp.grid
            ),
        }

    @cached_property
    def sparse_policies(self) -> dict[str, Policy]:
        """Policies that vanish on about half of the actions, and the reference."""
        rng = np.random.default_rng([self.seed, crc32(self.mdp.name.encode()), 1])
        sparse = {f"sparse-{k}": sparse_policy(self.mdp, rng) for k in range(2)}
        return sparse | {"reference": uniform(self.mdp)}

    @cached_property
    def smooth_policies(self) -> dict[str, Policy]:
        """Policies that are smooth functions of the action: optimal, tempered, pushed, reference."""
        grid, best = self.mdp.grid, self.solution.policy
        return {
            "optimal": best,
            "tempered": gibbs(self.mdp, 0.5 * self.mdp.r),
            "pushed": softmax_policy(best.logf + _push(grid), grid),
            "reference": uniform(self.mdp),
        }

    @cached_property
    def coarser(self) -> MDP:
        """The same problem on half the nodes (a finite set is its own refinement)."""
        grid = self.mdp.grid
        if grid.is_finite_set:
            return self.mdp
        if self.mdp.smooth is None:
            require.fail(
                f"instance {self.mdp.name!r}",
                "be a SmoothMDP for a continuum statement",
                "a table",
                "give reward and transition as functions, so that the grid can be refined",
            )
        return replace(tabulate(self.mdp.smooth, grid.shape[0] // 2), name=self.mdp.name)


@dataclass(eq=False)
class Workshop:
    """All instances of a run, each built once and shared by every check; the seed is at least 0."""

    seed: int = 0
    _made: dict[tuple[Any, ...], Instance] = field(default_factory=dict)
    _kept: dict[tuple[int, ...], tuple[Any, Any]] = field(default_factory=dict)

    def once(self, about: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """What ``compute`` returns, computed once for the objects (by identity) it is about."""
        key = tuple(id(item) for item in about)
        if key not in self._kept:
            self._kept[key] = (
                about,
                compute(),
            )  # what it is about lives on, so that ids stay its own
        kept: T = self._kept[key][1]
        return kept

    def __post_init__(self) -> None:
        """Refuse a seed that no generator takes."""
        require.count("seed", self.seed, 0)

    def recipe(self, name: str, parameters: Mapping[str, Any]) -> Instance:
        """The instance of a zoo recipe."""
        key = (name, *sorted((k, repr(v)) for k, v in parameters.items()))
        if key not in self._made:
            self._made[key] = Instance(zoo.make(name, **parameters), self.seed)
        return self._made[key]

    def problem(self, mdp: MDP) -> Instance:
        """The instance of a given problem."""
        key = ("mdp", id(mdp))
        if key not in self._made:
            self._made[key] = Instance(mdp, self.seed)
        return self._made[key]

    def corrupted(self, true: Instance, factors: Mapping[str, float]) -> Instance:
        """The instance whose parameters are the true ones times the factors (for controls)."""
        key = ("corrupted", id(true.mdp), *sorted(factors.items()))
        if key not in self._made:
            self._made[key] = Instance(_corrupt(true.mdp, factors), self.seed)
        return self._made[key]


def _push(grid: Grid) -> Array:
    """A smooth function of the action that pushes it one way: log-density of a tilt, (A,).

    A wave on a torus, linear on the Gaussian line (it translates the reference by half a standard
    deviation), there bounded where tails are heavy, else a bounded slope across the space.
    """
    if isinstance(grid.space, TailedLine):
        return np.asarray(np.tanh(0.5 * grid.nodes[:, 0] / grid.space.scale))
    if isinstance(grid.space, GaussianLine):
        return np.asarray(0.5 * grid.nodes[:, 0] / grid.space.scale)
    half = np.asarray(grid.spacing or (0.0,) * grid.dim) / 2
    low, high = grid.nodes.min(axis=0) - half, grid.nodes.max(axis=0) + half
    share = (grid.nodes - (low + high) / 2) / np.where(high > low, high - low, 1.0)
    wave = np.sin(2 * np.pi * share + 1.0) / 2 if grid.periodic else np.tanh(share)
    return np.asarray(wave.sum(axis=-1))


def _corrupt(mdp: MDP, factors: Mapping[str, float]) -> MDP:
    now = {"temperature": mdp.tau, "discount": mdp.gamma}
    for name in factors:
        require.choice("dynamics parameter", name, now)
    return mdp.replace(**{name: now[name] * factor for name, factor in factors.items()})
