"""Roots of many increasing functions of one variable at once, each inside its own bracket."""

from collections.abc import Callable
from typing import Final

import numpy as np

from wconv._axes import Array
from wconv.outcomes import Outcome, SolverError

MOST_PASSES: Final = 200


def bracketed_roots(
    f: Callable[[Array], Array], low: Array, high: Array, *, width: float | Array
) -> tuple[Array, Array]:
    """Brackets x₋ ≤ x₊ ≤ x₋ + width with f(x₋) ≤ 0 < f(x₊), elementwise, by Chandrupatla's method.

    Args:
        f: elementwise, negative far to the left and positive far to the right.
        low: first guess from the left, moved until f(low) ≤ 0; shape as f takes it.
        high: first guess from the right, moved until f(high) > 0.
        width: of the final brackets, one number or one each.

    Raises:
        SolverError: a bracket is still wider after 200 evaluations (of all elements together).

    Chandrupatla (Adv. Eng. Softw. 28, 1997).
    """
    a, fa = _moved(f, np.array(high, dtype=float), high - low, 1.0)
    b, fb = _moved(f, np.array(low, dtype=float), high - low, -1.0)
    t = np.full_like(a, 0.5)
    for _ in range(MOST_PASSES):
        gap = np.abs(b - a)
        if (gap <= width).all():
            return np.where(fa > 0, b, a), np.where(fa > 0, a, b)
        x = a + t * (b - a)
        fx = np.where(gap > width, f(x), fa)
        x = np.where(gap > width, x, a)
        same = (fx > 0) == (fa > 0)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        t = _next_share(a, b, c, fa, fb, fc, width)
    raise SolverError(
        Outcome.UNRESOLVED,
        f"{int((gap > width).sum())} roots are known to {gap.max():.1e} only",
    )


def _moved(f: Callable[[Array], Array], x: Array, step: Array, side: float) -> tuple[Array, Array]:
    """x moved outwards, in growing steps, until f has the sign of that side."""
    fx = f(x)
    for _ in range(MOST_PASSES):
        wrong = (fx > 0) != (side > 0)
        if not wrong.any():
            return x, fx
        x = np.where(wrong, x + side * step, x)
        step = 4.0 * step
        fx = f(x)
    raise SolverError(Outcome.UNRESOLVED, f"{int(wrong.sum())} roots were not enclosed")


def _next_share(
    a: Array, b: Array, c: Array, fa: Array, fb: Array, fc: Array, width: float | Array
) -> Array:
    """The share of the way from a to b to try next: inverse quadratic where safe, else half."""
    with np.errstate(all="ignore"):  # the formula is 0/0 where it is not used
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        inverse = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (
            fc - fb
        )
        # No closer to a known end than a quarter of the width: the far end has to move too.
        least = np.minimum(0.25 * width / np.abs(b - a), 0.5)
    return np.clip(np.where(safe & np.isfinite(inverse), inverse, 0.5), least, 1 - least)
