"""The check of the entropy of particles: what wrong particles and wrong estimates would do to it."""

from dataclasses import replace

import numpy as np
import pytest

from theory_checks.particles import particle_entropy as module
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.run import Run
from wconv.verify.runner import execute


class Shared(np.random.Generator):
    """One noise for four particles that follow each other."""

    def standard_normal(self, size):
        return np.repeat(super().standard_normal((size[0] // 4, size[1])), 4, axis=0)


class Loose(np.random.Generator):
    """Centres from anywhere, that should come one from each stratum."""

    def random(self, size):
        uniform = super().random(size)
        count = uniform.shape[-1]
        return uniform * count - np.arange(count) if uniform.ndim == 2 else uniform


class Quieter(np.random.Generator):
    """A fifth less noise."""

    def standard_normal(self, size):
        return 0.8 * super().standard_normal(size)


class HalfWay(np.random.Generator):
    """Frequencies of centres half way to those of the law."""

    def multinomial(self, count, shares, size):
        return (super().multinomial(count, shares, size) + count * shares) / 2


@pytest.fixture(scope="module")
def first_case():
    check, workshop = module.particle_entropy, Workshop()

    def verdict():
        # A copy is another check to the workshop, which keeps what checks have measured.
        result = execute(Job(replace(check), check.cases[0]), workshop).result
        return result.verdict, {c.name for c in result.claims if c.verdict == "VIOLATED"}

    return verdict


def test_the_unbroken_check_holds(first_case):
    assert first_case() == ("HOLDS", set())


def test_an_own_centre_that_is_not_left_out_is_noticed(first_case, monkeypatch):
    def all_of_them(law, group, actions):
        mixtures = replace(law, centres=law.centres[group], weights=None)
        return mixtures.log_density(actions.reshape(len(group), -1, 1)).reshape(actions.shape)

    monkeypatch.setattr(module, "others", all_of_them)
    verdict, violated = first_case()
    assert verdict == "VIOLATED"
    assert "left out: E surprise - H >= C/2M - kappa/3M^2" in violated


@pytest.mark.parametrize(
    ("drawn", "claim"),
    [
        (Shared, "N Var(mean of log Y given the centres) <= Var(log Y)"),
        (Loose, "stratified: E KL <= log(1 + C_w/N)"),
        (Quieter, "given the centres the mean of log Y is <= 1.1 KL"),
        (HalfWay, "E KL >= C/2N - kappa/6N^2"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_particles_drawn_otherwise_are_noticed(drawn, claim, first_case, monkeypatch):
    monkeypatch.setattr(Run, "rng", lambda _, k: drawn(np.random.PCG64([0, k])))
    verdict, violated = first_case()
    assert verdict == "VIOLATED"
    assert claim in violated
