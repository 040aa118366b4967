# Two commands do all the set-up: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
TEST_TOOLS := pytest pytest-xdist hypothesis mpmath scipy pandas optax joblib 'dask[distributed]' \
	ruff mypy
PEERS := numba jax autograd scipy scikit-learn optax jaxopt optimistix lmfit

.PHONY: demo test lint types bench docs clean

demo: $(VENV)/demo
	$(BIN)/steepest tour

test: $(VENV)/test lint types
	$(BIN)/python -m pytest

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test
	$(BIN)/mypy

bench: $(VENV)/bench
	$(BIN)/python benchmarks/run.py --json bench.json
	$(BIN)/python benchmarks/fits.py --json bench-fits.json

docs: $(VENV)/demo
	$(BIN)/python docs/make.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) torch
	$(INSTALL) --editable '.[all]'
	$(BIN)/python -m compileall -q src
	touch $@

$(VENV)/test: $(VENV)/demo
	$(INSTALL) $(TEST_TOOLS)
	touch $@

$(VENV)/bench: $(VENV)/demo
	$(INSTALL) $(PEERS)
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info bench.json bench-fits.json
