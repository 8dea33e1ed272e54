# Two commands do everything on a fresh machine with Python >= 3.11: `make check` and `make test`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

.PHONY: help venv check check-all test lint format bench report figures clean

help:
	@echo "make check      every theorem on its quick cases, with controls (sets up .venv first)"
	@echo "make check-all  every theorem on every case, and on a problem with continuous states"
	@echo "make report     the quick cases as one HTML page with figures (writes report.html)"
	@echo "make test       the test suite"
	@echo "make lint       ruff and mypy --strict"
	@echo "make bench      benchmarks against other solvers (writes benchmarks/results)"
	@echo "make figures    figures of the theory with their numbers and captions (writes figures/out)"

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'wconv needs Python 3.11 or newer: make PYTHON=python3.12 ...')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable ".[gym,cluster,test,lint]"
	@touch $@

check: venv
	$(BIN)/wconv check

check-all: venv
	$(BIN)/wconv check --tier all
	$(BIN)/wconv check --on circle-pendulum --no-controls

report: venv
	$(BIN)/wconv report -o report.html

test: venv
	$(BIN)/pytest -n 2 -q

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: venv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable ".[bench]"
	$(BIN)/python benchmarks/exact.py
	$(BIN)/python benchmarks/constants.py
	$(BIN)/python benchmarks/wpg.py
	$(BIN)/python benchmarks/wppg.py
	$(BIN)/python benchmarks/particles.py

figures: venv
	$(BIN)/wconv figures --out figures/out

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
