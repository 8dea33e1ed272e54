"""Breaking any one quantity by a millionth must turn the run red.

Each mutant multiplies what one function of the library returns by 1 ± 1e-6, everywhere it is used, and a
chapter is run: at least one result must stop being as expected. Of the Bellman chapter all checks are run,
on two small problems, of the constants the first cases of the checks that speak of what was broken.
"""

import sys
from dataclasses import replace

import numpy as np
import pytest

import wconv as wc
from wconv.constants.api import Inequalities
from wconv.measured import Measured, as_measured
from wconv.theory import discover
from wconv.theory.bounds import bellman as bounds
from wconv.theory.bounds import constants as constants_bounds
from wconv.theory.claims import Bound, Given
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.plan import plan, select
from wconv.verify.runner import execute

OFF, SHORT = 1 + 1e-6, 1 - 1e-6

# Public names load on first use; a mutant must find them all, and leave none behind.
for public in wc.__all__:
    getattr(wc, public)


def scaled(value, factor):
    """The value times the factor, whatever carries it."""
    if isinstance(value, Measured):
        return Measured(value.value * factor, value.errors, value.how)
    if isinstance(value, wc.Policy):
        return wc.Policy(value.logf + np.log(factor), value.grid)
    if isinstance(value, wc.Evaluation | wc.Solution):
        return replace(value, V=value.V * factor)
    if isinstance(value, wc.Constant):
        return replace(value, lower=value.lower * factor, upper=value.upper * factor)
    return value * factor


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


def mutate(monkeypatch, dotted, factor=OFF):
    """Scale what a function returns."""
    module, _, name = dotted.rpartition(".")
    original = getattr(sys.modules[module], name)
    substitute(monkeypatch, original, lambda *a, **k: scaled(original(*a, **k), factor))


def substitute(monkeypatch, original, mutant):
    """Replace a function in every module that holds it."""
    name = original.__name__
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


def misstate(monkeypatch, bound, factor):
    """Scale a right-hand side."""

    def given(self, **data):
        off = factor if self is bound else 1.0
        bound_data = {key: as_measured(value) for key, value in data.items()}
        return Given(lambda **arguments: self.fn(**arguments) * off, bound_data)

    monkeypatch.setattr(Bound, "given", given)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_a_millionth_off_turns_the_run_red(name, monkeypatch):
    """Bounds are shrunk, since a larger upper bound is a true one; both signs for equalities."""

    def red(factor):
        misstate(monkeypatch, getattr(bounds, name), factor)
        return surprises() > 0

    assert red(SHORT) or red(OFF)


@pytest.fixture(scope="module")
def broken():
    """Whether the first case of a check of the constants is not as expected; it measures anew.

    Constants are kept, as they take seconds.
    """
    checks, workshop, kept, compute = discover(), Workshop(), {}, wc.inequalities

    def inequalities(density, *, on=None):
        grid = getattr(density, "grid", None)
        key = (density, on) if grid is None else (density.logf.tobytes(), grid.space)
        if key not in kept:
            kept[key] = compute(density, on=on)
        return kept[key]

    def is_broken(name):
        # A copy is another check to the workshop, which keeps what checks have measured.
        job = Job(replace(checks[name]), checks[name].cases[0])
        return not execute(job, workshop).result.as_expected

    with pytest.MonkeyPatch.context() as patch:
        substitute(patch, compute, inequalities)
        yield is_broken


@pytest.mark.parametrize(
    ("name", "checks"),
    [
        ("poincare", ("base-constants", "bakry-emery")),
        ("log_sobolev", ("base-constants", "bakry-emery", "otto-villani")),
        ("talagrand", ("constants-chain",)),
    ],
)
def test_a_constant_a_millionth_off_turns_the_run_red(name, checks, broken, monkeypatch):
    computed = vars(Inequalities)[name]
    assert not any(broken(check) for check in checks)
    for factor in (OFF, SHORT):
        for_all = property(lambda self, f=factor: scaled(computed.__get__(self), f))
        monkeypatch.setattr(Inequalities, name, for_all)
        assert all(broken(check) for check in checks), factor


@pytest.mark.parametrize(
    ("dotted", "check", "factors"),
    [
        ("wconv.constants.convexity.convexity", "bakry-emery", (OFF, SHORT)),
        ("wconv.measures.divergences.kl", "otto-villani", (OFF, SHORT)),
        ("wconv.measures.fisher.fisher_continuum", "otto-villani", (OFF, SHORT)),
        ("wconv.measures.transport.w2_squared", "otto-villani", (OFF, SHORT)),
        # Known to less than a millionth: an oscillation and a potential between nodes.
        ("wconv.measures.oscillation.oscillation", "t2-perturbation", (0.9,)),
        ("wconv.measures.potentials.potential_oscillation", "kantorovich-osc", (1.001,)),
    ],
)
def test_what_enters_an_inequality_a_little_off_turns_the_run_red(
    dotted, check, factors, broken, monkeypatch
):
    assert not broken(check)
    for factor in factors:
        with monkeypatch.context() as patch:
            mutate(patch, dotted, factor)
            assert broken(check), factor


# How much of a bound must be missing; a millionth where the first case attains it.
LOOSE = {"half_diameter": 0.999, "holley_stroock": 0.99, "ball": 0.88}
ATTAINED = {
    "log_sobolev": "constants-chain",
    "talagrand": "constants-chain",
    "log_sobolev_inequality": "otto-villani",
    "talagrand_inequality": "otto-villani",
    "transport_information": "otto-villani",
    "holley_stroock": "holley-stroock",
    "bakry_emery": "bakry-emery",
    "scaled": "scaling",
    "half_diameter": "kantorovich-osc",
    "interval": "base-constants",
    "circle": "base-constants",
    "disc_poincare": "base-constants",
    "ball": "base-constants",
}


@pytest.mark.parametrize("name", ATTAINED)
def test_a_bound_on_constants_a_little_off_turns_the_run_red(name, broken, monkeypatch):
    assert not broken(ATTAINED[name])
    misstate(monkeypatch, getattr(constants_bounds, name), LOOSE.get(name, SHORT))
    assert broken(ATTAINED[name])
