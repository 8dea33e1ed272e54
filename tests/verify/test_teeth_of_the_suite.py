"""Breaking any one quantity by a millionth must turn the run red.

Each mutant multiplies what one function of the library returns by 1 + 1e-6, everywhere it is used,
and the Bellman chapter is run on two small problems: at least one result must stop being as expected.
"""

import sys
from dataclasses import replace

import numpy as np
import pytest

import wconv as wc
from wconv.measured import Measured, as_measured
from wconv.theory import discover
from wconv.theory.bounds import bellman as bounds
from wconv.theory.claims import Bound, Given
from wconv.verify.instance import Workshop
from wconv.verify.plan import plan, select
from wconv.verify.runner import execute

OFF = 1 + 1e-6

# Public names load on first use; a mutant must find them all, and leave none behind.
for public in wc.__all__:
    getattr(wc, public)


def scaled(value):
    """The value times 1 + 1e-6, whatever carries it."""
    if isinstance(value, Measured):
        return Measured(value.value * OFF, value.errors, value.how)
    if isinstance(value, wc.Policy):
        return wc.Policy(value.logf + np.log(OFF), value.grid)
    if isinstance(value, wc.Evaluation | wc.Solution):
        return replace(value, V=value.V * OFF)
    return value * OFF


MUTANTS = [
    "wconv.exact.bellman.q_from_v",
    "wconv.exact.bellman.soft_maximum",
    "wconv.exact.bellman.optimality",
    "wconv.exact.bellman.evaluation",
    "wconv.exact.evaluate.evaluate",
    "wconv.exact.solve.solve",
    "wconv.exact.occupancy.discounted_occupancy",
    "wconv.exact.stationary.stationary_laws",
    "wconv.exact.derivative.objective_derivative",
    "wconv.measures.divergences.kl",
    "wconv.mdp.policy.gibbs",
    "wconv.diagnostics.bellman.apply_optimality",
    "wconv.diagnostics.bellman.apply_evaluation",
    "wconv.diagnostics.bellman.bellman_residual",
    "wconv.diagnostics.bellman.optimality_gap",
    "wconv.diagnostics.bellman.policy_gain",
    "wconv.diagnostics.bellman.gibbs_divergence",
    "wconv.diagnostics.bellman.pairing",
]
BOUNDS = [name for name, item in vars(bounds).items() if isinstance(item, Bound)]


def surprises():
    """How many cases of the quick tier are not as expected, on problems built afresh."""
    jobs = [job for job in plan(select(discover(), ["bellman"])) if not job.control]
    workshop = Workshop()
    return sum(not execute(job, workshop).result.as_expected for job in jobs)


def mutate(monkeypatch, dotted):
    """Replace a function in every module that holds it."""
    module, _, name = dotted.rpartition(".")
    original = getattr(sys.modules[module], name)

    def mutant(*args, **kwargs):
        return scaled(original(*args, **kwargs))

    for loaded in list(sys.modules.values()):
        if (getattr(loaded, "__name__", "")).startswith(("wconv", "theory_checks")) and (
            vars(loaded).get(name) is original
        ):
            monkeypatch.setattr(loaded, name, mutant)


def test_the_unbroken_suite_is_green():
    assert surprises() == 0


@pytest.mark.parametrize("dotted", MUTANTS)
def test_a_millionth_off_turns_the_run_red(dotted, monkeypatch):
    discover()
    mutate(monkeypatch, dotted)
    assert surprises() > 0


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_a_millionth_off_turns_the_run_red(name, monkeypatch):
    """Bounds are shrunk, since a larger upper bound is a true one; both signs for equalities."""
    bound = getattr(bounds, name)

    def red(factor):
        def given(self, **data):
            off = factor if self is bound else 1.0
            bound_data = {key: as_measured(value) for key, value in data.items()}
            return Given(lambda **arguments: self.fn(**arguments) * off, bound_data)

        monkeypatch.setattr(Bound, "given", given)
        return surprises() > 0

    assert red(1 - 1e-6) or red(1 + 1e-6)
