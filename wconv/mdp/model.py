"""The problem: a finite entropy-regularised MDP whose actions are the nodes of a grid.

A state s offers the actions a_i of one grid (nodes of a continuous action space, or a finite set)
with reference masses m_i; reward r(s, a), transition P(s'|s, a), discount γ, temperature τ.
``make_mdp`` validates everything; the record itself is data only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue, Array, StateKernel, StateValue
from wconv.mdp.factored import Factored, before, mixture, row_length, times
from wconv.mdp.smooth import SmoothMDP
from wconv.measured import EPS
from wconv.measures.spaces import Grid

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Transition = Array | csr_array[Any] | Factored

ROW_SUM_TOL: Final = 1e-12
"""Allowed defect of a transition row sum, times the number of states."""


@dataclass(frozen=True, eq=False, repr=False)
class MDP:
    """A validated finite MDP (build it with ``make_mdp``).

    ``P`` is dense (S, A, S'), or has rows s·A + a: a sparse CSR matrix (S·A, S') or a ``Factored``
    product of two. ``rho`` is the initial state distribution of J = Σρ(s)V(s). ``row_sums`` brackets
    the row sums of P, which are one only up to rounding: certificates use γ·max row sum as their
    contraction factor.
    """

    r: ActionValue
    P: "Transition"
    gamma: float
    tau: float
    grid: Grid
    rho: StateValue
    row_sums: tuple[float, float]
    name: str = "mdp"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    smooth: SmoothMDP | None = None

    def __repr__(self) -> str:
        kind = "sparse" if self.is_sparse else "dense"
        kind = "factored" if isinstance(self.P, Factored) else kind
        return (
            f"MDP({self.name!r}, {self.n_states} states x {self.n_actions} actions, {kind}, "
            f"discount={self.gamma:g}, temperature={self.tau:g})"
        )

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.r.shape[0])

    @property
    def n_actions(self) -> int:
        """A, the number of action nodes."""
        return int(self.r.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether P is a CSR matrix or a product of them, not a dense array."""
        return not isinstance(self.P, np.ndarray)

    @property
    def contraction(self) -> float:
        """The contraction factor γ·max row sum of the Bellman operators in sup norm."""
        return self.gamma * self.row_sums[1]

    def next_value(self, V: Array) -> Array:
        """(PV)(s, a) = Σ_s' P(s'|s, a) V(s'), shape (S, A), in the precision of V.

        One matrix-vector product over rows (s, a) with s' contiguous: the layout that reaches the
        memory bandwidth.
        """
        return times(self._rows, V).reshape(self.r.shape)

    def arrivals(self, mass: ActionValue) -> StateValue:
        """Σ_{s,a} mass(s, a)P(s'|s, a), shape (S,), in the precision of ``mass`` (S, A)."""
        return before(mass.ravel(), self._rows)

    def state_kernel(self, pi: Array) -> StateKernel:
        """P_π(s, s') = Σ_a π(a|s) P(s'|s, a) as a dense (S, S) matrix; ``pi`` are masses (S, A)."""
        kernel = self.state_mixture(pi)
        return np.asarray(kernel if isinstance(kernel, np.ndarray) else kernel.toarray())

    def state_mixture(self, pi: Array) -> Any:
        """P_π in the layout of P: dense, CSR or ``Factored``, of shape (S, S)."""
        return mixture(self.P, pi)

    @property
    def _rows(self) -> Any:
        """P with rows (s, a)."""
        return self.P.reshape(-1, self.n_states) if isinstance(self.P, np.ndarray) else self.P

    def replace(self, *, temperature: float | None = None, discount: float | None = None) -> "MDP":
        """The same problem at another temperature or discount (same grid and reference).

        ``smooth`` and the parameters of these names follow. Where the reference itself depends on
        the temperature (gaussian-line), ``zoo.make`` at the new temperature is another problem.
        """
        gamma = self.gamma if discount is None else discount
        tau = self.tau if temperature is None else temperature
        follow = self.smooth
        if follow is not None:
            follow = replace(follow, discount=gamma, temperature=tau)
        words = {"discount": gamma, "temperature": tau}
        known = {key: value for key, value in words.items() if key in self.parameters}
        return make_mdp(
            self.r,
            self.P,
            discount=gamma,
            temperature=tau,
            grid=self.grid,
            initial=self.rho,
            name=self.name,
            parameters={**self.parameters, **known},
            smooth=follow,
        )


