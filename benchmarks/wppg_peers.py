"""The contestants of benchmarks/wppg.py: problems, the function that judges, and the peers.

Peers take a step and the number of a state, and return its masses.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import clarabel
import jax
import numpy as np
import ot
import scipy.sparse as sp
from ott.geometry.geometry import Geometry
from ott.problems.linear.linear_problem import LinearProblem
from ott.solvers.linear.sinkhorn import Sinkhorn
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

import wconv as wc

jax.config.update("jax_enable_x64", True)
LINE = wc.Interval(-1.5, 1.5)


@dataclass(frozen=True)
class Steps:
    """One step in every state: Q and masses ν (S, n), squared distances (n, n)."""

    mdp: wc.MDP
    nu: np.ndarray
    eta: float

    @property
    def cost(self) -> np.ndarray:
        x = self.mdp.grid.nodes
        return np.square(x[:, None] - x[None]).sum(axis=-1) / (2 * self.eta)

    def on(self, states: list[int]) -> "Steps":
        return steps(self.mdp.r[states], self.nu[states], self.mdp.grid, self.mdp.tau, self.eta)

    def policies(self, phi: np.ndarray) -> np.ndarray:
        return softmax((self.mdp.r - phi) / self.mdp.tau + self.mdp.grid.log_weights, axis=-1)


def steps(Q: np.ndarray, nu: np.ndarray, grid: wc.Grid, tau: float, eta: float) -> Steps:
    """Without discount q^π is the reward, and every step a problem of its own."""
    states = len(Q)
    follow = np.full((*Q.shape, states), 1 / states)
    return Steps(wc.make_mdp(Q, follow, discount=0.0, temperature=tau, grid=grid), nu, eta)


def wells(states: int, n: int, tau: float, eta: float) -> Steps:
    """Tilted double wells from policies that sit elsewhere."""
    grid = LINE.grid(n)
    a, t = grid.nodes[:, 0], np.linspace(-1, 1, states)[:, None]
    start = -12 * (a - 0.6 * np.cos(3 * t)) ** 2 - a * t
    return steps(-((a * a - 1) ** 2) + 0.3 * a * t, softmax(start, axis=1), grid, tau, eta)


def basins(states: int, n: int, tau: float, eta: float) -> Steps:
    """The same in the plane, along a bent valley."""
    grid = wc.Box((-1.5, -1.5), (1.5, 1.5)).grid(n)
    (x, y), t = grid.nodes.T, np.linspace(-1, 1, states)[:, None]
    start = -12 * (x - 0.6 * np.cos(3 * t)) ** 2 - 6 * (y - 0.5 * np.sin(3 * t)) ** 2
    Q = -((x * x - 1) ** 2) - 0.5 * (y - 0.3 * x * x) ** 2 + 0.3 * x * t
    return steps(Q, softmax(start, axis=1), grid, tau, eta)


def between_nodes(at: Steps) -> Steps:
    """The same with transport from nodes to nodes."""
    grid = wc.FiniteSet(at.mdp.grid.nodes, at.mdp.grid.weights).grid()
    return steps(at.mdp.r, at.nu, grid, at.mdp.tau, at.eta)


def points(states: int, n: int, tau: float, eta: float) -> Steps:
    """Random rewards and policies on normal points of the plane."""
    rng = np.random.default_rng(0)
    grid = wc.FiniteSet(rng.standard_normal((n, 2))).grid()
    nu = rng.dirichlet(np.ones(n), size=states)
    return steps(rng.standard_normal((states, n)), nu, grid, tau, eta)


def free(p: np.ndarray, at: Steps, s: int) -> float:
    """∫Qdp − τKL(p‖μ) in extended precision."""
    p, weights = p.astype(np.longdouble), at.mdp.grid.weights
    return float(p @ at.mdp.r[s] - at.mdp.tau * (p @ np.log(np.where(p > 0, p / weights, 1))))


def on_line(p: np.ndarray, at: Steps, s: int, *, spread: bool) -> float:
    """∫Qdp − τKL(p‖μ) − W²(p, ν)/(2η) on a line, W² by merged quantiles in extended precision.

    With ``spread`` ν is constant on cells and W² less h²/12, as in wconv; else ν is on nodes.
    """
    x = at.mdp.grid.nodes[:, 0].astype(np.longdouble)
    F, G = (np.append(0, np.cumsum(v.astype(np.longdouble))) for v in (p, at.nu[s]))
    F, G = F / F[-1], G / G[-1]
    u = np.unique(np.concatenate([F, G]))
    middle = (u[1:] + u[:-1]) / 2
    i, j = (np.searchsorted(v, middle) - 1 for v in (F, G))
    h = at.mdp.grid.spacing[0] if spread else 0.0
    a, b = (x[j] - x[i] + h * ((v - G[j]) / (G[j + 1] - G[j]) - 0.5) for v in (u[:-1], u[1:]))
    square = (np.diff(u) * (a * a + a * b + b * b)).sum() / 3 - h**2 / 12
    return free(p, at, s) - float(square) / (2 * at.eta)


def on_points(p: np.ndarray, at: Steps, s: int) -> float:
    """The same on a finite set, by POT's network simplex."""
    return free(p, at, s) - ot.emd2(p / p.sum(), at.nu[s], at.cost)


