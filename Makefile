# Every command of the project. `make run` and `make test` set everything up by themselves.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SOURCES := $(shell find proto gateway -name node_modules -prune -o -type f -print)

# grpc starts no calls in a forked process; with its fork support on, starting programs can crash it.
export GRPC_ENABLE_FORK_SUPPORT := 0

help: ## Lists the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 10

$(READY): pyproject.toml uv.lock $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv sync --active --frozen --quiet --inexact
	@$(BIN)/python proto/compile.py && touch $@

run: $(READY) ## Serves the demo on 127.0.0.1:8080, with its data in ./var
	@$(BIN)/polydesk up --demo

test: $(READY) ## Runs the whole test suite, a process for each core
	@$(BIN)/pytest -n auto --dist loadfile

unit: $(READY) ## Runs the tests that need no Envoy, PostgreSQL or OpenID provider
	@$(BIN)/pytest -n auto --dist loadfile -m "not envoy and not postgres and not realm"

demo: $(READY) ## Plays every sample of the documents against a hub (URL=http://… or its own)
	@$(BIN)/python -m tests.demo $(URL)

bench: $(READY) ## Measures the hub beside an echo on the same Envoy
	@$(BIN)/python -m tests.bench

soak: $(READY) ## Kills the hub 30 times under load, on each engine
	@POLYDESK_TEST_KILLS=30 $(BIN)/pytest tests/test_kill.py -s

chaos: $(READY) ## Kills hubs and workers 100 times while runs are under way, on each engine
	@POLYDESK_TEST_KILLS=100 $(BIN)/pytest tests/runs/test_kill.py -s

docs: $(READY) ## Builds the site of the documents into ./site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet && echo "file://$(CURDIR)/site/index.html"

proto: $(READY) ## Compiles the contracts, and builds the pages
	@$(BIN)/python proto/compile.py

format: $(READY) ## Formats Python and contracts
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix-only --quiet . && $(BIN)/buf format -w proto

lint: $(READY) ## Checks style, contracts, layers and Envoy's configuration
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/buf format --exit-code -d proto
	@$(BIN)/buf lint services/polydesk/api/descriptors.binpb --config proto/buf.yaml
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/polydesk gateway --check

types: $(READY) ## Checks types
	@$(BIN)/mypy

check: lint types test ## Does what CI does

dist: $(READY) ## Builds the wheel and the sdist
	@$(BIN)/uv build --quiet

clean: ## Removes what was built, keeps ./var
	@rm -rf $(VENV) dist site services/polydesk/api services/polydesk/pages gateway/console/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help run test unit demo bench soak chaos docs proto format lint types check dist clean
