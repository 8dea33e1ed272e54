"""Shared test settings: hypothesis derandomised, JAX strict about broadcasting."""

import pytest

import os

from hypothesis import settings

# One thread a process: tests run in parallel, and timings of BLAS must not depend on neighbours.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

settings.register_profile("wconv", derandomize=True, deadline=None, max_examples=25, database=None)
settings.load_profile("wconv")


@pytest.fixture(autouse=True, scope="session")
def kept_cells(tmp_path_factory):
    """Cells of sweeps are kept in a folder of the test run, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
