{{- define "wavegate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 characters, so that every suffix fits. */}}
{{- define "wavegate.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := include "wavegate.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "wavegate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wavegate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "wavegate.testLabels" -}}
app.kubernetes.io/name: {{ include "wavegate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end }}

{{- define "wavegate.labels" -}}
{{ include "wavegate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "wavegate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "wavegate.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: is needed where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "wavegate.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "wavegate.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.runAsUser }}
runAsGroup: {{ .Values.runAsUser }}
fsGroup: {{ .Values.runAsUser }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "wavegate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where endpoints call back. */}}
{{- define "wavegate.callbackUrl" -}}
{{- .Values.callbacks.url | default (printf "http://%s-callbacks.%s.svc:%v" (include "wavegate.fullname" .) .Release.Namespace .Values.callbacks.port) }}
{{- end }}

{{/* Ports of the sources of error rates, each once. */}}
{{- define "wavegate.sourcePorts" -}}
{{- $ports := list }}
{{- range $name, $source := .Values.settings.prometheusSources }}
{{- $port := regexFind ":[0-9]+(/|$)" $source.url | trimSuffix "/" | trimPrefix ":" }}
{{- $ports = append $ports ($port | default (hasPrefix "https:" $source.url | ternary "443" "80")) }}
{{- end }}
{{- $ports | uniq | sortAlpha | join " " }}
{{- end }}
