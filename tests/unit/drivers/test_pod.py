"""The pod of an execution: its names, its node, and what stays the user's."""

from __future__ import annotations

import copy

import pytest

from unit.drivers.views import container, job, pipeline, version
from wavegate.api.names import pod_name
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.pod import render_pod, template_of

ON_NODE = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}


def pod_of(spec, *, image="", node="n1", deployment="edge-v3"):
    return render_pod(
        job=job(),
        version=version(spec, image),
        node=node,
        execution="edge-abc-1",
        deployment=deployment,
        settings=PlanSettings(),
    )


def tolerated(spec):
    tolerations = template_of(spec, "", PlanSettings())["spec"]["tolerations"]
    return {(each.get("key"), each.get("effect")) for each in tolerations}


def test_a_pod_has_the_one_name_of_its_job_and_node():
    pod = pod_of(container())
    assert (pod["apiVersion"], pod["kind"]) == ("v1", "Pod")
    assert pod["metadata"]["namespace"] == "web"
    assert pod["metadata"]["name"] == pod_name("edge", "n1")
    assert "ownerReferences" not in pod["metadata"]


def test_labels_are_the_jobs_then_the_templates_then_ours():
    spec = container(labels={"team": "a", "tier": "x"})
    spec.template["metadata"] = {"labels": {"tier": "y", "wavegate.dev/job": "another"}}
    assert pod_of(spec)["metadata"]["labels"] == {
        "team": "a",
        "tier": "y",
        "wavegate.dev/job": "edge",
        "wavegate.dev/version": "3",
        "wavegate.dev/deployment": "edge-v3",
    }


def test_a_pod_that_no_deployment_wants_has_no_label_of_one():
    labels = pod_of(container(), deployment="")["metadata"]["labels"]
    assert "wavegate.dev/deployment" not in labels


def test_annotations_are_the_templates_and_ours():
    spec = container()
    spec.template["metadata"] = {"annotations": {"example.com/a": "1"}}
    assert pod_of(spec)["metadata"]["annotations"] == {
        "example.com/a": "1",
        "cluster-autoscaler.kubernetes.io/daemonset-pod": "true",
        "wavegate.dev/execution": "edge-abc-1",
    }


@pytest.mark.parametrize("policy", ["OnFailure", "Always", "Never"])
def test_the_restart_policy_is_the_jobs(policy):
    assert pod_of(container(restartPolicy=policy))["spec"]["restartPolicy"] == policy


@pytest.mark.row("spec.timeouts.execution")
@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("1.5s", 2), ("1s", 1)])
def test_a_run_s_limit_is_the_pod_s_in_whole_seconds(text, seconds):
    limited = pod_of(container(timeouts={"execution": text}))
    assert limited["spec"]["activeDeadlineSeconds"] == seconds


@pytest.mark.parametrize("timeouts", [{}, {"execution": "0s"}, {"queue": "5m", "total": "9m"}])
def test_without_a_limit_a_run_has_none(timeouts):
    assert "activeDeadlineSeconds" not in pod_of(container(timeouts=timeouts))["spec"]


def test_the_node_replaces_required_terms_because_terms_are_or_ed():
    zone = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
    preferred = [{"weight": 1, "preference": zone}]
    apart = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    spec = container(
        {
            "affinity": {
                **apart,
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [zone]},
                    "preferredDuringSchedulingIgnoredDuringExecution": preferred,
                },
            },
            "nodeSelector": {"disk": "ssd"},
        }
    )
    pod = pod_of(spec)["spec"]
    assert pod["affinity"] == {
        **apart,
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [ON_NODE]},
            "preferredDuringSchedulingIgnoredDuringExecution": preferred,
        },
    }
    assert pod["nodeSelector"] == {"disk": "ssd"}
    required = template_of(spec, "", PlanSettings())["spec"]["affinity"]["nodeAffinity"]
    assert required["requiredDuringSchedulingIgnoredDuringExecution"] == {
        "nodeSelectorTerms": [zone]
    }


def test_a_pod_tolerates_what_daemons_do_except_a_cordon():
    taint = "node.kubernetes.io"
    assert tolerated(container()) == {
        (f"{taint}/not-ready", "NoExecute"),
        (f"{taint}/unreachable", "NoExecute"),
        (f"{taint}/disk-pressure", "NoSchedule"),
        (f"{taint}/memory-pressure", "NoSchedule"),
        (f"{taint}/pid-pressure", "NoSchedule"),
    }


