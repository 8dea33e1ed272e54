"""fokker-planck  The flow is the Fokker–Planck equation of the Gibbs policy.

Setting.     π and q are undefined smooth functions of an action in one and in two dimensions,
             p = e^{q/τ}/Z, and f = dπ/dρ with ρ ∝ e^{−β|a|²/(2τ)}.
Hypotheses.  None: π is positive and smooth.
Claim.       −∇·(π(∇q − τ∇log π)) = τ∇·(π∇log(π/p));  −∇·(π(∇q − τ∇log f)) = −∇·(π(∇q − βa − τ∇log π));
             log(π/p)·τ∇·(π∇log(π/p)) = τ∇·(log(π/p)π∇log(π/p)) − τπ|∇log(π/p)|², so that dKL/dt = −τI.
Tight for.   Identities.
Reference.   docs/theory.md, section 4; Wasserstein policy gradient, section 3.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from theory_checks.symbolic.two_state_bellman import symbol
from wconv.theory import NO_PROBLEM, Item, case, check, control, exactly

CASES = [case(NO_PROBLEM)]
CONTROLS = [
    control("temperature off by a millionth", on=CASES[0], constants={"tau": 1.000001}),
    control("confinement off by a millionth", on=CASES[0], constants={"beta": 0.999999}),
]


def jets(expression: Any) -> Any:
    """The expression with every undefined function and derivative as a positive symbol of its own.

    A polynomial identity in them holds for all functions at all points.
    """
    import sympy as sp
    from sympy.core.function import AppliedUndef

    atoms = expression.doit().atoms(sp.Derivative, AppliedUndef)
    names = sorted(atoms, key=str)
    return expression.doit().xreplace({a: symbol(f"jet_{k}") for k, a in enumerate(names)})


def gradient(u: Any, at: Sequence[Any]) -> list[Any]:
    """∇u."""
    import sympy as sp

    return [sp.diff(u, x) for x in at]


def divergence(field: Sequence[Any], at: Sequence[Any]) -> Any:
    """∇·field."""
    import sympy as sp

    return sum(sp.diff(v, x) for v, x in zip(field, at, strict=True))


def logarithm(u: Any) -> Any:
    """log u, written out for products, powers and exponentials of real functions."""
    import sympy as sp

    return sp.expand_log(sp.log(u), force=True)


class Fields:
    """π and q on the line or in the plane, and the differences of both sides as functions of τ or β."""

    def __init__(self, *coordinates: str) -> None:
        import sympy as sp

        self.at = [symbol(x) for x in coordinates]
        self.tau, self.Z = symbol("tau"), symbol("Z")
        self.pi = sp.Function("pi", positive=True)(*self.at)
        self.q = sp.Function("q", real=True)(*self.at)

    def flux(self, drift: Sequence[Any], log_density: Any) -> list[Any]:
        """π(drift − τ∇log density)."""
        down = gradient(log_density, self.at)
        return [self.pi * (b - self.tau * d) for b, d in zip(drift, down, strict=True)]

    def slopes(self, tau: Any) -> list[Any]:
        """∇log(π/p), p = e^{q/τ}/Z."""
        import sympy as sp

        return gradient(logarithm(self.pi) - logarithm(sp.exp(self.q / tau) / self.Z), self.at)

    def diffusion(self, tau: Any) -> Any:
        """−∇·(π(∇q − τ∇log π)) − τ∇·(π∇log(π/p))."""
        flow = self.flux(gradient(self.q, self.at), logarithm(self.pi))
        fick = [tau * self.pi * g for g in self.slopes(tau)]
        return jets(-divergence(flow, self.at) - divergence(fick, self.at))

    def confined(self, beta: Any) -> Any:
        """π(∇q − τ∇log f) against π(∇q − βa − τ∇log π), after the divergence."""
        import sympy as sp

        rho = sp.exp(-symbol("beta") * sum(x**2 for x in self.at) / (2 * self.tau)) / self.Z
        up = gradient(self.q, self.at)
        reference = self.flux(up, logarithm(self.pi) - logarithm(rho))
        pulled = [b - beta * x for b, x in zip(up, self.at, strict=True)]
        lebesgue = self.flux(pulled, logarithm(self.pi))
        return jets(divergence(reference, self.at) - divergence(lebesgue, self.at))

    def dissipated(self, tau: Any) -> Any:
        """log(π/p)·τ∇·(π∇log(π/p)) − τ∇·(log(π/p)π∇log(π/p)) + τπ|∇log(π/p)|²."""
        log = logarithm(self.pi) - self.q / self.tau + logarithm(self.Z)
        slopes = self.slopes(self.tau)
        change = log * self.tau * divergence([self.pi * g for g in slopes], self.at)
        boundary = self.tau * divergence([log * self.pi * g for g in slopes], self.at)
        return jets(change - boundary + tau * self.pi * sum(g**2 for g in slopes))


@check("fokker-planck", cases=CASES, controls=CONTROLS, kind="symbolic")
def fokker_planck(_: None) -> Iterator[Item]:
    """Differences of the two sides; τ and β belong to the proved one."""
    for where, fields in (("line", Fields("x")), ("plane", Fields("x", "y"))):
        t, b = fields.tau, symbol("beta")
        yield exactly(f"{where}: the flow is tau div(pi grad log(pi/p))", fields.diffusion, tau=t)
        yield exactly(f"{where}: reference and Lebesgue drift agree", fields.confined, beta=b)
        yield exactly(f"{where}: dKL/dt = -tau I", fields.dissipated, tau=t)
