"""transport-variation  The derivative of J along a transport of the policy by a velocity field.

Setting.     Smooth problem and policy π with density f; ∂_tπ = −∇·(πu) for a smooth field u(s, a)
             with no flux through the boundary of the actions.
Hypotheses.  (H1) The actions form a continuum.  (H2) ∇r and ∇P are Lipschitz in the action: sums over the
             nodes are integrals only then.
Claim.       dJ/dt = (1/(1−γ)) E_{d^π}∫π ⟨∇_a q^π − τ∇log f, u⟩ da, as the quotient of dJ/dt and the mean.
Tight for.   Every policy and field: an identity.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Proposition A.1.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np

import wconv as wc
from theory_checks.constants import on_a_continuum
from theory_checks.wpg import COLD, LINE, RING, TRANSLATE, WELL
from theory_checks.wpg.one_step_kl import lipschitz
from wconv._axes import Array
from wconv.measured import rounding
from wconv.theory import Item, case, check, control, equal, finite
from wconv.theory.bounds import wpg_flow as bounds

POWERS: Final = (0.0, 0.5, 2.0)
"""Policies f ∝ e^{c q*/τ} for these c: the reference, a warmer and a colder one than the optimal."""

CASES = [
    TRANSLATE,
    WELL,
    RING,
    LINE,
    COLD,
    case("double-well", tier="all"),
    case("quadratic-bandit", tier="all"),
    case("box-2d", tier="all", resolution=64),
    case("garnet", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("horizon a millionth too short", on=WELL, constants={"horizon": 0.999999}),
    control("derivative at the wrong temperature", on=WELL, dynamics={"temperature": 0.99}),
    control("derivative at the wrong discount", on=WELL, dynamics={"discount": 0.99}),
]


def field(mdp: "wc.MDP") -> Array:
    """u(s, a) at the nodes, (S, A, d): a bump that vanishes to high order at the ends, times a wave.

    A trigonometric polynomial of the period of the nodes, so that sums over them are as good as
    integrals; it differs between states.
    """
    grid = mdp.grid
    middle = (grid.nodes.min(axis=0) + grid.nodes.max(axis=0)) / 2
    x = np.pi * (grid.nodes - middle) / np.multiply(grid.shape, grid.spacing)
    bump = np.prod(np.cos(x) ** 12, axis=-1)[None, :, None]
    phase = np.arange(mdp.n_states)[:, None, None] + np.arange(grid.dim)
    return np.asarray(bump * (1.0 + 0.5 * np.sin(2 * x + phase)))


def divergence(flux: Array, grid: "wc.Grid") -> Array:
    """Σ_k ∂_k of a flux (S, A, d) by its Fourier series on the grid, shape (S, A)."""
    total = np.zeros((len(flux), *grid.shape))
    for k, (n, h) in enumerate(zip(grid.shape, grid.spacing, strict=True)):
        waves = 2j * np.pi * np.fft.fftfreq(n, h)
        waves[n // 2] = 0.0  # the derivative of the highest wave vanishes at the nodes
        waves = waves.reshape(-1, *(1,) * (grid.dim - 1 - k))
        along = np.fft.fft(flux[..., k].reshape(total.shape), axis=k + 1)
        total += np.fft.ifft(along * waves, axis=k + 1).real
    return total.reshape(flux.shape[:-1])


@lru_cache(maxsize=4)
def gradients(mdp: "wc.MDP") -> tuple[Array, Array]:
    """∇r (S, A, d) and ∇P (S, A, S', d), differentiated once for a case and its controls."""
    r, P, _ = wc.drift_tables(mdp)
    return r, P


def power(run: "wc.Run", V: "wc.Measured", u: Array, c: float) -> "wc.Measured":
    """E_{d^π}∫π ⟨∇q^π − τ∇log f, u⟩ for f ∝ e^{c q_V/τ}, whose τ∇log f is c∇q_V: a number."""
    mdp = run.mdp
    policy = wc.gibbs(mdp, c * wc.q_from_v(mdp, V.value))
    value = run.true.evaluate(policy)
    r, P = gradients(mdp)
    next_value = mdp.gamma * (value.V - c * V.value)
    force = (1.0 - c) * r + np.einsum("satd,t->sad", P, next_value)
    terms = policy.pi * (force * u).sum(axis=-1)
    size = (np.abs(r) + np.einsum("satd,t->sad", np.abs(P), np.abs(next_value))) * np.abs(u)
    moved = policy.pi * (np.abs(P).sum(axis=2) * np.abs(u)).sum(axis=-1)
    off = mdp.gamma * float((value.error + c * V.error).max())
    work = wc.Measured.of(
        terms.sum(axis=-1),
        rounding=rounding((policy.pi * size.sum(axis=-1)).sum(axis=-1), depth=mdp.n_actions),
        evaluation=moved.sum(axis=-1) * off,
    )
    return (wc.discounted_occupancy(mdp, policy) * work).total()


@check("transport-variation", cases=CASES, controls=CONTROLS, kind="continuum", actions="continuum")
def transport_variation(run: "wc.Run") -> Iterator[Item]:
    """Complex-step derivative of the objective along −∇·(πu) against the power of the field."""
    yield (continuum := on_a_continuum(run))
    if not continuum.holds:
        yield finite("H2", L_p=float("nan"))
        return
    yield (smooth := lipschitz(run, "H2"))
    if not smooth.holds:
        return
    mdp, V, u = run.mdp, run.true.solution.measured, field(run.mdp)
    quotients = []
    for c in POWERS:
        policy = wc.gibbs(mdp, c * wc.q_from_v(mdp, V.value))
        moves = -divergence(policy.pi[..., None] * u, mdp.grid)
        slope = wc.objective_derivative(run.system, policy, moves)
        quotients.append(slope / power(run, V, u, c))
    yield equal(
        "dJ/dt / E_d int pi <grad q - tau grad log f, u> = 1 / (1-gamma)",
        wc.stack(quotients),
        bounds.horizon.given(),
        over="power",
        horizon=1 / (1 - mdp.gamma),
    )