def test_only_a_pod_on_the_hosts_network_tolerates_a_missing_network():
    missing = ("node.kubernetes.io/network-unavailable", "NoSchedule")
    assert missing in tolerated(container({"hostNetwork": True}))
    assert missing not in tolerated(container({"hostNetwork": False}))


def test_the_templates_tolerations_come_first_and_none_is_there_twice():
    mine = {"key": "gpu", "operator": "Exists"}
    same = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    tolerations = template_of(container({"tolerations": [mine, same]}), "", PlanSettings())["spec"][
        "tolerations"
    ]
    assert tolerations[:2] == [mine, same]
    assert tolerations.count(same) == 1


def test_the_document_is_mounted_read_only_into_main_alone():
    side = {"name": "side", "image": "s"}
    pod = pod_of(pipeline({"spec": {"containers": [side]}}), image="e")["spec"]
    main, other = pod["containers"]
    volume = {"name": "wavegate-document", "configMap": {"name": "edge-v3"}}
    assert pod["volumes"] == [volume]
    assert main["volumeMounts"] == [
        {"name": "wavegate-document", "mountPath": "/etc/wavegate", "readOnly": True}
    ]
    assert "volumeMounts" not in other


def test_mounts_and_volumes_of_the_template_stay_beside_the_documents():
    data = {"name": "data", "emptyDir": {}}
    mount = {"name": "data", "mountPath": "/data"}
    taken = {"name": "data", "mountPath": "/etc/wavegate"}
    template = {
        "spec": {
            "volumes": [data],
            "containers": [{"name": "main", "volumeMounts": [mount, taken]}],
        }
    }
    pod = pod_of(pipeline(template), image="e")["spec"]
    assert [each["name"] for each in pod["volumes"]] == ["data", "wavegate-document"]
    assert [(m["mountPath"], m["name"]) for m in pod["containers"][0]["volumeMounts"]] == [
        ("/data", "data"),
        ("/etc/wavegate", "wavegate-document"),
    ]


def test_without_a_config_nothing_is_mounted():
    pod = pod_of(container())["spec"]
    assert "volumes" not in pod
    assert "volumeMounts" not in pod["containers"][0]


def test_every_container_says_why_it_ended_unless_the_template_says_how():
    first = {"name": "init", "image": "i"}
    side = {"name": "side", "image": "s", "terminationMessagePolicy": "File"}
    spec = pipeline({"spec": {"initContainers": [first], "containers": [side]}})
    pod = template_of(spec, "e", PlanSettings())["spec"]
    policies = {
        each["name"]: each["terminationMessagePolicy"]
        for each in (*pod["initContainers"], *pod["containers"])
    }
    assert policies == {
        "init": "FallbackToLogsOnError",
        "main": "FallbackToLogsOnError",
        "side": "File",
    }


def test_a_containers_pod_is_the_template_as_it_is():
    pod = pod_of(container({"automountServiceAccountToken": True, "priority": 3}))["spec"]
    assert pod["automountServiceAccountToken"] is True
    assert pod["priority"] == 3
    assert [each["image"] for each in pod["containers"]] == ["registry.example/app:1"]
    assert "automountServiceAccountToken" not in pod_of(container())["spec"]
    assert "securityContext" not in pod


def test_a_pipelines_pod_runs_the_image_that_the_version_pinned():
    assert pod_of(pipeline(), image="pinned:1")["spec"]["containers"][0]["image"] == "pinned:1"


def test_rendering_changes_nothing_and_is_the_same_every_time():
    spec = container({"tolerations": []}, config={"a": 1})
    before = copy.deepcopy(spec.template)
    assert pod_of(spec) == pod_of(spec)
    assert spec.template == before


@pytest.mark.parametrize(
    "broken",
    [
        {"tolerations": "all"},
        {"affinity": {"nodeAffinity": []}},
        {"volumes": "none"},
        {"initContainers": ["x"]},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_a_malformed_template_reaches_the_server_that_says_what_is_wrong(broken):
    pod = pod_of(container(broken))["spec"]
    kept = {key: value for key, value in broken.items() if key != "affinity"}
    assert kept.items() <= pod.items()


def test_a_version_that_is_not_understood_has_no_pod():
    with pytest.raises(ValueError, match="edge-v3"):
        pod_of(None)
