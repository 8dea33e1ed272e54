"""Shared test settings: hypothesis derandomised, JAX strict about broadcasting."""

import os

from hypothesis import settings

# One thread a process: tests run in parallel, and timings of BLAS must not depend on neighbours.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

settings.register_profile("wconv", derandomize=True, deadline=None, max_examples=25, database=None)
settings.load_profile("wconv")
