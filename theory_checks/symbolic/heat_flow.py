"""heat-flow  Gaussian noise is the gradient flow of the entropy, and its proximal step on Gaussians.

Setting.     The kernel of N(0, 2τηI) on the line and in the plane; a wave cos(ka + φ); centred Gaussians of
             variance s², on which W² is (σ − s)² and −∫π log π is log σ + const.
Hypotheses.  None.
Claim.       The kernel K(a, η) solves ∂_ηK = τΔK, the wave times e^{−τηk²} as well, and kernels of η and η'
             compose to that of η + η' on the line. σ = (s + √(s² + 4τη))/2 maximises
             τ log σ − (σ − s)²/(2η), and s² + 2τη − σ² = (τη)²/σ²: the variance of the proximal step lacks
             (τη)²I, I = 1/σ², to that of the flow.
Tight for.   Identities.
Reference.   docs/theory.md, heat-step.
"""

from collections.abc import Iterator
from typing import Any

from theory_checks.symbolic.two_state_bellman import symbol
from wconv.theory import NO_PROBLEM, Item, case, check, control, exactly

CASES = [case(NO_PROBLEM)]
CONTROLS = [
    control("temperature off by a millionth", on=CASES[0], constants={"tau": 1.000001}),
    control("step off by a millionth", on=CASES[0], constants={"eta": 0.999999}),
]


def kernel(at: list[Any], tau: Any, eta: Any) -> Any:
    """The density of N(0, 2τηI)."""
    import sympy as sp

    variance = 2 * tau * eta
    square = sum(x**2 for x in at)
    return sp.exp(-square / (2 * variance)) / (2 * sp.pi * variance) ** sp.Rational(len(at), 2)


def heat(u: Any, at: list[Any], tau: Any) -> Any:
    """(∂_ηu − τΔu)/u."""
    import sympy as sp

    return sp.cancel(
        sp.simplify((sp.diff(u, symbol("eta")) - tau * sum(sp.diff(u, x, 2) for x in at)) / u)
    )


def composed(tau: Any) -> Any:
    """−log of K(a − b, η)K(b, η') and of K(a, η + η') times a Gaussian in b: the difference.

    That has mean aη'/(η + η') and variance 2τηη'/(η + η'). Its mass is one, so that only K(a, η + η') is
    left when b is integrated out.
    """
    import sympy as sp

    a, b, eta, later, t = (symbol(x) for x in ("a", "b", "eta", "later", "tau"))
    both = (a - b) ** 2 / eta + b**2 / later
    total, mean = eta + later, a * later / (eta + later)
    apart = a**2 / total + (b - mean) ** 2 * total / (eta * later)
    return sp.cancel(both / (4 * t) - apart / (4 * tau))


def deviation(tau: Any, eta: Any) -> Any:
    """σ = (s + √(s² + 4τη))/2."""
    import sympy as sp

    s = symbol("s")
    return (s + sp.sqrt(s**2 + 4 * tau * eta)) / 2


@check("heat-flow", cases=CASES, controls=CONTROLS, kind="symbolic")
def heat_flow(_: None) -> Iterator[Item]:
    """Differences that must vanish; τ and η of the proved side are free."""
    import sympy as sp

    t, eta, s = symbol("tau"), symbol("eta"), symbol("s")
    for where, names in (("line", ("x",)), ("plane", ("x", "y"))):
        at = [symbol(x) for x in names]

        def flows(tau: Any, at: list[Any] = at) -> Any:
            return heat(kernel(at, t, eta), at, tau)

        yield exactly(f"{where}: the kernel flows by tau times the Laplacian", flows, tau=t)
    x, k, phase = (symbol(name) for name in ("x", "k", "phase"))
    wave = sp.cos(k * x + phase) * sp.exp(-t * eta * k**2)
    yield exactly("so does a damped wave", lambda tau: heat(wave, [x], tau), tau=t)
    yield exactly("kernels compose", composed, tau=t)

    def slope(tau: Any, eta: Any) -> Any:
        sigma = deviation(tau, eta)
        return sp.simplify(symbol("tau") * symbol("eta") - sigma * (sigma - s))

    def lacks(tau: Any, eta: Any) -> Any:
        variance = sp.expand(deviation(tau, eta) ** 2)
        x = symbol("tau") * symbol("eta")
        return sp.simplify(sp.expand(variance * (s**2 + 2 * x - variance)) - x**2)

    yield exactly("sigma is stationary: tau/sigma = (sigma - s)/eta", slope, tau=t, eta=eta)
    yield exactly("the proximal variance lacks (tau eta)^2/sigma^2", lacks, tau=t, eta=eta)
