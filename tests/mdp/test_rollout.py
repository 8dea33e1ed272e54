"""Simulated episodes against closed forms, against V*, and in gymnasium's own pendulum."""

import gymnasium
import numpy as np
import pytest
from scipy.stats import t as student

import wconv as wc
from wconv.mdp import rollout


class Always:
    """One action in every state, with a log-density of its own."""

    def __init__(self, action, logf=0.0):
        self.action, self.logf = np.array(action, dtype=float), logf

    def draw(self, x, _):
        return np.tile(self.action, (len(x), 1)), np.full(len(x), self.logf)


LINE = wc.Interval(-1.0, 1.0)


def halve(x, a):
    return 0.5 * x + 0.0 * a


def place(x, a):
    return x[..., 0] + 0.0 * a[..., 0]


def still(x, a):
    return x + 0.0 * a


def problem(dynamics=halve, reward=place, states=LINE, noise=0.0, discount=0.8, temperature=0.3):
    return wc.ContinuousMDP(dynamics, reward, states, LINE, noise, discount, temperature)


def riccati(gamma):
    """P and H of x' = (x + a)/2, r = −(x² + a²/2)/2."""
    p = 1.0
    for _ in range(500):
        p = 1.0 + gamma * p / 4 - (gamma * p / 4) ** 2 / (0.5 + gamma * p / 4)
    return p, 0.5 + gamma * p / 4


def test_linear_quadratic_returns_and_values_between_the_nodes_are_those_in_closed_form():
    tau, gamma, sigma = 0.1, 0.9, 0.15
    mdp = wc.zoo.lq_1d(discount=gamma, noise=sigma, states=61, resolution=40)
    mdp = mdp.replace(temperature=tau)  # the simulated problem must follow
    p, h = riccati(gamma)
    c = tau / 2 * np.log(2 * np.pi * tau / h) - gamma / 2 * p * sigma**2 - tau * np.log(6.0)

    def exact(x):
        return -0.5 * p * x[..., 0] ** 2 + c / (1 - gamma)

    solution = wc.solve(mdp)
    policy = wc.between_nodes(mdp, solution.V)
    x = np.linspace(-1.9, 1.9, 200)[:, None]
    assert np.abs(policy.value(x) - exact(x)).max() <= 1e-11 + solution.error.max()
    start = np.array([[0.0], [1.2]])
    found = wc.simulate(policy.problem, policy, start, episodes=300, steps=80, seed=3)
    assert (np.abs(found.value - exact(start)) <= found.error).all()
    # Half the entropy, or noise of half the size, would not go unnoticed.
    assert found.error.max() < 0.25 * tau / 2 * np.log(36 * h / (2 * np.pi * np.e * tau)) / (
        1 - gamma
    )
    assert found.error.max() < 0.75 * gamma / 2 * p * sigma**2 / (1 - gamma)


def test_actions_are_drawn_from_the_gibbs_policy(monkeypatch):
    mdp = wc.zoo.hill(states=25, resolution=6, temperature=0.6)
    policy = wc.between_nodes(mdp, wc.solve(mdp).V)
    x = np.array([[-0.93], [0.41]])
    q = policy.q(x)
    masses = np.exp(q / 0.6) / np.exp(q / 0.6).sum(axis=-1, keepdims=True)
    n = 40_000
    a, logf = policy.draw(np.repeat(x, n, axis=0), np.random.default_rng(0))
    for p, drawn, logs in zip(masses, a[:, 0].reshape(2, n), logf.reshape(2, n), strict=True):
        hits = drawn[:, None] == mdp.grid.nodes[:, 0]
        assert (np.abs(hits.mean(axis=0) - p) <= 4 * np.sqrt(p * (1 - p) / n)).all()
        assert logs == pytest.approx(np.log(6 * p)[hits.argmax(axis=1)], abs=1e-12)
    monkeypatch.setattr(rollout, "BLOCK", 5)  # two states are two blocks
    assert np.array_equal(policy.q(x), q)


def test_without_discount_the_first_reward_is_all():
    found = wc.simulate(problem(discount=0.0), Always([0.0], logf=0.7), [0.5], episodes=2)
    assert found.value == pytest.approx(0.5 - 0.21)
    assert found.errors["truncation"] == 0


