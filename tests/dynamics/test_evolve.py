"""The driver: symmetries of all methods, times and samples, and everything it refuses."""

import numpy as np
import pytest

import wconv as wc

METHODS = {
    "flow": (wc.WPGFlow(), {"until": 0.4, "samples": 2}),
    "frozen": (wc.FrozenWPG(0.2, substeps=3), {"steps": 3}),
    "langevin": (wc.WPGD(0.2), {"steps": 3}),
    "policy iteration": (wc.SoftPolicyIteration(), {"steps": 2}),
    "mirror descent": (wc.MirrorDescent(0.5), {"steps": 3}),
}


def ring_of(shift, n=48):
    """Two states on a circle of length 1; reward and transition turned by a number of nodes."""

    def reward(s, a):
        xp = a.__array_namespace__()
        angle = 2 * np.pi * (a[..., 0] - shift / n)
        return xp.cos(angle + s) + 0.5 * xp.sin(2 * angle - s)

    def transition(s, a):
        xp = a.__array_namespace__()
        up = 0.5 + 0.4 * xp.sin(2 * np.pi * (a[..., 0] - shift / n) + s)
        return xp.stack([up, 1.0 - up], axis=-1)

    return wc.tabulate(wc.SmoothMDP(reward, transition, 2, 0.8, 0.4, wc.Torus(1.0)), n)


@pytest.mark.parametrize("name", METHODS)
def test_turning_the_circle_turns_the_path(name):
    method, times = METHODS[name]
    first, turned = ring_of(0), ring_of(11)
    start = wc.softmax_policy(np.cos(2 * np.pi * first.grid.nodes.T + [[0.2], [1.0]]), first.grid)
    moved = wc.Policy(np.roll(start.logf, 11, axis=1), turned.grid)
    before = wc.evolve(method, first, start, **times).policies[-1].logf
    after = wc.evolve(method, turned, moved, **times).policies[-1].logf
    assert np.abs(np.roll(before, 11, axis=1) - after).max() < 1e-11


@pytest.mark.parametrize("name", METHODS)
def test_mirror_images_stay_mirror_images(name):
    """The double well is invariant under (s, a) → (3 − s, −a)."""
    method, times = METHODS[name]
    mdp = wc.zoo.double_well(resolution=48)
    tilt = mdp.grid.nodes[:, 0] * np.array([[0.5], [-1.0], [0.3], [0.0]])
    one, two = (wc.softmax_policy(x, mdp.grid) for x in (tilt, tilt[::-1, ::-1]))
    ends = [wc.evolve(method, mdp, start, **times).policies[-1].logf for start in (one, two)]
    assert np.abs(ends[0] - ends[1][::-1, ::-1]).max() < 1e-11


def test_samples_are_every_so_many_steps_and_until_counts_them():
    mdp = ring_of(0)
    for method in (wc.FrozenWPG(0.1), wc.WPGD(0.1)):
        every = wc.evolve(method, mdp, wc.uniform(mdp), steps=6)
        some = wc.evolve(method, mdp, wc.uniform(mdp), until=0.6, samples=2)
        assert every.times == pytest.approx(0.1 * np.arange(7))
        assert some.times == pytest.approx([0.0, 0.3, 0.6])
        for k in (1, 2):
            assert np.abs(some.policies[k].logf - every.policies[3 * k].logf).max() < 1e-12
    assert wc.evolve(wc.WPGFlow(), mdp, wc.uniform(mdp), until=0.1).times.shape == (33,)


def test_the_grid_that_an_error_names_is_fine_enough():
    coarse = wc.zoo.ring(resolution=32)
    with pytest.raises(
        wc.InputError, match=r"0.7 spacings of the grid, got .* tabulate with n >= 44 nodes"
    ):
        wc.evolve(wc.WPGD(0.01), coarse, wc.uniform(coarse), steps=1)
    fine = wc.zoo.ring(resolution=44)
    path = wc.evolve(wc.WPGD(0.01), fine, wc.uniform(fine), steps=1)
    assert path.mass_defect < 1e-13


