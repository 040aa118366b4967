# Two commands do all the set-up: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
TEST_TOOLS := pytest pytest-xdist hypothesis numpydoc mpmath scipy pandas optax joblib lmfit numba \
	'dask[distributed]' openpyxl pyarrow zarr h5py onnxruntime babel markdown-it-py nbclient ipykernel \
	selenium ruff mypy
SITE_TOOLS := sphinx pydata-sphinx-theme numpydoc myst-nb sphinx-design sphinx-gallery jieba
PEERS := numba jax autograd scipy scikit-learn skorch optax jaxopt optimistix diffrax lmfit casadi distributed

# What depends most on the versions of other packages: tracing, machine code, descents, fits,
# files, the command line.
OLDEST_TESTS := tests/trace/test_tracing.py tests/trace/following/test_follow.py \
	tests/engines/native/ir tests/engines/native/runtime tests/descent/running/test_refit.py \
	tests/test_files.py tests/cli
SECONDS ?= 600

.PHONY: demo test test-fast test-all test-oldest fuzz lint types bench docs site links site-versions catalogs exports release clean

demo: $(VENV)/demo
	$(BIN)/steepest tour

test: $(VENV)/test lint types
	$(BIN)/python -m pytest

# A part of each test's cases, and no slow ones.
test-fast: $(VENV)/test
	$(BIN)/python -m pytest --fast

# Every case of the products that `make test` takes samples of.
test-all: $(VENV)/test
	$(BIN)/python -m pytest --all

# With the lowest versions that pyproject.toml allows, in an environment of their own.
test-oldest: $(OLDEST)/test
	$(OLDEST)/bin/python -m pytest --fast $(OLDEST_TESTS)

fuzz: $(VENV)/test
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test
	$(BIN)/mypy

bench: $(VENV)/bench
	$(BIN)/python benchmarks/run.py --json bench.json
	$(BIN)/python benchmarks/fits.py --json bench-fits.json
	$(BIN)/python benchmarks/inference.py
	$(BIN)/python benchmarks/loops.py
	$(BIN)/python benchmarks/first_calls.py --json bench-first.json
	$(BIN)/python benchmarks/linear_algebra.py
	$(BIN)/python benchmarks/scientific_python.py
	$(BIN)/python benchmarks/odes.py
	$(BIN)/python benchmarks/solving.py
	$(BIN)/python benchmarks/constrained.py --only steepest SLSQP IPOPT
	$(BIN)/python benchmarks/large_constrained.py
	if command -v chromium && $(INSTALL) selenium; then $(BIN)/python benchmarks/play.py; fi
	$(BIN)/python benchmarks/learn.py
	$(BIN)/python benchmarks/blocks.py
	$(BIN)/python benchmarks/torch_modules.py
	$(BIN)/python benchmarks/gpu.py
	$(BIN)/python benchmarks/cluster.py

exports: $(VENV)/test
	$(BIN)/python tools/exports.py

# Builds what would be released, checks it, and prints the release notes; publishes nothing.
release: $(BIN)/python
	$(INSTALL) build twine
	$(BIN)/python tools/release.py

docs: $(VENV)/demo
	$(BIN)/python docs/make.py

# The documentation, as pages to be put on any web server.
# The Chinese one, build/site/zh_CN, takes the outputs of the tutorials' code from the English one.
SPHINX := $(BIN)/python -m sphinx -b html -W --keep-going -q
site: $(VENV)/site
	rm -rf build/executed build/doctrees # so that all code on the pages runs
	$(SPHINX) -d build/doctrees/en docs build/site
	$(SPHINX) -d build/doctrees/zh_CN -D language=zh_CN docs build/site/zh_CN

# Files and anchors that the built pages link to; links to other sites are listed in build/links.txt.
links:
	$(PYTHON) tools/site_links.py

# The pages of `make site` beside those of other versions, with a menu of them, in build/versions.
site-versions:
	$(PYTHON) tools/site_versions.py

# After a change of a translated page: what is to be translated is printed.
catalogs: $(VENV)/test
	$(BIN)/python docs/translations.py

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

$(VENV)/site: $(VENV)/test
	$(INSTALL) $(SITE_TOOLS)
	touch $@

$(OLDEST)/test: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints-oldest.txt torch
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints-oldest.txt --editable '.[all]' pytest pytest-xdist hypothesis mpmath
	touch $@

$(VENV)/bench: $(VENV)/demo
	$(INSTALL) $(PEERS)
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) build dist *.egg-info bench.json bench-fits.json bench-first.json
