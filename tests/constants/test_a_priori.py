"""The a-priori calculator against fifty-digit arithmetic, and the edge of what is feasible."""

from dataclasses import replace
from math import exp, log, pi

import mpmath as mp
import numpy as np
import pytest

from wconv._require import InputError
from wconv.constants.a_priori import a_priori, a_priori_log, largest_step
from wconv.constants.assumptions import Assumptions, assumptions_of
from wconv.mdp import zoo
from wconv.mdp.policy import softmax_policy, uniform
from wconv.measures.divergences import kl
from wconv.outcomes import SolverError

LINE = Assumptions(
    R_max=0.05, G_r=0.3, L_r=0.7, G_p=0.2, L_p=0.5, beta=0.9, temperature=1.5, discount=0.4,
    K_0=0.2, M_0=1.0, dim=3,
)  # fmt: skip
COLD = replace(LINE, R_max=1.0, temperature=0.004, discount=0.95, M_0=60.0)
CIRCLE = Assumptions(
    R_max=0.01, G_r=0.2, L_r=0.3, G_p=0.1, L_p=2.0, temperature=1.0, discount=0.5, reference=1.0
)


def theory(d, eta, v):
    """Every number of `a-priori` at v, from theory.md: (osc q, C_LS, L_b, G, M, B, δ, c, plateau)."""
    tau, gamma = mp.mpf(d.temperature), mp.mpf(d.discount)
    eta, v, beta = mp.mpf(eta), mp.mpf(v), mp.mpf(d.beta)
    osc = 2 * d.R_max + 2 * gamma * v
    C = (tau / beta if d.reference is None else mp.mpf(d.reference)) * mp.exp(osc / tau)
    L, G = beta + d.L_r + gamma * d.L_p * v, d.G_r + gamma * d.G_p * v
    M = mp.mpf(d.M_0)
    B2 = G**2
    if d.beta > 0:
        M = max(M, (2 / beta) * (G**2 / beta + 2 * eta * G**2 + 2 * tau * d.dim))
        B2 = 2 * beta**2 * M + 2 * G**2
    delta = L**2 * (B2 * eta**3 / (6 * tau) + d.dim * eta**2 / 2)
    c = -mp.expm1(-tau * eta / C)
    return osc, C, L, G, M, mp.sqrt(B2), delta, c, tau * delta / ((1 - gamma) ** 2 * c)


def image(d, eta, v):
    E_0 = (2 * mp.mpf(d.R_max) + d.temperature * mp.mpf(d.K_0)) / (1 - mp.mpf(d.discount))
    return d.R_max / (1 - mp.mpf(d.discount)) + max(E_0, theory(d, eta, v)[-1]) / 2


@pytest.mark.parametrize(
    ("data", "share"), [(LINE, 0.5), (LINE, 0.999), (CIRCLE, 0.3), (CIRCLE, 0.999), (COLD, 0.9)]
)
def test_least_fixed_point_and_all_constants_to_fifty_digits(data, share):
    """Iterated from below in fifty digits; the cold problem has C_LS of about e^19500."""
    with mp.workdps(50):
        log_eta = largest_step(data).log_lower + log(share)
        found, v = a_priori_log(data, log_eta), mp.mpf(0)
        for _ in range(2000):
            previous, v = v, image(data, mp.exp(log_eta), v)
            assert v >= previous
        assert v - previous <= mp.mpf(10) ** -15 * v
        assert abs(found.v - v) <= found.v_error + 1e-13 * v
        assert found.v_error <= 2e-7 * found.v
        osc, C, L, G, M, B, delta, c, plateau = theory(data, mp.exp(log_eta), found.v)
        pairs = [
            (found.osc_q, osc), (found.log_C_LS, mp.log(C)), (found.log_alpha, -mp.log(C)),
            (found.L_b, L), (found.G, G), (found.B, B), (found.log_delta, mp.log(delta)),
            (found.log_c, mp.log(c)), (found.log_plateau, mp.log(plateau)),
        ]  # fmt: skip
        # Logarithms are differences of numbers of the size of log C_LS.
        scale = 1e-14 * (10 + found.log_C_LS)
        assert all(abs(got - want) <= scale * (1 + abs(want)) for got, want in pairs)
        assert found.M is None if data.beta == 0 else abs(found.M - M) <= 1e-13 * M
    assert image(data, mp.exp(log_eta), found.v) <= found.v * (1 + 1e-13)


@pytest.mark.parametrize("data", [LINE, CIRCLE])
def test_the_largest_step_is_where_the_map_touches_the_diagonal(data):
    """F(v) = v and F'(v) = 1 in thirty digits, solved for v and log η."""
    found = largest_step(data)
    start = a_priori_log(data, found.log_lower)
    assert start.log_plateau > log(data.E_0)
    with mp.workdps(30):

        def touches(v, log_eta):
            def height(x):
                return image(data, mp.exp(log_eta), x) - x

            return height(v), mp.diff(height, v)

        _, log_eta = mp.findroot(touches, (start.v, found.log_lower))
        # Near the touching point feasibility is decided to rounding.
        assert abs(log_eta - found.log_lower) <= 1e-11
        assert abs(log_eta - found.log_upper) <= 1e-11


