"""One BLAS thread, set before NumPy is loaded: matrices are small here, and threads that wait for a busy
core make a solve fifty times slower. A number that is already set in the environment is kept.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
