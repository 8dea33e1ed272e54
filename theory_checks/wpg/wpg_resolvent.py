"""wpg-resolvent  The value rises along the flow as the resolvent of the Fisher information.

Setting.     Any finite MDP and policy π; π̇ = Kᵀπ, K the reversible chain of p^π ∝ exp(q^π/τ)μ, with
             rates (τ/ℓ²)√(p_j/p_i) between neighbours at distance ℓ; I_h is its Dirichlet form.
Hypotheses.  (H1) I_h(π‖p^π) is finite in every state.
Claim.       V̇ = (I−γP_π)^{-1} τ²I_h(π‖p^π), hence V̇ ≥ τ²I_h ≥ 0 in every state.
Tight for.   Every policy: an identity. The inequality: discount 0.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, Lemma 3.4.
"""

from collections.abc import Iterator

import wconv as wc
from wconv.theory import Item, at_least, case, check, control, equal, finite
from wconv.theory.bounds import bellman as bounds

MYOPIC = case("tilted-double-well", discount=0.0, tight=0.999999)
CASES = [
    MYOPIC,
    case("garnet"),
    case("gaussian-line", tier="all"),
    case("frozen-lake", tier="all"),
    case("two-state", tier="all"),
    case("ring", tier="all"),
    case("box-2d", tier="all"),
    case("heavy", tier="all", discount=0.99),
    case("slow-chain", tier="all"),
    case("garnet", tier="all", sparse=True, temperature=0.05),
    case("garnet", policies="sparse", expect="INAPPLICABLE", fails="H1"),
]
CONTROLS = [
    control("discount too small", on=CASES[1], constants={"gamma": 0.999}),
    control("information off by a millionth", on=MYOPIC, constants={"bound": 1.000001}),
    control("a flow at the wrong temperature", on=CASES[1], dynamics={"temperature": 0.8}),
]


@check("wpg-resolvent", cases=CASES, controls=CONTROLS)
def wpg_resolvent(run: "wc.Run") -> Iterator[Item]:
    """Complex-step derivative of the value along Kᵀπ against the information."""
    dissipated = run.each_policy(lambda p: wc.dissipation(run.true.evaluate(p)))
    yield (hypothesis := finite("H1", information=dissipated))
    if not hypothesis.holds:
        return  # the chain leaves the support at once: V̇ is infinite as well
    velocity = run.each_policy(lambda p: wc.value_velocity(run.evaluate(p)))
    kernel = run.each_policy(lambda p: wc.Measured.of(run.true.evaluate(p).P_pi))
    yield equal(
        "dV/dt = (I - gamma P)^-1 tau^2 I",
        velocity,
        bounds.resolvent.given(gain=dissipated, kernel=kernel),
        over="policy state",
        gamma=run.mdp.gamma,
    )
    yield at_least(
        "dV/dt >= tau^2 I",
        velocity,
        bounds.itself.given(value=dissipated),
        over="policy state",
    )
