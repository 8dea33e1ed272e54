"""The contestants of benchmarks/exact.py: problems, solvers, and what each is measured against."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from mdptoolbox.mdp import ValueIteration
from quantecon.markov import DiscreteDP

from wconv.exact.bellman import optimality
from wconv.exact.solve import solve
from wconv.mdp.model import MDP

TOL = 1e-8
PROBE_SWEEPS = 20
jax.config.update("jax_enable_x64", True)


@dataclass
class Row:
    """One solver on one problem."""

    name: str
    run: Callable[[], object]
    steps: Callable[[object], str]
    error: Callable[[object], float]
    factor: float = 1.0
    note: str = ""
    seconds: float = 0.0
    last: object = None


def table(family: str, s: int, a: int) -> tuple[np.ndarray, np.ndarray]:
    """Rewards and transitions; ``banded`` moves at most ten states and mixes slowly."""
    rng = np.random.default_rng(0)
    P = rng.random((s, a, s))
    if family == "banded":
        far = np.abs(np.subtract.outer(np.arange(s), np.arange(s))) > 10
        P.transpose(1, 0, 2)[:, far] = 0.0
    P /= P.sum(axis=-1, keepdims=True)
    P.flags.writeable = False
    return rng.random((s, a)), P


def jax_soft_vi(mdp: MDP, limit: int) -> Callable[[], tuple[jax.Array, jax.Array]]:
    """Plain soft value iteration, stopped at ‖TV − V‖·γ/(1 − γ) ≤ tol: what one would write."""
    s = mdp.n_states
    log_m = jnp.asarray(mdp.grid.log_weights)

    @jax.jit
    def run(r: jax.Array, P: jax.Array) -> tuple[jax.Array, jax.Array]:
        def sweep(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
            V, _, k = state
            Q = r + mdp.gamma * (P @ V).reshape(r.shape)
            TV = mdp.tau * jax.nn.logsumexp(Q / mdp.tau + log_m, axis=1)
            return TV, jnp.abs(TV - V).max(), k + 1

        def busy(state: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
            return (state[1] * mdp.gamma / (1 - mdp.gamma) > TOL) & (state[2] < limit)

        V, _, k = jax.lax.while_loop(busy, sweep, (jnp.zeros(s), jnp.inf, 0))
        return V, k

    r, P = jnp.asarray(mdp.r), jnp.asarray(mdp.P.reshape(-1, s))

    def go() -> tuple[jax.Array, jax.Array]:
        V, k = run(r, P)
        return V.block_until_ready(), k

    go()
    return go


def sweeps_needed(mdp: MDP) -> int:
    """Sweeps of value iteration to TOL: the measured step after a few, then the rate γ."""
    V = np.zeros(mdp.n_states)
    for _ in range(PROBE_SWEEPS):
        V, before = optimality(mdp, V), V
    step = np.abs(V - before).max()
    return PROBE_SWEEPS + int(np.ceil(np.log(TOL * (1 - mdp.gamma) / step) / np.log(mdp.gamma)))


def reference(mdp: MDP) -> np.ndarray:
    """V* in 80 bits: refinement of the solution by residuals of the definition, no certificate."""
    V = solve(mdp, tol=1e-6).V.astype(np.longdouble)
    P, m, tau = mdp.P, mdp.grid.weights.astype(np.longdouble), np.longdouble(mdp.tau)
    for _ in range(4):
        Q = mdp.r + mdp.gamma * np.einsum("saz,z->sa", P, V)
        top = Q.max(axis=1)
        powers = m * np.exp((Q - top[:, None]) / tau)
        TV = top + tau * np.log(powers.sum(axis=1))
        pi = (powers / powers.sum(axis=1, keepdims=True)).astype(float)
        kernel = np.einsum("sa,saz->sz", pi, P)
        V = V + np.linalg.solve(np.eye(len(V)) - mdp.gamma * kernel, (TV - V).astype(float))
    return V


def contestants(mdp: MDP) -> list[Row]:
    """All solvers on a problem; value iteration is extrapolated where it takes a minute."""
    big = mdp.P.nbytes > 1e8
    soft, hard = reference(mdp), DiscreteDP(mdp.r, mdp.P, mdp.gamma)
    V_hard = hard.solve(method="policy_iteration").v
    sweeps = sweeps_needed(mdp)
    limit = PROBE_SWEEPS if big else 10**6
    factor = sweeps / PROBE_SWEEPS if big else 1.0
    note = f"extrapolated from {PROBE_SWEEPS} sweeps" if big else ""

    def soft_error(V: object) -> float:
        return float(np.abs(np.asarray(V) - soft).max())

    def hard_error(V: object) -> float:
        return float(np.abs(np.asarray(V) - V_hard).max())

    def quantecon(name: str, method: str) -> Row:
        return Row(
            name,
            lambda: hard.solve(method=method, epsilon=TOL),
            lambda x: str(x.num_iter),
            lambda x: hard_error(x.v),
        )

    def iterate() -> object:
        return hard.solve(method="value_iteration", epsilon=TOL, max_iter=limit)

    rows = [
        Row(
            "wconv, soft, certified",
            lambda: solve(mdp, tol=TOL),
            lambda x: str(len(x.history)),
            lambda x: soft_error(x.V),
        ),
        Row(
            "JAX soft value iteration",
            jax_soft_vi(mdp, limit),
            lambda x: str(sweeps if big else int(x[1])),
            lambda x: np.nan if big else soft_error(x[0]),
            factor,
            note,
        ),
        Row(
            "QuantEcon VI (hard)",
            iterate,
            lambda x: str(sweeps if big else x.num_iter),
            lambda x: np.nan if big else hard_error(x.v),
            factor,
            note,
        ),
        quantecon("QuantEcon MPI (hard)", "modified_policy_iteration"),
        quantecon("QuantEcon PI (hard)", "policy_iteration"),
    ]
    if not big:
        rows.append(toolbox(mdp, hard_error))
    return rows


def toolbox(mdp: MDP, error: Callable[[object], float]) -> Row:
    """pymdptoolbox; it runs once per object, so every repeat resets one."""
    model = ValueIteration(np.ascontiguousarray(mdp.P.transpose(1, 0, 2)), mdp.r, mdp.gamma, TOL)

    def run() -> object:
        model.V, model.iter = np.zeros(mdp.n_states), 0
        model.run()
        return model.V

    note = "stops on the span: its V is wrong by a constant"
    return Row("pymdptoolbox VI (hard)", run, lambda _: str(model.iter), error, note=note)
