"""Smooth problems: one function for NumPy and JAX, tabulated in float64 without touching JAX."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wconv._require import InputError
from wconv.mdp import zoo
from wconv.mdp.smooth import SmoothMDP
from wconv.mdp.tabulate import tabulate
from wconv.measures.spaces import Interval

EPS = np.finfo(float).eps
SMOOTH = [
    name
    for name, recipe in zoo.RECIPES.items()
    if "resolution" in recipe.defaults and "states" not in recipe.defaults
]
ULPS = 200
"""The formulas are chains of fewer than 50 operations, each within 4 ulps in either library."""


@pytest.mark.parametrize("name", SMOOTH)
def test_jax_tabulates_the_same_numbers(name):
    mdp = zoo.make(name, resolution=12)
    s, a = np.arange(mdp.n_states)[:, None], mdp.grid.nodes[None]
    with jax.enable_x64(True), jax.numpy_rank_promotion("raise"):
        r = np.asarray(mdp.smooth.reward(s, jnp.asarray(a)))
        P = np.asarray(mdp.smooth.transition(s, jnp.asarray(a)))
    assert r.dtype == P.dtype == np.float64
    assert np.abs(r - mdp.r).max() <= ULPS * EPS * max(1.0, np.abs(mdp.r).max())
    assert np.abs(P - mdp.P).max() <= ULPS * EPS


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_against_complex_steps(name):
    # f(a + ih) = f(a) + ih f'(a) + O(h²): with h = 1e-30 the derivative is exact to rounding, and
    # NumPy's complex arithmetic knows nothing of JAX's differentiation rules.
    smooth, space = (mdp := zoo.make(name, resolution=5)).smooth, mdp.grid
    h = 1e-30j
    with jax.enable_x64(True), jax.numpy_rank_promotion("raise"):
        reward_gradient = jax.jit(jax.vmap(jax.grad(smooth.reward, argnums=1)))
        transition_jacobian = jax.jit(jax.vmap(jax.jacfwd(smooth.transition, argnums=1)))
        states = np.repeat(np.arange(mdp.n_states), space.n)
        actions = np.tile(space.nodes, (mdp.n_states, 1))
        got = np.asarray(reward_gradient(states, actions))
        rows = np.asarray(transition_jacobian(states, actions))
    for k, step in enumerate(h * np.eye(space.dim)):
        moved = actions + step
        expected = smooth.reward(states, moved).imag / h.imag
        scale = max(1.0, np.abs(expected).max())
        assert np.abs(got[:, k] - expected).max() <= ULPS * EPS * scale
        expected = smooth.transition(states, moved).imag / h.imag
        scale = max(1.0, np.abs(expected).max())
        assert np.abs(rows[..., k] - expected).max() <= ULPS * EPS * scale


def _user(reward, transition, **changes):
    defaults = {"n_states": 2, "discount": 0.5, "temperature": 1.0, "space": Interval(-1, 1)}
    return SmoothMDP(reward, transition, **{**defaults, **changes})


def _np_reward(s, a):
    return np.sin(a[..., 0]) + 0.0 * s


def _np_transition(s, a):
    up = (1 + np.tanh(a[..., 0] + s)) / 2
    return np.stack([up, 1 - up], axis=-1)


def _jnp_reward(s, a):
    return jnp.sin(a[..., 0]) + 0.0 * s


def _jnp_transition(s, a):
    up = (1 + jnp.tanh(a[..., 0] + s)) / 2
    return jnp.stack([up, 1 - up], axis=-1)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
def test_functions_written_with_jax_are_tabulated_in_float64(wrap):
    before = dict(jax.config.values)
    # Compiled once in 32 bits first, which must not leak into the table.
    wrap(_jnp_reward)(jnp.arange(2), jnp.ones((2, 1)))
    mdp = tabulate(_user(wrap(_jnp_reward), wrap(_jnp_transition)), 16)
    twin = tabulate(_user(_np_reward, _np_transition), 16)
    assert np.abs(mdp.r - twin.r).max() <= 8 * EPS
    assert np.abs(mdp.P - twin.P).max() <= 8 * EPS
    assert dict(jax.config.values) == before
    assert jnp.ones(1).dtype == jnp.float32


def test_the_zoo_imports_and_tabulates_without_jax_scipy_and_gymnasium():
    code = (
        "import sys; from wconv.mdp import zoo; zoo.make('ring', resolution=8); "
        "zoo.two_state(); print([m for m in ('jax', 'scipy', 'gymnasium') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


BAD = [
    (_user(_np_reward, _np_transition, n_states=0), "n_states must be an integer"),
    (_user(lambda *_: 0.0, _np_transition), "reward must return a NumPy or JAX array"),
    (_user(lambda _, a: a[..., 0], _np_transition), r"add \(0\.0 \* s \+ 0\.0 \* a\[..., 0\]\)$"),
    (_user(lambda s, a: a + s[..., None], _np_transition), r"use a\[..., 0\] for the first"),
    (_user(_np_reward, lambda *_: np.ones((1, 4, 2)) / 2), r"a\[..., 0\]\)\[..., None\]$"),
    (_user(_np_reward, lambda *_: np.ones((4, 2)) / 2), "with next states on the last axis"),
    (
        _user(lambda s, a: _np_reward(s, a).astype(np.float32), _np_transition),
        "reward must be computed in float64",
    ),
    (
        _user(_np_reward, lambda s, a: _jnp_transition(s, a).astype(jnp.float32)),
        "transition must be computed in float64",
    ),
    (_user(lambda s, a: s + a[..., 0] * np.nan, _np_transition), "reward must be finite"),
]


@pytest.mark.parametrize(("smooth", "message"), BAD)
def test_bad_input(smooth, message):
    with pytest.raises(InputError, match=message):
        tabulate(smooth, 4)
