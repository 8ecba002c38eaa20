# Two commands for everybody: `make demo` and `make test`. Both set everything up by themselves.
# PYTHON=/its/path names the interpreter, VENV=folder the environment, JOBS=n how many tests run at once.
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
PYTEST := $(BIN)/pytest -q -n $(JOBS) --dist worksteal

.PHONY: demo test check quick clean setup

setup: $(STAMP)

$(STAMP): pyproject.toml scripts/setup
	PYTHON="$(PYTHON)" VENV="$(VENV)" scripts/setup

demo: setup  ## train, compile, run on the emulated boards, show the report
	$(BIN)/edgewright demo --out build/demo --force

check: setup  ## style, types, layers: seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: check  ## the tests that take seconds
	$(PYTEST) -m "not slow"

test: quick  ## everything, the slow ones last
	$(PYTEST) -m slow

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
