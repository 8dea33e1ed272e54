"""one-step-delta  The errors δ and δ_3 of one Langevin step, term by term.

Setting.     a_t = a_0 + tb(a_0) + √(2τt)ξ for t ≤ η, ξ standard Gaussian in dimension d (1, 2, 3);
             ρ_t the law of a_t, g = ∇log(ρ_t/p), b = τ∇log p, e = E[b(a_0) − b(a_t)|a_t], so that
             dKL(ρ_t‖p)/dt = −τE|g|² + E⟨e, g⟩. L and L_2 are the Lipschitz constants of b and ∇b.
Hypotheses.  None: these are the identities of the proofs; their inequalities are squares that are left out.
Claim.       E|a_t−a_0|² = t²|b|² + 2τtd;  E|a_t−a_0|⁴ = t⁴|b|⁴ + 4τ(d+2)t³|b|² + 4τ²t²d(d+2);
             −τg² + eg = −(τ/2)g² + e²/(2τ) − (τ/2)(g−e/τ)², and δ = ∫_0^η L²/(2τ)·E|a_t−a_0|² dt.
             (1+tb')e = tb'(b + 2τg) + r with the Taylor remainder r, by Tweedie's formula;
             E_ρ|b|² = −τE_ρ[b'] − τE_ρ[bg]; for t ≤ 1/(13L) all terms in g spend at most 31/72 ≤ ½ of τI;
             δ_3 = (169/144)∫_0^η (2/τ)[2dτL³t² + ¼L_2²E|a_t−a_0|⁴]dt.
Tight for.   Identities.
Reference.   docs/theory.md, one-step-kl and wpgd-bias-two; Wasserstein policy gradient, Lemma 4.12.
"""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

from theory_checks.symbolic.fokker_planck import jets
from theory_checks.symbolic.gaussian_closure import vector
from theory_checks.symbolic.two_state_bellman import symbol
from wconv.theory import NO_PROBLEM, Item, case, check, control, exactly

CASES = [case(NO_PROBLEM)]
CONTROLS = [
    control("temperature off by a millionth", on=CASES[0], constants={"tau": 1.000001}),
    control("Lipschitz constant off by a millionth", on=CASES[0], constants={"L": 0.999999}),
    control("dimension off by a millionth", on=CASES[0], constants={"d": 1.000001}),
]


