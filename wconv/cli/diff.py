"""``wconv diff``: what changed between two runs."""

from pathlib import Path

from wconv.cli.shared import Checks, app, console


@app.command
def diff(before: Path, after: Path, *, checks: Checks = None) -> int:
    """Tell what changed between two results files of check --json.

    Verdicts, expectations and hypotheses, results and claims that came or went, points that were resolved,
    margins, tightnesses and constants that moved by more than both errors and one per cent, or whose errors
    grew tenfold; teeth and named constants that came or went, and constants whose brackets have nothing in
    common any more; then seconds by chapter, and the environment. The exit code is 0 when none of the former
    changed, 1 when something got worse (a case that held does not, a control is violated no longer,
    something is no longer as expected), 3 when something else changed.

    Parameters
    ----------
    before
        Results of the first run.
    after
        Results of the second.
    """
    from wconv import _require as require
    from wconv.report import difference
    from wconv.report.export import read_report
    from wconv.theory.registry import discover

    old, new = read_report(before), read_report(after)
    if before.samefile(after):
        require.fail("results files", "be two", str(before), "name the other run's as well")
    found, out = difference.changes(old, new), console()
    if found:
        out.print(difference.changes_table(found, out.width))
        out.print()
    chapters = {id: check.chapter for id, check in discover(checks).items()}
    out.print(difference.times_table(old, new, chapters, out.width))
    out.print()
    for line in difference.environment_lines(old, new):
        out.print(line)
    worse = sum(change.worse for change in found)
    both = f"{len(old.results)} and {len(new.results)} results"
    out.print(f"{both}: {len(found)} changes, {worse} for the worse")
    return difference.exit_code(found)
