"""The proximal scheme WPPG: exact steps, each certified by its duality gap, and steps with a wrong critic."""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Final

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array
from wconv.dynamics.methods import Advance
from wconv.dynamics.problem import dense_transition, normalised, soft_q
from wconv.dynamics.step_transport import transport_of
from wconv.mdp.model import MDP
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

ROUNDING: Final = 64 * EPS
"""Duality gaps below it, in units of costs and q, are rounding."""


@dataclass(frozen=True)
class WPPG:
    """Exact proximal steps π_{k+1} = argmax ∫q^{π_k}dπ − τKL(π‖μ) − W²(π, π_k)/(2η) [WPPG, section 3].

    On a line or a circle π_{k+1} has atoms at the nodes and π_k is constant on cells, so that steps of
    any length move mass (error of order h²); on a finite set W² is in its metric, and steps that are too
    short move nothing. Every step is certified: its duality gap, which bounds the error of the one-step
    inequality against all competitors at once, is at most ``tol``·(τ + osc q) in every state, and what
    rounding leaves (64 eps·(D²/η + τ + osc q), D the diameter of the actions). See
    ``proximal_steps`` for the certificates along a path.

    η → ∞ is soft policy iteration, η → 0 the flow.
    """

    step: float
    tol: float = 1e-10

    def __post_init__(self) -> None:
        """InputError for a step that is not positive, or a tolerance outside (0, 1)."""
        require.positive("step", self.step, "give the length η of a step, e.g. 1.0")
        require.within("tol", require.positive("tol", self.tol, "e.g. 1e-10"), 0.0, 1.0, "1e-10")

    def prepare(self, mdp: MDP) -> Advance:
        """Proximal steps; see ``Scheme``.

        Raises:
            SolverError: a step whose gap stays above the tolerance.

        """
        return proximal(mdp, self.step, self.tol, lambda Q: Q)


@dataclass(frozen=True)
class InexactWPPG:
    """Proximal steps with a wrong critic q̂ = q^{π_k} + bias + noise [WPPG, section 5].

    The bias is one wave of the action a state, bias·cos(ωa + θ_s), the same in every step: sup|bias| is
    ``bias``. The noise is such a wave with new phases, uniform on the circle, in every step and state: its
    mean given the past is zero and sup|∇noise| is ``noise`` in every state. ω is two turns over the
    nodes' reach in every direction. Reproducible from ``seed``.
    """

    step: float
    bias: float = 0.0
    noise: float = 0.0
    seed: int = 0
    tol: float = 1e-10

    def __post_init__(self) -> None:
        """InputError for a step that is not positive, negative errors, or a seed below 0."""
        WPPG(self.step, self.tol)
        require.count("seed", self.seed, 0)
        for name, value in (("bias", self.bias), ("noise", self.noise)):
            if require.real(name, value) < 0:
                require.fail(name, "be at least 0", value, "give the size of the error")

    def prepare(self, mdp: MDP) -> Advance:
        """Proximal steps of a wrong critic; see ``Scheme``.

        Raises:
            InputError: a finite set (it has no gradients).
            SolverError: a step whose gap stays above the tolerance.

        """
        if mdp.grid.is_finite_set:
            require.fail("actions", "form a continuum", "a finite set", "waves need one: use WPPG")
        grid = mdp.grid
        turns = 4 * pi / (np.asarray(grid.shape) * np.asarray(grid.spacing))
        along, steepness = grid.nodes @ turns, float(np.linalg.norm(turns))
        rng = np.random.default_rng(self.seed)

        def wave(size: float) -> ActionValue:
            phase = rng.uniform(0.0, 2 * pi, (mdp.n_states, 1))
            return np.asarray(size * np.cos(along + phase))

        bias = wave(self.bias)
        return proximal(mdp, self.step, self.tol, lambda Q: Q + bias + wave(self.noise / steepness))


def proximal(
    mdp: MDP, eta: float, tol: float, critic: Callable[[ActionValue], ActionValue]
) -> Advance:
    """(masses, number of steps) → masses, by proximal steps of ``critic``(q^π), each certified.

    Raises:
        SolverError: a gap above the tolerance; names the state.

    """
    P, transport = dense_transition(mdp), transport_of(mdp)

    def forward(masses: ActionValue, steps: int) -> ActionValue:
        for _ in range(steps):
            with np.errstate(divide="ignore"):
                logf = np.where(masses > 0, np.log(masses) - mdp.grid.log_weights, -np.inf)
            Q = critic(soft_q(mdp, P, masses, logf))
            size = mdp.tau + np.ptp(Q, axis=-1)
            allowed = tol * size + ROUNDING * (size + transport.span / eta)
            phi = transport.potential(Q, masses, eta, float(allowed.min()) / 2)
            _require_certified(transport.gap(phi, Q, masses, eta), allowed)
            masses = normalised((Q - phi) / mdp.tau + mdp.grid.log_weights)
        return masses

    return forward


def _require_certified(gap: Array, allowed: Array) -> None:
    missed = ~(gap <= allowed)  # NaN is not certified either
    if missed.any():
        s = int(missed.argmax())
        raise SolverError(
            Outcome.MAX_STEPS,
            f"the proximal step of state {s} has a gap of {gap[s]:.1e}, above {allowed[s]:.1e}: "
            "loosen tol, or raise the temperature",
        )
