"""Particles against closed forms and against the density; runs that stop, spread, blow up or do not fit."""

import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import wconv as wc

TAU, STEP = 0.4, 0.1


def quadratic(s, a):
    xp = a.__array_namespace__()
    return -0.5 * 1.5 * xp.sum(xp.square(a), axis=-1) + 0.0 * s


def stay(s, a):
    xp = a.__array_namespace__()
    return xp.ones((*a.shape[:-1], 1)) + 0.0 * (s + a[..., :1])


def bandit(space, temperature=TAU):
    """One state, r = −(3/4)|a|²: every method is linear and every law Gaussian."""
    return wc.SmoothMDP(quadratic, stay, 1, 0.0, temperature, space)


H = 1.5 + TAU / 4.0
"""The curvature of the reward and of a Gaussian reference of deviation 2."""

CLOSED = {
    "langevin": (wc.WPGD(STEP), lambda v: (1 - STEP * H) ** 2 * v + 2 * TAU * STEP),
    "explicit": (
        wc.SplitWPPG(STEP, "explicit"),
        lambda v: (1 - STEP * H) ** 2 * v + 2 * TAU * STEP,
    ),
    "prox": (wc.SplitWPPG(STEP, "prox"), lambda v: v / (1 + STEP * H) ** 2 + 2 * TAU * STEP),
}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("dim", [1, 3, 50])
def test_second_moments_are_those_of_the_gaussian_closed_form(name, dim):
    method, moment = CLOSED[name]
    n, v = 200_000 // dim, 4.0
    problem = bandit(wc.GaussianSpace(dim, 2.0))
    path = wc.evolve_particles(method, problem, n=n, steps=6, samples=6)
    assert path.particles.shape == (7, 1, n, dim)
    for k in range(7):
        # A mean of n·dim squares of deviation v√2; five deviations, 42 of them.
        assert abs(np.mean(path.particles[k] ** 2) - v) < 5 * v * np.sqrt(2 / (n * dim))
        v = moment(v)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_both_precisions_keep_their_type_and_their_law(precision):
    path = wc.evolve_particles(
        wc.WPGD(STEP), bandit(wc.GaussianSpace(1, 2.0)), n=100_000, steps=60, precision=precision
    )
    assert path.particles.dtype == precision
    gibbs = 2 * TAU * STEP / (1 - (1 - STEP * H) ** 2)
    assert abs(np.mean(path.particles[-1] ** 2) / gibbs - 1) < 5 * np.sqrt(2 / 100_000)


def test_blobs_settle_where_the_smoothed_law_is_gibbs():
    """A Gaussian of variance v under its own blob is at rest iff τ/(v + h²) = H: smoothed it is N(0, τ/H)."""
    width = 0.2
    path = wc.evolve_particles(
        wc.BlobWPG(0.05, width), bandit(wc.GaussianSpace(1, 2.0)), n=400, steps=600, samples=2
    )
    earlier, moment = np.var(path.particles[1:], axis=(1, 2, 3))
    assert abs(earlier / moment - 1) < 1e-3  # at rest
    smoothed = np.var(path.particles[-1]) + width**2
    assert abs(smoothed / (TAU / H) - 1) < 0.01  # a blob of a finite number is a little narrower


@pytest.mark.parametrize(
    "space",
    [wc.Interval(-1.0, 2.0), wc.Torus(3.0), wc.Box((-1.0, 0.0), (0.5, 2.0)), wc.Torus(2.0, 2)],
)
@pytest.mark.parametrize("method", [wc.WPGD(0.3), wc.BlobWPG(0.01, 0.1)], ids=["wpgd", "blob"])
def test_particles_stay_in_their_space(space, method):
    ends = {"Torus": (0.0, getattr(space, "length", 0.0))}.get(
        type(space).__name__, (getattr(space, "low", 0.0), getattr(space, "high", 0.0))
    )
    path = wc.evolve_particles(method, bandit(space), n=300, steps=20, samples=20)
    low, high = (np.atleast_1d(end) for end in ends)
    assert (path.particles >= low - 1e-12).all()
    assert (path.particles <= high + 1e-12).all()
    assert np.ptp(path.particles[-1], axis=1).min() > 0.3  # and do not stick to the ends


INSTANCES = {
    "line": ("gaussian-line", {}),
    "circle": ("ring", {}),
    "interval": ("tilted-double-well", {"temperature": 1.0}),
    "box": ("box-2d", {"resolution": 16, "temperature": 2.0}),
}


