import numpy as np
import pytest

from wconv._require import InputError
from wconv.constants.line import Line
from wconv.constants.record import Side
from wconv.constants.sources import line_of_function
from wconv.constants.tails import FAR, bounded_part, infinite_constant, infinite_constants
from wconv.measures.spaces import Interval

R = (-np.inf, np.inf)


def logs_of(log_density):
    def logs(x, _):
        with np.errstate(all="ignore"):
            return log_density(x)

    return logs


BULKS = {
    "gaussian": (lambda x: -(x**2) / 2, R, (-np.sqrt(2 * FAR), np.sqrt(2 * FAR))),
    "far mode": (lambda x: -((x - 1e5) ** 2) / 2, R, (1e5 - 15.4, 1e5 + 15.4)),
    "wide": (lambda x: -((x * 1e-8) ** 2) / 2, R, (-15.4e8, 15.4e8)),
    "half-line": (lambda x: -x, (2.0, np.inf), (2.0, 2.0 + FAR)),
    "other half": (lambda x: 3 * x, (-np.inf, 0.0), (-FAR / 3, 0.0)),
    "overflow": (lambda x: -np.exp(x) - np.exp(-2 * x), R, (-np.log(FAR) / 2, np.log(FAR))),
    "slow": (lambda x: -np.sqrt(np.abs(x)), R, (-(FAR**2), FAR**2)),
    "finite": (lambda x: -(x**2), (-1.0, 40.0), (-1.0, 40.0)),
}


@pytest.mark.parametrize("name", BULKS)
def test_bulk_is_held_tightly(name):
    log_density, ends, (left, right) = BULKS[name]
    low, high = bounded_part(logs_of(log_density), ends)
    assert low <= left
    assert right <= high
    assert high - low <= max(1.1 * (right - left), 0.05 * abs(right))


def test_narrow_density_far_away_is_found():
    line = line_of_function(lambda x: -(((x - 3) * 1e6) ** 2) / 2, Interval(*R)).truncated(26.0)
    half = np.sqrt(52.0) * 1e-6
    np.testing.assert_allclose([line.low - 3, line.high - 3], [[-half], [half]], rtol=5e-3)


@pytest.mark.parametrize(
    ("log_density", "words", "infinite"),
    [
        (lambda x: -(x**2) / 2, "", ""),
        (lambda x: -(x**4), "", ""),
        (lambda x: -np.cosh(x), "", ""),
        (lambda x: -(x**2) / 2 - 1000 * np.abs(x), "", ""),
        (lambda x: np.exp(x) - np.exp(2 * x) - x**2, "", ""),  # NaN far out
        (lambda x: np.where(np.abs(x) < 5, 0.0, -np.inf), "", ""),
        (lambda x: -(np.abs(x) ** 1.5), "exp(-|x|^1.5), more slowly than a Gaussian", "C_LS C_T"),
        (lambda x: -(np.abs(x) ** 1.95), "exp(-|x|^1.95), more slowly", "C_LS C_T"),
        (lambda x: -np.abs(x), "exp(-|x|^1), more slowly", "C_LS C_T"),
        (lambda x: -x - np.exp(-x), "right tail falls like exp(-|x|^1)", "C_LS C_T"),
        (lambda x: x - np.exp(x), "left tail falls like exp(-|x|^1)", "C_LS C_T"),
        (lambda x: -np.sqrt(np.abs(x)), "exp(-|x|^0.5), more slowly", "C_LS C_P C_T"),
        (lambda x: -np.log1p(x**2), "a power of |x|, more slowly", "C_LS C_P C_T"),
    ],
)
def test_which_constants_are_infinite(log_density, words, infinite):
    logs = logs_of(log_density)
    got = infinite_constants(logs, R, bounded_part(logs, R))
    assert sorted(got) == infinite.split()
    assert all(words in why for why in got.values())


def test_finite_ends_have_no_tails():
    logs = logs_of(lambda x: -np.sqrt(np.abs(x)))
    assert infinite_constants(logs, (-9.0, 9.0), (-9.0, 9.0)) == {}
    heavy = infinite_constants(logs, (0.0, np.inf), (0.0, 1e4))
    assert "right" in heavy["C_P"]
    # A line asked for by a function carries them.
    line = line_of_function(lambda x: -np.abs(x), Interval(*R))
    assert sorted(line.infinite) == ["C_LS", "C_T"]
    assert sorted(line.truncated(26.0).states(np.array([0])).infinite) == ["C_LS", "C_T"]


def test_infinite_constant():
    def line(infinite):
        one, no = np.ones(2), np.zeros((2, 2), dtype=bool)
        return Line(lambda x, _: -x, np.arange(2), -one, one, no, 0 * one, R, infinite=infinite)

    below = Side(np.array([1.0, 2.0]), "numerical", "C_P")
    got = infinite_constant("C_LS", line({"C_LS": "why"}), [below])
    assert (got.lower == np.inf).all()
    assert (got.upper == np.inf).all()
    assert got.reasons == ("why", "why")
    # What was proved is the finite side alone: tails are an extrapolation.
    np.testing.assert_array_equal(got.conservative.lower, [1.0, 2.0])
    assert got.origin(1)[0].rigor == "heuristic"


@pytest.mark.parametrize(
    ("log_density", "ends", "message"),
    [
        (lambda x: 0 * x, R, r"density must have finite mass, got log p ~ 0 log\|x\| on the left"),
        (lambda x: x, R, "density must have finite mass.*on the right"),
        (lambda x: -0.5 * np.log1p(x**2), R, r"log p ~ -1 log\|x\|"),
        (lambda x: -np.log(x + 1), (0.0, np.inf), "confinement"),
        (lambda x: np.where(x > 2, np.nan, -(x**2)), R, "log-density must be a number.*nan at 2"),
        (lambda x: np.where(x > 2, np.inf, -(x**2)), R, "log-density must be a number.*inf at 2"),
        (lambda x: -(x[0] ** 2), R, "log-density must return one value a point"),
    ],
)
def test_bad_input(log_density, ends, message):
    with pytest.raises(InputError, match=message):
        bounded_part(logs_of(log_density), ends)


def test_zero_inside():
    line = line_of_function(lambda x: np.where(np.abs(x) < 1, -np.inf, -(x**2)), Interval(*R))
    with pytest.raises(InputError, match="density must be positive inside its support, got 0 at"):
        line.truncated(26.0)
