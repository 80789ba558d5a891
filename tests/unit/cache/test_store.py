from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.cache import store as store_module
from wavegate.cache.store import TOMBSTONE_SECONDS, Item, Store


@dataclass(frozen=True, slots=True)
class View:
    text: str
    resource_version: str = ""
    size: int = 0


@dataclass
class Watched:
    """A store, what it told, and its clock."""

    changes: list[tuple[str | None, str | None]] = field(default_factory=list)
    now: float = 0.0
    store: Store[View] = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self._changed, clock=lambda: self.now)

    def _changed(self, old: Item[View] | None, new: Item[View] | None) -> None:
        self.changes.append((old.view.text if old else None, new.view.text if new else None))

    def text(self, name: str = "a") -> str | None:
        view = self.store.get("shop", name)
        return view.text if view else None


def item(
    text: str,
    version: int,
    *,
    name: str = "a",
    uid: str = "u1",
    job: str = "feed",
    ns: str = "shop",
) -> Item[View]:
    return Item(ns, name, uid, version, job, View(text, str(version)))


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_the_newest_version_wins_however_it_comes(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.assume(item("three", 3))
    watched.store.apply("MODIFIED", item("two", 2))
    assert watched.text() == "three"
    assert watched.changes == [(None, "one"), ("one", "three")]


def test_versions_are_compared_as_numbers(watched: Watched) -> None:
    watched.store.apply("ADDED", item("nine", 9))
    watched.store.apply("MODIFIED", item("ten", 10))
    assert watched.text() == "ten"


def test_the_echo_of_an_own_write_is_not_told_again(watched: Watched) -> None:
    watched.store.assume(item("one", 1))
    watched.store.apply("ADDED", item("one", 1))
    assert watched.changes == [(None, "one")]


def test_a_new_version_of_the_same_view_is_kept_and_not_told(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.apply("MODIFIED", item("one", 2))
    assert watched.store.get("shop", "a") == View("one", "2")
    assert watched.store.of_job(("shop", "feed")) == [View("one", "2")]
    assert watched.changes == [(None, "one")]


@pytest.mark.parametrize("new", [View("two", "2"), View("one", "2", size=1)])
def test_a_change_of_any_field_is_told(watched: Watched, new: View) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.apply("MODIFIED", replace(item("one", 2), view=new))
    assert watched.changes == [(None, "one"), ("one", new.text)]


def test_nothing_brings_a_deleted_uid_back(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.delete("shop", "a", "u1")
    watched.store.apply("MODIFIED", item("late", 5))
    watched.store.assume(item("late", 6))
    watched.store.replace([item("late", 5)], 9)
    assert watched.text() is None
    assert watched.changes == [(None, "one"), ("one", None)]


def test_what_only_left_the_selection_comes_back_when_it_matches_again(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.apply("DELETED", item("without its label", 3))
    watched.store.assume(item("late", 2))
    watched.store.assume(item("its end", 3))
    assert watched.text() is None, "nothing older than its end"
    watched.store.apply("ADDED", item("with its label", 4))
    assert watched.text() == "with its label"
    watched.store.apply("DELETED", item("without its label", 3))
    assert watched.text() == "with its label", "that was told before"


def test_what_a_list_lacks_comes_back_only_by_what_is_newer_than_the_list(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.replace([], 5)
    watched.store.apply("ADDED", item("late", 5))
    assert watched.text() is None
    watched.store.apply("ADDED", item("back", 6))
    assert watched.text() == "back"


def test_what_is_certainly_gone_stays_gone_whatever_is_told_of_its_end(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.delete("shop", "a", "u1")
    watched.store.apply("DELETED", item("its end", 3))
    watched.store.apply("ADDED", item("late", 4))
    assert watched.text() is None


def test_a_delete_that_comes_before_the_object_counts(watched: Watched) -> None:
    watched.store.delete("shop", "a", "u1")
    watched.store.apply("ADDED", item("late", 5))
    assert watched.changes == []


def test_the_deletion_of_a_former_object_leaves_its_successor(watched: Watched) -> None:
    watched.store.apply("ADDED", item("old", 1))
    watched.store.assume(item("new", 5, uid="u2"))
    watched.store.apply("DELETED", item("old", 4))
    assert watched.text() == "new"


def test_a_successor_means_that_the_former_object_is_dead(watched: Watched) -> None:
    watched.store.apply("ADDED", item("old", 1))
    watched.store.assume(item("new", 5, uid="u2"))
    watched.store.apply("DELETED", item("new", 6, uid="u2"))
    watched.store.apply("MODIFIED", item("old", 7))
    assert watched.text() is None


def test_tombstones_go_after_a_time(watched: Watched) -> None:
    watched.store.delete("shop", "a", "u1")
    watched.now = TOMBSTONE_SECONDS + 1
    watched.store.delete("shop", "b", "u2")
    watched.store.assume(item("again", 9))
    assert watched.text() == "again"


def test_tombstones_are_bounded_in_number(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "TOMBSTONES", 2)
    for uid in ("u1", "u2", "u3"):
        watched.store.delete("shop", "a", uid)
    watched.store.assume(item("third", 1, uid="u3"))
    assert watched.text() is None
    watched.store.assume(item("first", 1, uid="u1"))
    assert watched.text() == "first"


def test_a_list_replaces(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.apply("ADDED", item("two", 2, name="b", uid="u2"))
    watched.store.replace([item("two again", 4, name="b", uid="u2")], 7)
    assert watched.text() is None
    assert watched.text("b") == "two again"
    watched.store.apply("MODIFIED", item("late", 5))
    assert watched.text() is None, "what vanished is dead"


def test_what_is_newer_than_a_list_is_not_deleted_by_it(watched: Watched) -> None:
    watched.store.assume(item("just made", 8))
    watched.store.replace([], 7)
    assert watched.text() == "just made"
    watched.store.replace([], 8)
    assert watched.text() is None


def test_an_older_list_does_not_turn_an_object_back(watched: Watched) -> None:
    watched.store.assume(item("new", 8))
    watched.store.replace([item("old", 3)], 7)
    assert watched.text() == "new"


def test_a_list_of_one_namespace_leaves_the_others(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.apply("ADDED", item("other", 2, uid="u2", ns="bank"))
    watched.store.replace([], 7, "shop")
    assert watched.text() is None
    assert watched.store.get("bank", "a") is not None


def test_what_is_discarded_may_come_back(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.discard("shop", "a")
    assert watched.text() is None
    watched.store.apply("MODIFIED", item("again", 2))
    assert watched.text() == "again"


def test_the_index_follows_the_object(watched: Watched) -> None:
    watched.store.apply("ADDED", item("one", 1))
    watched.store.apply("ADDED", item("two", 2, name="b", uid="u2"))
    watched.store.apply("MODIFIED", item("one", 3, job="other"))
    assert [view.text for view in watched.store.of_job(("shop", "feed"))] == ["two"]
    assert [view.text for view in watched.store.of_job(("shop", "other"))] == ["one"]
    assert watched.changes[-1] == ("one", "one"), "both jobs have to look"
    watched.store.delete("shop", "b", "u2")
    assert set(watched.store.job_keys()) == {("shop", "other")}


steps = st.lists(
    st.tuples(
        st.sampled_from(["event", "assume", "list"]),
        st.integers(0, 9),
    ),
    max_size=30,
)


@given(steps)
def test_whatever_the_order_the_outcome_is_the_newest(order: list[tuple[str, int]]) -> None:
    """One object's history, heard in any order and by any way, ends at its newest state."""
    history = [item(f"v{n}", n + 1) for n in range(9)]
    watched = Watched()
    for how, moment in order:
        if how == "list":
            watched.store.replace(history[moment - 1 : moment] if moment else [], moment)
        elif moment == 9:
            watched.store.apply("DELETED", item("gone", 10))
        elif how == "assume":
            watched.store.assume(history[moment])
        else:
            watched.store.apply("MODIFIED", history[moment])
    shown = watched.store.item("shop", "a")
    dead = any(how != "list" and moment == 9 for how, moment in order)
    heard = [moment + 1 for how, moment in order if how != "list" and moment < 9]
    heard += [moment for how, moment in order if how == "list" and moment]
    if dead:
        assert shown is None
    elif shown is not None:
        assert shown.resource_version == max(heard)
