"""Constants as brackets with provenance: best sides, contradictions, conventions."""

import numpy as np
import pytest

from wconv.constants.record import Side, Witness, constant, largest
from wconv.measured import as_bracket
from wconv.outcomes import SolverError


def example():
    lower = [
        Side(np.array([1.0, 4.0]), "numerical", "a quotient"),
        Side(np.array([2.0, 3.0]), "heuristic", "a guess"),
    ]
    upper = [
        Side(np.array([2.5, np.inf]), "sharp-numerical", "a scan"),
        Side(np.array([9.0, 5.0]), "numerical", "a criterion"),
    ]
    witness = Witness(np.zeros((2, 3)), np.arange(6.0).reshape(2, 3))
    return constant(
        "C_LS", lower, upper, estimate=np.array([2.2, 4.5]), witness=witness, diagnostics={"k": 3}
    )


def test_the_best_side_wins_in_every_state():
    found = example()
    assert found.lower.tolist() == [2.0, 4.0]
    assert found.upper.tolist() == [2.5, 5.0]
    assert [side.method for side in found.origin(0)] == ["a guess", "a scan"]
    assert [side.method for side in found.origin(1)] == ["a quotient", "a criterion"]
    assert "a guess (heuristic)" in found.how_lower


def test_only_true_bounds_are_conservative():
    kept = example().conservative
    assert kept.lower.tolist() == [1.0, 4.0]
    assert kept.upper.tolist() == [9.0, 5.0]
    assert "heuristic" not in kept.how_lower + kept.how_upper


def test_the_papers_conventions_are_inverses():
    found = example()
    assert found.alpha.lower.tolist() == [0.4, 0.2]
    assert found.lambda_.upper.tolist() == [0.5, 0.25]


def test_one_state_is_a_scalar_constant():
    one = example()[1]
    assert one.lower.shape == ()
    assert [side.method for side in one.origin()] == ["a quotient", "a criterion"]
    assert one.witness.values.tolist() == [3.0, 4.0, 5.0]
    assert repr(one) == (
        "C_LS in [4, 5] (below: a quotient, numerical; above: a criterion, numerical)"
    )
    assert "C_LS of 2 densities: [2, 2.5]; [4, 5]" in repr(example())


def test_a_constant_is_a_bracket_for_claims():
    bracket = as_bracket(example())
    assert bracket.upper.tolist() == [2.5, 5.0]
    measured = bracket.measured
    assert np.allclose(measured.lower, [2.0, 4.0], atol=1e-14)
    assert np.allclose(measured.upper, [2.5, 5.0], atol=1e-14)


def test_infinite_constants_have_no_width():
    sides = [Side(np.array([np.inf]), "numerical", "tails")]
    found = constant("C_LS", sides, sides, estimate=np.array([np.inf]), reasons=["heavy tails"])
    assert found.measured.value.tolist() == [np.inf]
    assert found.measured.error.tolist() == [0.0]
    assert found.alpha.upper.tolist() == [0.0]


def test_the_larger_factor_is_the_constant_of_a_product():
    first = example()
    other = constant(
        "C_LS",
        [Side(np.array([2.4, 1.0]), "numerical", "one")],
        [Side(np.array([2.4, 1.0]), "sharp-numerical", "one")],
        estimate=np.array([2.4, 1.0]),
    )
    both = largest(first, other)
    assert both.lower.tolist() == [2.4, 4.0]
    assert both.upper.tolist() == [2.5, 5.0]
    assert both.origin(0)[0].rigor == "heuristic"


@pytest.mark.parametrize(
    ("low", "high", "error", "match"),
    [
        (2.0, 1.9, SolverError, "contradict.*state 0: below gives at least 2, above at most 1.9"),
        (np.nan, 1.0, SolverError, "C_P by below"),
        (1.0, np.nan, SolverError, "C_P by above"),
    ],
)
def test_contradictions_and_nan_raise(low, high, error, match):
    with pytest.raises(error, match=match):
        constant(
            "C_P",
            [Side(np.array([low]), "numerical", "below")],
            [Side(np.array([high]), "numerical", "above")],
            estimate=np.array([1.0]),
        )
