"""Starts long-lived programs and ends exactly those, however their starter died.

A program is known by its process id and its start time together: the kernel reuses ids, never the
pair. The pair is written down by the child itself before it becomes the program, so there is no
moment at which a program runs unrecorded. Every program also carries the cluster's instance id in
its environment, which finds the children it started itself (containerd's shims, for one).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wavelab.errors import WavelabError

INSTANCE_VARIABLE = "WAVELAB_INSTANCE"

# Runs in an interpreter of its own: forking a test process that has threads is not safe. The
# program ends up as an orphan, so nobody has to reap it and no terminal signal reaches it.
_LAUNCHER = """
import json, os, sys
record, log, program = sys.argv[1], sys.argv[2], sys.argv[3:]
if os.fork():
    os._exit(0)
os.setsid()
with open("/proc/self/stat") as stat:
    start = int(stat.read().rsplit(")", 1)[1].split()[19])
with open(record + ".new", "w") as out:
    json.dump({"pid": os.getpid(), "start": start}, out)
os.rename(record + ".new", record)
null = os.open("/dev/null", os.O_RDONLY)
out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
os.dup2(null, 0); os.dup2(out, 1); os.dup2(out, 2)
os.closerange(3, 256)
os.execv(program[0], program)
"""


@dataclass(frozen=True)
class Identity:
    """One process for ever: id, and start time in clock ticks since boot (0: never seen)."""

    pid: int
    start: int


def identify(pid: int) -> Identity | None:
    """The live process with this id; None when there is none or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in ("Z", "X") else Identity(pid, int(fields[19]))


def is_alive(identity: Identity) -> bool:
    """Whether exactly this process still runs; another one under its id does not count."""
    return identify(identity.pid) == identity


def end(identities: Iterable[Identity], *, grace: float = 0.0) -> None:
    """End these processes and wait until they are gone.

    SIGTERM and `grace` seconds first when grace > 0, then SIGKILL. The signal goes through a
    process file descriptor taken before the identity is checked, so it cannot hit a successor.
    Raises WavelabError when one survives SIGKILL for 10 s.
    """
    targets = list(identities)
    if grace > 0:
        for target in targets:
            _signal(target, signal.SIGTERM)
        wait_gone(targets, grace)
    for target in targets:
        _signal(target, signal.SIGKILL)
    if left := wait_gone(targets, 10.0):
        raise WavelabError(f"processes {[target.pid for target in left]} do not end")


def _signal(target: Identity, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(target.pid)
        try:
            if is_alive(target):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def wait_gone(targets: Sequence[Identity], seconds: float) -> list[Identity]:
    """Wait up to `seconds` for all to end; returns those still alive."""
    deadline = time.monotonic() + seconds
    while True:
        left = [target for target in targets if is_alive(target)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def _is_launcher(identity: Identity) -> bool:
    """Whether a recorded process has yet to become its program.

    While it does, the kernel shows neither arguments nor environment, so it can't be found by them.
    """
    if not is_alive(identity):
        return False
    with suppress(OSError):
        process = Path(f"/proc/{identity.pid}")
        command = (process / "cmdline").read_bytes()
        return not (process / "environ").read_bytes() or _LAUNCHER.encode() in command
    return False


def carriers(instance: str) -> list[Identity]:
    """Every live process whose environment carries this cluster's instance id, but not our own."""
    marker = f"{INSTANCE_VARIABLE}={instance}".encode()
    found: list[Identity] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        # Taken before the environment is read: were the id reused in between, the pair is stale.
        identity = identify(int(entry.name))
        with suppress(OSError):
            if identity and marker in (entry / "environ").read_bytes().split(b"\0"):
                found.append(identity)
    return found


class Processes:
    """The programs of one cluster: records in `run/`, output in `logs/` of its state directory."""

    def __init__(self, state_dir: Path, instance: str) -> None:
        self._records = state_dir / "run"
        self._logs = state_dir / "logs"
        self._instance = instance

    def start(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> Identity:
        """Start `command` as the program `name`; returns once it is recorded and running."""
        self._records.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        record = self._records / f"{name}.json"
        record.unlink(missing_ok=True)
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(record), str(self.log(name))]
        subprocess.run(
            [*launcher, *command],
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {}), INSTANCE_VARIABLE: self._instance},
            cwd="/",
        )
        deadline = time.monotonic() + 10
        while (identity := self.identity(name)) is None or _is_launcher(identity):
            if time.monotonic() > deadline:
                raise WavelabError(f"{name} could not be started: {self.last_words(name)}")
            time.sleep(0.005)
        return identity

    def identity(self, name: str) -> Identity | None:
        """The recorded identity of program `name`, alive or not; None when never started."""
        try:
            record = json.loads((self._records / f"{name}.json").read_text())
            return Identity(int(record["pid"]), int(record["start"]))
        except (OSError, ValueError, KeyError):
            return None

    def alive(self, name: str) -> bool:
        """Whether program `name` is running."""
        identity = self.identity(name)
        return identity is not None and is_alive(identity)

    def names(self) -> list[str]:
        """Every program that was started and not forgotten, running or not."""
        return sorted(path.stem for path in self._records.glob("*.json"))

    def running(self) -> list[str]:
        """Every program that was started and runs."""
        return [name for name in self.names() if self.alive(name)]

    def stop(self, name: str, *, grace: float = 0.0) -> None:
        """End program `name` if it runs, and forget it."""
        if identity := self.identity(name):
            end([identity], grace=grace)
        (self._records / f"{name}.json").unlink(missing_ok=True)

    def stop_all(self) -> None:
        """End every recorded program and everything that carries the cluster's instance id."""
        recorded = [identity for name in self.names() if (identity := self.identity(name))]
        end(recorded)
        # Twice: a process found in the first round may have been starting another one.
        for _ in range(2):
            end(carriers(self._instance))

    def log(self, name: str) -> Path:
        """The file that holds what program `name` printed."""
        return self._logs / f"{name}.log"

    def last_words(self, name: str, lines: int = 12) -> str:
        """The last lines a program printed, for an error message."""
        try:
            text = self.log(name).read_text(errors="replace")
        except OSError:
            return "(no output)"
        return "\n".join(text.splitlines()[-lines:]) or "(no output)"
