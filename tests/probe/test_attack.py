"""Attacks: bounded families, proxies beside the certified schemes, budgets, shrinking, replay, exit codes."""

import signal
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

import wconv as wc
from wconv.cli import main
from wconv.probe import attack_proxies as proxies
from wconv.probe.attack import KEPT, seconds_of
from wconv.probe.attack_search import Candidate, Space, shrinking, space_of
from wconv.probe.attack_targets import Scored, target
from wconv.probe.smooth_family import LARGEST, Family
from wconv.probe.worst_case import WorstCase, read_worst_case

SMALL = Family(states=2, modes=1, resolution=32)


def drawn(family, seed=0):
    return family.problem(family.drawn(np.random.default_rng(seed)))


class Valley:
    """A ratio in closed form: one minus the distance of one reward coefficient to −1, others for free."""

    name, wanted, proxy = "valley", None, None

    def __init__(self, verdict="HOLDS", pause=0.0, stop_at=None):
        self.verdict, self.pause, self.stop_at, self.seen = verdict, pause, stop_at, []

    def scored(self, candidate):
        if len(self.seen) == self.stop_at:
            raise KeyboardInterrupt
        time.sleep(self.pause)
        ratio = float(1.0 - abs(candidate.problem.coefficients[0, 0, 1] + 1.037) / 4)
        self.seen.append(ratio)
        return Scored(ratio, 1e-9, self.verdict, "")


def test_rewards_are_bounded_and_jax_sees_the_same_problem():
    family = Family(states=3, modes=2, bound=0.7, resolution=proxies.NODES)
    rough = family.problem(LARGEST * np.sign(family.drawn(np.random.default_rng(1))))
    mdp = rough.mdp
    with jax.enable_x64(True):
        seen = jax.jit(proxies._problem)(rough.coefficients, 0.7, 0.8, 0.5)
    assert np.abs(mdp.r).max() < 0.7
    assert np.asarray(seen.r) == pytest.approx(mdp.r, abs=1e-14)
    assert np.asarray(seen.P) == pytest.approx(mdp.P, abs=1e-14)


def test_the_path_of_the_proxies_is_that_of_the_implicit_scheme():
    problem = drawn(Family(resolution=proxies.NODES))
    path = wc.evolve(wc.FrozenWPG(0.1), problem.mdp, wc.uniform(problem.mdp), steps=4)

    def values(coefficients):
        soft = proxies._problem(coefficients, 1.0, 0.8, 0.5)
        return proxies._path(soft, 0 * soft.r, np.full(4, 0.1))

    with jax.enable_x64(True):
        found = np.asarray(jax.jit(values)(problem.coefficients))
    assert found == pytest.approx(path.measured.value, abs=1e-12)


def test_a_leg_of_ascent_ends_higher_than_it_began_and_inside_the_box():
    x = np.stack([drawn(SMALL, seed).coefficients for seed in range(3)])
    first = proxies.ascended(proxies.sandwich, "reference", SMALL, x)
    second = proxies.ascended(proxies.sandwich, "reference", SMALL, first[0])
    assert (second[1] >= first[1]).all()
    assert (second[1] <= 1.0).all()
    assert np.abs(second[0]).max() <= LARGEST
    certified = target("bellman-sandwich").scored(Candidate(SMALL.problem(second[0][0])))
    assert certified.ratio == pytest.approx(second[1][0], rel=0.05)  # 48 nodes against 32


def test_what_is_tried_depends_on_the_seed_alone():
    valleys = [Valley() for _ in range(3)]
    for valley, seed in zip(valleys, (3, 3, 4), strict=True):
        wc.attack(valley, Space(SMALL), budget="60s", seed=seed, limit=30)
    assert valleys[0].seen == valleys[1].seen != valleys[2].seen


def test_shrinking_keeps_the_ratio_and_leaves_few_numbers():
    valley = Valley()
    found = wc.attack(valley, Space(Family(states=3, modes=3)), budget="60s", limit=60)
    best = max(valley.seen[:60])
    problem = found.worst.candidate.problem
    assert found.worst.scored.ratio >= KEPT * best
    assert (problem.family.states, problem.family.modes) == (1, 1)
    assert np.count_nonzero(problem.coefficients) == 1
    assert problem.coefficients[0, 0, 1] == -1.0


def test_a_state_that_is_dropped_takes_its_transitions_along():
    whole = drawn(Family(states=3, modes=1))
    fewer = next(shrinking(Candidate(whole))).problem
    assert fewer.family.states == 2
    assert np.array_equal(fewer.coefficients, whole.coefficients[1:][:, [0, 2, 3]])


