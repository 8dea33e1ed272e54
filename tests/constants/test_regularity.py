"""Suprema of derivatives against closed forms, and what a jump does to them."""

from dataclasses import replace

import numpy as np
import pytest

from wconv._require import InputError
from wconv.constants.regularity import q_oscillation, regularity
from wconv.exact.bellman import q_from_v
from wconv.exact.solve import solve
from wconv.mdp import zoo
from wconv.mdp.continuous import ContinuousMDP
from wconv.mdp.discretise import discretise
from wconv.mdp.smooth import SmoothMDP, of_state, softmax
from wconv.mdp.tabulate import tabulate
from wconv.measured import Bracket
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus


def problem(reward, transition, space, n=8, states=2):
    return tabulate(SmoothMDP(reward, transition, states, 0.8, 0.5, space), n)


def fair(s, a):
    return of_state(np.full((2, 2), 0.5), s, a)


def logistic(s, a):
    """P(0|s, a) = 1/(1 + e^{-a_1})."""
    return softmax(a[..., :1] * of_state(np.array([[1.0, 0.0]] * 2), s, a))


def assert_encloses(bracket, truth, width):
    assert (bracket.lower <= truth).all(), (bracket, truth)
    assert (truth <= bracket.upper).all(), (bracket, truth)
    assert (bracket.upper - bracket.lower <= width * np.abs(truth) + 1e-300).all(), bracket


def test_cosine_and_logistic_on_the_line():
    """sup|cos^(k)| = 1; of the logistic σ: Σ|σ'| = 2/4, Σ|σ''| = 2/(6√3), Σ|σ'''| = 2/8."""

    def reward(s, a):
        xp = a.__array_namespace__()
        return 0.3 * xp.cos(a[..., 0] - of_state(np.array([0.2, 1.0]), s, a)) + 1.0

    found = regularity(problem(reward, logistic, GaussianLine(scale=2.0, reach=4.0)))
    truths = {
        "R_max": 1.3, "osc_r": 0.6, "G_r": 0.3, "L_r": 0.3, "H_r": 0.3,
        "G_p": 0.5, "L_p": 1 / (3 * np.sqrt(3)), "H_p": 0.25,
    }  # fmt: skip
    for name, truth in truths.items():
        assert_encloses(getattr(found, name), np.full(2, truth), 1e-4)
    assert found.beta == pytest.approx(0.5 / 4, rel=1e-15)
    v = 3.0
    assert_encloses(found.drift_bound(v), 0.3 + 0.8 * 3 * 0.5, 1e-4)
    assert_encloses(found.drift_lipschitz(v), 0.125 + 0.3 + 0.8 * 3 / (3 * np.sqrt(3)), 1e-4)
    assert_encloses(found.drift_bend(v), 0.3 + 0.8 * 3 * 0.25, 1e-4)


def test_cubic_in_the_plane_with_its_mixed_derivatives():
    """r = c x²y on [−1, 2]×[0, 1]: ∇r = c(2xy, x²), ∇²r = 2c[[y, x], [x, 0]], |∇³r| = 2c√3."""
    c = np.array([1.0, -2.0])

    def reward(s, a):
        return of_state(c, s, a) * a[..., 0] ** 2 * a[..., 1]

    found = regularity(problem(reward, fair, Box((-1.0, 0.0), (2.0, 1.0))))
    size = np.abs(c)
    assert_encloses(found.R_max, 4 * size, 1e-3)
    assert_encloses(found.osc_r, 4 * size, 1e-3)
    assert_encloses(found.G_r, size * np.sqrt(32), 1e-3)
    assert_encloses(found.L_r, size * (1 + np.sqrt(17)), 1e-3)
    assert_encloses(found.H_r, size * 2 * np.sqrt(3), 1e-9)
    for name in ("G_p", "L_p", "H_p"):
        assert_encloses(getattr(found, name), np.zeros(2), 0.0)


def test_torus_wraps():
    def reward(s, a):
        xp = a.__array_namespace__()
        return xp.sin(a[..., 0]) * xp.cos(2 * a[..., 1]) + 0.0 * s

    found = regularity(problem(reward, fair, Torus(2 * np.pi, dim=2)))
    assert_encloses(found.G_r, np.full(2, 2.0), 5e-3)
    assert_encloses(found.L_r, np.full(2, 4.0), 5e-3)


