# Every target is one line of `make help`. Everything installs what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYTHONPATH := hack:operator
export PYTHONDONTWRITEBYTECODE := 1

NAME ?= dev
NODES ?= 0
SIMULATED ?= 0

.PHONY: help setup demo test unit integration e2e rows faults lint types format cluster run down status generate lock readme nightly clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(READY): requirements-dev.lock pyproject.toml
	@hack/setup.sh $(PYTHON) $(VENV)
	@touch $@

setup: $(READY) ## make the Python environment from the lock file

demo: $(READY) ## the main job on a real cluster made here (KEEP=1 leaves it; CLUSTER=current uses KUBECONFIG's)
	@$(BIN)/python -m demo $(if $(CLUSTER),--cluster $(CLUSTER)) $(if $(KEEP),--keep) $(if $(SELECTOR),--selector $(SELECTOR)) $(if $(PIPELINE_IMAGE),--pipeline-image $(PIPELINE_IMAGE))

test: $(READY) ## all tests: unit and simulation, real API server, real nodes
	@$(BIN)/python hack/run_tests.py

unit: $(READY) ## unit tests and simulation alone
	@$(BIN)/python -m pytest -q -m "not cluster and not nodes"

integration: $(READY) ## tests on the real API server with simulated nodes
	@$(BIN)/python hack/run_tests.py server

e2e: $(READY) ## tests on real nodes (root)
	@$(BIN)/python -m pytest -q -m nodes

rows: $(READY) ## every field and rule, the tests that hold it, and where they run
	@$(BIN)/python hack/rows.py

faults: $(READY) ## fault plans in simulation (SHARD=3/8 a part, DONE=FILE goes on where it was, PLAN='…' one)
	@PYTHONPATH=$(PYTHONPATH):tests $(BIN)/python -m faults $(if $(PLAN),'$(PLAN)') $(if $(SHARD),--shard $(SHARD)) $(if $(DONE),--done $(DONE))

nightly: $(READY) ## generated histories, 10,000 of each
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -q tests/sim --timeout 7200

lint: $(READY) ## ruff, import layers, drift of generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m wavegate.api.crds --check
	@$(BIN)/python -m wavegate.reference --check

types: $(READY) ## mypy strict
	@$(BIN)/mypy -p wavegate -p wavelab -p demo

format: $(READY) ## format and sort imports
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

cluster: $(READY) ## a cluster for daily work: make cluster NODES=3 SIMULATED=100
	@$(BIN)/python -m wavelab up --name $(NAME) --nodes $(NODES) --simulated $(SIMULATED)

status: $(READY) ## the local clusters and their state
	@$(BIN)/python -m wavelab status --all

run: $(READY) ## the operator on the cluster NAME, under its own ServiceAccount
	@NAME=$(NAME) hack/run.sh

down: $(READY) ## remove every trace of the local clusters
	@$(BIN)/python -m wavelab down --all

generate: $(READY) ## crds/, docs/reference/ and the diagrams of docs/concepts/, from the code
	@$(BIN)/python -m wavegate.api.crds --out crds
	@$(BIN)/python -m wavegate.reference --docs docs

readme: $(READY) ## run the two commands and write their real output into README.md
	@$(BIN)/python hack/readme.py

lock: $(READY) ## resolve the lock files again from pyproject.toml
	@hack/lock.sh $(BIN)

clean: ## remove the Python environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
