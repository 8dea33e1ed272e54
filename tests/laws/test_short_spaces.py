"""Checks have no length of their own: problems on short spaces are decided like those of the zoo."""

import pytest

import wconv as wc


def bandit(space):
    """Three states on a space much shorter than the zoo's: all is over in a tenth of the time."""

    def reward(s, a):
        xp = a.__array_namespace__()
        return xp.cos(3 * a[..., 0]) * (1 + s) / 3

    def transition(s, a):
        xp = a.__array_namespace__()
        up = 1 / (1 + xp.exp(2 - 4 * a[..., 0])) + 0.0 * s
        return xp.stack([0.0 * up + 1 / 3, up * 2 / 3, (1 - up) * 2 / 3], axis=-1)

    return wc.tabulate(wc.SmoothMDP(reward, transition, 3, 0.6, 0.5, space), 128)


@pytest.mark.parametrize(
    ("check", "space"),
    [
        ("wpg-exp", wc.Interval(0, 1)),
        ("wpg-pl", wc.Interval(0, 1)),
        ("drift-map", wc.GaussianLine(scale=0.2)),
    ],
    ids=str,
)
def test_short_spaces_are_decided(check, space):
    found = wc.verify(check, bandit(space))
    assert found.verdict == "HOLDS", found