def test_without_noise_a_return_is_a_geometric_series():
    start = np.array([[[0.5], [-1.0], [1.0]]])
    found = wc.simulate(problem(), Always([0.0], logf=0.7), start, episodes=2, steps=9)
    # Σ_t γ^t(x_0/2^t − τ log f) with γ = 4/5, and its end from step 9 on.
    whole = start[..., 0] / (1 - 0.4) - 0.21 / (1 - 0.8)
    rest = start[..., 0] * 0.4**9 / (1 - 0.4) - 0.21 * 0.8**9 / (1 - 0.8)
    assert found.value == pytest.approx(whole - rest, rel=1e-13)
    assert found.errors["sampling"] == pytest.approx(np.zeros((1, 3)), abs=1e-15)
    assert found.errors["truncation"] == pytest.approx(0.8**9 / 0.2 * 1.21)
    assert (np.abs(rest) <= found.errors["truncation"]).all()


def test_by_default_what_follows_is_forgotten_and_a_seed_repeats():
    noisy = problem(noise=0.1)
    first, again, other = (
        wc.simulate(noisy, Always([0.0]), [0.5], episodes=5, seed=s) for s in (1, 1, 2)
    )
    assert first.value == again.value != other.value
    assert first.errors["truncation"] <= 1e-5 / (1 - 0.8)


def test_noise_is_reflected_at_ends_and_wrapped_round_circles():
    walls = problem(still, place, noise=0.2, discount=0.5)
    found = wc.simulate(walls, Always([0.0]), [-1.0], episodes=20_000, steps=2)
    mean = -1.0 + 0.5 * (-1.0 + 0.2 * np.sqrt(2 / np.pi))  # |N(0, σ²)| away from the end
    assert abs(found.value - mean) <= found.errors["sampling"] < 2e-3

    def sawtooth(x, a):
        return (x[..., 0] >= 0.5) * 1.0 + 0.0 * a[..., 0]

    circle = problem(still, sawtooth, wc.Torus(1.0), noise=0.1, discount=0.5)
    found = wc.simulate(circle, Always([0.0]), [0.0], episodes=20_000, steps=2)
    assert abs(found.value - 0.25) <= found.errors["sampling"] < 6e-3  # half of them below 0 = 1


def test_the_value_of_the_reference_is_that_of_the_nodes():
    # No Gibbs policy, two coordinates, another course of computation: the sparse linear solve.
    mdp = wc.zoo.lq_2d(states=15, resolution=8)

    class Reference:
        def draw(self, x, rng):
            return mdp.grid.nodes[rng.integers(mdp.n_actions, size=len(x))], np.zeros(len(x))

    nodes = mdp.smooth.states.nodes
    inner = np.flatnonzero((np.abs(nodes) < 0.8).all(axis=-1))[::8]
    V = wc.evaluate(mdp, wc.uniform(mdp)).V[inner]
    found = wc.simulate(mdp.smooth.continuous, Reference(), nodes[inner], episodes=2000, steps=60)
    refined = wc.zoo.lq_2d(states=29, resolution=8)
    other = wc.evaluate(refined, wc.uniform(refined)).V.reshape(29, 29)[::2, ::2].ravel()[inner]
    moved = np.abs(other - V).max()  # noise at the walls is of order h²
    assert (np.abs(found.value - other) <= found.error + moved).all()
    assert found.error.max() < 0.05 * np.abs(V).min()


def starts(rng, n):
    return np.stack([rng.uniform(0, 2 * np.pi, n), rng.uniform(-4, 4, n)], axis=-1)


