"""``wconv cite``: what to cite for a statement."""

from wconv.cli.shared import Checks, app


@app.command
def cite(id: str, *, checks: Checks = None) -> int:
    """Print BibTeX entries for the sources of a statement, and for wconv.

    Parameters
    ----------
    id
        Id of the statement.
    """
    import sys

    from wconv.theory.cite import cite as entries_of

    sys.stdout.write(entries_of(id, checks=checks) + "\n")
    return 0
