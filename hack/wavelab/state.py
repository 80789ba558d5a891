"""What is written down about a cluster, so that any later command can use it or clean it up.

Everything that `down` has to undo stands in `state.json` before it is done.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from wavelab.errors import RefusedError
from wavelab.locks import exclusive

# Starting and changing end as running; a state file that says otherwise while nobody holds the
# cluster's lock is what a crash left behind.
STARTING, RUNNING, CHANGING, STOPPING = "starting", "running", "changing", "stopping"

# High enough that tests and demonstrations do not wait for a controller's own limits.
CLIENT_RATE = 500

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?")


def state_root() -> Path:
    """The directory of all clusters: $WAVELAB_STATE, else a fixed place for root or the user."""
    if given := os.environ.get("WAVELAB_STATE"):
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/tmp/wavelab")
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(base) / "wavelab"


def check_name(name: str) -> str:
    """Return `name` if it can name a cluster: 1 to 20 of a-z, 0-9 and inner hyphens."""
    if not NAME.fullmatch(name):
        raise RefusedError(
            f"{name!r} cannot name a cluster: use up to 20 of a-z, 0-9 and inner hyphens"
        )
    return name


@dataclass
class State:
    """One cluster on disk. Addresses are IPv4 text, ports numbers, device names as `ip` has them"""

    name: str
    phase: str = STARTING
    instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    # First two numbers of the /16 that belongs to this cluster, e.g. "10.78".
    network: str = ""
    api_address: str = "127.0.0.1"
    api_port: int = 0
    etcd_client_port: int = 0
    etcd_peer_port: int = 0
    audit: bool = True
    # Requests a second that controllers and scheduler may send; 0: their own limits, as shipped.
    client_rate: int = CLIENT_RATE
    # Real nodes by name with the index that gives their addresses.
    nodes: dict[str, int] = field(default_factory=dict)
    stopped_kubelets: list[str] = field(default_factory=list)
    # Left behind on the machine and to be undone: bridges, kernel settings as they were before,
    # firewall chains, directories created outside the state directory.
    bridges: list[str] = field(default_factory=list)
    kernel_settings: dict[str, str] = field(default_factory=dict)
    firewall: bool = False
    made_directories: list[str] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        """The cluster's own directory: programs' data, logs, credentials."""
        return state_root() / self.name

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.api_address}:{self.api_port}"

    def address(self, host: int) -> str:
        """An address on the bridge that nodes and API server share."""
        return f"{self.network}.0.{host}"

    def save(self) -> None:
        """Write the state so that a reader sees the old or the new one, never half of it."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self.directory / "state.json"
        temporary = target.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self), indent=1) + "\n")
        temporary.rename(target)


def load(name: str) -> State | None:
    """The cluster's state; None when there is no cluster of that name.

    A directory without a readable state file is the trace of a crash before the first write: it
    comes back as a STARTING state that has nothing to undo but the directory.
    """
    directory = state_root() / check_name(name)
    if not directory.is_dir():
        return None
    known = {item.name for item in fields(State)}
    try:
        raw = json.loads((directory / "state.json").read_text())
        return State(**{key: value for key, value in raw.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return State(name=name)


def all_states() -> list[State]:
    """Every cluster of this user on this machine, by name."""
    root = state_root()
    names = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    return [state for name in names if NAME.fullmatch(name) and (state := load(name))]


@contextmanager
def cluster_lock(name: str, *, busy: str | None = None) -> Iterator[None]:
    """Held by whoever changes the cluster; lies beside its directory, which `down` removes.

    With `busy`, RefusedError with that text where somebody else holds it, instead of waiting.
    """
    with exclusive(state_root() / f".{check_name(name)}.lock", busy=busy):
        yield


@contextmanager
def machine_lock() -> Iterator[None]:
    """Held while ports, networks and the right to real nodes are given out."""
    with exclusive(state_root() / ".machine.lock"):
        yield
