"""The environment a run happened in, without importing what is not needed to say it."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("wconv", "numpy", "scipy", "jax", "POT", "sympy", "gymnasium")


def environment() -> dict[str, str]:
    """Versions of Python, the machine and the packages that enter numbers."""
    found = {"python": platform.python_version(), "machine": platform.platform()}
    return found | {"cores": str(os.cpu_count())} | versions(PACKAGES)


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of packages by name; "not installed" where they are not."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
