"""Semi-discrete W_2² and the certificate of a proximal step, against quantiles and the dual itself."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from wconv._require import InputError
from wconv.measures.semirelaxed import proximal_gap, semidiscrete_w2
from wconv.measures.spaces import Box, FiniteSet, GaussianLine, Interval, Torus

seeds = st.integers(0, 10**6)
LOW, LENGTH = -0.5, 3.0
LINE, CIRCLE = Interval(LOW, LOW + LENGTH), Torus(LENGTH)


def quantile_cost(x, p, edges, nu, offset=0.0):
    """∫(F⁻¹ − G⁻¹)² du for atoms p and cells ν, the circle of cells unrolled and cut at u = offset."""
    length, levels = edges[-1] - edges[0], np.append(0.0, np.cumsum(nu))
    turns = np.arange(-2, 3)
    marks = np.append((turns[:, None] + levels[:-1]).ravel(), turns[-1] + 1.0)
    cuts = (turns[:, None] * length + edges[:-1]).ravel()
    widths = np.tile(np.diff(edges), len(turns))
    ends = offset + np.append(0.0, np.cumsum(p))
    inner = marks[(marks > offset) & (marks < offset + 1)]
    u = np.unique(np.concatenate([ends, inner]))
    total = 0.0
    for a, b in pairwise(u):
        middle = (a + b) / 2
        atom = x[min(np.searchsorted(ends, middle) - 1, len(x) - 1)]
        j = np.searchsorted(marks, middle) - 1
        s, t = (
            cuts[j] + widths[j] * (c - marks[j]) / (marks[j + 1] - marks[j]) - atom for c in (a, b)
        )
        total += (b - a) * (s * s + s * t + t * t) / 3
    return total


def transport(x, p, edges, nu, *, wrap):
    if not wrap:
        return quantile_cost(x, p, edges, nu)
    found = minimize_scalar(
        lambda c: quantile_cost(x, p, edges, nu, c),
        bounds=(-1.2, 1.2),
        method="bounded",
        options={"xatol": 1e-9},
    )
    # The cost is convex in the offset, with kinks where levels between cells without mass meet.
    kinks = np.subtract.outer(np.append(0, np.cumsum(nu)), np.append(0, np.cumsum(p))).ravel()
    kinks = np.concatenate([kinks - 1, kinks, kinks + 1])
    kinks = kinks[np.abs(kinks - found.x) < 1e-6]
    return min([found.fun, *(quantile_cost(x, p, edges, nu, c) for c in kinks)])


def laws(rng, n, states=2):
    """Masses of atoms and cells, a third of them zero."""
    out = []
    for _ in range(2):
        masses = rng.dirichlet(np.full(n, 0.5), states) * (rng.random((states, n)) > 0.3)
        masses[:, rng.integers(n)] += 0.1
        out.append(masses / masses.sum(axis=1, keepdims=True))
    return out


def parts(grid):
    x, h = grid.nodes[:, 0], grid.spacing[0]
    return x, h, x[0] - h / 2 + h * np.arange(grid.n + 1)


@given(seed=seeds, n=st.integers(2, 9), wrap=st.booleans())
def test_the_distance_is_the_cost_of_quantiles(seed, n, wrap):
    grid = (CIRCLE if wrap else LINE).grid(n)
    x, h, edges = parts(grid)
    p, nu = laws(np.random.default_rng(seed), n)
    got = semidiscrete_w2(p, nu, grid)
    exact = [transport(x, a, edges, b, wrap=wrap) - h**2 / 12 for a, b in zip(p, nu, strict=True)]
    # The search finds a minimum without kink to 1e-8, its value to the square of that.
    assert np.abs(got.value - exact).max() <= 1e-13 * LENGTH**2
    assert (got.value >= 0).all()
    assert got.error.max() <= 1e-14
    assert semidiscrete_w2(nu, nu, grid).upper.max() <= 1e-16


def test_the_distance_is_of_second_order():
    """From the uniform law to the density 2x on [0, 1]: ∫(u − √u)² du = 1/30."""
    errors = []
    for n in (16, 32, 64):
        grid = Interval(0.0, 1.0).grid(n)
        rising = np.diff(np.linspace(0, 1, n + 1) ** 2)[None]
        errors.append(semidiscrete_w2(np.full((1, n), 1 / n), rising, grid).value[0] - 1 / 30)
    assert np.abs(errors[-1]) <= 1e-4
    assert np.abs(np.log2(np.array(errors[:-1]) / errors[1:]) - 2).max() <= 0.1


def dual(q, tau, eta, w, phi, x, edges, nu, *, wrap):
    """τ log∫e^{(q−φ)/τ} − ∫φ^c dν with the minimum over all nodes, by quadrature between all cuts."""
    length, n = edges[-1] - edges[0], len(x)
    turns = np.arange(-2, 3) if wrap else np.array([0])
    nodes, values = (x + length * turns[:, None]).ravel(), np.tile(phi, len(turns))
    # Where two parabolas meet; the least of them changes at no other places.
    i, j = np.triu_indices(nodes.size, 1)
    meet = (nodes[i] + nodes[j]) / 2 - eta * (values[j] - values[i]) / (nodes[j] - nodes[i])
    knots = np.unique(np.concatenate([edges, meet[(meet > edges[0]) & (meet < edges[-1])]]))
    middle, half = (knots[1:] + knots[:-1]) / 2, np.diff(knots) / 2
    density = (nu / np.diff(edges))[np.clip(np.searchsorted(edges, middle) - 1, 0, n - 1)]
    integral = 0.0
    for at in (middle - half / np.sqrt(3), middle + half / np.sqrt(3)):
        conjugate = ((at[:, None] - nodes) ** 2 / (2 * eta) - values).min(axis=1)
        integral += (half * density * conjugate).sum()
    return tau * np.log((w * np.exp((q - phi) / tau)).sum()) - integral


def objective(q, tau, eta, w, p, x, edges, nu, *, wrap):
    cost = transport(x, p, edges, nu, wrap=wrap)
    return (p * (q - tau * np.log(p / w))).sum() - cost / (2 * eta)


@given(seed=seeds, n=st.integers(2, 7), wrap=st.booleans(), rough=st.booleans())
def test_the_gap_is_dual_minus_primal(seed, n, wrap, rough):
    """Equal where the cuts are in order; where they are not, the chain's dual lies above the dual."""
    rng = np.random.default_rng(seed)
    grid = (CIRCLE if wrap else LINE).grid(n)
    x, h, edges = parts(grid)
    q, nu, w = rng.standard_normal(n), laws(rng, n)[1][0], grid.weights
    tau, eta = 10 ** rng.uniform(-1, 0), 10 ** rng.uniform(-1, 1)
    phi = rng.uniform(-1, 1, n) * (10.0 if rough else 0.2 * h**2) / eta
    p = w * np.exp((q - phi) / tau - ((q - phi) / tau).max())
    p /= p.sum()
    problem = (q, tau, eta, w)
    layout = (x, edges, nu)
    exact = dual(*problem, phi, *layout, wrap=wrap) - objective(
        *problem, np.maximum(p, 1e-300), *layout, wrap=wrap
    )
    gap = proximal_gap(phi[None], p[None], nu[None], eta, grid)
    rounding = 1e-11 * (1.0 + np.abs(phi).max() + LENGTH**2 / eta)
    assert gap.value[0] >= exact - rounding
    if not rough:
        assert gap.value[0] <= exact + rounding
    assert gap.error[0] <= 1e-13 * (1.0 + gap.value[0])


