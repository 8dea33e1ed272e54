"""Right-hand sides about policies of N particles [docs/theory.md, section 8].

φ_x = N(x, σ²I), σ² = 2τη, about a centre x; ρ_1, …, ρ_N laws of independent centres X_i with mean ρ,
π = ∫φ_x ρ(dx), π̂ = (1/N)Σ_i φ_{X_i}, so that E π̂ = π. Y = π̂/π, C = E_ρ χ²(φ_X‖π) = E_ρ∫φ_X²/π − 1.

Deficit. H(π) − E H(π̂) = E KL(π̂‖π), as E∫π̂ log π = ∫π log π. It is the mean of log Y(y) over i, X_i and
y ~ φ_{X_i}. Jensen over the X_j, j ≠ i, then over (i, X_i, y), with Σ_{j≠i} ∫φρ_j = Nπ − ∫φρ_i:
    E KL(π̂‖π) ≤ log(1 + C_w/N),  C_w = C + 1 − (1/N)Σ_i ∫(∫φρ_i)²/π = (1/N)Σ_i ∫Var_{ρ_i}(φ)/π ≤ C,
the last by convexity of the square: stratified centres (ρ_i different) lose no constant, they gain.

First order. t log t − t + 1 = (t−1)²/2 − (t−1)³/6 + R(t)(t−1)⁴ with 0 ≤ R ≤ R(0) = 1/3 on t ≥ 0, as
R(t) = ∫_0^1 (1−u)³/(3(1+u(t−1))³) du. For one law ρ_i = ρ the moments of Y about one, ∫E(Y−1)^k dπ, are
C/N, κ/N² and m/N³ + 3(N−1)s/N³, where κ, m are those of φ_X/π for k = 3, 4 and s = ∫(Var φ_X/π²)² dπ:
    C/(2N) − κ/(6N²) ≤ E KL(π̂‖π) ≤ C/(2N) − κ/(6N²) + (m + 3(N−1)s)/(3N³).
Without κ and m still N·E KL(π̂‖π) → C/2 if C < ∞ (N(Y−1)² is uniformly integrable), however slowly.

Estimates. a_i = X_i + σξ_i. Given the centres the mean of f(a_i) over i has the mean ∫f dπ̂ whatever f, as
one action comes from each: for f = log Y it is KL(π̂‖π); its variance is Var_π̂(f)/N less that of the N
conditional means over N. If its own centre is left out, a_i is a draw from π independent of the rest of the
mixture: E −log π̂_{−i}(a_i) = H(π) + E KL(π‖π̂_{−i}), and −log t ≥ −(t−1) + (t−1)²/2 − (t−1)³/3.

Steps. π_{k+1} = π̂_k𝒦, the Langevin step of the mixture, is the mean of π̂_{k+1} given π̂_k, one action
drawn from every kernel. With p the Gibbs policy of π̂_k and g(x) = ∫φ_x log(π_{k+1}/p):
    I = KL(π̂_{k+1}‖p) − KL(π_{k+1}‖p) = KL(π̂_{k+1}‖π_{k+1}) + (1/N)Σ_i (g(X_i) − E g(X_i)).
"""

import numpy as np

from wconv._axes import Array
from wconv.theory.bounds import wpg_langevin
from wconv.theory.claims import Bound


@Bound
def deficit(*, C: Array, N: Array) -> Array:
    """log(1 + C/N), which bounds E KL(π̂‖π); of stratified centres with C_w in the place of C."""
    return np.asarray(np.log1p(C / N))


@Bound
def deficit_least(third: Array, *, C: Array, N: Array) -> Array:
    """C/(2N) − κ/(6N²), which E KL(π̂‖π) is not below; κ as ``third``."""
    return np.asarray(C / (2.0 * N) - third / (6.0 * N**2))


@Bound
def deficit_most(third: Array, fourth: Array, square: Array, *, C: Array, N: Array) -> Array:
    """C/(2N) − κ/(6N²) + (m + 3(N−1)s)/(3N³), which bounds it; m as ``fourth``, s as ``square``."""
    above = (fourth + 3.0 * (N - 1.0) * square) / (3.0 * N**3)
    return np.asarray(deficit_least(third=third, C=C, N=N) + above)


