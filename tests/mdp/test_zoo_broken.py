"""Problems in which an assumption fails: by as much as their parameter says, and never silently."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

import wconv as wc
from wconv._require import InputError
from wconv.mdp import zoo

EPS = np.finfo(float).eps
U = np.linspace(-1.0, 1.0, 4)
NEAR = -0.5 * np.square(np.subtract.outer(np.arange(4), np.arange(4)))


def tailed(power):
    """Density, normaliser and second moment of e^{−U}, by quadrature."""

    def density(z):
        return np.exp(-((1 + z * z) ** (power / 2) - 1) / power)

    def integral(f, low, high):
        return quad(f, low, high, epsabs=0, epsrel=1e-12, limit=200)[0]

    far = 300.0
    Z = 2 * (integral(density, 0, 10) + integral(density, 10, far))
    second = 2 * (integral(lambda z: z * z * density(z), 0, 40) / Z)
    return density, Z, second, lambda reach: 2 * integral(density, reach, far) / Z


@pytest.mark.parametrize("power", [1.0, 1.2, 1.5, 1.9])
def test_the_reference_is_what_it_says_and_its_truncation_is_a_bound(power):
    density, Z, second, beyond = tailed(power)
    space = wc.TailedLine(power, scale=0.7)
    grid = space.grid(256)
    a = grid.nodes[:, 0]
    assert space.normaliser == pytest.approx(Z, rel=1e-11)
    expected = np.log(density(a / 0.7) / (0.7 * Z))
    assert np.abs(grid.log_lebesgue - expected).max() <= 1e-11
    assert grid.weights @ a**2 == pytest.approx(0.49 * second, rel=1e-8)
    assert beyond(space.reach) <= grid.truncation <= 1.1 * beyond(space.reach) <= 1e-14
    assert wc.lebesgue_shift(grid, 0.3) == pytest.approx(0.3 * np.log(0.7 * Z), rel=1e-11)
    # Cut early it says so.
    assert space.widened(0.25).grid(64).truncation >= beyond(space.reach / 4)
    assert space.widened(0.25).reach == pytest.approx(space.reach / 4)


def test_at_power_two_it_is_the_gaussian_line_and_near_two_nearly():
    gaussian, tails = zoo.gaussian_line(), zoo.heavy_tails(power=2.0)
    assert np.array_equal(gaussian.r, tails.r)
    assert np.array_equal(gaussian.P, tails.P)
    assert np.array_equal(gaussian.grid.weights, tails.grid.weights)
    assert tails.grid.space == gaussian.grid.space
    V = wc.solve(gaussian).V
    gaps = [np.abs(wc.solve(zoo.heavy_tails(power=2.0 - d)).V - V).max() for d in (1e-2, 1e-3)]
    assert gaps[1] < 1e-4
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=0.05)


def test_log_sobolev_and_talagrand_fail_while_poincare_holds():
    mdp = zoo.heavy_tails()
    found = wc.inequalities(wc.solve(mdp).policy)
    assert np.isinf(found.log_sobolev.lower).all()
    assert np.isinf(found.talagrand.lower).all()
    assert "exp(-|x|^1.5), more slowly than a Gaussian" in found.log_sobolev.reasons[0]
    assert (found.poincare.upper <= 1.0).all()
    # The same density as a function, whose tails are measured instead of known.
    scale = mdp.grid.space.scale
    same = wc.poincare(
        lambda a: -((1 + (a / scale) ** 2) ** 0.75) / 1.5, on=wc.Interval(-np.inf, np.inf)
    )
    reference = wc.poincare(wc.uniform(mdp))[0]
    assert reference.lower <= same.upper
    assert same.lower <= reference.upper
    # Arbitrarily near 2 they still fail.
    close = wc.log_sobolev(wc.uniform(zoo.heavy_tails(power=1.9999)))
    assert np.isinf(close.lower).all()


def test_what_heavy_tails_cannot_have_is_refused():
    mdp = zoo.heavy_tails()
    with pytest.raises(InputError, match="have a quadratic confinement or none"):
        wc.evolve(wc.WPGD(0.05), mdp, wc.uniform(mdp), steps=1)
    with pytest.raises(InputError, match=r"be confined by \(beta/2\)\|a\|\^2, or bounded"):
        wc.assumptions_of(mdp)
    with pytest.raises(InputError, match="be an interval, a box or a torus"):
        wc.proximal_threshold(mdp)
    with pytest.raises(InputError, match="have a uniform or a Gaussian reference"):
        wc.evolve_particles(wc.WPGD(0.05), mdp.smooth, n=4, steps=1)
    steep = wc.softmax_policy(-np.square(np.tile(mdp.grid.nodes[:, 0], (4, 1))), mdp.grid)
    with pytest.raises(InputError, match="vary less than its reference where that has heavy tails"):
        wc.log_sobolev(steep)


def test_dynamics_on_heavy_tails_reach_the_optimum(tmp_path):
    mdp = zoo.heavy_tails()
    star = wc.solve(mdp).V
    for method, times in ((wc.FrozenWPG(4.0), {"steps": 8}), (wc.WPPG(4.0), {"steps": 8})):
        V = np.stack([e.V for e in wc.evolve(method, mdp, wc.uniform(mdp), **times).evaluations])
        assert (np.diff(V, axis=0) >= -1e-12).all()
        assert np.abs(V[-1] - star).max() <= 1e-3 * np.abs(V[0] - star).max()
    wc.save(mdp, tmp_path / "tails.npz")
    again = wc.load(tmp_path / "tails.npz").grid
    assert again.space == mdp.grid.space
    assert np.array_equal(again.weights, mdp.grid.weights)


def kernels():
    """Next states where actions lead up and where they lead down, (2, S, S')."""
    logits = np.array([2.0, -2.0])[:, None, None] * U + NEAR
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("width", [0.0, 0.05, 0.3])
def test_jump_mixes_two_kernels(width):
    mdp = zoo.jump(width=width, amplitude=0.3, bonus=0.7, resolution=64)
    a = mdp.grid.nodes[:, 0]
    side = 1 / (1 + np.exp(-np.sin(a) / width)) if width else (a < np.pi).astype(float)
    up, down = kernels()
    mixed = side[:, None] * up[:, None] + (1 - side[:, None]) * down[:, None]
    assert np.abs(mdp.P - mixed).max() <= 64 * EPS
    r = 0.5 * U[:, None] + 0.3 * np.cos(a - 1.5 * U[:, None]) + 0.7 * side
    assert np.abs(mdp.r - r).max() <= 64 * EPS


def test_the_kernel_steepens_as_the_width_shrinks():
    up, down = kernels()
    apart = np.abs(up - down).sum(axis=-1)
    a = np.linspace(-0.6, 0.6, 400001)
    for width in (0.3, 0.1, 0.03):
        found = wc.regularity(zoo.jump(width=width))
        # H' = sech²(sin a/2w) cos a/4w is largest at 0; H'' by differences of it.
        slope = np.cos(a) / (4 * width * np.cosh(np.sin(a) / (2 * width)) ** 2)
        bend = np.abs(np.diff(slope)).max() / (a[1] - a[0])
        for bracket, want in ((found.G_p, apart / (4 * width)), (found.L_p, apart * bend)):
            assert (bracket.lower <= want * (1 + 1e-7)).all()
            assert (want <= bracket.upper * (1 + 1e-7)).all()
            assert (bracket.upper <= 1.01 * bracket.lower).all()


def test_where_the_mesh_does_not_see_the_turn_the_upper_side_is_infinite():
    up, down = kernels()
    apart = np.abs(up - down).sum(axis=-1)
    blurred, sharp = (wc.regularity(zoo.jump(width=w)) for w in (1e-4, 0.0))
    assert np.isinf(blurred.L_p.upper).all()
    assert (blurred.L_p.lower >= 1e5).all()
    # sup|H''| = 1/(6√3 w²), up to the curvature of sin.
    assert (blurred.L_p.lower <= apart * 1.01 / (6 * np.sqrt(3) * 1e-8)).all()
    for bracket in (sharp.G_p, sharp.L_p, sharp.H_p):
        assert np.isinf(bracket.upper).all()
    assert (sharp.G_p.lower >= 100 * wc.regularity(zoo.jump()).G_p.upper).all()
    assert (sharp.L_r.upper <= 0.41).all()
    assert np.isinf(wc.regularity(zoo.jump(width=0.0, bonus=0.5)).G_r.upper).all()


def test_the_step_is_resolved_by_cells_at_second_order():
    values = [wc.solve(zoo.jump(width=0.0, bonus=0.3, resolution=n)).V for n in (32, 64, 128)]
    first, second = (np.abs(b - a).max() for a, b in pairwise(values))
    assert first / second == pytest.approx(4.0, rel=0.02)


def test_finite_actions_are_the_tilted_wells_at_points():
    mdp = zoo.finite_actions(actions=7, barrier=0.8, tilt=0.2)
    a = np.linspace(-1.5, 1.5, 7)
    bonus = np.array([0.0, 0.5, 0.5, 0.0])[:, None]
    assert np.abs(mdp.r - (bonus - 0.8 * (a * a - 1) ** 2 + 0.2 * a)).max() <= 64 * EPS
    logits = 2 * np.tanh(3 * a)[:, None] * U + NEAR[:, None]
    P = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    assert np.abs(mdp.P - P).max() <= 64 * EPS
    assert mdp.grid.is_finite_set
    assert np.array_equal(mdp.grid.space.distances(), np.abs(a[:, None] - a))


def frozen_until(mdp):
    """min |a − a'|²/(2|q − q'|) of the uniform policy, (S,), by a linear system."""
    a, A = mdp.grid.nodes[:, 0], mdp.n_actions
    V = np.linalg.solve(np.eye(4) - mdp.gamma * mdp.P.sum(axis=1) / A, mdp.r.sum(axis=1) / A)
    q = mdp.r + mdp.gamma * mdp.P @ V
    i, j = np.triu_indices(A, 1)
    return ((a[i] - a[j]) ** 2 / (2 * np.abs(q[:, i] - q[:, j]))).min(axis=1)


def test_the_longest_frozen_step_shrinks_with_the_distance_of_actions():
    scaled = []
    for k in (4, 16, 64, 256):
        mdp = zoo.finite_actions(actions=k)
        longest = wc.longest_frozen_step(wc.evaluate(mdp, wc.uniform(mdp)))
        assert longest == pytest.approx(frozen_until(mdp), rel=1e-9)
        scaled.append(longest.min() * (k - 1))
    # Neighbours at distance d differ by d·|q'|: the threshold is nearly d/2|q'|.
    assert scaled[-1] == pytest.approx(scaled[-2], rel=0.06)


def test_steps_below_the_threshold_move_nothing():
    mdp = zoo.finite_actions(actions=8)
    start, longest = wc.uniform(mdp), frozen_until(zoo.finite_actions(actions=8))
    below, above = (
        wc.evolve(wc.WPPG(eta), mdp, start, steps=1).policies[1]
        for eta in (0.9 * longest.min(), 1.1 * longest.max())
    )
    assert np.abs(below.pi - start.pi).max() <= 1e-9
    assert (np.abs(above.pi - start.pi).max(axis=1) >= 1e-4).all()


BAD = [
    (lambda: zoo.heavy_tails(power=2.1), r"power must lie in \[1, 2\]"),
    (lambda: zoo.heavy_tails(power=0.9), r"power must lie in \[1, 2\]"),
    (lambda: zoo.heavy_tails(temperature=0.0), "temperature must be positive"),
    (lambda: zoo.heavy_tails(confinement=0.0), "confinement must be positive"),
    (lambda: wc.TailedLine(2.0).grid(8), r"power must lie in \[1, 2\), got 2.0: use GaussianLine"),
    (lambda: wc.TailedLine(1.5, scale=-1.0).grid(8), "scale must be positive"),
    (lambda: wc.TailedLine(1.5, depth=0.0).grid(8), "depth must be positive"),
    (lambda: zoo.jump(width=-0.1), "width must be at least 0"),
    (lambda: zoo.jump(amplitude="x"), "amplitude must be a real number"),
    (lambda: zoo.jump(bonus=np.nan), "bonus must be finite"),
    (lambda: zoo.finite_actions(actions=1), "actions must be an integer >= 2"),
    (lambda: zoo.finite_actions(barrier=None), "barrier must be a real number"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
