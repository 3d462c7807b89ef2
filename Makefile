# Two commands matter: `make lab` opens the course, `make test` tests it. Both set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAB_ARGS ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# pip compiles twenty thousand files one after another; this does it on all processors.
COMPILE := $(BIN)/python -m compileall -q -q -j 0 $(VENV)/lib || true

.DEFAULT_GOAL := help
.PHONY: help lab check test rest slow notebooks measurements site slides release portable numbers lint bench clean

help:
	@echo "make lab        set up, and open JupyterLab on your working copy   (LAB_ARGS=--no-browser …)"
	@echo "make check      set up, and test what your changes touch   (a minute and a half)"
	@echo "make test       set up, and test all: every lesson, and of many like cases some"
	@echo "make rest       the other cases, which continuous integration runs as well"
	@echo "make slow       controls with five times the steps, long fuzz, a whole installation"
	@echo "make notebooks  rebuild lessons/, exercises/ and solutions/ from source/"
	@echo "make measurements   what takes longer than a page may, measured anew where its source changed"
	@echo "make site       the course as pages that anybody can read, in build/site   (OUT=folder)"
	@echo "make slides     the lessons as slides to lecture from, in build/slides   (ONLY=03)"
	@echo "make release    wheel and sdist in dist/, tried in an empty environment"
	@echo "make portable   every lesson, solution and claim under other processors' kernels"
	@echo "make numbers    measure how far the numbers that cells print range   (ONLY=lessons/03)"
	@echo "make lint       format check, lint, types and layers only"
	@echo "make bench      the benchmarks, each printing its bar and the measured ratio"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gradcourse needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.lab: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up .venv (once; about a minute, most of it torch) …"
	@$(PIP) --editable '.[lab]'
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up .venv with the test tools (once; a minute or two) …"
	@$(PIP) --editable '.[dev]'
	@$(COMPILE)
	@touch $@ $(VENV)/.lab

lab: $(VENV)/.lab
	@$(BIN)/gradcourse lab $(LAB_ARGS)

check: $(VENV)/.dev
	@$(BIN)/python tests/run.py check

test: $(VENV)/.dev
	@$(BIN)/python tests/run.py test

rest: $(VENV)/.dev
	@$(BIN)/python tests/run.py rest

slow: $(VENV)/.dev
	@$(BIN)/python tests/run.py slow

lint: $(VENV)/.dev
	@$(BIN)/python tests/run.py lint

notebooks: $(VENV)/.dev
	@$(BIN)/gradcourse build

measurements: $(VENV)/.dev
	@$(BIN)/python -m gradcourse.experiments.measurements

site: $(VENV)/.dev
	@$(BIN)/gradcourse site $(or $(OUT),build/site)

slides: $(VENV)/.dev
	@$(BIN)/gradcourse slides $(ONLY)

release: $(VENV)/.dev
	@$(BIN)/python tests/release.py

portable: $(VENV)/.dev
	@$(BIN)/python tests/portable $(ONLY) $(if $(ON),--on "$(ON)")

numbers: $(VENV)/.dev
	@$(BIN)/python tests/portable/ranges.py $(ONLY)

bench: $(VENV)/.dev
	@missed=0; for file in benchmarks/[a-z]*.py; do echo "── $$file"; \
	  $(BIN)/python $$file || missed=1; done; exit $$missed

clean:
	rm -rf $(VENV) build artefacts .build-cache.json
