"""JAX kernel of the split step of WPPG on a line or a circle: drift map, then heat.

A policy is a row of parcels, positions and masses. The transport half step moves every parcel to where the
drift map sends it, without cells in between: only the heat brings the law back to the nodes, so that no
numerical diffusion competes with it. Where the proximal map jumps between two parcels, the mass between
the jump and the middle of the two goes with the parcel on its own side.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from wconv.dynamics import hermite
from wconv.dynamics.langevin_kernel import Drift, aliasing, noise_kernel, pushed
from wconv.dynamics.resolvent_kernel import Problem, value

HALVINGS = 6
"""Of the bracket of a maximum, before Newton."""

NEWTON = 6
"""Newton steps after them; from h/64 four are enough."""

SAMPLES = 9
"""Points between two maximisers at which a fold of a − ηq'(a) is looked for."""


class Parcels(NamedTuple):
    """Positions (S, A), in their order, unrolled on a circle, and masses (S, A)."""

    x: Any
    mass: Any


class Seen(NamedTuple):
    """The worst of all steps: mass put back, aliasing, and the least slope of the explicit map."""

    defect: Any
    aliased: Any
    slope: Any


class _Axis(NamedTuple):
    """The polynomials of q − βa²/2, and where the actions begin and end."""

    coefficients: Any
    nodes: Any
    low: Any
    spacing: Any
    length: Any
    boundary: str

    def at(self, a: Any) -> tuple[Any, Any, Any]:
        """q, q', q'' there."""
        around = self.boundary == "wrap"
        q, slope, bend = hermite.at(
            self.coefficients, a, self.nodes[0], self.spacing, periodic=around
        )
        return q, slope, bend

    def inside(self, a: Any) -> Any:
        """The nearest action."""
        return a if self.boundary == "wrap" else jnp.clip(a, self.low, self.low + self.length)

    def across(self, x: Any) -> Any:
        """From every position to the next one, the last one's round the circle (0 on a line)."""
        ahead = jnp.roll(x, -1, axis=-1) - x
        last = ahead[..., -1:] + self.length if self.boundary == "wrap" else 0.0 * ahead[..., -1:]
        return jnp.concatenate([ahead[..., :-1], last], axis=-1)


@partial(jax.jit, static_argnames=("images", "boundary", "transport"))
def advance(
    problem: Problem,
    drift: Drift,
    pi: Any,
    half: Parcels,
    eta: Any,
    steps: Any,
    kept: Any,
    *,
    images: int,
    boundary: str,
    transport: str,
) -> tuple[Any, Parcels, Seen]:
    """``steps`` steps of the policy π (S, A) and of the half-step sequence it is sampled from.

    ``kept`` says whether the next transport starts from what the noise made.
    """
    n = pi.shape[1]
    nodes = jnp.broadcast_to(drift.nodes[:, 0], pi.shape)
    sigma = jnp.sqrt(2 * problem.tau * eta)

    def step(_: Any, carry: Any) -> Any:
        pi, half, seen = carry
        axis = _landscape(problem, drift, pi, boundary)
        before = jax.tree.map(partial(jnp.where, kept), Parcels(nodes, pi), half)
        move = _proximal if transport == "prox" else _explicit
        after, leap, slope, lost = move(axis, before, eta)
        out, spilt = _noisy(after, drift, sigma, images, boundary)
        # What a jump parts need not be bridged by the noise.
        joined = after.x - jnp.cumsum(leap, axis=-1) + leap
        ripple = jnp.max(jnp.sum(after.mass * aliasing(joined[..., None], sigma, (n,)), axis=-1))
        found = Seen(
            jnp.maximum(seen.defect, jnp.max(spilt + lost)),
            jnp.maximum(seen.aliased, ripple),
            jnp.minimum(seen.slope, slope),
        )
        return out, after, found

    nothing = jnp.zeros(())
    start = (pi, half, Seen(nothing, nothing, nothing + jnp.inf))
    return jax.lax.fori_loop(0, steps, step, start)  # type: ignore[no-any-return]


@partial(jax.jit, static_argnames=("images", "boundary"))
def scatter(
    at: Parcels, drift: Drift, sigma: Any, *, images: int, boundary: str
) -> tuple[Any, Any]:
    """Masses (S, n) on the nodes of parcels (S, m) with noise of deviation σ, and the mass put back."""
    out, spilt = _noisy(at, drift, sigma, images, boundary)
    return out, jnp.max(spilt)


def _noisy(at: Parcels, drift: Drift, sigma: Any, images: int, boundary: str) -> tuple[Any, Any]:
    """Masses (S, n) after the noise, and the mass put back in every state."""
    factor = noise_kernel(at.x, sigma, drift, 0, drift.nodes.shape[0], images, boundary)
    mass = jnp.sum(factor, axis=-1)
    spilt = jnp.sum(at.mass * jnp.abs(mass - 1.0), axis=-1)
    return pushed(at.mass, [factor / mass[..., None]]), spilt


@partial(jax.jit, static_argnames="boundary")
def climb(
    coefficients: Any, drift: Drift, start: Any, x: Any, eta: Any, *, boundary: str
) -> tuple[Any, Any]:
    """The maxima of q(a) − |a − x|²/2η beside nodes ``start`` (S, m), one for every x (S, m), and values."""
    nodes, low, h, length = drift.nodes[:, 0], drift.low[0], drift.spacing[0], drift.length[0]
    return _climb(_Axis(coefficients, nodes, low, h, length, boundary), start, x, eta)


