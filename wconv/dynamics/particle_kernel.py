"""JAX kernel of interacting particles: R systems of S states with N particles in R^d each.

A step moves every particle along b(s, a) = ∇_a[r(s, a) + γP(s, a)·V] − βa, adds noise, and evaluates the
policy the particles now form. Noise is a function of (seed, step, state), whatever the chunks, so that a
run may stop and go on anywhere. Inside, particles are columns (d, N): loops run over the long axis.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp

from wconv.dynamics.particle_moves import (
    Functions,
    Rates,
    action_value,
    projected,
    proximal,
    reflected,
    score,
)
from wconv.dynamics.particle_noise import folded, gaussian
from wconv.dynamics.particle_space import Geometry
from wconv.dynamics.particle_values import Estimator, estimated

AT_ONCE: Final = 2**21
"""Numbers of a step's largest table up to which all states are moved together, else one by one."""


class State(NamedTuple):
    """Particles and the centres they were drawn around (R, S, N, d), V (R, S), and what went wrong.

    ``lost`` is the first step with a number that is not finite or beyond reach (−1: none), ``stalled``
    the largest last Newton step of a proximal transport, ``missed`` the largest mass the nodes missed.
    """

    x: Any
    centres: Any
    V: Any
    lost: Any
    stalled: Any
    missed: Any


@dataclass(frozen=True)
class Spec:
    """What is compiled: the functions, the space, the kind of step and how its policy is evaluated.

    ``move`` is "langevin", "explicit", "prox" or "blob"; without an estimator V stays, or is given.
    """

    smooth: Functions
    space: Geometry
    move: str
    estimator: Estimator | None


@partial(jax.jit, static_argnames="spec")
def advance(
    spec: Spec,
    rates: Rates,
    tables: Any,
    state: State,
    keys: Any,
    given: Any,
    first: Any,
    steps: Any,
) -> State:
    """Steps first, …, first + steps − 1. ``given`` (K, S) are the values of step k, or empty."""
    states = jnp.arange(spec.smooth.n_states)

    def step(k: Any, now: State) -> State:
        V = now.V if given.shape[0] == 0 else jnp.broadcast_to(given[k], now.V.shape)
        here = jax.vmap(lambda key: folded(key, k))(keys)

        def in_state(s: Any, x: Any) -> tuple[Any, ...]:
            one = partial(_moved, spec, rates, s)
            return jax.vmap(one)(x, V, here)  # type: ignore[no-any-return]

        x, centres, broken, stalled = _over_states(spec, in_state, states, now.x)
        lost = jnp.where((now.lost < 0) & broken.any(), k, now.lost)
        moved = State(x, centres, now.V, lost, jnp.maximum(now.stalled, stalled.max()), now.missed)
        if spec.estimator is None:
            return moved
        rows = (jnp.swapaxes(part, -1, -2) for part in (x, centres))
        after, missed = estimated(spec.estimator, spec.smooth, spec.space, rates, tables, *rows)
        return moved._replace(V=after, missed=jnp.maximum(now.missed, missed))

    return _turned(jax.lax.fori_loop(first, first + steps, step, _turned(state)))


def _turned(state: State) -> State:
    """Rows of particles as columns, or back."""
    x, centres = (jnp.swapaxes(part, -1, -2) for part in state[:2])
    return state._replace(x=x, centres=centres)


def _over_states(spec: Spec, in_state: Any, states: Any, x: Any) -> Any:
    """The results of every state, as (R, S, …)."""
    replications, count, dim, n = x.shape
    across = count if spec.smooth.coupled else 1
    rows = (states, jnp.swapaxes(x, 0, 1))
    if replications * count * n * max(dim, across) <= AT_ONCE:
        found = jax.vmap(in_state)(*rows)
    else:
        found = jax.lax.map(lambda row: in_state(*row), rows)
    return jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), found)


def _moved(spec: Spec, rates: Rates, s: Any, x: Any, V: Any, key: Any) -> tuple[Any, ...]:
    """One state of one system: particles (d, N), their centres, whether any is lost, the last Newton step."""

    def q(a: Any) -> Any:
        return action_value(spec.smooth, rates, s, V, a)

    eta, stalled = rates.eta, jnp.zeros((), x.dtype)
    if spec.move == "prox":
        to, stalled = proximal(q, x, eta, spec.space)
    else:
        to = x + eta * jax.vmap(jax.grad(q), in_axes=1, out_axes=1)(x)
    if spec.move == "blob":
        to = to - eta * rates.tau * score(x.T, rates.sigma, spec.space).T
    if spec.move == "explicit":
        to = projected(to, spec.space)
    broken = ~jnp.all(jnp.abs(to) <= spec.space.reach)  # NaN is not within reach either
    if spec.move == "blob":
        return (inside := reflected(to, spec.space)), inside, broken, stalled
    noise = gaussian(folded(key, s), x.shape, x.dtype)
    return reflected(to + rates.sigma * noise, spec.space), to, broken, stalled
