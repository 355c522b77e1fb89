# Everything runs in .venv, which the first command makes. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: review test check unit bench coverage schema clean help

review: $(INSTALLED) ## review the bundled example project
	@$(BIN)/codetune review examples/shop --fail-on critical || test $$? -eq 1

test: check unit ## every check and every test, as CI runs them

check: $(INSTALLED) ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(INSTALLED) ## the tests
	$(BIN)/pytest -n 3 --dist loadfile

coverage: $(INSTALLED) ## the tests, and which lines they run: takes twice as long
	$(BIN)/coverage erase
	$(BIN)/pytest -n 2 --dist loadfile --cov --cov-report=
	$(BIN)/coverage report --fail-under=90

bench: $(INSTALLED) ## measure the budgets of docs/performance.md and write benchmarks/results.json
	$(BIN)/python tests/benchmarks/run.py
	$(BIN)/python tests/benchmarks/history.py
	$(BIN)/python tests/benchmarks/completion.py
	$(BIN)/python tests/benchmarks/editing.py
	$(BIN)/python tests/benchmarks/local_models.py
	$(BIN)/python tests/benchmarks/service.py
	$(BIN)/python tests/benchmarks/service_load.py

schema: $(INSTALLED) ## draw the tables anew in docs/schema.md
	$(BIN)/python -m codetune_core.storage.diagram > docs/schema.md

clean: ## remove what the other commands made
	rm -rf $(VENV) dist build .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CodeTune needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
