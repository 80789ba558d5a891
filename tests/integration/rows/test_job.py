"""What a job's spec says of its pods and versions."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.few import few, job_of, runs, seen, spec_of, status_of
from support.space import Space
from wavelab.client import ApiError

pytestmark = pytest.mark.cluster


def versions(space: Space) -> list[str]:
    return sorted(each["metadata"]["name"] for each in space.list("JobVersion"))


def change(space: Space, spec: dict[str, Any]) -> None:
    """Apply another spec and wait until the operator has seen it."""
    before = job_of(space)["metadata"]["generation"]
    space.apply("app", spec)
    space.wait("the change is seen", lambda: seen(space))
    assert job_of(space)["metadata"]["generation"] == before + 1


@pytest.mark.row("metadata.name")
def test_row_metadata_name(jobs: Space) -> None:
    name = "a" * 40
    with pytest.raises(ApiError, match=r"metadata\.name: must be a DNS label"):
        jobs.apply(f"{name}a", few())
    jobs.apply(name, few(fate="crash", nodes=["sim-001"]))
    jobs.wait("its rollout has failed", lambda: jobs.job_state(name) == "RolloutFailed")
    jobs.apply(name, few("app:2", nodes=["sim-001"]))
    jobs.wait("v2 runs", lambda: runs(jobs, 2, ["sim-001"], name))
    children = [*jobs.list("Execution"), *jobs.pods(name), *jobs.list("FleetDeployment")]
    assert len(children) >= 5
    assert all(each["metadata"]["name"].startswith(f"{name}-") for each in children)


@pytest.mark.row("spec.type", "JobVersion.spec.driver.image", "JobVersion.spec.driver.revision")
def test_row_spec_type(jobs: Space) -> None:
    document = {"input": {"generate": {"mapping": "root = {}"}}, "output": {"drop": {}}}
    spec = {"type": "pipeline", "config": document, "selector": {"matchIds": ["sim-001"]}}
    jobs.apply("piped", spec)
    jobs.apply("app", few(nodes=["sim-001"]))
    jobs.wait("one runs", lambda: runs(jobs, 1, ["sim-001"]))
    jobs.wait("the other runs", lambda: runs(jobs, 1, ["sim-001"], "piped"))
    (engine,) = jobs.pods("piped")
    (plain,) = jobs.pods("app")
    pinned = spec_of(jobs, "JobVersion", "piped-v1")["driver"]
    assert engine["spec"]["containers"][0]["image"] == pinned["image"]
    assert engine["spec"]["containers"][0]["args"] == ["run", "/etc/wavegate/config.yaml"]
    assert pinned["revision"]
    assert plain["spec"]["containers"][0]["image"] == "app:1"
    assert "image" not in spec_of(jobs, "JobVersion", "app-v1")["driver"]
    with pytest.raises(ApiError, match=r"spec\.type: cannot be changed"):
        jobs.apply("app", spec)


@pytest.mark.row("spec.config")
def test_row_spec_config(jobs: Space) -> None:
    document = {
        "text": 'é # : "yes" 0o14\n two',
        "yes": "no",
        "deep": [{"1": [None, True, 1.5, -3, [], {}]}],
    }
    jobs.apply("app", few(nodes=["sim-001"], spec={"config": document}))
    jobs.wait("v1 runs", lambda: runs(jobs, 1, ["sim-001"]))
    stored = job_of(jobs)["spec"]["config"]
    assert stored == document
    assert config_file(jobs, "app-v1") == document
    (pod,) = jobs.pods("app")
    volumes = {
        v["name"]: v["configMap"]["name"] for v in pod["spec"]["volumes"] if "configMap" in v
    }
    (mount,) = [m for m in pod["spec"]["containers"][0]["volumeMounts"] if m["name"] in volumes]
    assert (volumes[mount["name"]], mount["mountPath"]) == ("app-v1", "/etc/wavegate")
    jobs.apply("app", few(nodes=["sim-001"], spec={"config": {**document, "yes": "yes"}}))
    jobs.wait("v2 runs", lambda: runs(jobs, 2, ["sim-001"]))
    assert config_file(jobs, "app-v2")["yes"] == "yes"
    assert config_file(jobs, "app-v1") == document


def config_file(space: Space, version: str) -> Any:
    """The document as the version's pods find it."""
    stored = space.client.get(f"/api/v1/namespaces/{space.name}/configmaps/{version}")
    assert stored["immutable"] is True
    return yaml.safe_load(stored["data"]["config.yaml"])


@pytest.mark.row("spec.description", "Canonical form")
def test_row_spec_description(started: Space) -> None:
    change(started, few(spec={"description": "for people"}))
    defaults = {"description": "for others", "restartPolicy": "OnFailure", "suspend": False}
    change(started, few(spec=defaults))
    assert versions(started) == ["app-v1"]
    assert status_of(started)["version"] == 1


