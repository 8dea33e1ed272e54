"""All figures by name: every module of the gallery lists its own in ``FIGURES``."""

import importlib
import pkgutil

from wconv import _require as require
from wconv.gallery.figure import Figure

PACKAGE = "wconv.gallery"


def figures() -> dict[str, Figure]:
    """The figures of all modules of ``wconv.gallery`` that have a tuple ``FIGURES``, sorted by name.

    Raises:
        InputError: two figures with one name.

    """
    package = importlib.import_module(PACKAGE)
    found: dict[str, Figure] = {}
    for info in pkgutil.iter_modules(package.__path__, PACKAGE + "."):
        for one in getattr(importlib.import_module(info.name), "FIGURES", ()):
            if one.name in found:
                require.fail(f"figure {one.name}", "have a name of its own", info.name, "rename it")
            found[one.name] = one
    return dict(sorted(found.items()))