def moment(power: int, dim: int, tau: Any) -> Any:
    """E|tb + √(2τt)ξ|^power less its closed form with the given τ, power 2 or 4."""
    import sympy as sp

    t, heat, b, xi = symbol("t"), symbol("tau"), vector("b", dim), vector("xi", dim)
    square = sum((t * x + sp.sqrt(2 * heat * t) * z) ** 2 for x, z in zip(b, xi, strict=True))
    terms = sp.Poly(sp.expand(square ** (power // 2)), *xi).terms()
    mean = sum(c * prod(gaussian_moment(k) for k in powers) for powers, c in terms)
    norm = sum(x**2 for x in b)
    if power == 2:
        return sp.expand(mean) - second_moment(t, norm, dim, tau)
    return sp.expand(mean) - fourth_moment(t, norm, norm**2, dim, tau)


def gaussian_moment(k: int) -> int:
    """E ξ^k: (k−1)!! for even k, 0 for odd."""
    return 0 if k % 2 else prod(range(1, k, 2))


def second_moment(t: Any, B2: Any, d: Any, tau: Any) -> Any:
    """t²E|b|² + 2τtd."""
    return t**2 * B2 + 2 * tau * t * d


def fourth_moment(t: Any, B2: Any, B4: Any, d: Any, tau: Any) -> Any:
    """t⁴E|b|⁴ + 4τ(d+2)t³E|b|² + 4τ²t²d(d+2)."""
    return t**4 * B4 + 4 * tau * (d + 2) * t**3 * B2 + 4 * tau**2 * t**2 * d * (d + 2)


def delta(L: Any, d: Any) -> Any:
    """∫_0^η L²/(2τ)·E|a_t−a_0|² dt − L²(B²η³/(6τ) + dη²/2), the second with the given L and d."""
    import sympy as sp

    t, eta, tau, B2 = (symbol(name) for name in ("t", "eta", "tau", "B_2"))
    rate = symbol("L") ** 2 / (2 * tau) * second_moment(t, B2, symbol("d"), tau)
    return sp.integrate(sp.expand(rate), (t, 0, eta)) - L**2 * (
        B2 * eta**3 / (6 * tau) + d * eta**2 / 2
    )


def delta_three(L: Any, d: Any) -> Any:
    """(169/144)∫_0^η (2/τ)[2dτL³t² + ¼L_2²E|a_t−a_0|⁴]dt − δ_3, the second with the given L and d."""
    import sympy as sp

    names = ("t", "eta", "tau", "B_2", "B_4", "L_2")
    t, eta, tau, B2, B4, L2 = (symbol(name) for name in names)
    dim, factor = symbol("d"), sp.Rational(169, 144)
    remainder = L2**2 / 4 * fourth_moment(t, B2, B4, dim, tau)
    rate = factor * 2 / tau * (2 * dim * tau * symbol("L") ** 3 * t**2 + remainder)
    closed = factor * (
        (4 * d * L**3 + 2 * L2**2 * tau * d * (d + 2)) * eta**3 / 3
        + L2**2 * (d + 2) * B2 * eta**4 / 2
        + L2**2 * B4 * eta**5 / (10 * tau)
    )
    return sp.integrate(sp.expand(rate), (t, 0, eta)) - closed


def completed_square(tau: Any) -> Any:
    """−τg² + eg against −(τ/2)g² + e²/(2τ) − (τ/2)(g − e/τ)²."""
    g, e, t = symbol("g"), symbol("e"), symbol("tau")
    return -t * g**2 + e * g + tau / 2 * g**2 - e**2 / (2 * tau) + tau / 2 * (g - e / tau) ** 2


def split_square() -> Any:
    """ug against (τ/4)g² + u²/τ − (τ/4)(g − 2u/τ)²: a quarter of τI pays for (1/τ)|u|²."""
    g, u, tau = symbol("g"), symbol("u"), symbol("tau")
    return u * g - tau / 4 * g**2 - u**2 / tau + tau / 4 * (g - 2 * u / tau) ** 2


def tweedie(tau: Any) -> Any:
    """(1+tb')e − tb'(b + 2τg) − r for e = −b'E[a_t−a_0|a_t] + r, E[a_t−a_0|a_t] = t(b+e) − 2τt(log ρ)'."""
    import sympy as sp

    t, b, slope, g, r, heat, e = (
        symbol(name) for name in ("t", "b", "b_prime", "g", "r", "tau", "e")
    )
    score = g + b / heat  # (log ρ)' = (log ρ/p)' + (log p)'
    (solved,) = sp.solve(-slope * (t * (b + e) - 2 * heat * t * score) + r - e, e)
    return (1 + t * slope) * solved - t * slope * (b + 2 * tau * g) - r


def by_parts(tau: Any) -> Any:
    """ρb² + τρb' + τρbg − τ(ρb)', g = (log ρ)' − b/τ, for undefined ρ and b."""
    import sympy as sp

    x, heat = symbol("x"), symbol("tau")
    rho, b = sp.Function("rho")(x), sp.Function("b")(x)
    g = rho.diff(x) / rho - b / heat
    return jets(rho * b**2 + tau * (rho * b.diff(x) + rho * b * g - (rho * b).diff(x)))


def absorbed(L: Any) -> Any:
    """Shares of τI at t = 1/(13L): 2tL/(1−tL) for tb'·2τg, ¼ for the square, and 2(tL)²/(1−tL)² for |b|²."""
    import sympy as sp

    reach = L / (13 * symbol("L"))
    inverse = 1 / (1 - reach)
    return (
        2 * reach * inverse + sp.Rational(1, 4) + 2 * (reach * inverse) ** 2 - sp.Rational(31, 72)
    )


def inflation(L: Any) -> Any:
    """1/(1−tL)² = 169/144 at t = 1/(13L)."""
    import sympy as sp

    return 1 / (1 - L / (13 * symbol("L"))) ** 2 - sp.Rational(169, 144)


@check("one-step-delta", cases=CASES, controls=CONTROLS, kind="symbolic")
def one_step_delta(_: None) -> Iterator[Item]:
    """Differences that must vanish; τ, L and d of the proved side are free."""
    tau, L, d = symbol("tau"), symbol("L"), symbol("d")
    for power in (2, 4):
        for dim in (1, 2, 3):
            name = f"E|a_t - a_0|^{power} in dimension {dim}"
            yield exactly(name, partial(moment, power, dim), tau=tau)
    yield exactly("a square is left out", completed_square, tau=tau)
    yield exactly("delta", delta, L=L, d=d)
    yield exactly("Tweedie's equation for e", tweedie, tau=tau)
    yield exactly("E|b|^2 by parts", by_parts, tau=tau)
    yield exactly("a quarter of tau I is spent", split_square)
    yield exactly("31/72 of tau I is absorbed", absorbed, L=L)
    yield exactly("169/144", inflation, L=L)
    yield exactly("delta_3", delta_three, L=L, d=d)
