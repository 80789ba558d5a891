"""Programs are known by id and start time together, and nothing else is ever ended."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wavelab.errors import WavelabError
from wavelab.process import (
    INSTANCE_VARIABLE,
    Identity,
    Processes,
    carriers,
    end,
    identify,
    is_alive,
    wait_gone,
)
from wavelab.tests.conftest import Wait


def test_another_process_under_a_recorded_id_is_not_ended() -> None:
    with subprocess.Popen(["sleep", "600"]) as bystander:
        mine = identify(bystander.pid)
        assert mine is not None
        predecessor = Identity(mine.pid, mine.start - 1)
        assert not is_alive(predecessor)
        end([predecessor])
        assert is_alive(mine)
        bystander.kill()


def test_a_started_program_is_recorded_and_ends_on_request(tmp_path: Path, wait: Wait) -> None:
    processes = Processes(tmp_path, "instance-a")
    identity = processes.start("sleeper", ["/bin/sh", "-c", "echo awake; exec sleep 600"])
    assert processes.alive("sleeper")
    assert processes.names() == ["sleeper"]
    wait("it speaks", lambda: processes.last_words("sleeper") == "awake")
    # An orphan in a session of its own: no terminal and no starter takes it along.
    assert os.getsid(identity.pid) == identity.pid != os.getsid(0)
    wait("it speaks", lambda: processes.last_words("sleeper"))
    processes.stop("sleeper", grace=5)
    assert not is_alive(identity)
    assert processes.names() == []


def test_a_program_whose_record_is_lost_is_found_by_its_environment(tmp_path: Path) -> None:
    processes = Processes(tmp_path, "instance-b")
    identity = processes.start("sleeper", ["/bin/sleep", "600"])
    (tmp_path / "run" / "sleeper.json").unlink()
    assert identity in carriers("instance-b")
    assert identity not in carriers("instance")
    processes.stop_all()
    assert wait_gone([identity], 0) == []


def test_a_program_that_was_started_is_no_launcher_any_more(tmp_path: Path) -> None:
    processes = Processes(tmp_path, "instance-e")
    # Often: the moment in which the kernel shows neither is short.
    for _ in range(20):
        identity = processes.start("sleeper", ["/bin/sleep", "600"])
        process = Path(f"/proc/{identity.pid}")
        assert (process / "cmdline").read_bytes() == b"/bin/sleep\x00600\x00"
        assert f"{INSTANCE_VARIABLE}=instance-e".encode() in (process / "environ").read_bytes()
        processes.stop("sleeper")


def test_our_own_process_never_counts_as_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INSTANCE_VARIABLE, "instance-c")
    assert all(found.pid != os.getpid() for found in carriers("instance-c"))


def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    processes = Processes(tmp_path, "instance-d")
    identity = processes.start("missing", ["/nonexistent/program"])
    assert wait_gone([identity], 10) == []
    assert "No such file" in processes.last_words("missing")


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(["true"])
    identity = identify(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identify(child.pid) is None
    assert identity is None or not is_alive(identity)
    child.wait()


def test_ending_nothing_is_fine() -> None:
    try:
        end([])
    except WavelabError as error:  # pragma: no cover
        pytest.fail(str(error))
