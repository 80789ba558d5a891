"""The state file: written whole, read after any crash; names and locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from wavelab import locks
from wavelab import state as states
from wavelab.errors import RefusedError
from wavelab.state import State


def test_a_saved_state_comes_back(state_root: Path) -> None:
    state = State("a", network="10.78", api_port=6443, nodes={"node-1": 1}, bridges=["wl0n"])
    state.save()
    assert states.load("a") == state
    assert state.directory == state_root / "a"
    # Taken off by hand: the fixture would take these bridges down.
    (state_root / "a" / "state.json").unlink()


def test_no_directory_is_no_cluster(state_root: Path) -> None:
    assert states.load("a") is None
    assert states.all_states() == []
    assert not list(state_root.iterdir())


@pytest.mark.parametrize("content", [None, "", '{"name": "a"', '{"phase": "running"}', "[]"])
def test_a_crash_before_the_first_whole_state_reads_as_starting(
    state_root: Path, content: str | None
) -> None:
    (state_root / "a").mkdir()
    if content is not None:
        (state_root / "a" / "state.json").write_text(content)
    found = states.load("a")
    assert found is not None
    assert (found.name, found.phase, found.bridges) == ("a", states.STARTING, [])


def test_a_field_of_another_version_is_ignored(state_root: Path) -> None:
    (state_root / "a").mkdir()
    (state_root / "a" / "state.json").write_text('{"name": "a", "of_tomorrow": 1, "api_port": 7}')
    found = states.load("a")
    assert found is not None
    assert found.api_port == 7


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a/b", "..", "a" * 21, ".a"])
def test_names_that_could_leave_the_directory_are_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="cannot name a cluster"):
        states.check_name(name)


def test_a_held_lock_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        locks.exclusive(path),
        pytest.raises(RefusedError, match="busy"),
        locks.exclusive(path, busy="busy"),
    ):
        pass
    with locks.exclusive(path, busy="busy"):
        pass
