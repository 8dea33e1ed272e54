"""The schemes: Wasserstein policy gradient as a flow, frozen, and as a Langevin law, and two baselines.

A method is a frozen record of its parameters. ``prepare(mdp)`` returns the function that advances the
masses of a policy; ``evolve`` drives it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue
from wconv.dynamics.gaussian_noise import axes, noise_on
from wconv.dynamics.problem import (
    dense_transition,
    drift_tables,
    kernel_problem,
    normalised,
    soft_q,
)
from wconv.mdp.model import MDP

Advance = Callable[[ActionValue, int], ActionValue]
"""(masses (S, A), number of steps) → masses."""


@runtime_checkable
class Scheme(Protocol):
    """A method that goes in steps."""

    @property
    def step(self) -> float:
        """The time of one step."""
        ...

    def prepare(self, mdp: MDP) -> Advance:
        """The function that advances masses by a number of steps."""
        ...


@dataclass(frozen=True)
class WPGFlow:
    """The gradient flow ∂_tπ = τ∇·(π∇log(π/p^π)), by frozen resolvent steps [WPG, section 3].

    π' = (I − hK)^{-T}π, K the reversible chain of the current Gibbs policy: positive, of mass one, and
    value-monotone for every h; first order in h. ``evolve`` halves h until the Romberg value of V at all
    times is known to ``tol`` times the largest rise of V, or to its other errors if these are larger, and
    reports the error that is left.
    """

    tol: float = 1e-6
    refinements: int = 9

    def __post_init__(self) -> None:
        """InputError for a tolerance that is not in (0, 1) or no refinement."""
        require.within("tol", require.positive("tol", self.tol, "e.g. 1e-6"), 0.0, 1.0, "e.g. 1e-6")
        require.count("refinements", self.refinements, 2)


@dataclass(frozen=True)
class FrozenWPG:
    """Steps of length η of the flow with q frozen, each in m resolvents: (I − (η/m)K)^{-mT}π.

    m = 1 is the implicit scheme of `wpg-implicit`, m → ∞ the exact semigroup of `wpg-frozen`; η → ∞ is
    soft policy iteration, η → 0 the flow. In two dimensions each resolvent is one factor a direction.
    """

    step: float
    substeps: int = 1

    def __post_init__(self) -> None:
        """InputError for a step that is not positive, or fewer than one substep."""
        require.positive("step", self.step, "give the length η of a step, e.g. 0.1")
        require.count("substeps", self.substeps, 1)

    def prepare(self, mdp: MDP) -> Advance:
        """Resolvent steps; see ``Scheme``."""
        forward = resolvents(mdp, self.substeps)
        return lambda masses, steps: forward(masses, self.step, steps)


@dataclass(frozen=True)
class WPGD:
    """The law of the Langevin update a ← a + ηb_k(s, a) + √(2τη)ξ, without particles [WPG, section 4].

    The Gaussian transition kernel is integrated on the nodes: wrapped on a torus, folded on a box.
    Right for every η, above the limit 1/L_b where the update is no longer injective as well.
    """

    step: float

    def __post_init__(self) -> None:
        """InputError for a step that is not positive."""
        require.positive("step", self.step, "give the length η of a step, e.g. 0.1")

    def prepare(self, mdp: MDP) -> Advance:
        """The law of the update; see ``Scheme``.

        Raises:
            InputError: √(2τη) below 0.7 spacings (names the nodes that would do), a problem of tables.

        """
        import jax

        from wconv.dynamics import langevin_kernel

        problem, grid = kernel_problem(mdp), mdp.grid
        noise = noise_on(grid, 2 * mdp.tau * self.step, "step")
        drift = axes(grid, *drift_tables(mdp))

        def forward(masses: ActionValue, steps: int) -> ActionValue:
            with jax.enable_x64(True):
                out, defect, aliased = langevin_kernel.advance(
                    problem,
                    drift,
                    masses,
                    self.step,
                    steps,
                    shape=grid.shape,
                    images=noise.images,
                    boundary=noise.boundary,
                )
            noise.require(float(defect), float(aliased))
            return np.asarray(out)

        return forward


@dataclass(frozen=True)
class SoftPolicyIteration:
    """π_{k+1} = p^{π_k}, the Gibbs policy: E_{k+1} ≤ γE_k, and quadratically at last; time counts steps."""

    step: ClassVar[float] = 1.0

    def prepare(self, mdp: MDP) -> Advance:
        """Gibbs policies; see ``Scheme``."""
        return _geometric(mdp, 1.0)


@dataclass(frozen=True)
class MirrorDescent:
    """Mirror descent in KL, the natural policy gradient of softmax policies.

    π_{k+1} = argmax ∫qπ − τKL(π‖μ) − KL(π‖π_k)/η ∝ π_k^{1−c}(p^{π_k})^c with c = ητ/(1+ητ). By convexity
    KL(π_{k+1}‖p_k) ≤ (1−c)KL(π_k‖p_k), so that E_{k+1} ≤ (1−(1−γ)c)E_k: linear whatever the landscape.
    """

    step: float

    def __post_init__(self) -> None:
        """InputError for a step that is not positive."""
        require.positive("step", self.step, "give the length η of a step, e.g. 0.1")

    def prepare(self, mdp: MDP) -> Advance:
        """Geometric mixtures with the Gibbs policy; see ``Scheme``."""
        return _geometric(mdp, self.step * mdp.tau / (1.0 + self.step * mdp.tau))


Method = WPGFlow | Scheme


def resolvents(mdp: MDP, substeps: int) -> Callable[[ActionValue, float, int], ActionValue]:
    """(masses, η, steps) → masses after frozen steps of ``substeps`` resolvents each."""
    import jax

    from wconv.dynamics import resolvent_kernel

    problem = kernel_problem(mdp)

    def forward(masses: ActionValue, eta: float, steps: int) -> ActionValue:
        with jax.enable_x64(True):
            out = resolvent_kernel.advance(
                problem, masses, eta, steps, substeps, shape=mdp.grid.shape
            )
        return np.asarray(out)

    return forward


def _geometric(mdp: MDP, share: float) -> Advance:
    """Masses ∝ π^{1−c}p^c, c = ``share``; in NumPy, for every set of actions."""
    P, log_m = dense_transition(mdp), mdp.grid.log_weights

    def forward(masses: ActionValue, steps: int) -> ActionValue:
        for _ in range(steps):
            with np.errstate(divide="ignore"):
                logf = np.where(masses > 0, np.log(masses) - log_m, -np.inf)
            q = soft_q(mdp, P, masses, logf)
            kept = (1.0 - share) * logf if share < 1 else 0.0
            masses = normalised(share * q / mdp.tau + kept + log_m)
        return masses

    return forward
