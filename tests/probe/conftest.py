"""A check of one's own whose breaking values are known: premise below τ = .2, conclusion above τ = .5."""

import pytest

CHECK = '''"""known-edge  A claim that ends where it is told to.

Setting.     Any problem.
Hypotheses.  (H1) The temperature is at least 0.2.
Claim.       tau <= 0.5.
Tight for.   tau = 0.5.
Reference.   None.
"""

import os
import time

import numpy as np

import wconv as wc
from wconv.theory import Bound, at_most, case, check, condition, control

CASES = [case("two-state", temperature=0.5)]
CONTROLS = [
    control("less", on=CASES[0], constants={"most": 0.9}),
    control("a fifth", on=CASES[0], constants={"most": 0.2}),
]


@check("known-edge", cases=CASES, controls=CONTROLS, options={"sleep": 0.0, "die": 0})
def known_edge(run):
    time.sleep(run.options["sleep"])
    if run.options["die"]:
        os._exit(1)
    yield condition("H1", run.mdp.tau >= 0.2, f"tau = {run.mdp.tau:g}")
    side = Bound(lambda most: np.asarray(most)).given()
    yield at_most("tau <= most", wc.Measured.of(run.mdp.tau, rounding=1e-12), side, most=0.5)
'''


@pytest.fixture
def known_edge(tmp_path):
    path = tmp_path / "known_edge.py"
    path.write_text(CHECK)
    return str(path)
