"""A list taken anew adds to what was known, and what has vanished stays."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.store:Store.replace",
    "if in_scope and old.uid not in listed and",
    "if False and old.uid not in listed and",
    plans=("R1 + N1-gone POST pods app-s5iekcozyd 1 + W2 WATCH nodes n00 1",),
)
