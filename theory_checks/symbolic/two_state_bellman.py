"""two-state-bellman  Residual, performance difference and Gibbs optimality, for all two-state MDPs.

Setting.     Two states, two actions, all rewards, transitions, discounts, temperatures, reference
             masses and policies as symbols. State 0 is shown; state 1 is state 0 relabelled.
Hypotheses.  None: the policies are positive.
Claim.       V^π = (I−γP_π)^{-1}r_π solves T^πV = V;  T V − T^πV = τKL(π‖p_V);  R^π = τKL(π‖p^π);
             V^{π'}−V^π = (I−γP_{π'})^{-1}[T^{π'}V^π − V^π];  the Gibbs policy is the only maximiser.
Tight for.   Identities.
Reference.   docs/theory.md, section 2.
"""

from collections.abc import Iterator
from typing import Any

from wconv.theory import NO_PROBLEM, Item, case, check, control, exactly

CASES = [case(NO_PROBLEM)]
CONTROLS = [
    control("temperature off by a millionth", on=CASES[0], constants={"tau": 1.000001}),
    control("discount off by a millionth", on=CASES[0], constants={"gamma": 0.999999}),
]


def symbol(name: str) -> Any:
    """A positive symbol."""
    import sympy

    return sympy.Symbol(name, positive=True)


def table(name: str) -> list[list[Any]]:
    """Four positive symbols name_sa."""
    return [[symbol(f"{name}_{s}{a}") for a in (0, 1)] for s in (0, 1)]


def policy(name: str) -> list[list[Any]]:
    """Masses x_s, 1 − x_s."""
    return [[symbol(f"{name}_{s}"), 1 - symbol(f"{name}_{s}")] for s in (0, 1)]


def quality(V: Any, gamma: Any) -> list[list[Any]]:
    """q(s, a) = r(s, a) + γ Σ P(s'|s, a)V(s'), with P(0|s, a) = p_sa."""
    r, p = table("r"), table("p")
    return [
        [r[s][a] + gamma * (p[s][a] * V[0] + (1 - p[s][a]) * V[1]) for a in (0, 1)] for s in (0, 1)
    ]


def evaluation(pi: Any, logs: Any, V: Any, gamma: Any, tau: Any) -> list[Any]:
    """T^πV = Σ π(q − τ log f), with log f(s, a) as the symbols ``logs``."""
    q = quality(V, gamma)
    return [sum(pi[s][a] * (q[s][a] - tau * logs[s][a]) for a in (0, 1)) for s in (0, 1)]


def value(pi: Any, logs: Any, gamma: Any, tau: Any) -> list[Any]:
    """V^π = (I − γP_π)^{-1} r_π by Cramer's rule."""
    b = evaluation(pi, logs, (0, 0), 0, tau)
    to_zero = [sum(x * y for x, y in zip(pi[s], table("p")[s], strict=True)) for s in (0, 1)]
    (k, l), (m, n) = [(gamma * z, gamma * (1 - z)) for z in to_zero]
    determinant = (1 - k) * (1 - n) - l * m
    return [((1 - n) * b[0] + l * b[1]) / determinant, (m * b[0] + (1 - k) * b[1]) / determinant]


def divergence(pi: Any, logs: Any, V: Any, gamma: Any, tau: Any, log_z: Any) -> Any:
    """KL(π‖p_V) in state 0, with log dp_V/dμ = q/τ − log z and log z = TV/τ (see gibbs_identity)."""
    q = quality(V, gamma)
    return sum(pi[0][a] * (logs[0][a] - q[0][a] / tau + log_z) for a in (0, 1))


@check("two-state-bellman", cases=CASES, controls=CONTROLS, kind="symbolic")
def two_state_bellman(_: None) -> Iterator[Item]:
    """Differences that must vanish; the free constants belong to the proved side."""
    g, t, log_z = symbol("gamma"), symbol("tau"), symbol("log_z")
    pi, new, log_pi, log_new = policy("x"), policy("y"), table("f"), table("h")
    own = value(pi, log_pi, g, t)

    def fixed_point(gamma: Any) -> Any:
        return evaluation(pi, log_pi, own, gamma, t)[0] - own[0]

    def residual(tau: Any) -> Any:
        return t * log_z - own[0] - tau * divergence(pi, log_pi, own, g, t, log_z)

    def performance_difference(gamma: Any) -> Any:
        rise = [a - b for a, b in zip(value(new, log_new, g, t), own, strict=True)]
        gain = evaluation(new, log_new, own, g, t)[0] - own[0]
        ahead = (
            evaluation(new, log_new, rise, gamma, 0)[0]
            - evaluation(new, log_new, (0, 0), gamma, 0)[0]
        )
        return rise[0] - ahead - gain

    yield exactly("T^pi V^pi = V^pi", fixed_point, gamma=g)
    yield exactly("TV - T^pi V = tau KL(pi|p_V)", lambda tau: gibbs_identity(t, tau), tau=t)
    yield exactly("R = tau KL(pi|p^pi)", residual, tau=t)
    yield exactly("(I - gamma P')(V' - V) = T' V - V", performance_difference, gamma=g)
    yield exactly("the Gibbs policy is stationary", lambda tau: slope_at_gibbs(g, t, tau), tau=t)
    yield exactly(
        "strictly concave: second derivative -tau/(x(1-x))", lambda tau: curvature(t, tau), tau=t
    )


def gibbs_identity(t: Any, tau: Any) -> Any:
    """[TV − T^πV − τKL(π‖p_V)](0) with w_a = exp(q_a/τ), so that q_a = τ log w_a covers every V.

    TV = τ log z, z = Σ m w, and p_V = m w/z are written out as they are defined.
    """
    import sympy

    x, m, w = policy("x")[0], table("m")[0], [symbol("w_0"), symbol("w_1")]
    z = m[0] * w[0] + m[1] * w[1]
    T_pi = sum(x[a] * t * (sympy.log(w[a]) - sympy.log(x[a] / m[a])) for a in (0, 1))
    kl = sum(x[a] * sympy.log(x[a] / (m[a] * w[a] / z)) for a in (0, 1))
    return t * sympy.log(z) - T_pi - tau * kl


def slope_at_gibbs(g: Any, t: Any, tau: Any) -> Any:
    """d/dx [T^πV](0) at odds x/(1−x) = (m_0/m_1) exp((q_0 − q_1)/τ), by log-odds."""
    import sympy

    x, m = symbol("x_0"), table("m")
    logs = [[sympy.log(x / m[0][0]), sympy.log((1 - x) / m[0][1])], [0, 0]]
    V = (symbol("V_0"), symbol("V_1"))
    slope = sympy.diff(evaluation(policy("x"), logs, V, g, t)[0], x)
    q = quality(V, g)
    log_odds = sympy.log(m[0][0]) - sympy.log(m[0][1]) + (q[0][0] - q[0][1]) / tau
    expanded = sympy.expand_log(sympy.simplify(slope), force=True)
    return expanded.subs(sympy.log(x), sympy.log(1 - x) + log_odds)


def curvature(t: Any, tau: Any) -> Any:
    """The second derivative of [T^πV](0) in x = π(0|0), plus τ/(x(1−x))."""
    import sympy

    x, m = symbol("x_0"), table("m")
    logs = [[sympy.log(x / m[0][0]), sympy.log((1 - x) / m[0][1])], [0, 0]]
    free = (symbol("V_0"), symbol("V_1"))
    return sympy.diff(evaluation(policy("x"), logs, free, 0, t)[0], x, 2) + tau / (x * (1 - x))