@pytest.mark.parametrize("pause", [0.02, 0.7])
def test_the_budget_is_kept(pause):
    began = time.monotonic()
    found = wc.attack(Valley(pause=pause), Space(SMALL), budget="1.0s")
    assert time.monotonic() - began == pytest.approx(1.0, rel=0.1)
    assert found.candidates >= 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_interrupt_returns_the_best_so_far():
    valley = Valley(stop_at=5)
    found = wc.attack(valley, Space(SMALL), budget="60s")
    assert found.interrupted
    assert found.worst.scored.ratio == max(valley.seen)


def test_a_violation_ends_the_search_and_leads():
    found = wc.attack(Valley(verdict="VIOLATED"), Space(SMALL), budget="60s", limit=50)
    assert found.worst.scored.verdict == "VIOLATED"
    assert found.candidates < 50


def test_ranges_are_searched_within():
    space = space_of("0.2:1", "0.5:0.9", ("reference", "pushed"), states=2)
    rng = np.random.default_rng(0)
    drawn = [space.drawn(rng) for _ in range(40)]
    assert all(0.2 <= f.temperature <= 1 and 0.5 <= f.discount <= 0.9 for f, _ in drawn)
    assert {start for _, start in drawn} == {"reference", "pushed"}
    assert space_of("0.3", "0.5", ("reference",)).temperatures is None


def test_one_state_has_one_gibbs_policy_and_nothing_gets_worse():
    problem = drawn(Family(states=1, modes=1, resolution=32))
    found = target("lsi-along-iterates").scored(Candidate(problem))
    assert found.verdict == "NOT WORSE"
    assert abs(found.ratio - 1.0) <= found.error < 0.05


def test_a_file_is_the_same_problem_and_replays(tmp_path):
    problem, file = drawn(replace(SMALL, temperature=1 / 3)), tmp_path / "worst.toml"
    aim = target("bellman-sandwich", "(1-gamma)")
    candidate = Candidate(problem)
    case = WorstCase(aim.name, aim.wanted, candidate, aim.scored(candidate))
    case.save(file)
    again = read_worst_case(file)
    assert np.array_equal(again.candidate.problem.coefficients, problem.coefficients)
    assert again.candidate.problem.family == problem.family
    assert again.scored == case.scored
    assert again.agrees(again.replayed())
    assert wc.verify("bellman-sandwich", wc.load_worst_case(file)).verdict == "HOLDS"


SAVED = sorted((Path(__file__).parents[2] / "docs" / "worst-cases").glob("*.toml"))


@pytest.mark.parametrize("file", SAVED, ids=lambda file: file.stem)
def test_saved_worst_cases_are_those_of_a_theorem_or_goal(file):
    case = read_worst_case(file)
    assert case.target().name == file.stem
    assert case.as_toml() == file.read_text()
    assert case.scored.verdict in ("HOLDS", "WORSE")


def test_the_saved_worst_case_of_the_sandwich_replays(capsys):
    (file,) = (file for file in SAVED if file.stem == "bellman-sandwich")
    assert main(["replay", str(file)]) == 0
    assert "proved: at most 1" in capsys.readouterr().out


FALSE = '''"""too-good  Residuals are a tenth of gaps.

Setting.     Any finite MDP.
Hypotheses.  None.
Claim.       R <= W/10 in every state.
Tight for.   Nothing.
Reference.   None.
"""

import wconv as wc
from wconv.theory import at_most, case, check, control
from wconv.theory.bounds import bellman as bounds

CASES = [case("garnet", expect="HOLDS")]
CONTROLS = [control(n, on=CASES[0], constants={"bound": 0.5}) for n in ("one", "two")]


@check("too-good", cases=CASES, controls=CONTROLS)
def too_good(run):
    """False."""
    residual = run.each_policy(lambda p: wc.bellman_residual(run.mdp, run.evaluate(p)))
    gap = run.each_policy(lambda p: wc.optimality_gap(run.solution, run.evaluate(p)))
    yield at_most("R <= W/10", residual, bounds.itself.given(value=gap * 0.1), over="policy state")
'''


