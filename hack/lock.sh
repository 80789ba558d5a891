#!/usr/bin/env bash
# Resolve requirements.lock (what the operator runs with) and requirements-dev.lock (and what tests
# need). They carry hashes and name no host, so any mirror serves.
set -euo pipefail
bin=$1
"$bin/pip" install --quiet 'uv>=0.9'
compile() {
	"$bin/uv" pip compile pyproject.toml "$@" --quiet --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-header
}
compile --output-file requirements.lock
compile --group dev --output-file requirements-dev.lock
