"""The stationary law of the Langevin update by elimination, at every step, with both plateaus above it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import wconv as wc
from wconv._axes import ActionValue, Array, StateValue
from wconv.constants.langevin import step_constants
from wconv.dynamics import langevin_kernel as kernel
from wconv.dynamics.gaussian_noise import axes, noise_on
from wconv.outcomes import Outcome, SolverError
from wconv.theory.bounds import wpg_langevin as bounds

ROUNDS, CLOSE = 100, 1e-13
"""Rounds of values and laws, and the relative change of values that ends them."""


@dataclass(frozen=True, eq=False)
class Rest:
    """A stationary policy of the Langevin update of a step, and its values."""

    step: float
    policy: wc.Policy
    values: wc.Measured


def at_rest(mdp: wc.MDP, step: float) -> Rest:
    """The policy that the Langevin update leaves as it is, on a line or a circle of actions.

    π_s = π_s K_s(V), K_s(V) the masses of a ↦ a + ηb(s, a) + √(2τη)ξ with b = ∇r + γ∇P·V − βa; V = V^π.
    Rounds of the two, from V*: no time has to pass, so that short steps cost no more than long ones.

    Args:
        mdp: with functions of a continuous action.
        step: η.

    Raises:
        InputError: a noise that the nodes do not resolve.
        SolverError: UNRESOLVED when the law leaves the nodes, MAX_STEPS when the rounds do not settle.

    """
    V = wc.solve(mdp, tol=None).V
    for _ in range(ROUNDS):
        policy = wc.Policy(np.log(_law(mdp, step, V)) - mdp.grid.log_weights, mdp.grid)
        found, before = wc.evaluate(mdp, policy), V
        V = found.V
        change = float(np.abs(V - before).max())
        if change <= CLOSE * max(1.0, float(np.abs(V).max())):
            off = change / (1.0 - mdp.gamma)
            return Rest(step, policy, found.measured.with_error("stationarity", off))
    raise SolverError(
        Outcome.MAX_STEPS,
        f"values still change by {change:.1e} at step {step:g}: take a shorter one",
    )


def _law(mdp: wc.MDP, step: float, V: StateValue) -> ActionValue:
    """Masses (S, A) that the update with the drift of fixed values leaves as they are."""
    import jax

    grid, (r, P, beta) = mdp.grid, wc.drift_tables(mdp)
    noise = noise_on(grid, 2 * mdp.tau * step, "step")
    mean = grid.nodes + step * (r + mdp.gamma * np.einsum("satd,t->sad", P, V) - beta * grid.nodes)
    (n,) = grid.shape
    with jax.enable_x64(True):
        moved = np.asarray(
            kernel.noise_kernel(
                mean[..., 0],
                noise.sigma,
                axes(grid, r, P, beta),
                0,
                n,
                noise.images,
                noise.boundary,
            )
        )
        ripple = np.asarray(kernel.aliasing(mean, noise.sigma, grid.shape))
    mass = moved.sum(axis=-1)
    pi = _eliminated(moved / mass[..., None])
    # Averages over the law: what nodes far from it do moves nothing.
    lost, aliased = ((pi * x).sum(axis=-1).max() for x in (np.abs(mass - 1.0), ripple))
    noise.require(float(lost), float(aliased))
    return pi


def _eliminated(chains: Array) -> ActionValue:
    """Stationary laws (S, A) of chains (S, A, A) by elimination without subtraction, all states at once.

    As ``wconv.exact.stationary`` but in float64: tails of 1e-100 have a small relative error, too.
    """
    Q = chains.copy()
    n = Q.shape[-1]
    for k in range(n - 1, 0, -1):
        Q[:, :k, k] /= Q[:, k, :k].sum(axis=-1, keepdims=True)
        Q[:, :k, :k] += Q[:, :k, k, None] * Q[:, k, None, :k]
    law = np.ones(Q.shape[:2])
    for k in range(1, n):
        law[:, k] = (law[:, :k] * Q[:, :k, k]).sum(axis=-1)
    return np.asarray(law / law.sum(axis=-1, keepdims=True))


def gaps(mdp: wc.MDP, rests: Sequence[Rest]) -> wc.Measured:
    """E = max_s (V* − V) of every law, shape (K,)."""
    return (wc.solve(mdp, tol=None).measured - wc.stack([one.values for one in rests])).sup()


def plateaus(mdp: wc.MDP, rests: Sequence[Rest]) -> dict[str, Array]:
    """τδ/((1−γ)²c) and τδ_3/((1−γ)²c) with the constants of every law, also beyond η = 1/(13L_b), and L_b."""
    V = wc.stack([one.values for one in rests])
    found = step_constants(mdp, wc.drift_tables(mdp), [one.policy for one in rests], V)
    L_b, L_2 = (x.upper.max(axis=1) for x in (found.L_b, found.L_2))
    second, fourth = (x.upper.max(axis=1) for x in (found.second, found.fourth))
    rest = {
        "C_LS": wc.gibbs_constants(mdp, V).worst_at.upper,
        "L_b": L_b,
        "tau": mdp.tau,
        "gamma": mdp.gamma,
        "eta": np.array([one.step for one in rests]),
        "dim": 1,
        "moment": second,
    }
    with np.errstate(invalid="ignore"):  # a jump: L_b and L_2 are infinite
        third = bounds.plateau_two(fourth=fourth, L_2=L_2, **rest)
        return {"L_b": L_b, "delta": bounds.plateau(**rest), "delta_3": third}