def test_a_false_theorem_is_refuted_loudly_saved_and_replayed(tmp_path, capsys):
    (tmp_path / "too_good.py").write_text(FALSE)
    checks, file = ["--checks", str(tmp_path / "too_good.py")], tmp_path / "worst.toml"
    sizes = ["--states", "2", "--modes", "1", "--resolution", "32", "--budget", "3s"]
    assert main(["attack", "too-good", *sizes, *checks, "-o", str(file)]) == 1
    said = capsys.readouterr().out
    assert "VIOLATED: too-good fails on the problem found" in said
    assert main(["replay", str(file), *checks]) == 0
    assert "the same within errors" in capsys.readouterr().out
    recorded = read_worst_case(file).scored.ratio
    file.write_text(file.read_text().replace(f"ratio = {recorded!r}", f"ratio = {recorded + 1!r}"))
    assert main(["replay", str(file), *checks]) == 3
    assert "NOT the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: target("wpg-ex"), "did you mean 'wpg-exp'"),
        (lambda: target("two-state-bellman"), "speak of problems"),
        (lambda: target("particle-bias"), "not be statistical"),
        (lambda: target("lsi-along-iterates", "R"), "left out for a goal"),
        (lambda: wc.attack(target("bellman-sandwich", "no such"), limit=1), "be part of a name"),
        (lambda: wc.attack("pdl", limit=1), "be an inequality"),
        (lambda: wc.attack("lq-closed-form", limit=1), "certify a ratio"),
        (lambda: seconds_of("60"), "a number with s, m or h, got '60'"),
        (lambda: seconds_of("0s"), "budget must be positive"),
        (lambda: seconds_of("99999999999999h"), "budget must be at most 1000h"),
        (
            lambda: space_of("a:b", "0.5", ("reference",)),
            "temperature must be a number or LOW:HIGH",
        ),
        (lambda: space_of("1:0.5", "0.5", ("reference",)), "LOW <= HIGH"),
        (lambda: space_of("1", "0.5:1.5", ("reference",)), "discount must lie in"),
        (lambda: space_of("1", "0.5", ()), "start must name at least one"),
        (lambda: Family(bound=-1.0), "bound must be positive"),
        (lambda: space_of("1", "0.5", ("reference",), resolution=5000), "at most 4096, got 5000"),
        (lambda: SMALL.problem(np.full(SMALL.shape, 9.0)), "coefficients must lie within"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(wc.InputError, match=words):
        call()


GOOD = WorstCase("bellman-sandwich", None, Candidate(drawn(SMALL)), Scored(0.5, 0.1, "HOLDS", "x"))


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        ("error = 0.1", "error = inf", "a finite error >= 0"),
        ("error = 0.1", "error = -1.0", "a finite error >= 0"),
        ("ratio = 0.5", f"ratio = 1{400 * '0'}", "well-formed"),
        ('verdict = "HOLDS"', 'verdict = "FINE"', "verdict must be a known name"),
        ('start = "ref', 'claim = 3\nstart = "ref', "claim must be a text"),
        ("bound = 1.0", "", "have all entries, got no bound"),
        (
            "resolution = 32",
            "resolution = 100000000",
            "resolution must be at most 4096, got 100000000",
        ),
        ("states = 2", "states = 100000000", "states must be at most 64, got 100000000"),
        ("bound = 1.0", "bound = 1.0\nx = 1", "have no other entries, got x"),
    ],
)
def test_an_entry_that_proves_nothing_is_refused(line, instead, words, tmp_path):
    assert line in GOOD.as_toml()
    (tmp_path / "w.toml").write_text(GOOD.as_toml().replace(line, instead))
    with pytest.raises(wc.InputError, match=words):
        read_worst_case(tmp_path / "w.toml")


def test_no_ratio_agrees_with_no_ratio_only():
    none = replace(GOOD, scored=Scored(np.nan, np.inf, "VIOLATED", ""))
    assert none.agrees(none.scored)
    assert not none.agrees(replace(GOOD.scored, verdict="VIOLATED"))
    assert not replace(none, scored=replace(GOOD.scored, verdict="VIOLATED")).agrees(none.scored)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "be readable"),
        ("ratio = = 1", "be TOML"),
        ("format = 7", "have format = 1, got 7"),
        ('format = 1\nname = "x"', "have all entries, got no problem"),
        ("format = 1\n[problem]\ncoefficients = [[1], [1, 2]]", "have well-formed entries"),
        ("format = 1\n[problem]\nstates = 2\ncoefficients = [1]", "have all entries, got no found"),
    ],
)
def test_a_file_that_is_none_is_refused(text, words, tmp_path):
    file = tmp_path / "worst.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(wc.InputError, match=words):
        read_worst_case(file)
