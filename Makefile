# What one can do here. `make demo` is the first thing to run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
# What recipes take their data from: the King James Bible, and voices.
SYSTEM_PACKAGES := bible-kjv-text espeak-ng flite
RECIPES := tabular regression vision text decoder speech

.PHONY: help setup setup-training demo train test bench bench-meter format clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(VENV)/.installed infra/node_modules/.installed ## install everything into .venv and infra/node_modules

setup-training: setup ## install the system packages too that the recipes text, decoder and speech take their data from
	@missing=$$(for package in $(SYSTEM_PACKAGES); do dpkg-query -W -f '$${db:Status-Status}\n' $$package 2>/dev/null | grep -qx installed || echo $$package; done); \
	test -z "$$missing" && exit 0; \
	command -v apt-get >/dev/null || { echo "infermeter: expected apt-get to install" $$missing "with, got none; install them as your system does" >&2; exit 1; }; \
	as=$$(test $$(id -u) = 0 || echo sudo); test -z "$$as" || command -v sudo >/dev/null || { echo "infermeter: expected root or sudo to install" $$missing "with, got neither; have them installed" >&2; exit 1; }; \
	$$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -qq --yes --no-install-recommends $$missing >/dev/null

train: setup-training ## train every recipe, into .build/artifacts (some 20 minutes on two cores)
	@set -e; for recipe in $(RECIPES); do $(BIN)/infermeter train $$recipe --json; done

demo: setup ## start the local stack and run the whole loop on it
	@$(BIN)/infermeter demo

test: setup ## all checks: lint, types, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

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
