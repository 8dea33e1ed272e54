"""``poincare``, ``log_sobolev``, ``talagrand`` of policies and of densities of your own.

Var_p(g) ≤ C_P ∫|∇g|² dp;  KL(ν‖p) ≤ (C_LS/2) I(ν‖p);  W_2²(ν, p) ≤ 2 C_T KL(ν‖p);  C_P ≤ C_T ≤ C_LS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.constants.line import DEPTH, Line
from wconv.constants.record import Constant, Side, constant, largest
from wconv.constants.sources import line_of_function, line_of_policy
from wconv.mdp.policy import Policy
from wconv.measures.densities import Density
from wconv.measures.spaces import Interval, Space, Torus
from wconv.outcomes import Outcome, SolverError

if TYPE_CHECKING:
    from wconv.constants.plane import Plane

LogDensity = Callable[[Any], Any]
"""log p(a), up to a constant, for an array of actions: (n,) on a line, (..., 2) in the plane."""


def poincare(
    density: Density | LogDensity, *, on: Space | None = None, tol: float | None = None
) -> Constant:
    """The best C_P with Var_p(g) ≤ C_P ∫|∇g|² dp, in every state.

    Args:
        density: a policy (its law da-density in every state), or a function log p(a), vectorised.
        on: the space of a function: Interval (ends may be infinite), Torus, Box or Disc.
        tol: largest accepted (upper − lower)/upper; without it the bracket is as it comes.

    Returns:
        A bracket of shape (S,) for a policy, () for a function.

    Raises:
        InputError: a density that vanishes inside, is not normalisable, or is not vectorised.
        SolverError: nodes that do not resolve the density, or a tol below what is reached.

    """
    return _within(inequalities(density, on=on).poincare, tol)


def log_sobolev(
    density: Density | LogDensity, *, on: Space | None = None, tol: float | None = None
) -> Constant:
    """The best C_LS with KL(ν‖p) ≤ (C_LS/2) I(ν‖p), in every state; ``.alpha`` is 1/C_LS [WPG].

    Arguments, shapes and errors as for ``poincare``. Infinite, with the reason, for tails heavier
    than Gaussian.
    """
    return _within(inequalities(density, on=on).log_sobolev, tol)


def talagrand(
    density: Density | LogDensity, *, on: Space | None = None, tol: float | None = None
) -> Constant:
    """The best C_T with W_2²(ν, p) ≤ 2 C_T KL(ν‖p), in every state; ``.lambda_`` is 1/C_T [WPPG].

    Arguments, shapes and errors as for ``poincare``. The lower side is a witness ν, the upper one
    C_LS (Otto–Villani), so that the bracket is as wide as the two differ.
    """
    return _within(inequalities(density, on=on).talagrand, tol)


def inequalities(density: Density | LogDensity, *, on: Space | None = None) -> "Inequalities":
    """The three constants of one density or policy, each computed on first use and kept.

    Arguments and errors as for ``poincare``.
    """
    if callable(density):
        return Inequalities(_of_function(density, on), single=True)
    _require_policy(density, on)
    rows = density.logf
    if not (rows == rows[0]).all():
        return Inequalities(_of_policy(density))
    one = Policy(rows[:1], density.grid)  # such as the reference: one density in all states
    return Inequalities(_of_policy(one), states=np.zeros(len(rows), dtype=int))


@dataclass(eq=False, repr=False)
class Inequalities:
    """C_P, C_LS and C_T of the same densities; they share what they compute."""

    problem: "Line | Plane"
    single: bool = False
    """Whether it is one density rather than one a state."""

    states: Array | None = None
    """Which density every state has, where that is not its own."""

    @cached_property
    def poincare(self) -> Constant:
        """C_P."""
        return self._told("poincare")

    @cached_property
    def log_sobolev(self) -> Constant:
        """C_LS; SolverError when it contradicts C_P ≤ C_LS."""
        return self._told("log_sobolev")

    @cached_property
    def talagrand(self) -> Constant:
        """C_T; SolverError when it contradicts C_P ≤ C_T ≤ C_LS."""
        return self._told("talagrand")

    def __repr__(self) -> str:
        return "\n".join(map(repr, (self.poincare, self.talagrand, self.log_sobolev)))

    def profiles(self) -> "Iterator[tuple[Array, Array, list[Constant]]]":
        """Positions, log-density and [C_P, C_T, C_LS] of every density, to draw them.

        InputError in the plane, where there is no picture yet.
        """
        line = self.problem
        if not isinstance(line, Line):
            require.fail("density", "be on a line or circle to be drawn", "a plane", "leave it out")
        x, _, logp = line.truncated(DEPTH).sample(np.linspace(0.0, 1.0, 1001)[1:-1])
        parts = self._parts
        for s in range(line.n_states) if self.states is None else self.states:
            yield x[s], logp[s], [parts.poincare[s], parts.talagrand[s], parts.log_sobolev[s]]

    def _told(self, which: str) -> Constant:
        computed: Constant = getattr(self._parts, which)
        if self.single:
            return computed[0]
        return computed if self.states is None else computed[self.states]

    @cached_property
    def _parts(self) -> "_OnLine | _OnPlane | _Product":
        if isinstance(self.problem, Line):
            return _OnLine(self.problem)
        from wconv.constants.product import factors

        split = factors(self.problem)
        return _OnPlane(self.problem) if split is None else _Product(*map(_OnLine, split))


@dataclass(eq=False)
class _OnLine:
    line: Line

    @cached_property
    def poincare(self) -> Constant:
        if self.line.periodic:
            from wconv.constants.circle import poincare_circle

            return poincare_circle(self.line)
        from wconv.constants.poincare_line import poincare_line

        return poincare_line(self.line)

    @cached_property
    def log_sobolev(self) -> Constant:
        if self.line.periodic:
            from wconv.constants.circle import log_sobolev_circle

            return log_sobolev_circle(self.line, self.poincare)
        from wconv.constants.log_sobolev_line import log_sobolev_line

        return log_sobolev_line(self.line, self.poincare)

    @cached_property
    def talagrand(self) -> Constant:
        if self.line.periodic:
            return _between(self.poincare, self.log_sobolev)
        from wconv.constants.talagrand_line import talagrand_line

        return talagrand_line(self.line, self.poincare, self.log_sobolev)


@dataclass(eq=False)
class _OnPlane:
    plane: "Plane"

    @cached_property
    def poincare(self) -> Constant:
        from wconv.constants.poincare_plane import poincare_plane

        return poincare_plane(self.plane)

    @cached_property
    def log_sobolev(self) -> Constant:
        from wconv.constants.plane_log_sobolev import log_sobolev_plane

        return log_sobolev_plane(self.plane, self.poincare)

    @cached_property
    def talagrand(self) -> Constant:
        return _between(self.poincare, self.log_sobolev)


@dataclass(eq=False)
class _Product:
    """A product density: each constant is the larger of its factors' (tensorisation)."""

    first: _OnLine
    second: _OnLine

    @cached_property
    def poincare(self) -> Constant:
        return largest(self.first.poincare, self.second.poincare)

    @cached_property
    def log_sobolev(self) -> Constant:
        return largest(self.first.log_sobolev, self.second.log_sobolev)

    @cached_property
    def talagrand(self) -> Constant:
        return largest(self.first.talagrand, self.second.talagrand)


