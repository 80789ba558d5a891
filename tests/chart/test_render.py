"""What the chart makes of its values, by Helm 3 and Helm 4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import chart as chart_files
from support.chart import (
    CHART,
    CI_VALUES,
    PROGRAMS,
    ROOT,
    Document,
    only,
    operator_container,
    run_helm,
    template,
    template_text,
)
from wavegate.settings import Settings, parse_settings

pytestmark = pytest.mark.chart

VALUES = (CHART / "values.yaml").read_text()
SETS = [None, *CI_VALUES]


def arguments(file: Path | None) -> tuple[str, ...]:
    return () if file is None else ("--values", str(file))


def id_of(file: Path | None) -> str:
    return "default" if file is None else file.stem


def settings_of(documents: list[Document]) -> Settings:
    """The operator's settings as it reads them from the rendered arguments."""
    return parse_settings(operator_container(documents)["args"], {})


@pytest.mark.parametrize("file", SETS, ids=id_of)
@pytest.mark.parametrize("program", PROGRAMS)
def test_lint_has_nothing_to_say(file: Path | None, program: str) -> None:
    done = run_helm("lint", "--strict", str(CHART), *arguments(file), program=program)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout
    assert "ERROR" not in done.stdout


@pytest.mark.parametrize("file", SETS, ids=id_of)
def test_each_run_and_each_helm_renders_the_same(file: Path | None) -> None:
    first = template_text(*arguments(file))
    assert first == template_text(*arguments(file))
    by_three = template_text(*arguments(file), program="helm3")
    assert by_name(first) == by_name(by_three)


def by_name(text: str) -> dict[tuple[str, str, str], Any]:
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
        for each in yaml.safe_load_all(text)
        if each
    }


@pytest.mark.parametrize("file", SETS, ids=id_of)
def test_the_operator_takes_its_arguments(file: Path | None) -> None:
    settings = settings_of(template(*arguments(file)))
    assert settings.lease_namespace == "wavegate-system"
    assert settings.lost_after > 0


def test_chart_and_operator_have_one_version() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{about["appVersion"]}"' in project
    assert about["kubeVersion"] == ">=1.32.0-0"


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_old_cluster_is_refused(program: str) -> None:
    done = run_helm("template", "w", str(CHART), "--kube-version", "v1.31.9", program=program)
    assert done.returncode != 0
    assert "kubeVersion" in done.stderr


