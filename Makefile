# Everything needs only Python 3.11 to 3.13 and make: each target makes the environment it needs and reuses it.
PYTHON ?= python3
VENV ?= .venv
RUNTIME_VENV ?= .venv-runtime
STANDALONE_VENV ?= .venv-standalone
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest -n 2 --dist loadfile

# With the variable set, each process would compile every file again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-quick test-all lint format runtime standalone clean

demo: $(VENV)/.installed  ## the whole job on the sample, into demo/
	$(BIN)/faceloom demo --out demo --force

# The longest first, so that both processes end together.
ALL := --no-loadscope-reorder --durations=15 \
	tests/e2e tests/training tests/export tests/inference tests/repo

test: $(VENV)/.installed  ## every test but the exhaustive ones
	$(PYTEST) -m "not exhaustive" $(ALL)

test-all: $(VENV)/.installed  ## every test
	$(PYTEST) $(ALL)

test-quick: $(VENV)/.installed  ## every short test that neither trains nor fuzzes nor starts processes
	$(PYTEST) -m "not training and not fuzz and not process and not e2e and not long and not exhaustive" \
		tests/inference tests/repo tests/training/config

lint: $(VENV)/.installed  ## style, types, and which package may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

runtime: $(RUNTIME_VENV)/.installed  ## what ships: converts with the demo's bundle and without TensorFlow
	$(RUNTIME_VENV)/bin/python tests/e2e/runtime_only.py demo

standalone: $(STANDALONE_VENV)/.installed  ## dist/faceloom, which needs no Python; after `make demo`, also compares it with the installed runtime
	$(STANDALONE_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .
	$(STANDALONE_VENV)/bin/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build inference/standalone/faceloom.spec
	$(STANDALONE_VENV)/bin/python tests/e2e/standalone_folder.py dist/faceloom demo

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Faceloom needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[cpu,train,export,dev]"
	@touch $@

$(RUNTIME_VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(RUNTIME_VENV)
	$(RUNTIME_VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt ".[cpu]"
	@touch $@

$(STANDALONE_VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(STANDALONE_VENV)
	$(STANDALONE_VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt ".[cpu,studio,heif,provenance,standalone]"
	@touch $@

clean:
	rm -rf $(VENV) $(RUNTIME_VENV) $(STANDALONE_VENV) demo demo.log dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