def _between(poincare: Constant, log_sobolev: Constant) -> Constant:
    """C_T where it has no solver of its own: C_P ≤ C_T ≤ C_LS."""
    below = [Side(s.value, s.rigor, f"C_P by {s.method}") for s in poincare.lower_sides]
    above = [Side(s.value, s.rigor, f"C_LS by {s.method}") for s in log_sobolev.upper_sides]
    return constant("C_T", below, above, estimate=poincare.lower, reasons=log_sobolev.reasons)


def _require_policy(density: Density, on: Space | None) -> None:
    if not hasattr(density, "logf"):
        kind = type(density).__name__
        remedy = "for example solve(mdp).policy, or lambda a: -(a**2) / 2"
        require.fail("density", "be a policy or a function log p(a)", kind, remedy)
    if on is not None:
        require.fail("on", "be left out for a policy", on, "its grid knows the space")


def _of_policy(density: Density) -> "Line | Plane":
    if density.grid.dim == 1:
        return line_of_policy(density)
    from wconv.constants.plane import plane_of_policy

    return plane_of_policy(density)


def _of_function(log_density: LogDensity, on: Space | None) -> "Line | Plane":
    if on is None:
        remedy = "for example on=wc.Interval(-2, 2)"
        require.fail("on", "be given with a function", "nothing", remedy)
    if isinstance(on, Interval) or (isinstance(on, Torus) and on.dim == 1):
        return line_of_function(log_density, on)
    from wconv.constants.plane import plane_of_function

    return plane_of_function(log_density, on)


def _within(found: Constant, tol: float | None) -> Constant:
    """The constant, if its bracket is as narrow as asked."""
    if tol is None:
        return found
    require.positive("tol", tol, "give a relative width such as 1e-6")
    with np.errstate(invalid="ignore"):
        width = np.where(np.isinf(found.lower), 0.0, 1.0 - found.lower / found.upper)
    worst = float(np.max(width))
    if not worst <= tol:
        raise SolverError(
            Outcome.BELOW_FLOOR,
            f"{found.symbol} is known to {worst:.1e} relative here, asked for {tol:.1e}",
        )
    return found
