"""An older state of an object replaces a newer one."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.store:Store.assume",
    "item.resource_version <= old.resource_version",
    "item.resource_version == old.resource_version",
    plans=("R7 + W3-30 WATCH fleetjobs app 7",),
)
