"""lq-closed-form  Linear-quadratic control: the flow, its Langevin law and the optimum in closed form.

Setting.     x' = Ax + Ba + w, r = −½x'Mx − ½a'Na, N_β = N + βI with the reference N(0, τ/β): three problems
             (scalar, plane, unstable A) at the case's γ, τ, β; policies N(Kx, Σ), H = N_β + γB'ΠB,
             F = γB'ΠA. And contexts r(s, a) = −κ_s(a − c_s)²/2, h_s = κ_s + β, on a grid.
Hypotheses.  (H1) The case is a problem of such contexts on the Gaussian line.  (H2) √γ·specrad(A + BK) < 1
             at the start.  (H3) ηλ_max(H) < 2 at the start, and ηh_s < 2.
Claim.       Flow and Langevin recursion end at K* of the Riccati equation, the flow at Σ* = τH⁻¹, the
             recursion at τH⁻¹(I − ηH/2)⁻¹, at the cost V* − V = τKL/(1−γ). Along the flow
             V̇ = (I−γP)⁻¹τ²I ≥ (2τ/C_LS)R with C_LS = τ/λ_min(H). Both entropy conventions agree; on the
             grid the contexts' optimum and bias are the closed ones.
Tight for.   Identities.
Reference.   docs/theory.md, lq-closed-form.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

import wconv as wc
from wconv.measured import EPS
from wconv.theory import Item, at_least, case, check, condition, control, equal
from wconv.theory.bounds import bellman
from wconv.theory.bounds import wpg_lq as bounds

STEP: Final = 0.1
"""η of the Langevin recursion."""

SPAN: Final = 1.4
"""Over λ_max(H*): the time from which to twice which the rise of V is compared with its integrated rate."""

NODES: Final = 12
"""Gauss nodes for it; on all cases 8 change the integrals by 4e-11, 16 and 24 by 2e-12 relative."""

TABLE: Final = {
    "scalar": ([[0.9]], [[0.5]], [[1.0]], [[1.0]], [[0.2]]),
    "plane": (
        [[0.9, 0.3], [-0.2, 0.7]],
        [[0.4, 0.1], [0.0, 0.6]],
        [[1.0, 0.2], [0.2, 0.5]],
        [[1.0, 0.3], [0.3, 0.8]],
        [[0.1, 0.0], [-0.3, 0.2]],
    ),
    "unstable": (
        [[1.12, 0.2], [0.0, 0.6]],
        [[1.0], [0.0]],
        [[0.1, 0.0], [0.0, 0.2]],
        [[1.0]],
        [[-0.1, 0.0]],
    ),
}
"""A, B, M, N (times the stiffness of the first context) and the gain at the start. A grows by 1.12 a
step in the last problem, and by 1.02 under its start."""

PLAIN = case("quadratic-line")
CASES = [
    PLAIN,
    case("quadratic-line", discount=0.95, temperature=0.1),
    case("quadratic-line", discount=0.2, tier="all"),
    case("quadratic-line", confinement=0.25, spread=1.0, tier="all"),
    case("quadratic-line", curvature=4.0, temperature=2.0, tier="all"),
    case("quadratic-line", discount=0.99, expect="INAPPLICABLE", fails="H2"),
    case("quadratic-line", curvature=20.0, expect="INAPPLICABLE", fails="H3", tier="all"),
]
CONTROLS = [
    control("closed forms a thousandth too hot", on=PLAIN, constants={"tau": 1.001}),
    control("fixed point of a shorter step", on=PLAIN, constants={"eta": 0.9}),
    control("discount too small", on=PLAIN, constants={"gamma": 0.999}),
    control("measured at a lower temperature", on=PLAIN, dynamics={"temperature": 0.9}),
]


class Problem(NamedTuple):
    """A problem in the two conventions, where it starts, and the states that are looked at."""

    name: str
    lq: "wc.LQ"
    lebesgue: "wc.LQ"
    start: "wc.LinearGaussian"
    queries: np.ndarray

    @property
    def given(self) -> dict[str, Any]:
        """The data of a right side: [A B] and diag(M, N_β)."""
        lq, (n, m) = self.lebesgue, self.lebesgue.B.shape
        cost = np.block([[lq.M, np.zeros((n, m))], [np.zeros((m, n)), lq.N]])
        return {"model": np.hstack([lq.A, lq.B]), "cost": cost}


def problems(mdp: "wc.MDP", beta: float, stiffness: float) -> list[Problem]:
    """The problems of the table at the discount and temperature of an MDP."""
    made = []
    for name, (A, B, M, N, K) in TABLE.items():
        n, m = np.shape(B)

        def build(cost: np.ndarray, beta: float, A: Any = A, B: Any = B, M: Any = M) -> "wc.LQ":
            noise = 0.04 * np.eye(len(A))
            fixed = {"discount": mdp.gamma, "temperature": mdp.tau, "confinement": beta}
            return wc.make_lq(A, B, M, cost, noise=noise, **fixed)

        cost = stiffness * np.asarray(N)
        start = wc.LinearGaussian(np.array(K), 0.3 * np.eye(m) + 0.1)
        queries = np.vstack([np.zeros(n), np.linspace(-1.0, 2.0, n), np.eye(n)])
        lebesgue = build(cost + beta * np.eye(m), 0.0)
        made.append(Problem(name, build(cost, beta), lebesgue, start, queries))
    return made


class Contexts(NamedTuple):
    """κ_s and c_s (S,) read off the rewards, the law of the next context (S,), and β."""

    stiffness: "wc.Measured"
    centre: "wc.Measured"
    law: np.ndarray
    beta: float


def contexts(mdp: "wc.MDP") -> Contexts | None:
    """The problem as contexts with concave parabolas on the Gaussian line, or None."""
    space = mdp.grid.space
    if not isinstance(space, wc.GaussianLine) or not isinstance(mdp.P, np.ndarray):
        return None
    a, law = mdp.grid.nodes[:, 0], mdp.P[0, 0]
    at = np.array([0, mdp.grid.n // 2, mdp.grid.n - 1])
    slopes = np.diff(mdp.r[:, at], axis=1) / np.diff(a[at])
    kappa = -2.0 * (slopes[:, 1] - slopes[:, 0]) / (a[at[2]] - a[at[0]])
    if (kappa <= 0).any():
        return None
    centre = slopes[:, 0] / kappa + (a[at[0]] + a[at[1]]) / 2
    fit = -0.5 * kappa[:, None] * np.square(a - centre[:, None])
    size = float(np.abs(mdp.r).max())
    if np.abs(mdp.r - fit).max() > 64 * EPS * size or not np.array_equal(
        mdp.P, np.broadcast_to(law, mdp.P.shape)
    ):
        return None
    off = 16 * EPS * size / float(np.diff(a[at]).min()) ** 2
    reach = float(np.abs(a).max())
    return Contexts(
        wc.Measured.of(kappa, rounding=off),
        wc.Measured.of(centre, rounding=off * reach / kappa),
        law,
        mdp.tau / space.scale**2,
    )


@check("lq-closed-form", cases=CASES, controls=CONTROLS, actions="line")
def lq_closed_form(run: "wc.Run") -> Iterator[Item]:
    """Solvers and integrators against the closed forms, problem by problem."""
    found = contexts(run.mdp)
    yield condition("H1", found is not None, "parabolas on R" if found else "other rewards")
    if found is None:
        yield condition("H2", True, "not measured")
        yield condition("H3", True, "not measured")
        return
    stiff = float(found.stiffness.value[0])
    true = problems(run.mdp, found.beta, stiff)
    radius = max(
        float(np.abs(np.linalg.eigvals(p.lq.A + p.lq.B @ p.start.K)).max()) for p in true
    ) * np.sqrt(run.mdp.gamma)
    yield condition("H2", radius < 1, f"sqrt(gamma)*specrad(A + BK) = {radius:.6g}")
    if radius >= 1:
        yield condition("H3", True, "not measured")
        return
    begun = [np.linalg.eigvalsh(wc.evaluate_lq(p.lq, p.start).H)[-1] for p in true]
    steepest = STEP * max(*begun, float(found.stiffness.value.max()) + found.beta)
    yield condition("H3", steepest < 2, f"eta*lambda_max(H) = {steepest:.6g}")
    if steepest >= 2:
        return
    for proved, seen in zip(true, problems(run.system, found.beta, stiff), strict=True):
        yield from optimum_and_limits(proved, seen)
        yield from along_the_flow(proved, seen)
        yield from conventions(proved, seen)
    yield from one_dimensional_constant(true[0], problems(run.system, found.beta, stiff)[0])
    yield from on_the_grid(run, found)


def optimum_and_limits(proved: Problem, seen: Problem) -> Iterator[Item]:
    """Where solver, flow and recursion end."""
    name, lq = proved.name, proved.lebesgue
    best = wc.solve_lq(seen.lq)
    h = np.linalg.eigvalsh(best.value.H)
    flow = wc.gaussian_flow(seen.lq, seen.start, np.array([16.0, 32.0]) / h[0])
    steps = int(np.ceil(-16.0 / np.log(np.abs(1.0 - STEP * h).max())))
    langevin = wc.gaussian_langevin(seen.lq, seen.start, STEP, 2 * steps)
    middle_and_last = [steps, 2 * steps]
    K = wc.Measured.of(best.policy.K, solution=best.K_error)
    Sigma = wc.Measured.of(best.policy.Sigma, solution=best.Sigma_error)
    gains = wc.stack([K, settled(flow.K), settled(langevin.K[middle_and_last])])
    constants = {"gamma": lq.gamma, "tau": lq.tau}
    yield equal(
        f"{name}: solver, flow and Langevin end at the Riccati gain",
        gains,
        bounds.riccati_gain.given(**proved.given),
        over="route action coordinate",
        scale=float(np.linalg.norm(proved.start.K)),
        gamma=lq.gamma,
    )
    yield equal(
        f"{name}: solver and flow end at tau H^-1",
        wc.stack([Sigma, settled(flow.Sigma)]),
        bounds.gibbs_covariance.given(**proved.given),
        over="route row column",
        **constants,
    )
    yield equal(
        f"{name}: Langevin ends at tau H^-1 (I - eta H/2)^-1",
        settled(langevin.Sigma[middle_and_last]),
        bounds.langevin_covariance.given(**proved.given),
        over="row column",
        **constants,
        eta=STEP,
    )
    yield equal(
        f"{name}: V* - V = tau KL/(1 - gamma) there",
        wc.langevin_bias(best, STEP).at(proved.queries),
        bounds.langevin_bias.given(**proved.given),
        over="query",
        **constants,
        eta=STEP,
    )


def settled(path: "wc.Measured") -> "wc.Measured":
    """The second of two points of a path, with its distance to the limit as an error.

    The path closes in by e^{−16} or more from the first point to the second.
    """
    return path[1].with_error("limit", np.exp(-15.0) * np.abs(path.value[1] - path.value[0]).max())


def along_the_flow(proved: Problem, seen: Problem) -> Iterator[Item]:
    """The rise of the value against the integral of the resolvent of Fisher information."""
    name, lq, x = proved.name, proved.lebesgue, proved.queries
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    span = SPAN / float(np.linalg.eigvalsh(wc.solve_lq(proved.lq).value.H)[-1])
    path = wc.gaussian_flow(seen.lq, seen.start, span * np.array([1.0, *(1.5 + nodes / 2), 2.0]))
    inside = slice(1, -1)
    rise = value_at(path, -1, x) - value_at(path, 0, x)
    yield equal(
        f"{name}: V rises by the integral of (I - gamma P)^-1 tau^2 I",
        rise,
        bounds.flow_rise.given(
            K=path.K[inside], Sigma=path.Sigma[inside], noise=lq.noise, points=x, **proved.given
        ),
        over="query",
        tau=lq.tau,
        gamma=lq.gamma,
        span=span,
    )
    integral = wc.Measured.of(np.zeros(len(x)))
    for weight, value in zip(span / 2 * weights, path.evaluations[inside], strict=True):
        integral = integral + weight * value.residual.at(x)
    yield at_least(
        f"{name}: V rises at least by 2 tau/C_LS times the integral of R",
        rise,
        bounds.residual_rise.given(residual=integral),
        over="query",
        tau=lq.tau,
        C_LS=path.evaluations[-1].log_sobolev,
    )


def value_at(path: "wc.GaussianPath", k: int, x: np.ndarray) -> "wc.Measured":
    """V at the points x (p, n) of the k-th policy, and what the error of the policy makes of it."""
    V, Sigma = path.evaluations[k].V, path.Sigma.upper[k]
    moved = wc.LinearGaussian(path.K.upper[k], (Sigma + Sigma.T) / 2)
    change = (wc.evaluate_lq(path.lq, moved).V - V).at(x)
    return V.at(x).with_error("time step", np.abs(change.value) + change.error)


def conventions(proved: Problem, seen: Problem) -> Iterator[Item]:
    """The Gaussian reference with N against Lebesgue with N + βI."""
    name, lq, x = proved.name, proved.lebesgue, proved.queries
    optima = [wc.solve_lq(one).value.V for one in (seen.lq, seen.lebesgue)]
    values = [wc.evaluate_lq(one, seen.start).V for one in (seen.lq, seen.lebesgue)]
    constants = {"gamma": lq.gamma, "tau": lq.tau}
    yield equal(
        f"{name}: V* in closed form",
        optima[1].at(x),
        bounds.optimal_value.given(noise=lq.noise, points=x, **proved.given),
        over="query",
        **constants,
    )
    yield equal(
        f"{name}: V_Leb - V = (m/2) tau log(2 pi tau/beta)/(1 - gamma)",
        (values[1] - values[0]).at(x),
        bounds.reference_shift.given(),
        over="query",
        **constants,
        beta=proved.lq.beta,
        dim=len(lq.N),
    )
    yield equal(
        f"{name}: the gap is the same in both conventions",
        (optima[0] - values[0]).at(x),
        bellman.itself.given(value=(optima[1] - values[1]).at(x)),
        over="query",
    )


def one_dimensional_constant(proved: Problem, seen: Problem) -> Iterator[Item]:
    """C_LS of the Gibbs density of the scalar problem, measured as that of any density on R."""
    lq, best = proved.lebesgue, wc.solve_lq(seen.lq).value
    height = float(best.H[0, 0]) / (2 * seen.lq.tau)
    found = wc.log_sobolev(lambda a: -height * a * a, on=wc.Interval(-np.inf, np.inf))
    yield equal(
        "scalar: C_LS of the Gibbs density is tau/lambda_min(H)",
        found.measured,
        bounds.gibbs_log_sobolev.given(**proved.given),
        gamma=lq.gamma,
        tau=lq.tau,
    )


def on_the_grid(run: "wc.Run", found: Contexts) -> Iterator[Item]:
    """The tabular solver on the contexts against their Gaussians."""
    tau, beta, grid, best = run.mdp.tau, found.beta, run.mdp.grid, run.solution.policy
    parabolas = {"stiffness": found.stiffness, "centre": found.centre}
    a, kappa = grid.nodes[:, 0], found.stiffness.value
    lost = quadrature(run, found)
    mean = best.pi @ a
    variance = (best.pi * np.square(a - mean[:, None])).sum(axis=1)
    # Rounding of exponents, relative to masses.
    rounded = 16 * EPS * float(np.abs(run.mdp.r).max()) / tau * (best.pi @ (1 + a**2))
    yield equal(
        "contexts: mean of the optimal policy",
        wc.Measured.of(mean, quadrature=lost, rounding=rounded),
        bounds.context_mean.given(**parabolas),
        over="state",
        beta=beta,
    )
    yield equal(
        "contexts: variance of the optimal policy",
        wc.Measured.of(variance, quadrature=lost, rounding=rounded),
        bounds.context_variance.given(stiffness=found.stiffness),
        over="state",
        beta=beta,
        tau=tau,
    )
    horizon = {"tau": tau, "beta": beta, "gamma": run.mdp.gamma}
    far = lost * tau / (1 - run.mdp.gamma)
    yield equal(
        "contexts: V*",
        run.solution.measured.with_error("quadrature", far),
        bounds.context_value.given(law=found.law, **parabolas),
        over="state",
        **horizon,
    )
    h = (kappa + beta)[:, None]
    off = a - kappa[:, None] * found.centre.value[:, None] / h
    logits = -np.square(off) * h * (1 - STEP * h / 2) / (2 * tau) + beta * np.square(a) / (2 * tau)
    limit = run.evaluate(wc.softmax_policy(logits, grid)).measured
    yield equal(
        "contexts: V* - V of the Langevin limit",
        (run.solution.measured - limit).with_error("quadrature", 2 * far),
        bounds.context_bias.given(stiffness=found.stiffness, law=found.law),
        over="state",
        **horizon,
        eta=STEP,
    )


def quadrature(run: "wc.Run", found: Contexts) -> float:
    """What sums over nodes miss of integrals of 1, a and a² against the contexts' Gaussians.

    Aliasing by Poisson's formula for the narrowest law, the tails of the widest one, and those of μ.
    """
    grid, h = run.mdp.grid, found.stiffness.value + found.beta
    edge, wave = float(np.abs(grid.nodes).max()), 2 * np.pi / grid.spacing[0]
    narrow, wide = run.mdp.tau / h.max(), (run.mdp.tau / (h * (1 - STEP * h / 2))).max()
    alias = (1 + (narrow * wave) ** 2) * np.exp(-0.5 * narrow * wave**2)
    away = edge - float(np.abs(found.centre.value).max())
    tails = (1 + edge**2) * np.exp(-0.5 * away**2 / wide) + grid.truncation
    return float(4 * (alias + tails))
