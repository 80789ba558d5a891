"""Executions of a former job of the name count as this one's."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.cluster:ClusterCache._on_node",
    "own = [each for each in views if uid and each.owner_uid == uid]",
    "own = views",
    plans=("R7 + W3-4 WATCH executions app-tenpxtqch4-1 4",),
)
