"""How far apart two policies are: ratios of their state occupancies and of their densities."""

import numpy as np

from wconv._axes import Array, StateValue
from wconv.exact.occupancy import discounted_occupancy
from wconv.mdp.model import MDP
from wconv.mdp.policy import Policy
from wconv.measured import Bracket, Measured, rounding
from wconv.measures.densities import Density, same_grid
from wconv.measures.oscillation import oscillation

HOW = "occupancies and their certified errors"


def occupancy_ratio(
    mdp: MDP, policy: Policy, other: Policy, rho: StateValue | None = None
) -> Bracket:
    """d^π_ρ(s)/d^{π'}_ρ(s) in every state, shape (S,).

    Where π' never comes the ratio is infinite, or 1 if π never comes either (0/0). What can be
    reached from ρ is decided by the zeros of P_π, not by small numbers.

    Args:
        mdp: the problem.
        policy: π.
        other: π'.
        rho: initial distribution, default that of the problem.

    Raises:
        InputError: see ``discounted_occupancy``.

    """
    d, e = (discounted_occupancy(mdp, pi, rho) for pi in (policy, other))
    live, wanted = (_reached(mdp, pi, rho) for pi in (policy, other))
    with np.errstate(divide="ignore", invalid="ignore"):  # states that are not both reached
        low = np.maximum(d.lower, 0.0) / e.upper
        high = np.where(e.lower > 0, d.upper / np.maximum(e.lower, 0.0), np.inf)
    exact = np.where(wanted, 0.0, np.where(live, np.inf, 1.0))
    both = live & wanted
    return Bracket(np.where(both, low, exact), np.where(both, high, exact), HOW, HOW)


def mismatch(mdp: MDP, policy: Policy, optimal: Policy, rho: StateValue | None = None) -> Bracket:
    """κ = inf_s d^π_ρ(s)/d^{π*}_ρ(s) over the states that π* reaches from ρ, a scalar in [0, 1].

    The coverage constant of the occupancy form of `wpg-pl` (Šiška–Zhang). States that π* never visits
    ask for nothing and are left out; one that π* visits and π does not makes κ = 0. Arguments and
    errors as for ``occupancy_ratio``.
    """
    ratio = occupancy_ratio(mdp, policy, optimal, rho)
    wanted = _reached(mdp, optimal, rho)
    return Bracket(
        np.asarray(ratio.lower[wanted].min()),
        np.asarray(np.minimum(ratio.upper[wanted].min(), 1.0)),
        HOW,
        HOW,
    )


def log_density_ratio(p: Density, q: Density) -> tuple[Measured, Measured]:
    """inf and sup over the actions of log(dp_s/dq_s) in every state, each of shape (S,).

    Logarithms, as the ratios themselves may overflow. The inf is −∞ where p alone vanishes, the sup
    +∞ where q alone does; nodes where both vanish do not count. Error "mesh": what a smooth ratio can
    exceed its nodes by (see ``oscillation``); none in a state where a density vanishes, of which the
    nodes alone are looked at. InputError when the two live on different nodes.
    """
    same_grid(p, q)
    void = (p.logf == -np.inf) & (q.logf == -np.inf)
    logs = np.subtract(p.logf, q.logf, out=np.zeros_like(p.logf), where=~void)
    low = np.where(void, np.inf, logs).min(axis=-1)
    high = np.where(void, -np.inf, logs).max(axis=-1)
    smooth = np.isfinite(logs).all(axis=-1) & ~void.any(axis=-1)
    kept = np.where(smooth[:, None], logs, 0.0)
    mesh = oscillation(kept, p.grid).upper - (kept.max(axis=-1) - kept.min(axis=-1))
    size = np.where(np.isfinite(p.logf + q.logf), np.abs(p.logf) + np.abs(q.logf), 0.0)
    round_off = rounding(size.max(axis=-1), depth=1)
    errors = {"mesh": np.maximum(mesh, 0.0), "rounding": round_off}
    return Measured.of(low, **errors), Measured.of(high, **errors)


def _reached(mdp: MDP, policy: Policy, rho: StateValue | None) -> Array:
    """The states of positive discounted occupancy, (S,) booleans."""
    moves = mdp.state_kernel(policy.pi) > 0
    now: Array = (mdp.rho if rho is None else np.asarray(rho)) > 0
    while mdp.gamma > 0:
        wider = now | (now @ moves)
        if (wider == now).all():
            break
        now = wider
    return now
