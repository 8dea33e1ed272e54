"""A disc: the bounded convex set in the plane with a closed-form Poincaré constant."""

from dataclasses import dataclass
from typing import NoReturn

from wconv import _require as require


@dataclass(frozen=True)
class Disc:
    """The disc |a| ≤ radius in R². A space for functional inequalities alone: it has no grid."""

    radius: float = 1.0

    def grid(self, n: int) -> NoReturn:
        """InputError: grids are products of equal cells."""
        require.fail("space", "have a grid of equal cells", f"a disc (n = {n})", "use a box")
