"""The overlay: rows for its rules, properties for its invariants."""

from __future__ import annotations

import copy
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.drivers import overlay as module
from wavegate.drivers.overlay import overlay

NAMES = st.sampled_from(["main", "a", "b"])
SCALARS = st.sampled_from(["x", 1, True, None])
ENV = st.lists(st.fixed_dictionaries({"name": NAMES}, optional={"value": SCALARS}), max_size=3)
PORT = st.fixed_dictionaries(
    {"containerPort": st.sampled_from([53, 80])},
    optional={"protocol": st.sampled_from(["TCP", "UDP"]), "hostPort": st.just(1)},
)
PROBE = st.dictionaries(
    st.sampled_from(["httpGet", "exec", "periodSeconds"]), st.just({"port": 1}), max_size=3
)
CONTAINER = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "image": SCALARS,
        "args": st.lists(SCALARS, max_size=2),
        "env": ENV,
        "ports": st.lists(PORT, max_size=3),
        "readinessProbe": PROBE,
        "volumeMounts": st.lists(st.fixed_dictionaries({"mountPath": NAMES}), max_size=2),
    },
)
MALFORMED = st.sampled_from(["text", [1], [{"image": "x"}], {}])
POD_SPEC = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.lists(CONTAINER, max_size=3) | MALFORMED,
        "initContainers": st.lists(CONTAINER, max_size=3),
        "volumes": st.lists(st.fixed_dictionaries({"name": NAMES}), max_size=3) | MALFORMED,
        "tolerations": st.lists(st.dictionaries(NAMES, SCALARS), max_size=2),
        "securityContext": st.dictionaries(NAMES, SCALARS) | SCALARS,
    },
)
PODS = st.fixed_dictionaries({}, optional={"spec": POD_SPEC, "metadata": POD_SPEC})


def merged(base, over):
    """The overlay of two specs of a container called main."""
    pods = [{"spec": {"containers": [{"name": "main", **each}]}} for each in (base, over)]
    (container,) = overlay(*pods)["spec"]["containers"]
    del container["name"]
    return container


def test_the_worked_example_holds():
    assert doctest.testmod(module).failed == 0


@given(PODS)
def test_an_empty_template_changes_nothing(pod):
    normal = overlay({}, pod)
    assert overlay(normal, {}) == normal
    assert overlay(normal, {"spec": {}}) == {"spec": {}, **normal}


@given(PODS, PODS)
def test_laying_a_template_twice_is_laying_it_once(pod, template):
    once = overlay(pod, template)
    assert overlay(once, template) == once


@given(PODS, PODS)
def test_neither_side_is_changed_or_shared(pod, template):
    before = copy.deepcopy((pod, template))
    result = overlay(pod, template)
    for container in result.get("spec", {}).get("containers", ()):
        if isinstance(container, dict):
            container.setdefault("env", []).append("changed")
    assert (pod, template) == before


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        pytest.param(
            {"resources": {"requests": {"cpu": "1"}}},
            {"resources": {"requests": {"memory": "1Gi"}, "limits": {"cpu": "2"}}},
            {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2"}}},
            id="maps merge",
        ),
        pytest.param(
            {"args": ["run", "x"]}, {"args": ["lint"]}, {"args": ["lint"]}, id="args replace"
        ),
        pytest.param(
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"env": [{"name": "C", "value": "3"}, {"name": "A", "value": "4"}]},
            {
                "env": [
                    {"name": "A", "value": "4"},
                    {"name": "B", "value": "2"},
                    {"name": "C", "value": "3"},
                ]
            },
            id="env by name, in the driver's order",
        ),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]},
            {"env": [{"name": "A", "value": "mine"}]},
            {"env": [{"name": "A", "value": "mine"}]},
            id="a value does not mix with a reference",
        ),
        pytest.param(
            {"volumeMounts": [{"mountPath": "/a", "name": "x", "readOnly": True}]},
            {"volumeMounts": [{"mountPath": "/a", "name": "y"}, {"mountPath": "/b", "name": "x"}]},
            {"volumeMounts": [{"mountPath": "/a", "name": "y"}, {"mountPath": "/b", "name": "x"}]},
            id="volume mounts by path",
        ),
        pytest.param(
            {"ports": [{"containerPort": 53}]},
            {"ports": [{"containerPort": 53, "protocol": "UDP"}]},
            {"ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]},
            id="one port for each of two protocols",
        ),
        pytest.param(
            {"ports": [{"containerPort": 53, "name": "dns"}]},
            {"ports": [{"containerPort": 53, "protocol": "TCP", "hostPort": 53}]},
            {"ports": [{"containerPort": 53, "protocol": "TCP", "hostPort": 53}]},
            id="TCP is what a port is by default",
        ),
        pytest.param(
            {"readinessProbe": {"httpGet": {"port": 1}, "periodSeconds": 2}},
            {"readinessProbe": {"exec": {"command": ["true"]}}},
            {"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 2}},
            id="a probe has one handler",
        ),
        pytest.param(
            {"readinessProbe": {"httpGet": {"port": 1, "path": "/ready"}, "periodSeconds": 2}},
            {"readinessProbe": {"periodSeconds": 9}},
            {"readinessProbe": {"httpGet": {"port": 1, "path": "/ready"}, "periodSeconds": 9}},
            id="a probe without a handler keeps the driver's",
        ),
        pytest.param({"image": "e"}, {"image": None}, {"image": "e"}, id="a null is not set"),
        pytest.param({"env": [{"name": "A"}]}, {"env": []}, {"env": [{"name": "A"}]}, id="empty"),
        pytest.param({"env": [{"name": "A"}]}, {"env": "B"}, {"env": "B"}, id="no list at all"),
        pytest.param({"env": [{"name": "A"}]}, {"env": [{}]}, {"env": [{}]}, id="without a name"),
    ],
)
def test_a_container_is_merged_field_by_field(base, over, expected):
    assert merged(base, over) == expected


def test_containers_merge_by_name_and_further_ones_follow():
    pod = {"spec": {"containers": [{"name": "main", "image": "e", "args": ["run"]}]}}
    side = {"name": "side", "image": "s"}
    template = {"spec": {"containers": [side, {"name": "main", "image": "mine"}]}}
    assert overlay(pod, template)["spec"]["containers"] == [
        {"name": "main", "image": "mine", "args": ["run"]},
        side,
    ]


def test_init_containers_merge_by_name_too():
    pod = {"spec": {"initContainers": [{"name": "a", "image": "x"}]}}
    template = {"spec": {"initContainers": [{"name": "a", "args": ["y"]}]}}
    assert overlay(pod, template)["spec"]["initContainers"] == [
        {"name": "a", "image": "x", "args": ["y"]}
    ]


def test_a_volume_of_the_same_name_is_another_volume():
    pod = {"spec": {"volumes": [{"name": "data", "configMap": {"name": "c"}}]}}
    volume = {"name": "data", "emptyDir": {}}
    assert overlay(pod, {"spec": {"volumes": [volume]}})["spec"]["volumes"] == [volume]


def test_tolerations_replace_because_they_have_no_names():
    pod = {"spec": {"tolerations": [{"key": "a"}, {"key": "b"}]}}
    assert overlay(pod, {"spec": {"tolerations": [{"key": "c"}]}}) == {
        "spec": {"tolerations": [{"key": "c"}]}
    }
