"""A registry for real nodes, on a link of its own that can be made as slow as a site's.

It runs in a network namespace whose only device is plugged into the bridge of nodes and API server,
so that it is reached from this machine alone, at a port that nobody else has, and its link can be
limited without slowing down anything else. Namespace and device end with the process.
"""

from __future__ import annotations

import json
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from wavelab import binaries, network
from wavelab.errors import RefusedError, WavelabError
from wavelab.process import Processes
from wavelab.state import State

HOST = "registry.wavegate.local"
"""By this name nodes pull from it: `registry.wavegate.local/busybox:1.36`."""

READY_SECONDS = 30.0
_NAME = "registry"
_PORT = 5000
_DEVICE = "eth0"
# Nothing of this machine's settings may stand between it and its own bridge.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def hosts_directory(state: State) -> Path:
    """Where containerd looks up how registries are reached, at every pull; may not exist."""
    return state.directory / _NAME / "hosts"


class Registry:
    """The one of a cluster with real nodes. It ends with the cluster."""

    def __init__(self, state: State, processes: Processes) -> None:
        self._state = state
        self._processes = processes
        self._directory = state.directory / _NAME
        self._address = f"http://{state.address(2)}:{_PORT}"

    def start(self) -> None:
        """Start it and tell the nodes of it; a running one is fine."""
        if not self._state.nodes:
            raise RefusedError(f"cluster {self._state.name} has no real nodes to pull images")
        if self._processes.alive(_NAME) and self._answers():
            return
        self._processes.stop(_NAME)
        hosts = hosts_directory(self._state) / HOST / "hosts.toml"
        hosts.parent.mkdir(parents=True, exist_ok=True)
        hosts.write_text(f'[host."{self._address}"]\n  capabilities = ["pull", "resolve"]\n')
        config = self._directory / "config.json"
        config.write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "log": {"level": "warn", "accesslog": {"disabled": True}},
                    "storage": {"filesystem": {"rootdirectory": str(self._directory / "data")}},
                    "http": {"addr": f":{_PORT}"},
                }
            )
        )
        program = [str(binaries.path_of(_NAME)), "serve", str(config)]
        self._processes.start(_NAME, ["/usr/bin/unshare", "--net", *program])
        self._wait("has a network of its own", self._is_apart)
        instance = self._state.instance
        network.plug_in(
            self._pid,
            device=_DEVICE,
            address=f"{self._state.address(2)}/24",
            plug=network.bridge_name(instance, "r"),
            bridge=network.bridge_name(instance, "n"),
        )
        self._wait("answers", self._answers)

    def push(self, tar: Path) -> str:
        """Upload an OCI layout tar; returns the name by which nodes pull it."""
        with tarfile.open(tar) as layout:

            def blob(digest: str) -> bytes:
                return _read(layout, "blobs/sha256/" + digest.removeprefix("sha256:"))

            (entry,) = json.loads(_read(layout, "index.json"))["manifests"]
            name = entry["annotations"]["io.containerd.image.name"].partition("/")[2]
            repository, _, tag = name.rpartition(":")
            manifest = blob(entry["digest"])
            parts = json.loads(manifest)
            for digest in (part["digest"] for part in (parts["config"], *parts["layers"])):
                begun = self._request("POST", f"/v2/{repository}/blobs/uploads/")
                place = begun["Location"]
                separator = "&" if "?" in place else "?"
                self._request("PUT", f"{place}{separator}digest={digest}", blob(digest))
            path = f"/v2/{repository}/manifests/{tag}"
            self._request("PUT", path, manifest, entry["mediaType"])
        return f"{HOST}/{name}"

    def limit(self, rate: str) -> None:
        """Let its link carry `rate` at most, as tc has it: `80mbit`."""
        network.limit(self._pid, device=_DEVICE, rate=rate)

    @property
    def _pid(self) -> int:
        identity = self._processes.identity(_NAME)
        if identity is None:
            raise RefusedError(f"cluster {self._state.name} has no registry: push an image to it")
        return identity.pid

    def _is_apart(self) -> bool:
        ours, its = (Path(f"/proc/{who}/ns/net").readlink() for who in ("self", self._pid))
        return ours != its

    def _answers(self) -> bool:
        try:
            self._request("GET", "/v2/")
        except WavelabError:
            return False
        return True

    def _request(
        self, method: str, path: str, body: bytes | None = None, content: str = ""
    ) -> dict[str, str]:
        """The headers of the answer. ``path`` may be a whole address."""
        url = path if "://" in path else self._address + path
        kind = content or "application/octet-stream"
        data = b"" if body is None and method == "POST" else body
        request = urllib.request.Request(
            url, data=data, method=method, headers={"Content-Type": kind}
        )
        try:
            with _OPENER.open(request, timeout=60) as answer:
                return dict(answer.headers)
        except (urllib.error.URLError, OSError) as error:
            raise WavelabError(f"registry: {method} {url}: {error}") from error

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not (self._processes.alive(_NAME) and done()):
            if time.monotonic() > deadline or not self._processes.alive(_NAME):
                words = self._processes.last_words(_NAME)
                raise WavelabError(f"never came true: the registry {what}: {words}")
            time.sleep(0.02)


def _read(layout: tarfile.TarFile, path: str) -> bytes:
    member = layout.extractfile(path)
    if member is None:
        raise WavelabError(f"no OCI layout: {path} is missing")
    return member.read()
