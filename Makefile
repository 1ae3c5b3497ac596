# Everything needs only Python 3.11 or later and make; each target makes the environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Simulated listeners by default; DATA=folder for recordings.
DATA ?=
OUT ?= build/compare

.DEFAULT_GOAL := help
.PHONY: help compare test test-all check coverage docs dist clean

help:
	@echo "make compare   compare decoders and write a report to $(OUT) (DATA=folder for recordings)"
	@echo "make test      style, types and docstrings, then the tests"
	@echo "make test-all  the same with the long simulations, which make test leaves out"
	@echo "make coverage  the tests, and which lines they run, in build/coverage"
	@echo "make docs      documentation with executed examples, in docs/_build/html"
	@echo "make dist      source archive and wheel in dist, built and checked"
	@echo "make clean     remove what the other targets made"
	@echo "PYTHON=python3.13 chooses the interpreter, VENV=folder the environment."

compare: $(VENV)/run.stamp
	$(BIN)/cocktailparty compare $(if $(DATA),--data "$(DATA)") --out "$(OUT)"

test: SELECTED := -m "not slow"
test test-all: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(SELECTED)

coverage: $(VENV)/test.stamp $(VENV)/coverage.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile -m "not slow" \
		--cov --cov-report=term:skip-covered --cov-report=html:build/coverage

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

dist: $(VENV)/dist.stamp
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

clean:
	rm -rf $(VENV) build dist docs/_build docs/auto_examples docs/generated *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/run.stamp: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable .
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet -c constraints.txt --group test --group dev
	touch $@

$(VENV)/docs.stamp $(VENV)/coverage.stamp: $(VENV)/%.stamp: $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet -c constraints.txt --group $*
	touch $@

# What is built takes nothing from the environment of the product.
$(VENV)/dist.stamp: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt --group dist
	touch $@
