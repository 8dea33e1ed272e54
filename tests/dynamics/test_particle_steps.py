"""Every step of particles against formulas in NumPy: drift, noise, ends, values; and what a run refuses."""

import numpy as np
import pytest

import wconv as wc

TAU, ETA, GAMMA, STATES, WIDTH = 0.4, 0.05, 0.8, 3, 2.0
SIGMA = np.sqrt(2 * TAU * ETA)
TURN = 2 * np.pi / WIDTH
SPACES = {
    "line": wc.GaussianLine(0.8),
    "circle": wc.Torus(WIDTH),
    "interval": wc.Interval(-0.5, WIDTH - 0.5),
}


def reward(s, a):
    xp = a.__array_namespace__()
    return (1.0 + s) * xp.cos(TURN * a[..., 0] - s)


def share(s, a, xp):
    return 0.3 + 0.25 * xp.sin(TURN * a[..., 0] + s)


def transition(s, a):
    xp = a.__array_namespace__()
    p = share(s, a, xp)
    return xp.stack([p, 0.4 * (1.0 - p), 0.6 * (1.0 - p)], axis=-1)


def drift(a, V, beta):
    """∇(r + γP·V − βa²/2) at a (..., state, particle) for V (..., state)."""
    s = np.arange(STATES)[:, None]
    slope = -(1.0 + s) * TURN * np.sin(TURN * a - s)
    worth = V[..., 0] - 0.4 * V[..., 1] - 0.6 * V[..., 2]
    dp = 0.25 * TURN * np.cos(TURN * a + s)
    return slope + GAMMA * dp * worth[..., None, None] - beta * a


def bells(y, c, name, sigma):
    """N(y; c, σ²) with images: wrapped round, or mirrored at the ends."""
    low, turns = -0.5, range(-3, 4)
    if name == "line":
        centres = [c]
    elif name == "circle":
        centres = [c + WIDTH * k for k in turns]
    else:
        centres = [x + 2 * WIDTH * k for x in (c, 2 * low - c) for k in turns]
    total = sum(np.exp(-0.5 * ((y - x) / sigma) ** 2) for x in centres)
    return total / (sigma * np.sqrt(2 * np.pi))


def solved(mean_reward, kernel):
    return np.linalg.solve(np.eye(STATES) - GAMMA * kernel, mean_reward[..., None])[..., 0]


def value(centres, name, nodes, log_mu):
    """V of the mixtures around centres (..., state, particle): its masses on nodes, log dμ/da there."""
    each = bells(nodes, centres[..., None], name, SIGMA)
    return worth((each / each.sum(axis=-1, keepdims=True)).mean(axis=-2), nodes, log_mu)


def worth(pi, nodes, log_mu):
    """V of masses (..., state, node) of equal cells."""
    s, a = np.arange(STATES)[:, None], nodes[None, :, None]
    gain = reward(s, a) - TAU * (np.log(pi / (nodes[1] - nodes[0])) - log_mu)
    return solved((pi * gain).sum(axis=-1), np.einsum("...sa,sat->...st", pi, transition(s, a)))


def made(name):
    return wc.SmoothMDP(reward, transition, STATES, GAMMA, TAU, SPACES[name])


def inside(x, name):
    """Places folded or wrapped into the space, by walking there."""
    x = np.array(x)
    if name == "line":
        return x
    low = 0.0 if name == "circle" else -0.5
    while ((x < low) | (x > low + WIDTH)).any():
        below, above = x < low, x > low + WIDTH
        if name == "circle":
            x = x + WIDTH * below - WIDTH * above
        else:
            x = np.where(below, 2 * low - x, np.where(above, 2 * (low + WIDTH) - x, x))
    return x


NODES, N, STEPS, SEEDS = 64, 800, 3, (3, 2**32 - 1)


def tilt(a):
    """log of the start's density by that of the reference, to a constant; (state, ...)."""
    return (np.arange(STATES)[:, None] - 1.0) * np.sin(TURN * a)


def run(method, name, problem=None, **given):
    mdp = problem or made(name)
    given = {"n": N, "steps": STEPS, "samples": STEPS, "seed": SEEDS} | given
    path = wc.evolve_particles(method, mdp, **given)
    return mdp, path, path.particles[..., 0], path.centres[..., 0]


