"""The methods WPPG and InexactWPPG through ``evolve``, and the certificates of their paths."""

import numpy as np
import pytest

import wconv as wc
from wconv._require import InputError
from wconv.outcomes import SolverError

WELLS = wc.zoo.tilted_double_well(resolution=64)
TABLE = wc.zoo.garnet()
PLANE = wc.zoo.box_2d(resolution=8)


def translated(shift, tau=0.5, n=256):
    """A bandit whose Gibbs policy is N(0, v), and the start N(shift, v), v = τ/(κ+β)."""
    mdp = wc.zoo.quadratic_line(
        temperature=tau, discount=0.0, spread=0.0, confinement=1.0, resolution=n
    )
    star = wc.solve(mdp)
    x = mdp.grid.nodes[:, 0]
    stiffness = 1.0 + np.arange(4) / 3
    h = stiffness + 1.0
    tilt = shift * h[:, None] / tau * x
    return mdp, wc.softmax_policy(star.policy.logf + tilt, mdp.grid), h


@pytest.mark.parametrize("eta", [0.05, 1.0, 20.0])
def test_translated_gaussians_move_as_proximal_points(eta):
    """N(m, v) goes to N(m/(1+ηh), v): the closed form of the step."""
    mdp, start, h = translated(0.3)
    path = wc.evolve(wc.WPPG(eta, tol=1e-14), mdp, start, steps=2)
    means = path.policies[2].pi @ mdp.grid.nodes[:, 0]
    np.testing.assert_allclose(means, 0.3 / (1 + eta * h) ** 2, rtol=2e-3)


@pytest.mark.parametrize(
    ("mdp", "eta", "tol"),
    [(WELLS, 0.1, 1e-10), (wc.zoo.ring(resolution=64), 5.0, 1e-10), (TABLE, 1.0, 1e-10)],
    ids=["line", "circle", "finite"],
)
def test_steps_raise_values_and_keep_their_promise(mdp, eta, tol):
    path = wc.evolve(wc.WPPG(eta, tol=tol), mdp, wc.uniform(mdp), steps=3)
    moves = wc.proximal_steps(path)
    size = mdp.tau + max(np.ptp(value.Q, axis=-1).max() for value in path.evaluations)
    assert moves.gap.upper.max() <= 1.1 * tol * size
    rise = path.measured[1:] - path.measured[:-1]
    assert (rise.value >= moves.moved.value / (2 * eta) - 2 * moves.gap.upper).all()


def test_steps_in_the_plane_certify_their_distance():
    path = wc.evolve(wc.WPPG(1.0, tol=1e-6), PLANE, wc.uniform(PLANE), steps=2)
    moves = wc.proximal_steps(path)
    assert (moves.moved.lower > 0).all()
    assert (moves.moved.errors["gap"] >= 2 * moves.gap.value).all()


def test_short_steps_freeze_a_finite_set_and_no_continuum():
    still = wc.evolve(wc.WPPG(1e-3), TABLE, wc.uniform(TABLE), steps=1)
    assert wc.proximal_steps(still).moved.value.max() < 1e-12
    (longest,) = wc.proximal_steps(still).freezes
    assert (longest > 1e-3).all()
    thaw = wc.evolve(wc.WPPG(1.05 * longest.min()), TABLE, wc.uniform(TABLE), steps=1)
    assert wc.proximal_steps(thaw).moved.value[0, longest.argmin()] > 1e-6
    moving = wc.evolve(wc.WPPG(1e-3), WELLS, wc.uniform(WELLS), steps=1)
    assert wc.proximal_steps(moving).moved.value.min() > 1e-9
    assert (wc.proximal_steps(moving).freezes == 0).all()


def test_a_critic_without_errors_is_exact_and_seeds_repeat():
    exact = wc.evolve(wc.WPPG(0.5), WELLS, wc.uniform(WELLS), steps=2)
    none = wc.evolve(wc.InexactWPPG(0.5), WELLS, wc.uniform(WELLS), steps=2)
    np.testing.assert_array_equal(exact.measured.value, none.measured.value)
    noisy, again, other = (
        wc.evolve(wc.InexactWPPG(0.5, noise=0.3, seed=seed), WELLS, wc.uniform(WELLS), steps=2)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(noisy.measured.value, again.measured.value)
    assert (noisy.measured.value != other.measured.value).any()


def test_a_start_with_zeros_is_taken():
    masses = np.zeros_like(WELLS.r)
    masses[:, :20] = 1 / 20
    path = wc.evolve(wc.WPPG(0.5), WELLS, wc.from_masses(masses, WELLS.grid), steps=1)
    assert np.isfinite(path.policies[1].logf).all()


def test_a_gap_that_stays_open_raises(monkeypatch):
    from wconv.dynamics.step_transport import OnLine

    monkeypatch.setattr(OnLine, "potential", lambda *_: np.zeros_like(WELLS.r))
    with pytest.raises(SolverError, match=r"has a gap of .* above"):
        wc.evolve(wc.WPPG(0.5), WELLS, wc.uniform(WELLS), steps=1)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: wc.WPPG(0.0), "step must be positive"),
        (lambda: wc.WPPG(1.0, tol=2.0), "tol must"),
        (lambda: wc.InexactWPPG(1.0, bias=-1.0), "bias must be at least 0"),
        (lambda: wc.InexactWPPG(1.0, noise=-1.0), "noise must be at least 0"),
        (lambda: wc.InexactWPPG(1.0, seed=-1), "seed must"),
        (
            lambda: wc.evolve(wc.InexactWPPG(1.0), TABLE, wc.uniform(TABLE), steps=1),
            "actions must form a continuum",
        ),
        (
            lambda: wc.proximal_steps(
                wc.evolve(wc.MirrorDescent(1.0), WELLS, wc.uniform(WELLS), steps=1)
            ),
            "path must be one of WPPG",
        ),
        (
            lambda: wc.proximal_steps(
                wc.evolve(wc.WPPG(1.0), WELLS, wc.uniform(WELLS), steps=2, samples=1)
            ),
            "path must keep every step",
        ),
        (
            lambda: wc.step_distance(wc.uniform(PLANE), wc.uniform(PLANE)),
            "grid must be of one dimension",
        ),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(InputError, match=match):
        call()