def test_gymnasiums_pendulum_with_noise_returns_the_optimal_value():
    tau, gamma, noise, steps, rng = 0.2, 0.9, (0.2, 0.7), 70, np.random.default_rng(0)
    x = starts(rng, 600)
    values = []
    for n in (36, 48):
        mdp = wc.zoo.torque_pendulum(
            states=n,
            discount=gamma,
            temperature=tau,
            angle_noise=noise[0],
            speed_noise=noise[1],
            resolution=16,
        )
        policy = wc.between_nodes(mdp, wc.solve(mdp).V)
        values.append(policy.value(x))
    envs = [gymnasium.make("Pendulum-v1").unwrapped for _ in x]
    for env in envs:
        env.reset(seed=0)
    total, entropy = np.zeros(len(x)), np.zeros(len(x))
    for t in range(steps):
        a, logf = policy.draw(x, rng)
        reward = np.empty(len(x))
        for i, env in enumerate(envs):
            env.state = x[i]
            reward[i] = env.step(a[i])[1]
        x = np.array([env.state for env in envs]) + rng.normal(size=x.shape) * noise
        beyond = np.abs(x[:, 1]) > 8  # reflected, as the problem has it
        x[beyond, 1] = 16 * np.sign(x[beyond, 1]) - x[beyond, 1]
        x[:, 0] %= 2 * np.pi
        total += gamma**t * (reward - tau * logf)
        entropy += gamma**t * tau * logf
    apart = total - values[-1]
    sampling = student.ppf(0.999, len(x) - 1) * apart.std(ddof=1) / np.sqrt(len(x))
    nodes = abs((values[1] - values[0]).mean())  # what a third more nodes change
    truncation = gamma**steps / (1 - gamma) * 17.0  # 17 > π² + 6.4 + 0.004 + τ log 16
    assert nodes < 0.1
    assert abs(apart.mean()) <= sampling + nodes + truncation
    # The entropy alone would be seen, and so was a noise of (0.25, 0.8) instead.
    assert entropy.mean() > 1.5 * (sampling + nodes + truncation)


def lq():
    return wc.zoo.lq_1d(states=21, resolution=4)


def of_lq():
    return wc.between_nodes(lq(), np.zeros(21))


def jump(x, a):
    return x + 2.0 * (x > 0.9) + 0.0 * a


def drawing(actions, logf):
    class Fixed:
        def draw(self, x, _):
            return np.repeat(actions, len(x), axis=0), np.repeat(logf, len(x), axis=0)

    return wc.simulate(problem(), Fixed(), [0.0])


REFUSED = {
    "a table": (
        lambda: wc.between_nodes(wc.zoo.double_well(), np.zeros(3)),
        "mdp must have continuous states",
    ),
    "another V": (lambda: wc.between_nodes(lq(), np.zeros(4)), "V must have shape"),
    "no number": (lambda: wc.between_nodes(lq(), np.full(21, np.nan)), "V must be finite"),
    "a state outside": (
        lambda: of_lq().q([[3.5]]),
        "x must stay in \\[-3, 3\\] on axis 0, got 3.5",
    ),
    "a state without coordinates": (lambda: of_lq().value(0.5), "x must have 1 coordinates"),
    "a start outside": (
        lambda: wc.simulate(problem(), Always([0.0]), [2.0]),
        "start must stay in",
    ),
    "a discretised problem": (
        lambda: wc.simulate(lq(), Always([0.0]), [0.0]),
        "problem must be a ContinuousMDP, got MDP: .*mdp.smooth.continuous",
    ),
    "a policy of the nodes": (
        lambda: wc.simulate(problem(), wc.uniform(lq()), [0.0]),
        "policy must draw actions at any state, got Policy: .*between_nodes",
    ),
    "one episode": (
        lambda: wc.simulate(problem(), Always([0.0]), [0.0], episodes=1),
        "episodes must be an integer >= 2",
    ),
    "three axes of points": (lambda: of_lq().q([[[0.5]]]), r"x must have shape \(n, coordinates\)"),
    "actions of a wrong shape": (lambda: drawing([0.0, 0.0], [0.0]), "actions of draw must have"),
    "densities in a column": (lambda: drawing([[0.0]], [[0.0]]), "log f of draw must have shape"),
    "no density": (lambda: drawing([[0.0]], [np.nan]), "log f of draw must be finite"),
    "no seed": (
        lambda: wc.simulate(problem(), Always([0.0]), [0.0], seed=-1),
        "seed must be an integer >= 0",
    ),
    "no steps": (lambda: wc.simulate(problem(), Always([0.0]), [0.0], steps=0), "steps must be"),
    "a mean outside between nodes": (
        lambda: wc.simulate(problem(jump), Always([0.0]), [0.95]),
        "dynamics must stay in .* clip",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    call, message = REFUSED[case]
    with pytest.raises(wc.InputError, match=message):
        call()
