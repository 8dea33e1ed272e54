"""Velocity, V̇ and dissipation of the flow: an identity of three computations, and extreme cases."""

import mpmath as mp
import numpy as np
import pytest

import wconv as wc

MDPS = {
    "ring": wc.zoo.ring(resolution=32),
    "wells": wc.zoo.tilted_double_well(resolution=32, temperature=0.2),
    "line": wc.zoo.gaussian_line(resolution=32, discount=0.95),
    "box": wc.zoo.box_2d(resolution=6),
    "finite set": wc.zoo.garnet(),
}


def policies(mdp):
    rng = np.random.default_rng(4)
    return {
        "reference": wc.uniform(mdp),
        "rough": wc.random_policy(mdp, rng, roughness=3.0),
        "optimal": wc.solve(mdp).policy,
    }


@pytest.mark.parametrize("name", MDPS)
def test_the_velocity_of_values_is_a_resolvent_of_dissipation(name):
    """(I − γP_π)V̇ = τ²I, the left side by a complex step along Kᵀπ, the right by Dirichlet forms."""
    mdp = MDPS[name]
    for policy in policies(mdp).values():
        value = wc.evaluate(mdp, policy)
        slope, work = wc.value_velocity(value), wc.dissipation(value)
        system = np.eye(mdp.n_states) - mdp.gamma * value.P_pi
        left = system @ slope.value
        allowed = np.abs(system) @ slope.error + work.error
        assert (np.abs(left - work.value) <= allowed + 1e-15 * np.abs(work.value).max()).all()
        size = max(np.abs(work.value).max(), 1e-4)
        assert np.abs(left - work.value).max() <= 1e-11 * size
        assert allowed.max() <= 1e-10 * size
        assert (slope.upper >= 0).all()


def test_the_velocity_is_the_limit_of_short_steps():
    """(π_h − π)/h → Kᵀπ and (V_h − V)/h → V̇ along implicit steps, to first order in h."""
    mdp = MDPS["ring"]
    policy = wc.gibbs(mdp, 0.5 * mdp.r)
    value = wc.evaluate(mdp, policy)
    field, slope = wc.flow_velocity(value), wc.value_velocity(value)
    assert np.abs(field.sum(axis=1)).max() < 1e-12 * np.abs(field).max()
    errors = []
    for h in (1e-5, 5e-6):
        step = wc.evolve(wc.FrozenWPG(h), mdp, policy, steps=1)
        masses = (step.policies[1].pi - policy.pi) / h - field
        rises = (step.evaluations[1].V - value.V) / h - slope.value
        errors.append((np.abs(masses).max(), np.abs(rises).max()))
    ratios = np.array(errors[0]) / np.array(errors[1])
    assert errors[1][0] < 1e-2 * np.abs(field).max()
    assert np.abs(ratios - 2.0).max() < 0.1


def exact_dissipation(mdp, policy, V):
    """τ²I_h in sixty digits from log-densities and V taken as exact."""
    with mp.workdps(60):
        out = []
        for s in range(mdp.n_states):
            r, logf = ([mp.mpf(x) for x in row] for row in (mdp.r[s], policy.logf[s]))
            m = [mp.mpf(x) for x in mdp.grid.weights]
            reach = [mp.fdot(map(mp.mpf, row), map(mp.mpf, V)) for row in mdp.P[s]]
            q = [a + mp.mpf(mdp.gamma) * b for a, b in zip(r, reach, strict=True)]
            tau = mp.mpf(mdp.tau)
            p = [w * mp.exp(x / tau) for w, x in zip(m, q, strict=True)]
            f = [w * mp.exp(x) for w, x in zip(m, logf, strict=True)]
            scale = mp.fsum(p) / mp.fsum(f)
            u = [a / b * scale for a, b in zip(f, p, strict=True)]
            total = mp.mpf(0)
            for (i, j), length in zip(mdp.grid.edges, mdp.grid.lengths, strict=True):
                root = mp.sqrt(p[i] * p[j]) / mp.fsum(p) / mp.mpf(length) ** 2
                total += root * (u[i] - u[j]) * (mp.log(u[i]) - mp.log(u[j]))
            out.append(float(tau**2 * total))
        return np.array(out)


@pytest.mark.parametrize("name", ["wells", "finite set"])
def test_the_error_of_the_dissipation_covers_sixty_digits(name):
    mdp = MDPS[name]
    for policy in policies(mdp).values():
        value = wc.evaluate(mdp, policy)
        found, exact = wc.dissipation(value), exact_dissipation(mdp, policy, value.V)
        assert (np.abs(found.value - exact) <= found.error).all()


def test_where_a_policy_vanishes_the_dissipation_is_infinite_and_mass_still_flows():
    mdp = MDPS["ring"]
    policy = wc.sparse_policy(mdp, np.random.default_rng(0))
    value = wc.evaluate(mdp, policy)
    assert np.isinf(wc.dissipation(value).value).all()
    field = wc.flow_velocity(value)
    assert (field[policy.pi == 0] >= 0).all()
    assert np.abs(field.sum(axis=1)).max() < 1e-12 * np.abs(field).max()
    with pytest.raises(wc.InputError, match="direction must vanish where the policy does"):
        wc.value_velocity(value)


def exact_velocity(mdp, policy, V):
    """Kᵀπ in sixty digits from log-densities and V taken as exact."""
    out = np.zeros(policy.logf.shape)
    with mp.workdps(60):
        m, tau = [mp.mpf(x) for x in mdp.grid.weights], mp.mpf(mdp.tau)
        for s in range(mdp.n_states):
            reach = [mp.fdot(map(mp.mpf, row), map(mp.mpf, V)) for row in mdp.P[s]]
            q = [mp.mpf(a) + mp.mpf(mdp.gamma) * b for a, b in zip(mdp.r[s], reach, strict=True)]
            p = [w * mp.exp(x / tau) for w, x in zip(m, q, strict=True)]
            f = [w * mp.exp(mp.mpf(x)) for w, x in zip(m, policy.logf[s], strict=True)]
            total, mass = [mp.mpf(0)] * len(m), mp.fsum(f)
            for (i, j), length in zip(mdp.grid.edges, mdp.grid.lengths, strict=True):
                rate = tau / mp.mpf(length) ** 2
                flow = rate * (f[i] * mp.sqrt(p[j] / p[i]) - f[j] * mp.sqrt(p[i] / p[j])) / mass
                total[i], total[j] = total[i] - flow, total[j] + flow
            out[s] = [float(x) for x in total]
    return out


@pytest.mark.parametrize("name", ["line", "wells"])
def test_near_the_gibbs_policy_the_error_of_the_velocity_covers_its_rounding(name):
    """There π ≈ p, and what is left of both flows along an edge is rounding, which "lost" bounds.

    V̇ = (I−γP)^{-1}∫(q − τ log f)dχ is compared with the same for χ in sixty digits.
    """
    mdp = MDPS[name]
    best = wc.solve(mdp, tol=None).policy
    noise = 1e-9 * np.random.default_rng(0).standard_normal(best.logf.shape)
    policy = wc.softmax_policy(best.logf + noise, mdp.grid)
    value = wc.evaluate(mdp, policy)
    found, field = wc.value_velocity(value), exact_velocity(mdp, policy, value.V)
    off = wc.flow_velocity(value) - field
    height = value.Q - mdp.tau * policy.logf
    lost = np.linalg.solve(np.eye(mdp.n_states) - mdp.gamma * value.P_pi, (off * height).sum(1))
    assert (np.abs(lost) <= found.errors["rounding"]).all()
    assert np.abs(lost).max() >= 1e-3 * found.errors["rounding"].max()