RING = ring_of(0)
TABLE = wc.zoo.garnet()
FLAT = wc.make_mdp(np.zeros((1, 8)), np.ones((1, 8, 1)), discount=0.5, temperature=1.0,
                   grid=wc.Interval(0.0, 1.0).grid(8))  # fmt: skip
SHORT = wc.make_mdp(np.zeros((1, 2)), np.ones((1, 2, 1)), discount=0.5, temperature=1.0,
                    grid=wc.Interval(0.0, 1.0).grid(2))  # fmt: skip
UNIT = {"steps": 1}


@pytest.mark.parametrize(
    ("method", "mdp", "start", "times", "match"),
    [
        (wc.WPGFlow(), TABLE, None, {"until": 1.0}, "actions must form a continuum, got a finite"),
        (wc.WPGD(0.1), TABLE, None, UNIT, "use SoftPolicyIteration or MirrorDescent"),
        (wc.WPGFlow(), SHORT, None, {"until": 1.0}, "grid must have at least 3 nodes an axis"),
        (wc.WPGD(0.1), FLAT, None, UNIT, "mdp must have functions of a continuous action"),
        (wc.FrozenWPG(0.1), RING, wc.Policy(RING.r + 1, RING.grid), UNIT, "density must sum to 1"),
        (
            wc.FrozenWPG(0.1),
            RING,
            wc.Policy(RING.r[:1] * 0, RING.grid),
            UNIT,
            "start must have sha",
        ),
        (wc.FrozenWPG(0.1), RING, wc.uniform(FLAT), UNIT, "grid must be the same"),
        (wc.FrozenWPG(0.1), RING, None, {}, "until or steps must be given, one of the two"),
        (
            wc.FrozenWPG(0.1),
            RING,
            None,
            {"steps": 1, "until": 0.1},
            "until or steps must be given",
        ),
        (wc.FrozenWPG(0.1), RING, None, {"steps": 0}, "steps must be an integer >= 1"),
        (
            wc.FrozenWPG(0.1),
            RING,
            None,
            {"until": 0.25},
            "until must be a multiple of the step 0.1",
        ),
        (wc.FrozenWPG(0.1), RING, None, {"until": 0.01}, "until must be a multiple"),
        (wc.FrozenWPG(0.1), RING, None, {"until": np.nan}, "until must be finite"),
        (wc.FrozenWPG(0.1), RING, None, {"steps": 6, "samples": 4}, "samples must divide the 6"),
        (wc.FrozenWPG(0.1), RING, None, {"steps": 6, "samples": 0}, "samples must be an integer"),
        (
            wc.WPGFlow(),
            RING,
            None,
            {"steps": 3},
            "until must be given for a flow, and steps left out",
        ),
        (wc.WPGFlow(), RING, None, {}, "until must be given for a flow"),
        (wc.WPGFlow(), RING, None, {"until": -1.0}, "until must be positive"),
        (wc.WPGFlow(), RING, None, {"until": 1.0, "samples": 1.5}, "samples must be an integer"),
    ],
)
def test_what_does_not_fit_is_refused(method, mdp, start, times, match):
    start = wc.uniform(mdp) if start is None else start
    with pytest.raises(wc.InputError, match=match):
        wc.evolve(method, mdp, start, **times)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: wc.WPGFlow(tol=0.0), "tol must be positive"),
        (lambda: wc.WPGFlow(tol=2.0), r"tol must lie in \[0, 1\)"),
        (lambda: wc.WPGFlow(refinements=1), "refinements must be an integer >= 2"),
        (lambda: wc.FrozenWPG(0.0), "step must be positive"),
        (lambda: wc.FrozenWPG(0.1, substeps=0), "substeps must be an integer >= 1"),
        (lambda: wc.WPGD(np.nan), "step must be finite"),
        (lambda: wc.MirrorDescent(-1.0), "step must be positive"),
    ],
)
def test_methods_refuse_bad_parameters(make, match):
    with pytest.raises(wc.InputError, match=match):
        make()


