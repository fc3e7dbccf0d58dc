# `make` says what there is. HOST, PORT and every other setting come from the environment; see .env.example.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

# Written after the packages, so that an unchanged list costs nothing.
RUN_READY := $(VENV)/.requirements
DEV_READY := $(VENV)/.requirements-dev
JS_READY := tests/js/node_modules/.package-lock.json

BENCH_READY := bench/.peers/.ready

MINUTES ?= 10
TARGET ?= packet

.DEFAULT_GOAL := help
.PHONY: help serve serve-cluster docs check test test-cluster soak fuzz bench pictures demo-lesson services clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

serve: $(RUN_READY) ## a school with a demo class on http://127.0.0.1:5000
	@exec scripts/serve

docs: $(DEV_READY) ## the documentation as a static site in build/docs
	@$(PY) -m mkdocs build --quiet --strict

serve-cluster: services $(DEV_READY) ## two workers with PostgreSQL, Redis and nginx, on free ports
	@$(PY) scripts/serve_cluster.py

check: $(DEV_READY) ## style, types, layers and the fast tests, in about a minute
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(PY) -m pytest -q -n 2 -m 'not service'

test: services $(DEV_READY) $(JS_READY) ## every test but the long ones, with real servers, databases and browsers
	$(PY) -m pytest -n 2 --dist loadfile --durations=15 --ignore=tests/faults --ignore=tests/deploy
	$(PY) -m pytest -q -n 2 --dist loadfile --database postgresql tests/transports tests/test_runtime.py
	$(PY) -m pytest --durations=15 tests/deploy
	$(PY) -m pytest -n 2 --durations=15 -m 'not long' tests/faults

test-cluster: services $(DEV_READY) $(JS_READY) ## the long ones: the rest of the fault laboratory
	$(PY) -m pytest -n 2 --durations=15 -m long

pictures: services $(DEV_READY) $(JS_READY) ## every page and state, both sizes, both themes, into test-results/pictures/
	$(PY) -m pytest -q -n 2 tests/browser/test_tour*.py --pictures

demo-lesson: $(DEV_READY) ## a whole class read from a play, through the real doors
	$(PY) scripts/demo_lesson.py

fuzz: $(DEV_READY) ## coverage-guided fuzzing of the packet gate or the texts: TARGET=packet or text, MINUTES=10
	$(PIP) -r requirements-fuzz.txt
	$(PY) -m tests.fuzz.run $(TARGET) $(MINUTES)

soak: services $(DEV_READY) ## 300 clients over 4 workers while everything is broken: MINUTES=10
	$(PY) -m tests.faults.run --seconds $$(( $(MINUTES) * 60 )) --workers 4 --members 300 --per-second 5

bench: services $(DEV_READY) $(BENCH_READY) ## chatapp beside what people would pick instead: QUICK=1, ONLY="goals rest"
	@$(PY) -m bench $(if $(QUICK),--quick) $(ONLY)

services: ## the programs that the tests start: installs them on Debian, else says which
	@scripts/install-services

clean: ## removes what the tools made; the school's data in instance/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov
	rm -rf tests/js/node_modules test-results bench/.peers bench/peers/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "chatapp needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUN_READY): requirements.txt constraints.txt | $(PY)
	$(PIP) -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt requirements.txt constraints.txt | $(PY)
	$(PIP) -r requirements-dev.txt
	@touch $@ $(RUN_READY)

$(BENCH_READY): bench/peers/node/package-lock.json bench/peers/channels/requirements.txt
	cd bench/peers/node && npm ci --no-audit --no-fund --ignore-scripts
	$(PYTHON) -m venv bench/.peers/channels
	bench/.peers/channels/bin/pip install --quiet --disable-pip-version-check -r bench/peers/channels/requirements.txt
	@touch $@

$(JS_READY): tests/js/package.json tests/js/package-lock.json
	cd tests/js && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@
