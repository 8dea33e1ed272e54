"""Poincaré constants of densities in the plane: finite volumes, and quotients of what they find."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.constants.graph import slow_modes
from wconv.constants.plane import Plane
from wconv.constants.plane_criteria import convex_reference, curvature, opened, oscillation_factor
from wconv.constants.record import Constant, Side, Witness, constant
from wconv.outcomes import Outcome, SolverError

CELLS: Final = (16, 32, 64, 128, 256)
"""Cells an axis that are tried in turn."""

FINE: Final = 1e-5
"""Relative error above which cells are halved again."""

COARSE: Final = 1e-2
"""Relative error above which nothing is returned."""

MESH: Final = 128
"""Cells an axis between which the bounds by a potential look at it."""

SHOWN: Final = 64
"""Cells an axis at whose centres witnesses are given."""

ROUNDING: Final = 1e-12

UNIFORM_DISC: Final = 1.8411837813406593**-2
"""C_P of the uniform unit disc: 1/p² with J_1'(p) = 0."""


def poincare_plane(plane: Plane) -> Constant:
    """The best C_P with Var_p(g) ≤ C_P ∫|∇g|² dp, of densities in the plane.

    C_P = 1/λ_1 of the finite-volume chain on n = 16, 32, ... cells an axis. Its eigenfunction, as a
    spline, has a Rayleigh quotient whose error is of order four: less its quadrature error it is the
    lower side, "numerical". The upper side adds the quotient's change when n doubles and its
    distance to the Richardson extrapolation of the C_P(n), of order four too: "sharp-numerical",
    because it is measured, not proved, that the two agree with the limit. Cells are halved until that
    is 1e-5, or n = 256. Beside it stand the bounds of Holley–Stroock and Bakry–Émery.

    Returns:
        C_P of shape (S,), its eigenfunction as witness; diagnostics "cells", "order" (of the
        chain's C_P, by its last three n), "richardson" and "discretisation" (relative).

    Raises:
        SolverError: a density that the finest cells do not resolve to 1e-2.

    """
    found = [_resolved(plane, state) for state in range(plane.n_states)]
    lower, richardson, order, error, cells = (
        np.array([getattr(each, name) for each in found])
        for name in ("quotient", "richardson", "order", "error", "cells")
    )
    quadrature = np.array([each.quadrature for each in found])
    swell = np.exp(plane.wobble)
    sharp = Side((lower + error + quadrature) * swell, "sharp-numerical", "finite volumes")
    values = np.stack([plane.resampled(each.mode, SHOWN) for each in found])
    points = plane.coordinates(SHOWN).T
    return constant(
        "C_P",
        [Side((lower - quadrature) / swell, "numerical", "Rayleigh quotient")],
        [sharp, *upper_sides(plane, UNIFORM_DISC)],
        estimate=lower,
        witness=Witness(np.broadcast_to(points, (len(values), *points.shape)), values),
        diagnostics={
            "cells": cells,
            "order": order,
            "richardson": richardson,
            "discretisation": error / lower,
        },
    )


def upper_sides(plane: Plane, disc: float) -> list[Side]:
    """Bounds on C_LS; with ``disc`` = C_P of the uniform unit disc instead of its C_LS, on C_P."""
    lengths = [axis.length / (2 if axis.periodic else 1) for axis in plane.axes]
    flat = disc * plane.axes[0].length ** 2 if plane.polar else (max(lengths) / np.pi) ** 2
    uniform, convex = np.full((2, plane.n_states), np.inf)
    for state in range(plane.n_states):
        u, v = (axis.mesh(MESH) for axis in plane.axes)
        potential = -plane.logs(u, v, state)
        uniform[state] = flat * oscillation_factor(potential, plane.periodic)
        if plane.polar:
            convex[state] = curvature(potential, u, v, polar=True)
            continue
        if any(plane.periodic):
            # The functions on a torus are among those on a box: cut it open along ridges.
            potential = opened(potential)
            u, v = (np.linspace(0.0, axis.length, MESH + 1) for axis in plane.axes)
        reference = convex_reference(potential[::2, ::2], u[::2], v[::2])
        convex[state] = min(reference, curvature(potential, u, v, polar=False))
    swell = np.exp(plane.wobble) * (1.0 + ROUNDING)
    return [
        Side(uniform * swell, "numerical", "Holley–Stroock"),
        Side(convex * swell, "numerical", "Bakry–Émery"),
    ]


@dataclass(frozen=True, eq=False)
class _Resolved:
    """One density's eigenfunction on the finest cells, and what it gives."""

    mode: Array
    quotient: float
    quadrature: float
    richardson: float
    order: float
    error: float
    cells: int


def _resolved(plane: Plane, state: int) -> _Resolved:
    """Halve the cells until the quotient and the extrapolated constant agree."""
    chains: list[float] = []
    quotients: list[float] = []
    for n in CELLS:
        gaps, modes = slow_modes(plane.graph(state, n), 1)
        quotient, quadrature = plane.quotient(state, modes[0], _rayleigh)
        chains.append(1.0 / gaps[0])
        quotients.append(quotient)
        if n > CELLS[1]:
            richardson = (4 * chains[-1] - chains[-2]) / 3
            error = abs(quotient - quotients[-2]) + abs(quotient - richardson)
            if error <= FINE * quotient:
                break
    if not error <= COARSE * quotient:
        raise SolverError(
            Outcome.UNRESOLVED,
            f"C_P in state {state} is known to {error / quotient:.1e} relative at {n} cells an axis",
        )
    before, last = np.maximum(np.abs(np.diff(chains[-3:])), np.finfo(float).tiny)
    order = float(np.log2(before / last))
    return _Resolved(modes[0], quotient, quadrature, richardson, order, error, n)


def _rayleigh(mass: Array, g: Array, square: Array) -> float:
    """Var(g)/∫|∇g|²."""
    return float(mass @ (g - mass @ g) ** 2 / (mass @ square))
