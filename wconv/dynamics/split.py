"""The split scheme of WPPG: a transport half step of q, then heat for the entropy."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from wconv import _require as require
from wconv._axes import ActionValue
from wconv.dynamics.gaussian_noise import axes, noise_on
from wconv.dynamics.heat import require_axis
from wconv.dynamics.methods import Advance
from wconv.dynamics.problem import drift_tables, kernel_problem
from wconv.mdp.model import MDP

Transport = Literal["prox", "explicit"]
Reading = Literal["kept", "sampled"]


@dataclass(frozen=True)
class SplitWPPG:
    """The Lie–Trotter splitting of the proximal step: drift map, then noise [WPPG, section 3.1].

        π_{k+1/2} = argmax_π ∫q^{π_k}dπ − W²(π, ·)/(2η) = G_#(·),   π_{k+1} = π_{k+1/2} * N(0, 2τηI)

    ``transport`` is the drift map G: "prox", a ↦ argmax_{a'∈A} q(a') − |a' − a|²/(2η), exact whatever q is
    (where it is not unique it jumps), or "explicit", a ↦ a + η∇q(a), its first order, projected on the
    walls of an interval. The noise is reflected on an interval, wrapped on a circle. On the Gaussian
    line q includes −(β/2)a², as the entropy is then Lebesgue's.

    ``noise`` is what the text leaves open, from where the next half step starts. "kept": from π_k; this
    sequence has a fixed point within O(η) of the Gibbs policy. "sampled": from π_{k−1/2}, the noise added
    at sampling time only, as the parametric update of section 3.2 does; drift maps alone go to maxima of
    q, and the policy ends as noise of variance 2τη around them, whatever their curvature: not near
    Gibbs. The policies of a path are the π_k, at which q is evaluated, in both readings; π_{−1/2} = π_0.

    The law is a row of parcels that G moves without cells; only the noise brings it to the nodes. Maxima
    are found on quintic interpolants of q. Where G is continuous all is of high order on circle and
    line; at jumps, and on an interval, of second order.
    """

    step: float
    transport: Transport = "prox"
    noise: Reading = "kept"

    def __post_init__(self) -> None:
        """InputError for a step that is not positive, or another transport or noise."""
        require.positive("step", self.step, "give the length η of a step, e.g. 0.02")
        require.choice("transport", self.transport, ["prox", "explicit"])
        require.choice("noise", self.noise, ["kept", "sampled"])

    def prepare(self, mdp: MDP) -> Advance:
        """The law after steps; see ``Scheme``.

        With noise "sampled" the function keeps the half-step sequence between calls: prepare one for every
        path, and give it what it returned.

        Raises:
            InputError: √(2τη) below 0.7 spacings (names the nodes that would do), a problem of tables,
                two dimensions, a finite set.

        """
        import jax

        from wconv.dynamics import split_kernel

        require_axis(mdp.grid)
        problem, noise = kernel_problem(mdp), noise_on(mdp.grid, 2 * mdp.tau * self.step, "step")
        drift = axes(mdp.grid, *drift_tables(mdp))
        nodes = np.broadcast_to(mdp.grid.nodes[:, 0], mdp.r.shape)
        half: Any = None

        def forward(masses: ActionValue, steps: int) -> ActionValue:
            nonlocal half
            half = split_kernel.Parcels(nodes, masses) if half is None else half
            with jax.enable_x64(True):
                out, half, seen = split_kernel.advance(
                    problem,
                    drift,
                    masses,
                    half,
                    np.float64(self.step),  # a float of Python's would compile once more
                    np.int64(steps),
                    np.bool_(self.noise == "kept"),
                    images=noise.images,
                    boundary=noise.boundary,
                    transport=self.transport,
                )
            _require_injective(float(seen.slope), self.step)
            noise.require(float(seen.defect), float(seen.aliased))
            return np.asarray(out)

        return forward


def _require_injective(slope: float, eta: float) -> None:
    """a ↦ a + ηq'(a) is injective on an interval or line iff 1 + ηq'' > 0, that is η·sup(−q'') < 1."""
    if not slope > 0.0:
        require.fail(
            "step",
            "keep a + step*q'(a) injective: step*sup(-q'') < 1",
            f"{1.0 - slope:.3g}",
            f"take a step below {eta / (1.0 - slope):.3g}, or transport='prox'",
        )
