"""lq-fixed-point  Where the Langevin recursion of a quadratic q ends, and what it costs.

Setting.     b(a) = −H(a − m) with symmetric positive H, a ← a + ηb + √(2τη)ξ, on the line and in the plane;
             Gibbs covariance τH⁻¹.
Hypotheses.  None: ηλ_max(H) < 2 makes Σ positive definite, the algebra does not need it.
Claim.       Σ = τH⁻¹(I − ηH/2)⁻¹ solves Σ = (I − ηH)Σ(I − ηH) + 2τηI. On the line KL(N(m, Σ)‖N(m, τ/h)) =
             ½[y − 1 − log y], y = 1/(1 − ηh/2), is η²h²/16·(1 + ⅔ηh + …): the bias of WPGD is of second
             order in η.
Tight for.   Identities.
Reference.   docs/theory.md, lq-closed-form and wpgd-bias-two.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from theory_checks.symbolic.gaussian_closure import symmetric
from theory_checks.symbolic.two_state_bellman import symbol
from wconv.theory import NO_PROBLEM, Item, case, check, control, exactly

CASES = [case(NO_PROBLEM)]
CONTROLS = [
    control("step off by a millionth", on=CASES[0], constants={"eta": 1.000001}),
    control("temperature off by a millionth", on=CASES[0], constants={"tau": 0.999999}),
    control("curvature off by a millionth", on=CASES[0], constants={"h": 1.000001}),
]


def covariance(dim: int, tau: Any, eta: Any) -> Any:
    """Σ = τH⁻¹(I − ηH/2)⁻¹."""
    import sympy as sp

    H = symmetric("h", dim)
    return tau * (H * (sp.eye(dim) - eta * H / 2)).inv()


def recursion(dim: int, row: int, column: int, tau: Any, eta: Any) -> Any:
    """An entry of (I − ηH)Σ(I − ηH) + 2τηI − Σ, Σ with the given τ and η."""
    import sympy as sp

    H, t, step = symmetric("h", dim), symbol("tau"), symbol("eta")
    Sigma, shrink = covariance(dim, tau, eta), sp.eye(dim) - step * H
    left = shrink[row, :] * Sigma * shrink[:, column]
    return left[0] + 2 * t * step * sp.eye(dim)[row, column] - Sigma[row, column]


def derivative_at_zero(order: int) -> Any:
    """d^k/dη^k of KL(N(0, Σ)‖N(0, τ/h)) at η = 0, from the divergence of two Gaussians."""
    import sympy as sp

    h, eta, tau = symbol("h"), symbol("eta"), symbol("tau")
    ratio = sp.cancel(tau / (h * (1 - eta * h / 2)) / (tau / h))
    kl = (ratio - 1 - sp.log(ratio)) / 2
    return sp.diff(kl, eta, order).subs(eta, 0)


@check("lq-fixed-point", cases=CASES, controls=CONTROLS, kind="symbolic")
def lq_fixed_point(_: None) -> Iterator[Item]:
    """Differences that must vanish; τ, η and h of the proved side are free."""
    t, eta, h = symbol("tau"), symbol("eta"), symbol("h")
    for where, entries in (("line", [(0, 0)]), ("plane", [(0, 0), (0, 1), (1, 1)])):
        dim = entries[-1][0] + 1
        for i, j in entries:
            entry = partial(recursion, dim, i, j)
            yield exactly(f"{where}: Sigma_{i + 1}{j + 1} stays", entry, tau=t, eta=eta)
    yield exactly("KL has no term of first order in eta", lambda: derivative_at_zero(1))
    yield exactly("KL = eta^2 h^2/16 + ...", lambda h: derivative_at_zero(2) - h**2 / 8, h=h)
    yield exactly("... + eta^3 h^3/24", lambda h: derivative_at_zero(3) - h**3 / 4, h=h)
