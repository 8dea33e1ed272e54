"""Dense oracles of the dynamics, written from the formulas; imports no wconv."""

from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest


def neighbours(shape, wrap):
    """For every direction the pairs (i, j) of neighbouring nodes of a product grid."""
    index = np.arange(int(np.prod(shape))).reshape(shape)
    pairs = []
    for axis, n in enumerate(shape):
        kept = np.arange(n if wrap else n - 1)
        here = np.take(index, kept, axis=axis).ravel()
        there = np.take(np.roll(index, -1, axis=axis), kept, axis=axis).ravel()
        pairs.append(np.stack([here, there], axis=-1))
    return pairs


def generators(log_p, tau, shape, spacing, wrap):
    """One K a direction: K_ij = (τ/h²)√(p_j/p_i) between neighbours, rows of sum zero."""
    out = []
    for pairs, h in zip(neighbours(shape, wrap), spacing, strict=True):
        K = np.zeros((len(log_p),) * 2)
        i, j = pairs.T
        np.add.at(K, (i, j), tau / h**2 * np.exp((log_p[j] - log_p[i]) / 2))
        np.add.at(K, (j, i), tau / h**2 * np.exp((log_p[i] - log_p[j]) / 2))
        out.append(K - np.diag(K.sum(axis=1)))
    return out


def value(r, P, gamma, tau, m, pi):
    """V^π in float64 from (I − γP_π)V = Σπ(r − τ log π/m)."""
    logs = np.log(np.where(pi > 0, pi / m, 1.0))
    kernel = np.einsum("sa,sat->st", pi, P)
    return np.linalg.solve(np.eye(len(r)) - gamma * kernel, (pi * (r - tau * logs)).sum(axis=1))


def log_gibbs(r, P, gamma, tau, m, V):
    """log of e^{(r + γPV)/τ}m, not normalised, (S, A)."""
    return (r + gamma * np.einsum("sat,t->sa", P, V)) / tau + np.log(m)


def velocity(r, P, gamma, tau, m, h, wrap):
    """π ↦ K(π)ᵀπ on a line or a circle of nodes, as a function of the flattened masses."""
    n = len(m)
    i, j = np.arange(n) if wrap else np.arange(n - 1), np.arange(n if wrap else n - 1) + 1
    j = j % n

    def field(_, flat):
        pi = flat.reshape(r.shape)
        log_p = log_gibbs(r, P, gamma, tau, m, value(r, P, gamma, tau, m, pi))
        half = np.exp((log_p[:, j] - log_p[:, i]) / 2)
        flow = tau / h**2 * (pi[:, i] * half - pi[:, j] / half)
        out = np.zeros_like(pi)
        out[:, i] -= flow
        out[:, j] += flow
        return out.ravel()

    return field


def exact_step(r, P, gamma, tau, m, pi, eta, *, shape, spacing, wrap):
    """(I − ηK)^{-T}π in fifty digits, one factor a direction, as floats (S, A)."""
    with mp.workdps(50):
        numbers = np.vectorize(mp.mpf, otypes=[object])
        pi, m, r, P = (numbers(x) for x in (pi, m, r, P))
        states, nodes = r.shape
        matrix, right = mp.eye(states), mp.zeros(states, 1)
        for s in range(states):
            logs = numbers([mp.log(x / w) for x, w in zip(pi[s], m, strict=True)])
            right[s] = (pi[s] * (r[s] - mp.mpf(tau) * logs)).sum()
            for t in range(states):
                matrix[s, t] -= mp.mpf(gamma) * (pi[s] * P[s, :, t]).sum()
        V = np.array(list(mp.lu_solve(matrix, right)))
        log_p = (r + mp.mpf(gamma) * (P @ V)) / mp.mpf(tau) + numbers([mp.log(w) for w in m])
        for s in range(states):
            for pairs, h in zip(neighbours(shape, wrap), spacing, strict=True):
                reach = mp.mpf(eta) * mp.mpf(tau) / mp.mpf(h) ** 2
                system = mp.eye(nodes)  # (I − ηK)ᵀ
                for i, j in pairs:
                    for a, b in ((i, j), (j, i)):
                        rate = reach * mp.exp((log_p[s, b] - log_p[s, a]) / 2)
                        system[a, a] += rate
                        system[b, a] -= rate
                pi[s] = list(mp.lu_solve(system, mp.matrix(list(pi[s]))))
        return pi.astype(float)


@pytest.fixture(scope="session")
def chain():
    return SimpleNamespace(
        generators=generators,
        value=value,
        log_gibbs=log_gibbs,
        velocity=velocity,
        exact_step=exact_step,
    )
