"""Sweeps: every cell once, kept on disk, whatever happens to it or to the process."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from wconv import InputError
from wconv.cli import main
from wconv.probe.bisection import bisect, breaks
from wconv.probe.cache import Cells
from wconv.probe.cell import status
from wconv.probe.dataset import dataset, read_sweep, write
from wconv.probe.drive import sweep_cells
from wconv.probe.order import make_sweep
from wconv.report.phase_plot import LOOKS, plot_phases

EDGES = {0.2: "premise fails, conclusion holds", 0.5: "holds"}


def run(order, cells=None, **options):
    options = {"processes": 1} | options
    return {p: (result, known) for p, result, known in sweep_cells(order, cells, **options)}


def test_premise_and_conclusion_of_every_cell(known_edge):
    order = make_sweep("known-edge", ["tau=0.1,0.3,0.6"], checks=known_edge)
    found = {point[0]: status(result) for point, (result, _) in run(order).items()}
    assert found == {0.1: "premise fails, conclusion holds", 0.3: "holds", 0.6: "violated"}


def test_finished_cells_are_never_computed_again(known_edge, tmp_path):
    order = make_sweep("known-edge", ["tau=0.1:1:4", "gamma=0.5,0.9"], checks=known_edge)
    cells = Cells(tmp_path / "cells", order)
    first, again = run(order, cells), run(order, cells)
    assert [known for _, known in first.values()] == [False] * 8
    assert [known for _, known in again.values()] == [True] * 8
    assert all(first[p][0] == again[p][0] for p in order.points)


def test_another_check_file_seed_or_parameter_is_another_cell(known_edge, tmp_path):
    def path(order):
        return Cells(tmp_path, order).path((0.3,))

    def order(**more):
        return make_sweep("known-edge", ["tau=0.3,0.4"], checks=known_edge, **more)

    paths = {path(order()), path(order(seed=1)), path(order(parameters={"gamma": 0.5}))}
    with open(known_edge, "a") as file:
        file.write("\n# edited\n")
    paths.add(path(order()))
    assert len(paths) == 4


@pytest.mark.parametrize("damage", [b"", b"nonsense", b'{"id": 1}\n{}'])
def test_a_damaged_file_is_found_and_computed_again(known_edge, tmp_path, damage):
    order = make_sweep("known-edge", ["tau=0.3,0.4"], checks=known_edge)
    cells = Cells(tmp_path / "cells", order)
    first = run(order, cells)
    cells.path((0.3,)).write_bytes(damage)
    again = run(order, cells)
    assert {p[0]: known for p, (_, known) in again.items()} == {0.3: False, 0.4: True}
    assert cells.broken == [cells.path((0.3,))]
    assert again[0.3,][0].margin == first[0.3,][0].margin
    assert run(order, cells)[0.3,][1]


def test_a_cell_that_fails_is_an_error_and_the_sweep_goes_on(known_edge):
    order = make_sweep("known-edge", ["gamma=0.5,1.0,0.9"], checks=known_edge)
    found = {p[0]: result for p, (result, _) in run(order).items()}
    assert [found[x].verdict for x in (0.5, 1.0, 0.9)] == ["HOLDS", "ERROR", "HOLDS"]
    assert "discount must lie in" in found[1.0].message


def test_a_cell_that_kills_its_process_is_an_error_and_the_others_are_not(known_edge):
    order = make_sweep("known-edge", ["tau=0.3,0.4", "die=0,1"], checks=known_edge)
    found = run(order, processes=2)
    assert len(found) == 4
    for (_, die), (result, _) in found.items():
        assert result.verdict == ("ERROR" if die else "HOLDS")
        assert ("died" in result.message) == bool(die)


def test_any_executor_will_do(known_edge):
    order = make_sweep("known-edge", ["tau=0.3:0.6:4"], checks=known_edge)
    with ThreadPoolExecutor(2) as executor:
        found = run(order, executor=executor)
    assert [found[p][0].margin for p in order.points] == [r.margin for r, _ in run(order).values()]


def test_bisection_finds_the_edges_to_its_error(known_edge):
    order = make_sweep("known-edge", ["tau=0.05:1:log:4", "gamma=0.5,0.9"], checks=known_edge)
    results = {p: result for p, (result, _) in run(order).items()}

    def compute(points):
        return {p: result for p, (result, _) in run(order, points=points).items()}

    found = bisect(order, breaks(order, results), 12, compute)
    assert len(found) == 4
    for each in found:
        edge = min(EDGES, key=lambda x: abs(x - each.value))
        assert each.before == EDGES[edge]
        assert abs(each.value - edge) <= each.error <= 1e-3 * edge


def test_a_status_between_two_others_is_found_by_bisection(known_edge):
    order = make_sweep("known-edge", ["tau=0.1:0.9:2"], checks=known_edge)
    results = {p: result for p, (result, _) in run(order).items()}

    def compute(points):
        return {p: result for p, (result, _) in run(order, points=points).items()}

    found = bisect(order, breaks(order, results), 8, compute)
    assert [round(each.value, 2) for each in found] == [0.2, 0.5]


def test_the_dataset_is_labelled_and_comes_back_from_its_file(known_edge, tmp_path):
    order = make_sweep("known-edge", ["tau=0.1,0.3,0.6", "gamma=0.5,0.9"], checks=known_edge)
    results = {p: result for p, (result, _) in run(order).items()}
    found = dataset(order, results, breaks(order, results))
    assert found["status"].sel(temperature=0.6, discount=0.9).item() == "violated"
    assert found["fails"].sel(temperature=0.1, discount=0.9).item() == "H1"
    np.testing.assert_array_equal(found["constant_upper"].sel(constant="most"), 0.5)
    write(tmp_path / "x.nc", found)
    again = read_sweep(tmp_path / "x.nc")
    assert found.equals(again)
    assert found.attrs.keys() == again.attrs.keys()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_picture_has_a_strip_for_every_status(known_edge, axes):
    texts = ["tau=0.1:0.7:log:3", "gamma=0.5:0.9:2", "sleep=0:1e-3:2"]
    order = make_sweep("known-edge", texts[:axes], checks=known_edge)
    results = {p: result for p, (result, _) in run(order).items()}
    figure = plot_phases(dataset(order, results, breaks(order, results)))
    panels = [axes for axes in figure.axes if axes.patches]
    assert len(panels) == (2 if axes == 3 else 1)
    colours = [patch.get_facecolor()[:3] for patch in panels[0].patches]
    rows = 1 if axes == 1 else 2
    assert len(colours) == 3 * rows
    assert len(set(colours)) == 3
    assert panels[0].get_xlim() == pytest.approx((0.1, 0.7))  # beyond it nothing was computed
    assert len(figure.legends[0].get_texts()) == 3
    assert {text.get_text() for text in figure.legends[0].get_texts()} <= set(LOOKS)


def test_a_sweep_that_is_killed_resumes_and_loses_nothing(known_edge, tmp_path):
    cells, out = tmp_path / "cells", tmp_path / "out.nc"
    words = ["probe", "known-edge", "--sweep", "tau=0.1:0.9:12", "--set", "sleep=0.3"]
    words += ["--checks", known_edge, "--cache", str(cells), "-o", str(out), "--processes", "1"]
    child = subprocess.Popen([sys.executable, "-m", "wconv", *words])
    end = time.monotonic() + 60
    while len(list(cells.rglob("*.json"))) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = {path: path.read_bytes() for path in cells.rglob("*.json")}
    assert 3 <= len(kept) < 12
    assert not out.exists()
    done = subprocess.run([sys.executable, "-m", "wconv", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{12 - len(kept)} cells computed, {len(kept)} known before" in done.stdout
    assert all(path.read_bytes() == text for path, text in kept.items())
    assert read_sweep(out).sizes["temperature"] == 12


def test_a_cluster_computes_the_cells_though_a_worker_dies(known_edge):
    distributed = pytest.importorskip("distributed")
    order = make_sweep(
        "known-edge", ["tau=0.1:0.9:12"], checks=known_edge, parameters={"sleep": 0.3}
    )
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        killed, found = False, {}
        for point, result, _ in sweep_cells(order, executor=client.get_executor()):
            found[point] = status(result)
            if not killed:
                os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
                killed = True
    assert len(found) == 12
    assert "error" not in found.values()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": "known-egde"}, "did you mean 'known-edge'"),
        ({"axes": []}, "name at least one axis"),
        ({"axes": ["tau=1,2", "temperature=3,4"]}, "each once"),
        ({"parameters": {"tau": 1.0}}, "not be fixed by --set too"),
        ({"parameters": {"tua": 1.0}}, "valid: .*sleep"),
        ({"on": "tow-state"}, "did you mean 'two-state'"),
    ],
)
def test_bad_orders_are_told(known_edge, options, message):
    chosen = {"id": "known-edge", "axes": ["tau=0.1,0.3"], "checks": known_edge} | options
    with pytest.raises(InputError, match=message):
        make_sweep(**chosen)


def test_a_statement_without_a_problem_cannot_be_swept():
    with pytest.raises(InputError, match="speak of a problem"):
        make_sweep("fokker-planck", ["tau=1,2"])


def test_files_that_are_no_sweeps_are_told(tmp_path):
    with pytest.raises(InputError, match="must exist"):
        read_sweep(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no")
    with pytest.raises(InputError, match="be netCDF"):
        read_sweep(tmp_path / "text.nc")


def test_the_command_tells_what_changed_and_draws_it(known_edge, tmp_path, capsys):
    words = ["probe", "known-edge", "--sweep", "tau=0.1:0.9:5", "--checks", known_edge, "--bisect"]
    words += ["--cache", str(tmp_path / "cells"), "--plot", str(tmp_path / "phases.svg")]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "temperature = 0.199" in told or "temperature = 0.200" in told
    assert "holds -> violated" in told
    assert (tmp_path / "phases.svg").read_text().count("<svg") == 1
