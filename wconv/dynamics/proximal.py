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
from wconv.dynamics.step_transport import StepTransport, transport_of
from wconv.mdp.model import MDP
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

ROUNDING: Final = 64 * EPS
"""Duality gaps below it, in units of costs and q, are rounding."""

VISIBLE: Final = 1e-10
"""Gaps below it, in units of τ + osc q, may be those of a state at rest."""

SHARE: Final = 0.1
"""A step should gain ten times its gap."""


@dataclass(frozen=True)
class WPPG:
    """Exact proximal steps π_{k+1} = argmax ∫q^{π_k}dπ − τKL(π‖μ) − W²(π, π_k)/(2η) [WPPG, section 3].

    On a line, a circle, a box or a torus in the plane π_{k+1} has atoms at the nodes and π_k is constant
    on cells, so that short steps move mass, too (error of order h²); on a finite set W² is in its metric,
    and steps that are too short move nothing (``proximal_steps(path).freezes``). Every step is certified:
    its duality gap, which bounds the error of the one-step inequality against all competitors at once, is
    at most ``tol``·(τ + osc q) in every state, and what rounding leaves (64 eps·(D²/η + τ + osc q), D the
    diameter of the actions). On a line or a circle it is tightened, as far as rounding goes, where a step
    gains less than ten times that. Paths rest where steps gain less than their gap.

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
        SolverError: a gap above the tolerance, or above what a step as short as this gains; names the state.

    """
    P, transport = dense_transition(mdp), transport_of(mdp)

    def forward(masses: ActionValue, steps: int) -> ActionValue:
        for _ in range(steps):
            Q = critic(soft_q(mdp, P, masses, _log_density(mdp, masses)))
            masses = _step(mdp, transport, Q, masses, eta, tol)
        return masses

    return forward


def _step(
    mdp: MDP, transport: StepTransport, Q: ActionValue, masses: ActionValue, eta: float, tol: float
) -> ActionValue:
    size = mdp.tau + np.ptp(Q, axis=-1)
    allowed, floor = tol * size, ROUNDING * (size + transport.span / eta)
    before, goal = _objective(mdp, Q, masses), float((allowed + floor).min())
    for _ in range(1 + transport.retries):
        phi = transport.potential(Q, masses, eta, goal / 2)
        gap = transport.gap(phi, Q, masses, eta)
        after = normalised((Q - phi) / mdp.tau + mdp.grid.log_weights)
        gain = _objective(mdp, Q, after) - before
        # Near the optimum steps gain less than tol: a tighter one is asked for, as far as numbers go.
        vague = ~(gap <= SHARE * gain)
        if not vague.any() or goal <= 2 * floor.min():
            break
        goal = float(SHARE**2 * gap[vague].min() + floor.min())
    _require_certified(gap, size, tol, floor, gain)
    return after


def _log_density(mdp: MDP, masses: ActionValue) -> ActionValue:
    with np.errstate(divide="ignore"):
        return np.where(masses > 0, np.log(masses) - mdp.grid.log_weights, -np.inf)


def _objective(mdp: MDP, Q: ActionValue, masses: ActionValue) -> Array:
    """∫q dπ − τKL(π‖μ) in every state, q less its largest value."""
    logf = np.where(masses > 0, _log_density(mdp, masses), 0.0)
    level = Q - Q.max(axis=-1, keepdims=True)
    return np.asarray((masses * (level - mdp.tau * logf)).sum(axis=-1))


def _require_certified(gap: Array, size: Array, tol: float, floor: Array, gain: Array) -> None:
    allowed = tol * size
    missed = ~(gap <= allowed + floor)  # NaN is not certified either
    if missed.any():
        s = int(missed.argmax())
        raise SolverError(
            Outcome.UNRESOLVED,
            f"the proximal step of state {s} has a gap of {gap[s]:.1e}, above {allowed[s] + floor[s]:.1e}: "
            "loosen tol, take a longer step, or raise the temperature",
        )
    # A state at rest gains nothing either: what is lost must be visible.
    lost = (gap > np.maximum(allowed, size * VISIBLE)) & (gap > gain)
    if lost.any():
        s = int(lost.argmax())
        raise SolverError(
            Outcome.UNRESOLVED,
            f"the step is too short for float64: in state {s} it gains {gain[s]:.1e}, and costs of transport "
            f"leave a gap of {gap[s]:.1e}: take a longer step, or integrate the flow (wc.WPGFlow)",
        )
