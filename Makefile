# Two commands for everybody: `make demo` and `make test`. Both set everything up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: demo test check quick clean setup

setup: $(STAMP)

$(STAMP): pyproject.toml scripts/setup
	PYTHON="$(PYTHON)" VENV="$(VENV)" scripts/setup
	touch $(STAMP)

demo: setup  ## train, compile, run on the emulated boards, show the report
	$(BIN)/edgewright demo --out build/demo --force

check: setup  ## style, types, layers: seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: check  ## the tests that need no training and no board
	$(BIN)/pytest -n $(JOBS) -q tests -m "not slow"

test: check  ## everything
	$(BIN)/pytest -n $(JOBS) -q tests

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
