"""The vocabulary of array shapes: s states, a action nodes, d action dimensions, t times."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

Array = NDArray[Any]
"""Any NumPy array."""

StateValue = Float[np.ndarray, " s"]
"""V(s): one number a state."""

ActionValue = Float[np.ndarray, "s a"]
"""Q(s, a), or a density f(s, a): one number a state and action node."""

StateKernel = Float[np.ndarray, "s s"]
"""P_pi(s, s')."""

Nodes = Float[np.ndarray, "a d"]
"""Action nodes."""

Weights = Float[np.ndarray, " a"]
"""Reference probability masses of the nodes."""

Edges = Int[np.ndarray, "e 2"]
"""Neighbouring pairs of nodes."""