@pytest.mark.parametrize("width", [0.0, 1e-7], ids=["jump", "steep"])
def test_a_jump_of_the_kernel_has_no_derivative(width):
    """P(0|s, a) steps from .2 to .7 at a = .3137: its sampled derivatives are zero, its L_p infinite."""

    def transition(s, a):
        xp = a.__array_namespace__()
        x = a[..., :1] - 0.3137
        step = xp.where(x > 0, 1.0, 0.0) if width == 0 else 0.5 * (1 + xp.tanh(x / width))
        up = 0.2 + 0.5 * step + 0.0 * of_state(np.zeros((2, 1)), s, a)
        return xp.concatenate([up, 1.0 - up], axis=-1)

    def reward(s, a):
        return a[..., 0] + 0.0 * s

    found = regularity(problem(reward, transition, Interval(-1, 1)))
    for name in ("G_p", "L_p", "H_p"):
        assert (getattr(found, name).upper == np.inf).all(), name
    assert_encloses(found.G_r, np.ones(2), 1e-9)
    assert found.drift_lipschitz(0.0).upper < 1e-6
    assert found.drift_lipschitz(1.0).upper == np.inf


@pytest.mark.parametrize("periodic", [False, True], ids=["walls", "circle"])
def test_nodes_of_continuous_states_agree_with_their_functions(periodic):
    """By the laws of the coordinates, or by the function P of all nodes: the same suprema."""

    def dynamics(x, a):
        xp = a.__array_namespace__()
        speed = 0.5 * xp.tanh(x[..., 1] + a[..., 0])
        return xp.stack(xp.broadcast_arrays(0.5 * x[..., 0] + 0.3 * speed, speed), axis=-1)

    def reward(x, a):
        return x[..., 0] * a[..., 0]

    first = Torus(2.0) if periodic else Interval(-1.0, 1.0)
    problem = ContinuousMDP(
        dynamics, reward, (first, Interval(-1.0, 1.0)), Interval(-1.0, 1.0), (0.35, 0.4), 0.9, 0.5
    )
    mdp = discretise(problem, states=(7, 6), actions=8)
    plain = replace(mdp.smooth, states=None, continuous=None)
    found, truth = regularity(mdp), regularity(tabulate(plain, 8))
    for name in ("R_max", "G_r", "L_r", "H_r", "G_p", "L_p", "H_p"):
        ours, theirs = getattr(found, name), getattr(truth, name)
        assert ours.lower == pytest.approx(theirs.lower, rel=1e-12)
        assert ours.upper == pytest.approx(theirs.upper, rel=1e-8)


def test_oscillation_of_q_bounds_the_refined_one():
    mdp = zoo.make("tilted-double-well", resolution=32)
    fine = zoo.make("tilted-double-well", resolution=4096)
    V = solve(mdp).V
    found = q_oscillation(mdp, V)
    q = q_from_v(fine, V)
    ends = 1.5 * q[:, [0, -1]] - 0.5 * q[:, [1, -2]]  # the first node is half a cell inside
    q = np.concatenate([q, ends], axis=-1)
    truth = q.max(axis=-1) - q.min(axis=-1)
    assert (np.abs(found.value - truth) <= found.error).all(), (found, truth)
    assert found.error.max() <= 0.2
    wide = q_oscillation(mdp, Bracket(V - 0.25, V + 0.25))
    assert np.allclose(wide.error - found.error, 2 * mdp.gamma * 0.25, rtol=1e-9)


def test_what_has_no_derivatives_is_refused():
    with pytest.raises(InputError, match=r"functions of a continuous action.*SmoothMDP"):
        regularity(zoo.make("garnet"))

    def root(s, a):
        xp = a.__array_namespace__()
        return xp.sqrt(xp.abs(a[..., 0])) + 0.0 * s

    with pytest.raises(InputError, match=r"reward must be three times differentiable"):
        regularity(problem(root, fair, Interval(-1, 1)))
    points = problem(lambda s, a: a[..., 0] + 0.0 * s, fair, FiniteSet(np.eye(3)), n=3)
    with pytest.raises(InputError, match="space must be a continuum"):
        regularity(points)
    mdp = zoo.make("gaussian-line", resolution=16)
    with pytest.raises(InputError, match="V must be finite"):
        q_oscillation(mdp, Bracket(np.full(4, -np.inf), np.zeros(4)))
    with pytest.raises(InputError, match="v must lie in"):
        regularity(mdp).drift_bound(-1.0)
