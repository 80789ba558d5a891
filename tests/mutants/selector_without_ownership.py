"""Executions of a former job of the name count as this one's."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.cluster:ClusterCache.snapshot",
    "executions=[view for view in executions if uid and view.owner_uid == uid]",
    "executions=list(executions)",
    plans=("R7 + W3-4 WATCH executions app-tenpxtqch4-1 4",),
)
