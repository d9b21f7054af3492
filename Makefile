# The README's commands. `make demo` and `make test` work on a bare Debian machine with Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
# Hundreds of processes start in a run of the tests: each would compile the whole house anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test bench bench-ingest chaos fuzz kernels lint install clean

demo: $(VENV)/.demo
	exec $(BIN)/windlass demo

test: install kernels
	$(BIN)/pytest -n 4 --dist loadgroup --no-loadscope-reorder --durations 15

bench: install kernels
	$(BIN)/python -m deployments.bench

bench-ingest: install kernels
	$(BIN)/python -m deployments.bench --only whole-run --only fleet

chaos: install
	$(BIN)/python -m deployments.chaos --pairs --outages --processes --rounds 5 --write docs/fault-matrix.md

fuzz: install
	$(BIN)/python -m deployments.fuzz --seconds 600
	$(BIN)/python -m deployments.fuzz.addresses --seconds 60

# Compiled once, before many processes want them at the same time.
kernels: install
	$(BIN)/python -m deployments.kernels

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/.dev

clean:
	rm -rf $(VENV) .windlass

$(BIN)/uv: requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock uv
	touch $@

$(VENV)/.demo: pyproject.toml requirements.lock $(BIN)/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint requirements.lock --editable '.[ingest,serving]'
	touch $@

$(VENV)/.dev: pyproject.toml requirements.lock $(BIN)/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint requirements.lock --editable '.[ingest,serving,dev]'
	touch $@ $(VENV)/.demo
