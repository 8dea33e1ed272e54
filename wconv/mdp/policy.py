"""Policies as log-densities log f = log(dπ/dμ) on the nodes of a grid, one a state."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array
from wconv.mdp.model import MDP, numbers
from wconv.measures.densities import MASS_TOL
from wconv.measures.spaces import Grid


@dataclass(frozen=True, eq=False)
class Policy:
    """One probability a state: ``logf[s, i]`` = log density with respect to μ (−inf where zero)."""

    logf: ActionValue
    grid: Grid

    @property
    def f(self) -> ActionValue:
        """Densities dπ/dμ at the nodes, (S, A)."""
        return np.asarray(np.exp(self.logf))

    @property
    def pi(self) -> ActionValue:
        """Masses π(a_i|s) = f·m_i, (S, A)."""
        return np.asarray(np.exp(self.logf + self.grid.log_weights))

    @property
    def lebesgue(self) -> ActionValue:
        """Densities with respect to Lebesgue measure at the nodes, (S, A)."""
        return np.asarray(np.exp(self.logf + self.grid.log_lebesgue))


def make_policy(logf: Any, grid: Grid) -> Policy:
    """Validate log-densities (S, A): no NaN or +inf, mass one in every state within 1e-12·A."""
    array = numbers("logf", logf)
    if array.ndim != 2 or array.shape[1] != grid.n:
        require.fail("logf", f"have shape (states, {grid.n})", array.shape, "match the grid")
    if np.isnan(array).any() or (array == np.inf).any():
        require.fail(
            "logf", "be a log-density (finite or −inf)", "NaN or +inf", "take log of f > 0"
        )
    policy = Policy(array, grid)
    require.row_sums("policy", policy.pi.sum(axis=-1), "actions", MASS_TOL * grid.n)
    return policy


def from_masses(masses: Any, grid: Grid) -> Policy:
    """A policy from probabilities π(a_i|s), shape (S, A)."""
    array = numbers("policy", masses)
    if array.ndim != 2 or array.shape[1] != grid.n:
        require.fail("policy", f"have shape (states, {grid.n})", array.shape, "match the grid")
    require.probabilities("policy", array, "actions", MASS_TOL * grid.n)
    if (array[..., grid.weights == 0] > 0).any():
        require.fail("policy", "be absolutely continuous", "mass where μ = 0", "drop these actions")
    with np.errstate(divide="ignore", invalid="ignore"):
        logf = np.log(array) - grid.log_weights
    return make_policy(np.where(array > 0, logf, -np.inf), grid)


def softmax_policy(logits: Any, grid: Grid) -> Policy:
    """The policy with density f ∝ e^{logits} with respect to μ, normalised by its own mass.

    Logits (S, A) may be −inf, but not everywhere on the support of μ in a state; InputError else.
    """
    array = np.asarray(logits)
    if array.ndim != 2 or array.shape[1] != grid.n:
        require.fail("logits", f"have shape (states, {grid.n})", array.shape, "match the grid")
    # The peak is taken where μ has mass: shifted by an action of no mass all others may underflow.
    live = grid.weights > 0
    peak = array.max(axis=-1, keepdims=True, where=live, initial=-np.inf)
    if not np.isfinite(peak).all():
        require.fail("logits", "have a finite maximum", "NaN or infinity", "rescale or fix them")
    shifted = array - peak
    powers = np.exp(shifted, where=live, out=np.zeros_like(shifted))
    mass = (powers * grid.weights).sum(axis=-1, keepdims=True)
    return Policy(shifted - np.log(mass), grid)


def uniform(mdp: MDP) -> Policy:
    """The reference policy π = μ in every state (density one)."""
    return Policy(np.zeros_like(mdp.r), mdp.grid)


def gibbs(mdp: MDP, Q: Array) -> Policy:
    """The policy p ∝ exp(Q/τ) μ, the maximiser of ∫πQ − τKL(π‖μ), for Q of shape (S, A)."""
    return softmax_policy(np.asarray(Q) / mdp.tau, mdp.grid)


def random_policy(mdp: MDP, rng: np.random.Generator, *, roughness: float = 1.0) -> Policy:
    """A random smooth-free policy: independent normal log-densities with std ``roughness``."""
    return softmax_policy(roughness * rng.standard_normal(mdp.r.shape), mdp.grid)


def sparse_policy(mdp: MDP, rng: np.random.Generator) -> Policy:
    """A random policy that vanishes on about half of the actions in every state."""
    keep = rng.random(mdp.r.shape) < 0.5
    keep[np.arange(mdp.n_states), rng.integers(mdp.n_actions, size=mdp.n_states)] = True
    masses = np.where(keep, rng.random(mdp.r.shape) * mdp.grid.weights, 0.0)
    return from_masses(masses / masses.sum(axis=-1, keepdims=True), mdp.grid)
