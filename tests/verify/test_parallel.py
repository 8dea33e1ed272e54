"""Jobs in several processes give the results of one."""

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
