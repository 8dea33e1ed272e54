"""The data of the a-priori bounds: what `a-priori` assumes of a problem and of the initial policy."""

from dataclasses import dataclass
from math import inf, log, pi

import numpy as np

from wconv import _require as require
from wconv.constants.regularity import regularity
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy, uniform
from wconv.measures.divergences import kl
from wconv.measures.spaces import GaussianLine, Grid, TailedLine, Torus


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What `a-priori` assumes: |r| ≤ R_max, KL(π_0‖μ) ≤ K_0, E|a_0|² ≤ M_0, and regularity in a.

    G_r, L_r, G_p, L_p as in ``Regularity``. On R^d the confinement is ``beta`` > 0 and C_LS(μ) = τ/β.
    On a compact space beta = 0, ``reference`` is C_LS(μ), which is (L/2π)² on a torus and (L/π)² on a
    box, and M_0 plays no part; ``reflected`` says that it is a box, where `one-step-kl` is not proved.
    """

    R_max: float
    G_r: float
    L_r: float
    G_p: float
    L_p: float
    temperature: float
    discount: float
    beta: float = 0.0
    K_0: float = 0.0
    M_0: float = 0.0
    dim: int = 1
    reference: float | None = None
    reflected: bool = False

    def __post_init__(self) -> None:
        """InputError naming the first number that is out of range."""
        for name in ("R_max", "G_r", "L_r", "G_p", "L_p", "beta", "K_0", "M_0"):
            require.within(name, getattr(self, name), 0.0, inf, "without a bound nothing closes")
        require.positive("temperature", self.temperature, "the theory needs entropy")
        require.within("discount", self.discount, 0.0, 1.0, "values need γ < 1")
        require.count("dim", self.dim, 1)
        if self.reference is not None:
            require.positive("reference", self.reference, "give C_LS of the reference measure")
        if (self.beta == 0) == (self.reference is None):
            got = (self.beta, self.reference)
            remedy = "beta on R^d, C_LS(μ) on a compact space"
            require.fail("beta and reference", "be one given, one left out", got, remedy)

    @property
    def log_reference(self) -> float:
        """log C_LS(μ)."""
        return log(self.temperature / self.beta if self.reference is None else self.reference)

    @property
    def E_0(self) -> float:
        """(2R_max + τK_0)/(1 − γ), a bound on V* − V_0."""
        return (2 * self.R_max + self.temperature * self.K_0) / (1 - self.discount)


def assumptions_of(mdp: MDP, initial: Policy | None = None) -> Assumptions:
    """The data of a smooth problem, rewards centred: R_max is half the oscillation of r over all (s, a).

    Suprema are the upper sides of ``regularity``, on the Gaussian line over the grid's reach.

    Args:
        mdp: a problem with ``mdp.smooth``.
        initial: π_0, by default the reference μ: K_0 = 0 and M_0 = τ/β.

    Raises:
        InputError: see ``regularity``; an infinite supremum (a kernel that jumps); heavy tails.

    """
    space, mu = mdp.grid.space, uniform(mdp)
    if isinstance(space, TailedLine):
        what = "be confined by (beta/2)|a|^2, or bounded"
        require.fail("actions", what, space, "C_LS of a reference with heavy tails is infinite")
    found = regularity(mdp)
    start = mu if initial is None else initial
    on_line, reflected = (
        isinstance(space, GaussianLine),
        not isinstance(space, GaussianLine | Torus),
    )
    moments = (start.pi * np.square(mdp.grid.nodes).sum(axis=-1)).sum(axis=-1)
    return Assumptions(
        R_max=float(found.r_high.upper.max() - found.r_low.lower.min()) / 2,
        G_r=float(found.G_r.upper.max()),
        L_r=float(found.L_r.upper.max()),
        G_p=float(found.G_p.upper.max()),
        L_p=float(found.L_p.upper.max()),
        temperature=mdp.tau,
        discount=mdp.gamma,
        beta=found.beta,
        K_0=max(float(kl(start, mu).upper.max()), 0.0),
        M_0=float(moments.max()) if on_line else 0.0,
        dim=mdp.grid.dim,
        reference=None if on_line else uniform_log_sobolev(mdp.grid),
        reflected=reflected,
    )


def uniform_log_sobolev(grid: Grid) -> float:
    """C_LS of the uniform law of a box, (L/π)², or a torus, (L/2π)², L the longest side."""
    longest = float(np.multiply(grid.shape, grid.spacing).max())
    return (longest / (2 * pi if isinstance(grid.space, Torus) else pi)) ** 2
