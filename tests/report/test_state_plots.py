"""Pictures of solutions on continuous states: what is drawn is what closed forms say."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm, vonmises

import wconv as wc

PAGE = Path(__file__).parents[2] / "docs" / "continuous-states.md"
PROBLEMS = {
    "lq-1d": (18, 2),
    "circle-pendulum": (28, 2),
    "hill": (24, 2),
    "additive-noise": (12, 2),
    "lq-2d": (15, 3),
    "torque-pendulum": (36, 3),
    "navigation": (12, 5),
}


def drawn(axes, label):
    """The curve of that name."""
    (line,) = (line for line in axes.get_lines() if line.get_label() == label)
    return line.get_xdata(), line.get_ydata()


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_of_the_zoo_is_drawn_with_its_axes_named(name):
    nodes, panels = PROBLEMS[name]
    figure = wc.plot_solution(wc.solve(wc.zoo.make(name, states=nodes, resolution=6)))
    axes = [a for a in figure.axes if a.get_title("left")]
    assert [a.get_title("left")[:3] for a in axes] == [f"({c})" for c in "abcde"[:panels]]
    said = {a.get_xlabel() for a in axes} | {a.get_ylabel() for a in axes}
    states = {"state $x$"} if panels == 2 else {"state $x_1$", "state $x_2$"}
    actions = {"action $a_1$", "action $a_2$"} if panels == 5 else {"action $a$"}
    assert states | actions <= said
    assert name in figure.get_suptitle()


def test_the_policy_of_linear_quadratic_control_is_its_gaussian():
    tau, gamma = 0.05, 0.9
    mdp = wc.zoo.lq_1d(temperature=tau, discount=gamma, noise=0.15, states=61, resolution=128)
    value, policy = (a for a in wc.plot_solution(wc.solve(mdp)).axes if a.get_title("left"))
    p = 1.0
    for _ in range(500):  # Riccati's iteration, A = B = N = 1/2, M = 1
        h = 0.5 + gamma * p / 4
        p = 1.0 + gamma * p / 4 - (gamma * p / 4) ** 2 / h
    h = 0.5 + gamma * p / 4
    x, mean = drawn(policy, "mean")
    inner = np.abs(x) <= 2.0
    assert mean[inner] == pytest.approx(-gamma * p / 4 / h * x[inner], abs=1e-9)
    low, high = (drawn(policy, label)[1] for label in ("5 %", "95 %"))
    # A density that is constant on cells of width w moves a quantile by up to w²|f'|/(8f).
    moved = (6 / 128) ** 2 / 8 * norm.ppf(0.95) / np.sqrt(tau / h)
    for side, level in ((low, 0.05), (high, 0.95)):
        away = np.sqrt(tau / h) * norm.ppf(level)
        assert side[inner] - mean[inner] == pytest.approx(away, abs=moved)
    V = value.get_lines()[0].get_ydata()
    bend = np.diff(V, 2)[inner[1:-1]] / (x[1] - x[0]) ** 2
    assert bend == pytest.approx(-p, abs=1e-8)


def turning(x, a):
    return x + 0.0 * a


def towards(x, a):
    return a.__array_namespace__().cos(a[..., 0] - x[..., 0])


def test_on_a_circle_the_mean_is_a_direction_and_quantiles_go_from_it():
    # r + γPV depends on a by cos(a − x) alone: von Mises laws round x.
    tau, circle = 0.25, wc.Torus(2 * np.pi)
    problem = wc.ContinuousMDP(turning, towards, circle, circle, 0.4, 0.5, tau)
    solution = wc.solve(wc.discretise(problem, states=24, actions=96))
    policy = wc.plot_solution(solution).axes[1]
    x, mean = drawn(policy, "mean")
    away = vonmises.ppf(0.95, 1 / tau)
    assert x[-1] == pytest.approx(2 * np.pi)
    for label, turn in (("mean", 0.0), ("5 %", -away), ("95 %", away)):
        apart = drawn(policy, label)[1] - x - turn
        assert np.exp(1j * apart) == pytest.approx(np.ones(25), abs=2e-3)
    assert np.abs(np.diff(mean)).max() < 0.5  # unrolled, and drawn once more where it comes back
    assert len([line for line in policy.get_lines() if line.get_linewidth() > 1]) > 1


def test_arrows_go_where_the_policy_moves_on_average():
    solution = wc.solve(wc.zoo.navigation(states=17, noise=0.06, resolution=8))
    mdp = solution.mdp
    arrows = wc.plot_solution(solution).axes[1].collections[0]
    nodes = mdp.smooth.states.nodes
    step = mdp.state_kernel(solution.policy.pi) @ nodes - nodes
    every_second = np.arange(17 * 17).reshape(17, 17)[::2, ::2].ravel()
    # Means of next states are .7x + .3a here, four deviations from the walls: noise of mean zero.
    central = (np.abs(nodes[every_second] - 0.5) <= 0.15).all(axis=-1)
    got = np.stack([arrows.U, arrows.V], axis=-1)
    assert central.sum() == 9
    assert got[central] == pytest.approx(step[every_second][central], abs=1e-6)


def test_arrows_go_the_short_way_round_circles():
    def ahead(x, a):
        return (x + 1.0 + 0.0 * a) % (2 * np.pi)

    def none(x, a):
        return 0.0 * (x + a).sum(axis=-1)

    ring, square = wc.Torus(2 * np.pi), wc.Box((-1.0, -1.0), (1.0, 1.0))
    problem = wc.ContinuousMDP(ahead, none, (ring, ring), square, 0.7, 0.5, 1.0)
    solution = wc.solve(wc.discretise(problem, states=8, actions=2))
    arrows = wc.plot_solution(solution).axes[1].collections[0]
    assert np.stack([arrows.U, arrows.V]) == pytest.approx(1.0, abs=1e-12)


def finite_actions():
    problem = wc.ContinuousMDP(
        turning, towards, wc.Torus(), wc.FiniteSet(np.array([[0.0], [1.0]])), 0.9, 0.5, 1.0
    )
    return wc.discretise(problem, states=8, actions=2)


def three_axes():
    def still(x, a):
        return x + 0.0 * a

    axes = (wc.Torus(), wc.Torus(), wc.Torus())
    problem = wc.ContinuousMDP(still, towards, axes, wc.Interval(-1.0, 1.0), 1.2, 0.5, 1.0)
    return wc.discretise(problem, states=6, actions=3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (wc.zoo.double_well, "mdp must have continuous states, got MDP.*wc.discretise"),
        (finite_actions, "actions must be a line, a circle or a plane, got a finite set"),
        (three_axes, "states must have one or two axes, got 3"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(wc.InputError, match=message):
        wc.plot_solution(wc.solve(make()))


def test_a_problem_is_no_solution_and_a_file_has_no_states(tmp_path):
    mdp = wc.zoo.circle_pendulum(states=13, resolution=6)
    with pytest.raises(wc.InputError, match=r"solution must be of wc[.]solve, got MDP"):
        wc.plot_solution(mdp)
    wc.save(mdp, tmp_path / "mine.npz")
    with pytest.raises(wc.InputError, match=r"mdp must have continuous states.*files keep"):
        wc.plot_solution(wc.solve(wc.load(tmp_path / "mine.npz")))


def test_the_guide_to_continuous_states_runs_as_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    assert "HOLDS" in capsys.readouterr().out
    assert (tmp_path / "solution.png").stat().st_size > 10_000