def test_where_the_value_bound_starts_to_grow():
    """With a steep map η_0 is where the plateau reaches E_0: τδ/((1−γ)²c) = E_0 at the smallest v."""
    found = largest_step(COLD)
    v = COLD.R_max / (1 - COLD.discount) + COLD.E_0 / 2
    with mp.workdps(30):
        want = mp.findroot(
            lambda t: mp.log(theory(COLD, mp.exp(t), v)[-1]) - mp.log(COLD.E_0), found.log_lower
        )
        assert found.log_lower <= want <= found.log_upper
    assert found.log_upper - found.log_lower <= 1e-9
    assert "e-8472" in repr(found)


def test_other_ends_of_the_feasible_steps():
    mild = replace(LINE, R_max=1e-3, G_r=0.0, L_r=0.0, G_p=0.0, L_p=0.0, dim=1)
    found = largest_step(mild)
    assert found.limit == "moments: 1/(4 beta)"
    assert found.value == pytest.approx(1 / (4 * mild.beta), rel=1e-12)
    assert a_priori(mild, 0.25 / mild.beta).step == pytest.approx(0.25 / mild.beta, rel=1e-15)
    with pytest.raises(InputError, match=r"step must be at most 0.277778.*moments"):
        a_priori(mild, 0.26 / mild.beta)
    idle = replace(CIRCLE, R_max=0.0, G_r=0.0, L_r=0.0)
    assert largest_step(idle).value == float("inf")
    assert a_priori(idle, 1e6).plateau == 0.0
    with pytest.raises(InputError, match=r"step must be at most 0.48232.*no fixed point"):
        a_priori(CIRCLE, 0.5)
    with pytest.raises(InputError, match="step must be positive"):
        a_priori(CIRCLE, 0.0)


def test_without_a_future_nothing_ends_the_feasible_steps_of_a_circle():
    myopic = replace(CIRCLE, discount=0.0)
    found = largest_step(myopic)
    assert (found.end, found.value) == ("nothing", float("inf"))
    assert repr(found) == "largest step inf (relative error 0.0e+00; every step is feasible)"
    assert a_priori(myopic, 1e90).v == pytest.approx(float(image(myopic, 1e90, 0.0)))
    with pytest.raises(SolverError, match=r"plateau at step 2e\+120: take a shorter step"):
        a_priori(myopic, 2e120)
    assert largest_step(replace(LINE, discount=0.0)).end == "moments"
    assert largest_step(CIRCLE).end == "values"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"G_p": -1.0}, "G_p must lie in"),
        ({"L_p": float("inf")}, "L_p must be finite"),
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"discount": 1.0}, "discount must lie in"),
        ({"reference": None}, "beta and reference must be one given"),
        ({"beta": 1.0}, "beta and reference must be one given"),
        ({"dim": 0}, "dim must be an integer"),
    ],
    ids=lambda x: str(x)[:20],
)
def test_bad_data_is_named(change, message):
    with pytest.raises(InputError, match=message):
        replace(CIRCLE, **change)


def test_data_of_a_problem_on_the_line_and_on_the_circle():
    mdp = zoo.make("gaussian-line", temperature=0.7, confinement=2.0, amplitude=0.3)
    data = assumptions_of(mdp)
    assert data.R_max == pytest.approx(0.3, rel=1e-4)
    assert data.L_r == pytest.approx(0.3, rel=1e-4)
    assert data.beta == pytest.approx(2.0, rel=1e-14)
    assert pytest.approx(0.35, rel=1e-9) == data.M_0
    assert exp(data.log_reference) == pytest.approx(0.35, rel=1e-14)
    assert data.K_0 <= 1e-15
    start = softmax_policy(np.broadcast_to(np.sin(mdp.grid.nodes[:, 0]), mdp.r.shape), mdp.grid)
    moved = assumptions_of(mdp, start)
    assert pytest.approx(kl(start, uniform(mdp)).value.max(), rel=1e-12) == moved.K_0
    second = (start.pi * mdp.grid.nodes[:, 0] ** 2).sum(axis=-1).max()
    assert pytest.approx(second, rel=1e-12) == moved.M_0
    circle = assumptions_of(zoo.make("ring"))
    assert circle.reference == pytest.approx(1.0, rel=1e-14)
    assert not circle.reflected
    assert 0 < largest_step(circle).value < 1e-8
    box = assumptions_of(zoo.make("box-2d", resolution=8))
    assert box.reference == pytest.approx((2 / pi) ** 2, rel=1e-14)
    assert box.reflected
    assert "not proved" in repr(a_priori(box, 1e-12))
    assert box.dim == 2