@pytest.mark.row("spec.labels")
def test_row_spec_labels(started: Space) -> None:
    started.apply("app", few(spec={"labels": {"team": "red", "example.org/cost": "7"}}))
    started.wait("v2 runs", lambda: runs(started, 2))
    for each in [*started.pods("app"), *started.executions("app", 2)]:
        labels = each["metadata"]["labels"]
        assert (labels["team"], labels["example.org/cost"]) == ("red", "7"), each["kind"]
    with pytest.raises(ApiError, match=r"spec\.labels: keys that begin with wavegate\.dev/"):
        started.apply("app", few(spec={"labels": {"wavegate.dev/job": "other"}}))


@pytest.mark.row("spec.meta", "Versions", "Up to date")
def test_row_spec_meta(started: Space) -> None:
    before = {pod["metadata"]["uid"] for pod in started.pods("app")}
    change(started, few(spec={"meta": {"wavegate.dev/ticket": "1"}}))
    assert versions(started) == ["app-v1"], "reserved keys are left out of comparisons"
    started.apply("app", few(spec={"meta": {"wavegate.dev/ticket": "1", "owner": "x"}}))
    started.wait("v2 is complete", lambda: status_of(started).get("stableVersion") == 2)
    assert versions(started) == ["app-v1", "app-v2"]
    kept = spec_of(started, "JobVersion", "app-v2")["jobSpec"]["meta"]
    assert kept == {"wavegate.dev/ticket": "1", "owner": "x"}
    assert {pod["metadata"]["uid"] for pod in started.pods("app")} == before, "nothing restarts"


@pytest.mark.row("spec.restartPolicy")
@pytest.mark.parametrize(
    ("policy", "state"), [("Never", "Completed"), ("OnFailure", "Completed"), ("Always", "Running")]
)
def test_row_spec_restart_policy(jobs: Space, policy: str, state: str) -> None:
    fate = "complete" if state == "Completed" else "ready"
    spec = few(fate=fate, nodes=["sim-001"], spec={"restartPolicy": policy})
    jobs.apply("app", spec)
    jobs.wait("it is settled", lambda: jobs.job_state("app") == state)
    (execution,) = jobs.executions("app")
    assert execution["status"]["observedState"]["stateType"] == state
    (pod,) = jobs.pods("app")
    assert pod["spec"]["restartPolicy"] == policy


@pytest.mark.row("spec.suspend", "Suspend")
def test_row_spec_suspend(started: Space) -> None:
    started.apply("app", few(spec={"suspend": True}))
    started.wait("nothing runs", lambda: not started.pods("app"))
    started.wait("it says so", lambda: started.condition("app").get("reason") == "Suspended")
    assert started.job_state("app") == "Stopped"
    assert versions(started) == ["app-v1"]
    (stopped, *_) = started.executions("app")
    assert stopped["status"]["desiredState"]["details"] == {"reason": "Suspended"}
    started.apply("app", few())
    started.wait("v1 runs again", lambda: runs(started, 1))


@pytest.mark.row("spec.template", "Workload hash")
def test_row_spec_template(started: Space) -> None:
    spec = few("app:2")
    template = spec["template"]
    template["metadata"] = {"annotations": {"example.org/a": "1"}, "labels": {"tier": "edge"}}
    main = template["spec"]["containers"][0]
    main["env"] = [{"name": "WHO", "value": "me"}]
    template["spec"]["containers"].append({"name": "side", "image": "side:1"})
    started.apply("app", spec)
    started.wait("v2 runs", lambda: runs(started, 2))
    hashes = {v: spec_of(started, "JobVersion", v)["workloadHash"] for v in versions(started)}
    assert hashes["app-v1"] != hashes["app-v2"]
    for pod in started.pods("app"):
        containers = {c["name"]: c for c in pod["spec"]["containers"]}
        assert (containers["main"]["image"], containers["side"]["image"]) == ("app:2", "side:1")
        assert containers["main"]["env"] == [{"name": "WHO", "value": "me"}]
        assert pod["metadata"]["annotations"]["example.org/a"] == "1"
        assert pod["metadata"]["labels"]["tier"] == "edge"
        assert pod["spec"]["terminationGracePeriodSeconds"] == 1
    template["spec"]["restartPolicy"] = "Never"
    with pytest.raises(ApiError, match=r"spec\.template\.spec\.restartPolicy: is not allowed"):
        started.apply("app", spec)


@pytest.mark.row("spec.template")
def test_row_spec_template_with_a_typo(jobs: Space) -> None:
    spec = few()
    spec["template"]["spec"]["containers"][0]["imagePullPolice"] = "Never"
    jobs.apply("app", spec)
    jobs.wait("it is refused", lambda: jobs.condition("app").get("reason") == "TemplateRefused")
    assert "imagePullPolice" in jobs.condition("app")["message"]
    assert not jobs.list("Execution")
