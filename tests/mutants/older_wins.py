"""An older state of an object replaces a newer one."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.store:Store.assume",
    "item.resource_version <= old.resource_version",
    "item.resource_version == old.resource_version",
    plans=("R3 + W3-120 WATCH pods app-spdm3uz2me 12",),
)