@Bound
def left_out_least(third: Array, *, C: Array, N: Array) -> Array:
    """max(0, C/(2M) − κ/(3M²)), M = N − 1, by which leaving one out overestimates H(π) at least."""
    M = N - 1.0
    return np.maximum(0.0, C / (2.0 * M) - third / (3.0 * M**2))


@Bound
def part(whole: Array, *, share: float) -> Array:
    """A share of the whole."""
    return np.asarray(share * whole)


@Bound
def gap_step_particles(
    gap: Array,
    moment: Array,
    excess: Array,
    *,
    C_LS: Array,
    L_b: Array,
    tau: float,
    gamma: float,
    eta: float,
    dim: int,
) -> Array:
    """(1 − (1−γ)c)E_k + τ(δ + I_k)/(1−γ), c = 1 − e^{−τη/C_LS}, from E_k, B² and I_k = max_s I(s)⁺.

    For every single path: `discrete-resolvent` for π̂_k and π̂_{k+1}, whose KL(π̂_{k+1}‖p̂_k) is at most
    e^{−τη/C_LS}KL(π̂_k‖p̂_k) + δ + I_k by `one-step-kl`; then `bellman-sandwich`.
    """
    langevin = wpg_langevin.gap_step(
        gap=gap, moment=moment, C_LS=C_LS, L_b=L_b, tau=tau, gamma=gamma, eta=eta, dim=dim
    )
    return np.asarray(langevin + tau * excess / (1.0 - gamma))


@Bound
def bandit_gap_particles(
    gap: Array,
    moment: Array,
    *,
    C: Array,
    N: Array,
    C_LS: Array,
    L_b: Array,
    tau: float,
    eta: float,
    dim: int,
) -> Array:
    """e^{−τη/C_LS}E W_k + τδ + τ log(1 + E C_k/N), which bounds E W_{k+1} at discount 0, state by state.

    W = τKL(π̂‖p) with p fixed, so that the second part of I has mean zero given π̂_k; C_k is that of
    π̂_k𝒦, and enters by its mean as the logarithm is concave (or as C_w, which is smaller), B² as well.
    """
    # Without a discount the gap of a state is τKL of that state: the factor is e^{−τη/C_LS}.
    langevin = wpg_langevin.gap_step(
        gap=gap, moment=moment, C_LS=C_LS, L_b=L_b, tau=tau, gamma=0.0, eta=eta, dim=dim
    )
    return np.asarray(langevin + tau * deficit(C=C, N=N))


@Bound
def mean_excess(variance: Array, *, C: Array, N: Array) -> Array:
    """Σ_s log(1 + C_s/N) + min(√(Σ_s v_s/N), ½Σ_s √(v_s/N)), which bounds E max_s I(s)⁺; (..., state).

    v_s = Var_ρ(g), at most Var_{π_{k+1}}(log(π_{k+1}/p)). The means G_s of the second part of I are centred
    with variance v_s/N at most (strata: the mean variance within them): E max|G| ≤ √(E ΣG²), and
    E max G⁺ ≤ ΣE G⁺ = ½ΣE|G|. Means of C and v over seeds may stand for them.
    """
    each = variance / N
    apart = np.minimum(np.sqrt(each.sum(axis=-1)), 0.5 * np.sqrt(each).sum(axis=-1))
    return np.asarray(deficit(C=C, N=N).sum(axis=-1) + apart)


@Bound
def coupled_step(
    distance: Array, value: Array, *, L_b: Array, G_p: Array, gamma: float, eta: float
) -> Array:
    """(1 + ηL_b)D_k + ηγG_p v, which bounds D_{k+1}; v = osc(V^{π̂_k} − V^{π_k})/2 as ``value``.

    D is the mean or the largest distance of particles to twins that see V^{π_k} and the same noise:
    |b̂(a) − b(ā)| ≤ L_b|a − ā| + γ|Σ_s' ∇P(s')(V̂ − V)(s')| and Σ∇P = 0, so that V̂ − V may be centred.
    Folding at walls and wrapping round do not increase distances.
    """
    return np.asarray((1.0 + eta * L_b) * distance + eta * gamma * G_p * value)


@Bound
def with_deficit(limit: Array, *, C: Array, N: Array) -> Array:
    """KL(π‖p) + log(1 + C/N), which bounds E KL(π̂‖p): E∫π̂ log(π/p) = KL(π‖p), and the rest is the deficit."""
    return np.asarray(limit + deficit(C=C, N=N))
