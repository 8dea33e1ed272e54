"""``wconv.verify``: one theorem on one problem, with a readable result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wconv import _require as require
from wconv._axes import Array
from wconv.mdp.model import MDP
from wconv.report import format as fmt
from wconv.report import html, table
from wconv.report.claims_plot import plot_claims
from wconv.report.schema import Result
from wconv.theory.cases import Case, Policies, Start
from wconv.theory.claims import Claim
from wconv.theory.registry import Check, discover
from wconv.verify.instance import Workshop
from wconv.verify.job import Job
from wconv.verify.plan import refuse_ambiguous, resolved, split
from wconv.verify.runner import Evidence, execute, prepare

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Verification:
    """The evidence for one theorem on one problem; printing it explains the verdict."""

    evidence: Evidence

    @property
    def result(self) -> Result:
        """The full result record."""
        return self.evidence.result

    @property
    def verdict(self) -> str:
        """HOLDS, VIOLATED, INCONCLUSIVE, INAPPLICABLE or ERROR."""
        return self.result.verdict

    def claim(self, name: str) -> Claim:
        """A claim by its name, with measured left side and right side as a function of constants."""
        names = {claim.name: claim for claim in self.evidence.claims}
        return names[require.choice("claim", name, names)]

    @property
    def measured(self) -> dict[str, Array]:
        """The measured side of every claim."""
        return {claim.name: claim.lhs.value for claim in self.evidence.claims}

    @property
    def proved(self) -> dict[str, Array]:
        """The proved side of every claim, at the theorem's side of every constant."""
        return {claim.name: claim.right().value for claim in self.evidence.claims}

    def plot(self, *claims: str) -> "Figure":
        """Measured against proved, one panel a claim (all of them, or those named), with errors.

        The figure is matplotlib's: ``verify("wpg-exp", "ring").plot().savefig("evidence.png")``.

        Raises:
            InputError: an unknown name, or no claim that was judged on numbers.

        """
        chosen = [self.claim(name) for name in claims] or list(self.evidence.claims)
        verdicts = {record.name: record.verdict for record in self.result.claims}
        title = f"{self.result.id} on {fmt.subject(self.result)}: {self.verdict}"
        return plot_claims(chosen, [verdicts[claim.name] for claim in chosen], title=title)

    def __repr__(self) -> str:
        return table.as_text(table.explain_result(self.result))

    def _repr_html_(self) -> str:
        return html.result_html(self.result)


def verify(
    id: str,
    problem: MDP | str | None = None,
    *,
    policies: Policies | None = None,
    start: Start | None = None,
    seed: int = 0,
    checks: str | None = None,
    **parameters: Any,
) -> Verification:
    """Check a theorem on a problem.

    Args:
        id: the statement, as in ``wconv list``.
        problem: an MDP of your own or a zoo instance by name; none for a symbolic statement.
        policies: "mixed" (far to near the optimum), "sparse" (some vanish somewhere) or "smooth"; by
            default those of the check's first case.
        start: where paths start: "reference", "pushed", "tempered" or "optimal"; by default as in the
            check's first case.
        seed: of the random policies and directions, at least 0.
        checks: a file or folder of your own checks instead of the built-in ones.
        **parameters: of the zoo instance (not with an MDP, which has its own), and options of the check,
            such as step_size.

    Raises:
        InputError: unknown id, instance or parameter, listing the valid ones.
    """
    found = discover(checks)
    item = found[require.choice("check", id, found)]
    job, workshop = _job(item, problem, policies, start, parameters), Workshop(seed)
    prepare([job], workshop)
    return Verification(execute(job, workshop))


def _job(
    item: Check,
    problem: MDP | str | None,
    wanted: Policies | None,
    wanted_start: Start | None,
    parameters: dict[str, Any],
) -> Job:
    if not item.needs_problem:
        if problem is not None or parameters:
            require.fail("problem", f"be left out for {item.id}", problem, "it covers all problems")
        return Job(item, item.cases[0])
    first = item.cases[0]
    given, options = split([item], parameters)
    chosen: dict[str, Any] = {
        "policies": wanted or first.policies,
        "start": wanted_start or first.start,
        "options": options,
    }
    if isinstance(problem, str):
        named = resolved(problem, given, item.options)
        refuse_ambiguous([item], problem, options)
        return Job(item, Case(problem, named, expect=None, **chosen))
    if not isinstance(problem, MDP):
        kind = type(problem).__name__
        require.fail("problem", "be an MDP or the name of an instance", kind, "see wconv list")
    if given:
        names = sorted(given)
        require.fail("parameters", "be given with a zoo name", names, "use mdp.replace(...)")
    case = Case(problem.name, problem.parameters, expect=None, **chosen)
    return Job(item, case, problem=problem)
