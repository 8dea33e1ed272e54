"""The one look of all figures: a style sheet, widths, and colours told apart by every colour vision."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

COLUMN: Final = 3.4
"""Width of a column in inches."""

PAGE: Final = 7.0
"""Width of the text in inches."""

BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
VERMILLION, ORANGE, PURPLE = "#D55E00", "#E69F00", "#CC79A7"
GREY: Final = "#7F7F7F"
"""Okabe and Ito's colours, and a grey."""

MEASURED, PROVED = BLUE, VERMILLION
"""What is seen, and what is proved about it."""

SEVERAL: Final = (BLUE, VERMILLION, GREEN, PURPLE)
"""Of curves that are alike."""

DASH: Final[Any] = (0, (4, 2))
"""Of what is proved; dots are for a second bound."""

DOTS: Final[Any] = (0, (1, 1))
SHEET: Final = Path(__file__).with_name("wconv.mplstyle")


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's defaults with the sheet ``wconv.mplstyle`` on them, whatever the user's settings.

    Constrained layout and the glyphs are settled when a figure is drawn: draw it inside.
    """
    from matplotlib import rc_context

    with rc_context(fname=SHEET):
        yield