def stay(s, a):
    return a.__array_namespace__().ones((*np.broadcast_shapes(np.shape(s), a.shape[:-1]), 1))


def steep(sign):
    """One state on the Gaussian line, r = ±a²: with + it is stronger than the confinement β/2 = ½."""

    def reward(s, a):
        return sign * a[..., 0] ** 2 + 0.0 * s

    space = wc.GaussianLine(1.0)
    return wc.tabulate(wc.SmoothMDP(reward, stay, 1, 0.5, 1.0, space), 64)


def root(s, a):
    return a.__array_namespace__().sqrt(abs(a[..., 0] - 0.03125)) + 0.0 * s


@pytest.mark.parametrize(
    ("method", "times"), [(wc.WPGD(0.2), {"steps": 40}), (wc.WPGFlow(), {"until": 20.0})]
)
def test_a_reward_beyond_confinement_is_found_out(method, times):
    mdp = steep(+1)
    with pytest.raises(wc.SolverError, match=r"beyond the nodes|reach of the line") as found:
        wc.evolve(method, mdp, wc.uniform(mdp), **times)
    assert found.value.outcome is wc.Outcome.UNRESOLVED
    calm = steep(-1)
    assert wc.evolve(method, calm, wc.uniform(calm), **times).mass_defect < 1e-12


def test_kinks_underflow_and_missed_tolerances_are_errors():
    kinked = wc.SmoothMDP(root, stay, 1, 0.5, 1.0, wc.Interval(0.0, 1.0))
    kink = wc.tabulate(kinked, 16)
    with pytest.raises(wc.InputError, match="gradient of the reward must be finite"):
        wc.evolve(wc.WPGD(0.1), kink, wc.uniform(kink), steps=1)
    cold = wc.zoo.tilted_double_well(temperature=1e-3, resolution=32)
    with pytest.raises(wc.SolverError, match="masses underflow at sample 3: raise the temp") as one:
        wc.evolve(wc.FrozenWPG(1e9), cold, wc.uniform(cold), steps=4)
    assert one.value.outcome is wc.Outcome.UNRESOLVED
    freezing = cold.replace(temperature=1e-5)
    with pytest.raises(wc.SolverError, match="the mass is off by nan at sample 1") as two:
        wc.evolve(wc.FrozenWPG(1.0), freezing, wc.uniform(cold), steps=1)
    assert two.value.outcome is wc.Outcome.NOT_FINITE
    flow = wc.WPGFlow(1e-12, refinements=2)
    with pytest.raises(wc.SolverError, match=r"known to .*: loosen tol, allow more") as three:
        wc.evolve(flow, RING, wc.uniform(RING), until=1.0)
    assert three.value.outcome is wc.Outcome.MAX_STEPS


@pytest.mark.parametrize(
    ("method", "problem", "begin", "message"),
    [
        (wc.WPGFlow, None, None, "method must be a method with its parameters"),
        ("wpg", None, None, "method must be a method"),
        (wc.FrozenWPG(0.1), "smooth", None, "mdp must be an MDP, got SmoothMDP: tabulate"),
        (wc.FrozenWPG(0.1), None, "array", "start must be a Policy, got ndarray"),
        (wc.FrozenWPG(0.1), None, "nan", "start must be log-densities, got NaN"),
    ],
)
def test_other_objects_are_refused_by_name(method, problem, begin, message):
    mdp = wc.zoo.ring(resolution=16)
    start = wc.uniform(mdp)
    if begin == "array":
        start = start.logf
    elif begin == "nan":
        start = wc.Policy(np.nan * start.logf, start.grid)
    with pytest.raises(wc.InputError, match=message):
        wc.evolve(method, mdp.smooth if problem else mdp, start, steps=2)
