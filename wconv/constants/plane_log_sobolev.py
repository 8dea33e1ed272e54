"""Log-Sobolev constants of densities in the plane: an ascent from below, theorems from above.

In two dimensions there is no monotone reduction, so that nothing says that an ascent found the best
function; but each function found is a witness, and its quotient a true lower bound.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.ascent import ascend, climb, log_sobolev_form
from wconv.constants.graph import slow_modes
from wconv.constants.plane import Plane
from wconv.constants.poincare_plane import FINE, SHOWN, upper_sides
from wconv.constants.record import Constant, Side, Witness, constant
from wconv.measured import EPS

START: Final = 32
"""Cells an axis of the ascents."""

CELLS: Final = (64, 128, 256)
"""Cells an axis to which the best is carried."""

POLISH: Final = 20
"""Most steps of an ascent on finer cells; from an optimum on coarser ones Newton's method needs three."""

MODES: Final = 4
"""Slow modes whose exponentials are starts, beside those of the coordinates."""

UNIFORM_DISC: Final = 1 / 3
"""C_LS of the uniform unit disc is at most this: it is a projection of the sphere in R^4."""

LINEAR: Final = 0.01
"""Size of f in the witness 1 + f of a C_LS no larger than C_P."""


def log_sobolev_plane(plane: Plane, poincare: Constant) -> Constant:
    """The best C_LS with KL(ν‖p) ≤ (C_LS/2) I(ν‖p), of densities in the plane.

    On 32 cells an axis Ent(u)/(2∫|∇√u|²dp) climbs from the exponentials of slow modes and coordinates;
    the best log u is carried to finer cells (each time towards their optimum) until the quotient of its
    spline no longer changes. That quotient, less its quadrature error, is the lower side "numerical";
    C_P is another. Upper sides are Holley–Stroock's and Bakry–Émery's. How far the ascent is from the
    best of all functions is unknown: the estimate is the lower side.

    Returns:
        C_LS of shape (S,), a positive g as witness; diagnostics "entropy" of the witness g² (zero where
        none beats C_P), "chain" (the quotient on the finest cells) and "cells".

    """
    found = [_ascended(plane, state) for state in range(plane.n_states)]
    values = np.array([each.quotient for each in found])
    errors = np.array([each.error for each in found])
    own = np.maximum(values - errors, 0.0) * np.exp(-plane.wobble)
    modest = _modest(poincare)
    better = own > poincare.lower
    points = plane.coordinates(SHOWN).T
    logs = np.stack([plane.resampled(each.v, SHOWN) for each in found])
    witness = np.where(better[:, None], np.exp((logs - logs.max(-1, keepdims=True)) / 2), modest)
    linear = Side(poincare.lower, "numerical", "C_P")
    return constant(
        "C_LS",
        [linear, Side(own, "numerical", "ascent")],
        upper_sides(plane, UNIFORM_DISC),
        estimate=np.maximum(own, poincare.estimate),
        witness=Witness(np.broadcast_to(points, (len(found), *points.shape)), witness),
        diagnostics={
            "entropy": np.where(better, [each.entropy for each in found], 0.0),
            "chain": np.array([each.chain for each in found]),
            "cells": np.array([each.cells for each in found]),
        },
    )


@dataclass(frozen=True, eq=False)
class _Ascended:
    """log u on the finest cells used, with the quotient of its spline."""

    v: Array
    quotient: float
    error: float
    entropy: float
    chain: float
    cells: int


def _ascended(plane: Plane, state: int) -> _Ascended:
    graph = plane.graph(state, START)
    directions = [*slow_modes(graph, MODES)[1], *plane.coordinates(START)]
    top, n = ascend(graph, log_sobolev_form, directions), START
    quotient, error = plane.quotient(state, top.v, _entropy_over_energy)
    for finer in CELLS:
        before = quotient
        v = plane.resampled(top.v, finer)
        top = climb(plane.graph(state, finer), log_sobolev_form, v, POLISH)
        quotient, error = plane.quotient(state, top.v, _entropy_over_energy)
        n = finer
        if abs(quotient - before) <= FINE * quotient:
            break
    return _Ascended(top.v, quotient, error, top.entropy, top.quotient, n)


def _entropy_over_energy(mass: Array, v: Array, square: Array) -> float:
    """Ent(u)/(½∫u|∇v|²dp) of u = e^v, less the rounding of a small entropy."""
    u = np.exp(v - v.max())
    nu = mass * u / (mass @ u)
    log_ratio = v - v.max() - np.log(mass @ u)
    rounding = 64 * EPS * (nu @ np.abs(log_ratio) + EPS)
    return float((nu @ log_ratio - rounding) / (nu @ square / 2))


def _modest(poincare: Constant) -> Array:
    """1 + f for a small multiple f of the eigenfunctions of C_P, (S, n)."""
    assert poincare.witness is not None
    f = poincare.witness.values
    return np.asarray(1.0 + LINEAR * f / np.abs(f).max(axis=-1, keepdims=True))
