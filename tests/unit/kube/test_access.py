from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml

from wavegate.kube import access as access_module
from wavegate.kube.access import TOKEN_MAX_AGE, Access, AccessError, load_access

ENVIRON = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    for name, content in (("token", "t1"), ("ca.crt", "pem"), ("namespace", "ops\n")):
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture
def clock() -> Clock:
    return Clock()


def kubeconfig(directory: Path, user: dict[str, Any], **context: Any) -> str:
    document = {
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", **context}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": user}],
    }
    path = directory / "config"
    path.write_text(yaml.safe_dump(document))
    return str(path)


async def test_in_a_pod(service_account: Path) -> None:
    access = await Access.in_cluster(service_account, ENVIRON)
    assert access.server == "https://[fd00::1]:443"
    assert access.namespace == "ops"
    assert await access.headers() == {"Authorization": "Bearer t1"}


async def test_outside_a_pod_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="service account"):
        await Access.in_cluster(tmp_path, ENVIRON)


async def test_a_token_file_is_read_again_when_it_is_old(
    service_account: Path, clock: Clock
) -> None:
    access = await Access.in_cluster(service_account, ENVIRON, clock)
    (service_account / "token").write_text("t2\n")
    clock.now = TOKEN_MAX_AGE
    assert await access.headers() == {"Authorization": "Bearer t1"}
    clock.now += 1
    assert await access.headers() == {"Authorization": "Bearer t2"}


async def test_a_token_file_that_is_away_for_a_moment_does_no_harm(
    service_account: Path, clock: Clock
) -> None:
    access = await Access.in_cluster(service_account, ENVIRON, clock)
    (service_account / "token").unlink()
    clock.now = TOKEN_MAX_AGE + 1
    assert await access.headers() == {"Authorization": "Bearer t1"}


async def test_after_a_401_the_credentials_are_read_once_for_all(service_account: Path) -> None:
    access = await Access.in_cluster(service_account, ENVIRON)
    refused = await access.headers()
    assert not await access.renew(refused), "the same again is no use"
    (service_account / "token").write_text("t2")
    assert await access.renew(refused)
    (service_account / "token").write_text("t3")
    assert await access.renew(refused), "another request that was refused with the old one"
    assert await access.headers() == {"Authorization": "Bearer t2"}, "read once for both"


async def test_a_kubeconfig_with_a_token(tmp_path: Path) -> None:
    access = await Access.from_kubeconfig(kubeconfig(tmp_path, {"token": "abc"}, namespace="shop"))
    assert (access.server, access.namespace) == ("http://127.0.0.1:1", "shop")
    assert await access.headers() == {"Authorization": "Bearer abc"}


async def test_a_kubeconfigs_token_file_is_read_again(tmp_path: Path, clock: Clock) -> None:
    token = tmp_path / "token"
    token.write_text("t1\n")
    path = kubeconfig(tmp_path, {"tokenFile": str(token)})
    access = await Access.from_kubeconfig(path, clock=clock)
    assert await access.headers() == {"Authorization": "Bearer t1"}
    assert access.namespace == "default"
    token.write_text("t2\n")
    clock.now = TOKEN_MAX_AGE + 1
    assert await access.headers() == {"Authorization": "Bearer t2"}


async def test_name_and_password(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"username": "ann", "password": "x"})
    expected = base64.b64encode(b"ann:x").decode()
    access = await Access.from_kubeconfig(path)
    assert await access.headers() == {"Authorization": f"Basic {expected}"}


async def test_a_client_certificate_needs_no_header(tmp_path: Path) -> None:
    access = await Access.from_kubeconfig(kubeconfig(tmp_path, {}))
    assert await access.headers() == {}


@pytest.mark.parametrize("content", ["", "a: [", "contexts: 7"])
async def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken"
    path.write_text(content)
    with pytest.raises(AccessError, match="broken"):
        await Access.from_kubeconfig(str(path))


async def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="nowhere"):
        await Access.from_kubeconfig(kubeconfig(tmp_path, {"token": "abc"}), "nowhere")


async def test_kopf_is_given_the_same(tmp_path: Path) -> None:
    access = await Access.from_kubeconfig(kubeconfig(tmp_path, {"token": "abc"}, namespace="shop"))
    info = kopf.ConnectionInfo(**dataclasses.asdict(await access.connection()))
    assert info.as_http_headers() == {"Authorization": "Bearer abc"}
    assert (info.server, info.default_namespace) == ("http://127.0.0.1:1", "shop")
    assert not info.insecure


async def test_which_cluster(
    tmp_path: Path, service_account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(access_module, "SERVICE_ACCOUNT", service_account)
    for place, token in ((tmp_path / ".kube", "home"), (tmp_path / "env", "env")):
        place.mkdir()
        kubeconfig(place, {"token": token})
    explicit = kubeconfig(tmp_path, {"token": "explicit"})

    async def bearer(**given: Any) -> str:
        return (await (await load_access(**given)).headers())["Authorization"]

    assert await bearer() == "Bearer home"
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    assert await bearer() == "Bearer t1"
    assert await bearer(context="main") == "Bearer home"
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "env" / "config"))
    assert await bearer() == "Bearer env"
    assert await bearer(kubeconfig=explicit) == "Bearer explicit"