def _landscape(problem: Problem, drift: Drift, pi: Any, boundary: str) -> _Axis:
    """q^π − βa²/2 as polynomials between the nodes."""
    V = value(problem, pi)
    a, h = drift.nodes[None, :, 0], drift.spacing[0]
    q = problem.r + problem.gamma * jnp.einsum("sat,t->sa", problem.P, V)
    slope = drift.r[..., 0] + problem.gamma * jnp.einsum("sat,t->sa", drift.P[..., 0], V)
    coefficients = hermite.quintics(
        q - drift.beta * a**2 / 2, slope - drift.beta * a, h, periodic=boundary == "wrap"
    )
    return _Axis(coefficients, drift.nodes[:, 0], drift.low[0], h, drift.length[0], boundary)


def _explicit(axis: _Axis, at: Parcels, eta: Any) -> tuple[Parcels, Any, Any, Any]:
    """a + ηq'(a), projected on the actions; no leaps; its least slope; nothing lost."""
    _, slope, bend = axis.at(at.x)
    moved = at.x + eta * slope
    x = axis.inside(moved) if axis.boundary == "fold" else moved
    nothing = jnp.zeros_like(at.x)
    return Parcels(x, at.mass), nothing, jnp.min(1.0 + eta * bend), jnp.zeros(())


def _proximal(axis: _Axis, at: Parcels, eta: Any) -> tuple[Parcels, Any, Any, Any]:
    """argmax q(a) − |a − x|²/2η, the leaps between neighbours, and the mass at the reach of a line."""
    x, gap = at.x, axis.across(at.x)
    a, M = _maximisers(axis, x, eta)
    leap = axis.across(a)
    shares = jnp.linspace(0.0, 1.0, SAMPLES + 2)[1:-1]
    between = a[..., None] + leap[..., None] * shares[None, None]
    bends = axis.at(between.reshape(a.shape[0], -1))[2].reshape(between.shape)
    jumps = (leap > 0.0) & (gap > 0.0) & (eta * jnp.max(bends, axis=-1) > 1.0)
    # M(b) + b²/2η is convex with slope a/η: where the two tangents meet is the jump, to second order.
    rise = eta * (jnp.roll(M, -1, axis=-1) - M)
    meet = (a - x + leap) * gap - gap**2 / 2 - rise
    share = jnp.clip(meet / jnp.where(jumps, leap * gap, 1.0), 0.0, 1.0)
    mass = _parted(at.mass, jumps, share)
    low, high = axis.low, axis.low + axis.length
    ends = (a <= low) | (a >= high) if axis.boundary == "none" else jnp.zeros_like(jumps)
    lost = jnp.sum(jnp.where(ends, mass, 0.0), axis=-1)
    return Parcels(a, mass), jnp.where(jumps, leap, 0.0), jnp.asarray(jnp.inf), lost


def _parted(mass: Any, jumps: Any, share: Any) -> Any:
    """Masses after each jump, at a share of the way to the next parcel, took what lies on its far side."""
    onward = jnp.where(jumps, mass * jnp.maximum(0.5 - share, 0.0), 0.0)
    back = jnp.where(jumps, jnp.roll(mass, -1, axis=-1) * jnp.maximum(share - 0.5, 0.0), 0.0)
    moved = onward - back
    return mass - moved + jnp.roll(moved, 1, axis=-1)


def _maximisers(axis: _Axis, x: Any, eta: Any) -> tuple[Any, Any]:
    """argmax and max over the actions of q(a) − |a − x|²/2η, (S, A) each.

    The best node, then the maximum beside it. Of maxima that are closer than nodes can tell either is
    taken: the jump lies within h² of such an x.
    """
    apart = axis.nodes[None, None] - x[..., None]
    if axis.boundary == "wrap":
        apart = apart - axis.length * jnp.round(apart / axis.length)
    q = axis.coefficients[..., 0]
    best = jnp.argmax(q[:, None] - jnp.square(apart) / (2.0 * eta), axis=-1)
    return _climb(axis, x + jnp.take_along_axis(apart, best[..., None], axis=-1)[..., 0], x, eta)


def _climb(axis: _Axis, start: Any, x: Any, eta: Any) -> tuple[Any, Any]:
    """The maximum in the interval beside a node, by halving and Newton, and its value."""

    def slope(a: Any) -> tuple[Any, Any]:
        _, up, bend = axis.at(a)
        return up - (a - x) / eta, bend - 1.0 / eta

    rising = slope(start)[0] > 0.0
    low = axis.inside(jnp.where(rising, start, start - axis.spacing))
    high = axis.inside(jnp.where(rising, start + axis.spacing, start))

    def halve(_: Any, ends: Any) -> Any:
        low, high = ends
        middle = (low + high) / 2
        up = slope(middle)[0] > 0.0
        return jnp.where(up, middle, low), jnp.where(up, high, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (low, high))

    def newton(_: Any, a: Any) -> Any:
        up, bend = slope(a)
        return jnp.clip(a - up / jnp.where(bend < 0.0, bend, -1.0 / eta), low, high)

    a = jax.lax.fori_loop(0, NEWTON, newton, (low + high) / 2)
    return a, axis.at(a)[0] - jnp.square(a - x) / (2.0 * eta)
