"""Jobs in several processes give the results of one, and the processes end with the one that asked."""

import subprocess
import sys

import pytest

from wconv._require import InputError
from wconv.verify.parallel import Order, planned, results

ORDER = Order(("wpg-res", "pdl"), seed=3)


def told(found):
    return [
        result.model_dump_json(exclude={"seconds"})
        for _, result in sorted(found, key=lambda pair: pair[0])
    ]


def test_two_processes_say_what_one_says():
    jobs = planned(ORDER)
    alone, shared = (told(results(ORDER, jobs, processes)) for processes in (1, 2))
    assert len(alone) == len(jobs)
    assert alone == shared


def test_what_a_recipe_refuses_is_refused_before_any_process_starts():
    order = Order(("wpg-res",), on=("garnet",), parameters={"discount": 1.0})
    with pytest.raises(InputError, match="discount must lie in"):
        list(results(order, planned(order), 2))


KILLED = """
import os, signal
{opened}
print(pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    "opened",
    [
        "from wconv.verify.parallel import Order, _pool; pool = _pool(Order(('pdl',)))",
        "from wconv.probe.drive import _pool; whole = _pool(1); pool = whole.__enter__()",
    ],
    ids=["check", "probe"],
)
def test_a_worker_does_not_outlive_its_parent(opened):
    # The pipe ends when the last process that holds it is gone: the worker, if it stays.
    code = KILLED.format(opened=opened)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60)
    assert done.returncode == -9
    assert int(done.stdout) > 0
