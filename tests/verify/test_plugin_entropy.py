"""The check of plug-in entropies: what a wrong estimator would do to it."""

from dataclasses import replace

import pytest

from theory_checks.wppg.plugin_entropy import plugin_entropy
from wconv.measures import mixtures as mx
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.runner import execute


@pytest.fixture(scope="module")
def first_case():
    check, workshop = plugin_entropy, Workshop()

    def verdict():
        # A copy is another check to the workshop, which keeps what checks have measured.
        result = execute(Job(replace(check), check.cases[0]), workshop).result
        return result.verdict, {c.name for c in result.claims if c.verdict == "VIOLATED"}

    return verdict


def test_the_unbroken_check_holds(first_case):
    assert first_case() == ("HOLDS", set())


@pytest.mark.parametrize(
    ("scale", "claim"),
    [(1.1, "E reused <= H"), (0.9, "E reused >= H - log(1 + C/M)")],
)
def test_centres_spread_a_tenth_off_are_noticed(scale, claim, first_case, monkeypatch):
    drawn = mx.Mixtures.latents
    monkeypatch.setattr(mx.Mixtures, "latents", lambda *a: scale * drawn(*a))
    verdict, violated = first_case()
    assert verdict == "VIOLATED"
    assert claim in violated


def test_a_fresh_estimate_with_its_own_centres_is_noticed(first_case, monkeypatch):
    kept = mx.LineSum.surprise
    monkeypatch.setattr(mx.LineSum, "surprise", lambda self, _, q, count: kept(self, q, q, count))
    verdict, violated = first_case()
    assert verdict == "VIOLATED"
    assert {"E fresh >= H", "from parts to the whole it falls"} <= violated
