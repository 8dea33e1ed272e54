"""Gauss–Legendre panels: integrals and running integrals of smooth functions to spectral accuracy.

The parameter interval [0, 1] of a ``Line`` is cut into equal panels with 16 Gauss nodes each. A running
integral is exact for the polynomial through a panel's nodes; both directions are summed from their own
end, so that small tails keep their digits. In the panels at the two ends, where a density may vanish,
masses are integrated node by node, so that they keep theirs too.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.line import Line
from wconv.outcomes import Outcome, SolverError

POINTS: Final = 16
PANELS: Final = 200


@dataclass(frozen=True, eq=False)
class Panels:
    """S normalised densities on P panels of 16 nodes; arrays (S, P, 16).

    ``x`` positions, ``slope`` dx/dt, ``rho`` the probability density dp/dx (∫ρ dx = 1; −inf logs are
    zeros), ``mass`` = ρ·dx/dt, the density in t; ``log_total`` (S,) is log∫p dx of the unnormalised
    log-density given, whose peak is shifted to zero. ``line`` are the densities sampled; ``ends``
    (S, 2, 16, 16) turns samples q on the first panel into ∫ q dp from the end to each node, and
    likewise on the last panel, read backwards.
    """

    line: Line
    x: Array
    slope: Array
    rho: Array
    log_total: Array
    ends: Array

    @classmethod
    def of(cls, line: Line, panels: int = PANELS) -> "Panels":
        """Sample a line on so many panels.

        Raises:
            SolverError: the total mass is zero or not finite.
        """
        nodes, weights, _ = _rule()
        share, interpolation = _end_rule()
        t = (np.arange(panels)[:, None] + (nodes + 1) / 2).ravel() / panels
        end = share.ravel() / panels
        x, slope, logp = line.sample(np.concatenate([t, end, 1.0 - end]))
        mass = np.exp(logp) * slope
        shape = (line.n_states, panels, POINTS)
        total = (mass[:, : t.size].reshape(shape) @ weights).sum(axis=-1) / (2 * panels)
        if not (np.isfinite(total) & (total > 0)).all():
            raise SolverError(Outcome.NOT_FINITE, f"the total mass of a density is {total.min()}")
        rho = np.exp(logp[:, : t.size]) / total[:, None]
        near = (mass[:, t.size :] / total[:, None]).reshape(-1, 2, POINTS, POINTS)
        ends = np.einsum("seik,ikj->seij", near, interpolation) / panels
        x, slope = x[:, : t.size].reshape(shape), slope[:, : t.size].reshape(shape)
        return cls(line, x, slope, rho.reshape(shape), np.log(total), ends)

    def states(self, key: Array) -> "Panels":
        """The densities of some states (integer indices, which may repeat)."""
        arrays = (self.x, self.slope, self.rho, self.log_total, self.ends)
        return Panels(self.line.states(key), *(a[key] for a in arrays))

    @cached_property
    def mass(self) -> Array:
        """ρ·dx/dt, the density in the parameter, (S, P, 16)."""
        return np.asarray(self.rho * self.slope)

    @property
    def weights(self) -> Array:
        """Quadrature weights of flat samples in the parameter, (P·16,)."""
        panels = self.x.shape[1]
        return np.tile(_rule()[1] / (2 * panels), panels)

    def integral(self, f: Array) -> Array:
        """∫_0^1 f dt of samples (S, P, 16), shape (S,). For ∫ f dp integrate f·mass."""
        _, weights, _ = _rule()
        return np.asarray((f @ weights).sum(axis=-1) / (2 * f.shape[-2]))

    def running(self, f: Array) -> Array:
        """∫_0^t f at the nodes, (S, P, 16), summed from the left."""
        _, weights, inner = _rule()
        whole = (f @ weights) / (2 * f.shape[-2])
        before = np.cumsum(whole, axis=-1) - whole
        return np.asarray(before[..., None] + (f @ inner.T) / (2 * f.shape[-2]))

    def remaining(self, f: Array) -> Array:
        """∫_t^1 f at the nodes, (S, P, 16), summed from the right."""
        # Gauss nodes are symmetric: reversing a panel's samples reverses the direction.
        return self.running(f[..., ::-1, ::-1])[..., ::-1, ::-1]

    def outward(self, f: Array, panel: Array) -> Array:
        """∫ f dt from the left end of a panel, one a state (S,), to the nodes, (S, P, 16).

        Summed outwards, so that large tails do not swamp what happens between them.
        """
        right = np.arange(f.shape[1])[:, None] >= panel[:, None, None]
        return self.running(np.where(right, f, 0.0)) - self.remaining(np.where(right, 0.0, f))

    def below(self, q: Array) -> Array:
        """∫_{y < x} q dp at the nodes, (S, P, 16), relatively accurate where p vanishes at the end."""
        out = self.running(q * self.mass)
        out[:, 0] = np.einsum("sij,sj->si", self.ends[:, 0], q[:, 0])
        return out

    def above(self, q: Array) -> Array:
        """∫_{y > x} q dp at the nodes, (S, P, 16), relatively accurate where p vanishes at the end."""
        out = self.remaining(q * self.mass)
        out[:, -1] = np.einsum("sij,sj->si", self.ends[:, 1], q[:, -1, ::-1])[:, ::-1]
        return out

    def halved(self, f: Array) -> Array:
        """Samples (S, P, 16) of the same piecewise polynomials on panels half as long, (S, 2P, 16)."""
        u = (_rule()[0] + 1) / 2
        return (f @ _lagrange(np.concatenate([u - 1, u])).T).reshape(len(f), -1, POINTS)

    def flat(self, f: Array) -> Array:
        """Samples (S, P, 16) in one row a state, (S, P·16), ascending."""
        return f.reshape(len(f), -1)


@cache
def _rule() -> tuple[Array, Array, Array]:
    """Nodes and weights on [−1, 1], and the matrix of ∫_{−1}^{node i} of the Lagrange polynomials."""
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    vander = np.polynomial.legendre.legvander(nodes, POINTS)
    # Legendre coefficients from samples by quadrature, exact for degree < 16; then ∫P_k.
    k = np.arange(POINTS)
    coefficients = (vander[:, :POINTS] * weights[:, None]).T * (2 * k + 1)[:, None] / 2
    first = nodes[:, None] + 1.0
    rest = (vander[:, 2:] - vander[:, : POINTS - 1]) / (2 * k[1:] + 1)
    return nodes, weights, np.asarray(np.concatenate([first, rest], axis=1) @ coefficients)


@cache
def _end_rule() -> tuple[Array, Array]:
    """For ∫_0^{u_i} of a weight times the polynomial through all nodes u of [0, 1].

    Points u_i·u_k (16, 16) at which the weight is needed, and (16, 16, 16) factors: the integral is
    Σ_{k,j} weight(u_i u_k) factor_{ikj} q_j.
    """
    nodes, weights, _ = _rule()
    u = (nodes + 1) / 2
    points = np.outer(u, u)
    return points, _lagrange(2 * points - 1) * (weights / 2)[:, None] * u[:, None, None]


def _lagrange(points: Array) -> Array:
    """The Lagrange polynomials of the nodes at points of [−1, 1], last axis 16."""
    nodes, weights, _ = _rule()
    k = np.arange(POINTS)
    vander = np.polynomial.legendre.legvander
    coefficients = (vander(nodes, POINTS - 1) * weights[:, None]).T * (2 * k + 1)[:, None] / 2
    return np.asarray(vander(points, POINTS - 1) @ coefficients)
