"""Deterministic particles: the flow of a smoothed empirical measure."""

from dataclasses import dataclass

from wconv import _require as require


@dataclass(frozen=True)
class BlobWPG:
    """Particles that follow the flow of their own smoothed law, without noise: a method of particles only.

        a_i ← a_i + η(∇q(a_i) − βa_i − τ∇log π̂(a_i)),   π̂ = (1/N)Σ_j N(a_j, h²I)

    with the bandwidth h. As N → ∞ and η → 0 it is the flow of ∫q dπ − τ∫ log(K_h * π) dπ, whose fixed
    point is within O(h²) of the Gibbs policy; h must not be small beside √(τ/sup|q''|), or isolated
    particles are thrown out by τ(a − a_j)/h².
    """

    step: float
    bandwidth: float

    def __post_init__(self) -> None:
        """InputError for a step or a bandwidth that is not positive."""
        require.positive("step", self.step, "give the length η of a step, e.g. 0.02")
        require.positive("bandwidth", self.bandwidth, "give the deviation h of the smoothing")
