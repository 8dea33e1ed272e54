"""``wconv report``: a run, or the results of one, as a single HTML page."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wconv.cli.shared import Checks, app, console, in_order

if TYPE_CHECKING:
    from wconv.report.page import Page
    from wconv.report.schema import Result
    from wconv.verify.parallel import Order
    from wconv.verify.runner import Evidence


@app.command
def report(
    *names: str,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="The page.")],
    from_: Annotated[
        Path | None,
        Parameter(
            name="--from",
            help="Of results that check --json wrote, instead of a run; without figures.",
        ),
    ] = None,
    tier: Literal["quick", "all"] | None = None,
    checks: Checks = None,
    processes: int | None = None,
) -> int:
    """Check theorems (ids or chapters; all by default) and show them on one self-contained HTML page.

    The exit code is that of check on the results shown.

    Parameters
    ----------
    names
        Ids of statements or names of chapters.
    tier
        quick, as without it: a few cases a check; all: every case.
    processes
        How many processes share the work; as many as there are cores when it is worth it.
    """
    from wconv.report.export import check_writable
    from wconv.report.page import write_page
    from wconv.report.table import exit_code

    check_writable([output])
    if from_ is None:
        page = _of_a_run(names, checks, tier or "quick", processes)
    else:
        page = _of_a_file(from_, names, checks, tier, processes)
    write_page(output, page)
    results = page.report.results
    size = output.stat().st_size / 1e6
    console().print(f"wrote {output}: {len(results)} results, {size:.1f} MB")
    return exit_code(results)


@dataclass(frozen=True)
class Drawing:
    """The result of a job, with the figure of its evidence if the job is one of ``numbers``."""

    numbers: frozenset[int]

    def __call__(self, number: int, evidence: "Evidence") -> "tuple[Result, str]":
        """The result and the SVG, empty where there is nothing to draw."""
        result = evidence.result
        if number not in self.numbers or not evidence.claims:
            return result, ""
        from wconv.report.inline_svg import inline_svg
        from wconv.verify.api import Verification

        figure = Verification(evidence).plot()
        return result, inline_svg(figure, f"f{number}", f"measured and proved: {result.id}")


def _of_a_run(
    names: tuple[str, ...], checks: str | None, tier: Literal["quick", "all"], processes: int | None
) -> "Page":
    """Run, and draw the first case of every check."""
    from wconv.report.environment import environment
    from wconv.report.page import Page
    from wconv.report.schema import Report
    from wconv.theory.registry import discover
    from wconv.verify.parallel import Order

    found = _run(Order(names, checks, tier), processes)
    results = [result for result, _ in found]
    return Page(
        Report(schema=1, environment=environment(), results=results),
        discover(checks),
        f"Of a run of the {tier} tier.",
        {k: svg for k, (_, svg) in enumerate(found) if svg},
    )


def _run(order: "Order", processes: int | None) -> "list[tuple[Result, str]]":
    """Every job's result with its figure, under a progress bar on a terminal."""
    from wconv.verify.parallel import kept, planned

    jobs = planned(order)
    first: dict[str, int] = {}
    for k, job in enumerate(jobs):
        if job.control is None:
            first.setdefault(job.check.id, k)
    drawing = Drawing(frozenset(first.values()))
    return in_order(kept(order, jobs, drawing, processes), len(jobs), "checking and drawing")


def _of_a_file(
    path: Path, names: tuple[str, ...], checks: str | None, tier: str | None, processes: int | None
) -> "Page":
    """The page of recorded results; nothing runs."""
    from wconv import _require as require
    from wconv.report.export import read_report
    from wconv.report.page import Page
    from wconv.theory.registry import discover

    given = {"--tier": tier, "--processes": processes}
    for option, value in given.items():
        if value is not None:
            require.fail(option, "be left out with --from", value, "nothing runs then")
    recorded, found = read_report(path), discover(checks)
    chapters = {id: check.chapter for id, check in found.items()}
    called = [{r.id, chapters.get(r.id, r.id)} for r in recorded.results]
    for name in names:
        require.choice("check", name, sorted(set().union(*called)))
    shown = [
        r for r, own in zip(recorded.results, called, strict=True) if not names or own & {*names}
    ]
    report = recorded.model_copy(update={"results": shown})
    return Page(report, found, f"Of the results in {path.name}.")
