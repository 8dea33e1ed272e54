"""prox-quadratic  Drift maps, split steps and proximal steps of a quadratic q, and where they end.

Setting.     q(a) = −h(a − c)²/2 on the line; one step of length η of the explicit map x + ηq'(x), of the
             proximal map argmax q(a) − (a − x)²/(2η), and of the whole proximal scheme on Gaussians.
Hypotheses.  None: h, τ, η are positive.
Claim.       The proximal map is (x + ηhc)/(1 + ηh), its envelope −h(x − c)²/(2(1 + ηh)), its distance to the
             explicit map ηh times that to x. With noise kept the variances (τ/h)/(1 − ηh/2) and
             (τ/h)(1 + ηh)²/(1 + ηh/2) stay, = τ/h + ητ/2 + … and τ/h + 3ητ/2 + …; with the score τ/h and
             (τ/h)(1 + ηh) stay. The proximal scheme takes N(c, s²) to the deviation
             σ = (s + √(s² + 4ητ(1 + ηh)))/(2(1 + ηh)), of (1 + ηh)σ² = sσ + ητ, and leaves τ/h. The variance
             of a split step exceeds its own by (τ²/s² + 2hτ − 2h²s²)η² + … (explicit map) and
             (τ²/s² + 2hτ)η² + … (proximal map).
Tight for.   Identities.
Reference.   docs/theory.md, drift-map, heat-step-practice and splitting-error.
"""

from collections.abc import Iterator
from typing import Any

from theory_checks.symbolic.two_state_bellman import symbol
from wconv.theory import NO_PROBLEM, Item, case, check, control, exactly

CASES = [case(NO_PROBLEM)]
CONTROLS = [
    control("step off by a millionth", on=CASES[0], constants={"eta": 1.000001}),
    control("curvature off by a millionth", on=CASES[0], constants={"h": 0.999999}),
    control("temperature off by a millionth", on=CASES[0], constants={"tau": 1.000001}),
]


EXPLICIT, PROXIMAL = "explicit map", "proximal map"


def factor(name: str, h: Any, eta: Any) -> Any:
    """ρ: what a drift map leaves of x − c."""
    return 1 - eta * h if name == EXPLICIT else 1 / (1 + eta * h)


def at_rest(name: str, h: Any, tau: Any, eta: Any) -> Any:
    """(τ/h)/(1 − ηh/2) and (τ/h)(1 + ηh)²/(1 + ηh/2)."""
    if name == EXPLICIT:
        return tau / h / (1 - eta * h / 2)
    return tau / h * (1 + eta * h) ** 2 / (1 + eta * h / 2)


def deviation(s: Any, h: Any, tau: Any, eta: Any) -> Any:
    """σ = (s + √(s² + 4ητ(1 + ηh)))/(2(1 + ηh))."""
    import sympy as sp

    return (s + sp.sqrt(s**2 + 4 * eta * tau * (1 + eta * h))) / (2 * (1 + eta * h))


def maps(h: Any, eta: Any) -> tuple[Any, Any, Any]:
    """The proximal map from the stationarity of its objective, the objective there, and the explicit map."""
    import sympy as sp

    a, x, c, stiff, step = (symbol(name) for name in ("a", "x", "c", "h", "eta"))
    objective = -stiff * (a - c) ** 2 / 2 - (a - x) ** 2 / (2 * step)
    best = sp.solve(sp.diff(objective, a), a)[0]
    return (
        sp.cancel(best - (x + eta * h * c) / (1 + eta * h)),
        sp.cancel(objective.subs(a, best) + h * (x - c) ** 2 / (2 * (1 + eta * h))),
        sp.cancel(x - step * stiff * (x - c) - best - eta * h * (best - x)),
    )


def stays(name: str, h: Any, tau: Any, eta: Any) -> Any:
    """ρ²v + 2τη − v at the v of the given constants."""
    import sympy as sp

    v, t, step = at_rest(name, h, tau, eta), symbol("tau"), symbol("eta")
    return sp.cancel(factor(name, symbol("h"), step) ** 2 * v + 2 * t * step - v)


def first_order(name: str, tau: Any) -> Any:
    """dv/dη at η = 0, less τ/2 or 3τ/2."""
    import sympy as sp

    eta = symbol("eta")
    slope = sp.diff(at_rest(name, symbol("h"), symbol("tau"), eta), eta).subs(eta, 0)
    return sp.cancel(slope - (tau / 2 if name == EXPLICIT else 3 * tau / 2))


def excess(name: str, h: Any, tau: Any) -> list[Any]:
    """Taylor coefficients 0 to 2 in η of the split variance less the proximal one, less those claimed."""
    import sympy as sp

    s, stiff, t, eta = (symbol(x) for x in ("s", "h", "tau", "eta"))
    split = factor(name, stiff, eta) ** 2 * s**2 + 2 * t * eta
    difference = split - deviation(s, stiff, t, eta) ** 2
    second = tau**2 / s**2 + 2 * h * tau - (2 * h**2 * s**2 if name == EXPLICIT else 0)
    claimed = (0, 0, 2 * second)
    return [sp.simplify(sp.diff(difference, eta, k).subs(eta, 0) - claimed[k]) for k in range(3)]


@check("prox-quadratic", cases=CASES, controls=CONTROLS, kind="symbolic")
def prox_quadratic(_: None) -> Iterator[Item]:
    """Differences that must vanish; τ, η and h of the proved side are free."""
    import sympy as sp

    t, eta, h, s = symbol("tau"), symbol("eta"), symbol("h"), symbol("s")
    for k, what in enumerate(("proximal map", "envelope", "explicit map less proximal map")):

        def entry(h: Any, eta: Any, k: int = k) -> Any:
            return maps(h, eta)[k]

        yield exactly(what, entry, h=h, eta=eta)
    for name in (EXPLICIT, PROXIMAL):

        def kept(h: Any, tau: Any, eta: Any, name: str = name) -> Any:
            return stays(name, h, tau, eta)

        def slope(tau: Any, name: str = name) -> Any:
            return first_order(name, tau)

        def score(h: Any, tau: Any, eta: Any, name: str = name) -> Any:
            spread = tau / h * (1 if name == EXPLICIT else 1 + eta * h)
            return sp.cancel(
                factor(name, symbol("h"), symbol("eta")) + t * symbol("eta") / spread - 1
            )

        def second(h: Any, tau: Any, name: str = name) -> Any:
            return sum(sp.Abs(x) for x in excess(name, h, tau))

        yield exactly(f"{name}, noise kept: the variance stays", kept, h=h, tau=t, eta=eta)
        yield exactly(f"{name}: its first order in eta", slope, tau=t)
        yield exactly(f"{name}, score: the deviation stays", score, h=h, tau=t, eta=eta)
        yield exactly(f"{name}: split less proximal variance", second, h=h, tau=t)

    def optimal(h: Any, tau: Any, eta: Any) -> Any:
        sigma = deviation(s, h, tau, eta)
        slope = symbol("tau") / sigma - symbol("h") * sigma - (sigma - s) / symbol("eta")
        return sp.simplify(slope * sigma)

    def gibbs(h: Any, tau: Any) -> Any:
        variance = symbol("tau") / symbol("h")  # s = σ in (1 + ηh)σ² = sσ + ητ
        return sp.cancel((1 + eta * h) * variance - variance - eta * tau)

    yield exactly("the proximal scheme on Gaussians", optimal, h=h, tau=t, eta=eta)
    yield exactly("it leaves tau/h", gibbs, h=h, tau=t)
