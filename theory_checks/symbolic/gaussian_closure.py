"""gaussian-closure  Gaussians stay Gaussian along the flow of a quadratic q.

Setting.     q(a) = −½a'Ha − f'a with symmetric H, on the line and in the plane, all numbers as symbols;
             π = N(m, Σ).
Hypotheses.  None: Σ is positive definite, H need not be.
Claim.       With ṁ = −(Hm + f) and Σ̇ = −HΣ − ΣH + 2τI, ∂_tπ = −∇·(π(∇q − τ∇log π)).
Tight for.   Identities.
Reference.   docs/theory.md, lq-closed-form.
"""

from collections.abc import Iterator
from typing import Any

from theory_checks.symbolic.fokker_planck import divergence, gradient
from theory_checks.symbolic.two_state_bellman import symbol
from wconv.theory import NO_PROBLEM, Item, case, check, control, exactly

CASES = [case(NO_PROBLEM)]
CONTROLS = [
    control("heat off by a millionth", on=CASES[0], constants={"tau": 1.000001}),
    control("curvature off by a millionth", on=CASES[0], constants={"h_11": 0.999999}),
]


def vector(name: str, dim: int) -> Any:
    """A column of symbols."""
    import sympy as sp

    return sp.Matrix([symbol(f"{name}_{i + 1}") for i in range(dim)])


def symmetric(name: str, dim: int) -> Any:
    """A symmetric matrix of symbols name_ij."""
    import sympy as sp

    return sp.Matrix(dim, dim, lambda i, j: symbol(f"{name}_{min(i, j) + 1}{max(i, j) + 1}"))


def transport(dim: int, tau: Any, h_11: Any) -> Any:
    """[∂_tπ + ∇·(π(∇q − τ∇log π))]/π, the velocities of m and Σ with the given τ and h_11."""
    import sympy as sp

    a, m, f = (vector(name, dim) for name in ("a", "m", "f"))
    H, Sigma, t = symmetric("h", dim), symmetric("s", dim), symbol("tau")
    moved = H.copy()
    moved[0, 0] = h_11
    m_dot = -(moved * m + f)
    Sigma_dot = -moved * Sigma - Sigma * moved + 2 * tau * sp.eye(dim)

    log_pi = -((a - m).T * Sigma.inv() * (a - m))[0] / 2 - sp.log(Sigma.det()) / 2
    change = sum(sp.diff(log_pi, m[i]) * m_dot[i] for i in range(dim))
    change += sum(
        sp.diff(log_pi, Sigma[i, j]) * Sigma_dot[i, j] for i in range(dim) for j in range(i, dim)
    )
    q = -(a.T * H * a)[0] / 2 - (f.T * a)[0]
    slope = gradient(log_pi, a)
    drift = [b - t * d for b, d in zip(gradient(q, a), slope, strict=True)]
    carried = sum(v * d for v, d in zip(drift, slope, strict=True))
    return change + divergence(drift, a) + carried


@check("gaussian-closure", cases=CASES, controls=CONTROLS, kind="symbolic")
def gaussian_closure(_: None) -> Iterator[Item]:
    """The transport equation divided by π, with the parameters moving as claimed."""
    for where, dim in (("line", 1), ("plane", 2)):

        def difference(tau: Any, h_11: Any, dim: int = dim) -> Any:
            return transport(dim, tau, h_11)

        yield exactly(
            f"{where}: N(m, Sigma) solves the flow's equation",
            difference,
            tau=symbol("tau"),
            h_11=symbol("h_11"),
        )
