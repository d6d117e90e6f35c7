# make help lists the targets. Everything is installed into $(VENV) and nowhere else.
PYTHON ?= python3
VENV ?= .venv
# A torch other than the tested one, in a new .venv: make setup TORCH='torch==2.12.*' TORCHVISION='torchvision==0.27.*'
TORCH ?=
TORCHVISION ?=
# mmcv's own operators, with a C++ compiler: make setup OPS=compiled
OPS ?=

PY := $(VENV)/bin/python
STAMP := $(VENV)/.mmsfa-setup$(if $(OPS),-$(OPS))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast lint docs clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(STAMP)  ## install everything into .venv (once)

# The stamp is written last, so a set-up that was interrupted is continued.
$(STAMP): pyproject.toml constraints.txt tools/misc/setup_env.sh
	@PYTHON='$(PYTHON)' TORCH="$(TORCH)" TORCHVISION="$(TORCHVISION)" OPS='$(OPS)' \
		bash tools/misc/setup_env.sh '$(VENV)'
	@touch $@

demo: $(STAMP)  ## train and test the demo detector on the Shapes data set
	@$(PY) tools/misc/demo.py

# A worker that has nothing left takes over from the others.
PYTEST := $(PY) -m pytest -n logical --maxprocesses 4 --dist worksteal
# Tests of the real data sets skip where those are not there, and cover less.
FLOOR := $(if $(wildcard $(or $(MMSFA_SHARED),../shared)/data),,--cov-fail-under=0)

test: $(STAMP)  ## run the whole test-suite on each core, on four at most, and measure its coverage
	@$(PYTEST) --cov=mmsfa --cov-report=term $(FLOOR)

test-fast: $(STAMP)  ## run what takes neither a tool nor many seconds, in one to two minutes
	@$(PYTEST) -m 'not slow and not tools'

lint: $(STAMP)  ## check style, format and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

docs: $(STAMP)  ## build the site of the documentation into site/; a broken link is an error
	@$(PY) -c 'import mkdocstrings' 2>/dev/null || \
		{ echo 'make docs needs Python 3.11.5 or newer: make setup PYTHON=python3.12'; exit 1; }
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict
	@echo 'site/index.html is the first page'

clean:  ## remove caches and builds (the environment, data and work_dirs stay)
	rm -rf build dist site .dist_test .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
