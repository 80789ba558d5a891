# Every target is one line of `make help`. Everything installs what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYTHONPATH := hack:operator
# What is compiled is kept apart from the tree: collecting the tests takes a third of the time then.
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache
# Whoever has it set would have everything compiled at each start.
export PYTHONDONTWRITEBYTECODE :=

NAME ?= dev
NODES ?= 0
SIMULATED ?= 0

.PHONY: help setup demo test unit chart integration e2e test-install image scan docs rows faults faults-real search lint types format cluster run down env status generate lock readme shown quickstart nightly generated bench bench-growth bench-check bench-health bench-runs envelope profile clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-13s %s\n", $$1, $$2}'

$(READY): requirements-dev.lock pyproject.toml
	@hack/setup.sh $(PYTHON) $(VENV)
	@touch $@

setup: $(READY) ## make the Python environment from the lock file

demo: $(READY) ## the main job on a real cluster made here (KEEP=1 leaves it; CLUSTER=current or installed: KUBECONFIG's)
	@$(BIN)/python -m demo $(if $(CLUSTER),--cluster $(CLUSTER)) $(if $(KEEP),--keep) $(if $(SELECTOR),--selector $(SELECTOR)) $(if $(PIPELINE_IMAGE),--pipeline-image $(PIPELINE_IMAGE))

test: $(READY) ## all tests: unit and simulation, real API server, real nodes
	@$(BIN)/python hack/run_tests.py

unit: $(READY) ## unit tests and simulation alone
	@$(BIN)/python -m pytest -q -m "not cluster and not nodes and not chart and not docs"

chart: $(READY) ## tests of the chart and of manifests/, by Helm 3 and 4
	@$(BIN)/python hack/run_tests.py chart

integration: $(READY) ## tests on the real API server with simulated nodes
	@$(BIN)/python hack/run_tests.py server

e2e: $(READY) ## tests on real nodes (root)
	@$(BIN)/python -m pytest -q -m "nodes and not install"

test-install: $(READY) ## build the image, install the chart on real nodes, play the acts, remove it all (root)
	@$(BIN)/python hack/run_tests.py install

rows: $(READY) ## every field and rule, the tests that hold it, and where they run
	@$(BIN)/python hack/rows.py

faults: $(READY) ## fault plans in simulation (SHARD=3/8 a part, DONE=FILE goes on where it was, PLAN='…' one)
	@PYTHONPATH=$(PYTHONPATH):tests $(BIN)/python -m faults $(if $(PLAN),'$(PLAN)') $(if $(SHARD),--shard $(SHARD)) $(if $(DONE),--done $(DONE))

faults-real: $(READY) ## the same with real processes and a real API server; a storm, a load, removals, hostile input, generated operations
	@PYTHONPATH=$(PYTHONPATH):tests $(BIN)/python -m real $(if $(PLAN),'$(PLAN)') $(if $(SHARD),--shard $(SHARD)) $(if $(DONE),--done $(DONE))
	@$(if $(PLAN)$(SHARD),,STORM_SECONDS=120 $(BIN)/python -m pytest -q tests/real/test_storm.py)
	@$(if $(PLAN)$(SHARD),,LOAD_SECONDS=600 LOAD_JOBS=200 LOAD_NODES=100 $(BIN)/python -m pytest -q --timeout=3600 tests/real/test_load.py)
	@$(if $(PLAN)$(SHARD),,CALLS_RUNS=200 CALLS_KILLS=30 $(BIN)/python -m pytest -q --timeout=3600 tests/real/test_calls.py)
	@$(if $(PLAN)$(SHARD),,HOOKS_RUNS=200 HOOKS_KILLS=20 $(BIN)/python -m pytest -q --timeout=3600 tests/real/test_hooks.py)
	@$(if $(PLAN)$(SHARD),,CALLED_BACK_RUNS=200 CALLED_BACK_KILLS=30 $(BIN)/python -m pytest -q --timeout=3600 tests/real/test_called_back.py)
	@$(if $(PLAN)$(SHARD),,CHAINED_RUNS=200 CHAINED_KILLS=20 $(BIN)/python -m pytest -q --timeout=3600 tests/real/test_chained.py)
	@$(if $(PLAN)$(SHARD),,REMOVAL_ORDERS=all $(BIN)/python -m pytest -q tests/integration/test_removal_orders.py)
	@$(if $(PLAN)$(SHARD),,HOSTILE=all $(BIN)/python -m pytest -q -n 6 tests/integration/test_hostile_templates.py tests/integration/test_hostile_objects.py)
	@$(if $(PLAN)$(SHARD),,HOSTILE=all $(BIN)/python -m pytest -q -n 2 tests/hostile)
	@$(if $(PLAN)$(SHARD),,$(MAKE) --no-print-directory generated DONE=$(if $(DONE),$(DONE).generated))

search: $(READY) ## everything that can happen to three nodes, within limits (STEPS='…' repeats one path)
	@PYTHONPATH=$(PYTHONPATH):tests $(BIN)/python -m search $(if $(STEPS),'$(STEPS)')

generated: $(READY) ## operations generated from the CRDs (SHARD=3/8 a part, DONE=FILE goes on where it was, OP='…' one)
	@PYTHONPATH=$(PYTHONPATH):tests $(BIN)/python -m generated $(if $(OP),'$(OP)') $(if $(SHARD),--shard $(SHARD)) $(if $(DONE),--done $(DONE))
	@$(if $(OP),,GENERATED_SHARE=1 $(BIN)/python -m pytest -q -n 6 tests/integration/test_generated.py)

nightly: $(READY) ## generated histories, 10,000 of each
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -q tests/sim --timeout 7200

