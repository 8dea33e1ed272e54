"""The language of checks: claims, cases, controls, the judge and the registry of statements."""

from wconv.theory.cases import NO_PROBLEM as NO_PROBLEM
from wconv.theory.cases import Case as Case
from wconv.theory.cases import Control as Control
from wconv.theory.cases import case as case
from wconv.theory.cases import control as control
from wconv.theory.claims import Bound as Bound
from wconv.theory.claims import Hypothesis as Hypothesis
from wconv.theory.claims import at_least as at_least
from wconv.theory.claims import at_most as at_most
from wconv.theory.claims import condition as condition
from wconv.theory.claims import equal as equal
from wconv.theory.claims import exactly as exactly
from wconv.theory.claims import finite as finite
from wconv.theory.judge import Verdict as Verdict
from wconv.theory.registry import Check as Check
from wconv.theory.registry import Item as Item
from wconv.theory.registry import check as check
from wconv.theory.registry import discover as discover
