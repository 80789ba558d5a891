"""Each of `hostile.templates.TEMPLATES` ends as the policy of its namespace says.

``make test`` runs every third of them under both policies. All of them:
``HOSTILE=all .venv/bin/python -m pytest -q -n 6 tests/integration/test_hostile_templates.py``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Final

import pytest

from hostile.templates import NODES, TEMPLATES, AtApply, End, Fails, Refused, RollsOut, Template
from support.operator_process import OperatorProcess
from support.space import Document, Space
from wavelab.client import ApiError, Client

POLICIES: Final = ("restricted", "privileged")
SHARE: Final = 1 if os.environ.get("HOSTILE") == "all" else 3
"""Of so many templates one is run."""

pytestmark = pytest.mark.cluster


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def space(policy: str, cluster_client: Client, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A namespace for one test, in which the policy is enforced."""
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    labels = {"pod-security.kubernetes.io/enforce": policy}
    made = Space(cluster_client, f"{policy}-{digest}", **labels)
    account = f"/api/v1/namespaces/{made.name}/serviceaccounts/default"
    made.wait("pods have an account", lambda: cluster_client.exists(account))
    yield made
    cluster_client.delete(f"/api/v1/namespaces/{made.name}")


@pytest.mark.parametrize("template", TEMPLATES[::SHARE], ids=lambda each: each.name)
def test_it_ends_as_the_policy_says(
    template: Template, policy: str, space: Space, operator: OperatorProcess
) -> None:
    end = template.end(policy)
    if isinstance(end, AtApply):
        with pytest.raises(ApiError) as caught:
            space.apply(template.name, template.job())
        assert caught.value.code == 422
        assert end.says in str(caught.value)
        assert space.get("FleetJob", template.name) is None
        return
    space.apply(template.name, template.job())
    space.wait(f"{template.name}: {end}", lambda: _has_ended(space, template.name, end))
    executions = space.executions(template.name)
    match end:
        case RollsOut():
            assert {each["spec"]["nodeName"] for each in executions} == set(NODES)
            for pod in _pods(space, template.name):
                assert _within(template.pod, pod["spec"])
                assert _within(template.main, pod["spec"]["containers"][0])
        case Refused():
            assert end.says in space.condition(template.name)["message"]
            assert space.condition(template.name, "Stalled")["status"] == "True"
            assert not executions
            assert not _pods(space, template.name)
        case Fails():
            assert end.says in space.condition(template.name)["message"]
            assert len({each["spec"]["nodeName"] for each in executions}) == 1


def _has_ended(space: Space, name: str, end: End) -> bool:
    if isinstance(end, RollsOut):
        completed = space.deployment(f"{name}-v1").get("state") == "Completed"
        return completed and set(space.running(name)) == set(NODES)
    reason = "TemplateRefused" if isinstance(end, Refused) else "CanaryFailed"
    return space.condition(name).get("reason") == reason


def _pods(space: Space, name: str) -> list[Document]:
    label = "wavegate.dev/job"
    return [each for each in space.list("Pod") if each["metadata"]["labels"].get(label) == name]


def _within(asked: object, has: object) -> bool:
    """Whether all that was asked for is there."""
    if isinstance(asked, dict) and isinstance(has, dict):
        return all(_within(value, has.get(key)) for key, value in asked.items())
    if isinstance(asked, list) and isinstance(has, list):
        return all(any(_within(one, other) for other in has) for one in asked)
    return asked == has
