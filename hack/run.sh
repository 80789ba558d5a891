#!/usr/bin/env bash
# Run the operator on the local cluster NAME as it would run inside: its own ServiceAccount's
# token, its real ClusterRole, never as admin.
set -euo pipefail
lab() { "${PYTHON:-$PWD/.venv/bin/python}" -m wavelab "$@"; }
kubectl() { lab kubectl --name "$NAME" -- "$@"; }
kubectl apply --server-side -f crds -f manifests/rights.yaml >/dev/null
kubectl wait --for=condition=Established --timeout=60s -f crds >/dev/null
# A CRD is Established a moment before the server lists its objects; 429 until then.
kinds=$(kubectl get -f crds -o 'jsonpath={.items[*].metadata.name}')
deadline=$((SECONDS + 60))
until kubectl get "${kinds// /,}" -A >/dev/null 2>&1; do
	[ $SECONDS -lt $deadline ] || { echo "the CRDs are not served after 60 s" >&2; exit 1; }
	sleep 0.2
done
config=$(lab token --name "$NAME" --namespace wavegate-system --serviceaccount wavegate)
echo "export KUBECONFIG=$(lab kubeconfig --name "$NAME")   # admin, for your kubectl"
exec "${PYTHON:-$PWD/.venv/bin/python}" -m wavegate --kubeconfig "$config" --lease-namespace wavegate-system
