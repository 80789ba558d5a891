#!/usr/bin/env bash
# Make a Python environment from a lock file, with hashes required.
# On Debian the module venv is a package of its own; it is installed where it is missing.
set -euo pipefail
python=$1 venv=$2 lock=${3:-requirements-dev.lock}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
	echo "wavegate needs Python 3.11 or newer, and $python is $("$python" --version)" >&2
	exit 2
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
	echo "installing python3-venv (Debian keeps it apart from python3)"
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-venv >/dev/null
fi
begun=$SECONDS
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
echo "installing Python packages from $lock"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
echo "Python environment ready after $((SECONDS - begun)) s"
