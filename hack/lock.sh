#!/usr/bin/env bash
# Resolve the lock files: requirements.lock (what the operator runs with), requirements-cli.lock (and
# what the command line draws with), requirements-dev.lock (and what tests need) and three of tools. They carry hashes and name no host, so any mirror serves.
set -euo pipefail
bin=$1
"$bin/pip" install --quiet 'uv>=0.9'
compile() {
	"$bin/uv" pip compile pyproject.toml "$@" --quiet --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-header
}
compile --output-file requirements.lock
compile --extra cli --output-file requirements-cli.lock
compile --extra cli --group dev --output-file requirements-dev.lock
# What builds the wheel, of pyproject.toml's build-system; what scans the chart, makes the
# site, and draws and profiles.
alone() {
	echo "$1" | "$bin/uv" pip compile - --quiet --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --output-file "$2"
}
alone 'hatchling>=1.27' requirements-build.lock
alone 'checkov>=3.2' requirements-scan.lock
alone 'mkdocs-material>=9.8,<10
mermaidx>=0.10,<0.11' requirements-docs.lock
alone 'matplotlib>=3.10
py-spy>=0.4.1' requirements-bench.lock
