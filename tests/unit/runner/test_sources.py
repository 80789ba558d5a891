"""What a call needs of other objects, as it is read."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest

from support.runs_world import job, run
from wavegate.api.jobrun import PayloadSource
from wavegate.engine.client import Client
from wavegate.kube.errors import ApiError, NotFound
from wavegate.kube.resources import Resource
from wavegate.runner.sources import MAX_REPLAYS, Needs, Sources, Unreadable
from wavegate.runs.observed import RunView

ASKED = {
    "url": "http://echo.example/",
    "headers": [
        {"name": "X-Plain", "value": "plain"},
        {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
    ],
    "signing": {"secretRefs": [{"name": "keys", "key": "sign"}]},
}


class Objects:
    """Objects by kind and name; reads of them are counted."""

    def __init__(self, **kinds: dict[str, Any]) -> None:
        self.kinds = kinds
        self.reads: list[str] = []
        self.trouble: ApiError | None = None

    async def get(self, resource: Resource, namespace: str, name: str) -> Any:
        self.reads.append(f"{resource.kind} {namespace}/{name}")
        if self.trouble is not None:
            raise self.trouble
        try:
            return self.kinds[resource.kind][name]
        except KeyError:
            raise NotFound(404, "NotFound", f"{resource.kind} {name}") from None


def secret(**values: str) -> dict[str, Any]:
    return {"data": {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}}


async def needs(objects: Objects, of: RunView, *, allowed: bool = True, **http: Any) -> Needs:
    spec = job(http={"url": "http://echo.example/", **http}).spec
    assert spec is not None
    sources = Sources(cast("Client", objects), read_secrets=allowed)
    return await sources.needs(of, spec.http, {"type": "object"})


def from_key(kind: str, name: str = "given", key: str = "body") -> PayloadSource:
    return PayloadSource.model_validate({f"{kind}KeyRef": {"name": name, "key": key}})


async def test_headers_and_signing_keys_come_without_the_line_end_of_their_file() -> None:
    objects = Objects(Secret={"keys": secret(token="Bearer t\n", sign=" whsec_c2lnbg== \n")})
    found = await needs(objects, run(), **ASKED)
    assert found.headers == {"X-Plain": "plain", "Authorization": "Bearer t"}
    assert found.signing == ("whsec_c2lnbg==",)
    assert set(found.secrets) == {"Bearer t", "whsec_c2lnbg=="}
    assert "t\n" not in repr(found)
    assert "Bearer" not in repr(found)


async def test_a_payload_is_sent_as_it_is_kept() -> None:
    body = ' {"id": 1}\n\n'
    of = run(payload=None, payload_from=from_key("secret"))
    found = await needs(Objects(Secret={"given": secret(body=body)}), of)
    assert (found.payload, found.secrets) == (body, (body,))
    of = run(payload=None, payload_from=from_key("configMap"))
    found = await needs(Objects(ConfigMap={"given": {"data": {"body": body}}}), of)
    assert (found.payload, found.secrets) == (body, ())


async def test_a_run_without_a_payload_sends_an_empty_object() -> None:
    assert (await needs(Objects(), run(payload=None))).payload == "{}"


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        pytest.param(Objects(Secret={}), "Secret given is not there", id="missing"),
        pytest.param(
            Objects(Secret={"given": secret(other="{}")}),
            "Secret given has no key body",
            id="no such key",
        ),
        pytest.param(
            Objects(Secret={"given": {"data": {"body": "gf8="}}}),
            "Secret given: key body is no text",
            id="no text",
        ),
        pytest.param(
            Objects(Secret={"given": secret(body="[]")}),
            "the payload: must be of type object",
            id="against the schema",
        ),
    ],
)
async def test_what_cannot_be_had_is_told_and_is_final(objects: Objects, words: str) -> None:
    with pytest.raises(Unreadable) as caught:
        await needs(objects, run(payload=None, payload_from=from_key("secret")))
    assert (str(caught.value), caught.value.may_pass) == (words, False)


async def test_secrets_are_not_read_where_that_is_not_allowed() -> None:
    objects = Objects(Secret={"keys": secret(token="t", sign="whsec_c2lnbg==")})
    with pytest.raises(Unreadable, match="Secret keys: this operator reads no Secrets"):
        await needs(objects, run(), allowed=False, **ASKED)
    assert objects.reads == []


async def test_where_the_server_is_in_trouble_another_attempt_may_have_it() -> None:
    objects = Objects(ConfigMap={})
    objects.trouble = ApiError(503, "ServiceUnavailable", "away")
    with pytest.raises(Unreadable) as caught:
        await needs(objects, run(payload=None, payload_from=from_key("configMap")))
    assert caught.value.may_pass
    assert str(caught.value) == "ConfigMap given: ServiceUnavailable"


def replays(number: int, last: dict[str, Any]) -> Objects:
    """As many runs, each a replay of the one before, down to one with this spec."""
    runs: dict[str, Any] = {
        f"r{each}": {"spec": {"jobName": "app", "replayOf": f"r{each - 1}"}}
        for each in range(1, number)
    }
    return Objects(JobRun={"r0": {"spec": {"jobName": "app", **last}}, **runs})


async def test_a_replay_sends_what_the_first_run_sent() -> None:
    objects = replays(MAX_REPLAYS, {"payload": '{"id": 7}'})
    of = run(payload=None, replay_of=f"r{MAX_REPLAYS - 1}")
    assert (await needs(objects, of)).payload == '{"id": 7}'
    assert len(objects.reads) == MAX_REPLAYS


async def test_replays_of_replays_have_an_end() -> None:
    objects = replays(MAX_REPLAYS + 1, {"payload": "{}"})
    with pytest.raises(Unreadable, match=f"more than {MAX_REPLAYS} replays"):
        await needs(objects, run(payload=None, replay_of=f"r{MAX_REPLAYS}"))


@pytest.mark.parametrize("of", [{"jobName": "other"}, {"jobKind": "FleetJob"}])
async def test_a_run_of_another_job_is_not_replayed(of: dict[str, str]) -> None:
    objects = replays(1, {**of, "payload": "{}"})
    with pytest.raises(Unreadable, match="run r0 is of another job"):
        await needs(objects, run(payload=None, replay_of="r0"))
