{{/* What the operator may do in the namespaces that it looks after. */}}
{{- define "wavegate.namespacedRules" -}}
# Jobs are read, never written: they belong to their users. One is made for each run of a FleetJob.
- apiGroups: [wavegate.dev]
  resources: [fleetjobs]
  verbs: [get, list, watch, create]
- apiGroups: [wavegate.dev]
  resources: [httpjobs]
  verbs: [get, list, watch]
- apiGroups: [wavegate.dev]
  resources: [ratelimitpools]
  verbs: [get, list, watch]
# A batch is removed once its finishedTTL is over, if it has one.
- apiGroups: [wavegate.dev]
  resources: [runbatches]
  verbs: [get, list, watch, delete]
# A run is made for each tick of a schedule and each item of a batch; of an HTTPJob's own runs,
# those no longer kept are removed.
- apiGroups: [wavegate.dev]
  resources: [jobruns]
  verbs: [get, list, watch, create, delete]
# A deployment is made for every new version and for an automatic rollback; of those that the
# operator made, the ones no longer needed are removed.
- apiGroups: [wavegate.dev]
  resources: [fleetdeployments]
  verbs: [get, list, watch, create, delete]
# Versions and executions are the operator's own records; those no longer needed are removed.
- apiGroups: [wavegate.dev]
  resources: [jobversions, executions]
  verbs: [get, list, watch, create, delete]
# What is reported goes through the status subresource only.
- apiGroups: [wavegate.dev]
  resources:
    - fleetjobs/status
    - fleetdeployments/status
    - jobversions/status
    - executions/status
    - httpjobs/status
    - jobruns/status
    - runbatches/status
  verbs: [update, patch]
# Owner references with blockOwnerDeletion need this right on the owner, where the admission
# plugin OwnerReferencesPermissionEnforcement is on. No finalizer is ever written.
- apiGroups: [wavegate.dev]
  resources:
    - fleetjobs/finalizers
    - httpjobs/finalizers
    - jobversions/finalizers
    - executions/finalizers
  verbs: [update]
# Every execution has one pod. Pods are replaced, never changed.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete]
# A version's rendered document reaches its pods as an immutable ConfigMap.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create]
{{- if .Values.rbac.secrets }}
# Headers, signing keys and payloads that HTTPJobs and JobRuns name are read when a call is made.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
# What happens to a job is told as events on it.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* What it needs of the whole cluster, whatever namespaces it looks after. */}}
{{- define "wavegate.clusterRules" -}}
# Selectors, readiness and taints of nodes decide where a job runs.
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
# Whose Service an address is decides whether an HTTPJob may call it.
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
{{- end }}