lint: $(READY) ## ruff, import layers, tests that load, drift of generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@found=$$($(BIN)/python -m pytest --collect-only -q 2>&1) || { echo "$$found"; exit 1; }
	@$(BIN)/python -m wavegate.api.crds --check
	@$(BIN)/python -m wavegate.reference --check
	@$(BIN)/python hack/chart.py --check

types: $(READY) ## mypy strict
	@$(BIN)/mypy -p wavegate -p wavelab -p bench -p demo -p shown -p docsite -p quickstart -m terminal -m env -m chart -m dashboards -m image -m scan -m crd_changes

format: $(READY) ## format and sort imports
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

cluster: $(READY) ## a cluster for daily work: make cluster NODES=3 SIMULATED=100
	@$(BIN)/python -m wavelab up --name $(NAME) --nodes $(NODES) --simulated $(SIMULATED)

status: $(READY) ## the local clusters and their state
	@$(BIN)/python -m wavelab status --all

run: $(READY) ## the operator on the cluster NAME, under its own ServiceAccount
	@NAME=$(NAME) hack/run.sh

down: $(READY) ## remove every trace of the local clusters (NAME=… of one alone)
	@$(BIN)/python -m wavelab down $(if $(filter command line,$(origin NAME)),--name $(NAME),--all)

env: $(READY) ## for a shell: eval "$$(make env NAME=dev)" gives it that cluster, kubectl and wavegate
	@$(BIN)/python hack/env.py $(NAME)

scan: $(READY) .venv-scan/.ready ## checkov and kube-score on what the chart renders
	@$(BIN)/python hack/scan.py .venv-scan

.venv-scan/.ready: requirements-scan.lock
	@hack/setup.sh $(PYTHON) .venv-scan requirements-scan.lock
	@touch $@

docs: .venv-docs/.ready ## the documentation site into build/site; a dead link ends it (LINKS=1 lists links to other sites)
	@.venv-docs/bin/python -m docsite.build $(if $(LINKS),--links)

.venv-docs/.ready: requirements-docs.lock
	@hack/setup.sh $(PYTHON) .venv-docs requirements-docs.lock
	@touch $@

bench: $(READY) .venv-bench/.ready ## measure beside a DaemonSet (NODES=1000 RUNS=1 SEED=1 LIMITS=raised SCENARIOS=comparison,idle), into OUT=build/bench
	@$(BIN)/python -m bench $(if $(OUT),--out $(OUT)) run $(if $(filter-out 0,$(NODES)),--nodes $(NODES)) $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(if $(LIMITS),--limits $(LIMITS)) $(if $(SCENARIOS),--scenarios $(SCENARIOS)) --plots .venv-bench

bench-growth: $(READY) ## how cost grows with nodes and with jobs (NODES=100,500,1000,5000 JOBS=1,10,100,300)
	@$(BIN)/python -m bench $(if $(OUT),--out $(OUT)) growth $(if $(filter-out 0,$(NODES)),--nodes $(NODES)) $(if $(JOBS),--jobs $(JOBS))

bench-check: $(READY) ## whether it has become slower, by ratios of bench/rangespec.yaml (MEASURE=5 writes them anew)
	@$(BIN)/python -m bench $(if $(OUT),--out $(OUT)) check $(if $(filter-out 0,$(NODES)),--nodes $(NODES)) $(if $(MEASURE),--measure $(MEASURE))

profile: $(READY) .venv-bench/.ready ## flame graph and what passes cost (NODES=1000; or PID=… of a running operator, FOR=30), into build/profile
	@$(BIN)/python -m bench.profile $(if $(filter-out 0,$(NODES)),--nodes $(NODES)) $(if $(PID),--pid $(PID)) $(if $(FOR),--seconds $(FOR)) --spy .venv-bench/bin/py-spy

envelope: $(READY) ## what was measured into docs/operations/sizing.md (OF="build/bench/100-nodes-… …", one directory for each number of nodes)
	@$(BIN)/python -m bench.envelope $(OF)

bench-health: $(READY) ## windows of 5,000 pods read each 10 s, some of which hang: CPU, lateness (PODS=5000), with nothing else running
	@$(BIN)/python -m bench.health $(if $(PODS),--pods $(PODS))

bench-runs: $(READY) ## what runs of HTTPJobs cost: calls a second, waiting, lateness beside CronJobs, writes, memory
	@$(BIN)/python -m bench.http $(if $(SCENARIOS),--scenarios $(SCENARIOS))

.venv-bench/.ready: requirements-bench.lock
	@hack/setup.sh $(PYTHON) .venv-bench requirements-bench.lock
	@touch $@

image: $(READY) ## the operator's image and its parts list, into build/ (root, Debian)
	@$(BIN)/python hack/image.py

generate: $(READY) ## crds/, docs/reference/, the diagrams of docs/concepts/, the chart's parts, manifests/, what troubleshooting shows
	@$(BIN)/python -m wavegate.api.crds --out crds
	@$(BIN)/python -m wavegate.reference --docs docs
	@$(BIN)/python hack/chart.py
	@PYTHONPATH=$(PYTHONPATH):tests $(BIN)/python -m pages

readme: $(READY) ## run the two commands and write their real output into README.md
	@$(BIN)/python hack/readme.py

quickstart: $(READY) ## run the quick start and write what it prints into docs/quickstart.md (root)
	@$(BIN)/python -m quickstart

shown: $(READY) ## play a story on simulated nodes and write what commands say into docs/concepts/ and docs/cli.md
	@$(BIN)/python -m shown

lock: $(READY) ## resolve the lock files again from pyproject.toml
	@hack/lock.sh $(BIN)

clean: ## remove the Python environments and caches
	@rm -rf $(VENV) .venv-scan .venv-docs .venv-bench build .mypy_cache .ruff_cache .pytest_cache .hypothesis
