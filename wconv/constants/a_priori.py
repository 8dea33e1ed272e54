"""The a-priori calculator of the Langevin discretisation: every constant from the problem's data.

Moments, values and log-Sobolev constants of the iterates bound each other; the bounds close at the
least fixed point of one scalar map, in the half oscillation v of the values [WPG Prop. 4.14]. The map
is increasing and convex, so Newton's method from below finds that point or proves that there is
none. α is as small as e^{-osc(q)/τ}: it is carried as a logarithm, and so is all that follows from it.
"""

from dataclasses import dataclass
from math import exp, expm1, floor, inf, isfinite, log, log1p, sqrt
from typing import Final, Literal, NamedTuple

from wconv import _require as require
from wconv.constants.assumptions import Assumptions
from wconv.measured import EPS
from wconv.outcomes import Outcome, SolverError

SEARCH: Final = 200
"""Most steps of Newton's method, and most doublings in search of a feasible step."""

WIDTHS: Final = (1e-12, 1e-9, 1e-7)
"""Relative widths in which a v with F(v) ≤ v is looked for above a Newton iterate."""


@dataclass(frozen=True, repr=False)
class APriori:
    """Constants that hold at every iterate of the Langevin scheme with this step.

    ``v`` bounds osc(V_k)/2 and exceeds the least fixed point by at most ``v_error``; everything else
    is evaluated there: osc q ≤ ``osc_q``, C_LS(p_k) ≤ e^{log_C_LS}, |∇b| ≤ ``L_b``, |∇q| ≤ ``G``,
    E|a|² ≤ ``M`` (R^d alone), E|b|² ≤ ``B``², and the logarithms of δ, of c = 1 − e^{−ατη} and of the
    plateau τδ/((1−γ)²c) of E_k. Also V_k ≥ −R_max/(1−γ) − max(E_0, plateau).
    """

    assumptions: Assumptions
    log_step: float
    v: float
    v_error: float
    osc_q: float
    log_C_LS: float
    L_b: float
    G: float
    M: float | None
    B: float
    log_delta: float
    log_c: float
    log_plateau: float

    @property
    def step(self) -> float:
        """η (0 below the smallest float)."""
        return exp(self.log_step)

    @property
    def log_alpha(self) -> float:
        """log α, α = 1/C_LS."""
        return -self.log_C_LS

    @property
    def plateau(self) -> float:
        """τδ/((1−γ)²c), the bound on E_k that remains as k → ∞."""
        return exp(self.log_plateau)

    def __repr__(self) -> str:
        lines = [
            f"a priori at step {power(self.log_step)}"
            + (" (reflected: one-step-kl is not proved)" * self.assumptions.reflected),
            f"  values    osc(V)/2 <= {self.v:.6g} (± {self.v_error:.1e}), osc(q) <= {self.osc_q:.6g}",
            f"  drift     L_b = {self.L_b:.6g}, G = {self.G:.6g}, B = {self.B:.6g}"
            + ("" if self.M is None else f", M = {self.M:.6g}"),
            f"  LSI       C_LS <= {power(self.log_C_LS)}, alpha >= {power(self.log_alpha)}",
            f"  one step  delta = {power(self.log_delta)}, c = {power(self.log_c)}",
            f"  plateau   {power(self.log_plateau)} (E_0 <= {self.assumptions.E_0:.6g})",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class LargestStep:
    """η_0, the end of the interval (0, η_0] of feasible steps: log_lower ≤ log η_0 ≤ log_upper.

    ``end`` is what ends it: the "values", which have no fixed point beyond, the "moments", which ask for
    η ≤ 1/(4β), or "nothing": then the logarithms are infinite.
    """

    log_lower: float
    log_upper: float
    end: Literal["values", "moments", "nothing"]

    @property
    def limit(self) -> str:
        """What ends the interval, in words."""
        return {
            "values": "values: no fixed point",
            "moments": "moments: 1/(4 beta)",
            "nothing": "every step is feasible",
        }[self.end]

    @property
    def value(self) -> float:
        """e^{log_lower}, a feasible step; 0 when it is below the smallest float."""
        return inf if self.log_lower == inf else exp(self.log_lower)

    def __repr__(self) -> str:
        width = 0.0 if self.log_lower == inf else self.log_upper - self.log_lower
        return f"largest step {power(self.log_lower)} (relative error {width:.1e}; {self.limit})"


def a_priori(assumptions: Assumptions, step: float) -> APriori:
    """The constants of `a-priori` at step η, from the least fixed point v of v = F(v).

    F(v) = R_max/(1−γ) + max(E_0, τδ/((1−γ)²c))/2 with, at this v,
    osc q = 2(R_max + γv), 1/α = C_LS(μ)e^{osc q/τ}, L_b = β + L_r + γL_p v, G = G_r + γG_p v,
    M = max(M_0, (2/β)(G²/β + 2ηG² + 2τd)), B² = 2β²M + 2G² (compact: B = G),
    δ = L_b²(B²η³/(6τ) + dη²/2), c = 1 − e^{−ατη}. The v reported satisfies F(v) ≤ v in floating point,
    which is all that the induction over k needs.

    Raises:
        InputError: a step ≤ 0, above 1/(4β) on R^d, or with no fixed point; names η_0.
        SolverError: constants beyond floating point, at a huge step.

    """
    return a_priori_log(assumptions, log(require.positive("step", step, "give the step size η")))


def a_priori_log(assumptions: Assumptions, log_step: float) -> APriori:
    """``a_priori`` at log η, for steps below the smallest float."""
    log_eta = require.within("log_step", log_step, -inf, 700.0, "no float is that large")
    stable = 4 * assumptions.beta * exp(log_eta) <= 1
    closed = _close(assumptions, log_eta) if stable else None
    if closed is None:
        end = largest_step(assumptions)
        if end.end == "nothing":
            too_large = f"the plateau at step {power(log_eta)}: take a shorter step"
            raise SolverError(Outcome.NOT_FINITE, too_large)
        remedy = f"beyond that the bounds do not close ({end.limit})"
        require.fail("step", f"be at most {power(end.log_lower)}", power(log_eta), remedy)
    low, v = closed
    at = _level(assumptions, log_eta, v)
    return APriori(
        assumptions,
        log_eta,
        v,
        v - low + 4 * EPS * v,
        at.osc_q,
        at.log_C_LS,
        at.L_b,
        at.G,
        at.M if assumptions.beta > 0 else None,
        sqrt(at.B_squared),
        at.log_delta,
        at.log_c,
        at.log_plateau,
    )


def largest_step(assumptions: Assumptions) -> LargestStep:
    """η_0 = sup of the steps for which ``a_priori`` has a fixed point, by bisection of log η.

    The feasible steps are an interval (0, η_0], as F increases in η. On R^d η_0 ≤ 1/(4β). At discount 0
    F does not depend on v, so that there is always a fixed point.

    Raises:
        SolverError: constants beyond floating point even as logarithms.

    """
    top = -log(4 * assumptions.beta) if assumptions.beta > 0 else 699.0
    closes = assumptions.discount == 0 or _close(assumptions, top) is not None
    if closes and assumptions.beta == 0:
        return LargestStep(inf, inf, "nothing")
    low, high = (top, top) if closes else _boundary(assumptions, top)
    slack = 64 * EPS * (1 + abs(low))
    return LargestStep(low - slack, high + slack, "moments" if closes else "values")


def _boundary(data: Assumptions, infeasible: float) -> tuple[float, float]:
    """Neighbouring log η, the first feasible, the second not."""
    high, stride = infeasible, 1.0
    for _ in range(SEARCH):
        low = high - stride
        if _close(data, low) is not None:
            break
        high, stride = low, 2 * stride
    else:
        raise SolverError(Outcome.NOT_FINITE, "no feasible step was found: rescale the problem")
    while low < (middle := (low + high) / 2) < high:
        if _close(data, middle) is None:
            high = middle
        else:
            low = middle
    return low, high


def _close(data: Assumptions, log_eta: float) -> tuple[float, float] | None:
    """(v, v') with v at most the least fixed point and F(v') ≤ v' just above it; None without one."""
    v = data.R_max / (1 - data.discount) + data.E_0 / 2
    if _level(data, log_eta, v).image <= v:  # the plateau is below E_0: v is the fixed point
        return v, v
    for _ in range(SEARCH):
        for width in WIDTHS:
            above = v * (1.0 + width)
            if _level(data, log_eta, above).image <= above:
                return v, above
        at = _level(data, log_eta, v)
        bend = 1.0 - at.slope
        # F is convex and v at most its least fixed point: with F(v) > v and F'(v) ≥ 1 there is none.
        if not bend > 0 or not isfinite(at.image):
            return None
        v += (at.image - v) / bend
    return None


class _Level(NamedTuple):
    """Everything at one v, and F(v), F'(v)."""

    osc_q: float
    log_C_LS: float
    L_b: float
    G: float
    M: float
    B_squared: float
    log_delta: float
    log_c: float
    log_plateau: float
    image: float
    slope: float


def _level(data: Assumptions, log_eta: float, v: float) -> _Level:
    tau, gamma, beta, eta = data.temperature, data.discount, data.beta, exp(log_eta)
    osc_q = 2 * (data.R_max + gamma * v)
    log_C_LS = data.log_reference + osc_q / tau
    L_b, G = beta + data.L_r + gamma * data.L_p * v, data.G_r + gamma * data.G_p * v
    M, M_slope = data.M_0, 0.0
    if beta > 0:
        settled = 2 / beta * (G**2 * (1 / beta + 2 * eta) + 2 * tau * data.dim)
        if settled > M:
            M, M_slope = settled, 4 / beta * G * gamma * data.G_p * (1 / beta + 2 * eta)
        B_squared = 2 * beta**2 * M + 2 * G**2
        B_slope = 2 * beta**2 * M_slope + 4 * G * gamma * data.G_p
    else:
        B_squared, B_slope = G**2, 2 * G * gamma * data.G_p
    noise = data.dim / 2 + B_squared * eta / (6 * tau)
    log_delta = 2 * log(L_b) + 2 * log_eta + log(noise) if L_b > 0 else -inf
    log_c, share = _log_decay(log(tau) + log_eta - log_C_LS)
    log_plateau = log(tau) + log_delta - 2 * log1p(-gamma) - log_c
    plateau = exp(log_plateau) if log_plateau < 709 else inf
    image = data.R_max / (1 - gamma) + max(data.E_0, plateau) / 2
    slope = 0.0
    if plateau > data.E_0:
        relative = 2 * gamma * data.L_p / L_b + B_slope * eta / (6 * tau * noise)
        slope = plateau * (relative + share * 2 * gamma / tau) / 2
    return _Level(
        osc_q, log_C_LS, L_b, G, M, B_squared, log_delta, log_c, log_plateau, image, slope
    )


def _log_decay(log_x: float) -> tuple[float, float]:
    """log(1 − e^{−x}) and x/(e^x − 1) for x = e^{log_x}."""
    if log_x < -40:  # x below rounding
        return log_x, 1.0
    x = exp(min(log_x, 7.0))
    return log(-expm1(-x)), x / expm1(x) if x < 700 else 0.0


def power(log_value: float) -> str:
    """e^{log_value} as 3.2e-435, whatever its size."""
    if not isfinite(log_value):
        return "0" if log_value < 0 else "inf"
    tens = floor(log_value / log(10))
    digits = f"{exp(log_value - tens * log(10)):.6g}"
    return f"{digits}e{tens:+03d}" if not -4 <= tens <= 5 else f"{exp(log_value):.6g}"
