"""What a density dynamics needs of a problem, as arrays for the JAX kernels: the one crossing."""

from functools import lru_cache
from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.dynamics.resolvent_kernel import Problem
from wconv.mdp.model import MDP
from wconv.measures.spaces import GaussianLine, TailedLine


def kernel_problem(mdp: MDP) -> Problem:
    """The arrays of a problem on a product grid.

    Raises:
        InputError: naming the actions when they are a finite set, or fewer than 3 nodes an axis.

    """
    grid = mdp.grid
    if grid.is_finite_set:
        require.fail(
            "actions",
            "form a continuum",
            "a finite set",
            "use SoftPolicyIteration or MirrorDescent",
        )
    if min(grid.shape) < 3:
        require.fail("grid", "have at least 3 nodes an axis", grid.shape, "refine the grid")
    return Problem(
        r=np.asarray(mdp.r),
        P=dense_transition(mdp),
        gamma=np.float64(mdp.gamma),
        tau=np.float64(mdp.tau),
        log_m=np.asarray(grid.log_weights),
        inverse_square=np.asarray(grid.spacing, dtype=float) ** -2.0,
        wrap=np.float64(grid.periodic),
    )


def dense_transition(mdp: MDP) -> Array:
    """P as (S, A, S')."""
    if isinstance(mdp.P, np.ndarray):
        return mdp.P
    return np.asarray(mdp.P.toarray()).reshape(*mdp.r.shape, mdp.n_states)


@lru_cache(maxsize=32)
def drift_tables(mdp: MDP) -> tuple[Array, Array, float]:
    """∇r at the nodes (S, A, d), ∇P (S, A, S', d) by automatic differentiation, and β.

    The drift of the flow in Lebesgue form is b = ∇r + γ∇P·V − βa, with β = τ/scale² on the Gaussian
    line and 0 elsewhere.

    Differentiated once a problem.

    Raises:
        InputError: a problem of tables (it has no gradients), gradients that are not finite, or a reference
            with heavy tails (its force is no −βa).

    """
    beta, smooth = confinement(mdp), mdp.smooth
    if smooth is None:
        require.fail(
            "mdp",
            "have functions of a continuous action",
            "tables",
            "the drift needs gradients: make it by wc.tabulate(wc.SmoothMDP(...), n)",
        )
    import jax

    def gradients(s: Any, a: Any) -> Any:
        return jax.jacfwd(smooth.reward, argnums=1)(s, a), jax.jacfwd(smooth.transition, argnums=1)(
            s, a
        )

    over_nodes = jax.vmap(gradients, in_axes=(None, 0))
    with jax.enable_x64(True):
        found = jax.jit(jax.vmap(over_nodes, in_axes=(0, None)))(
            np.arange(mdp.n_states), mdp.grid.nodes
        )
        r, P = (np.asarray(x) for x in found)
    require.finite("gradient of the reward", r, "replace roots and kinks by smooth functions")
    require.finite("gradient of the transition", P, "replace roots and kinks by smooth functions")
    return r, P, beta


def confinement(mdp: MDP) -> float:
    """β = τ/scale² of the Gaussian line, 0 elsewhere; InputError for heavy tails."""
    space = mdp.grid.space
    if isinstance(space, TailedLine):
        remedy = "drifts need one: use GaussianLine, or WPGFlow, FrozenWPG and WPPG, which do not"
        require.fail("actions", "have a quadratic confinement or none", space, remedy)
    return mdp.tau / space.scale**2 if isinstance(space, GaussianLine) else 0.0


def soft_q(mdp: MDP, P: Array, masses: Array, logf: Array) -> Array:
    """q^π = r + γPV^π in float64."""
    entropy = np.where(masses > 0, logf, 0.0)
    reward = (masses * (mdp.r - mdp.tau * entropy)).sum(axis=-1)
    kernel = np.matmul(masses[:, None, :], P)[:, 0, :]
    V = np.linalg.solve(np.eye(mdp.n_states) - mdp.gamma * kernel, reward)
    return np.asarray(mdp.r + mdp.gamma * (P @ V))


def normalised(log_mass: Array) -> Array:
    """Masses ∝ e^{log_mass} of total one."""
    powers = np.exp(log_mass - log_mass.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
