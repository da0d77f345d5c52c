# `make search` runs the main job, `make test` checks the project, `make test-all` checks everything.
# Each installs what it needs.
PYTHON ?= python3
VENV ?= .venv
SPACE ?= digits_tradeoff
ARGS ?=
BIN := $(VENV)/bin

.PHONY: search install test test-rest test-all screenshots clean

search: $(VENV)/installed
	$(BIN)/python -m tuner.run --space $(SPACE) $(ARGS)

# Everything that the tests need, without testing.
install: $(VENV)/installed-test

# Lint, types, layers, unit tests, and a handful of real searches through Ray.
test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest --strict-config -m "not slow" --numprocesses 2 --dist loadfile $(ARGS)

# Faults, the browser, databases and clusters.
test-rest: $(VENV)/installed-test
	$(BIN)/pytest --strict-config -m slow --numprocesses 2 --dist loadfile $(ARGS)

test-all: test test-rest

screenshots: $(VENV)/installed-test
	SCREENSHOTS=docs/images $(BIN)/pytest tests/integration/test_mlflow_pages.py tests/integration/test_live_page.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --constraint constraints.txt --editable '.[test]'
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
