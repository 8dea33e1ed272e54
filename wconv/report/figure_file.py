"""A figure as a file: the format by its ending, written whole or not at all."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wconv import _require as require
from wconv._files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: Final = ("png", "pdf", "svg")


def figure_kind(path: Path) -> str:
    """The format that a path asks for by its ending.

    Raises:
        InputError: another ending than .png, .pdf or .svg.

    """
    return require.choice("file ending", path.suffix.lower().lstrip("."), KINDS)


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure in the format of its ending, atomically.

    Raises:
        InputError: another ending, or the system refuses.

    """
    stream = io.BytesIO()
    figure.savefig(stream, format=figure_kind(path))
    atomic_write(path, stream.getvalue())