def conic(at: Steps, quadratic: np.ndarray, linear: np.ndarray, blocks: tuple) -> np.ndarray:
    """Clarabel: min z'Hz/2 + c'z + τKL(p‖μ) over equal·z = right, bound·z ≤ most, p = move·z + base."""
    (equal, right), (bound, most), (move, base) = blocks
    k, n = len(linear), len(base)
    every, none = np.arange(n), sp.csc_matrix
    # (−r, p, w) lies in the exponential cone when p·log(p/w) ≤ r.
    pick = [sp.csc_matrix((np.ones(n), (3 * every + i, every)), (3 * n, n)) for i in range(3)]
    A = sp.bmat(
        [
            [equal, none((len(right), n))],
            [bound, none((len(most), n))],
            [-pick[1] @ move, pick[0]],
        ],
        format="csc",
    )
    b = np.concatenate([right, most, pick[1] @ base + pick[2] @ at.mdp.grid.weights])
    cones = [clarabel.ZeroConeT(len(right)), clarabel.NonnegativeConeT(len(most))]
    cones += [clarabel.ExponentialConeT()] * n
    H = sp.diags(np.append(quadratic, np.zeros(n)), format="csc")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    c = np.append(linear, np.full(n, at.mdp.tau))
    z = np.array(clarabel.DefaultSolver(H, c, A, b, cones, settings).solve().x[:k])
    p = np.maximum(move @ z + base, 0.0)  # feasible up to its tolerance
    return p / p.sum()


def by_plans(at: Steps, s: int) -> np.ndarray:
    """Clarabel over plans from nodes to nodes, on any action space."""
    n = at.mdp.n_actions
    rows, columns = sp.kron(sp.eye(n), np.ones((1, n))), sp.kron(np.ones((1, n)), sp.eye(n))
    linear = (at.cost - at.mdp.r[s][:, None]).ravel()
    blocks = ((columns, at.nu[s]), (-sp.eye(n * n), np.zeros(n * n)), (rows, np.zeros(n)))
    return conic(at, np.zeros(n * n), linear, blocks)


def by_levels(at: Steps, s: int) -> np.ndarray:
    """Clarabel on wconv's problem: the share of every cell of ν below every edge of a line."""
    grid, nu = at.mdp.grid, at.nu[s]
    n, h, x = at.mdp.n_actions, grid.spacing[0], grid.nodes[:, 0]
    edges, scale = x[:-1] + h / 2, h / at.eta
    levels = sp.kron(sp.eye(n - 1), nu[None])
    move = sp.diags([1.0, -1.0], [0, -1], shape=(n, n - 1)) @ levels
    k, last = n * (n - 1), np.eye(n)[-1]
    linear = (scale * nu * (x - h / 2 - edges[:, None])).ravel() - move.T @ at.mdp.r[s]
    box = sp.vstack([sp.eye(k), -sp.eye(k)]), np.repeat([1.0, 0.0], k)
    blocks = ((sp.csc_matrix((0, k)), np.zeros(0)), box, (move, last))
    return conic(at, np.tile(scale * h * nu, n - 1), linear, blocks)


def quasi_newton(at: Steps, s: int, limit: int) -> np.ndarray:
    """L-BFGS on the dual of wconv's problem, in the shifts of the cuts (much better than in φ)."""
    grid, tau, n = at.mdp.grid, at.mdp.tau, at.mdp.n_actions
    h, scale = grid.spacing[0], grid.spacing[0] / at.eta
    logits = at.mdp.r[s] / tau + grid.log_weights
    G = np.append(0.0, np.cumsum(at.nu[s]))
    area = h * np.append(0.0, np.cumsum((G[1:] + G[:-1]) / 2))

    def potential(v: np.ndarray) -> np.ndarray:
        return np.append(0.0, -scale * np.cumsum(v))

    def dual(v: np.ndarray) -> tuple[float, np.ndarray]:
        phi = potential(v)
        top = logsumexp(logits - phi / tau)
        F = np.cumsum(np.exp(logits - phi / tau - top))[:-1]
        y = np.arange(1.0, n) + v / h
        inside = np.clip(y, 0.0, n)
        k = np.minimum(inside.astype(int), n - 1)
        part = inside - k
        value = G[k] + (G[k + 1] - G[k]) * part
        below = area[k] + h * (part * (G[k] + value) / 2 + np.maximum(y - n, 0.0))
        return tau * top + phi[-1] + scale * below.sum(), scale * (value - F)

    options = {"maxiter": limit, "maxfun": 2 * limit, "maxcor": 20, "ftol": 0, "gtol": 1e-13}
    start = np.zeros(n - 1)
    found = minimize(dual, start, jac=True, method="L-BFGS-B", options=options)
    return softmax(logits - potential(found.x) / tau)


def ott(at: Steps, share: float) -> Callable[[int], np.ndarray]:
    """OTT, in logarithms, at ε = share·τ; first marginal relaxed, second exact."""
    tau, epsilon = at.mdp.tau, share * at.mdp.tau
    solver = Sinkhorn(threshold=1e-6, max_iterations=20_000, inner_iterations=20)

    @jax.jit
    def run(cost: jax.Array, gibbs: jax.Array, nu: jax.Array) -> jax.Array:
        geometry = Geometry(cost_matrix=cost, epsilon=epsilon)
        relaxed = tau / (tau + epsilon)
        return solver(LinearProblem(geometry, gibbs, nu, relaxed, 1.0)).matrix.sum(axis=1)

    def one(s: int) -> np.ndarray:
        p = np.asarray(run(at.cost, at.policies(np.zeros(1))[s], at.nu[s]))
        return p / p.sum()

    return one


def pot(at: Steps, share: float) -> Callable[[int], np.ndarray]:
    """POT's Sinkhorn for unbalanced transport; its warnings of lost digits are not errors there."""

    def one(s: int) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tau, gibbs = at.mdp.tau, at.policies(np.zeros(1))[s]
            plan = ot.unbalanced.sinkhorn_unbalanced(
                *(gibbs, at.nu[s], at.cost, share * tau, (tau, np.inf)),
                numItermax=20_000,
                stopThr=1e-9,
            )
        p = plan.sum(axis=1)
        return p / p.sum()

    return one
