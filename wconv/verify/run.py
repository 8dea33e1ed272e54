"""What a check sees: the true problem, the (possibly corrupted) system that is measured, policies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from wconv.constants.api import Inequalities
from wconv.constants.gibbs import AlongPath
from wconv.dynamics.methods import Method
from wconv.dynamics.path import Path
from wconv.exact.evaluate import Evaluation
from wconv.exact.solve import Solution
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.measured import Measured, stack
from wconv.theory.cases import Policies, Start
from wconv.verify.instance import Instance


@dataclass(eq=False)
class Run:
    """One resolution of one case.

    ``mdp`` is the true problem and enters the proved side; ``system`` is what the measured side
    evaluates: the same problem, unless a control has corrupted it.
    """

    true: Instance
    measured: Instance
    which_policies: Policies = "mixed"
    which_start: Start = "reference"
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the check, each with the value a case or user gave it, else its default."""
    paths: list[Path] = field(default_factory=list)
    """The paths that were taken, in their order."""

    @property
    def mdp(self) -> MDP:
        """The true problem."""
        return self.true.mdp

    @property
    def system(self) -> MDP:
        """The problem the measured side sees."""
        return self.measured.mdp

    @property
    def solution(self) -> Solution:
        """The exact solution of the system."""
        return self.measured.solution

    @cached_property
    def policies(self) -> Mapping[str, Policy]:
        """Named policies of the true problem."""
        if self.which_policies == "sparse":
            return self.true.sparse_policies
        smooth = self.which_policies == "smooth"
        return self.true.smooth_policies if smooth else self.true.mixed_policies

    @cached_property
    def pairs(self) -> Sequence[tuple[str, Policy, Policy]]:
        """Consecutive policies (old, new), cyclically, with their names."""
        names = list(self.policies)
        turn = zip(names, names[1:] + names[:1], strict=True)
        return [(f"{a} -> {b}", self.policies[a], self.policies[b]) for a, b in turn]

    def names(self, axis: str, count: int) -> Sequence[str] | Sequence[float] | None:
        """Names of the ``count`` points on "policy" and "pair", times on "time"; others are counted.

        The times are those of the paths taken so far, the start left out where there is one point fewer;
        where two paths differ in them the points are counted.
        """
        if axis == "time":
            return self._times(count)
        if axis == "policy":
            return list(self.policies)
        return [name for name, _, _ in self.pairs] if axis == "pair" else None

    def _times(self, count: int) -> list[float] | None:
        every = {
            tuple(times.tolist())
            for path in self.paths
            for times in (path.times, path.times[1:])
            if len(times) == count
        }
        return list(every.pop()) if len(every) == 1 else None

    def evaluate(self, policy: Policy) -> Evaluation:
        """V^π of the system."""
        return self.measured.evaluate(policy)

    def inequalities(self, policy: Policy) -> Inequalities:
        """C_P, C_T and C_LS of a policy in every state, computed once a run of checks."""
        return self.measured.inequalities(policy)

    def option(self, name: str, otherwise: Mapping[str, Any]) -> Any:
        """The value of an option of the check; in a check without it what a chapter says ``otherwise``."""
        return self.options.get(name, otherwise[name])

    @property
    def start(self) -> Policy:
        """Where paths start: a smooth policy of the true problem."""
        return self.true.smooth_policies[self.which_start]

    def path(self, method: Method, **times: Any) -> Path:
        """The path of a method in the system, from ``start``; ``times`` as for ``wc.evolve``."""
        path = self.measured.path(method, self.start, **times)
        if path not in self.paths:
            self.paths.append(path)
        return path

    def gibbs_constants(self, path: Path) -> AlongPath:
        """C_LS of p^{π_t} along a path in the true problem, in every state and on every interval."""
        return self.true.gibbs_constants(path)

    def each_policy(self, measure: Callable[[Policy], Measured]) -> Measured:
        """A quantity of every policy, stacked on a first axis "policy"."""
        return stack([measure(policy) for policy in self.policies.values()])

    def each_pair(self, measure: Callable[[Policy, Policy], Measured]) -> Measured:
        """A quantity of every pair (old, new), stacked on a first axis "pair"."""
        return stack([measure(old, new) for _, old, new in self.pairs])

    def rng(self, stream: int) -> np.random.Generator:
        """A generator that depends on the seed of the run and a stream number only."""
        return np.random.default_rng([self.true.seed, stream])