@pytest.mark.parametrize("name", INSTANCES)
def test_with_the_values_of_the_law_the_mean_mixture_is_the_law(name):
    """Given V_k particles are independent, and E π̂_k = π_k on the nodes, at every k."""
    recipe, parameters = INSTANCES[name]
    mdp = wc.zoo.make(recipe, **parameters)
    method, start, seeds = wc.WPGD(0.05), wc.uniform(mdp), range(16)
    law = wc.evolve(method, mdp, start, steps=3)
    path = wc.evolve_particles(
        method,
        mdp,
        start,
        n=64,
        steps=3,
        samples=3,
        seed=seeds,
        value=law.measured.value[:-1],
    )
    test = np.cos(np.arange(1, 4)[:, None] * mdp.grid.nodes[:, 0])  # three functions of the action
    for k in (1, 2, 3):
        found = np.stack([path.mixture(r).policies[k].pi @ test.T for r in seeds])
        error = found.std(axis=0, ddof=1) / np.sqrt(len(seeds))
        off = np.abs(found.mean(axis=0) - law.policies[k].pi @ test.T)
        assert (off < 5.5 * error + 1e-12).all()


def test_values_of_all_estimators_agree_with_the_policy_they_evaluate():
    mdp = wc.zoo.make("ring")
    method, start = wc.WPGD(0.05), wc.uniform(mdp)

    def run(value):
        return wc.evolve_particles(
            method, mdp, start, n=2000, steps=2, samples=2, seed=3, value=value
        )

    exact, gridded, averaged = (run(value) for value in ("mixture", "gridded", "samples"))
    narrow = wc.evolve_particles(
        method, mdp, start, n=2000, steps=2, seed=3, value="mixture", precision="float32"
    )
    V = exact.mixture().measured
    np.testing.assert_allclose(narrow.values[-1], V.value[-1], rtol=0, atol=0.1)  # other draws
    np.testing.assert_allclose(exact.values, V.value, rtol=0, atol=1e-10)
    np.testing.assert_allclose(gridded.values, V.value, rtol=0, atol=1e-6)
    assert np.abs(averaged.values[1:] - V.value[1:]).max() < 0.1  # 5/√2000, and V sums over 1/(1−γ)
    assert np.abs(averaged.values[1:] - V.value[1:]).max() > 1e-6  # it is another estimate


def test_stages_are_independent_of_how_a_run_is_cut():
    mdp = wc.zoo.make("ring")
    whole, parts = (
        wc.evolve_particles(wc.WPGD(0.05), mdp, n=50, steps=6, samples=samples, seed=1)
        for samples in (1, 6)
    )
    np.testing.assert_array_equal(whole.particles[-1], parts.particles[-1])


def test_a_run_that_lost_its_last_samples_makes_them_again(tmp_path):
    folder = tmp_path / "run"

    def run():
        return wc.evolve_particles(
            wc.WPGD(0.05), wc.zoo.make("ring"), n=50, steps=6, samples=3, seed=1, folder=folder
        )

    first = run()
    (folder / "sample-00003.npz").unlink()
    (folder / "sample-00002.npz").write_bytes(b"PK torn")
    again = run()
    np.testing.assert_array_equal(first.particles, again.particles)
    np.testing.assert_array_equal(first.values, again.values)


KILLED = """
    import sys, wconv as wc
    path = wc.evolve_particles(wc.WPGD(0.05), wc.zoo.make("ring"), n=3000, steps=400, samples=40,
                               seed=1, folder=sys.argv[1])
    print(path.particles[-1].tobytes().hex()[:4000])
"""


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_numbers(tmp_path):
    def start(folder):
        order = [sys.executable, "-c", textwrap.dedent(KILLED), str(folder)]
        return subprocess.Popen(order, stdout=subprocess.PIPE, text=True)

    victim = start(tmp_path / "a")
    while not (tmp_path / "a" / "sample-00003.npz").exists():
        time.sleep(0.02)
        assert victim.poll() is None
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    kept = len(list((tmp_path / "a").glob("sample-*.npz")))
    assert 4 <= kept < 41  # it was killed on the way
    resumed, whole = (start(tmp_path / name).communicate(timeout=120)[0] for name in "ab")
    assert resumed == whole
    assert len(whole) > 1000


SHARDED = """
    import os
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    import numpy as np, wconv as wc
    def run(devices, value):
        return wc.evolve_particles(wc.WPGD(0.05), wc.zoo.make("ring"), n=64, steps=3, seed=1,
                                   devices=devices, value=value)
    for value in ("mixture", "gridded", "samples"):
        one, two = run(1, value), run(2, value)
        print(np.abs(one.particles - two.particles).max(), np.abs(one.values - two.values).max())
"""


@pytest.mark.slow
def test_two_devices_give_the_numbers_of_one():
    order = [sys.executable, "-c", textwrap.dedent(SHARDED)]
    out = subprocess.run(order, capture_output=True, text=True, timeout=300, check=True).stdout
    off = np.array([line.split() for line in out.splitlines()], dtype=float)
    assert off.shape == (3, 2)
    assert off.max() < 1e-12  # sums in another order