# By path of the value: another value, and where it shows in what is rendered.
SHOWS: dict[str, tuple[Any, str]] = {
    "nameOverride": ("other", "app.kubernetes.io/name: other"),
    "fullnameOverride": ("fleet", "name: fleet-metrics"),
    "commonLabels": ({"team": "ops"}, "    team: ops"),
    "image.repository": ("r.example.com/w", 'image: "r.example.com/w:'),
    "image.tag": ("v9", 'wavegate:v9"'),
    "image.digest": (f"sha256:{'a' * 64}", f'wavegate@sha256:{"a" * 64}"'),
    "image.pullPolicy": ("Never", "imagePullPolicy: Never"),
    "imagePullSecrets": ([{"name": "reg"}], "imagePullSecrets:\n        - name: reg"),
    "replicas": (4, "replicas: 4"),
    "watchNamespaces": (["team-a"], "- --namespace=team-a"),
    "crds.enabled": (False, "-kind: CustomResourceDefinition"),
    "crds.keep": (False, "-helm.sh/resource-policy: keep"),
    "crds.annotations": ({"a.b/c": "d"}, "a.b/c: d\n    helm.sh/resource-policy: keep"),
    "rbac.create": (False, "-kind: ClusterRoleBinding"),
    "rbac.userRoles": (False, "-aggregate-to-edit"),
    "rbac.cordon": (True, "verbs: [patch]"),
    "rbac.secrets": (True, "resources: [secrets]\n    verbs: [get]"),
    "serviceAccount.create": (False, "-kind: ServiceAccount\nmetadata"),
    "serviceAccount.name": ("given", "serviceAccountName: given"),
    "serviceAccount.annotations": ({"a.b/c": "d"}, "  annotations:\n    a.b/c: d\n# The pods"),
    "settings.pipelineImage": ("p:1", "--pipeline-image=p:1"),
    "settings.queryImage": ("q:1", "--query-image=q:1"),
    "settings.updateImage": ("u:1", "--update-image=u:1"),
    "settings.configImage": ("c:1", "--config-image=c:1"),
    "settings.configDirectories": (["/etc/a"], "--config-directory=/etc/a"),
    "settings.lostAfter": ("5m", "--lost-after=5m"),
    "settings.writeRate": (7, "--write-rate=7"),
    "settings.writeBurst": (8, "--write-burst=8"),
    "settings.calls": (9, "--calls=9"),
    "settings.callNamespaces": (["shared"], "--call-namespace=shared"),
    "settings.callNetworks": (["169.254.0.0/16"], "--call-network=169.254.0.0/16"),
    "settings.prometheusSources": (
        {"main": {"url": "http://p:9090"}},
        "--prometheus-source=main=http://p:9090",
    ),
    "settings.logFormat": ("text", "--log-format=text"),
    "settings.verbose": (True, "- --verbose"),
    "callbacks.enabled": (
        True,
        "--callback-url=http://wavegate-callbacks.wavegate-system.svc:8090",
    ),
    "callbacks.port": (8099, "--callback-bind=0.0.0.0:8099"),
    "callbacks.url": ("https://c.example.com/w", "--callback-url=https://c.example.com/w"),
    "resources": ({"limits": {"memory": "1Gi"}}, "memory: 1Gi"),
    "podDisruptionBudget.enabled": (False, "-PodDisruptionBudget"),
    "podDisruptionBudget.maxUnavailable": ("40%", "maxUnavailable: 40%"),
    "topologySpread": ([], "-topologySpreadConstraints"),
    "affinity": ({"nodeAffinity": {"x": 1}}, "affinity:\n        nodeAffinity:\n          x: 1"),
    "nodeSelector": ({"a": "b"}, "nodeSelector:\n        a: b"),
    "tolerations": ([{"key": "a"}], "tolerations:\n        - key: a"),
    "priorityClassName": ("high", "priorityClassName: high"),
    "podAnnotations": ({"a": "b"}, "default-container: operator\n        a: b"),
    "podLabels": ({"tier": "x"}, "        tier: x"),
    "runAsUser": (12345, "runAsUser: 12345"),
    "networkPolicy.enabled": (False, "-kind: NetworkPolicy"),
    "networkPolicy.metricsFrom": ([{"podSelector": {}}], "from:\n        - podSelector: {}"),
    "networkPolicy.callbacksFrom": ([{"podSelector": {}}], "from:\n        - podSelector: {}"),
    "networkPolicy.apiServerPorts": ([8443], "{port: 8443, protocol: TCP}"),
    "networkPolicy.apiServerTo": (
        [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
        "      to:\n        - ipBlock:\n            cidr: 10.0.0.1/32",
    ),
    "networkPolicy.callPorts": ([8123], "{port: 8123, protocol: TCP}"),
    "networkPolicy.extraEgress": ([{"ports": [{"port": 9}]}], "    - ports:\n      - port: 9"),
    "metrics.port": (9000, "--metrics-bind=0.0.0.0:9000"),
    "metrics.serviceMonitor.enabled": (True, "kind: ServiceMonitor"),
    "metrics.podMonitor.enabled": (True, "kind: PodMonitor"),
    "metrics.prometheusRule.enabled": (True, "kind: PrometheusRule"),
    "metrics.prometheusRule.runbooks": (
        "https://example.com/r",
        "runbook_url: https://example.com/r#wavegatedown",
    ),
    "metrics.dashboards.enabled": (True, "name: wavegate-dashboard-rollout"),
    "extraArgs": (["--identity=me"], '- "--identity=me"'),
    "extraEnv": ([{"name": "A", "value": "b"}], "env:\n            - name: A"),
    "extraVolumes": ([{"name": "v", "emptyDir": {}}], "emptyDir: {}\n          name: v"),
    "extraVolumeMounts": (
        [{"name": "v", "mountPath": "/v"}],
        "- mountPath: /v\n              name: v",
    ),
    "extraContainers": ([{"name": "side"}], "        - name: side"),
    "extraObjects": (["kind: Extra\nmetadata: {name: '{{ .Release.Name }}'}"], "kind: Extra"),
}
WITH: dict[str, dict[str, Any]] = {
    "metrics.serviceMonitor": {"enabled": True},
    "metrics.podMonitor": {"enabled": True},
    "metrics.prometheusRule": {"enabled": True},
    "metrics.dashboards": {"enabled": True},
}
for found_by in WITH:
    SHOWS[f"{found_by}.labels"] = ({"release": "p"}, "    release: p")
    if found_by.endswith("Monitor"):
        SHOWS[f"{found_by}.interval"] = ("7s", "interval: 7s")
WITH["callbacks"] = {"enabled": True}
NEEDS = {
    "serviceAccount.create": {"serviceAccount": {"name": "given"}},
    "networkPolicy.callbacksFrom": {"callbacks": {"enabled": True}},
}
"""What has to be given beside a value."""


def nested(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    made = {**one}
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(one.get(key), dict)
        made[key] = merged(one[key], value) if both else value
    return made


def test_every_value_is_described_and_has_a_row_here() -> None:
    leaves = {path for path, _ in _leaves(yaml.safe_load(VALUES))}
    described = chart_files.described(VALUES)
    assert {path for path in leaves if not _within(path, described)} == set()
    assert described == set(SHOWS)


def _leaves(document: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(document, dict) or not document:
        return [(path, document)]
    return [
        leaf
        for key, value in document.items()
        for leaf in _leaves(value, f"{path}.{key}" if path else key)
    ]


def _within(path: str, described: set[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[: n + 1]) in described for n in range(len(parts)))


@pytest.fixture(scope="module")
def plain() -> str:
    return template_text()


@pytest.mark.parametrize("path", SHOWS)
def test_a_value_shows(path: str, plain: str) -> None:
    value, expected = SHOWS[path]
    given = merged(NEEDS.get(path, {}), nested(path, value))
    above = path.rpartition(".")[0]
    given = merged(nested(above, WITH[above]), given) if above in WITH else given
    text = template_text("--values", "-", given=yaml.safe_dump(given))
    if expected.startswith("-") and not expected.startswith("- ") and expected[1] != "-":
        assert expected[1:] in plain
        assert expected[1:] not in text
    else:
        assert expected in text
        assert expected not in plain


BAD: list[tuple[str, Any, str]] = [
    ("nameOverride", "Upper", "nameOverride"),
    ("fullnameOverride", "a.b", "fullnameOverride"),
    ("fullnameOverride", "a" * 41, "fullnameOverride"),
    ("commonLabels", {"a": 1}, "commonLabels/a"),
    ("image.repository", "", "image/repository"),
    ("image.repository", "a b", "image/repository"),
    ("image.repository", "wavegate:tag@x", "image/repository"),
    ("image.tag", "a:b", "image/tag"),
    ("image.digest", "sha256:12", "image/digest"),
    ("image.pullPolicy", "Sometimes", "image/pullPolicy"),
    ("image.registry", "x", "registry"),
    ("imagePullSecrets", ["name"], "imagePullSecrets/0"),
    ("replicas", -1, "replicas"),
    ("replicas", "2", "replicas"),
    ("watchNamespaces", ["Team"], "watchNamespaces/0"),
    ("watchNamespaces", ["a", "a"], "watchNamespaces"),
    ("watchNamespaces", "a", "watchNamespaces"),
    ("crds.enabled", "yes", "crds/enabled"),
    ("crds.keep", 1, "crds/keep"),
    ("crds.install", True, "install"),
    ("rbac.create", "no", "rbac/create"),
    ("rbac.cordon", "x", "rbac/cordon"),
    ("rbac.secrets", "x", "rbac/secrets"),
    ("rbac.extra", 1, "extra"),
    ("serviceAccount.name", "A", "serviceAccount/name"),
    ("serviceAccount.create", False, "serviceAccount.name"),
    ("serviceAccount.annotations", {"a": True}, "serviceAccount/annotations/a"),
    ("settings.pipelineImage", "a b", "settings/pipelineImage"),
    ("settings.configDirectories", ["/"], "settings/configDirectories/0"),
    ("settings.configDirectories", ["etc"], "settings/configDirectories/0"),
    ("settings.lostAfter", "1 hour", "settings/lostAfter"),
    ("settings.lostAfter", 60, "settings/lostAfter"),
    ("settings.writeRate", 0, "settings/writeRate"),
    ("settings.writeBurst", -1, "settings/writeBurst"),
    ("settings.calls", 0, "settings/calls"),
    ("settings.callNamespaces", ["A"], "settings/callNamespaces/0"),
    ("settings.callNetworks", ["10.0.0.1"], "settings/callNetworks/0"),
    ("settings.prometheusSources", {"A": {"url": "http://p"}}, "prometheusSources"),
    ("settings.prometheusSources", {"a": {}}, "prometheusSources/a"),
    ("settings.prometheusSources", {"a": {"url": "p:9090"}}, "prometheusSources/a/url"),
    ("settings.prometheusSources", {"a": {"url": "http://u:p@h"}}, "prometheusSources/a/url"),
    (
        "settings.prometheusSources",
        {"a": {"url": "http://p", "tokenFile": "/t"}},
        "prometheusSources/a/url",
    ),
    ("settings.logFormat", "xml", "settings/logFormat"),
    ("settings.verbose", "very", "settings/verbose"),
    ("settings.logLevel", "debug", "logLevel"),
    ("resources.limits", {"memory": "lots"}, "resources/limits/memory"),
    ("resources.limits", {"gpu": 1}, "gpu"),
    ("podDisruptionBudget.maxUnavailable", 0, "podDisruptionBudget/maxUnavailable"),
    ("podDisruptionBudget.maxUnavailable", "all", "podDisruptionBudget/maxUnavailable"),
    ("topologySpread", [{"topologyKey": "zone"}], "topologySpread/0"),
    ("affinity", {"zone": {}}, "zone"),
    ("tolerations", [{"effect": "Never"}], "tolerations/0/effect"),
    ("nodeSelector", {"a": True}, "nodeSelector/a"),
    ("runAsUser", 0, "runAsUser"),
    ("runAsUser", 10000, "runAsUser"),
    ("callbacks.enabled", "yes", "callbacks/enabled"),
    ("callbacks.port", 80, "callbacks/port"),
    ("callbacks.url", "c.example.com", "callbacks/url"),
    ("callbacks.url", "https://u:p@c.example.com", "callbacks/url"),
    ("callbacks.host", "c", "host"),
    ("networkPolicy.callbacksFrom", ["all"], "networkPolicy/callbacksFrom/0"),
    ("networkPolicy.apiServerPorts", [], "networkPolicy/apiServerPorts"),
    ("networkPolicy.apiServerPorts", [0], "networkPolicy/apiServerPorts/0"),
    ("networkPolicy.callPorts", [0], "networkPolicy/callPorts/0"),
    ("networkPolicy.extraEgress", ["all"], "networkPolicy/extraEgress/0"),
    ("metrics.port", 80, "metrics/port"),
    ("metrics.serviceMonitor", {"enabled": 1}, "metrics/serviceMonitor/enabled"),
    ("metrics.podMonitor", {"interval": "often"}, "metrics/podMonitor/interval"),
    (
        "metrics",
        {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}},
        "metrics.podMonitor.enabled",
    ),
    ("metrics.prometheusRule", {"enabled": "yes"}, "metrics/prometheusRule/enabled"),
    ("metrics.prometheusRule", {"runbooks": "a b"}, "metrics/prometheusRule/runbooks"),
    ("metrics.dashboards", {"labels": {"a": 1}}, "metrics/dashboards/labels/a"),
    ("metrics.dashboard", {}, "dashboard"),
    ("extraArgs", ["verbose"], "extraArgs/0"),
    ("extraEnv", [{"value": "a"}], "extraEnv/0"),
    ("extraVolumeMounts", [{"name": "a"}], "extraVolumeMounts/0"),
    ("extraObjects", [1], "extraObjects/0"),
    ("unknown", 1, "unknown"),
]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(("path", "value", "named"), BAD, ids=lambda each: str(each)[:40])
def test_a_bad_value_is_refused_by_its_name(
    path: str, value: Any, named: str, program: str
) -> None:
    given = yaml.safe_dump(nested(path, value))
    done = run_helm("template", "w", str(CHART), "--values", "-", program=program, given=given)
    assert done.returncode != 0
    assert named in done.stderr


def test_the_schema_knows_every_value_and_no_other() -> None:
    """At every level of ours: additionalProperties false, and the keys of values.yaml."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    described = chart_files.described(VALUES)
    _same_keys(schema, yaml.safe_load(VALUES), "", described)


def _same_keys(schema: Any, document: Any, path: str, described: set[str]) -> None:
    assert schema["additionalProperties"] is False, path
    assert set(schema["properties"]) - {"global"} == set(document), path
    for key, value in document.items():
        below = f"{path}.{key}" if path else key
        if below not in described:
            _same_keys(schema["properties"][key], value, below, described)


def test_pods_ask_for_no_privilege_and_bring_their_token() -> None:
    """Restricted Pod Security by its fields; the API server has the last word."""
    documents = template()
    pod = only(documents, "Deployment")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert only(documents, "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 10000
    container = operator_container(documents)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    (volume,) = (each for each in pod["volumes"] if "projected" in each)
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == volume["name"])
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    (token,) = (s for s in volume["projected"]["sources"] if "serviceAccountToken" in s)
    assert token["serviceAccountToken"]["expirationSeconds"] == 3600
    assert set(container["resources"]) == {"requests", "limits"}


def test_probes_ask_different_things() -> None:
    container = operator_container(template())
    probes = [container[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert [p["httpGet"]["path"] for p in probes] == ["/healthz", "/healthz", "/readyz"]
    assert len({json.dumps(probe) for probe in probes}) == 3


def test_two_replicas_are_spread_and_one_may_be_drained() -> None:
    documents = template()
    deployment = only(documents, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["replicas"] == 2
    selectors = [only(documents, "PodDisruptionBudget")["spec"]["selector"]]
    pod = deployment["spec"]["template"]["spec"]
    selectors += [each["labelSelector"] for each in pod["topologySpreadConstraints"]]
    selectors.append(only(documents, "NetworkPolicy", "wavegate")["spec"]["podSelector"])
    for selector in selectors:
        assert selector["matchLabels"].items() <= labels.items()
    assert len(selectors) == 4
    service = only(documents, "Service")["spec"]["selector"]
    assert service.items() <= labels.items()


def test_a_single_replica_has_no_budget() -> None:
    kinds = {each["kind"] for each in template("--set", "replicas=1")}
    assert "PodDisruptionBudget" not in kinds


def test_with_namespaces_its_rights_and_its_reach_are_theirs() -> None:
    documents = template("--set", "watchNamespaces={team-a,team-b}")
    assert settings_of(documents).namespaces == ("team-a", "team-b")
    roles = [
        each["metadata"]["namespace"]
        for each in documents
        if each["kind"] == "Role" and each["metadata"]["name"] == "wavegate"
    ]
    assert roles == ["team-a", "team-b"]
    rules = only(documents, "ClusterRole", "wavegate")["rules"]
    assert [rule["resources"] for rule in rules] == [["nodes"], ["services"]]
    (peer,) = only(documents, "NetworkPolicy", "wavegate")["spec"]["egress"][2]["to"]
    (namespaces,) = peer["namespaceSelector"]["matchExpressions"]
    assert namespaces["values"] == ["team-a", "team-b"]


def test_crds_are_those_of_the_repository_with_labels() -> None:
    crds = {
        each["metadata"]["name"]: each
        for each in template()
        if each["kind"] == "CustomResourceDefinition"
    }
    given = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    assert len(given) == len(crds)
    for each in given:
        found = crds[each["metadata"]["name"]]
        assert found["spec"] == each["spec"]
        assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert found["metadata"]["labels"]["app.kubernetes.io/instance"] == "wavegate"
