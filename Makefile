# What one can do here. `make demo` is the first thing to run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench bench-meter format clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.installed infra/node_modules/.installed ## install everything into .venv and infra/node_modules

demo: setup ## start the local stack and run the whole loop on it
	@$(BIN)/infermeter demo

test: setup ## all checks: lint, types, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadgroup

bench: setup ## what a request costs beside the bare model and FastAPI
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	@$(BIN)/python -m tests.bench.overhead

bench-meter: setup ## what counting a request costs beside Powertools and a transaction; limits; folds
	@$(BIN)/python -m tests.bench.metering
	@$(BIN)/python -m tests.bench.downstream
	@$(BIN)/python -m tests.bench.limits
	@$(BIN)/python -m tests.bench.places
	@$(BIN)/python -m tests.bench.fold

format: setup ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## stop the local stack and remove what was built (.venv and node_modules stay)
	-@test ! -x $(BIN)/infermeter || $(BIN)/infermeter down --purge
	rm -rf .build infra/cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "infermeter: Python 3.11 or newer: expected '$(PYTHON)' on the path, got none" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "infermeter: expected Python 3.11 or newer, got $$($(PYTHON) --version); set PYTHON=" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[training,infra,dev]'
	@touch $@

infra/node_modules/.installed: infra/package.json infra/package-lock.json
	@command -v npm >/dev/null || { echo "infermeter: Node.js 20 or newer: expected 'npm' on the path, got none; install Node.js" >&2; exit 1; }
	cd infra && npm ci --silent --no-progress
	@touch $@
