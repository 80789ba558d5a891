"""A line-up in which nodes were told again and again is the one in which each was told once."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from unit.domain.builders import NOW, execution
from wavegate.domain.lineup import Lineup, Role, Stance

NAMES = ("n1", "n2", "n3")


def _stance(name: str, role: Role, told: int) -> Stance:
    """One of the stances that a node may have; of what its claims tell, a few combinations."""
    stable_at = (None, NOW + NAMES.index(name))  # of the second
    claims = [
        execution(attempt, node=name, wave=attempt, stable_at=at)
        for attempt, at in zip((1, 2), stable_at, strict=True)
    ]
    key = claims[0].node_key
    return Stance(
        role,
        begun=told > 0,
        joins=told % 2 == 1,
        occupied=told == 2,
        members=tuple(claims[:told]),
        failed={key: claims[0]} if told == 1 else {},
        withdrawn={key: "Cordoned"} if told == 2 else {},
    )


told = st.tuples(
    st.sampled_from(NAMES), st.none() | st.tuples(st.sampled_from(Role), st.integers(0, 2))
)


def _counted(lineup: Lineup) -> dict[str, Any]:
    members = {wave: taken for wave, taken in lineup.members.items() if taken}
    counted = {name: value for name, value in vars(lineup).items() if not name.startswith("_")}
    return {**counted, "members": members}


def _progressed(lineup: Lineup) -> float | None:
    taken = [each for wave in lineup.members.values() for each in wave.values()]
    return max((each.stable_at for each in taken if each.stable_at), default=None)


_STABLE = (Role.UPDATED, 2)
_THE_LAST_GOES = [("n1", _STABLE), ("n2", _STABLE), ("n3", _STABLE), ("n3", None), ("n1", _STABLE)]


@given(st.lists(st.tuples(told, st.booleans()), max_size=12))
@example([(each, False) for each in _THE_LAST_GOES])
def test_what_a_node_was_before_is_taken_away(history: list[Any]) -> None:
    again, last = Lineup(), {}
    for (name, of), is_asked in history:
        stance = _stance(name, *of) if of is not None else None
        again.put(name, stance)
        if is_asked:
            assert again.progressed == _progressed(again), "asked for in between"
        last[name] = stance
    once = Lineup()
    for name, stance in last.items():
        once.put(name, stance)
    assert _counted(again) == _counted(once)
    assert again.progressed == once.progressed


def test_what_is_counted() -> None:
    lineup = Lineup()
    lineup.put("n1", _stance("n1", Role.UPDATED, 2))
    lineup.put("n2", _stance("n2", Role.CANDIDATE, 0))
    lineup.put("n3", _stance("n3", Role.NONE, 1))
    assert (lineup.of(Role.UPDATED), lineup.of(Role.CANDIDATE)) == ({"n1"}, {"n2"})
    assert lineup.begun == {"n1", "n3"}
    assert (lineup.joiners, lineup.occupied) == ({"n3"}, {"n1"})
    assert {wave: set(taken) for wave, taken in lineup.members.items()} == {
        1: {"app-n1-1", "app-n3-1"},
        2: {"app-n1-2"},
    }
    assert set(lineup.failed) == {("n3", "uid-n3")}
    assert lineup.withdrawn == {("n1", "uid-n1"): "Cordoned"}
