# Everything needs only Python 3.11 or later and make; each target makes the environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Simulated listeners by default; DATA=folder for recordings.
DATA ?=
OUT ?= build/compare

.DEFAULT_GOAL := help
.PHONY: help compare test test-all check docs clean

help:
	@echo "make compare   compare decoders and write a report to $(OUT) (DATA=folder for recordings)"
	@echo "make test      style, types and docstrings, then the tests"
	@echo "make test-all  the same with the long simulations, which make test leaves out"
	@echo "make docs      documentation with executed examples, in docs/_build/html"
	@echo "make clean     remove what the other targets made"
	@echo "PYTHON=python3.13 chooses the interpreter, VENV=folder the environment."

compare: $(VENV)/run.stamp
	$(BIN)/cocktailparty compare $(if $(DATA),--data "$(DATA)") --out "$(OUT)"

test: SELECTED := -m "not slow"
test test-all: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(SELECTED)

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

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

$(VENV)/docs.stamp: $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet -c constraints.txt --group docs
	touch $@
