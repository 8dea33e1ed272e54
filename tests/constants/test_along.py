"""Constants along a sequence: checkpoints, transfer, and what lies between."""

import numpy as np
import pytest

import wconv as wc


def gaussians(precisions):
    """Policies N(0, 1/λ) in one state each k, and N(0, 1/(2λ)) in a second one."""
    grid = wc.GaussianLine(1.0).grid(128)
    square = grid.nodes[:, 0] ** 2 / 2
    logits = [-np.stack([(k - 1) * square, (2 * k - 1) * square]) for k in precisions]
    return [wc.softmax_policy(rows, grid) for rows in logits]


PRECISIONS = 1.0 + np.array([0.0, 1e-5, 2e-5, 0.1, 0.1001, 0.3, 0.3])
EXACT = 1.0 / np.stack([PRECISIONS, 2 * PRECISIONS], axis=-1)


@pytest.fixture(scope="module")
def path():
    return wc.along(gaussians(PRECISIONS), wc.poincare)


def test_every_bracket_holds_the_closed_form(path):
    assert path.at.lower.shape == EXACT.shape
    assert (path.at.lower <= EXACT * (1 + 1e-10)).all()
    assert (path.at.upper >= EXACT * (1 - 1e-10)).all()


def test_checkpoints_are_sharp_and_transfers_are_no_wider_than_they_say(path):
    own = path.checkpoint == np.arange(len(PRECISIONS))[:, None]
    width = np.log(path.at.upper / path.at.lower)
    assert own[0].all()
    assert own[3].all()
    assert not own[1].any()
    assert not own[6].any()
    assert (width[own] < 1e-8).all()
    assert (path.oscillation[~own] <= 0.01).all()
    assert np.allclose(width[~own], 2 * path.oscillation[~own], atol=1e-8)


def test_between_iterates_and_so_far(path):
    midway = 2.0 / (1 / EXACT[:-1] + 1 / EXACT[1:])
    assert (path.between.lower <= midway).all()
    assert (path.between.upper >= midway).all()
    worst = path.running_worst
    assert (np.diff(worst.upper) >= 0).all()
    assert worst.lower[-1] == pytest.approx(1.0, rel=1e-8)


def test_mixtures_of_two_gibbs_policies_lie_between_them():
    """Geometric and arithmetic mixtures of Gaussians, towards a smaller constant and a larger one."""
    ends = gaussians([1.0, 1.3])
    for first, last in (ends, ends[::-1]):
        between = wc.along([first, last], wc.poincare).between
        for share in (0.1, 0.5, 0.9, 1.0):
            mean = share * last.logf + (1 - share) * first.logf
            masses = share * np.exp(last.logf) + (1 - share) * np.exp(first.logf)
            for logits in (mean, np.log(masses)):
                found = wc.poincare(wc.softmax_policy(logits, first.grid))
                assert (between.lower[0] <= found.lower).all()
                assert (found.upper <= between.upper[0]).all()


def test_a_million_times_smaller_step_is_computed_once():
    calls = []

    def counted(policy):
        calls.append(len(policy.logf))
        return wc.poincare(policy)

    wc.along(gaussians(1.0 + 1e-7 * np.arange(50)), counted)
    assert calls == [2]


@pytest.mark.parametrize(
    ("policies", "constant", "match"),
    [
        ([], wc.poincare, "policies must be at least one"),
        (gaussians([1.0]), wc.talagrand, "constant must be C_P or C_LS, got C_T"),
        (
            [*gaussians([1.0]), wc.softmax_policy(np.zeros((2, 16)), wc.Interval(0, 1).grid(16))],
            wc.poincare,
            "grid must be the same",
        ),
    ],
)
def test_bad_input(policies, constant, match):
    with pytest.raises(wc.InputError, match=match):
        wc.along(policies, constant)
