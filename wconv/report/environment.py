"""The environment a run happened in, without importing what is not needed to say it."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("wconv", "numpy", "scipy", "jax", "POT", "sympy", "gymnasium")


def environment() -> dict[str, str]:
    """Versions of Python, the machine and the packages that enter numbers."""
    found = {"python": platform.python_version(), "machine": platform.platform()}
    found["cores"] = str(os.cpu_count())
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