def test_a_step_that_blows_up_is_reported_with_its_number():
    with pytest.raises(wc.SolverError, match=r"left every bound in step \d+: shorten the step"):
        wc.evolve_particles(wc.WPGD(4.0), bandit(wc.GaussianSpace(2, 2.0)), n=10, steps=400)


def test_a_proximal_step_that_is_not_concave_is_refused():
    well = wc.zoo.make("tilted-double-well", temperature=0.2)
    with pytest.raises(
        wc.SolverError, match=r"step 1: shorten the step, or take transport='explicit'"
    ):
        wc.evolve_particles(wc.SplitWPPG(5.0), well, n=50, steps=2)


RING = wc.zoo.make("ring")
LINE = bandit(wc.GaussianSpace(1))
BAD = {
    "method": ({"method": wc.FrozenWPG(0.1)}, "method must be one of particles"),
    "noise": ({"method": wc.SplitWPPG(0.1, noise="sampled")}, "noise must be kept"),
    "tables": ({"problem": wc.zoo.make("garnet")}, "problem must have functions"),
    "n": ({"n": 0}, "n must be an integer >= 1"),
    "steps": ({"steps": 0}, "steps must be an integer >= 1"),
    "samples": ({"samples": 3}, "samples must divide the 4 steps"),
    "seed": ({"seed": -1}, "seed must be an integer >= 0"),
    "precision": ({"precision": "half"}, "precision must be a known name"),
    "value": ({"value": "exact"}, "value must be a known name"),
    "nodes": ({"problem": LINE, "value": "gridded"}, "value must be samples without nodes"),
    "given": (
        {"value": np.zeros((4, 3))},
        r"value must be the name of an estimator, or have shape",
    ),
    "rows": ({"value": np.zeros((3, 4))}, "value must have a row for each of the 4 steps"),
    "devices": ({"devices": 99}, "devices must be at most"),
    "memory": ({"memory": 1e3}, r"n must fit into 1e-06 GB.*take n <= \d+"),
    "start": ({"start": np.zeros((4, 10, 1))}, "start must be a policy or the reference"),
    "shape": ({"problem": LINE, "start": np.zeros((1, 9, 1))}, "start must have shape"),
    "policy": ({"problem": LINE, "start": wc.uniform(RING)}, "start must be particles or nothing"),
    "narrow": ({"method": wc.WPGD(1e-7)}, "step must make a noise of at least 0.7 spacings"),
    "wide": ({"method": wc.BlobWPG(0.1, 2.0)}, "method must have a Gaussian narrower"),
    "box": (
        {"problem": bandit(wc.Box((0.0, 0.0), (1.0, 1.0))), "method": wc.SplitWPPG(0.1)},
        "transport must be explicit in a box",
    ),
    "deep": (
        {"problem": bandit(wc.Torus(1.0, 4)), "method": wc.BlobWPG(0.1, 0.01)},
        "dim must be at most 3 for blobs",
    ),
    "finite": (
        {"problem": wc.SmoothMDP(quadratic, stay, 1, 0.0, 1.0, wc.FiniteSet(np.zeros((1, 1))))},
        "actions must form a continuum",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_words(name):
    changed, message = BAD[name]
    given = {"method": wc.WPGD(0.05), "problem": RING, "n": 10, "steps": 4} | changed
    with pytest.raises(wc.InputError, match=message):
        wc.evolve_particles(given.pop("method"), given.pop("problem"), **given)


def test_a_folder_of_another_run_is_refused(tmp_path):
    def run(**changed):
        given = {"n": 10, "steps": 2, "seed": 1} | changed
        return wc.evolve_particles(wc.WPGD(0.05), RING, folder=tmp_path / "run", **given)

    run()
    with pytest.raises(wc.InputError, match=r"another one \(problem, n differ\)"):
        run(n=11)
    (tmp_path / "stray.txt").write_text("")
    with pytest.raises(wc.InputError, match="a folder with other files"):
        wc.evolve_particles(wc.WPGD(0.05), RING, n=10, steps=2, folder=tmp_path)


def test_mixtures_need_nodes():
    path = wc.evolve_particles(wc.WPGD(STEP), LINE, n=10, steps=1)
    assert "10 particles in R^1 in each of 1 states" in repr(path)
    with pytest.raises(wc.InputError, match="problem must be an MDP on nodes"):
        path.mixture()
    with pytest.raises(wc.InputError, match="problem must be an MDP on nodes"):
        _ = path.log_densities
    with pytest.raises(wc.InputError, match="actions must have a grid"):
        wc.tabulate(LINE, 8)