@pytest.mark.parametrize("space", [LINE, CIRCLE, GaussianLine(1.0, 4.0)], ids=type)
def test_the_gap_is_the_error_of_the_one_step_inequality(space):
    """For every potential, near the solution or far from it, and competitors of all kinds."""
    rng, n, count = np.random.default_rng(7), 24, 120
    grid = space.grid(n)
    tau, eta, w = 0.2, 0.5, grid.weights
    nu = laws(rng, n, count)[1]
    q = rng.standard_normal((count, n))
    phi = rng.standard_normal((count, n)) * 10 ** rng.uniform(-4, 1, (count, 1))
    p = w * np.exp((q - phi) / tau - ((q - phi) / tau).max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    other = np.concatenate([laws(rng, n, count // 2)[0], nu[count // 2 :]])

    def log(a, b):
        return (a * np.log(np.where(a > 0, a / b, 1.0))).sum(axis=1)

    def value(a):
        return (a * q).sum(axis=1) - tau * log(a, w)

    gap = proximal_gap(phi, p, nu, eta, grid)
    moved, against = (semidiscrete_w2(a, nu, grid).value for a in (p, other))
    slack = value(p) - value(other) - (moved - against) / (2 * eta) - tau * log(other, p)
    assert (slack + gap.upper >= -1e-12 * (1 + np.abs(phi).max(axis=1))).all()
    assert (slack < 0).any()  # without the gap it is false


def test_wrong_input_is_named():
    grid, flat = LINE.grid(4), np.full((1, 4), 0.25)
    zero = np.zeros((1, 4))
    with pytest.raises(InputError, match="grid must be of one dimension"):
        semidiscrete_w2(flat, flat, Box((0.0, 0.0), (1.0, 1.0)).grid(2))
    with pytest.raises(InputError, match="grid must be of one dimension"):
        semidiscrete_w2(flat, flat, FiniteSet(np.arange(4.0)[:, None]).grid())
    with pytest.raises(InputError, match="nu must sum to 1"):
        semidiscrete_w2(flat, 2 * flat, grid)
    with pytest.raises(InputError, match=r"p must have shape .* = \(1, 4\)"):
        semidiscrete_w2(np.full((1, 5), 0.2), flat, grid)
    with pytest.raises(InputError, match="phi must be finite"):
        proximal_gap(zero + np.nan, flat, flat, 1.0, grid)
    with pytest.raises(InputError, match="eta must be positive"):
        proximal_gap(zero, flat, flat, 0.0, grid)
    steep = 1e20 * np.array([[0.0, 1.0, 0.0, 1.0]])
    with pytest.raises(InputError, match="slope of phi must stay on the circle"):
        proximal_gap(steep, flat, flat, 1.0, CIRCLE.grid(4))
    assert proximal_gap(steep, flat, flat, 1.0, grid).value[0] > 1e20
