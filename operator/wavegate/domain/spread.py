"""Spread: over which nodes a wave is spread, by the values of their labels (spec.rollout.spreadBy).

Nodes with the same values of the keys are one *group*; a node without a label has a value of its
own there. A wave takes from the groups in turn: the next node is of the group from which the wave
has fewest so far, among equals of the one from which the rollout has fewest, among equals the node
that comes first. Canaries are grouped by all keys, so that they cover as many combinations as
their number allows; later waves by the first key alone, so that none sits in one zone while others
are left. Without keys all nodes are one group, and the order is that in which they come.

Six nodes, in the order in which they come, and three canaries:

| spreadBy | n1 | n2 | n3 | n4 | n5 | n6 | canaries |
| --- | --- | --- | --- | --- | --- | --- | --- |
| none | a | a | a | b | b | c | n1 n2 n3 |
| zone | a | a | a | b | b | c | n1 n4 n6 |
| zone | a | a | a | a | a | b | n1 n6 n2 |
| zone | a | a | a | a | a | none | n1 n6 n2 |
| zone, arch | a/arm | a/arm | a/x86 | b/x86 | b/x86 | b/x86 | n1 n3 n4 |

Assumption: the order in which nodes come depends on nothing but the node itself (a hash of its
name). Invariants: of n nodes the first m are of min(m, number of groups) groups, where nothing was
taken before; when a node leaves, the other canaries stay and at most one is added; when one joins,
it takes the place of at most one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from wavegate.domain.observed import NodeView

Group = tuple[str | None, ...]


def group_of(node: NodeView, keys: Sequence[str]) -> Group:
    """The values of a node's labels; None where it has no such label."""
    return tuple(node.labels.get(key) for key in keys)


def in_turn(
    groups: Mapping[str, Group], in_wave: Mapping[Group, int], in_rollout: Mapping[Group, int]
) -> list[str]:
    """Names of nodes in the order in which a wave takes them.

    ``groups``: by name, of the nodes that are left, in the order in which they come; ``in_wave``,
    ``in_rollout``: how many nodes of a group the wave, and the rollout, have taken already. Linear
    in the nodes, but for a sort.
    """
    before: Counter[Group] = Counter()
    turns = []
    for position, (name, group) in enumerate(groups.items()):
        rank = before[group]
        before[group] += 1
        wave, rollout = in_wave.get(group, 0) + rank, in_rollout.get(group, 0) + rank
        turns.append((wave, rollout, position, name))
    turns.sort()
    return [name for _, _, _, name in turns]
