# Everything runs from .venv, which is made on first use and again when pyproject.toml changes.
#   make serve [PORT=8000] [DATA=data] [ARGS="--host 0.0.0.0 --user NAME:PASSWORD"]     make test [ARGS="-k eval"]
#   make check | docs | bench | conformance | qt3 | pins         PYTHON=/path/to/python3.12 chooses the interpreter

# The first interpreter that is new enough; python3 when none is, so that the sentence below can name its version.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
PORT ?=
DATA ?= $(or $(CNTK_XQUERY_DATA),data)
ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: serve test check format docs bench conformance qt3 pins clean
.DEFAULT_GOAL := serve

serve: $(VENV)/.installed
	@exec $(PY) -m server.cli serve --data "$(DATA)" $(if $(PORT),--port $(PORT)) $(ARGS)

test: $(VENV)/.installed-test
	$(PY) -m pytest $(ARGS)

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# Writes anew what the tables of functions say in docs/: the reference of cntk:, with its examples, and what elementpath serves.
docs: $(VENV)/.installed
	$(PY) -m docs.cntk_reference
	$(PY) -m docs.elementpath_section

bench: $(VENV)/.installed-dev
	$(PY) -m benchmarks.run $(ARGS)

conformance: $(VENV)/.installed-test
	$(PY) -m benchmarks.conformance $(ARGS)

qt3: $(VENV)/.installed-dev
	$(PY) -m benchmarks.qt3 $(ARGS)

# Writes the versions at hand into docker/requirements.txt, for the image.
pins: $(VENV)/.installed-test
	$(PY) docker/pin_requirements.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A .venv without a working pip (interrupted, or its interpreter is gone) is made anew.
.PHONY: broken
$(VENV)/.python: $(if $(shell $(PY) -c 'print(1)' 2>/dev/null),,broken)
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "There is no $(PYTHON) here. Install Python 3.11 or later, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is `"$(PYTHON)" --version 2>&1`, and 3.11 or later is needed. Name a newer one: make PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) lacks the module venv. Install it (on Debian and Ubuntu: apt-get install python3-venv), or name another interpreter: make PYTHON=/path/to/python3"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV); }
	@touch $@

INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check --editable
OFFLINE = { echo "pip could not install what pyproject.toml names; see its message above (a package index must be reachable)."; exit 1; }

$(VENV)/.installed: pyproject.toml $(VENV)/.python
	@echo "Installing into $(VENV)"
	@$(INSTALL) . || $(OFFLINE)
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.python
	@echo "Installing into $(VENV), with the test tools"
	@$(INSTALL) '.[test]' || $(OFFLINE)
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.python
	@echo "Installing into $(VENV), with the development tools"
	@$(INSTALL) '.[dev]' || $(OFFLINE)
	@touch $(VENV)/.installed $(VENV)/.installed-test $@
