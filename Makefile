# The README's commands. `make demo` and `make test` work on a bare Debian machine with Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: demo test bench bench-ingest fuzz lint install clean

demo: $(VENV)/.demo
	exec $(BIN)/windlass demo

test: install
	$(BIN)/pytest -n 2 --dist loadgroup

bench: install
	$(BIN)/python -m deployments.bench

bench-ingest: install
	$(BIN)/python -m deployments.bench --only whole-run

fuzz: install
	$(BIN)/python -m deployments.fuzz --seconds 600

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