@pytest.fixture(scope="module")
def langevin():
    found = {}
    for name in SPACES:
        mdp = wc.tabulate(made(name), NODES)
        start = wc.gibbs(mdp, TAU * tilt(mdp.grid.nodes[:, 0]))
        found[name] = run(wc.WPGD(ETA), name, mdp, start=start, value="mixture")
    return found


@pytest.mark.parametrize("name", SPACES)
def test_centres_are_a_drift_away_and_values_those_of_the_mixture(langevin, name):
    mdp, path, x, centres = langevin[name]
    beta = TAU / 0.64 if name == "line" else 0.0
    expected = x[:-1] + ETA * drift(x[:-1], path.values[:-1], beta)
    np.testing.assert_allclose(centres[1:], expected, rtol=0, atol=1e-12)
    nodes = mdp.grid.nodes[:, 0]
    line = -0.5 * (nodes / 0.8) ** 2 - np.log(0.8 * np.sqrt(2 * np.pi))
    log_mu = line if name == "line" else -np.log(WIDTH)
    found = value(centres[1:], name, nodes, log_mu)
    np.testing.assert_allclose(path.values[1:], found, rtol=0, atol=1e-10)
    start = np.exp(log_mu + tilt(nodes))
    start /= start.sum(axis=-1, keepdims=True)
    V = np.broadcast_to(worth(start, nodes, log_mu), (2, STATES))
    np.testing.assert_allclose(path.values[0], V, rtol=0, atol=1e-10)
    mean, off = (start * np.sin(TURN * nodes)).sum(axis=-1), np.sin(TURN * x[0])
    assert (np.abs(off.mean(axis=-1) - mean) < 5 * off.std(axis=-1) / np.sqrt(N)).all()


def test_noise_is_independent_everywhere_and_ends_reflect_or_wrap(langevin):
    x, centres = langevin["line"][2:]
    noise = (x[1:] - centres[1:]) / SIGMA
    rows = noise.reshape(-1, N)  # of a step, a system and a state
    apart = np.corrcoef(np.vstack([rows, x[0].reshape(-1, N)])) - np.eye(24)
    assert np.abs(apart).max() < 5 / np.sqrt(N)
    assert abs(np.mean(noise**2) - 1) < 5 * np.sqrt(2 / noise.size)
    for name in ("circle", "interval"):  # the same seeds have the same noise
        x, centres = langevin[name][2:]
        to = centres[1:] + SIGMA * noise
        off = np.abs(x[1:] - inside(to, name))
        assert min((to < 0).mean(), (to > WIDTH - 0.5).mean()) > 0.01
        assert np.minimum(off, WIDTH - off if name == "circle" else off).max() < 1e-12


def test_mixtures_of_all_systems_have_the_values_of_the_run(langevin):
    path = langevin["interval"][1]
    for system in (0, 1):
        V = path.mixture(system).measured.value
        np.testing.assert_allclose(V, path.values[:, system], rtol=0, atol=1e-10)


def test_explicit_steps_stop_at_the_ends_and_samples_tell_the_value():
    eta = 0.02
    sigma = np.sqrt(2 * TAU * eta)
    method = wc.SplitWPPG(eta, "explicit")
    _, path, x, centres = run(method, "interval", value="samples", n=200)
    free = x[:-1] + eta * drift(x[:-1], path.values[:-1], 0.0)
    assert (free < -0.5).any()
    np.testing.assert_allclose(centres[1:], np.clip(free, -0.5, 1.5), rtol=0, atol=1e-12)
    f = bells(x[1:, ..., None], centres[1:, ..., None, :], "interval", sigma).mean(axis=-1)
    s, a = np.arange(STATES)[:, None], x[1:, ..., None]
    gain = (reward(s, a) - TAU * np.log(f * WIDTH)).mean(axis=-1)
    found = solved(gain, transition(s, a).mean(axis=-2))
    np.testing.assert_allclose(path.values[1:], found, rtol=0, atol=1e-10)