def make_mdp(
    reward: Any,
    transition: Any,
    *,
    discount: float,
    temperature: float,
    grid: Grid,
    initial: Any = None,
    name: str = "mdp",
    parameters: Mapping[str, Any] | None = None,
    smooth: SmoothMDP | None = None,
) -> MDP:
    """Validate a problem and return the record.

    Args:
        reward: r(s, a), shape (S, A), finite.
        transition: P(s'|s, a), dense (S, A, S'), sparse (S·A, S') or ``Factored``; rows sum to one
            within 1e-12·S (those of both factors), entries non-negative. Nothing is renormalised.
        discount: γ in [0, 1).
        temperature: τ > 0.
        grid: the action nodes with their reference masses; A = grid.n.
        initial: ρ(s), default uniform.
        name: shown in tables.
        parameters: the recipe's parameters, for reproduction.
        smooth: the functions of a continuous action this was tabulated from, if any.

    Raises:
        InputError: naming the symbol, the requirement, the value and the remedy.

    """
    r = np.ascontiguousarray(numbers("reward", reward))
    if r.ndim != 2 or 0 in r.shape:
        require.fail("reward", "have shape (states, actions)", r.shape, "give a table r[s, a]")
    if not isinstance(grid, Grid):
        require.fail("grid", "be a Grid", type(grid).__name__, "make one: Interval(-1, 1).grid(64)")
    s, a = r.shape
    if a != grid.n:
        require.fail("reward", f"have {grid.n} action columns (the grid's)", a, "match the grid")
    require.finite("reward", r, "rewards must be finite; drop infeasible actions instead")
    gamma = require.within(
        "discount", discount, 0.0, 1.0, "undiscounted problems have no soft fixed point here"
    )
    tau = require.positive("temperature", temperature, "the theory needs entropy; take it small")
    P, row_sums = _transition(transition, s, a)
    rho = np.full(s, 1.0 / s) if initial is None else numbers("initial", initial)
    require.shape("initial", rho, (s,), "(states,)")
    require.probabilities("initial", rho, "states", ROW_SUM_TOL * s)
    return MDP(
        r=_frozen(r),
        P=P,
        gamma=gamma,
        tau=tau,
        grid=grid,
        rho=_frozen(rho),
        row_sums=row_sums,
        name=name,
        parameters=MappingProxyType(dict(parameters or {})),
        smooth=smooth,
    )


def _transition(transition: Any, s: int, a: int) -> "tuple[Transition, tuple[float, float]]":
    """P as it is stored, and a bracket of its row sums."""
    if isinstance(transition, Factored):
        nodes = int(np.shape(transition.B)[0])
        W = _sparse("transition W", transition.W, (s * a, nodes), "(states·actions, nodes)")
        B = _factor(transition.B, (nodes, s))
        (low, high), (least, most) = _row_sums("W", W, nodes), _row_sums("B", B, s)
        return Factored(W, B), (low * least, high * most)
    if hasattr(transition, "tocsr"):
        shape = (s * a, s)
        P = _sparse("transition", transition, shape, "(states·actions, next states)")
        return P, _row_sums("", P, s)
    dense = np.ascontiguousarray(numbers("transition", transition))
    require.shape("transition", dense, (s, a, s), "(states, actions, next states)")
    _no_negative("transition", dense)
    return _frozen(dense), _row_sums("", dense, s)


def _factor(B: Any, shape: tuple[int, int]) -> Any:
    axes = "(nodes, next states)"
    if hasattr(B, "tocsr"):
        return _sparse("transition B", B, shape, axes)
    dense = np.ascontiguousarray(numbers("transition B", B))
    require.shape("transition B", dense, shape, axes)
    _no_negative("transition B", dense)
    return _frozen(dense)


def _sparse(symbol: str, matrix: Any, shape: tuple[int, int], axes: str) -> "csr_array[Any]":
    """An own CSR copy with every entry once, and indices of 32 bits where they suffice."""
    from scipy.sparse import csr_array

    require.shape(symbol, matrix, shape, axes)
    own = csr_array(matrix, dtype=float, copy=True)
    own.sum_duplicates()
    if max(*shape, own.nnz) <= np.iinfo(np.int32).max:
        own.indices, own.indptr = own.indices.astype(np.int32), own.indptr.astype(np.int32)
    _no_negative(symbol, own.data)
    return own


def _row_sums(factor: str, P: Any, columns: int) -> tuple[float, float]:
    """A bracket of the row sums, which must be one up to 1e-12 a column."""
    sums = np.asarray(P.sum(axis=-1))
    symbol = f"transition {factor}".rstrip()
    axis = "nodes" if factor == "W" else "next states"
    require.row_sums(symbol, sums, axis, ROW_SUM_TOL * columns)
    slack = row_length(P) * EPS
    return float(sums.min()) - slack, float(sums.max()) + slack


def _no_negative(symbol: str, entries: Array) -> None:
    require.finite(symbol, entries)
    if (entries < 0).any():
        require.fail(symbol, "be non-negative", float(entries.min()), "fix the entry")


def numbers(symbol: str, value: Any) -> Array:
    """The value as a float64 array; InputError when it is not one (ragged lists, text, objects)."""
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        require.fail(symbol, "be an array of numbers", type(value).__name__, "give a numeric array")


def _frozen(array: Array) -> Array:
    # What is writeable may be the caller's: a record that changes with it is not validated.
    kept = array.copy() if array.flags.writeable else array
    kept.flags.writeable = False
    return kept
