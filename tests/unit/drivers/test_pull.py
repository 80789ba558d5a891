"""The pod that pulls images: what it has of the version's own, and what it has not."""

from __future__ import annotations

import pytest

from unit.drivers.views import container, job, version
from wavegate.api.names import pull_name
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.pod import template_of
from wavegate.drivers.pull import COMMAND, images, missing, render_pull

pytestmark = pytest.mark.row("Pre-pull")

APP = "registry.example/app:1"


def template(pod=None, **spec):
    return template_of(container(pod, **spec), "", PlanSettings())


def pull(pod=None, wanted=None, **spec):
    made = template(pod, **spec)
    chosen = missing(made, ()) if wanted is None else wanted
    return render_pull(job(), version(container(pod, **spec)), "n1", made, chosen)


def test_every_image_is_pulled_once_those_of_init_containers_first():
    pod = {
        "initContainers": [{"name": "a", "image": "init:1"}, {"name": "b", "image": APP}],
        "containers": [{"name": "main", "image": APP}, {"name": "side", "image": "side:1"}],
    }
    assert list(images(template(pod))) == ["init:1", APP, "side:1"]
    containers = pull(pod)["spec"]["containers"]
    assert [each["image"] for each in containers] == ["init:1", APP, "side:1"]
    assert [each["name"] for each in containers] == ["pull-0", "pull-1", "pull-2"]
    assert all(each["command"] == [COMMAND] for each in containers)


@pytest.mark.parametrize(
    ("image", "policy", "there", "is_missing"),
    [
        pytest.param("app:1", None, (), True, id="the node has nothing of it"),
        pytest.param("app:1", None, ("app:1",), False, id="the node runs it"),
        pytest.param("app:1", "IfNotPresent", ("app:2",), True, id="the node runs another"),
        pytest.param("app:1", "Never", (), False, id="it is never pulled"),
        pytest.param("app:1", "Always", ("app:1",), True, id="it is asked for at each start"),
        pytest.param("app:latest", None, ("app:latest",), True, id="latest: Always by default"),
        pytest.param("r.example:5000/app", None, ("r.example:5000/app",), True, id="no tag"),
        pytest.param("app@sha256:ab", None, ("app@sha256:ab",), False, id="a digest"),
        pytest.param("app:latest", "IfNotPresent", ("app:latest",), False, id="latest, as asked"),
    ],
)
def test_an_image_is_missing_unless_the_node_runs_it(image, policy, there, is_missing):
    main = {"name": "main", "image": image, **({"imagePullPolicy": policy} if policy else {})}
    assert list(missing(template({"containers": [main]}), there)) == [image] * is_missing


def test_who_may_pull_and_how_is_as_in_the_versions_own_pod():
    pod = {
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "puller",
        "runtimeClassName": "kata",
        "tolerations": [{"key": "edge", "operator": "Exists"}],
        "containers": [{"name": "main", "image": APP, "imagePullPolicy": "Always"}],
    }
    spec = pull(pod)["spec"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert (spec["serviceAccountName"], spec["runtimeClassName"]) == ("puller", "kata")
    assert spec["tolerations"] == template(pod)["spec"]["tolerations"]
    assert spec["tolerations"][0] == {"key": "edge", "operator": "Exists"}
    assert spec["containers"][0]["imagePullPolicy"] == "Always"
    assert "imagePullPolicy" not in pull()["spec"]["containers"][0]


def test_it_is_bound_to_its_node_and_to_no_other():
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert pull()["spec"]["affinity"] == {"nodeAffinity": required}


def test_nothing_of_the_work_is_in_it():
    main = {
        "name": "main",
        "image": APP,
        "command": ["/app"],
        "args": ["serve"],
        "env": [{"name": "A", "value": "1"}],
        "ports": [{"containerPort": 80}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
        "securityContext": {"privileged": True},
        "resources": {"requests": {"cpu": "4"}, "limits": {"cpu": "8", "example.com/gpu": 1}},
    }
    pod = {
        "containers": [main],
        "volumes": [{"name": "data", "emptyDir": {}}],
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
    }
    spec = pull(pod)["spec"]
    assert set(spec) == {
        "affinity",
        "automountServiceAccountToken",
        "containers",
        "enableServiceLinks",
        "restartPolicy",
        "securityContext",
        "terminationGracePeriodSeconds",
        "tolerations",
    }
    assert spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False
    [only] = spec["containers"]
    assert set(only) == {"name", "image", "command", "resources", "securityContext"}
    assert only["resources"] == {
        "requests": {"cpu": "1m", "memory": "1Mi"},
        "limits": {"cpu": "8"},
    }
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_its_labels_are_such_that_nothing_takes_it_for_a_pod_of_the_job():
    made = pull(labels={"team": "a"})
    assert made["metadata"]["labels"] == {"wavegate.dev/pull": "edge"}
    assert made["metadata"]["name"] == pull_name("edge", "n1", 3)
    assert made["metadata"]["name"].endswith("-pull-v3")


def test_the_longest_name_is_the_name_of_a_pod():
    name = pull_name("j" * 40, "n" * 253, 10**9)
    assert len(name) < 253
    assert name != pull_name("j" * 40, "n" * 252, 10**9)