def test_proximal_steps_are_stationary_and_see_the_values_given_for_them():
    V = np.random.default_rng(0).normal(size=(STEPS + 1, STATES))
    method = wc.SplitWPPG(0.02, "prox")
    _, path, x, centres = run(method, "circle", value=V)
    slope = drift(centres[1:], np.broadcast_to(V[:-1, None], (STEPS, 2, STATES)), 0.0)
    np.testing.assert_allclose(centres[1:] - x[:-1], 0.02 * slope, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(path.values, np.broadcast_to(V[:, None], path.values.shape))


def test_blobs_move_against_the_score_of_their_mixture():
    width, eta = 0.15, 0.01
    mdp = wc.tabulate(made("circle"), NODES)
    given = {"value": "gridded", "n": 150, "steps": 2, "samples": 2}
    _, path, x, centres = run(wc.BlobWPG(eta, width), "circle", mdp, **given)
    a, c, e = x[:-1, ..., None], x[:-1, ..., None, :], 1e-5
    ahead, behind = (np.log(bells(a + d, c, "circle", width).mean(axis=-1)) for d in (e, -e))
    to = x[:-1] + eta * (drift(x[:-1], path.values[:-1], 0.0) - TAU * (ahead - behind) / (2 * e))
    off = np.abs(x[1:] - inside(to, "circle"))
    assert np.minimum(off, WIDTH - off).max() < 1e-9
    np.testing.assert_array_equal(centres, x)


LONE = wc.SmoothMDP(
    lambda s, a: -0.5 * a[..., 0] ** 2 + 0.0 * s,
    lambda s, a: 0.0 * (s + a) + 1.0,
    1,
    0.0,
    TAU,
    wc.Interval(3e6, 3e6 + 1),
)
BAD = {
    "seed-2^32": ({"seed": 2**32}, r"seed must be below 2\^32"),
    "seed-twice": ({"seed": np.array([1, 2, 1])}, "seed must be different .*got 1 twice"),
    "seed-none": ({"seed": []}, "number of seeds must be an integer >= 1"),
    "seed-float": ({"seed": 1.5}, "seed must be an integer >= 0, got 1.5"),
    "value": ({"value": None}, r"value must be the name of an estimator, or have shape \(steps, 1"),
    "ragged": ({"value": [[1.0], [1.0, 2.0]]}, "value must be the name of an estimator"),
    "start": ({"start": "uniform"}, "start must be a policy, or particles"),
    "outside": (
        {"start": np.full((1, 4, 1), 3.0)},
        r"start must lie in the space of actions, got 3 at start\[0, 0, 0\]",
    ),
    "memory": (
        {"memory": 1.0},
        "take fewer samples, seeds or dimensions, float32, or raise memory",
    ),
    "folder": ({"folder": 3}, "folder 3 must be a folder that can be written"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused_in_words(name):
    changed, message = BAD[name]
    with pytest.raises(wc.InputError, match=message):
        wc.evolve_particles(wc.WPGD(0.1), LONE, **({"n": 4, "steps": 2} | changed))


def scaled(height):
    """Functions of one name, whatever the height."""
    return wc.SmoothMDP(
        lambda s, a: height * a[..., 0] + 0.0 * s, LONE.transition, 1, 0.0, TAU, wc.Torus()
    )


def test_a_folder_tells_values_and_functions_of_one_name_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    def kept(problem, **given):
        given = {"n": 1, "steps": 2, "folder": "~/run"} | given
        return wc.evolve_particles(wc.WPGD(0.01), problem, **given)

    kept(scaled(1.0), value=[[1.0], [2.0]])
    note = tmp_path / "run" / "run.json"
    (note.parent / ".sample-00001.npz.killed.part").write_bytes(b"PK")
    assert np.isfinite(kept(scaled(1.0), value=[[1.0], [2.0]]).particles).all()
    for problem, V in ((scaled(2.0), [[1.0], [2.0]]), (scaled(1.0), [[1.0], [3.0]])):
        with pytest.raises(wc.InputError, match=r"another one \(problem differ\)"):
            kept(problem, value=V)
    note.write_text(note.read_text().replace('"wconv": "', '"wconv": "0.'))
    with pytest.raises(wc.InputError, match=r"another one \(wconv differ\)"):
        kept(scaled(1.0), value=[[1.0], [2.0]])
    note.write_bytes(b"\xff{")
    with pytest.raises(wc.InputError, match=r"its run.json cannot be read"):
        kept(scaled(1.0))
    with pytest.raises(wc.InputError, match=r"run.json must be a folder that can be written"):
        kept(scaled(1.0), folder=note)


def test_mixtures_name_systems_and_widths(langevin):
    with pytest.raises(wc.InputError, match="system must be below 2, as many as were run, got 2"):
        langevin["line"][1].mixture(2)
    with pytest.raises(wc.InputError, match="bandwidth must make a noise of at least"):
        run(wc.BlobWPG(0.01, 0.01), "circle", langevin["circle"][0], value="mixture")
