"""How smooth a problem is in the action: the suprema that `drift-regularity` asks for.

Derivatives come from JAX, suprema from a mesh that contains the ends of the space. Where a smooth f is
largest its derivative along every free axis vanishes, so the nearest node misses the supremum by at
most (d/8)Σ_k h_k²|∂_k²f|; sampled second differences stand for h_k²∂_k²f.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.exact.bellman import q_from_v
from wconv.mdp.model import MDP
from wconv.mdp.smooth import SmoothMDP, StateActionFunction, of_state
from wconv.mdp.state_grid import StateGrid
from wconv.measured import EPS, Bracket, Measured, as_bracket
from wconv.measures.oscillation import oscillation
from wconv.measures.spaces import Box, GaussianLine, Interval, RealLine, Space, Torus

LINE_NODES: Final = 2**11
NODES: Final = 2**14
"""Mesh nodes on a line, and in higher dimension (in total)."""

ROUNDING: Final = 1e-12
"""Relative rounding allowed to derivatives of the functions a user writes."""


@dataclass(frozen=True, eq=False)
class Regularity:
    """Suprema over the action in every state: brackets of shape (S,).

    ``r_high`` sup r, ``r_low`` inf r; ``G_r`` sup|∇r|, ``L_r`` sup‖∇²r‖, ``H_r`` sup|∇³r|, that is the
    Lipschitz constants of r, ∇r, ∇²r; ``G_p``, ``L_p``, ``H_p`` the same of P with norms summed over s'.
    Norms are Euclidean, spectral and Frobenius. ``beta`` is the confinement τ/scale² of the Gaussian
    line, 0 on compact spaces and under heavy tails, which no (β/2)|a|² confines. Lower sides are
    values at nodes, or divided differences of lower orders, which see what happens between two nodes; upper
    sides add the mesh allowance, and are infinite where difference quotients exceed the derivatives: a jump.
    """

    r_high: Bracket
    r_low: Bracket
    G_r: Bracket
    L_r: Bracket
    H_r: Bracket
    G_p: Bracket
    L_p: Bracket
    H_p: Bracket
    beta: float = field(kw_only=True)
    gamma: float = field(kw_only=True)

    @property
    def R_max(self) -> Bracket:
        """sup|r|, (S,)."""
        low = np.maximum(np.abs(self.r_high.lower), np.abs(self.r_low.upper))
        high = np.maximum(np.abs(self.r_high.upper), np.abs(self.r_low.lower))
        return Bracket(low, high, self.r_high.how_lower, self.r_high.how_upper)

    @property
    def osc_r(self) -> Bracket:
        """sup r − inf r, (S,)."""
        low = self.r_high.lower - self.r_low.upper
        high = self.r_high.upper - self.r_low.lower
        return Bracket(low, high, self.r_high.how_lower, self.r_high.how_upper)

    def drift_bound(self, v: float) -> Bracket:
        """G = sup_s (G_r + γG_p v) ≥ |∇q|, for v = sup|V| or osc(V)/2 (as Σ_s'∇P = 0)."""
        return self._with_value(self.G_r, self.G_p, v, 0.0)

    def drift_lipschitz(self, v: float) -> Bracket:
        """L_b = β + sup_s (L_r + γL_p v) of b = ∇q − βa [WPG Lemma 4.11]; v as in drift_bound."""
        return self._with_value(self.L_r, self.L_p, v, self.beta)

    def drift_bend(self, v: float) -> Bracket:
        """L_2 = sup_s (H_r + γH_p v), the Lipschitz constant of ∇b; v as in drift_bound."""
        return self._with_value(self.H_r, self.H_p, v, 0.0)

    def _with_value(self, of_r: Bracket, of_p: Bracket, v: float, extra: float) -> Bracket:
        require.within("v", v, 0.0, np.inf, "give sup|V| or half the oscillation of V")

        def worst(r: Array, p: Array) -> Array:
            # Infinity (a jump of P) does not matter where values do not.
            coupled = self.gamma * v * p if self.gamma * v > 0 else np.zeros_like(p)
            return np.asarray(extra + np.max(r + coupled))

        low, high = worst(of_r.lower, of_p.lower), worst(of_r.upper, of_p.upper)
        return Bracket(low, high, of_r.how_lower, of_r.how_upper)


def regularity(mdp: MDP) -> Regularity:
    """The regularity in the action of a problem given by smooth functions (``mdp.smooth``).

    On a line without ends the suprema are over the grid's reach: the functions are not looked at
    beyond it. Upper sides are numerical, as good as the second differences that they sample.

    Raises:
        InputError: a problem of tables, a finite set of actions, derivatives that are not finite.

    """
    smooth = mdp.smooth
    if smooth is None:
        require.fail(
            "mdp",
            "have functions of a continuous action",
            "tables",
            "derivatives need them: make it by wc.tabulate(wc.SmoothMDP(...), n)",
        )
    axes, _ = _mesh(smooth.space)
    of_problem: tuple[Any, ...] = (
        smooth.reward,
        _transition(smooth),
        smooth.n_states,
        smooth.space,
    )
    top, ends, bend, slope, divided = _samples(*of_problem)
    _require_derivatives(top + bend)
    mesh = len(axes) / 8 * bend
    upper = top * (1.0 + ROUNDING) + mesh
    # By the mean value theorem a difference quotient of order k is at most the supremum of order k+1.
    rounding = 8 * EPS * top / min(axis[1] - axis[0] for axis in axes)
    jumps = (slope - rounding)[..., :-1] > (1.0 + 1e-6) * upper[..., 1:]
    upper[..., 1:][np.logical_or.accumulate(jumps, axis=-1)] = np.inf
    lower = np.maximum(top * (1.0 - ROUNDING), divided)
    how = ("sampled supremum", "sampled supremum and mesh allowance")

    def of(kind: int, order: int) -> Bracket:
        return Bracket(lower[:, kind, order], upper[:, kind, order], *how)

    (low, high), slack, past = ends.T, ROUNDING * top[:, 0, 0], mesh[:, 0, 0]
    derivatives = [of(kind, order) for kind in (0, 1) for order in (1, 2, 3)]
    return Regularity(
        Bracket(high - slack, high + slack + past, *how),
        Bracket(low - slack - past, low + slack, *how[::-1]),
        *derivatives,
        beta=mdp.tau / smooth.space.scale**2 if isinstance(smooth.space, GaussianLine) else 0.0,
        gamma=mdp.gamma,
    )


def q_oscillation(mdp: MDP, V: Measured | Bracket | Array) -> Measured:
    """osc q(s, ·) of q = r + γPV in every state, shape (S,).

    Error terms: "mesh" (see ``oscillation``) and "value", 2γ·sup|error of V|.

    Raises:
        InputError: V of another shape, or an infinite bracket.

    """
    values = as_bracket(V)
    require.finite("V", values.upper - values.lower, "give a bounded bracket")
    middle, half = (values.lower + values.upper) / 2, (values.upper - values.lower) / 2
    spread = oscillation(q_from_v(mdp, middle), mdp.grid)
    return spread.with_error("value", 2 * mdp.contraction * float(np.max(half, initial=0.0)))


def _mesh(space: Space) -> tuple[list[Array], bool]:
    """Equal steps along every axis, both ends included (on a torus they are one), and periodicity."""
    if isinstance(space, Torus):
        n = round((LINE_NODES if space.dim == 1 else NODES) ** (1 / space.dim))
        return [np.arange(n) * (space.length / n)] * space.dim, True
    if isinstance(space, RealLine):
        ends = [(-space.reach * space.scale, space.reach * space.scale)]
    elif isinstance(space, Interval):
        ends = [(space.low, space.high)]
    elif isinstance(space, Box):
        ends = list(zip(space.low, space.high, strict=True))
    else:
        require.fail("space", "be a continuum", type(space).__name__, "derivatives need one")
    n = round((LINE_NODES if len(ends) == 1 else NODES) ** (1 / len(ends)))
    return [np.linspace(a, b, n + 1) for a, b in ends], False


@lru_cache(maxsize=32)
def _samples(
    reward: StateActionFunction, transition: StateActionFunction, n_states: int, space: Space
) -> tuple[Array, ...]:
    """Norms of the derivatives of order 0 to 3 of r and of P on the mesh, computed once a problem.

    Their maxima (S, 2, 4), (inf r, sup r) of shape (S, 2), the maxima of their second differences,
    summed over the axes (S, 2, 4), the maxima of their difference quotients (S, 2, 4), and those of divided
    differences of lower orders, times order!, which bound the suprema from below (S, 2, 4).
    """
    axes, periodic = _mesh(space)
    shape, h = tuple(len(axis) for axis in axes), [axis[1] - axis[0] for axis in axes]
    top, bend, slope, divided = np.zeros((4, n_states, 2, 4))
    ends = np.zeros((n_states, 2))
    for s, found in enumerate(_derivatives(reward, transition, n_states, axes)):
        derivatives = _reached(found)
        r = derivatives[0][:, 0]
        ends[s] = r.min(), r.max()
        for order, values in enumerate(derivatives):
            mesh = values.reshape(*shape, *values.shape[1:])
            first = [_steps(mesh, axis, periodic=periodic) for axis in range(len(shape))]
            second = [_steps(d, axis, periodic=periodic) for axis, d in enumerate(first)]
            top[s, :, order] = _largest(values, order)
            quotients = [_largest(d, order) / step for d, step in zip(first, h, strict=True)]
            slope[s, :, order] = np.max(quotients, axis=0)
            bend[s, :, order] = np.sum([_largest(d, order) for d in second], axis=0)
            third = [_steps(d, axis, periodic=periodic) for axis, d in enumerate(second)]
            for more, steps in enumerate((first, second, third)[: 3 - order], start=1):
                # What a value may be off counts 2^k times in a difference of order k.
                off = 2.0**more * ROUNDING * top[s, :, order]
                at = divided[s, :, order + more]
                for d, step in zip(steps, h, strict=True):
                    np.maximum(at, (_largest(d, order) - off) / step**more, out=at)
    return top, ends, bend, slope, divided


def _derivatives(
    reward: StateActionFunction, transition: StateActionFunction, n_states: int, axes: list[Array]
) -> Iterator[list[Array]]:
    """State by state, of (r, P(0|s, ·), ..., P(S−1|s, ·)): tensors (N, 1 + S, d, ..., d) of order 0 to 3."""
    import jax
    import jax.numpy as jnp

    def both(s: Any, a: Any) -> Any:
        parts = jnp.reshape(reward(s, a), (1,)), jnp.reshape(transition(s, a), (-1,))
        return jnp.concatenate(parts)

    orders: list[Any] = [both]
    for _ in range(3):
        orders.append(jax.jacfwd(orders[-1], argnums=1))
    kernel = jax.jit(
        jax.vmap(lambda s, a: [derivative(s, a) for derivative in orders], in_axes=(None, 0))
    )
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    for s in range(n_states):
        with jax.enable_x64(True):
            found = [np.asarray(x) for x in kernel(s, nodes)]
        yield found


def _transition(smooth: SmoothMDP) -> StateActionFunction:
    """P as a function that is quickly differentiated."""
    if smooth.states is None or smooth.continuous is None:
        return smooth.transition
    return _by_axes(smooth.continuous.dynamics, smooth.states)


@lru_cache(maxsize=32)
def _by_axes(dynamics: Callable[[Any, Any], Any], grid: StateGrid) -> StateActionFunction:
    """P(·|s, a) of ``discretise``, from the laws of the coordinates: they are independent.

    Weights and noise of all nodes at once would cost as much as a matrix product of dimension S.
    """
    nodes, noises = grid.nodes, [axis.noise_matrix() for axis in grid.axes]

    def transition(s: Any, a: Any) -> Any:
        xp = a.__array_namespace__()
        x = dynamics(of_state(nodes, s, a), a)
        law = xp.ones((*x.shape[:-1], 1))
        for k, (axis, noise) in enumerate(zip(grid.axes, noises, strict=True)):
            along = axis.dense_weights(x[..., k]) @ xp.asarray(noise)
            law = (law[..., :, None] * along[..., None, :]).reshape((*x.shape[:-1], -1))
        return law

    return transition


def _reached(derivatives: list[Array]) -> list[Array]:
    """Of tensors (N, 1 + S, ...): r and the next states that are met, for the others contribute zeros."""
    axes = [(0, *range(2, values.ndim)) for values in derivatives]
    met = np.any([(v != 0).any(axis=k) for v, k in zip(derivatives, axes, strict=True)], axis=0)
    met[0] = True
    return [values[:, met] for values in derivatives]


def _steps(values: Array, axis: int, *, periodic: bool) -> Array:
    """Differences between neighbours along an axis of the mesh."""
    return np.roll(values, -1, axis) - values if periodic else np.diff(values, axis=axis)


def _largest(values: Array, order: int) -> Array:
    """sup|D^k r| and sup Σ_s'|D^k P(s')| of tensors (..., 1 + S, d, ..., d) of order k, shape (2,)."""
    if not np.isfinite(values).all():
        return np.full(2, np.nan)
    if order == 2 and values.shape[-1] > 1:
        norms = np.abs(np.linalg.eigvalsh(values)).max(axis=-1)
    else:
        norms = np.sqrt(np.square(values).sum(axis=tuple(range(-order, 0))))
    return np.array([norms[..., 0].max(), norms[..., 1:].sum(axis=-1).max()])


def _require_derivatives(suprema: Array) -> None:
    """Suprema (S, 2, 4) of r and P by order must be finite."""
    for kind, name in enumerate(("reward", "transition")):
        bad = np.argwhere(~np.isfinite(suprema[:, kind]))
        if len(bad):
            state, order = (int(i) for i in bad[0])
            require.fail(
                name,
                "be three times differentiable in the action",
                f"{suprema[state, kind, order]} for order {order} in state {state}",
                "replace roots and kinks by smooth functions",
            )
