"""A version is tried before its first wave, and what the server says of it is remembered."""

from __future__ import annotations

import pytest

from unit.engine.support import Engine, FakeApi
from wavegate.domain.actions import PrepareVersion
from wavegate.domain.observed import JobView
from wavegate.engine.outcomes import Done, Failed
from wavegate.kube.errors import Invalid, ServerError, TooManyRequests, Uncertain

pytestmark = pytest.mark.looptime


def preparation(data: dict[str, str] | None = None) -> PrepareVersion:
    return PrepareVersion(
        version=1,
        version_name="edge-v1",
        version_uid="uid-of-v1",
        data={"config.yaml": "a: 1\n"} if data is None else data,
        pod={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "edge-a", "labels": {"wavegate.dev/job": "edge"}},
            "spec": {"containers": [{"name": "main", "image": "a:1"}]},
        },
    )


async def test_a_version_is_prepared_by_a_config_map_and_a_dry_run(
    api: FakeApi, engine: Engine, job: JobView
):
    assert await engine.executor.execute(job, preparation()) == Done()
    config = api.objects["/api/v1/namespaces/web/configmaps/edge-v1"]
    assert config["immutable"] is True
    assert config["data"] == {"config.yaml": "a: 1\n"}
    assert config["metadata"]["ownerReferences"][0]["uid"] == "uid-of-v1"
    trial = api.requests[-1]
    assert trial.query == {"dryRun": "All", "fieldValidation": "Strict"}
    assert "name" not in trial.body["metadata"]
    assert engine.preparations.of(job.uid)[1].ok


async def test_a_version_without_a_document_needs_no_config_map(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, preparation(data={}))
    assert not api.writes()
    assert engine.preparations.of(job.uid)[1].ok


async def test_a_refused_dry_run_is_remembered_in_the_servers_words(
    api: FakeApi, engine: Engine, job: JobView
):
    api.fail("POST", "/pods", Invalid(400, "BadRequest", 'unknown field "spec.imagee"'))
    assert await engine.executor.execute(job, preparation()) == Done()
    found = engine.preparations.of(job.uid)[1]
    assert not found.ok
    assert found.message == 'unknown field "spec.imagee"'


@pytest.mark.parametrize("error", [ServerError(503), Uncertain("timeout"), TooManyRequests(429)])
async def test_server_trouble_says_nothing_about_a_version(
    api: FakeApi, engine: Engine, job: JobView, error: Exception
):
    api.fail("POST", "/pods", error)
    assert isinstance(await engine.executor.execute(job, preparation()), Failed)
    assert not engine.preparations.of(job.uid)


async def test_a_config_map_of_other_contents_refuses_the_version(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, preparation())
    await engine.executor.execute(job, preparation(data={"config.yaml": "a: 2\n"}))
    assert not engine.preparations.of(job.uid)[1].ok


async def test_a_config_map_that_another_release_has_spelled_otherwise_is_the_versions_own(
    api: FakeApi, engine: Engine, job: JobView
):
    one, other = '{"a": [1, 2], "b": "x"}\n', '{\n  "b": "x",\n  "a": [\n    1,\n    2\n  ]\n}\n'
    await engine.executor.execute(job, preparation(data={"config.yaml": one}))
    assert await engine.executor.execute(job, preparation(data={"config.yaml": other})) == Done()
    assert engine.preparations.of(job.uid)[1].ok
    true = preparation(data={"config.yaml": one.replace("1", "true")})
    assert await engine.executor.execute(job, true) == Done()
    assert not engine.preparations.of(job.uid)[1].ok
