"""The command line: ``wconv check | probe | attack | report | figures | constants | list | …``.

Exit codes: 0 everything as expected, 1 a claim violated or a control that was not, 2 wrong usage,
3 inconclusive, an unexpected INAPPLICABLE or a claim without teeth, 4 an error in a check, 5 no
claim was tested.
"""

import wconv._threads  # noqa: F401, I001  (before anything loads NumPy)
import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import CycloptsError

from wconv._require import InputError
from wconv.cli import (  # noqa: F401 - every command enters its name
    attack,
    check,
    cite,
    constants,
    diff,
    figures,
    known,
    probe,
    report,
)
from wconv.cli.shared import app
from wconv.outcomes import SolverError

USAGE: Final = 2
FAILED: Final = 4
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; input errors are one clear line."""
    try:
        command, bound, _ = app.parse_args(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
        )
        return int(command(*bound.args, **bound.kwargs) or 0)
    except (InputError, CycloptsError) as error:
        sys.stderr.write(f"wconv: {' '.join(str(error).split())}\n")
        return USAGE
    except SolverError as error:
        from wconv.report.format import cause

        sys.stderr.write(f"wconv: {' '.join(cause(error).split())}\n")
        return FAILED
    except MemoryError:
        sys.stderr.write("wconv: not enough memory for this instance: make it smaller\n")
        return USAGE
    except KeyboardInterrupt:
        sys.stderr.write("wconv: interrupted\n")
        return INTERRUPTED
