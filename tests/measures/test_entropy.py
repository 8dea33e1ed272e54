import numpy as np
import pytest
from scipy.stats import truncnorm

from wconv._require import InputError
from wconv.mdp.model import make_mdp
from wconv.mdp.policy import Policy, gibbs, softmax_policy
from wconv.measures.divergences import kl
from wconv.measures.entropy import entropy, lebesgue_shift
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus

SPACES = {
    "interval": (Interval(-1, 2).grid(16), np.log(3.0)),
    "box": (Box((0.0, 0.0), (2.0, 0.1)).grid(6), np.log(0.2)),
    "torus": (Torus(5.0, dim=2).grid(4), 2 * np.log(5.0)),
    "finite set": (FiniteSet(np.arange(7.0)[:, None]).grid(), np.log(7.0)),
}


@pytest.mark.parametrize("name", SPACES)
def test_uniform_entropy_is_the_log_volume_and_the_shift(name):
    grid, log_volume = SPACES[name]
    mu = Policy(np.zeros((1, grid.n)), grid)
    assert entropy(mu).value[0] == 0.0
    got = entropy(mu, "lebesgue")
    # |A| itself is a rounded product: one eps beside the stated error.
    slack = got.error[0] + 4e-16 * (1 + abs(log_volume))
    assert abs(got.value[0] - log_volume) <= slack
    assert abs(lebesgue_shift(grid, 0.3) - 0.3 * log_volume) <= slack


@pytest.mark.parametrize("name", SPACES)
def test_conventions_differ_by_the_mean_log_reference(name):
    grid, _ = SPACES[name]
    rng = np.random.default_rng(3)
    policy = softmax_policy(2 * rng.standard_normal((3, grid.n)), grid)
    reference, lebesgue = entropy(policy), entropy(policy, "lebesgue")
    divergence = kl(policy, Policy(np.zeros((3, grid.n)), grid))
    room = reference.error + divergence.error + grid.n * 2.3e-16 * 4
    assert (np.abs(reference.value + divergence.value) <= room).all()
    # All four references are uniform: the conventions differ by log|A|, up to the mass defect.
    gap = lebesgue.value - reference.value - lebesgue_shift(grid, 1.0)
    assert (np.abs(gap) <= lebesgue.error + reference.error + grid.n * 2.3e-16 * 4).all()


def test_truncated_normal_to_second_order():
    errors = []
    for n in (40, 80, 160):
        grid = Interval(-1, 2).grid(n)
        policy = softmax_policy(-((grid.nodes.T - 0.5) ** 2) / 2, grid)
        want = truncnorm(-1.5, 1.5, loc=0.5).entropy()
        errors.append(abs(entropy(policy, "lebesgue").value[0] - want))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 2.0, atol=0.02)


def test_gaussian_closed_forms():
    grid = GaussianLine(scale=0.7, reach=12.0).grid(200)
    a, s = grid.nodes[:, 0], 0.5
    policy = softmax_policy((a**2 / (2 * 0.49) - a**2 / (2 * s**2))[None], grid)
    # Sums of Gaussians of width .5 at step .084 err by e^{-2π²·35}: rounding is all there is.
    lebesgue, reference = entropy(policy, "lebesgue"), entropy(policy)
    slack = 200 * 2.3e-16
    want = 0.5 * np.log(2 * np.pi * np.e * s**2)
    assert abs(lebesgue.value[0] - want) <= lebesgue.error[0] + slack
    want = -(np.log(0.7 / s) + s**2 / (2 * 0.49) - 0.5)
    assert abs(reference.value[0] - want) <= reference.error[0] + slack


def test_values_of_a_one_state_problem_in_both_conventions():
    """γ = .9, τ = .3, β = 2, r(a) = −(a−b)²/2: both optimal values in closed form."""
    tau, beta, b, gamma = 0.3, 2.0, 0.4, 0.9
    grid = GaussianLine(scale=np.sqrt(tau / beta), reach=12.0).grid(300)
    a = grid.nodes[:, 0]
    mdp = make_mdp(
        -((a - b) ** 2)[None] / 2, np.ones((1, 300, 1)), discount=gamma, temperature=tau, grid=grid
    )
    star = gibbs(mdp, mdp.r)
    reward = float(star.pi[0] @ mdp.r[0])
    penalty = float(star.pi[0] @ (beta * a**2 / 2))
    value = (reward + tau * entropy(star).value[0]) / (1 - gamma)
    papers = (reward - penalty + tau * entropy(star, "lebesgue").value[0]) / (1 - gamma)
    # ∫exp((r − βa²/2)/τ) da, completing the square.
    closed = tau / 2 * np.log(2 * np.pi * tau / (1 + beta)) - b**2 * beta / (2 * (1 + beta))
    slack = 300 * 2.3e-16 * (abs(reward) + penalty + 1) / (1 - gamma)
    assert abs(papers - closed / (1 - gamma)) <= slack
    assert abs(papers - value - lebesgue_shift(grid, tau) / (1 - gamma)) <= slack
    z_beta = np.sqrt(2 * np.pi * tau / beta)
    assert lebesgue_shift(grid, tau) == pytest.approx(tau * np.log(z_beta), rel=1e-14)


def test_mass_on_few_nodes_keeps_both_entropies_finite():
    grid = FiniteSet(np.arange(3.0)[:, None], weights=np.array([0.25, 0.75, 0.0])).grid()
    point = Policy(np.array([[np.log(4.0), -np.inf, 3.0]]), grid)
    reference, counting = entropy(point), entropy(point, "lebesgue")
    assert abs(reference.value[0] + np.log(4.0)) <= reference.error[0]
    assert abs(counting.value[0]) <= counting.error[0] <= 1e-13
    assert lebesgue_shift(grid, 2.0) == pytest.approx(-2 * np.log(0.75), rel=1e-15)


def test_bad_input():
    grid = Interval(0, 1).grid(4)
    with pytest.raises(InputError, match="convention"):
        entropy(Policy(np.zeros((1, 4)), grid), "lebesque")
    with pytest.raises(InputError, match="temperature"):
        lebesgue_shift(grid, 0.0)
