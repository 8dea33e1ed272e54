"""Running a Python file of the user, with errors that name the file."""

import sys
from pathlib import Path
from types import ModuleType

from wconv import _require as require


def run_file(symbol: str, path: Path) -> ModuleType:
    """Execute a Python file and return it as a module named ``wconv_user.<stem>``.

    Raises:
        InputError: a missing file or another kind of file, and whatever the file raises.
    """
    if path.suffix != ".py" or not path.is_file():
        require.fail(symbol, "be an existing .py file", str(path), "check the path")
    module = ModuleType(f"wconv_user.{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except require.InputError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the file may raise anything
        detail = f"{type(error).__name__}: {error}"
        require.fail(f"{symbol} {path}", "run cleanly", detail, "mend the file")
    return module
