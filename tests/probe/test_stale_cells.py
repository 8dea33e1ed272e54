"""No cell is served that its code, its parameters or its files do not give any more."""

import json

import numpy as np
import pytest

import wconv as wc
from wconv import InputError
from wconv.probe import sources
from wconv.probe.cache import Cells
from wconv.probe.cell import alike, compute, compute_alike, failed, status
from wconv.probe.drive import sweep_cells
from wconv.probe.order import make_sweep

PROBLEM = """
import numpy as np
import wconv as wc
{imports}

def two(temperature=0.5, name="a"):
    reward, transition = np.array([[0.0, {bonus}], [0.5, 0.0]]), np.full((2, 2, 2), 0.5)
    grid = wc.FiniteSet(np.array([[0.0], [1.0]])).grid()
    return wc.make_mdp(reward, transition, discount=0.5, temperature=temperature, grid=grid)
"""

HELPED = PROBLEM.format(imports="from helper_of_a_problem import BONUS", bonus="1.0 + BONUS")


def statuses(order, cells=None):
    found = sweep_cells(order, cells, processes=1)
    return {point[0]: (status(result), known) for point, result, known in found}


def test_an_edited_check_is_another_one_in_the_same_process(known_edge, tmp_path):
    found = []
    for most in ("most=0.5", "most=0.9"):
        with open(known_edge) as file:
            text = file.read().replace("most=0.5", most)
        with open(known_edge, "w") as file:
            file.write(text)
        order = make_sweep("known-edge", ["tau=0.3,0.6"], checks=known_edge)
        found.append(statuses(order, Cells(tmp_path / "cells", order))[0.6])
    assert found == [("violated", False), ("holds", False)]


def test_a_file_edited_while_the_sweep_runs_ends_it(known_edge, tmp_path):
    order = make_sweep("known-edge", ["tau=0.3,0.6"], checks=known_edge)
    cells = Cells(tmp_path / "cells", order)
    running = sweep_cells(order, cells, processes=1)
    next(running)
    with open(known_edge, "a") as file:
        file.write("\n# edited\n")
    with pytest.raises(InputError, match="edited while the sweep ran"):
        next(running)


def test_what_a_problem_file_imports_is_part_of_the_key(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "problem.py").write_text(HELPED)
    paths = []
    for bonus in ("0.0", "0.0", "4.0"):
        monkeypatch.setattr(sources, "_SEEN", {})  # as if Python were started anew
        (tmp_path / "helper_of_a_problem.py").write_text(f"BONUS = {bonus}\n")
        on = f"{tmp_path}/problem.py:two"
        order = make_sweep("bellman-sandwich", ["temperature=0.3,0.4"], on=on)
        paths.append(Cells(tmp_path, order).path((0.3,)))
    assert paths[0] == paths[1] != paths[2]


def test_a_module_edited_after_its_import_is_not_taken_for_the_new_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "problem.py").write_text(HELPED.replace("helper_of", "edited_helper_of"))
    helper = tmp_path / "edited_helper_of_a_problem.py"
    helper.write_text("BONUS = 0.0\n")
    order = make_sweep("bellman-sandwich", ["temperature=0.3,0.4"], on=f"{tmp_path}/problem.py:two")
    Cells(tmp_path, order).path((0.3,))
    helper.write_text("BONUS = 4.0\n")
    with pytest.raises(InputError, match="one edited after its import"):
        Cells(tmp_path, order).path((0.3,))


def test_the_same_file_in_another_folder_is_another_problem(tmp_path, monkeypatch):
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        (tmp_path / name / "p.py").write_text(PROBLEM.format(imports="", bonus="1.0"))
        order = make_sweep("bellman-sandwich", ["temperature=0.3,0.4"], on="p.py:two")
        paths.append(Cells(tmp_path, order).path((0.3,)))
    assert paths[0] != paths[1]


def test_errors_that_may_pass_are_not_kept_and_lasting_ones_are(known_edge, tmp_path):
    order = make_sweep("known-edge", ["tau=0.3,0.6"], checks=known_edge)
    cells = Cells(tmp_path / "cells", order)
    cells.write((0.3,), failed(order, (0.3,), "the process that computed it died, twice"))
    cells.write((0.6,), failed(order, (0.6,), "SolverError: no convergence"))
    assert cells.read((0.3,)) is None
    assert cells.read((0.6,)).verdict == "ERROR"


def test_parameters_that_their_text_does_not_tell_are_refused(known_edge):
    scalar = make_sweep(
        "known-edge", ["tau=0.3,0.6"], checks=known_edge, parameters={"gamma": np.float64(0.5)}
    )
    assert json.dumps(scalar.fixed["discount"]) == "0.5"
    with pytest.raises(InputError, match="sleep must be a number, word"):
        make_sweep(
            "known-edge", ["tau=0.3,0.6"], checks=known_edge, parameters={"sleep": np.zeros(2000)}
        )


def test_a_worker_with_other_code_is_told(known_edge):
    order = make_sweep("known-edge", ["tau=0.3,0.6"], checks=known_edge)
    same = compute_alike(order, (0.3,), alike(order))
    assert same.margin == compute(order, (0.3,)).margin
    with pytest.raises(InputError, match="code of the worker must be that of the sweep"):
        compute_alike(order, (0.3,), "another")


def test_a_name_of_a_problem_and_of_a_check_is_refused():
    with pytest.raises(InputError, match="noise must mean one thing"):
        make_sweep("wppg-inexact", ["noise=0.1:0.3:3"], on="lq-1d")
    with pytest.raises(InputError, match="noise must mean one thing"):
        wc.verify("wppg-inexact", "lq-1d", noise=0.1)


def test_axes_of_words_and_truths_and_cells_without_claims_have_a_dataset(tmp_path):
    (tmp_path / "p.py").write_text(PROBLEM.format(imports="", bonus="1.0 + (name == 'b')"))
    options = {"on": f"{tmp_path}/p.py:two", "cache": tmp_path / "cells", "processes": 1}
    found = wc.sweep("bellman-sandwich", "name=a,b", "temperature=0.3,0.4", **options)
    assert found["margin"].sel(name="b", temperature=0.3) > found["margin"].sel(
        name="a", temperature=0.3
    )
    nothing = wc.sweep("bellman-sandwich", "name=a,b", "temperature=-1,-2", **options)
    assert (nothing["status"] == "error").all()
