"""Tables and an 80-bit reference for the exact solvers; imports no wconv."""

from types import SimpleNamespace

import numpy as np
import pytest

LONG = np.longdouble


def dense(rng, s, a):
    """Random rewards and full random rows: mixes in one step."""
    P = rng.random((s, a, s))
    return rng.random((s, a)), P / P.sum(axis=-1, keepdims=True)


def banded(rng, s, a, width=10):
    """Moves of at most ``width`` states: mixes slowly."""
    distance = np.abs(np.subtract.outer(np.arange(s), np.arange(s)))
    P = np.where(distance[:, None, :] <= width, rng.random((s, a, s)), 0.0)
    return rng.random((s, a)), P / P.sum(axis=-1, keepdims=True)


def soft_t(r, P, gamma, tau, m, V):
    """T V in 80 bits by the definition, shifted by the largest Q."""
    Q = r + gamma * np.einsum("saz,z->sa", P, V)
    peak = Q.max(axis=1)
    return Q, peak + tau * np.log((m * np.exp((Q - peak[:, None]) / LONG(tau))).sum(axis=1))


def reference(r, P, gamma, tau, m):
    """V* and a bound on its error: Newton in float64 with 80-bit residuals, then Banach."""
    r, m = r.astype(LONG), m.astype(LONG)
    V = np.zeros(len(r), dtype=LONG)
    best, residual = V, np.inf
    for _ in range(40):
        Q, TV = soft_t(r, P, gamma, tau, m, V)
        d = TV - V
        size = float(np.abs(d).max())
        if size >= residual and residual < 1e-12:
            break
        best, residual = V, size
        pi = m * np.exp((Q - TV[:, None]) / tau)
        kernel = np.einsum("sa,saz->sz", pi.astype(float), P)
        V = V + np.linalg.solve(np.eye(len(r)) - gamma * kernel, d.astype(float))
    # Plus the rounding of one 80-bit sweep: sums of S and of A terms, each of the size of V.
    depth, size = sum(P.shape) + 20, 1 + 2 * float(np.abs(best).max())
    rounding = depth * float(np.finfo(LONG).eps) * size
    return best, (residual + rounding) / (1 - gamma)


@pytest.fixture(scope="session")
def families():
    return SimpleNamespace(dense=dense, banded=banded, reference=reference)
