"""Where the API server is and how to prove who we are.

Both clients of the process, ours and kopf's, take their address, CA and credentials from here, so
that there is one answer to "which cluster is this". The `kubernetes` package reads kubeconfig and
in-cluster files; this module adds what it leaves out: tokens that are read again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import InClusterConfigLoader
from kubernetes.aio.config.kube_config import load_kube_config

from wavegate.kube import guard

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, the CA and its namespace."""

TOKEN_MAX_AGE: Final = 60.0
"""Seconds after which a token file is read again: kubelets replace it well before it expires."""

_CONNECTIONS: Final = 200


class AccessError(Exception):
    """The cluster's address or credentials cannot be found or read; says which and why."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What another client needs, named as the fields of ``kopf.ConnectionInfo``."""

    server: str
    ca_path: str | None
    insecure: bool
    scheme: str | None
    token: str | None
    certificate_path: str | None
    private_key_path: str | None
    proxy_url: str | None
    default_namespace: str


@dataclass(frozen=True, slots=True)
class _Loaded:
    configuration: Configuration
    namespace: str
    rereads: bool
    """True where the token comes from a file that something else keeps fresh."""


class Access:
    """A way into one cluster. ``namespace`` is the context's, or the service account's."""

    def __init__(
        self,
        loaded: _Loaded,
        load: Callable[[], Awaitable[_Loaded]],
        clock: Callable[[], float],
    ) -> None:
        self.namespace = loaded.namespace
        self._load = load
        self._clock = clock
        self._reading = asyncio.Lock()
        self._take(loaded)

    @classmethod
    async def from_kubeconfig(
        cls,
        path: str | None,
        context: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Access:
        """From a kubeconfig; ``path`` None means ``~/.kube/config``, and may list several with
        ``:``. ``context`` None means the current one. Raises AccessError."""
        files = path or str(Path.home() / ".kube" / "config")

        async def load() -> _Loaded:
            return await _load_kubeconfig(files, context)

        return cls(await load(), load, clock)

    @classmethod
    async def in_cluster(
        cls,
        directory: Path | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Access:
        """From the files and variables that every pod has. Raises AccessError outside a pod."""
        account = SERVICE_ACCOUNT if directory is None else directory

        async def load() -> _Loaded:
            return _load_in_cluster(account, os.environ if environ is None else environ)

        return cls(await load(), load, clock)

    @property
    def server(self) -> str:
        """The API server's address, without a slash at its end."""
        return str(self._configuration.host).rstrip("/")

    def client(self) -> ApiClient:
        """A new client; the caller closes it. Proxy variables of the environment are ignored."""
        return ApiClient(self._configuration)

    async def headers(self) -> dict[str, str]:
        """The Authorization header (the package's client adds none by itself); empty where a
        client certificate speaks for us. Reads a token file again when it is old."""
        if self._rereads and self._clock() - self._read_at > TOKEN_MAX_AGE:
            await self._read_again()
        return {"Authorization": self._authorization} if self._authorization else {}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 to these ``headers``: True if there are others to try.

        Many requests may be refused at once; the credentials are then read once for all of them.
        """
        async with self._reading:
            if await self.headers() == refused:
                await self._read_again()
            return await self.headers() != refused

    async def connection(self) -> Connection:
        """Address and credentials for a client that is not ours; the token is the present one."""
        headers = await self.headers()
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        configuration = self._configuration
        return Connection(
            server=self.server,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            scheme=scheme or None,
            token=token or None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            proxy_url=configuration.proxy,
            default_namespace=self.namespace,
        )

    async def _read_again(self) -> None:
        """Where they cannot be read just now, the credentials we have are kept."""
        try:
            self._take(await self._load())
        except AccessError:
            self._read_at = self._clock()

    def _take(self, loaded: _Loaded) -> None:
        self._configuration = loaded.configuration
        self._rereads = loaded.rereads
        self._authorization = _authorization(loaded.configuration)
        self._read_at = self._clock()


async def load_access(kubeconfig: str | None = None, context: str | None = None) -> Access:
    """The first of: an explicit kubeconfig, ``KUBECONFIG``, in-cluster, ``~/.kube/config``.

    A context without an explicit file means a kubeconfig. Raises AccessError.
    """
    if path := kubeconfig or os.environ.get("KUBECONFIG"):
        return await Access.from_kubeconfig(path, context)
    if context is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return await Access.in_cluster()
    return await Access.from_kubeconfig(None, context)


def _authorization(configuration: Configuration) -> str:
    value = str(configuration.api_key.get("BearerToken") or "")
    scheme, _, secret = value.partition(" ")
    secret = secret.strip()
    return f"{scheme.capitalize()} {secret}" if secret else ""


def _new_configuration() -> Configuration:
    return Configuration(
        client_session_kwargs={"trust_env": False, "middlewares": (guard.middleware,)},
        connection_pool_maxsize=_CONNECTIONS,
    )


async def _load_kubeconfig(files: str, context: str | None) -> _Loaded:
    configuration = _new_configuration()
    try:
        loader = await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=files,
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except (ConfigException, OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise AccessError(f"cannot use kubeconfig {files}: {error}") from error
    found: Mapping[str, Any] = loader.current_context.get("context") or {}
    user: Mapping[str, Any] = (loader._user.value if loader._user else None) or {}
    return _Loaded(configuration, str(found.get("namespace") or "default"), "tokenFile" in user)


def _load_in_cluster(directory: Path, environ: Mapping[str, str]) -> _Loaded:
    configuration = _new_configuration()
    loader = InClusterConfigLoader(  # type: ignore[no-untyped-call]
        token_filename=str(directory / "token"),
        cert_filename=str(directory / "ca.crt"),
        try_refresh_token=False,
        environ=environ,
    )
    try:
        loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
        namespace = (directory / "namespace").read_text().strip()
    except (ConfigException, OSError) as error:
        raise AccessError(f"cannot use the service account in {directory}: {error}") from error
    return _Loaded(configuration, namespace or "default", rereads=True)
