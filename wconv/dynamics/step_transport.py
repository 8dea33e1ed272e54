"""The transport of a proximal step on every kind of action space: potentials and certificates."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array
from wconv.dynamics.problem import normalised
from wconv.mdp.model import MDP
from wconv.measures.semirelaxed import proximal_gap
from wconv.measures.spaces import FiniteSet, Grid


class StepTransport(Protocol):
    """Steps max ∫qdπ − τKL(π‖μ) − W²(π, ν)/(2η) from masses ν; arrays (S, A), results (S,)."""

    retries: ClassVar[int]
    """How often a step that gains less than its gap is solved again, to a tighter tolerance."""

    @property
    def span(self) -> float:
        """The largest squared distance of two actions."""
        ...

    def potential(self, Q: ActionValue, nu: ActionValue, eta: float, tol: float) -> ActionValue:
        """The potential φ of a step, aiming at a duality gap of ``tol``."""
        ...

    def gap(self, phi: ActionValue, Q: ActionValue, nu: ActionValue, eta: float) -> Array:
        """An upper bound on the duality gap of φ and its policy p ∝ e^{(Q−φ)/τ}μ."""
        ...


def transport_of(mdp: MDP) -> StepTransport:
    """The transport of the actions of a problem.

    Raises:
        InputError: a continuum of more than two dimensions.

    """
    grid = mdp.grid
    if isinstance(grid.space, FiniteSet):
        return OnPoints(mdp, grid.space.distances() ** 2)
    if grid.dim == 1:
        return OnLine(mdp)
    if grid.dim > 2:
        require.fail("actions", "have at most two dimensions", grid.dim, "use a finite set")
    return OnPlane(mdp)


@dataclass(frozen=True, eq=False)
class OnLine:
    """An interval, a circle or the Gaussian line: semi-discrete and exact."""

    retries: ClassVar[int] = 2
    mdp: MDP

    @property
    def span(self) -> float:
        """Of the cells, not wrapped."""
        return _squared_diagonal(self.mdp.grid)

    def potential(self, Q: ActionValue, nu: ActionValue, eta: float, tol: float) -> ActionValue:
        """By a chain in the distribution function; see ``proximal_kernel``."""
        import jax

        from wconv.dynamics import proximal_kernel

        grid = self.mdp.grid
        h = grid.spacing[0]
        with jax.enable_x64(True):
            log_w = np.asarray(grid.log_lebesgue)
            numbers = map(np.float64, (self.mdp.tau, eta))
            phi, _ = proximal_kernel.solve(
                Q, nu, *numbers, log_w, *map(np.float64, (h, grid.periodic, tol))
            )
        return np.asarray(phi)

    def gap(self, phi: ActionValue, Q: ActionValue, nu: ActionValue, eta: float) -> Array:
        """Exact up to rounding; see ``proximal_gap``."""
        p = normalised((Q - phi) / self.mdp.tau + self.mdp.grid.log_weights)
        return np.asarray(proximal_gap(phi, p, nu, eta, self.mdp.grid).upper)


@dataclass(frozen=True, eq=False)
class OnPoints:
    """A finite set with squared distances (A, A)."""

    retries: ClassVar[int] = 0
    mdp: MDP
    cost: Array

    @property
    def span(self) -> float:
        """Squared."""
        return float(self.cost.max())

    def potential(self, Q: ActionValue, nu: ActionValue, eta: float, tol: float) -> ActionValue:
        """By an interior point; see ``proximal_finite``."""
        from wconv.dynamics.proximal_finite import finite_step

        log_w = np.asarray(self.mdp.grid.log_weights)
        return finite_step(Q, nu, self.cost, self.mdp.tau, eta, log_w, tol)[0]

    def gap(self, phi: ActionValue, Q: ActionValue, nu: ActionValue, eta: float) -> Array:
        """See ``finite_gap``."""
        from wconv.dynamics.proximal_finite import finite_gap

        log_w = np.asarray(self.mdp.grid.log_weights)
        return finite_gap(phi, Q, nu, self.cost, self.mdp.tau, eta, log_w)


@dataclass(frozen=True, eq=False)
class OnPlane:
    """A box or a torus in two dimensions: semi-discrete, by Laguerre cells."""

    retries: ClassVar[int] = 0
    mdp: MDP

    @property
    def span(self) -> float:
        """Of the cells, not wrapped."""
        return _squared_diagonal(self.mdp.grid)

    def potential(self, Q: ActionValue, nu: ActionValue, eta: float, tol: float) -> ActionValue:
        """By Newton's method; see ``proximal_plane``."""
        from wconv.dynamics.proximal_plane import plane_step

        mdp = self.mdp
        return plane_step(Q, nu, mdp.grid, mdp.tau, eta, np.asarray(mdp.grid.log_weights), tol)[0]

    def gap(self, phi: ActionValue, Q: ActionValue, nu: ActionValue, eta: float) -> Array:
        """See ``plane_gap``."""
        from wconv.dynamics.proximal_plane import plane_gap

        mdp = self.mdp
        log_w = np.asarray(mdp.grid.log_weights)
        return plane_gap(phi, Q, nu, mdp.grid, mdp.tau, eta, log_w)


def _squared_diagonal(grid: Grid) -> float:
    return float((np.multiply(grid.shape, grid.spacing) ** 2).sum())
