#!/usr/bin/env bash
# Run the operator on the local cluster NAME as it would run inside: its own ServiceAccount's
# token, its real ClusterRole, never as admin.
set -euo pipefail
lab() { "${PYTHON:-$PWD/.venv/bin/python}" -m wavelab "$@"; }
kubectl() { lab kubectl --name "$NAME" -- "$@"; }
kubectl apply --server-side -f crds -f manifests/rights.yaml >/dev/null
kubectl wait --for=condition=Established --timeout=60s -f crds >/dev/null
config=$(lab token --name "$NAME" --namespace wavegate-system --serviceaccount wavegate)
echo "export KUBECONFIG=$(lab kubeconfig --name "$NAME")   # admin, for your kubectl"
exec "${PYTHON:-$PWD/.venv/bin/python}" -m wavegate --kubeconfig "$config" --lease-namespace wavegate-system
