from __future__ import annotations

from wavegate.cache.lazily import Lazily


def test_it_is_made_when_somebody_looks_and_once() -> None:
    made: list[int] = []

    def make() -> list[str]:
        made.append(1)
        return ["a", "b"]

    found = Lazily(make)
    assert made == []
    assert (len(found), found[0], found[-1:], list(found)) == (2, "a", ["b"], ["a", "b"])
    assert found == ["a", "b"]
    assert found != ["a"]
    assert made == [1]
    assert repr(found) == "['a', 'b']"
    assert not Lazily(list)
